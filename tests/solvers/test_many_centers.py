"""Kernel machines on centres of their own: the contract of all solvers, and what is special."""

import json
import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_solver_contract import KernelSolverContract
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning

from fearless.data import load_mnist, one_hot
from fearless.exceptions import DivergenceError
from fearless.kernels import ArcCosineKernel, GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._backend import NumpyBackend
from fearless.solvers._center_plan import _ORDER_BYTES, make_plan
from fearless.solvers._center_space import build_preconditioner, ritz_pairs
from fearless.solvers._center_steps import CenterIteration
from fearless.solvers._projections import CholeskyProjection, IterativeProjection, _jitters
from fearless.solvers.many_centers import many_centers_memory, solve_many_centers
from fearless.solvers.system import KernelSystem

EPS = float(np.finfo(np.float64).eps)


def least_squares(system, Z):
    """Coordinates of the Nystrom solution in an orthonormal basis of the span, by dense algebra.

    With K_ZZ = L L^T and u = L^T a the objective is |B u - Y|^2 + reg |u|^2, B = K_nZ L^-T.
    """
    X, Z = np.asarray(system.X, np.float64), np.asarray(Z, np.float64)
    L = np.linalg.cholesky(system.kernel(Z))
    B = solve_triangular(L, system.kernel(Z, X), lower=True).T
    Y = np.asarray(system.Y, np.float64)
    padded = np.vstack([B, np.sqrt(system.reg) * np.eye(len(Z))])
    right = np.vstack([Y, np.zeros((len(Z), Y.shape[1]))])
    return L, B, np.linalg.lstsq(padded, right, rcond=None)[0]


def gradient(system, Z, coef):
    """The norm of the projected gradient over that at zero, by dense algebra."""
    L, B, _ = least_squares(system, Z)
    u, Y = L.T @ coef.astype(np.float64), system.Y.astype(np.float64)
    return np.linalg.norm(B.T @ (B @ u - Y) + system.reg * u) / np.linalg.norm(B.T @ Y)


class TestManyCenters(KernelSolverContract):
    solve = staticmethod(solve_many_centers)
    options: ClassVar[dict] = {"centers": 30, "random_state": 0}
    stop = "max_epochs"
    limit = 200
    tol: ClassVar[dict] = {np.float32: 1e-3, np.float64: 1e-6}
    needs_function = False  # least squares has a solution whatever the targets

    def centers(self, system):
        limited = {**self.options, "max_epochs": 0, "tol": 2.0}
        return solve_many_centers(system, **limited).centers

    def relative_residual(self, system, solution):
        return gradient(system, solution.centers, solution.coef)

    def truth(self, system, Z):
        centers = self.centers(system).astype(np.float64)
        L, _, u = least_squares(system, centers)
        return system.kernel(Z, centers) @ np.linalg.solve(L.T, u)

    def error_of_tol(self, system):
        L, B, u = least_squares(system, self.centers(system))
        spectrum = np.linalg.eigvalsh(B.T @ B) + system.reg
        Y = system.Y.astype(np.float64)
        return 100 * np.linalg.norm(B.T @ Y) / spectrum[0] / np.linalg.norm(u) * np.linalg.cond(L)


