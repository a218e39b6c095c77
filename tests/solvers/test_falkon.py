"""FALKON against dense Nystrom kernel ridge regression."""

import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from kernel_solver_contract import AnySizeContract, IndefiniteKernel, KernelSolverContract
from scipy.linalg import solve

from fearless.kernels import ArcCosineKernel, GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers import Checkpoint
from fearless.solvers._backend import TorchBackend
from fearless.solvers._two_triangles import TwoTriangles
from fearless.solvers.falkon import falkon_memory, solve_falkon
from fearless.solvers.system import KernelSystem


def dense_parts(system, centers):
    """K_nM and K_MM in float64."""
    X, Z = system.X.astype(np.float64), centers.astype(np.float64)
    return system.kernel(X, Z), system.kernel(Z)


def dense_solution(system, centers):
    K_nM, K_MM = dense_parts(system, centers)
    Y = system.Y.astype(np.float64)
    return solve(K_nM.T @ K_nM + system.reg * K_MM, K_nM.T @ Y, assume_a="pos")


class TestFalkon(AnySizeContract, KernelSolverContract):
    solve = staticmethod(solve_falkon)
    options: ClassVar[dict] = {"centers": 40, "random_state": 0}
    needs_function = False

    def relative_residual(self, system, solution):
        K_nM, K_MM = dense_parts(system, solution.centers)
        n, M = K_nM.shape
        A, Y = solution.coef.astype(np.float64), system.Y.astype(np.float64)
        R = K_nM.T @ (Y - K_nM @ A) - system.reg * K_MM @ A
        # B B^T is the inverse of what the preconditioner takes for the normal matrix.
        P = n / M * K_MM @ K_MM + system.reg * K_MM

        def norm(R):
            return np.sqrt((R * np.linalg.solve(P, R)).sum())

        return norm(R) / norm(K_nM.T @ Y)

    def truth(self, system, Z):
        solution = self.run(system)  # for its centres alone
        centers = solution.centers.astype(np.float64)
        return system.kernel(Z, centers) @ dense_solution(system, centers)

    def error_of_tol(self, system):
        return 100.0 if system.dtype == np.float32 else 1e3


class TestFalkonStreamed(TestFalkon):
    options: ClassVar[dict] = {"centers": 40, "random_state": 0, "store": False}


def sines(n=400, d=2, k=2, reg=1e-3, bandwidth=0.3, dtype=np.float64, seed=0, **kwargs):
    X = np.random.default_rng(seed).random((n, d)).astype(dtype)
    Y = np.sin(6 * X @ np.arange(1, d * k + 1).reshape(d, k) / k).astype(dtype)
    return KernelSystem(GaussianKernel(bandwidth), X, Y, reg, **kwargs)


