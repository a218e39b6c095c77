"""The Matern kernel against other arithmetic, its limits, and its Fourier transform."""

import mpmath
import numpy as np
import pytest
from kernel_contract import KernelContract
from scipy.integrate import quad
from sklearn.gaussian_process.kernels import Matern

from fearless.kernels import GaussianKernel, LaplacianKernel, MaternKernel


def bessel_formula(r, bandwidth, nu):
    """The definition, with 40 digits."""
    if r == 0:
        return 1.0
    with mpmath.workdps(40):
        t = mpmath.sqrt(2 * mpmath.mpf(nu)) * mpmath.mpf(float(r)) / mpmath.mpf(bandwidth)
        return float(2 ** (1 - mpmath.mpf(nu)) / mpmath.gamma(nu) * t**nu * mpmath.besselk(nu, t))


class TestMaternKernel(KernelContract):
    kernel = MaternKernel(1.7, 2.5)

    def formula(self, x, z):
        t = np.sqrt(5 * ((x - z) ** 2).sum()) / np.longdouble(1.7)
        return (1 + t + t * t / 3) * np.exp(-t)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nu", [0.3, 1.0, 3.7])
def test_through_bessel_functions_it_keeps_the_promises_of_a_kernel(dtype, nu):
    rng = np.random.default_rng(64)
    X, Z = (rng.standard_normal((n, 6)).astype(dtype) for n in (23, 9))
    X[1] = X[0]
    kernel, eps = MaternKernel(1.7, nu), np.finfo(dtype).eps
    K = kernel(X)
    assert K.dtype == dtype
    np.testing.assert_array_equal(K, K.T)
    np.testing.assert_array_equal(K.diagonal(), kernel.diag(X))
    assert K[0, 1] == 1
    assert np.linalg.eigvalsh(K.astype(float)).min() > -100 * eps
    out = np.empty((23, 9), dtype, order="F")
    assert kernel(X, Z, out=out, block_size=4) is out
    expected = [[bessel_formula(np.linalg.norm(x - z), 1.7, nu) for z in Z[:3]] for x in X[:3]]
    np.testing.assert_allclose(out[:3, :3], expected, rtol=0, atol=50 * eps)


@pytest.mark.parametrize("nu", [0.05, 0.3, 0.5, 1.0, 1.2, 2.0, 3.5, 7.3, 20.0, 60.5, 100.0])
def test_against_the_definition_in_forty_digits(nu):
    r = np.concatenate([[0.0], np.geomspace(1e-12, 30, 24)])
    found = MaternKernel(1.3, nu)(np.zeros((1, 1)), r[:, None])[0]
    expected = [bessel_formula(v, 1.3, nu) for v in r]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-14)


@pytest.mark.parametrize("nu", [0.5, 0.8, 1.5, 2.5, 4.1])
def test_agrees_with_scikit_learn(nu):
    X = np.random.default_rng(61).standard_normal((20, 4))
    expected = Matern(2.0, nu=nu)(X)
    np.testing.assert_allclose(MaternKernel(2.0, nu)(X), expected, rtol=0, atol=1e-12)


def test_the_ends_of_the_dial():
    X = np.random.default_rng(62).standard_normal((30, 6))
    np.testing.assert_allclose(
        MaternKernel(1.3, 0.5)(X), LaplacianKernel(1.3)(X), rtol=0, atol=1e-15
    )
    np.testing.assert_array_equal(MaternKernel(1.3, np.inf)(X), GaussianKernel(1.3)(X))
    # The distance to the limit is of the order 1 / nu.
    gaps = [np.abs(MaternKernel(1.3, nu)(X) - GaussianKernel(1.3)(X)).max() for nu in (25.0, 100.0)]
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("nu", [0.5, 1.2, 2.5, np.inf])
def test_spectral_density_is_the_fourier_transform_on_a_line(nu):
    kernel = MaternKernel(0.7, nu)

    def value(x):
        return kernel([[0.0]], [[x]])[0, 0]

    for w in (0.3, 1.0, 4.0):
        integral = 2 * quad(value, 0, 60, weight="cos", wvar=w, limit=400)[0]
        assert kernel.spectral_density(w, 1) == pytest.approx(integral, abs=2e-7)