def problem(n=300, d=5, seed=0, dtype=np.float64, reg=0.0, **options):
    """A smooth target with noise, so that no function of the span fits it."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    Y = np.stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
    Y = (Y + 0.5 * rng.standard_normal(Y.shape)).astype(dtype)
    return KernelSystem(LaplacianKernel(2.0), X, Y, reg, **options)


def error(system, solution):
    """Distance to the least-squares solution in the space of the kernel, relative."""
    L, _, u = least_squares(system, solution.centers)
    return np.linalg.norm(L.T @ solution.coef - u) / np.linalg.norm(u)


# -- where it converges to ---------------------------------------------------------------------


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("options", "reg"),
    [
        ({"period": 4, "batch_size": 30}, 0.0),
        ({"period": 4, "batch_size": 30}, 2.0),
        ({"projection": "cg", "period": 2}, 2.0),
        ({"subsample": 20, "batch_size": 7}, 2.0),
        slow({"period": 1}, 0.0),
        slow({"projection": "cg", "period": 2}, 0.0),
        slow({"rank": 0}, 0.0),
        slow({"subsample": 20, "batch_size": 7}, 0.0),
    ],
    ids=str,
)
def test_every_variant_converges_to_the_least_squares_solution(options, reg):
    """Exact and delayed projections, factorised or inexact, with and without a preconditioner."""
    system = problem(reg=reg)
    solution = solve_many_centers(
        system, centers=40, tol=1e-5, max_epochs=400, random_state=1, **options
    )
    assert solution.converged
    assert gradient(system, solution.centers, solution.coef) < 1.05e-5
    _, B, u = least_squares(system, solution.centers)
    smallest = np.linalg.eigvalsh(B.T @ B)[0] + reg
    bound = 1e-5 * np.linalg.norm(B.T @ system.Y) / smallest / np.linalg.norm(u)
    assert error(system, solution) < 1.1 * bound
    training = np.linalg.norm(
        system.Y - system.kernel(system.X, solution.centers) @ solution.coef
    ) / np.linalg.norm(system.Y)
    assert solution.details["training_residual"] == pytest.approx(training, rel=1e-6)


def test_centers_need_not_be_samples():
    """Preconditioning commutes with the projection wherever the centres are."""
    system = problem(reg=1.0)
    centers = 0.4 + 0.8 * np.random.default_rng(5).standard_normal((25, 5))
    solution = solve_many_centers(system, centers=centers, tol=1e-3, max_epochs=200, random_state=0)
    np.testing.assert_array_equal(solution.centers, centers)
    assert gradient(system, centers, solution.coef) < 1.05e-3


@pytest.mark.slow
def test_without_memory_of_the_residuals_noise_remains():
    """EigenPro 3 as published: a floor that more epochs do not lower; the negative of this file."""
    system = problem()
    options = {"centers": 40, "tol": 1e-6, "random_state": 2, "max_epochs": 120}
    with pytest.warns(ConvergenceWarning, match="many_centers has not converged"):
        noisy = solve_many_centers(system, variance_reduction=False, **options)
    quiet = solve_many_centers(system, **options)
    assert quiet.converged
    floor = np.median(noisy.residuals[-20:])
    assert floor > 0.5 * np.median(noisy.residuals[20:40])  # it fell no further in 80 epochs
    assert gradient(system, noisy.centers, noisy.coef) > 1000 * quiet.residuals[-1]


def test_samples_in_order_of_their_classes():
    """Pieces of a file that is sorted by label: batches mix pieces from everywhere."""
    data = load_mnist(600, 10, dtype=np.float32)
    order = np.argsort(data.y_train, kind="stable")
    Y = one_hot(data.y_train[order], range(10)).astype(np.float32)
    system = KernelSystem(LaplacianKernel(10.0), data.X_train[order], Y)
    solution = solve_many_centers(system, centers=100, tol=1e-2, max_epochs=60, random_state=0)
    assert solution.converged
    assert gradient(system, solution.centers, solution.coef) < 1.05e-2


def test_equal_centers_share_their_weight():
    system = problem()
    centers = np.repeat(system.X[:15], 2, axis=0)
    solution = solve_many_centers(system, centers=centers, tol=1e-4, max_epochs=300, random_state=0)
    assert solution.converged
    assert 0 < solution.jitter < 1e-6
    # Twice the same point: the function is that of the 15 distinct ones.
    total = solution.coef.reshape(15, 2, -1).sum(axis=1)
    assert gradient(system, system.X[:15], total) < 2e-4


@pytest.mark.parametrize("projection", ["cholesky", "cg"])
def test_a_singular_kernel_matrix_of_the_centers(projection):
    """The Gaussian on one dimension: numerical rank 20 of 60; the fit is found all the same.

    Eigenvalues that are negative by rounding errors are no reason to refuse the kernel.
    """
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 1))
    system = KernelSystem(GaussianKernel(0.5), X, np.sin(3 * X))
    solution = solve_many_centers(
        system, centers=60, tol=1e-3, max_epochs=200, random_state=0, projection=projection
    )
    assert solution.converged
    assert 0 < solution.jitter < 1e-10
    fit = system.kernel(X, solution.centers) @ solution.coef
    assert np.linalg.norm(fit - system.Y) < 0.05 * np.linalg.norm(system.Y)


def test_a_large_penalty_is_subtracted_once():
    """Eight batches to a projection, each of which all but takes the function to zero."""
    system = problem(reg=3000.0)
    solution = solve_many_centers(
        system, centers=40, batch_size=30, period=8, tol=1e-6, max_epochs=30, random_state=0
    )
    step = solution.details["step_size"]
    assert 8 * step * system.reg / 300 > 4  # what diverges where they are added up
    assert solution.converged
    assert gradient(system, solution.centers, solution.coef) < 1.05e-6


@pytest.mark.parametrize("exponent", [-600, 600])
@pytest.mark.parametrize("projection", ["cholesky", "cg"])
def test_the_scale_of_the_targets_does_not_matter(exponent, projection):
    """Squares of these targets are 0 or infinite; scaling by a power of two is exact."""
    system = problem(n=100, reg=1.0)
    scaled = KernelSystem(system.kernel, system.X, np.ldexp(system.Y, exponent), 1.0)
    options = {"centers": 20, "tol": 1e-3, "random_state": 0, "projection": projection}
    one, two = solve_many_centers(system, **options), solve_many_centers(scaled, **options)
    assert one.converged
    np.testing.assert_allclose(two.residuals, one.residuals, rtol=1e-6)
    np.testing.assert_allclose(np.ldexp(two.coef, -exponent), one.coef, rtol=1e-6)
    assert two.details["training_residual"] == pytest.approx(one.details["training_residual"])


def test_the_training_residual_of_zero_targets_is_zero():
    system = KernelSystem(LaplacianKernel(2.0), problem().X, np.zeros(300))
    solution = solve_many_centers(system, centers=10)
    assert solution.converged
    assert solution.details["training_residual"] == 0


def test_a_start_far_away_is_not_divergence():
    system = problem(n=100, reg=1.0)
    start = np.full((20, 2), 1e5)
    solution = solve_many_centers(system, centers=20, start=start, tol=1.0, random_state=0)
    assert solution.residuals[0] > 1e4
    assert solution.converged


def test_jitter_is_a_percent_at_most():
    assert list(_jitters(100, 2.0, 1e-7)) == pytest.approx([2e-5, 2e-3, 2e-2])
    assert list(_jitters(10, 0.0, EPS)) == [0.0]


def test_centers_where_the_kernel_is_zero():
    system = KernelSystem(ArcCosineKernel(), problem().X, problem().Y)
    with pytest.raises(NotPositiveDefiniteError, match=r"3 centres has the eigenvalue 0"):
        solve_many_centers(system, centers=np.zeros((3, 5)))
    for eps in (0.0, EPS):  # a jitter of zero does not grow: the loop must end
        with pytest.raises(NotPositiveDefiniteError, match="failed at pivot 1 of 3"):
            CholeskyProjection(NumpyBackend(), ArcCosineKernel(), np.zeros((3, 5)), 0.0, eps)


@pytest.mark.parametrize("limit", ["tol", "max_epochs"])
def test_an_estimate_is_never_the_last_word(limit, tmp_path):
    """A run is interrupted, and what it had is enough for the one that resumes it."""
    path = tmp_path / "state.npz"
    seen = []

    def interrupt(progress):
        seen.append(progress.residual)
        if len(seen) == 2:
            raise KeyboardInterrupt

    options = {"centers": 30, "random_state": 0, "checkpoint": path}
    with pytest.raises(KeyboardInterrupt):
        solve_many_centers(problem(), tol=1e-6, callback=interrupt, **options)
    system = problem()
    if limit == "tol":
        solution = solve_many_centers(system, tol=1.001 * seen[1], **options)
        assert solution.converged
    else:
        with pytest.warns(ConvergenceWarning):
            solution = solve_many_centers(system, tol=1e-6, max_epochs=2, **options)
        assert solution.iterations == 2
    true = gradient(system, solution.centers, solution.coef)
    assert seen[1] != pytest.approx(true, rel=1e-3)  # it was an estimate
    assert solution.residuals[-1] == pytest.approx(true, rel=1e-6)


def test_a_run_without_a_seed_resumes_with_its_own_centers(tmp_path):
    path = tmp_path / "state.npz"

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_many_centers(problem(reg=1.0), centers=20, callback=interrupt, checkpoint=path)
    entropy = json.loads(str(np.load(path)["__plain__"]))["entropy"]
    solution = solve_many_centers(problem(reg=1.0), centers=20, checkpoint=path)
    assert solution.converged
    setup = np.random.SeedSequence(entropy).spawn(2)[0]
    rows = np.sort(np.random.default_rng(setup).choice(300, 20, replace=False))
    np.testing.assert_array_equal(solution.centers, problem().X[rows])


# -- streams -----------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """20 MB of data in files, for a machine that is allowed 9 MB."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12_500, 400)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "Y.npy", np.sin(X[:, :2]))
    return tmp_path


