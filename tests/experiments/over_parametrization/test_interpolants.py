"""Interpolants of the same points: the least one, and how sharp the norm budget is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.experiments.over_parametrization._least_norm import least_norm_weights
from fearless.experiments.over_parametrization.interpolants import (
    gallery,
    line_kernel_interpolant,
    norm_budget,
    random_interpolants,
    scattered_points,
)
from fearless.experiments.over_parametrization.kernel_interpolant import KernelInterpolant
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, LaplacianKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.linear import MinNormRegressor
from fearless.theory.sobolev import sobolev_norm


@pytest.fixture(scope="module", params=[4, 295])
def points(request):
    return scattered_points(random_state=request.param)


def test_every_interpolant_is_the_least_one_and_something_orthogonal(points):
    phi = RandomFourierFeatures(600, GaussianKernel(points.bandwidth), random_state=7)
    features = phi.fit_transform(points.x[:, None])
    least = MinNormRegressor().fit(features, points.y).coef_
    shares = []
    for N in (12, 40, 300):
        a = np.zeros(600)
        a[:N] = MinNormRegressor().fit(features[:, :N], points.y).coef_
        shares.append(a @ a / (least @ least + np.sum((a - least) ** 2)))
    np.testing.assert_allclose(shares, 1, rtol=1e-9)


@pytest.mark.parametrize("seed", [30, 31])
def test_the_norm_is_the_energy_of_the_curve(seed):
    x, y = scattered_points(random_state=seed).x, scattered_points(random_state=seed).y
    model = KernelInterpolant.through(LaplacianKernel(0.3), x[:, None], y)
    t = np.union1d(np.linspace(-5, 6, 100_000), x)
    f, dt = model.values(t[:, None]), np.diff(t)
    squares = (f[1:] ** 2 + f[:-1] ** 2) / 2
    energy = np.sum(squares / 0.3 * dt + 0.3 * np.diff(f) ** 2 / dt) / 2
    expected = sobolev_norm(x, y, 0.3) ** 2
    # The trapezoids are off by the square of the step over the length, (1e-4 / 0.3)^2.
    np.testing.assert_allclose(energy, expected, rtol=1e-6)
    assert model.norm**2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(5, 5), (5, 30)])
def test_stacks_of_problems_have_the_pseudoinverse_for_solution(shape):
    rng = np.random.default_rng(0)
    features, y = rng.standard_normal((3, *shape)), rng.standard_normal(5)
    weights, rows = least_norm_weights(features, y)
    np.testing.assert_allclose(weights, np.linalg.pinv(features) @ y, atol=1e-11)
    np.testing.assert_allclose(
        rows.swapaxes(1, 2) @ rows, np.tile(np.eye(5), (3, 1, 1)), atol=1e-12
    )


class TestKernelInterpolant:
    def test_it_agrees_with_dense_linear_algebra(self, points):
        kernel, X = GaussianKernel(points.bandwidth), points.x[:, None]
        Y = np.stack([points.y, points.y**2], axis=1)
        model = KernelInterpolant.through(kernel, X, Y)
        inverse, Z = np.linalg.inv(kernel(X)), np.linspace(0, 1, 17)[:, None]
        np.testing.assert_allclose(model.values(Z), kernel(Z, X) @ inverse @ Y, atol=1e-9)
        assert model.norm**2 == pytest.approx(np.trace(Y.T @ inverse @ Y), rel=1e-9)
        residual = kernel(Z) - kernel(Z, X) @ inverse @ kernel(X, Z)
        np.testing.assert_allclose(model.residual_kernel(Z, Z), residual, atol=1e-9)
        np.testing.assert_allclose(model.power(Z) ** 2, np.diag(residual), atol=1e-9)

    def test_it_interpolates_and_the_power_vanishes_at_the_points(self, points):
        model = line_kernel_interpolant(points)
        np.testing.assert_allclose(model.values(points.x[:, None]), points.y, atol=1e-10)
        # The square is rounded at 1e-16 times the condition number; its root at the root of that.
        assert np.all(model.power(points.x[:, None]) < 1e-5)

    def test_bad_input(self):
        kernel = GaussianKernel(1.0)
        with pytest.raises(NotPositiveDefiniteError):
            KernelInterpolant.through(kernel, [[0.0], [0.0]], [1.0, 2.0])
        with pytest.raises(ValueError, match="y has 1 rows"):
            KernelInterpolant.through(kernel, [[0.0], [1.0]], [1.0])


class TestNormBudget:
    @pytest.mark.parametrize("ratio", [1.02, 1.7])
    def test_the_extremes_exhaust_it(self, points, ratio):
        at = points.grid[[60, 240]]
        result = norm_budget(points, ratio, at)
        reached = result.extremes[[0, 1], [60, 240]] - result.curve[[60, 240]]
        np.testing.assert_allclose(reached, result.half_width[[60, 240]], rtol=1e-8)
        # Their norms, by interpolating them again at the samples and the place together.
        for place, top in zip(at, result.curve[[60, 240]] + reached, strict=True):
            X = np.append(points.x, place)[:, None]
            extended = KernelInterpolant.through(
                GaussianKernel(points.bandwidth), X, np.append(points.y, top)
            )
            assert extended.norm == pytest.approx(ratio * result.norm, rel=1e-8)
            # It is the least function through that value: nothing cheaper gets so high.
            np.testing.assert_allclose(
                extended.values(points.grid[:, None]),
                result.extremes[int(place != at[0])],
                atol=1e-7,
            )

    @settings(max_examples=25)
    @given(ratio=st.floats(1.0, 5.0), seed=st.integers(0, 1000))
    def test_no_interpolant_leaves_the_band(self, ratio, seed):
        points = scattered_points(random_state=4)
        model, rng = line_kernel_interpolant(points), np.random.default_rng(seed)
        result = norm_budget(points, ratio, [0.5])
        # A random function that vanishes at the samples, of the norm that the budget leaves.
        places, c = rng.uniform(size=(5, 1)), rng.standard_normal(5)
        size = np.sqrt(max(c @ model.residual_kernel(places, places) @ c, 0))
        beyond = np.sqrt(ratio**2 - 1) * model.norm / max(size, 1e-12)
        g = beyond * (model.residual_kernel(points.grid[:, None], places) @ c)
        assert np.all(np.abs(g) <= result.half_width * (1 + 1e-6) + 1e-6)

    def test_an_exact_sample_of_the_space_is_within_the_bound(self):
        rng = np.random.default_rng(5)
        kernel, centres, c = GaussianKernel(0.1), rng.uniform(size=(6, 1)), rng.standard_normal(6)
        X, Z = np.linspace(0.05, 0.95, 8)[:, None], np.linspace(0, 1, 101)[:, None]
        model = KernelInterpolant.through(kernel, X, kernel(X, centres) @ c)
        squared = c @ kernel(centres) @ c
        gap = np.abs(model.values(Z) - kernel(Z, centres) @ c)
        assert squared > model.norm**2
        assert np.all(gap <= model.power(Z) * np.sqrt(squared - model.norm**2) + 1e-9)

    def test_the_least_norm_leaves_one_function(self, points):
        result = norm_budget(points, 1.0, [0.5])
        assert result.half_width.max() == 0
        np.testing.assert_array_equal(result.extremes[0], result.curve)

    def test_bad_input(self, points):
        with pytest.raises(ValueError, match=r"ratio is 0\.9"):
            norm_budget(points, 0.9, [0.5])
        with pytest.raises(ValueError, match="at contains a sample"):
            norm_budget(points, 1.5, [0.5, points.x[3]])
        with pytest.raises(ValueError, match="at contains"):
            norm_budget(points, 1.5, [np.nan])


class TestRandomInterpolants:
    def test_they_interpolate_with_the_norm_asked_for(self, points):
        drawn = random_interpolants(points, 300, [1.0, 3.0, 50.0], random_state=2)
        assert drawn.misfit < 1e-9
        norms = np.linalg.norm(drawn.weights, axis=1) / np.linalg.norm(drawn.least)
        np.testing.assert_allclose(norms, [1, 3, 50], rtol=1e-9)
        assert drawn.curves.shape == (3, len(points.grid))

    def test_bad_input(self, points):
        with pytest.raises(ValueError, match="n_features"):
            random_interpolants(points, 10, [2.0])
        with pytest.raises(ValueError, match=r"ratios contains 0\.5"):
            random_interpolants(points, 50, [2.0, 0.5])
        with pytest.raises(ValueError, match="ratios"):
            random_interpolants(points, 50, [])


def test_the_gallery_goes_through_the_points(points):
    curves = gallery(points)
    assert len(curves) == 6
    for name, curve in curves.items():
        assert np.all(np.isfinite(curve)), name
    # Smooth ones do so between the places of the grid, too.
    for name in ("1,000 cosines, least norm", "straight lines"):
        assert np.abs(np.interp(points.x, points.grid, curves[name]) - points.y).max() < 0.02


def test_points_are_drawn_as_asked():
    points = scattered_points(50, noise=0.0, random_state=np.random.default_rng(1))
    assert np.all(np.diff(points.x) > 0)
    np.testing.assert_allclose(points.y, np.sin(2 * np.pi * points.x) + points.x)
    with pytest.raises(ValueError, match="bandwidth"):
        scattered_points(bandwidth=0.0)
    with pytest.raises(ValueError, match="n is 1"):
        scattered_points(1)
