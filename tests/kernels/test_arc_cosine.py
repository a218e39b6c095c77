"""The arc-cosine kernel against its integral, its random features and the double loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_contract import KernelContract
from scipy.integrate import quad

from fearless.features import RandomReLUFeatures
from fearless.kernels import ArcCosineKernel


class TestArcCosineKernel(KernelContract):
    kernel = ArcCosineKernel(0.3)
    #: |d K / d log ||u - w||| of unit vectors is (pi - t) 4 sin(t / 2)^2 / pi, at most 1.03.
    sensitivity = 1.1

    def formula(self, x, z):
        norm_x, norm_z = np.sqrt((x**2).sum()), np.sqrt((z**2).sum())
        u, w = x / norm_x, z / norm_z
        angle = 2 * np.arctan2(np.sqrt(((u - w) ** 2).sum()), np.sqrt(((u + w) ** 2).sum()))
        pi = np.longdouble("3.14159265358979323846264338327950288")
        profile = (np.sin(angle) + (pi - angle) * np.cos(angle)) / pi
        return np.longdouble(0.3) * norm_x * norm_z * profile

    def tolerance(self, X):
        return super().tolerance(X) * 0.3 * float((X.astype(float) ** 2).sum(axis=1).max())


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.4, 1.7, 3.0, np.pi])
def test_is_the_mean_over_gaussian_directions(angle):
    """In the plane of x and z, v has an angle a uniform on the circle and E |v|^2 = 2."""
    x, z = 2.0 * np.array([1.0, 0.0]), 0.5 * np.array([np.cos(angle), np.sin(angle)])

    def product(a):
        return max(2.0 * np.cos(a), 0) * max(0.5 * np.cos(a - angle), 0)

    kinks = [np.pi / 2, angle - np.pi / 2]
    mean = quad(product, -np.pi, np.pi, points=kinks, epsabs=1e-14)[0] / (2 * np.pi) * 2
    value = ArcCosineKernel()([x], [z])[0, 0]
    assert value == pytest.approx(2 * mean, abs=1e-12)


def test_is_the_limit_of_random_relu_features():
    X = np.random.default_rng(3).standard_normal((6, 7))
    expected = ArcCosineKernel(scale=1 / 14)(X)
    draws = []
    for seed in range(40):
        phi = RandomReLUFeatures(2000, random_state=seed).fit_transform(X)
        draws.append(phi @ phi.T)
    error = np.std(draws, axis=0, ddof=1) / len(draws) ** 0.5
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) < 4.5 * error)


@given(st.floats(1e-3, 1e3), st.integers(0, 100))
def test_homogeneous_of_degree_one_in_each_point(factor, seed):
    X = np.random.default_rng(seed).standard_normal((4, 3))
    K = ArcCosineKernel()
    np.testing.assert_allclose(K(factor * X, X), factor * K(X), rtol=1e-12, atol=1e-14 * factor)


def test_keeps_the_angle_of_nearly_parallel_points():
    """1 - K grows like t^2 / 2; from the inner product alone t would be 1e-8 or 0."""
    gap = 1e-7
    K = ArcCosineKernel()([[1.0, 0.0]], [[np.cos(gap), np.sin(gap)]])
    assert 1 - K[0, 0] == pytest.approx(gap**2 / 2, rel=0.05)


def test_the_origin_and_opposite_points_give_zero():
    K = ArcCosineKernel()
    assert np.array_equal(K([[0.0, 0.0]], [[1.0, 2.0]]), [[0.0]])
    assert K([[1.0, 2.0]], [[-1.0, -2.0]])[0, 0] == pytest.approx(0, abs=1e-15)
    assert np.array_equal(K.diag([[0.0, 0.0], [3.0, 4.0]]), [0.0, 25.0])


@pytest.mark.parametrize("size", [1e-150, 1e-30, 1e30, 1e150])
def test_extreme_norms(size):
    X = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_allclose(
        ArcCosineKernel()(size * X) / size**2, ArcCosineKernel()(X), rtol=1e-12
    )


def test_overflow_is_an_error():
    with pytest.raises(ValueError, match=r"values up to 1e\+160, where ArcCosineKernel.* overflow"):
        ArcCosineKernel()([[1e160]])
    with pytest.raises(ValueError, match="overflows float32"):
        ArcCosineKernel().diag(np.full((1, 2), 1e25, "f4"))


@pytest.mark.parametrize(
    ("scale", "error"), [(0, ValueError), (np.nan, ValueError), ("a", TypeError)]
)
def test_bad_scales_are_named(scale, error):
    with pytest.raises(error, match="scale is"):
        ArcCosineKernel(scale)