class TestSolution:
    @pytest.mark.parametrize("choice", ["uniform", "rpcholesky"])
    def test_it_is_nystrom_kernel_ridge_regression(self, choice):
        """Oracle O33: to 1e-6 and better, by values at other points."""
        system = sines()
        solution = solve_falkon(system, centers=50, choice=choice, tol=1e-8, random_state=1)
        Z = np.random.default_rng(2).random((100, 2))
        found = system.kernel(Z, solution.centers) @ solution.coef
        K_nM, K_MM = dense_parts(system, solution.centers)
        # As least squares, which is better conditioned than the normal equations.
        root = np.linalg.cholesky(K_MM + 1e-15 * np.eye(len(K_MM))).T
        stacked = np.vstack([K_nM, np.sqrt(system.reg) * root])
        right = np.vstack([system.Y, np.zeros((len(root), 2))])
        exact = system.kernel(Z, solution.centers) @ np.linalg.lstsq(stacked, right, rcond=None)[0]
        assert np.linalg.norm(found - exact) < 1e-6 * np.linalg.norm(exact)

    def test_all_points_as_centres_solve_the_whole_system(self):
        system = sines(n=80, reg=0.1, bandwidth=0.1)
        solution = solve_falkon(system, centers=10**6, tol=1e-9, random_state=0)
        K = system.kernel(system.X)
        exact = K @ np.linalg.solve(K + 0.1 * np.eye(80), system.Y)
        found = system.kernel(system.X, solution.centers) @ solution.coef
        np.testing.assert_allclose(found, exact, atol=1e-8)

    def test_no_penalty_is_least_squares(self):
        rng = np.random.default_rng(3)
        X = rng.standard_normal((200, 5))
        system = KernelSystem(LaplacianKernel(3.0), X, X[:, 0] ** 2)
        solution = solve_falkon(system, centers=30, tol=1e-12, random_state=0)
        K_nM, _ = dense_parts(system, solution.centers)
        exact = np.linalg.lstsq(K_nM, system.Y, rcond=None)[0]
        np.testing.assert_allclose(solution.coef, exact, rtol=0, atol=1e-8)
        misfit = np.linalg.norm(K_nM @ exact - system.Y) / np.linalg.norm(system.Y)
        assert solution.details["train_residual"] == pytest.approx(misfit, rel=1e-9)

    def test_given_centres_need_not_be_data(self):
        system = sines(reg=0.01)
        centers = np.random.default_rng(4).random((20, 2))
        solution = solve_falkon(system, centers=centers, tol=1e-8)
        np.testing.assert_array_equal(solution.centers, centers)
        assert len(solution.details["index"]) == 0
        exact = dense_solution(system, centers)
        values = dense_parts(system, centers)[0]
        np.testing.assert_allclose(values @ solution.coef, values @ exact, atol=1e-7)

    @pytest.mark.parametrize("scale", [2.0**-500, 2.0**500])
    def test_squares_of_the_targets_may_overflow(self, scale):
        system = sines(reg=0.1)
        large = KernelSystem(system.kernel, system.X, scale * system.Y, 0.1)
        one = solve_falkon(system, centers=20, random_state=0)
        two = solve_falkon(large, centers=20, random_state=0)
        assert two.converged
        np.testing.assert_array_equal(two.coef / scale, one.coef)  # a power of two: no rounding


class TestNothingToDo:
    def test_the_misfit_of_zero_targets_is_a_number(self):
        system = sines()
        zero = KernelSystem(system.kernel, system.X, 0 * system.Y, system.reg)
        solution = solve_falkon(zero, centers=10, random_state=0)
        assert (solution.iterations, solution.details["train_residual"]) == (0, 0.0)

    def test_a_finished_run_that_is_resumed_knows_its_misfit(self, tmp_path):
        kept = Checkpoint(tmp_path / "state", keep=True)
        one, two = (solve_falkon(sines(), centers=30, checkpoint=kept) for _ in range(2))
        assert two.details["train_residual"] == pytest.approx(one.details["train_residual"])

    def test_centres_at_which_the_kernel_vanishes(self):
        system = KernelSystem(ArcCosineKernel(), np.zeros((5, 2)), np.ones(5), 1.0)
        with pytest.raises(NotPositiveDefiniteError, match="of the centres is zero or negative"):
            solve_falkon(system, centers=3)

    def test_a_start_that_is_no_array_is_named(self):
        with pytest.raises(ValueError, match=r"start has shape \(\)"):
            solve_falkon(sines(), centers=10, start=3.0)


