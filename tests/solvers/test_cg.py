"""Conjugate gradients: the contract, and what the theory of Krylov spaces promises."""

import functools
import tracemalloc
import warnings
from typing import ClassVar

import numpy as np
import pytest
from kernel_solver_contract import AnySizeContract, KernelSolverContract
from sklearn.exceptions import ConvergenceWarning

from fearless.data import load_mnist, one_hot
from fearless.kernels import ArcCosineKernel, GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._block_cg import BlockCG
from fearless.solvers._panels import KernelPanels
from fearless.solvers.cg import cg_memory, solve_cg
from fearless.solvers.preconditioners import low_rank_preconditioner
from fearless.solvers.system import KernelSystem


class TestCG(KernelSolverContract):
    solve = staticmethod(solve_cg)
    options: ClassVar[dict] = {"rank": 20, "random_state": 0}


class TestCGWithoutStoredMatrix(AnySizeContract, KernelSolverContract):
    solve = staticmethod(solve_cg)
    options: ClassVar[dict] = {"preconditioner": "rpcholesky", "store": False, "random_state": 0}

    @pytest.mark.slow
    def test_memory_is_what_it_says(self):
        """A system large enough that a kernel matrix would show."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((3000, 6))
        system = KernelSystem(LaplacianKernel(3.0), X, X[:, :2], 1.0, block_size=64)
        tracemalloc.start()
        solution = solve_cg(system, rank=50, tol=1e-4, store=False, random_state=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 1.15 * solution.memory + 6 * 2**20
        assert solution.memory < 0.1 * 3000**2 * 8


@functools.cache
def digits_in_order(seed):
    data = load_mnist(n_train=400, n_test=10, random_state=seed)
    return data.X_train, data.y_train


def digits(n, k=10, reg=0.0, dtype=np.float64, seed=3, **kwargs):
    X, y = digits_in_order(seed)
    Y = one_hot(y[:n], range(10)).astype(dtype)[:, :k]
    return KernelSystem(LaplacianKernel(10.0), X[:n].astype(dtype), Y, reg, **kwargs)


def spd(n=60, seed=0, condition=1e3):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    return Q * np.geomspace(1, condition, n) @ Q.T


def run_block(H, B, steps, preconditioner=None):
    """Coefficients after each step."""
    run = BlockCG(lambda P: H @ P, preconditioner, np.zeros_like(B), B.copy())
    history = []
    for _ in range(steps):
        run.step()
        history.append(run.coef.copy())
    return history


class TestBlocks:
    @pytest.mark.parametrize("preconditioned", [False, True])
    def test_each_iterate_is_best_in_the_block_krylov_space(self, preconditioned):
        H = spd()
        B = np.random.default_rng(1).standard_normal((60, 3))
        weights = np.linspace(1, 2, 60)[:, None] if preconditioned else np.ones((60, 1))
        history = run_block(H, B, 6, lambda R: R / weights)
        truth = np.linalg.solve(H, B)
        basis = np.empty((60, 0))
        new = B / weights
        for found in history:
            basis, _ = np.linalg.qr(np.hstack([basis, new]))
            best = basis @ np.linalg.solve(basis.T @ H @ basis, basis.T @ B)
            scale = np.sqrt(np.einsum("ij,ij->", truth, H @ truth))
            error = found - best
            assert np.sqrt(np.einsum("ij,ij->", error, H @ error)) < 1e-8 * scale
            new = H @ basis[:, -3:] / weights

    def test_finishes_in_n_over_k_steps(self):
        H = spd(condition=10.0)
        B = np.random.default_rng(2).standard_normal((60, 6))
        found = run_block(H, B, 10)[-1]
        np.testing.assert_allclose(H @ found, B, atol=1e-8)

    def test_one_column_is_the_textbook_recursion(self):
        H, b = spd(), np.random.default_rng(3).standard_normal(60)
        x, r, p = np.zeros(60), b.copy(), b.copy()
        for found in run_block(H, b[:, None], 12):
            image = H @ p
            step = (r @ r) / (p @ image)
            x, after = x + step * p, r - step * image
            p, r = after + (after @ after) / (r @ r) * p, after
            np.testing.assert_allclose(found[:, 0], x, rtol=0, atol=1e-10 * np.abs(x).max())

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_columns_that_depend_on_each_other(self, dtype):
        """Equal, opposite, zero and summed columns leave the block; nothing breaks."""
        H = spd(condition=20.0).astype(dtype)
        b = np.random.default_rng(4).standard_normal((60, 2)).astype(dtype)
        B = np.column_stack([b, b[:, 0], -b[:, 1], 0 * b[:, 0], b.sum(axis=1)])
        run = BlockCG(lambda P: H @ P, None, np.zeros_like(B), B.copy())
        for _ in range(32):
            run.step()
        assert run.columns <= 32 * 2
        tolerance = 1e-4 if dtype == np.float32 else 1e-9
        np.testing.assert_allclose(H @ run.coef, B, atol=tolerance)

    def test_columns_that_converge_early(self):
        """One column is an eigenvector and done after a step; the other goes on as if alone."""
        H = spd(condition=100.0)
        vector = np.linalg.eigh(H)[1][:, 7]
        b = np.random.default_rng(5).standard_normal(60)
        B = np.column_stack([vector, b])
        run = BlockCG(lambda P: H @ P, None, np.zeros_like(B), B.copy())
        for _ in range(40):
            run.step()
        assert run.columns <= 42
        alone = run_block(H, b[:, None], 40)[-1]
        np.testing.assert_allclose(run.coef[:, 1], alone[:, 0], atol=1e-4)
        np.testing.assert_allclose(H @ run.coef[:, 0], vector, atol=1e-12)

    def test_more_columns_than_rows(self):
        H, B = spd(8, condition=5.0), np.random.default_rng(6).standard_normal((8, 20))
        np.testing.assert_allclose(H @ run_block(H, B, 1)[-1], B, atol=1e-10)

    def test_scales_may_differ_by_far(self):
        H = spd(condition=10.0)
        B = np.random.default_rng(7).standard_normal((60, 3)) * [1e-6, 1.0, 1e6]
        found = run_block(H, B, 40)[-1]
        misfit = np.linalg.norm(H @ found - B, axis=0) / np.linalg.norm(B, axis=0)
        assert misfit.max() < 1e-8

    def test_negative_curvature_is_an_error(self):
        H = np.diag([1.0, 2.0, -1.0])
        with pytest.raises(NotPositiveDefiniteError, match="curvature <= 0"):
            run_block(H, np.array([[1.0], [1.0], [2.0]]), 3)


class TestIterations:
    def test_the_bound_by_the_condition_number(self):
        """||e_t||_H <= 2 ((sqrt kappa - 1) / (sqrt kappa + 1))^t ||e_0||_H, one output."""
        system = digits(300, k=1)
        P = low_rank_preconditioner(system, 30, random_state=0)
        root = np.sqrt(P.condition(system))
        K = system.kernel(system.X)
        truth = np.linalg.solve(K, system.Y)
        errors = [np.sqrt((truth * (K @ truth)).sum())]

        def callback(progress):
            error = progress.coef - truth
            errors.append(np.sqrt((error * (K @ error)).sum()))

        solve_cg(system, preconditioner=P, tol=1e-10, callback=callback)
        bound = 2 * errors[0] * ((root - 1) / (root + 1)) ** np.arange(len(errors))
        assert np.all(np.array(errors) <= bound * 1.001)
        assert errors[-1] < 1e-8 * errors[0]

    def test_a_block_takes_fewer_iterations_than_its_columns(self):
        system = digits(400)
        together = solve_cg(system, preconditioner="none", tol=1e-6).iterations
        alone = []
        for column in system.Y.T[:3]:
            single = KernelSystem(system.kernel, system.X, column)
            alone.append(solve_cg(single, preconditioner=None, tol=1e-6).iterations)
        assert together < 0.6 * min(alone)

    @pytest.mark.parametrize("rule", ["nystrom", "rpcholesky", "greedy"])
    def test_a_preconditioner_takes_fewer_iterations(self, rule):
        system = digits(400, k=1)
        plain = solve_cg(system, preconditioner="none", tol=1e-6).iterations
        better = solve_cg(system, preconditioner=rule, rank=60, tol=1e-6, random_state=0)
        assert better.iterations < (0.8 if rule == "greedy" else 0.6) * plain
        assert better.details["rank"] == 60
        assert len(better.details["pivots"]) == 60

    def test_the_whole_matrix_as_preconditioner_takes_one(self):
        system = digits(100, reg=0.5)
        solution = solve_cg(system, rank=100, tol=1e-9, random_state=0)
        assert solution.iterations == 1

    def test_a_warm_start_helps(self):
        system = digits(200)
        first = solve_cg(system, tol=1e-3, random_state=0)
        more = solve_cg(system, tol=1e-6, start=first.coef, random_state=0)
        cold = solve_cg(system, tol=1e-6, random_state=0)
        assert more.iterations < cold.iterations
        assert more.residuals[0] == pytest.approx(first.residuals[-1], rel=1e-6)


class TestRounding:
    def test_float32_stops_where_rounding_errors_rule(self):
        system = digits(300, dtype=np.float32)
        with pytest.warns(ConvergenceWarning, match=r"stuck at .* rounding errors in float32"):
            solution = solve_cg(system, tol=1e-9, random_state=0)
        assert not solution.converged
        assert solution.details["corrections"] >= 1
        assert solution.iterations < 100
        true = digits(300, dtype=np.float32)
        K = true.kernel(true.X.astype(float))
        A, Y = solution.coef.astype(float), true.Y.astype(float)
        residual = np.linalg.norm(Y - K @ A) / np.linalg.norm(Y)
        assert solution.residuals[-1] == pytest.approx(residual, rel=0.5)
        assert residual < 5e-5

    def test_a_residual_that_drifted_is_replaced(self):
        """Ill-conditioned in float32: the recurrence reaches tol before the truth does."""
        X = np.random.default_rng(0).random((300, 2)).astype(np.float32)
        system = KernelSystem(GaussianKernel(0.5), X, np.sin(5 * X[:, 0]), reg=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solution = solve_cg(system, tol=2e-6, preconditioner=None, max_iter=400)
        K = system.kernel(X.astype(float))
        A, Y = solution.coef.astype(float), system.Y.astype(float)
        residual = np.linalg.norm(Y - K @ A - 1e-3 * A) / np.linalg.norm(Y)
        assert solution.converged == (solution.residuals[-1] <= 2e-6)
        assert solution.residuals[-1] == pytest.approx(residual, rel=0.5, abs=2e-6)

    @pytest.mark.parametrize(
        ("dtype", "scale"), [(np.float32, 1e36), (np.float32, 1e-30), (np.float64, 1e200)]
    )
    def test_squares_of_the_targets_may_overflow(self, dtype, scale):
        system = digits(100, k=3, dtype=dtype)
        large = KernelSystem(system.kernel, system.X, system.Y * dtype(scale))
        one = solve_cg(system, tol=1e-3, random_state=0)
        two = solve_cg(large, tol=1e-3, random_state=0)
        assert two.converged
        np.testing.assert_allclose(two.coef / dtype(scale), one.coef, rtol=0, atol=1e-4)


class TestPreconditionersAtTheEdge:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("n", [1, 2, 3, 10, 30])
    def test_all_columns_of_a_small_matrix_solve_it_at_once(self, n, dtype):
        """Nothing remains beside F F^T, and P^-1 R must not be lost to cancellation."""
        X = np.random.default_rng(n).standard_normal((n, 2)).astype(dtype)
        system = KernelSystem(LaplacianKernel(2.0), X, np.sin(3 * X[:, 0]) + 1)
        solution = solve_cg(system, tol=1e-4, random_state=0)
        assert solution.converged
        assert solution.details["rank"] == n
        assert solution.iterations <= 4

    def test_a_preconditioner_that_answers_zero_is_ignored(self):
        class Zero:
            def apply(self, R):
                return 0 * R

        solution = solve_cg(digits(60), preconditioner=Zero(), tol=1e-6)
        assert solution.converged

    @pytest.mark.parametrize(
        ("answer", "match"),
        [
            (lambda R: R * np.nan, r"shape \(60, 10\), 600 entries of it not finite"),
            (lambda R: R[:-1], r"shape \(60, 10\) to shape \(59, 10\), 0 entries"),
        ],
    )
    def test_a_bad_answer_is_an_error_at_once(self, answer, match):
        class Bad:
            def apply(self, R):
                return answer(R)

        with pytest.raises(ValueError, match=match):
            solve_cg(digits(60), preconditioner=Bad())

    def test_a_preconditioner_of_another_system_is_refused(self):
        other = low_rank_preconditioner(digits(40), 5, random_state=0)
        with pytest.raises(ValueError, match="R has 60 rows; expected 40"):
            solve_cg(digits(60), preconditioner=other)

    @pytest.mark.parametrize("rule", ["nystrom", "rpcholesky", "greedy"])
    def test_a_kernel_matrix_of_zeros(self, rule):
        """The arc-cosine kernel vanishes at the origin; the factorisation once went on for ever."""
        X, Y = np.zeros((8, 3)), np.arange(8.0)
        kernel = ArcCosineKernel()
        solution = solve_cg(KernelSystem(kernel, X, Y, 2.0), preconditioner=rule, random_state=0)
        np.testing.assert_allclose(solution.coef[:, 0], Y / 2)
        with pytest.raises(NotPositiveDefiniteError, match="diagonal of the kernel matrix is zero"):
            solve_cg(KernelSystem(kernel, X[:1], Y[1:2]), preconditioner=rule)


class TestResuming:
    def test_a_looser_tolerance_is_verified(self, tmp_path):
        """The state holds the residual of the recurrence, which rounding errors make too small."""
        X = np.random.default_rng(0).random((300, 2)).astype(np.float32)
        system = KernelSystem(GaussianKernel(0.5), X, np.sin(5 * X[:, 0]), reg=1e-3)
        path, options = tmp_path / "state", {"preconditioner": None, "max_iter": 400}
        seen = []

        def stop(progress):
            true = system.relative_residual(progress.coef)
            if progress.residual < 0.9 * true:
                seen.append((progress.residual, true))
            return bool(seen)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solve_cg(system, tol=0, callback=stop, checkpoint=path, **options)
            ((residual, true),) = seen
            tol = (residual + true) / 2
            solution = solve_cg(system, tol=tol, checkpoint=path, **options)
        actual = system.relative_residual(solution.coef)
        assert solution.residuals[-1] == pytest.approx(actual, rel=1e-3)
        assert solution.converged == (actual <= tol)
        assert solution.details["corrections"] >= 1


class TestMemory:
    @pytest.mark.slow  # torch
    def test_a_device_keeps_the_matrix_and_not_the_system(self):
        pytest.importorskip("torch")
        system = digits(100, backend="torch")
        solution = solve_cg(system, tol=1e-6, random_state=0)
        assert solution.converged
        assert not system.stored
        assert solution.memory < 100 * 100 * 8 + cg_memory(100, 10, 32, np.dtype(float))
        solve_cg(system, tol=1e-6, store=True, random_state=0)
        assert system.stored

    @pytest.mark.parametrize("k", [1, 3])
    def test_panels_give_the_same_products_whatever_is_kept(self, k):
        system = digits(200, k=k, block_size=48)
        K = system.kernel(system.X)
        A = np.random.default_rng(0).standard_normal((200, k))
        shares = []
        for allowed in (0, 150_000, 190_000, 10**6):
            panels = KernelPanels(system, allowed)
            np.testing.assert_allclose(panels.product(A), K @ A, atol=1e-12)
            shares.append(panels.share)
            assert panels.memory <= max(allowed, KernelPanels.least_memory(system))
            before = system.kernel_values
            panels.product(A)
            computed = system.kernel_values - before
            assert (computed == 0) == (panels.share == 1)
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert 0 < shares[1] < shares[2] < 1
        assert shares[3] == 1

    def test_what_fits_is_kept(self):
        n = 600
        X = np.random.default_rng(0).standard_normal((n, 6))

        def run(memory):
            system = KernelSystem(
                LaplacianKernel(3.0), X, X[:, 0], 1.0, memory=memory, block_size=50
            )
            solution = solve_cg(system, rank=10, tol=1e-8, random_state=0)
            assert solution.memory <= memory
            return solution

        rest = cg_memory(n, 1, 10, np.dtype(float))
        whole, half, part = (run(rest + share) for share in (n * n * 8, n * n * 5, n * n * 3))
        assert (whole.details["stored"], half.details["stored"]) == (1.0, 1.0)
        assert 0 < part.details["stored"] < 1
        assert whole.kernel_values < half.kernel_values * 1.2
        assert half.kernel_values < part.kernel_values
        np.testing.assert_allclose(half.coef, whole.coef, atol=1e-7)
        np.testing.assert_allclose(part.coef, whole.coef, atol=1e-7)

    def test_a_matrix_that_was_asked_for_must_fit(self):
        system = digits(300, memory=400_000)
        with pytest.raises(MemoryError, match=r"with the kernel matrix needs .*: use store=False"):
            solve_cg(system, store=True, rank=10)
        assert not system.stored


class TestBadInput:
    @pytest.mark.parametrize(
        ("kwargs", "error", "match"),
        [
            ({"preconditioner": "ilu"}, ValueError, "preconditioner is 'ilu'"),
            ({"rank": 0}, ValueError, "rank is 0"),
            ({"rank": 10**6}, ValueError, "rank is 1000000"),
            ({"max_iter": -1}, ValueError, "max_iter is -1"),
            ({"start": np.zeros((3, 10))}, ValueError, "start has 3 rows"),
            ({"start": np.zeros((50, 2))}, ValueError, "start has 2 columns; expected 10"),
            ({"start": np.full((50, 10), np.nan)}, ValueError, "start contains 500 non-finite"),
            ({"callback": 3}, TypeError, "callback is 3"),
        ],
    )
    def test_is_named(self, kwargs, error, match):
        with pytest.raises(error, match=match):
            solve_cg(digits(50), **kwargs)

    def test_a_preconditioner_of_the_users_own(self):
        class Diagonal:
            def apply(self, R):
                return R / 2

        solution = solve_cg(digits(100), preconditioner=Diagonal(), tol=1e-8)
        assert solution.converged
        assert solution.details["rank"] == 0
