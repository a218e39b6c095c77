"""EigenPro: the contract, its kernel K_q against dense algebra, its steps against the theory."""

from typing import ClassVar

import numpy as np
import pytest
from kernel_solver_contract import IndefiniteKernel, KernelSolverContract
from scipy.linalg import eigh
from sklearn.exceptions import ConvergenceWarning

from fearless.exceptions import DivergenceError
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._corrected_kernel import CorrectedKernel
from fearless.solvers._top_eigenspace import top_eigenspace
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.system import KernelSystem


class TestEigenPro(KernelSolverContract):
    solve = staticmethod(solve_eigenpro)
    options: ClassVar[dict] = {"random_state": 0}
    stop = "max_epochs"


@pytest.mark.slow
class TestEigenProWithMomentum(KernelSolverContract):
    solve = staticmethod(solve_eigenpro)
    options: ClassVar[dict] = {
        "random_state": 3,
        "momentum": True,
        "batch_size": 40,
        "subsample": 60,
    }
    stop = "max_epochs"


def make_system(n=150, d=4, seed=0, kernel=None, reg=0.0, dtype=np.float64, **kwargs):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    Y = np.stack([np.sin(X[:, 0]), rng.standard_normal(n)], axis=1)
    return KernelSystem(kernel or LaplacianKernel(2.0), X, Y, reg, **kwargs)


def dense_corrected(system, kernel):
    """K_q by its definition as an operator between kernel functions."""
    n, S = system.n_samples, kernel.subsample
    K = system.kernel(system.X) + system.reg * np.eye(n)
    s, q = len(S), kernel.rank
    values, vectors = np.linalg.eigh(K[np.ix_(S, S)] / s)
    values, vectors = values[::-1], vectors[:, ::-1]
    result = K.copy()
    for i in range(q):  # e_i(x), an eigenfunction of norm 1 in the space of K
        e = K[:, S] @ vectors[:, i] / np.sqrt(s * values[i])
        result -= (1 - values[q] / values[i]) * np.outer(e, e)
    return result


@pytest.mark.parametrize("reg", [0.0, 0.3])
@pytest.mark.parametrize("stored", [True, False])
def test_corrected_kernel_is_the_operator_of_its_definition(reg, stored):
    system = make_system(reg=reg)
    if stored:
        system.matrix()
    subsample = np.sort(np.random.default_rng(1).permutation(150)[:80])
    kernel = CorrectedKernel(system, subsample, 9, 1024)
    K = system.kernel(system.X) + reg * np.eye(150)
    psi = kernel.features
    dense = dense_corrected(system, kernel)
    np.testing.assert_allclose(K - psi @ psi.T, dense, atol=1e-12)
    np.testing.assert_allclose(kernel.norm, dense.diagonal().max(), rtol=1e-12)
    eigenvalues = np.linalg.eigvalsh(dense)
    assert eigenvalues[0] > 0  # P is a positive operator
    rng = np.random.default_rng(2)
    largest = kernel.largest_eigenvalue(slice(0, 150), rng)
    assert 0.97 * eigenvalues[-1] <= largest <= eigenvalues[-1] * (1 + 1e-12)
    batch = np.arange(0, 150, 3)
    largest = kernel.largest_eigenvalue(slice(0, None, 3), rng)
    exact = np.linalg.eigvalsh(dense[np.ix_(batch, batch)])[-1]
    assert 0.95 * exact <= largest <= exact * (1 + 1e-12)


def test_top_eigenvalue_after_correction_is_the_next_one():
    # Oracle O32: with all points as the subsample, exactly.
    system = make_system()
    kernel = CorrectedKernel(system, np.arange(150), 12, 1024)
    before = np.linalg.eigvalsh(system.kernel(system.X))[::-1] / 150
    after = np.linalg.eigvalsh(dense_corrected(system, kernel))[::-1] / 150
    np.testing.assert_allclose(kernel.values, before[:13], rtol=1e-10)
    np.testing.assert_allclose(after[:13], before[12], rtol=1e-9)  # the 12 corrected ones too
    np.testing.assert_allclose(after[13:], before[13:], rtol=1e-7)


