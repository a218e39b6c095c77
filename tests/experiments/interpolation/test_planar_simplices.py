"""The pictures of simplices in the plane show what they say."""

import numpy as np
import pytest

from fearless.experiments.interpolation.planar_simplices import (
    jittered_points,
    polygon_area,
    walk_balls,
    wrong_label,
)
from fearless.local import SimplicialInterpolator


@pytest.mark.parametrize("label", [-0.3, -1.0, -3.0])
def test_basin_and_cell_are_where_the_rules_are_wrong(label):
    points = jittered_points(5, random_state=11)
    picture = wrong_label(points, [0.47, 0.55], label)
    star, basin, cell = picture.areas
    np.testing.assert_allclose(basin / star, (label / (1 - label)) ** 2)
    rng = np.random.default_rng(12)
    queries = rng.uniform(size=(20_000, 2))
    values = np.append(np.ones(len(points)), label)
    model = SimplicialInterpolator(outside="error").fit(picture.points, values)
    wrong = model.predict(queries) < 0
    distances = np.linalg.norm(queries[:, None] - picture.points, axis=2)
    nearest = distances.argmin(axis=1) == len(points)
    for share, area in ((wrong.mean(), basin), (nearest.mean(), cell)):
        assert abs(share - area) < 4 * (area / 20_000) ** 0.5


def test_wrong_label_refuses_the_hull_and_right_labels():
    points = jittered_points(4, random_state=0)
    with pytest.raises(ValueError, match="expected a point inside the hull"):
        wrong_label(points, [1.5, 0.5])
    with pytest.raises(ValueError, match="-label is"):
        wrong_label(points, [0.5, 0.5], 1.0)


def test_area_of_a_polygon():
    assert polygon_area(np.array([[0, 0], [2, 0], [2, 1], [0, 1]])) == 2


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_balls_are_empty_and_end_at_the_simplex_of_the_query(d):
    rng = np.random.default_rng(d)
    points = rng.uniform(size=(60, d))
    queries = rng.dirichlet(np.ones(60), 10) @ points
    found = SimplicialInterpolator("direct").fit(points, points[:, 0]).simplices(queries)
    for query, indices in zip(queries, found.indices, strict=True):
        balls = walk_balls(points, query)
        assert [len(ball.vertices) for ball in balls[: d + 1]] == list(range(1, d + 2))
        depths = [b.radius**2 - np.sum((b.centre - query) ** 2) for b in balls]
        assert np.all(np.diff(depths) >= -1e-12)  # deeper and deeper: the dual objective
        for ball in balls:
            distances = np.linalg.norm(points - ball.centre, axis=1)
            assert distances.min() >= ball.radius * (1 - 1e-7)
            np.testing.assert_allclose(distances[list(ball.vertices)], ball.radius, rtol=1e-7)
        assert set(balls[-1].vertices) == set(indices.tolist())
        assert balls[-1].weights.min() >= 0


def test_balls_find_no_simplex_outside():
    points = np.random.default_rng(0).uniform(size=(20, 2))
    with pytest.raises(ValueError, match="query is outside the convex hull"):
        walk_balls(points, [2.0, 2.0])
