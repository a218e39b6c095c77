"""One factorisation for all numbers of samples, against one machine for each."""

import numpy as np
import pytest

from fearless.experiments._prefixes import PrefixInterpolants
from fearless.kernels import LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError

KERNEL = LaplacianKernel(1.3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_prefix_is_its_own_machine(dtype):
    rng = np.random.default_rng(71)
    X, Z = (rng.standard_normal((n, 3)).astype(dtype) for n in (30, 7))
    Y = rng.standard_normal((30, 2))
    before = X.copy()
    fits = PrefixInterpolants(KERNEL, X)
    squares, noise = fits.squared_norms(Y), fits.noise_norms()
    samples = [1, 12, 30]
    values = fits.predict(Z, Y[:, 0], samples)
    wide_X, wide_Z = X.astype(float), Z.astype(float)
    for m, found in zip(samples, values, strict=True):
        K = KERNEL(wide_X[:m])
        alpha = np.linalg.solve(K, Y[:m])
        np.testing.assert_allclose(squares[m - 1], np.sum(Y[:m] * alpha, axis=0), rtol=1e-11)
        np.testing.assert_allclose(noise[m - 1] ** 2, np.trace(np.linalg.inv(K)), rtol=1e-11)
        np.testing.assert_allclose(found, KERNEL(wide_Z, wide_X[:m]) @ alpha[:, 0], atol=1e-12)
    np.testing.assert_allclose(fits.coefficients(Y), alpha, rtol=1e-10)
    np.testing.assert_array_equal(X, before)


def test_equal_points_are_refused():
    X = np.array([[1.0], [2.0], [1.0]])
    with pytest.raises(NotPositiveDefiniteError, match="pivot 3 of 3"):
        PrefixInterpolants(KERNEL, X)
    with pytest.raises(ValueError, match="X contains"):
        PrefixInterpolants(KERNEL, [[np.nan]])