def test_data_larger_than_the_memory(stored):
    X, Y = (np.load(stored / name, mmap_mode="r") for name in ("X.npy", "Y.npy"))
    tracemalloc.start()
    system = KernelSystem(LaplacianKernel(10.0), X, Y, memory=9_000_000)
    solution = solve_many_centers(
        system, centers=50, batch_size=200, tol=0.9, max_epochs=2, random_state=0
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert solution.memory <= 9_000_000 < X.nbytes / 2
    # Beyond the formula: tiles of kernel values and numbers that only live for a batch.
    assert peak < 1.15 * solution.memory + 2**20
    held = KernelSystem(LaplacianKernel(10.0), np.array(X), np.array(Y), memory=9_000_000)
    again = solve_many_centers(
        held, centers=50, batch_size=200, tol=0.9, max_epochs=2, random_state=0
    )
    np.testing.assert_array_equal(solution.coef, again.coef)


def test_memory_is_named_before_it_is_used():
    system = problem(memory=10_000)
    with pytest.raises(MemoryError, match=r"machine of 200 centres on 300 samples needs"):
        solve_many_centers(system, centers=200)


def test_the_factor_gives_way_to_iterations_when_memory_is_short():
    plan = make_plan(problem(n=3000), 2900, 250, 100, 1, "auto")
    assert plan.factor
    short = make_plan(problem(n=3000, memory=plan.memory - 1), 2900, 250, 100, 1, "auto")
    assert not short.factor
    assert short.memory < plan.memory
    tight = problem(n=3000, memory=short.memory - 1)
    with pytest.raises(MemoryError):
        make_plan(tight, 2900, 250, 100, 1, "auto")
    assert make_plan(tight, 2900, None, 10, 1, "auto").subset <= 2000


def test_the_memory_formula_of_the_book():
    """60,000 images on 20,000 centres in float32 fit 4 GB; all of the kernel matrix would not."""
    needed = many_centers_memory(60_000, 784, 10, 20_000, 4)
    assert 20_000**2 * 4 < needed < 4e9 < 60_000**2 * 4
    assert many_centers_memory(60_000, 784, 10, 20_000, 4, factor=False) < needed / 1.5


@settings(max_examples=20)
@given(
    n=st.integers(1, 300),
    d=st.sampled_from([1, 3000, 20_000]),
    rows=st.integers(1, 300),
    seed=st.integers(0, 99),
)
def test_an_epoch_meets_every_sample_once(n, d, rows, seed):
    run = order_of(n, d, rows, seed)
    batches = list(run._batches())
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert max(map(len, batches)) <= run.rows <= rows
    assert max(map(len, batches)) - min(map(len, batches)) <= 1


def test_the_order_of_many_samples_is_counted():
    """It takes more memory than the table of a single output."""
    n = 100_000
    run = order_of(n, 1, 500, 0)
    tracemalloc.start()
    batches = list(run._batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(batches) == 200
    assert 8 * n < peak < _ORDER_BYTES * n + 2**16
    more = [many_centers_memory(size, 1, 1, 10, 8) for size in (10**6, 2 * 10**6)]
    assert more[1] - more[0] == (8 + _ORDER_BYTES) * 10**6


def order_of(n, d, rows, seed):
    """An iteration that can draw batches and nothing else."""
    run = CenterIteration.__new__(CenterIteration)
    run.system = type("S", (), {"n_samples": n, "X": np.empty((n, 0)), "dtype": np.dtype("f8")})
    run.system.X = np.lib.stride_tricks.as_strided(np.zeros(1), (n, d), (0, 0))
    run.rng = np.random.default_rng(seed)
    run.n_batches = -(-n // min(n, rows))
    run.rows = -(-n // run.n_batches)
    return run


# -- the preconditioner ------------------------------------------------------------------------


def setup(n=120, s=None, rank=None, target=20, shift=0.0):
    X = np.random.default_rng(3).standard_normal((n, 4))
    K = LaplacianKernel(2.0)(X)
    part = slice(0, s or n)
    pairs = ritz_pairs(K[part, part], K[:, part], EPS)
    return K, part, pairs, build_preconditioner(pairs, K[:, part], K, shift, target, rank, 500)


def test_ritz_pairs_on_all_points_are_the_eigenpairs():
    K, _, pairs, _ = setup()
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(K)[::-1] / 120, rtol=1e-10)
    np.testing.assert_allclose(pairs.vectors.T @ K @ pairs.vectors, np.eye(120), atol=1e-9)
    E = K @ pairs.vectors  # eigenfunctions at the data
    np.testing.assert_allclose(E.T @ E / 120, np.diag(pairs.values), atol=1e-10)


def test_ritz_values_are_lower_bounds():
    K, _, pairs, _ = setup(s=60)
    exact = np.linalg.eigvalsh(K)[::-1] / 120
    assert np.all(pairs.values <= exact[:60] * (1 + 1e-12))
    assert pairs.values[0] > 0.9 * exact[0]


@pytest.mark.parametrize("shift", [0.0, 0.01])
def test_the_preconditioner_flattens_the_spectrum(shift):
    """The largest eigenvalue of the preconditioned operator is lambda_{q+1}, beta as defined."""
    K, _, pairs, made = setup(rank=10, shift=shift)
    K_q = K - K @ made.vectors @ np.diag(made.damping) @ made.vectors.T @ K
    spectrum = np.linalg.eigvalsh(K_q)[::-1] / 120
    left = (pairs.values[:10] * (1 - made.damping)).max()
    assert spectrum[0] == pytest.approx(max(left, pairs.values[10]), rel=1e-8)
    assert made.beta == pytest.approx(K_q.diagonal().max(), rel=1e-10)
    assert made.top >= pairs.values[10] * (1 - 1e-12)
    assert made.rank == 10


def test_the_fewest_directions_reach_the_target():
    K, part, pairs, made = setup(target=20)
    assert made.critical_batch >= 20 * 0.9  # the measured top may exceed the Ritz value
    fewer = build_preconditioner(pairs, K[:, part], K, 0.0, 20, made.rank - 1, 500)
    ratio = fewer.beta / pairs.values[made.rank - 1] + 1
    assert ratio < 20
    assert build_preconditioner(pairs, K[:, part], K, 0.0, 1, None, 500).rank == 0


def test_a_batch_of_the_data_does_not_diverge_at_the_step():
    """The step is below 2 / the largest eigenvalue of the preconditioned batch operator."""
    K, _, _, made = setup(rank=5)
    K_q = K - K @ made.vectors @ np.diag(made.damping) @ made.vectors.T @ K
    rng = np.random.default_rng(1)
    for size in (1, 5, 20, 120):
        for _ in range(20):
            rows = rng.choice(120, size, replace=False)
            top = np.linalg.eigvalsh(K_q[np.ix_(rows, rows)])[-1] / size
            assert made.step(size) * top < 2


def test_inner_iterations_solve_the_projection():
    system = problem(n=80)
    Z, K = system.X, system.kernel(system.X)
    pairs = ritz_pairs(K[:40, :40], K[:, :40], EPS)
    solver = IterativeProjection(NumpyBackend(), system, Z, pairs.basis[:, :20], Z[:40], 17, 1.0)
    before = system.kernel_values
    h = np.random.default_rng(0).standard_normal((80, 3))
    h[:, 1] = 0
    theta = solver.solve(h)
    assert np.linalg.norm(K @ theta - h) <= 1.01e-3 * np.linalg.norm(h)
    np.testing.assert_array_equal(theta[:, 1], 0)
    assert system.kernel_values > before
    assert (system.kernel_values - before) % 80**2 == 0
    np.testing.assert_allclose(solver.product(h), K @ h, atol=1e-12)


# -- what goes wrong ---------------------------------------------------------------------------


def test_too_long_a_step_is_named():
    system = problem()
    good = solve_many_centers(system, centers=40, tol=1e-3, random_state=0).details
    match = r"many_centers diverges.*step_size was .* batches of \d+; use step_size <= (\S+)"
    with pytest.raises(DivergenceError, match=match) as caught:
        solve_many_centers(
            system, centers=40, tol=1e-3, random_state=0, step_size=20 * good["step_size"]
        )
    advice = float(str(caught.value).split("<= ")[1])
    assert solve_many_centers(
        system, centers=40, tol=1e-3, random_state=0, step_size=advice
    ).converged


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"centers": 0}, ValueError, r"centers is 0; expected an integer >= 1 and <= 300"),
        ({"centers": 301}, ValueError, r"centers is 301"),
        ({"centers": np.zeros((3, 2))}, ValueError, r"centers has 2 columns; expected 5"),
        ({"centers": np.full((3, 5), np.nan)}, ValueError, r"centers contains 15 non-finite"),
        ({"subsample": 41}, ValueError, r"subsample is 41; .* <= 40"),
        ({"batch_size": 0}, ValueError, r"batch_size is 0"),
        ({"rank": -1}, ValueError, r"rank is -1"),
        ({"step_size": -1.0}, ValueError, r"step_size is -1\.0"),
        ({"period": 0}, ValueError, r"period is 0"),
        ({"projection": "lu"}, ValueError, r"projection is 'lu'; expected one of"),
        ({"start": np.zeros((3, 2))}, ValueError, r"start has 3 rows; expected 40"),
        ({"start": np.zeros((40, 3))}, ValueError, r"start has 3 columns; expected 2"),
        ({"random_state": "x"}, TypeError, r"random_state is str"),
        ({"max_epochs": -1}, ValueError, r"max_iter is -1"),
    ],
)
def test_bad_arguments_are_named(options, error, match):
    with pytest.raises(error, match=match):
        solve_many_centers(problem(), **{"centers": 40, **options})
