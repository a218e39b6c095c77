"""Interpolation with enough digits, against closed forms that know nothing of factorisations."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.exceptions import IllConditionedWarning
from fearless.experiments.interpolation.high_precision import (
    exact_interpolant,
    line_fits,
    noisy_steps,
)
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.machines import KernelMachine


@pytest.mark.parametrize("bandwidth", [0.05, 1.0, 20.0])
def test_norm_with_the_laplacian_kernel_has_a_closed_form(bandwidth):
    """||f||^2 = y_1^2 + sum (y_{i+1} - r_i y_i)^2 / (1 - r_i^2), r_i = exp(-gap_i / s)."""
    x, y = noisy_steps(40, 0.3, seed=71)
    order = np.argsort(x)
    gaps, labels = np.diff(x[order]), y[order]
    r = np.exp(-gaps / bandwidth)
    squares = (labels[1:] - r * labels[:-1]) ** 2 / -np.expm1(-2 * gaps / bandwidth)
    expected = np.log10(labels[0] ** 2 + squares.sum()) / 2
    found = exact_interpolant(LaplacianKernel(bandwidth), x, y)
    assert found.log10_norm[-1] == pytest.approx(expected, rel=1e-10)


def test_norm_with_the_gaussian_kernel_by_the_vandermonde_determinant():
    """On a grid K = D V D with a Vandermonde matrix V; norms of e_n are ratios of determinants."""
    n, h, s = 25, 0.04, 0.2
    x, last = h * np.arange(n), np.eye(n)[-1]
    found = exact_interpolant(GaussianKernel(s), x, last)
    with mpmath.workdps(200):
        step = mpmath.mpf(h)  # the grid as floats has it, up to rounding of its products
        q = mpmath.exp((step / mpmath.mpf(s)) ** 2)

        def log_determinant(m):
            value = -2 * sum((i * step) ** 2 for i in range(m)) / (2 * mpmath.mpf(s) ** 2)
            return value + sum(mpmath.log(q**j - q**i) for j in range(m) for i in range(j))

        # e_n^T K^-1 e_n is the last diagonal entry of the inverse, det K_{n-1} / det K_n.
        expected = float((log_determinant(n - 1) - log_determinant(n)) / mpmath.log(10) / 2)
    # Rounding of the grid points moves the norm by about n (rounding / h), far below this.
    assert found.log10_norm[-1] == pytest.approx(expected, abs=1e-8)


def test_values_and_norm_by_exact_rational_elimination():
    """Kernel values rounded to fractions and eliminated without rounding: another arithmetic."""
    x, y = noisy_steps(12, 0.3, seed=72)
    at = np.array([0.1, 0.55, x[3]])
    kernel = GaussianKernel(0.2)
    with mpmath.workdps(120):

        def value(a, b):
            v = mpmath.exp(-((mpmath.mpf(a) - mpmath.mpf(b)) ** 2) / (2 * mpmath.mpf(0.2) ** 2))
            return Fraction(int(mpmath.nint(v * mpmath.mpf(10) ** 90)), 10**90)

        rows = [[value(a, b) for b in x] + [Fraction(int(t))] for a, t in zip(x, y, strict=True)]
        for i in range(len(x)):
            for j in range(len(x)):
                if i != j:
                    factor = rows[j][i] / rows[i][i]
                    rows[j] = [u - factor * v for u, v in zip(rows[j], rows[i], strict=True)]
        alpha = [row[-1] / row[i] for i, row in enumerate(rows)]
        fitted = [float(sum(a * value(t, b) for a, b in zip(alpha, x, strict=True))) for t in at]
        square = sum(a * int(t) for a, t in zip(alpha, y, strict=True))
    found = exact_interpolant(kernel, x, y, at)
    np.testing.assert_allclose(found.values, fitted, rtol=1e-12)
    assert found.values[2] == pytest.approx(y[3], abs=1e-12)
    expected = 0.5 * float(mpmath.log10(mpmath.mpf(square.numerator) / square.denominator))
    assert found.log10_norm[-1] == pytest.approx(expected, rel=1e-12)


def test_it_agrees_with_double_precision_where_that_is_enough():
    x, y = noisy_steps(30, 0.2, seed=73)
    at = np.linspace(0, 1, 50)
    machine = KernelMachine(LaplacianKernel(0.3)).fit(x[:, None], y)
    found = exact_interpolant(LaplacianKernel(0.3), x, y, at)
    np.testing.assert_allclose(found.values, machine.predict(at[:, None]), rtol=1e-10)
    assert 10 ** found.log10_norm[-1] == pytest.approx(machine.norm_, rel=1e-10)


def test_the_number_of_digits_does_not_matter_once_it_is_enough():
    x, y = noisy_steps(20, 0.2, seed=74)
    at = [0.3, 0.9]
    few, many = (exact_interpolant(GaussianKernel(0.2), x, y, at, digits=d) for d in (15, 400))
    assert 15 < few.digits < many.digits == 400
    np.testing.assert_allclose(few.log10_norm, many.log10_norm, rtol=1e-10)
    np.testing.assert_allclose(few.values, many.values, rtol=1e-8)


@pytest.fixture(scope="module")
def lines():
    return [line_fits(40, flip=0.1, n_grid=200, seed=seed) for seed in (75, 76, 77)]


def test_double_precision_does_not_interpolate(lines):
    check_claim("gaussian-interpolates-on-paper-only", [run.residual for run in lines], 0.5)
    assert all("does not interpolate" in run.message for run in lines)


def test_the_exact_interpolant_is_useless(lines):
    gaps = [run.error("exact") - run.error("laplacian") for run in lines]
    check_claim("exact-gaussian-fit-on-a-line-is-useless", np.mean(gaps), 0.1)


def test_norms_grow_exponentially(lines):
    """At least a decimal digit every three samples from the tenth on; the Laplacian's do not."""
    for run in lines:
        assert run.log10_norm[-1] - run.log10_norm[9] > 30 / 3
        assert run.laplacian_norm < 100


def test_the_warning_is_caught_and_no_other():
    x, y = noisy_steps(40, 0.1, seed=75)
    with pytest.warns(IllConditionedWarning):
        KernelMachine(GaussianKernel(0.2)).fit(x[:, None], y)
    assert line_fits(5, bandwidth=0.05, n_grid=5, seed=78).message == ""


def test_samples_of_the_step():
    x, y = noisy_steps(20_000, 0.2, seed=79)
    wrong = y != np.where(x > 0.5, 1, -1)
    assert abs(wrong.mean() - 0.2) < 4.5 * np.sqrt(0.16 / 20_000)
    assert abs(x.mean() - 0.5) < 4.5 / np.sqrt(12 * 20_000)


class TestBadInput:
    def test_points(self):
        with pytest.raises(ValueError, match="twice"):
            exact_interpolant(LaplacianKernel(1.0), [0.0, 0.0], [1.0, -1.0])
        with pytest.raises(ValueError, match="too close"):
            exact_interpolant(GaussianKernel(1e300), [0.0, 1e-300], [1.0, -1.0])
        with pytest.raises(ValueError, match="y has length"):
            exact_interpolant(LaplacianKernel(1.0), [0.0, 1.0], [1.0])

    def test_kernel(self):
        with pytest.raises(TypeError, match="kernel"):
            exact_interpolant(np.exp, [0.0, 1.0], [1.0, 1.0])

    def test_probability(self):
        with pytest.raises(ValueError, match="flip"):
            noisy_steps(5, 1.5, 0)