@pytest.mark.parametrize("nu", [0.5, 1.5, np.inf])
def test_spectral_density_inverts_to_one_at_zero(nu):
    """(2 pi)^-d times the integral of S over all frequencies is K(x, x) = 1."""
    kernel = MaternKernel(0.7, nu)
    for d, sphere in ((1, 2.0), (2, 2 * np.pi), (3, 4 * np.pi)):
        total = quad(
            lambda w, d=d: float(kernel.spectral_density(w, d)) * w ** (d - 1), 0, np.inf, limit=200
        )[0]
        assert sphere * total / (2 * np.pi) ** d == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("nu", [0.5, 1.5, 4.0, np.inf])
def test_frequencies_have_the_kernel_as_characteristic_function(nu):
    kernel = MaternKernel(0.7, nu)
    V = kernel.sample_frequencies(50_000, 3, 63)
    for distance in (0.2, 0.7, 2.0):
        sample = np.cos(V[:, 0] * distance)
        expected = kernel([[0.0]], [[distance]])[0, 0]
        assert abs(sample.mean() - expected) < 4.5 * sample.std() / np.sqrt(len(sample))


def test_far_and_near_points():
    X = np.array([[0.0], [1e-300], [1e-160], [1e-8], [1e4], [1e150], [-1e200]])
    for nu in (0.05, 0.5, 1.0, 2.5, 33.3, 100.0):
        K = MaternKernel(1.0, nu)(X)
        assert np.all(K.diagonal() == 1)
        assert np.isfinite(K).all()
        assert K[0, 5] == K[0, 6] == K[4, 6] == 0
        assert np.all((K >= 0) & (K <= 1))


def test_extreme_frequencies():
    for nu in (0.5, 2.5, np.inf):
        assert MaternKernel(1.0, nu).spectral_density([1e200, 1e308], 1).tolist() == [0, 0]
    rough = MaternKernel(2.0, 0.05).spectral_density([1e200, 1e201], 1)
    assert rough[0] / rough[1] == pytest.approx(10**1.1, rel=1e-9)
    # Of a heavy tail nothing overflows, and the kernel is nearly one at the same point only.
    V = MaternKernel(1.0, 1e-3).sample_frequencies(4000, 1, 65)
    assert np.isfinite(V).all()
    expected = MaternKernel(1.0, 1e-3)([[0.0]], [[1.0]])[0, 0]
    sample = np.cos(V[:, 0])
    assert abs(sample.mean() - expected) < 4 * sample.std() / np.sqrt(len(sample))


def test_an_infinite_smoothness_of_any_float_type_is_the_gaussian_kernel():
    assert MaternKernel(1.0, np.float32(np.inf)) == MaternKernel(1.0, np.inf)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((0.0, 1.5), ValueError, "bandwidth is"),
        (("1", 1.5), TypeError, "bandwidth is"),
        ((1.0, 0.0), ValueError, "smoothness is"),
        ((1.0, np.nan), ValueError, "smoothness is"),
        ((1.0, -np.inf), ValueError, "smoothness is"),
        ((1.0, 200.0), ValueError, "expected at most 100, or inf"),
        ((1.0, None), TypeError, "smoothness is"),
    ],
)
def test_bad_parameters_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        MaternKernel(*arguments)


def test_bad_arguments_of_methods():
    kernel = MaternKernel(1.0)
    with pytest.raises(ValueError, match="frequency contains"):
        kernel.spectral_density([-1.0], 2)
    with pytest.raises(ValueError, match="n_dims is 0"):
        kernel.spectral_density(1.0, 0)
    with pytest.raises(ValueError, match="n_frequencies is 0"):
        kernel.sample_frequencies(0, 1)
