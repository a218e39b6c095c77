"""One model, many rulers: the limits in the exponent, and the ruler that ruins the function."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from fearless.book.claims import check_claim
from fearless.experiments.over_parametrization.interpolants import scattered_points
from fearless.experiments.over_parametrization.weighted_cosines import (
    cosine_growth,
    exponent_sweep,
    weighted_cosines,
)
from fearless.linear import MinNormRegressor


@pytest.fixture(scope="module")
def points():
    return scattered_points(random_state=4)


@pytest.mark.parametrize("exponent", [0.0, 0.7, 2.0])
def test_it_is_the_least_weighted_norm(points, exponent):
    j = np.arange(40)
    weights = np.maximum(1, j) ** exponent
    features = np.cos(np.pi * np.outer(points.x, j)) / weights
    model = MinNormRegressor().fit(features, points.y)
    curve, norm = weighted_cosines(points, 40, exponent)
    assert norm == pytest.approx(np.linalg.norm(model.coef_), rel=1e-9)
    on_grid = np.cos(np.pi * np.outer(points.grid, j)) / weights
    np.testing.assert_allclose(curve, on_grid @ model.coef_, atol=1e-8)


def test_slopes_join_the_dots_and_curvature_bends_a_ruler(points):
    # The constant costs as much as cos(pi x), which the energies do not charge.
    inside = (points.grid > points.x[0]) & (points.grid < points.x[-1])
    string, _ = weighted_cosines(points, 3000, 1.0)
    lines = np.interp(points.grid, points.x, points.y)
    assert np.abs(string - lines)[inside].max() < 0.05
    ruler, _ = weighted_cosines(points, 3000, 2.0)
    # Level at both ends of [0, 1], free of corners within: its second derivative is continuous.
    spline = CubicSpline(points.grid, ruler, bc_type="clamped")
    assert np.abs(spline(points.x) - points.y).max() < 1e-3
    fine = np.linspace(0, 1, 2001)
    assert np.abs(np.diff(spline(fine), 2)).max() < 1e-3 < np.abs(np.diff(lines, 2)).max()


def test_a_large_exponent_counts(points):
    few = np.cos(np.pi * np.outer(points.x, np.arange(10)))
    j = np.arange(10)
    slowest = np.cos(np.pi * np.outer(points.grid, j)) @ np.linalg.solve(few, points.y)
    gaps = [np.abs(weighted_cosines(points, 200, q)[0] - slowest).max() for q in (2, 5, 8)]
    assert gaps[2] < gaps[1] < gaps[0]


@pytest.mark.parametrize("seed", [31, 32])
def test_both_ends_fail(seed):
    sweep = exponent_sweep([0, 1.5, 6], n_terms=1000, n_draws=40, random_state=seed)
    zero, middle, six = np.median(sweep.distance, axis=0)
    check_claim("occam-both-ends-fail", middle / min(zero, six), 0.5)


@pytest.mark.parametrize("seed", [33, 34])
def test_the_wrong_ruler_ruins_the_function_and_the_right_one_does_not(seed):
    widths = [20, 100, 3000]
    plain = cosine_growth(widths, 0.0, n_draws=20, random_state=seed)
    ruined = np.median(plain.distance[:, -1])
    check_claim("occam-wrong-ruler", ruined / plain.size_of_truth, 1)
    assert np.all(np.diff(plain.norm, axis=1) < 0)
    assert ruined > 1.1 * np.median(plain.distance[:, 0])
    weighted = cosine_growth(widths, 1.5, n_draws=20, random_state=seed)
    assert np.all(np.diff(weighted.norm, axis=1) < 0)
    assert np.median(weighted.distance[:, -1]) < np.median(weighted.distance[:, 0])


def test_settings_share_their_draws():
    sweep = exponent_sweep([1.0, 2.0], n_terms=50, n_draws=3, random_state=1)
    alone = exponent_sweep([2.0], n_terms=50, n_draws=3, random_state=1)
    np.testing.assert_array_equal(sweep.distance[:, 1:], alone.distance)
    assert sweep.quartiles("distance").shape == (3, 2)
    assert np.all(np.diff(sweep.quartiles("norm"), axis=0) >= 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: weighted_cosines(p, 9, 1.0), "n_terms"),
        (lambda p: weighted_cosines(p, 20, -1.0), "exponent"),
        (lambda p: weighted_cosines(p, 20, 9.0), "exponent"),
        (lambda p: cosine_growth([5, 20], 1.0), "widths"),
        (lambda p: exponent_sweep([], n_terms=30), "exponents"),
        (lambda p: exponent_sweep([1.0, 20.0], n_terms=30), "exponent"),
    ],
)
def test_bad_input(points, call, message):
    with pytest.raises(ValueError, match=message):
        call(points)