class TestPreconditioner:
    @staticmethod
    def condition(system, M, seed=0):
        centers = system.X[np.random.default_rng(seed).choice(system.n_samples, M, replace=False)]
        factors, kept = TwoTriangles.of_centers(
            system.kernel, centers, system.n_samples, system.reg
        )
        K_nM, K_MM = dense_parts(system, centers[kept])
        B = factors.to_coefficients(np.eye(len(kept)))
        H = K_nM.T @ K_nM + system.reg * K_MM
        return np.linalg.cond(H), np.linalg.cond(B.T @ H @ B)

    def test_the_condition_number_is_of_order_one(self):
        """Oracle O33: below 10, from millions."""
        before, after = self.condition(sines(n=400, reg=400 * 1e-3, bandwidth=0.2), 150)
        assert before > 1e5
        assert after < 10

    def test_it_needs_enough_centres(self):
        """Few centres and a small penalty: the preconditioner is that of another matrix."""
        system = sines(n=400, reg=1e-8, bandwidth=0.1)
        assert self.condition(system, 40)[1] > 10

    def test_its_parts_are_what_they_say(self):
        rng = np.random.default_rng(0)
        centers = rng.random((30, 3))
        factors, kept = TwoTriangles.of_centers(LaplacianKernel(1.0), centers, 500, 2.0)
        np.testing.assert_array_equal(kept, np.arange(30))
        K = LaplacianKernel(1.0)(centers)
        B = factors.to_coefficients(np.eye(30))
        np.testing.assert_allclose(B @ B.T, np.linalg.inv(500 / 30 * K @ K + 2 * K), atol=1e-8)
        V = rng.standard_normal((30, 2))
        np.testing.assert_allclose(factors.from_coefficients(B @ V), V, atol=1e-10)
        np.testing.assert_allclose(factors.transposed(V), B.T @ V, atol=1e-10)
        np.testing.assert_allclose(factors.kernel_product(V), K @ V, atol=1e-12)
        a, half = factors.both(V)
        expected = B.T @ (V + 2 * K @ a)
        np.testing.assert_allclose(factors.normal(V, half), expected, atol=1e-10)

    @pytest.mark.parametrize("M", [1, 255, 257])
    def test_any_number_of_centres(self, M):
        centers = np.random.default_rng(M).random((M, 5))
        factors, _ = TwoTriangles.of_centers(LaplacianKernel(1.0), centers, 1000, 1.0)
        K = LaplacianKernel(1.0)(centers)
        B = factors.to_coefficients(np.eye(M))
        identity = B.T @ (1000 / M * K @ K + K) @ B
        np.testing.assert_allclose(identity, np.eye(M), atol=1e-7)

    def test_few_iterations_whatever_the_outputs(self):
        solution = solve_falkon(sines(n=400, reg=0.4), centers=100, tol=1e-6, random_state=0)
        assert solution.iterations <= 15


class TestDependentCentres:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_duplicates_are_dropped_and_reported(self, dtype):
        rng = np.random.default_rng(0)
        centers = rng.standard_normal((20, 3)).astype(dtype)
        X = rng.standard_normal((100, 3)).astype(dtype)
        system = KernelSystem(LaplacianKernel(1.0), X, X[:, 0], 0.1)
        once = solve_falkon(system, centers=centers, tol=1e-4)
        twice = solve_falkon(system, centers=np.repeat(centers, 3, axis=0), tol=1e-4)
        assert once.details["dropped"] == 0
        assert twice.details["dropped"] == 40
        assert twice.coef.shape == (20, 1)
        # Which of three equal points stays does not matter: the same centres, in order.
        np.testing.assert_array_equal(twice.centers, once.centers)
        np.testing.assert_allclose(twice.coef, once.coef, atol=1e-4)
        again = solve_falkon(
            system, centers=np.repeat(centers, 3, axis=0), tol=1e-4, start=twice.coef
        )
        assert again.iterations == 0

    def test_a_numerically_singular_kernel_matrix(self):
        """A smooth kernel on a line: 100 centres span some 20 dimensions in double precision."""
        system = sines(n=300, d=1, reg=1e-4)
        solution = solve_falkon(system, centers=100, tol=1e-6, random_state=0)
        assert 60 < solution.details["dropped"] < 95
        assert len(solution.details["index"]) == len(solution.coef)
        np.testing.assert_array_equal(system.X[solution.details["index"]], solution.centers)
        K = system.kernel(system.X)
        exact = K @ np.linalg.solve(K + 1e-4 * np.eye(300), system.Y)
        found = system.kernel(system.X, solution.centers) @ solution.coef
        assert np.abs(found - exact).max() < 1e-3

    def test_an_indefinite_kernel_is_not_taken_for_a_singular_one(self):
        rng = np.random.default_rng(0)
        with pytest.raises(NotPositiveDefiniteError, match="negative eigenvalues"):
            TwoTriangles.of_centers(IndefiniteKernel(), rng.random((10, 2)), 100, 1.0)


