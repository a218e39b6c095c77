"""Exact distances to Voronoi cells, against closed forms and exhaustive search."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from fearless.experiments.interpolation.voronoi import cell_distance, nearest_other_label


def test_two_points_have_one_bisector():
    rng = np.random.default_rng(40)
    for d in (1, 2, 5):
        X, x = rng.standard_normal((2, d)), rng.standard_normal(d)
        far = int(np.argmax(np.linalg.norm(X - x, axis=1)))
        normal = X[far] - X[1 - far]
        expected = -(x - X.mean(axis=0)) @ normal / np.linalg.norm(normal)
        distance, point = cell_distance(X, far, x)
        assert distance == pytest.approx(expected, rel=1e-10)
        gaps = np.linalg.norm(X - point, axis=1)
        assert gaps[0] == pytest.approx(gaps[1], rel=1e-10)
        assert cell_distance(X, 1 - far, x)[0] == 0


def test_on_a_line_the_nearest_cell_begins_at_a_midpoint():
    X = np.array([[0.0], [1.0], [3.0], [3.5]])
    distance, point = nearest_other_label(X, [0, 0, 1, 0], [[0.2], [3.4]])
    np.testing.assert_allclose(distance, [1.8, 0.15], atol=1e-12)
    np.testing.assert_allclose(point[:, 0], [2.0, 3.25], atol=1e-12)


@pytest.mark.parametrize(("n", "d"), [(30, 1), (300, 2), (300, 3), (200, 6)])
def test_no_point_that_is_nearer_has_another_label(n, d):
    rng = np.random.default_rng(41 + d)
    X, y = rng.random((n, d)), rng.integers(3, size=n)
    queries = rng.random((10, d))
    tree = cKDTree(X)
    home = y[tree.query(queries)[1]]
    distance, point = nearest_other_label(X, y, queries)
    np.testing.assert_allclose(np.linalg.norm(point - queries, axis=1), distance, rtol=1e-9)
    for x, label, radius, z in zip(queries, home, distance, point, strict=True):
        directions = rng.standard_normal((3000, d))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        inside = x + 0.999 * radius * rng.random((3000, 1)) ** (1 / d) * directions
        assert np.all(y[tree.query(inside)[1]] == label)
        # The point is on a boundary, with another label among its nearest samples.
        gaps, index = tree.query(z, k=d + 2)
        assert np.any(y[index[gaps <= gaps[0] * (1 + 1e-7) + 1e-12]] != label)


@pytest.mark.parametrize("grid", [3, 5])
def test_ties_on_a_grid(grid):
    ticks = np.arange(grid, dtype=float)
    X = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    y = (np.arange(len(X)) == len(X) // 2).astype(int)
    centre = X[len(X) // 2]
    queries = centre + np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    distance, _ = nearest_other_label(X, y, queries)
    np.testing.assert_allclose(distance, [0.5, 0.5, np.sqrt(0.5)], rtol=1e-9)


def test_one_label_has_no_boundary():
    distance, point = nearest_other_label([[0.0], [1.0]], [1, 1], [[0.3]])
    assert np.isinf(distance).all()
    assert np.isnan(point).all()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: nearest_other_label([[0.0], [1.0]], [0], [[0.3]]), "X has 2"),
        (lambda: nearest_other_label([[0.0], [1.0]], [0, 1], [[0.3, 1.0]]), "queries"),
        (lambda: nearest_other_label([[0.0], [np.nan]], [0, 1], [[0.3]]), "X contains"),
        (lambda: cell_distance([[0.0], [1.0]], 2, [0.3]), "index"),
        (lambda: cell_distance([[0.0], [1.0]], 0, [np.inf]), "query"),
    ],
)
def test_bad_arguments_are_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()
