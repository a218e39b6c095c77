"""The walk through empty balls against HiGHS, brute force and its own certificate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.local import _walk
from fearless.local._lift import (
    FAILED,
    INSIDE,
    OUTSIDE,
    Found,
    LiftedPoints,
    certify,
    inverses,
    solve_with_highs,
)
from fearless.local._walk import find_simplices


def dense(n, indices, weights):
    vector = np.zeros(n)
    np.add.at(vector, indices, weights)
    return vector


def assert_equals_highs(points, queries):
    lifted = LiftedPoints(points)
    found = find_simplices(lifted, queries)
    assert np.all(found.pivots >= 0)  # the oracle did not help itself
    for i, x in enumerate(lifted.transform(queries)):
        indices, weights, status = solve_with_highs(lifted, x)
        assert status == found.status[i]
        if status == INSIDE:
            ours = dense(len(points), found.indices[i], found.weights[i])
            np.testing.assert_allclose(ours, dense(len(points), indices, weights), atol=1e-9)
    return found


@pytest.mark.parametrize(("d", "n"), [(1, 30), (2, 100), (3, 100), (6, 200), (12, 300)])
def test_equals_the_linear_programme(d, n):
    rng = np.random.default_rng(d)
    points, queries = rng.uniform(-1, 1, (n, d)), rng.uniform(-0.7, 0.7, (30, d))
    found = assert_equals_highs(points, np.vstack([queries, 1.5 * queries]))
    assert {INSIDE, OUTSIDE} == set(found.status.tolist())


@pytest.mark.parametrize("spread", [1.0, 10.0])
def test_equals_the_linear_programme_in_twenty_dimensions(spread):
    rng = np.random.default_rng(1)
    points = rng.standard_normal((1000, 20))
    queries = np.vstack([rng.dirichlet(np.ones(1000) / 30, 6) @ points, points[:2]])
    found = assert_equals_highs(points, spread * queries)
    assert np.all(found.status == (INSIDE if spread == 1 else OUTSIDE))


@given(
    d=st.integers(1, 5),
    n=st.integers(8, 40),
    scale=st.sampled_from([1e-8, 1.0, 1e8]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40)
def test_no_point_is_in_the_circumscribed_ball(d, n, scale, seed):
    rng = np.random.default_rng(seed)
    points = scale * (rng.standard_normal((n, d)) + 3)
    queries = rng.dirichlet(np.ones(n), 10) @ points
    found = find_simplices(LiftedPoints(points), queries)
    assert np.all(found.status == INSIDE)
    rebuilt = np.einsum("qk,qkd->qd", found.weights, points[found.indices])
    np.testing.assert_allclose(rebuilt, queries, atol=1e-8 * scale)
    for vertices in found.indices[found.pivots >= 0]:
        corners = points[vertices]
        edges = corners[1:] - corners[0]
        centre = np.linalg.solve(2 * edges, np.sum(edges**2, axis=1))  # seen from corner 0
        distances = np.linalg.norm(points - corners[0] - centre, axis=1)
        slack = 1e-6 * (np.linalg.norm(centre) + scale)  # far centres: flat simplices at the hull
        assert distances.min() >= np.linalg.norm(centre) - slack


def grid(d, m):
    return np.stack(np.meshgrid(*[np.arange(float(m))] * d), axis=-1).reshape(-1, d)


@pytest.mark.parametrize(("d", "m"), [(2, 12), (3, 6), (5, 3), (8, 2)])
def test_ties_are_broken_alike_for_all_queries(d, m):
    """On a grid 2^d corners lie on each empty sphere, and every triangulation is allowed."""
    rng = np.random.default_rng(d)
    points = grid(d, m)
    inner = rng.uniform(0, m - 1, (100, d))
    halves = rng.integers(0, 2 * m - 1, (100, d)) / 2  # on faces, edges and corners
    queries = np.vstack([inner, halves, inner + m])
    lifted = LiftedPoints(points)
    found = find_simplices(lifted, queries)
    assert np.all(found.status == np.repeat([INSIDE, INSIDE, OUTSIDE], 100))
    assert np.all(found.pivots >= 0)
    # Optimal: the paraboloid's interpolant is least, and equals HiGHS's value.
    squares = np.sum(points**2, axis=1)
    for i in range(0, 200, 20):
        indices, weights, _ = solve_with_highs(lifted, lifted.transform(queries[i]))
        ours = found.weights[i] @ squares[found.indices[i]]
        np.testing.assert_allclose(ours, weights @ squares[indices], atol=1e-6)
    # One triangulation: the same simplex alone, in another order, and a continuous interpolant.
    order = rng.permutation(200)
    again = find_simplices(lifted, queries[order])
    values = rng.standard_normal(len(points))

    def interpolate(found):
        return np.einsum("qk,qk->q", found.weights, values[found.indices])

    np.testing.assert_allclose(interpolate(again), interpolate(found)[order], atol=1e-9)
    nearby = np.clip(queries[:200] + 1e-7, 0, m - 1)
    gaps = interpolate(find_simplices(lifted, nearby)) - interpolate(found)[:200]
    assert np.abs(gaps).max() < 1e-4


def test_regular_polygon_with_queries_on_its_boundary():
    angles = 2 * np.pi * np.arange(24) / 24
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middles = (points + np.roll(points, 1, axis=0)) / 2
    lifted = LiftedPoints(points)
    assert np.all(find_simplices(lifted, points).status == INSIDE)
    assert np.all(find_simplices(lifted, middles * (1 - 1e-9)).status == INSIDE)
    assert np.all(find_simplices(lifted, middles * (1 + 1e-6)).status == OUTSIDE)


def test_highs_takes_over_when_the_walk_fails(monkeypatch):
    rng = np.random.default_rng(3)
    points = rng.standard_normal((60, 3))
    queries = np.vstack([rng.dirichlet(np.ones(60), 10) @ points, [[9.0, 9.0, 9.0]]])
    lifted = LiftedPoints(points)
    expected = find_simplices(lifted, queries)
    monkeypatch.setattr(_walk._Block, "walk", lambda self: None)
    found = find_simplices(lifted, queries)
    np.testing.assert_array_equal(found.status, expected.status)
    assert np.all(found.pivots[:10] == -1)
    for i in range(10):
        np.testing.assert_allclose(
            dense(60, found.indices[i], found.weights[i]),
            dense(60, expected.indices[i], expected.weights[i]),
            atol=1e-9,
        )


@pytest.mark.parametrize("unit", [1e-10, 1e-5, 1e5])
def test_equals_the_linear_programme_in_other_units(unit):
    """Heights change with the units, and with them the simplices; the constraints do not."""
    rng = np.random.default_rng(5)
    units = np.array([unit, 1.0, 1.0, 1.0])
    points, queries = rng.uniform(-1, 1, (150, 4)), rng.uniform(-0.8, 0.8, (40, 4))
    found = assert_equals_highs(points * units, np.vstack([queries, 1.5 * queries]) * units)
    plain = find_simplices(LiftedPoints(points), np.vstack([queries, 1.5 * queries]))
    np.testing.assert_array_equal(found.status, plain.status)
    assert {INSIDE, OUTSIDE} == set(found.status.tolist())


def test_outside_needs_a_separating_direction():
    """A wrong claim of the walk is not taken over: HiGHS and the projection decide."""
    rng = np.random.default_rng(6)
    points = rng.standard_normal((60, 3))
    lifted = LiftedPoints(points)
    block = _walk._Block(lifted, np.zeros((1, 3)), np.arange(1), None)
    across = np.array([[0.0, 0.0, 1.0, 0.0]])  # no points are all on one side of the middle
    assert len(block._separated(np.arange(1), across, block._slopes(across))) == 0
    block.x[0, 2] = lifted.points[:, 2].max() + 1e-6
    assert len(block._separated(np.arange(1), across, block._slopes(across))) == 1


def test_far_queries_are_outside():
    rng = np.random.default_rng(7)
    lifted = LiftedPoints(rng.standard_normal((50, 4)) * [1e-9, 1.0, 1.0, 1e9])
    far = rng.standard_normal((20, 4)) * np.logspace(11, 140, 20)[:, None]
    assert np.all(find_simplices(lifted, far).status == OUTSIDE)
    for x in far[:3]:
        assert solve_with_highs(lifted, lifted.transform(x[None])[0])[2] == OUTSIDE


def test_a_wrong_simplex_is_not_certified():
    rng = np.random.default_rng(4)
    points = rng.uniform(-1, 1, (50, 2))
    lifted = LiftedPoints(points)
    queries = 0.5 * rng.uniform(-1, 1, (4, 2))
    right = find_simplices(lifted, queries)
    hull = np.array([[p @ v for p in points] for v in ([1, 1], [-1, 1], [0, -1])]).argmax(axis=1)
    indices = right.indices.copy()
    indices[0] = right.indices[1]  # not around the query
    indices[1] = hull  # around it, but with points inside its ball
    indices[2] = indices[2, 0]  # no simplex at all
    tampered = Found(indices, right.weights.copy(), right.status.copy(), right.pivots)
    certify(lifted, lifted.transform(queries), tampered)
    np.testing.assert_array_equal(tampered.status, [FAILED, FAILED, FAILED, INSIDE])


def test_singular_matrices_of_a_stack_are_told_apart():
    stack = np.stack([2 * np.eye(2), np.ones((2, 2)), np.eye(2)])
    inverse, regular = inverses(stack)
    np.testing.assert_array_equal(regular, [True, False, True])
    np.testing.assert_array_equal(inverse[0], np.eye(2) / 2)
    np.testing.assert_array_equal(inverse[1], 0)