def test_automatic_rank_is_the_least_for_the_batch_wanted():
    system = make_system(n=300)
    kernel = CorrectedKernel(system, np.arange(300), None, 20)
    assert 0 < kernel.rank < 300 // 8
    assert kernel.values[-1] <= 1 / 20 < kernel.values[-2]


def test_directions_lost_in_rounding_errors_are_left_alone():
    kernel = GaussianKernel(30.0)
    system = make_system(n=60, kernel=kernel, dtype=np.float32)
    corrected = CorrectedKernel(system, np.arange(60), 50, 1024)
    assert corrected.rank < 30
    assert np.isfinite(corrected.features).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_top_eigenspace_of_a_flat_spectrum(dtype):
    # Almost equal eigenvalues are what makes iterative methods lose orthogonality.
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((120, 120)))[0]
    spectrum = 1 + 1e-6 * np.arange(120)
    K = ((Q * spectrum) @ Q.T).astype(dtype)
    values, vectors, smallest = top_eigenspace(K, 40)
    np.testing.assert_allclose(values, spectrum[::-1][:41], rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(40), atol=1e-12)
    np.testing.assert_allclose(smallest, 1, rtol=0.02)
    exact = eigh(K.astype(float), eigvals_only=True)
    np.testing.assert_allclose(values, exact[::-1][:41], rtol=1e-12)


def test_rank_zero_is_plain_sgd():
    # One batch and no correction: gradient descent, written in one line.
    system = make_system(reg=0.1)
    K = system.kernel(system.X) + 0.1 * np.eye(150)
    step = 1 / np.linalg.eigvalsh(K)[-1]
    seen = []
    with pytest.warns(ConvergenceWarning):
        solve_eigenpro(
            system,
            rank=0,
            batch_size=150,
            step_size=150 * step,
            max_epochs=5,
            callback=lambda p: seen.append(p.coef.copy()),
            random_state=0,
        )
    A = np.zeros_like(system.Y)
    for found in seen:
        A += step * (system.Y - K @ A)
        np.testing.assert_allclose(found, A, atol=1e-12)


@pytest.mark.parametrize("stored", [True, False])
def test_a_batch_of_everything_is_preconditioned_gradient_descent(stored):
    system = make_system(reg=0.1, memory=None if stored else 150_000)
    seen = []
    with pytest.warns(ConvergenceWarning):
        solution = solve_eigenpro(
            system,
            rank=5,
            subsample=40,
            batch_size=150 if stored else 30,
            step_size=30.0 if stored else 5.0,
            max_epochs=4,
            callback=lambda p: seen.append(p.residual),
            random_state=0,
        )
    assert system.stored == stored
    if not stored:
        assert solution.details["batch_size"] == 30
        return
    kernel = CorrectedKernel(system, _subsample(0, 150, 40), 5, 1)
    K_q = dense_corrected(system, kernel)
    R = system.Y.copy()
    for residual in seen:
        R = R - 30 / 150 * K_q @ R
        np.testing.assert_allclose(residual, system.relative(R), rtol=1e-9)


def _subsample(seed, n, s):
    return np.sort(np.random.default_rng([seed, 0]).permutation(n)[:s])


def test_one_point_takes_one_step():
    X = np.ones((1, 2))
    solution = solve_eigenpro(KernelSystem(LaplacianKernel(1.0), X, [3.0]), random_state=0)
    assert solution.iterations == 1
    np.testing.assert_allclose(solution.coef, 3)


