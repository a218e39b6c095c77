"""Kernel systems by Cholesky: the contract, the precisions, the jitter, and what is left behind."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from kernel_solver_contract import AnySizeContract, KernelSolverContract
from scipy.linalg import cho_factor, cho_solve

from fearless.data import load_mnist, one_hot
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers import Checkpoint, cholesky
from fearless.solvers._symmetric import HalfMatrix, one_norm, restore_lower, upper_product
from fearless.solvers.cholesky import cholesky_memory, solve_cholesky
from fearless.solvers.system import KernelSystem

REFINED = ["mixed", "streamed"]
EPS = np.finfo(float).eps


class TestCholesky(AnySizeContract, KernelSolverContract):
    solve = staticmethod(solve_cholesky)
    stop = None
    takes_start = False
    indefinite_errors = (NotPositiveDefiniteError,)


class TestCholeskyMixed(TestCholesky):
    @pytest.fixture(autouse=True)
    def at_every_size(self, monkeypatch):
        monkeypatch.setattr(cholesky, "_MIXED_FROM", 1)

    def test_that_is_what_is_tested(self):
        assert self.run(self.system()).details["precision"] == "mixed"


def problem(n=200, d=8, dtype=np.float64, seed=0, k=3, reg=0.0, kernel=None, **kwargs):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    Y = rng.standard_normal((n, k)).astype(dtype)
    return KernelSystem(kernel or LaplacianKernel(4.0), X, Y, reg, **kwargs)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("reg", [0.0, 0.7])
@pytest.mark.parametrize("precision", [*REFINED, "double"])
def test_every_precision_reaches_float64(precision, reg, stored):
    system = problem(reg=reg)
    if stored:
        system.matrix()
    solution = solve_cholesky(system, precision=precision)
    K = system.kernel(system.X) + reg * np.eye(200)
    truth = cho_solve(cho_factor(K, lower=True), system.Y)
    assert solution.details["precision"] == precision
    np.testing.assert_allclose(solution.coef, truth, rtol=0, atol=1e-11 * np.abs(truth).max())
    assert solution.residuals[-1] < 1e-13
    np.testing.assert_allclose(
        solution.details["residual"], system.residual(solution.coef), atol=1e-12
    )
    condition = np.linalg.cond(K, 1)
    assert condition / 3 <= solution.condition <= condition * 1.01
    # One solve, and as many corrections as the condition number times eps of float32 asks for.
    assert solution.iterations == 1 if precision == "double" else 2 <= solution.iterations <= 4


def test_refinement_stops_at_the_tolerance():
    loose = solve_cholesky(problem(), precision="mixed", tol=1e-4)
    tight = solve_cholesky(problem(), precision="mixed", tol=1e-10)
    assert loose.iterations == 1 < tight.iterations
    assert loose.residuals[-1] <= 1e-4
    assert tight.residuals[-1] <= 1e-10
    assert (loose.residuals[1:] < loose.residuals[:-1]).all()


def test_auto_falls_back_to_double_where_refinement_does_not_converge(monkeypatch):
    """Condition 1e9: beyond float32, within float64."""
    monkeypatch.setattr(cholesky, "_MIXED_FROM", 1)
    system = problem(200, 3, reg=2e-7, kernel=GaussianKernel(2.0))
    solution = solve_cholesky(system)
    assert (solution.details["precision"], solution.jitter) == ("double", 0)
    assert solution.residuals[-1] < 1e-7
    assert solution.iterations == len(solution.residuals) - 1 == 1
    with pytest.raises(NotPositiveDefiniteError, match="not positive definite to float32"):
        solve_cholesky(system, precision="mixed")


def test_the_precision_follows_from_type_size_and_memory(monkeypatch):
    monkeypatch.setattr(cholesky, "_MIXED_FROM", 300)
    n = 300
    double, streamed = (cholesky_memory(n, 3, np.float64, name) for name in ("double", "streamed"))
    assert solve_cholesky(problem(n)).details["precision"] == "mixed"
    assert solve_cholesky(problem(n - 1)).details["precision"] == "double"
    assert solve_cholesky(problem(n, dtype=np.float32)).details["precision"] == "single"
    little = solve_cholesky(problem(n, memory=double - 1))
    assert little.details["precision"] == "streamed"
    assert little.memory == streamed < 0.6 * double
    assert solve_cholesky(problem(n, memory=streamed)).residuals[-1] < 1e-13
    with pytest.raises(MemoryError, match=r"300 points in float64 needs .* are allowed"):
        solve_cholesky(problem(n, memory=streamed - 1))


@pytest.mark.parametrize("precision", ["single", "mixed", "double"])
@pytest.mark.parametrize("n", [1000])
def test_the_memory_is_that_of_one_matrix(precision, n):
    dtype = np.float32 if precision == "single" else np.float64
    system = problem(n, dtype=dtype)
    tracemalloc.start()
    solution = solve_cholesky(system, precision=precision)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A tile of distances and its temporaries come on top; at n = 10^4 they are one per cent.
    assert peak < 1.15 * n * n * np.dtype(dtype).itemsize + 6 * 2**20
    assert 0.75 * peak - 6 * 2**20 < solution.memory < 1.15 * n * n * np.dtype(dtype).itemsize


def test_a_run_resumes_with_less_memory_than_it_began_with(monkeypatch, tmp_path):
    monkeypatch.setattr(cholesky, "_MIXED_FROM", 1)
    path, n = tmp_path / "state", 200

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_cholesky(problem(n), callback=interrupt, checkpoint=path)
    little = cholesky_memory(n, 3, np.float64, "streamed")
    resumed = solve_cholesky(problem(n, memory=little), checkpoint=path)
    assert resumed.details["precision"] == "streamed"
    assert resumed.residuals[0] == 1
    assert resumed.residuals[-1] < 1e-13


def test_a_kept_solution_is_not_that_of_other_targets(tmp_path):
    """Every row counts, not a sample of them: a label in 1500 was corrected."""
    path, system = tmp_path / "state", problem(1500, 2, dtype=np.float32, reg=1.0)
    solve_cholesky(system, checkpoint=Checkpoint(path, keep=True))
    for name in ("X", "Y"):
        changed = {"X": system.X.copy(), "Y": system.Y.copy()}
        for row in (700, 701, 702):
            changed[name][row] += 1
            other = KernelSystem(system.kernel, **changed, reg=1.0)
            with pytest.raises(ValueError, match=rf"another problem \({name}: "):
                solve_cholesky(other, checkpoint=path)


def test_float32_interpolates_digits():
    data = load_mnist(500, dtype=np.float32)
    system = KernelSystem(LaplacianKernel(10.0), data.X_train, one_hot(data.y_train, data.classes))
    solution = solve_cholesky(system)
    assert solution.coef.dtype == np.float32
    assert solution.residuals[-1] <= 5e-5
    assert solution.jitter == 0


def low_rank_system(**kwargs):
    """Points on a line and a bandwidth far above their distance: singular in float64."""
    X = np.linspace(0, 1, 40)[:, None]
    return KernelSystem(GaussianKernel(1.0), X, np.sin(3 * X), **kwargs)


@pytest.mark.parametrize("stored", [False, True])
def test_a_singular_matrix_gets_the_smallest_jitter_that_solves(stored):
    system = low_rank_system()
    K = system.kernel(system.X)
    if stored:
        system.matrix()
    with pytest.warns(IllConditionedWarning, match=r"singular to float64 precision: .* was added"):
        solution = solve_cholesky(system)
    assert EPS * 0.99 <= solution.jitter <= 1e4 * EPS
    np.testing.assert_allclose(K @ solution.coef, system.Y, atol=0.01)
    np.testing.assert_allclose(
        solution.details["residual"], system.Y - K @ solution.coef, atol=1e-9
    )
    if stored:
        np.testing.assert_array_equal(system.matrix(), K)


def test_a_residual_above_the_tolerance_is_a_warning():
    system = problem(60, dtype=np.float32)
    with pytest.warns(IllConditionedWarning, match=r"above tol = 1\.0e-12; the kernel matrix has"):
        solution = solve_cholesky(system, tol=1e-12)
    assert not solution.converged


def test_an_indefinite_matrix_is_refused_after_bounded_jitter():
    X = np.eye(3)

    @dataclass(frozen=True)
    class Negative(LaplacianKernel):
        def _profile(self, dtype):
            def fill(squared):
                squared[...] = np.where(squared > 0, 5, 1)

            return fill

    with pytest.raises(NotPositiveDefiniteError):
        solve_cholesky(KernelSystem(Negative(1.0), X, np.ones(3)))


@pytest.mark.parametrize("size", [1e-150, 1e200])
def test_targets_of_any_size_are_refined(size):
    """Residuals of such targets do not fit float32, in which they are solved."""
    unit = solve_cholesky(problem(100), precision="mixed")
    system = problem(100)
    scaled = KernelSystem(system.kernel, system.X, size * system.Y)
    solution = solve_cholesky(scaled, precision="mixed")
    np.testing.assert_allclose(
        solution.coef / size, unit.coef, atol=1e-12 * np.abs(unit.coef).max()
    )
    assert solution.residuals[-1] < 1e-13


def test_progress_is_one_line_on_stderr(capsys):
    solve_cholesky(problem(50), precision="double", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("\rcholesky: 50 points, kernel matrix")
    assert err.count("\n") == 1
    assert "factorising" in err


@pytest.mark.parametrize(
    ("dtype", "precision", "match"),
    [
        (np.float64, "half", "precision is 'half'; expected one of 'auto', 'single', 'mixed'"),
        (np.float32, "mixed", "precision is 'mixed' and X is float32"),
        (np.float64, "single", "precision is 'single' and X is float64"),
    ],
)
def test_bad_precision_is_named(dtype, precision, match):
    with pytest.raises(ValueError, match=match):
        solve_cholesky(problem(10, dtype=dtype), precision=precision)


@pytest.mark.parametrize("n", [1, 7, 300])  # a tile, several tiles
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_symmetric_matrices_by_half(n, dtype):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, 5)).astype(dtype)
    A = rng.standard_normal((n, 3)).astype(dtype)
    kernel = LaplacianKernel(2.0)
    K = np.asfortranarray(kernel(X))
    tolerance = 20 * n * np.finfo(dtype).eps
    copy = np.full((n, n), np.nan, np.float32, order="F")
    half = HalfMatrix(kernel, X, 64, copy=copy)
    np.testing.assert_allclose(half.product(A), K @ A, atol=tolerance)
    np.testing.assert_allclose(np.tril(copy), np.tril(K), rtol=1e-6)
    assert half.one_norm == pytest.approx(np.abs(K).sum(0).max(), rel=1e-5)
    assert one_norm(K) == pytest.approx(np.abs(K).sum(0).max(), rel=1e-5)
    assert sum(b.nbytes for b in half.blocks) == HalfMatrix.memory(n, 64, np.dtype(dtype))
    upper = np.asfortranarray(np.triu(K) + np.tril(np.full((n, n), 9.0, dtype), -1))
    np.testing.assert_allclose(upper_product(upper, A), K @ A, atol=tolerance)
    restore_lower(upper)
    np.testing.assert_array_equal(upper, K)


@pytest.mark.slow  # torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_device_factorises_too(dtype):
    pytest.importorskip("torch")
    there = solve_cholesky(problem(dtype=dtype, backend="torch"))
    here = solve_cholesky(problem(dtype=dtype), precision="auto")
    tolerance = 1e3 * np.finfo(dtype).eps * np.abs(here.coef).max()
    np.testing.assert_allclose(there.coef, here.coef, atol=tolerance)
    assert there.residuals[-1] < 100 * np.finfo(dtype).eps
    assert "on cpu" in there.details["precision"]
    with pytest.warns(IllConditionedWarning, match="was added to its diagonal"):
        solution = solve_cholesky(low_rank_system(backend="torch"))
    assert EPS * 0.99 <= solution.jitter <= 1e4 * EPS
    with pytest.raises(ValueError, match="precision is 'mixed' and the backend is 'torch'"):
        solve_cholesky(problem(backend="torch"), precision="mixed")
