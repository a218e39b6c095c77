"""Neighbour search: exact order and distances in hard cases, against differences in float64."""

import numpy as np
import pytest

from fearless._rows import group_rows
from fearless.local._duplicates import merge_duplicates
from fearless.local._search import NeighborSearch, row_blocks


def by_differences(X, Q, k):
    r = np.sqrt(np.sum((Q[:, None].astype(float) - X) ** 2, axis=2))
    order = np.argsort(r, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(r, order, axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "d", "tree"), [(100, 3, True), (5000, 8, True), (300, 30, False), (40, 30, True)]
)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_nearest(dtype, n, d, tree, offset):
    rng = np.random.default_rng(n)
    X = np.unique((rng.random((n, d)) + offset).astype(dtype), axis=0)
    Q = np.vstack([rng.random((30, d)) + offset, X[:30]]).astype(dtype)
    search = NeighborSearch(X)
    assert search.uses_tree == tree
    indices, distances = search.nearest(search.prepare(Q), 5)
    expected_indices, expected = by_differences(X.astype(float), Q, 5)
    np.testing.assert_allclose(distances, expected, rtol=1e-12)
    np.testing.assert_array_equal(indices[30:, 0], np.arange(30))
    assert np.mean(indices == expected_indices) > 0.99  # ties in float32


def test_tight_clusters_far_apart_defeat_products_not_the_search():
    """Distances of 1e-6 within clusters 1e6 apart: rounding errors of products are 1e-4."""
    rng = np.random.default_rng(0)
    centers = 1e6 * rng.standard_normal((4, 40))
    X = (centers[:, None] + 1e-6 * rng.standard_normal((4, 50, 40))).reshape(-1, 40)
    Q = centers + 1e-6 * rng.standard_normal((4, 40))
    search = NeighborSearch(X)
    assert not search.uses_tree
    _, distances = search.nearest(Q, 6)
    _, expected = by_differences(X, Q, 6)
    np.testing.assert_allclose(distances, expected, rtol=1e-12)
    np.testing.assert_array_equal(search.nearest(X, 3)[0][:, 0], np.arange(len(X)))


@pytest.mark.parametrize("d", [2, 30])
def test_points_closer_than_the_square_root_of_the_smallest_number(d):
    """Two points 1e-200 apart: squares underflow, yet only the equal one is at distance zero."""
    X = np.zeros((20, d))
    X[:, 0] = np.arange(20.0)
    X[1, 0] = 1e-200
    search = NeighborSearch(X)
    indices, distances = search.nearest(X[:2].copy(), 3)
    np.testing.assert_array_equal(indices[:, 0], [0, 1])
    np.testing.assert_array_equal(distances == 0, [[True, False, False]] * 2)
    squared = search.squared_distances(X[:2])
    np.testing.assert_array_equal(squared[:, :2] == 0, np.eye(2, dtype=bool))
    rows, columns, near = search.within(X[:2].copy(), 0.5)
    np.testing.assert_array_equal(near == 0, rows == columns)


def test_queries_that_overflow_are_refused():
    search = NeighborSearch(np.array([[0.0], [1e-300]]))
    assert search.scale > 1
    with pytest.raises(ValueError, match="X has values so far beyond"):
        search.prepare(np.array([[1e300]]))


@pytest.mark.parametrize("d", [1, 6])
def test_distances_of_prepared_queries_never_overflow(d):
    """Right below the limit everything is finite, right above queries are refused."""
    X = np.zeros((3, d))
    X[:, 0] = [0, 1, 3]
    search = NeighborSearch(X)
    limit = (np.finfo(float).max / (32 * d)) ** 0.5
    Q = np.full((2, d), 0.999 * limit)
    Q[1] *= -1
    Q = search.prepare(Q)
    assert np.isfinite(search.squared_distances(Q)).all()
    indices, distances = search.nearest(Q, 3)
    np.testing.assert_array_equal(np.sort(indices, axis=1), [[0, 1, 2]] * 2)
    np.testing.assert_allclose(distances, 0.999 * limit * d**0.5)
    assert search.within(Q, 1.0)[0].size == 0
    for bad in (1.001 * limit, -1e160, 1e308):
        with pytest.raises(ValueError, match=r"X has values so far beyond .* expected at most"):
            search.prepare(np.vstack([Q, np.full(d, bad)]))


def test_far_queries_in_single_precision_are_computed_in_double():
    X = np.array([[0.0], [1.0]], np.float32)
    for scale in (1.0, 2.0**-110, 2.0**100):
        search = NeighborSearch(X * np.float32(scale))
        near, far = (np.array([[q]], np.float32) for q in (2.0 * scale, 3e38))
        assert search.prepare(near).dtype == np.float32
        queries = search.prepare(far)
        assert np.isfinite(search.squared_distances(queries)).all()
        if scale < 2:
            assert queries.dtype == np.float64
            np.testing.assert_array_equal(queries, far.astype(float) * search.scale)


def test_points_below_the_normal_numbers_in_single_precision():
    X = np.array([[0.0], [1e-44], [3e-44]], np.float32)
    search = NeighborSearch(X)
    assert np.isfinite(search.X).all()
    np.testing.assert_array_equal(search.nearest(search.prepare(X), 2)[0], [[0, 1], [1, 0], [2, 1]])


def test_blocks_cover_all_rows():
    blocks = row_blocks(10, 2**20)
    assert [b.stop - b.start for b in blocks] == [2] * 5
    assert row_blocks(0, 5) == []
    assert len(row_blocks(3, 2**40)) == 3


def test_merging_keeps_order_and_bits():
    X = np.array([[3.0, 0.0], [1.0, 1.0], [3.0, -0.0], [2.0, 2.0], [1.0, 1.0]])
    y = np.array([0.1, 0.3, 0.1, 0.7, 0.3])
    for how in ("error", "average"):
        points, targets = merge_duplicates(X, y, how)
        np.testing.assert_array_equal(points, [[3, 0], [1, 1], [2, 2]])
        np.testing.assert_allclose(targets, [0.1, 0.3, 0.7], rtol=1e-15)
    distinct = X[[0, 1, 3]]
    assert merge_duplicates(distinct, y[:3], "error")[0] is distinct
    Y = np.column_stack([y, [1.0, 2, 3, 4, 5]])
    with pytest.raises(ValueError, match=r"rows 0 and 2, targets \[0.1, 1.0\] and \[0.1, 3.0\]"):
        merge_duplicates(X, Y, "error")
    np.testing.assert_array_equal(merge_duplicates(X, Y, "average")[1][:, 1], [2, 3.5, 4])
    huge = merge_duplicates(X, 1.7e308 * np.array([1, 1, -0.5, 1, 1]), "average")[1]
    np.testing.assert_allclose(huge / 1.7e308, [0.25, 1, 1], rtol=1e-15)


def test_equal_hashes_of_different_rows(monkeypatch):
    """With a hash that never tells rows apart the coordinates decide."""

    class Even:
        def integers(self, high, size, dtype):
            return np.zeros(size, dtype)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Even())
    X = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    first, group = group_rows(X)
    np.testing.assert_array_equal(first, [0, 1])
    np.testing.assert_array_equal(group, [0, 1, 0])


def test_wide_rows_that_differ_in_one_column_only():
    """Most columns tell nothing apart: those that look alike are compared in full."""
    X = np.zeros((60, 700))
    X[:, 5] = np.random.default_rng(0).integers(0, 20, 60)
    first, group = group_rows(X)
    assert len(first) == len(np.unique(X[:, 5]))
    np.testing.assert_array_equal(X[first[group]], X)
    assert (np.diff(first) > 0).all()
