"""Kernels against the double loop, their spectral measures, and the cancellation they avoid."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_contract import KernelContract
from scipy.special import gamma as gamma_function
from threadpoolctl import ThreadpoolController, threadpool_limits

from fearless import _distances
from fearless._distances import fill_from_squared_distances
from fearless.data import load_mnist
from fearless.kernels import GaussianKernel, LaplacianKernel

KERNELS = [GaussianKernel, LaplacianKernel]
DTYPES = [np.float32, np.float64]


class TestGaussianKernel(KernelContract):
    kernel = GaussianKernel(1.7)

    def formula(self, x, z):
        return np.exp(-((x - z) ** 2).sum() / (2 * np.longdouble(1.7) ** 2))


class TestLaplacianKernel(KernelContract):
    kernel = LaplacianKernel(1.7)

    def formula(self, x, z):
        return np.exp(-np.sqrt(((x - z) ** 2).sum()) / np.longdouble(1.7))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("bandwidth", "error"),
    [
        *[(bad, ValueError) for bad in (0, -1.0, np.nan, np.inf)],
        *[(bad, TypeError) for bad in ("5", None, True)],
    ],
)
def test_bad_bandwidths_are_named(kernel, bandwidth, error):
    with pytest.raises(error, match="bandwidth is"):
        kernel(bandwidth)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_bandwidth_beyond_the_dtype_is_an_error_not_nan(kernel):
    X = np.eye(6)
    assert np.array_equal(kernel(1e-30)(X), np.eye(6))
    with pytest.raises(ValueError, match=r"bandwidth of .* is too small for float32"):
        kernel(1e-42)(X.astype(np.float32))
    with pytest.raises(ValueError, match=r"bandwidth of .* is too small for float64"):
        kernel(1e-310)(X)
    assert np.all(kernel(1e300)(X) == 1)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("dtype", "huge"), [(np.float32, 1e25), (np.float64, 1e200)])
def test_points_whose_squares_overflow_are_an_error_not_nan(kernel, dtype, huge):
    X = (np.eye(6) * huge).astype(dtype)
    with pytest.raises(ValueError, match=r"X or Z contains values up to .*overflows"):
        kernel(1.0)(X)
    # In few dimensions nothing is subtracted from infinity: the limit, zero, is right.
    np.testing.assert_array_equal(kernel(1.0)(X[:2, :2]), np.eye(2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [3, 40])
def test_distances_keep_their_digits_at_every_gap(dtype, d):
    """Relative error of the squared distance, from gap 1 down to two units in the last place."""
    eps = np.finfo(dtype).eps
    rng = np.random.default_rng(d)
    for gap in [0, *np.geomspace(1, 4 * eps, 12)]:
        for offset in (0, 1, 1000):
            X = (rng.standard_normal((10, d)) + offset).astype(dtype)
            Z = (X + gap * rng.standard_normal((10, d))).astype(dtype)
            exact = ((X[:, None].astype(np.longdouble) - Z) ** 2).sum(-1)
            squared = np.empty((10, 10), dtype)
            fill_from_squared_distances(X, Z, squared, lambda values: None)
            # (d + 2) eps from the sum; 16 or 64 times d eps where a product was taken. Centring
            # rounds coordinates to eps / 2 of their centred size, at most 1 / sqrt(guard) gap.
            guard = 16 if dtype == np.float32 else 64
            bound = eps * (d + 4) * guard
            assert np.all(np.abs(squared - exact) <= bound * exact)
            np.testing.assert_array_equal(squared[exact == 0], 0)


def test_centring_spares_the_recomputation(monkeypatch):
    """Far from the origin every pair looks close unless the mean is subtracted first."""
    recomputed = []
    original = _distances._ProductTile._recompute

    def count(self, squared, i, j, offset):
        recomputed.append(len(i))
        original(self, squared, i, j, offset)

    monkeypatch.setattr(_distances._ProductTile, "_recompute", count)
    X = np.random.default_rng(0).standard_normal((100, 40)) + 1000
    GaussianKernel(1.0)(X)
    assert sum(recomputed) == 100  # the diagonal


def test_naive_distances_would_fail_the_previous_test():
    """The formula ||x||^2 + ||z||^2 - 2 <x, z> loses every digit of a gap of 1e-6."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 40)).astype(np.float32)
    Z = X + np.float32(1e-6)
    exact = ((X.astype(float) - Z) ** 2).sum(1)
    naive = (X**2).sum(1) + (Z**2).sum(1) - 2 * (X * Z).sum(1)
    assert np.all(np.abs(naive - exact) > 0.99 * exact)  # most often the result is 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_against_fifty_decimal_digits(dtype):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((5, 8)).astype(dtype)
    X[1] = X[0] + dtype(1e-5)
    with localcontext() as context:
        context.prec = 50
        s = Decimal("0.75")
        for kernel, value in (
            (GaussianKernel(0.75), lambda squared: (-squared / (2 * s**2)).exp()),
            (LaplacianKernel(0.75), lambda squared: (-squared.sqrt() / s).exp()),
        ):
            K = kernel(X)
            for i, j in np.ndindex(5, 5):
                pairs = zip(X[i].tolist(), X[j].tolist(), strict=True)
                squared = sum((Decimal(a) - Decimal(b)) ** 2 for a, b in pairs)
                error = abs(Decimal(float(K[i, j])) - value(squared))
                assert error < TestLaplacianKernel().tolerance(X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_laplacian_on_digits(dtype):
    """On real digits the diagonal is exactly one, and float32 is right to a few units."""
    X = load_mnist(300, dtype=dtype).X_train
    K = LaplacianKernel(10.0)(X)
    assert np.all(K.diagonal() == 1)
    differences = X[:, None, :].astype(float) - X[None, :40].astype(float)
    exact = np.exp(-np.linalg.norm(differences, axis=-1) / 10)
    # Rounding errors of 784 products add up like a random walk: sqrt(784) eps, not 784 eps.
    assert np.abs(K[:, :40] - exact).max() < 28 * np.finfo(dtype).eps


@given(
    n=st.integers(1, 12),
    m=st.integers(1, 12),
    d=st.integers(1, 9),
    block_size=st.integers(1, 13),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_gaussian_is_the_squared_laplacian_profile(n, m, d, block_size, scale, seed):
    """log K_Gauss = -(log K_Laplace)^2 / 2 for equal bandwidths, whatever the shapes."""
    rng = np.random.default_rng(seed)
    X, Z = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    gaussian = GaussianKernel(scale)(X * scale, Z * scale, block_size=block_size)
    laplacian = LaplacianKernel(scale)(X * scale, Z * scale)
    np.testing.assert_allclose(np.exp(-(np.log(laplacian) ** 2) / 2), gaussian, rtol=1e-11)


@given(shift=st.floats(-1e3, 1e3), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_translation_invariance(shift, seed):
    X = np.random.default_rng(seed).standard_normal((8, 6))
    for kernel in (GaussianKernel(1.0), LaplacianKernel(1.0)):
        # The shifted points themselves are rounded: eps |shift| in each of 6 coordinates.
        atol = 10 * np.finfo(float).eps * (100 + abs(shift))
        np.testing.assert_allclose(kernel(X + shift), kernel(X), rtol=0, atol=atol)


@pytest.mark.parametrize("kernel", [GaussianKernel(0.7), LaplacianKernel(0.7)])
@pytest.mark.parametrize("d", [1, 3])
def test_frequencies_have_the_kernel_as_characteristic_function(kernel, d):
    """Bochner: E cos <v, delta> = K(delta); z-scores over three seeds and three distances."""
    directions = np.ones(d) / np.sqrt(d)
    for seed in range(3):
        V = kernel.sample_frequencies(200_000, d, seed)
        for distance in (0.2, 0.7, 2.0):
            sample = np.cos(V @ (distance * directions))
            expected = kernel(np.zeros((1, d)), (distance * directions)[None])[0, 0]
            z = (sample.mean() - expected) / (sample.std() / np.sqrt(len(sample)))
            assert abs(z) < 4.5


def test_laplacian_frequencies_in_one_dimension_are_cauchy():
    """O27, d = 1: density 2 s / (2 pi (1 + s^2 v^2)); share of |v| < 1 / s is one half."""
    V = LaplacianKernel(0.5).sample_frequencies(100_000, 1, 0)
    share = np.mean(np.abs(V) < 2)
    assert abs(share - 0.5) < 4.5 * np.sqrt(0.25 / len(V))


def test_laplacian_spectral_density_in_three_dimensions():
    """O27, d = 3: density 8 pi s^3 (1 + s^2 |v|^2)^-2 / (2 pi)^3; radial share from quadrature."""
    s, d = 0.5, 3
    constant = 2**d * np.pi ** ((d - 1) / 2) * gamma_function((d + 1) / 2) * s**d
    assert constant == pytest.approx(8 * np.pi * s**3, rel=1e-14)
    radius = np.linalg.norm(LaplacianKernel(s).sample_frequencies(100_000, d, 1), axis=1)
    for r in (1.0, 3.0, 8.0):
        t = np.linspace(0, r, 20_001)
        density = (
            constant * (1 + s**2 * t**2) ** (-(d + 1) / 2) / (2 * np.pi) ** d * 4 * np.pi * t**2
        )
        share = np.trapezoid(density, t)
        z = (np.mean(radius < r) - share) / np.sqrt(share * (1 - share) / len(radius))
        assert abs(z) < 4.5


@pytest.mark.parametrize("kernel", [GaussianKernel(1.0), LaplacianKernel(1.0)])
def test_frequencies_check_their_arguments(kernel):
    with pytest.raises(ValueError, match="n_frequencies is 0"):
        kernel.sample_frequencies(0, 3)
    with pytest.raises(ValueError, match="n_dims is 0"):
        kernel.sample_frequencies(3, 0)
    with pytest.raises(TypeError, match="random_state is"):
        kernel.sample_frequencies(3, 3, "seed")
    first, second = (kernel.sample_frequencies(4, 2, 9) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("d", [3, 40])
def test_threads_give_the_same_numbers(monkeypatch, d, same):
    """Tiles side by side, each by one thread, against one after the other."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, d))
    Z = None if same else rng.standard_normal((250, d))
    with threadpool_limits(1, user_api="blas"):
        alone = LaplacianKernel(1.0)(X, Z, block_size=32)
    monkeypatch.setattr(_distances, "MANY_ENTRIES", 1)
    with threadpool_limits(2, user_api="blas"):
        together = LaplacianKernel(1.0)(X, Z, block_size=32)
        assert ThreadpoolController().select(user_api="blas").info()[0]["num_threads"] == 2
    np.testing.assert_array_equal(together, alone)
    with pytest.raises(ValueError, match="overflows float64"), threadpool_limits(2):
        LaplacianKernel(1.0)(1e160 * rng.random((200, 9)), block_size=32)