class TestMemory:
    def test_a_square_and_a_block(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((12_000, 4)).astype(np.float32)
        system = KernelSystem(LaplacianKernel(3.0), X, X[:, :3], 1.0)
        tracemalloc.start()
        solution = solve_falkon(system, centers=200, tol=0.1, store=False, random_state=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        needed = falkon_memory(12_000, 200, 4, 3, np.dtype(np.float32))
        assert solution.memory == needed
        assert peak <= 1.15 * needed + 2 * 2**20
        assert needed < 12_000 * 200 * 4
        assert not solution.details["stored"]

    @pytest.mark.slow  # torch
    @pytest.mark.parametrize("store", [False, True])
    def test_a_device_computes_every_value(self, store, monkeypatch):
        torch = pytest.importorskip("torch")
        options = {"centers": 30, "tol": 1e-9, "store": store, "random_state": 0}
        here = solve_falkon(sines(), **options)
        system = sines(backend="torch")
        sizes = []
        block = TorchBackend.kernel_block

        def count(self, kernel, X, Z=None, out=None):
            assert isinstance(X, torch.Tensor)
            sizes.append(len(X))
            return block(self, kernel, X, Z, out)

        monkeypatch.setattr(TorchBackend, "kernel_block", count)
        there = solve_falkon(system, **options)
        np.testing.assert_allclose(there.coef, here.coef, rtol=1e-5, atol=1e-6)
        assert there.kernel_values == here.kernel_values
        assert sum(sizes) % 400 == 0
        assert (sum(sizes) == 400) == store

    def test_a_choice_of_centres_and_the_values_take_the_same_memory_in_turn(self):
        needed = falkon_memory(400, 20, 2, 2, np.dtype(float)) + 400 * 20 * 8
        options = {"centers": 20, "choice": "rpcholesky", "random_state": 0}
        kept = solve_falkon(sines(memory=needed), **options)
        assert kept.details["stored"]
        assert kept.memory == needed
        with pytest.raises(MemoryError, match="with 20 centres"):
            solve_falkon(sines(memory=needed - 1), store=False, **options)

    def test_values_are_kept_when_they_fit(self):
        stored = solve_falkon(sines(), centers=30, tol=1e-8, random_state=0)
        assert stored.details["stored"]
        assert stored.kernel_values == 400 * 30 + 30 * 31 // 2
        least = falkon_memory(400, 30, 2, 2, np.dtype(float))
        free = solve_falkon(sines(memory=least), centers=30, tol=1e-8, random_state=0)
        assert not free.details["stored"]
        assert free.kernel_values > 3 * stored.kernel_values
        np.testing.assert_allclose(free.coef, stored.coef, rtol=1e-6)
        with pytest.raises(MemoryError, match=r"falkon with 30 centres .* use fewer centres"):
            solve_falkon(sines(memory=least - 1), centers=30, random_state=0)
        with pytest.raises(MemoryError, match="or store=False"):
            solve_falkon(sines(memory=least), centers=30, store=True, random_state=0)


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"centers": 0}, ValueError, "centers is 0"),
        ({"centers": 2.5}, TypeError, "centers is float"),
        ({"centers": np.zeros((3, 5))}, ValueError, "centers has 5 columns; expected 2"),
        ({"centers": np.full((3, 2), np.nan)}, ValueError, "centers contains 6 non-finite"),
        ({"choice": "best"}, ValueError, "choice is 'best'"),
        ({"start": np.zeros((7, 2))}, ValueError, "start has 7 rows"),
        ({"max_iter": 0.5}, TypeError, "max_iter is float"),
    ],
)
def test_bad_input_is_named(kwargs, error, match):
    with pytest.raises(error, match=match):
        solve_falkon(sines(), **{"centers": 20, "random_state": 0, **kwargs})
