"""Claims of the page on fast solvers, with other images, seeds and sizes than the page."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.kernel_regimes.batches import batch_study, step_study
from fearless.experiments.kernel_regimes.conditioning import (
    corrected_spectrum,
    count_iterations,
    digit_system,
    effective_condition,
    falkon_spectra,
    nystrom_spectrum,
)
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.solvers.cg import solve_cg
from fearless.solvers.cholesky import solve_cholesky
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.falkon import solve_falkon
from fearless.solvers.system import KernelSystem


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def small(mnist):
    return digit_system(mnist, LaplacianKernel(10.0), 240, seed=11)


def test_more_digits_than_there_are_are_refused(mnist):
    with pytest.raises(ValueError, match="n is 10000000; expected"):
        digit_system(mnist, LaplacianKernel(10.0), 10_000_000)


def test_corrected_spectrum(small):
    before = corrected_spectrum(small, 0)
    after = corrected_spectrum(small, 25)
    expected = np.r_[np.full(25, before.eigenvalues[25]), before.eigenvalues[25:]]
    check_claim(
        "fastsolve-corrected-eigenvalues",
        np.max(np.abs(after.eigenvalues / expected - 1)),
        1e-8,
    )
    np.testing.assert_allclose(before.weights.sum(), np.sum(small.Y**2))
    # From a subsample the correction is not perfect, and still worth while.
    part = corrected_spectrum(small, 25, subsample=120, seed=1)
    assert after.condition < part.condition < before.condition / 5
    assert after.critical_batch > 10 * before.critical_batch


def test_iterations_are_predicted(small):
    counts = count_iterations(small, rank=25, columns=30, tol=0.05, seed=3)
    check_claim("fastsolve-gradient-steps", counts.measured[:2], counts.predicted[:2])
    check_claim("fastsolve-cg-bound", counts.measured[2:] / counts.predicted[2:], 1)
    assert counts.measured[1] < counts.measured[0] / 10


def test_falkon_spectrum(small):
    before, after = falkon_spectra(small, 80, 0.1, seed=2)
    check_claim("fastsolve-falkon-condition", effective_condition(after), 10)
    assert effective_condition(before) > 1e4
    # With all points as centres the preconditioner is perfect (oracle O33).
    _, perfect = falkon_spectra(small, 240, 0.1)
    np.testing.assert_allclose(perfect, 1, rtol=1e-6)


@pytest.mark.slow
def test_nystrom_spectrum(small):
    few, many = (effective_condition(nystrom_spectrum(small, r, seed=1)) for r in (20, 100))
    assert many < few < effective_condition(corrected_spectrum(small, 0).eigenvalues)


@pytest.mark.slow
def test_all_solvers_find_the_same_function(small, mnist):
    K_test = small.kernel(mnist.X_test[:200], small.X)
    exact = K_test @ solve_cholesky(small).coef
    shares = []
    for run in (
        solve_cg(small, tol=1e-6, random_state=1),
        solve_eigenpro(small, tol=1e-6, max_epochs=1000, random_state=1),
    ):
        shares.append(np.linalg.norm(K_test @ run.coef - exact) / np.linalg.norm(exact))
    check_claim("fastsolve-same-function", shares, 1e-5)
    falkon = solve_falkon(small, centers=240, tol=1e-10, random_state=0)
    outputs = small.kernel(mnist.X_test[:200], falkon.centers) @ falkon.coef
    assert np.linalg.norm(outputs - exact) < 1e-3 * np.linalg.norm(exact)


def test_long_steps_diverge(small):
    study = step_study(small, 25, 60, [0.5, 0.9, 2.0], epochs=10, seeds=(7,))
    check_claim("fastsolve-long-steps-diverge", study.residuals[:, -1].min(), 1)
    assert study.residuals[0, :2].max() < 0.05
    assert study.residuals.max() == 10  # where the solver stops
    assert study.theory < 1


def test_flat_spectrum(small):
    noise = np.random.default_rng(4).standard_normal((240, 784))
    flat = KernelSystem(LaplacianKernel(30.0), noise, small.Y)
    one, many = (corrected_spectrum(flat, q).steps(0.01) for q in (1, 30))
    assert one <= 2 * many
    assert corrected_spectrum(flat, 0).steps(0.01) > 20 * one


@pytest.mark.slow
def test_batches(mnist):
    system = digit_system(mnist, LaplacianKernel(10.0), 500, seed=21)
    plain = batch_study(system, 0, [1, 4, 16, 64], tol=0.1, seeds=(3, 4))
    check_claim("fastsolve-saturation", plain.speedup.max() / plain.critical, 4)
    corrected = batch_study(system, 60, [1, 4, 16, 32, 64, 250], tol=0.01, seeds=(3, 4, 5))
    linear = corrected.batch_sizes <= corrected.critical / 4
    assert linear.sum() >= 4
    speedup = np.median(corrected.speedup[:, linear], axis=0)
    check_claim("fastsolve-linear-scaling", speedup / corrected.batch_sizes[linear], 1)


@pytest.mark.slow
def test_a_wide_gaussian_stays_slow(mnist):
    wide = digit_system(mnist, GaussianKernel(25.0), 1000, seed=5)
    rough = digit_system(mnist, LaplacianKernel(10.0), 1000, seed=5)
    raw, helped = (corrected_spectrum(wide, q) for q in (0, 80))
    ratios = [
        raw.condition * np.finfo(np.float32).eps,
        helped.steps(0.01) / (10 * corrected_spectrum(rough, 80).steps(0.01)),
    ]
    check_claim("fastsolve-gaussian-stays-slow", ratios, 1)


@pytest.mark.slow
def test_race_runs_every_solver():
    from fearless.experiments.kernel_regimes.solver_race import solver_race

    images = load_mnist(dtype=np.float32)
    entries = solver_race(images, LaplacianKernel(10.0), 500, tol=1e-3, centers=100, seed=2)
    assert list(entries) == ["Cholesky", "CG", "Nyström + CG", "EigenPro", "FALKON"]
    for name, entry in entries.items():
        assert np.all(np.diff(entry.seconds) > 0)
        assert len(entry.test_error) == len(entry.seconds)
        if name == "FALKON":
            assert entry.residuals is None
            continue
        assert entry.residuals[-1] <= 1e-3
        # 500 test errors of 2,000: equal functions classify alike.
        assert abs(entry.test_error[-1] - entries["Cholesky"].test_error[-1]) < 0.005
