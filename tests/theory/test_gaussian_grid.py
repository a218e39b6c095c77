"""The closed form of the Gaussian kernel on a grid, against matrices and against many digits."""

import mpmath
import numpy as np
import pytest

from fearless.experiments.interpolation.high_precision import exact_interpolant
from fearless.kernels import GaussianKernel
from fearless.theory.gaussian_grid import gaussian_grid_noise, gaussian_grid_power


def matrix(n, step, bandwidth):
    x = step * np.arange(n)
    return GaussianKernel(bandwidth)(x[:, None])


@pytest.mark.parametrize(("step", "bandwidth"), [(1.0, 1.0), (0.3, 0.3), (0.5, 0.3), (2.0, 1.0)])
def test_where_double_precision_is_enough(step, bandwidth):
    K = matrix(9, step, bandwidth)
    found = gaussian_grid_noise(9, step, bandwidth)
    traces = [np.trace(np.linalg.inv(K[:m, :m])) for m in range(1, 10)]
    np.testing.assert_allclose(np.exp(found), traces, rtol=1e-8)
    pivots = np.diag(np.linalg.cholesky(K)) ** 2
    np.testing.assert_allclose(np.exp(gaussian_grid_power(9, step, bandwidth)), pivots, rtol=1e-8)


def test_trace_where_it_is_not():
    """Forty points, condition number beyond 10^40, in 120 digits."""
    n, s = 40, 0.2
    with mpmath.workdps(120):
        h = mpmath.mpf(1) / n
        K = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                K[i, j] = mpmath.exp(-(((i - j) * h / mpmath.mpf(s)) ** 2) / 2)
        L = mpmath.cholesky(K)
        squares = mpmath.mpf(0)
        for i in range(n):  # the columns of L^-1 by forward substitution
            column = [mpmath.mpf(0)] * n
            for j in range(i, n):
                right = mpmath.mpf(j == i) - mpmath.fsum(L[j, k] * column[k] for k in range(i, j))
                column[j] = right / L[j, j]
            squares += mpmath.fsum(v * v for v in column)
        expected = float(mpmath.log(squares))
    assert gaussian_grid_noise(n, 1 / n, s)[-1] == pytest.approx(expected, rel=1e-12)


def test_power_is_the_norm_of_a_surprise_in_many_digits():
    n, s = 25, 0.2
    x = np.arange(n) / 32  # steps that are exact in binary
    surprise = np.eye(n)[-1]
    found = exact_interpolant(GaussianKernel(s), x, surprise)
    expected = -gaussian_grid_power(n, 1 / 32, s)[-1] / 2
    assert found.log10_norm[-1] * np.log(10) == pytest.approx(expected, rel=1e-12)


def test_product_grids():
    """tr of the inverse of a Kronecker product."""
    x = 0.4 * np.arange(4)
    grid = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    trace = np.trace(np.linalg.inv(GaussianKernel(0.4)(grid)))
    assert 2 * gaussian_grid_noise(4, 0.4, 0.4)[-1] == pytest.approx(np.log(trace), rel=1e-9)


def test_the_factorial_bound():
    for n in (2, 10, 50, 200):
        lower = 2 * (n - 1) * np.log(n * 0.2) - np.sum(np.log(np.arange(1, n)))
        power = gaussian_grid_power(n, 1 / n, 0.2)[-1]
        assert lower <= -power <= gaussian_grid_noise(n, 1 / n, 0.2)[-1]


def test_far_points_have_nothing_to_do_with_each_other():
    np.testing.assert_allclose(np.exp(gaussian_grid_noise(5, 100.0, 1.0)), np.arange(1, 6))


def test_extreme_steps():
    np.testing.assert_allclose(gaussian_grid_noise(4, 1e200, 1e-100), np.log(np.arange(1, 5)))
    two = gaussian_grid_noise(2, 1e-100, 1.0)  # 2 / (1 - exp(-h^2)), nearly 2 / h^2
    assert two[-1] == pytest.approx(np.log(2) + 200 * np.log(10), rel=1e-14)
    with pytest.raises(ValueError, match="step / bandwidth is 1"):
        gaussian_grid_noise(3, 1e-200, 1.0)


@pytest.mark.parametrize("function", [gaussian_grid_noise, gaussian_grid_power])
def test_bad_arguments_are_named(function):
    for arguments, name in (
        ((0, 1.0, 1.0), "n is"),
        ((3, -1.0, 1.0), "step"),
        ((3, 1.0, 0.0), "bandwidth"),
    ):
        with pytest.raises(ValueError, match=name):
            function(*arguments)