def test_every_batch_lowers_the_energy_up_to_the_limit():
    # (1/2) a' K_q a - a' Y after steps on single batches, at 0.99 and at 1.1 of the exact limit.
    system = make_system()
    kernel = CorrectedKernel(system, np.arange(0, 150, 2), 6, 1024)
    K_q = dense_corrected(system, kernel)
    batches = [np.arange(i, 150, 3) for i in range(3)]
    tops = [np.linalg.eigh(K_q[np.ix_(B, B)]) for B in batches]
    limit = 2 / max(values[-1] for values, _ in tops)
    found = kernel.longest_step([slice(i, None, 3) for i in range(3)], np.random.default_rng(0))
    assert limit * (1 - 1e-9) <= found <= 1.05 * limit
    rng = np.random.default_rng(1)
    for B, (values, vectors) in zip(batches, tops, strict=True):
        a, y = rng.standard_normal(150), rng.standard_normal(150)

        def energy(a, y=y):
            return a @ K_q @ a / 2 - a @ y

        for factor in (0.5, 0.99):
            moved = a.copy()
            moved[B] += factor * limit * (y - K_q @ a)[B]
            assert energy(moved) < energy(a)
        # Along the worst direction a longer step raises it.
        worst = np.zeros(150)
        worst[B] = vectors[:, -1]
        moved = worst + 1.1 * 2 / values[-1] * np.where(np.isin(np.arange(150), B), -K_q @ worst, 0)
        assert moved @ K_q @ moved > worst @ K_q @ worst


def test_a_step_beyond_the_limit_diverges_and_says_what_to_use():
    system = make_system(n=300)
    options = {
        "subsample": 100,
        "rank": 10,
        "batch_size": 60,
        "random_state": 0,
        "tol": 1e-8,
    }
    good = solve_eigenpro(system, max_epochs=2000, **options)
    assert good.converged
    assert good.details["step_size"] <= good.details["step_limit"]
    step = 2 * good.details["step_limit"]
    with pytest.raises(DivergenceError, match=r"step_size = .*, batch_size = 60; use a step_size"):
        solve_eigenpro(system, step_size=step, max_epochs=200, **options)


def test_float32_overflow_is_divergence_not_a_warning():
    system = make_system(dtype=np.float32)
    with pytest.raises(DivergenceError, match="diverges"):
        solve_eigenpro(system, step_size=1e25, max_epochs=50, random_state=0)


@pytest.mark.slow
def test_sorted_data_do_not_spoil_the_batches():
    # 5 clusters in cyclic order: evenly spaced batches of 60 would be single clusters.
    rng = np.random.default_rng(0)
    centers = 20 * rng.standard_normal((5, 3))
    X = centers[np.arange(300) % 5] + rng.standard_normal((300, 3))
    system = KernelSystem(LaplacianKernel(5.0), X, np.sin(X[:, :1]))
    system.matrix()
    options = {
        "subsample": 100,
        "rank": 0,
        "batch_size": 60,
        "tol": 1e-3,
        "random_state": 0,
    }
    cyclic = solve_eigenpro(system, max_epochs=5000, **options)
    order = rng.permutation(300)
    mixed = KernelSystem(LaplacianKernel(5.0), X[order], np.sin(X[order, :1]))
    shuffled = solve_eigenpro(mixed, max_epochs=5000, **options)
    assert cyclic.iterations <= 1.3 * shuffled.iterations


@pytest.mark.slow
def test_momentum_saves_epochs_on_a_badly_conditioned_problem():
    options = {
        "batch_size": 150,
        "tol": 1e-6,
        "max_epochs": 5000,
        "random_state": 0,
        "rank": 5,
    }
    plain = solve_eigenpro(make_system(n=300), **options)
    fast = solve_eigenpro(make_system(n=300), momentum=True, **options)
    assert fast.converged
    assert fast.iterations < 0.6 * plain.iterations


