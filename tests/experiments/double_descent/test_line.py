"""The one-dimensional illustration, and the identity behind every minimum-norm fit."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments.double_descent.line import fit_line_points, line_points
from fearless.linear import MinNormRegressor


@pytest.mark.parametrize("shape", [(15, 40), (40, 15), (25, 25)])
def test_min_norm_solution_is_the_pseudoinverse(shape):
    rng = np.random.default_rng(7)
    phi, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
    model = MinNormRegressor().fit(phi, y)
    check_claim("min-norm-is-the-pseudoinverse", model.coef_, np.linalg.pinv(phi) @ y)


def test_the_fit_passes_through_the_points_from_the_threshold_on():
    points = line_points(n=10, noise=0.1, seed=2)
    # The grid does not hold the samples: interpolate the fine curve between its neighbours.
    for n_features in (200, 1000):
        curve, _ = fit_line_points(points, n_features)
        assert np.abs(np.interp(points.x, points.grid, curve) - points.y).max() < 1e-2
    stiff, _ = fit_line_points(points, 3)
    assert np.abs(np.interp(points.x, points.grid, stiff) - points.y).max() > 0.1


def test_many_features_come_closer_to_the_truth_than_as_many_as_points():
    distance = {}
    for n_features in (10, 1000):
        distance[n_features] = [
            np.sqrt(np.mean((fit_line_points(p, n_features)[0] - p.truth) ** 2))
            for p in (line_points(seed=seed) for seed in range(15))
        ]
    assert np.median(distance[1000]) < 0.5 * np.median(distance[10])


def test_same_seed_same_points():
    a, b = line_points(seed=3), line_points(seed=3)
    np.testing.assert_array_equal(a.y, b.y)
    assert not np.array_equal(a.y, line_points(seed=4).y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"n": 1}, "n"), ({"noise": -1.0}, "noise"), ({"bandwidth": 0.0}, "bandwidth")],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        line_points(**arguments)