@pytest.mark.slow
def test_rounding_errors_that_keep_the_residual_up_are_named():
    system = make_system(dtype=np.float32)
    with pytest.warns(ConvergenceWarning, match=r"rounding errors of float32 keep .* use float64"):
        solution = solve_eigenpro(system, tol=1e-9, max_epochs=5000, random_state=0)
    assert not solution.converged
    assert solution.residuals[-1] == pytest.approx(
        system.relative_residual(solution.coef), rel=0.05
    )


@pytest.mark.parametrize("random_state", [None, np.random.default_rng(0)])
def test_a_resumed_run_keeps_the_seed_it_drew(random_state, tmp_path):
    path = tmp_path / "state.npz"
    first = solve_eigenpro(
        make_system(), callback=lambda p: p.iteration == 3, checkpoint=path,
        random_state=random_state, tol=1e-6,
    )  # fmt: skip
    assert first.iterations == 3
    again = solve_eigenpro(
        make_system(), checkpoint=path, tol=1e-6, max_epochs=2000, random_state=random_state
    )
    np.testing.assert_array_equal(again.residuals[:3], first.residuals[:3])
    assert again.converged


def test_a_run_is_resumed_with_more_memory_than_it_began_with(tmp_path):
    path = tmp_path / "state.npz"
    options = {"checkpoint": path, "tol": 1e-4, "max_epochs": 2000, "random_state": 0}
    small = make_system(n=300, memory=600_000)
    first = solve_eigenpro(small, callback=lambda p: p.iteration == 3, **options)
    again = solve_eigenpro(make_system(n=300), **options)
    assert again.converged
    assert again.details["subsample_size"] == first.details["subsample_size"] < 300
    np.testing.assert_array_equal(again.residuals[:4][:3], first.residuals[:3])


def test_an_indefinite_kernel_is_named():
    system = make_system()
    with pytest.raises(NotPositiveDefiniteError, match="negative eigenvalues"):
        solve_eigenpro(KernelSystem(IndefiniteKernel(), system.X, system.Y), random_state=0)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("subsample", 151, ValueError, r"subsample is 151; expected an integer >= 1 and <= 150"),
        ("subsample", 2.0, TypeError, r"subsample is float 2\.0; expected an integer"),
        ("rank", 150, ValueError, r"rank is 150; expected an integer >= 0 and <= 149"),
        ("batch_size", 0, ValueError, r"batch_size is 0"),
        ("step_size", -1.0, ValueError, r"step_size is -1\.0"),
        ("max_epochs", -1, ValueError, r"max_epochs is -1"),
        ("start", np.zeros((3, 2)), ValueError, r"start has 3 rows; expected 150"),
        ("random_state", -1, ValueError, r"random_state|expected"),
    ],
)
def test_bad_arguments_are_named(name, value, error, message):
    with pytest.raises(error, match=message):
        solve_eigenpro(make_system(), **{name: value})


def test_the_default_subsample_shrinks_with_the_memory():
    system = make_system(n=300, memory=600_000)
    solution = solve_eigenpro(system, tol=1e-3, max_epochs=2000, random_state=0)
    assert solution.converged
    assert not system.stored
    assert solution.details["subsample_size"] in (75, 150)
    assert solution.memory <= 600_000
    with pytest.raises(MemoryError, match=r"needs .* use a smaller subsample, or float32"):
        solve_eigenpro(make_system(n=300, memory=600_000), subsample=300)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_flat_spectra_of_gaussian_mixtures(scale):
    # Where public code with iterative eigenvectors diverges (solvers of the time of EigenPro 2).
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=1500)
    X = scale * rng.standard_normal((10, 784))[labels] + rng.standard_normal((1500, 784))
    Y = np.eye(10)[labels]
    system = KernelSystem(LaplacianKernel(30.0), X.astype(np.float32), Y)
    solution = solve_eigenpro(system, rank=160, tol=1e-3, random_state=0)
    assert solution.converged
    assert solution.iterations <= 20
    assert solution.details["halvings"] == 0
