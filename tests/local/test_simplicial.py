"""Simplicial interpolation: other libraries where they reach, exact laws beyond, the contract."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.exceptions import IllConditionedWarning
from fearless.local import SimplicialInterpolator
from fearless.local._triangulation import expected_simplices
from fearless.theory.simplices import simplicial_flip_volume, simplicial_variance

METHODS = ["delaunay", "direct"]


# Qhull cannot triangulate the ten columns of some of the checks, hence no "delaunay" here.
@parametrize_with_checks(
    [
        SimplicialInterpolator(),
        SimplicialInterpolator(outside="project"),
        SimplicialInterpolator(method="direct", duplicates="average"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def standard_simplex(d, n, rng):
    """The corners of a simplex and n uniform points in it: the hull is known."""
    inner = rng.dirichlet(np.ones(d + 1), n)[:, :d]
    return np.vstack([inner, np.eye(d), np.zeros((1, d))])


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_is_numpy_interp_on_the_line(method):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(40), rng.standard_normal(40)
    queries = np.concatenate([np.linspace(x.min(), x.max(), 300), x])
    model = SimplicialInterpolator(method, outside="project").fit(x[:, None], y)
    order = np.argsort(x)
    wider = np.concatenate([queries, [x.min() - 1, x.max() + 1]])  # np.interp clamps
    expected = np.interp(wider, x[order], y[order])
    np.testing.assert_allclose(model.predict(wider[:, None]), expected, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("d", "n"), [(2, 300), (3, 200), (4, 60)])
def test_equals_scipy_in_few_dimensions(method, d, n):
    rng = np.random.default_rng(d)
    X, Y = rng.uniform(size=(n, d)), rng.standard_normal((n, 2))
    queries = np.vstack([rng.uniform(size=(500, d)), X])
    model = SimplicialInterpolator(method).fit(X, Y)
    assert model.method_ == method
    peer = LinearNDInterpolator(X, Y)(queries)
    inside = model.simplices(queries).inside
    np.testing.assert_array_equal(inside[:500], np.isfinite(peer[:500, 0]))
    assert inside[500:].all()
    np.testing.assert_allclose(model.predict(queries)[:500][inside[:500]], peer[:500][inside[:500]])


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 20])
def test_noise_share_is_exact_in_any_triangulation(d):
    """E sum_i w_i^2 = 2/(d + 2) for a uniform point of a simplex however it is cut up (O16)."""
    rng = np.random.default_rng(10 + d)
    X = standard_simplex(d, 200 if d < 20 else 600, rng)
    model = SimplicialInterpolator("auto").fit(X, np.zeros(len(X)))
    found = model.simplices(rng.dirichlet(np.ones(d + 1), 1000)[:, :d])
    assert found.inside.all()
    share = np.sum(found.weights**2, axis=1)
    # Queries share the triangulation but are independent given it: the standard error is honest.
    assert abs(share.mean() - simplicial_variance(d)) < 4 * share.std() / 1000**0.5
    alone = np.mean(found.weights[:, 0] > 0.5)  # one vertex outvotes all others (O17)
    q = simplicial_flip_volume(d)
    assert abs(alone - q) < 4 * (q / 1000) ** 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_exact_at_training_points(method, d):
    rng = np.random.default_rng(d)
    X, y = rng.standard_normal((60, d)), rng.standard_normal(60)
    model = SimplicialInterpolator(method, outside="error").fit(X, y)
    np.testing.assert_array_equal(model.predict(X), y)


def test_exact_at_training_points_in_many_dimensions():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((1000, 20)).astype(np.float32), rng.standard_normal(1000)
    model = SimplicialInterpolator(outside="error").fit(X, y)
    np.testing.assert_array_equal(model.predict(X[:300]), y[:300])


@given(
    d=st.integers(1, 6),
    n=st.integers(1, 30),
    method=st.sampled_from(["auto", "direct"]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_affine_functions_are_reproduced(d, n, method, seed):
    """Also from fewer than d + 1 points, within their affine hull."""
    rng = np.random.default_rng(seed)
    X, slope = rng.standard_normal((n, d)), rng.standard_normal(d)
    queries = rng.dirichlet(np.ones(n), 20) @ X
    model = SimplicialInterpolator(method, outside="error").fit(X, X @ slope + 1)
    assert model.affine_dim_ == min(d, n - 1)
    np.testing.assert_allclose(model.predict(queries), queries @ slope + 1, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_values_stay_between_those_of_the_vertices(method):
    rng = np.random.default_rng(5)
    X, y = rng.uniform(size=(100, 2)), rng.standard_normal(100)
    model = SimplicialInterpolator(method, outside="project").fit(X, y)
    queries = rng.uniform(-0.5, 1.5, (400, 2))
    found, values = model.simplices(queries), model.predict(queries)
    corners = y[found.indices]
    assert np.all(values >= corners.min(axis=1) - 1e-12)
    assert np.all(values <= corners.max(axis=1) + 1e-12)
    assert np.all(found.weights >= 0)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)


@pytest.mark.parametrize("method", METHODS)
def test_moves_with_the_data(method):
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((80, 3)), rng.standard_normal(80)
    queries = 0.4 * rng.standard_normal((50, 3))
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    expected = SimplicialInterpolator(method).fit(X, y).predict(queries)
    for scale in (1e-6, 1.0, 1e6):
        model = SimplicialInterpolator(method).fit(scale * X @ rotation + 5 * scale, y)
        moved = model.predict(scale * queries @ rotation + 5 * scale)
        np.testing.assert_allclose(moved, expected, atol=1e-8)
    order = rng.permutation(80)
    again = SimplicialInterpolator(method).fit(X[order], y[order]).predict(queries)
    np.testing.assert_allclose(again, expected, atol=1e-10)


def box(d, m=3):
    return np.stack(np.meshgrid(*[np.linspace(0, 1, m)] * d), axis=-1).reshape(-1, d)


@pytest.mark.parametrize("method", ["auto", "direct"])
@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_projection_onto_a_box_is_clipping(method, d):
    """Many grid points lie on each face; the value there is that of the triangulation."""
    rng = np.random.default_rng(d)
    X = box(d, 3 if d < 6 else 2)
    model = SimplicialInterpolator(method, outside="project").fit(X, rng.standard_normal(len(X)))
    queries = rng.uniform(-2, 3, (40, d))
    clipped = np.clip(queries, 0, 1)
    found = model.simplices(queries)
    feet = np.einsum("qk,qkd->qd", found.weights, X[found.indices])
    np.testing.assert_allclose(feet, clipped, atol=1e-7)
    np.testing.assert_allclose(model.predict(queries), model.predict(clipped), atol=1e-6)
    np.testing.assert_array_equal(found.inside, np.all(queries == clipped, axis=1))


@pytest.mark.parametrize("d", [2, 10])
def test_projection_is_the_nearest_point_of_the_hull(d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((150, d))
    model = SimplicialInterpolator(outside="project").fit(X, X[:, 0])
    queries = rng.standard_normal((20, d))
    queries *= 6 / np.linalg.norm(queries, axis=1, keepdims=True)
    found = model.simplices(queries)
    assert not found.inside.any()
    feet = np.einsum("qk,qkd->qd", found.weights, X[found.indices])
    # Characterised by a half space: no training point is on the query's side of the foot.
    sides = np.einsum("qd,qnd->qn", queries - feet, X[None] - feet[:, None])
    assert sides.max() < 1e-8
    np.testing.assert_allclose(model.predict(queries), feet[:, 0], atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_outside_takes_the_nearest_value_or_refuses(method):
    rng = np.random.default_rng(7)
    X, Y = rng.uniform(size=(50, 2)), rng.standard_normal((50, 3))
    queries = rng.uniform(2, 3, (30, 2))
    model = SimplicialInterpolator(method).fit(X, Y)
    neighbor = KNeighborsRegressor(1).fit(X, Y)
    np.testing.assert_array_equal(model.predict(queries), neighbor.predict(queries))
    model = SimplicialInterpolator(method, outside="error").fit(X, Y)
    middle = X.mean(axis=0, keepdims=True)
    assert model.predict(middle).shape == (1, 3)
    with pytest.raises(ValueError, match=r"X has 30 of 31 rows outside .* the first is row 1"):
        model.predict(np.vstack([middle, queries]))


def test_points_of_a_plane_in_space():
    """Affinely dependent points are triangulated within their hull; off it is outside."""
    rng = np.random.default_rng(8)
    flat, y = rng.uniform(size=(60, 2)), rng.standard_normal(60)
    axes = np.linalg.qr(rng.standard_normal((5, 5)))[0][:2]
    queries = rng.uniform(size=(50, 2))
    plain = SimplicialInterpolator().fit(flat, y)
    for method in METHODS:
        model = SimplicialInterpolator(method).fit(flat @ axes + 3, y)
        assert model.affine_dim_ == 2
        np.testing.assert_allclose(
            model.predict(queries @ axes + 3), plain.predict(queries), atol=1e-8
        )
        assert not model.simplices(queries @ axes + 3.1).inside.any()
        np.testing.assert_array_equal(model.predict(flat @ axes + 3), y)
    model = SimplicialInterpolator("direct", outside="project").fit(flat @ axes, y)
    normal = np.linalg.svd(axes)[2][-1]
    np.testing.assert_allclose(
        model.predict(queries @ axes + 2 * normal),
        SimplicialInterpolator(outside="project").fit(flat, y).predict(queries),
        atol=1e-7,
    )


def test_a_single_point_is_a_constant():
    for outside in ("nearest", "project"):
        model = SimplicialInterpolator(outside=outside).fit([[1.0, 2.0]], [3.0])
        assert model.affine_dim_ == 0
        np.testing.assert_array_equal(model.predict([[1.0, 2.0], [5.0, 5.0]]), [3.0, 3.0])
    model = SimplicialInterpolator(outside="error").fit([[1.0, 2.0]], [3.0])
    np.testing.assert_array_equal(model.predict([[1.0, 2.0]]), [3.0])
    with pytest.raises(ValueError, match="outside the convex hull"):
        model.predict([[1.0, 2.5]])


def test_duplicates():
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"equal rows with different targets: rows 1 and 3"):
        SimplicialInterpolator().fit(X, [0.0, 1.0, 2.0, 3.0])
    model = SimplicialInterpolator().fit(X, [0.0, 1.0, 2.0, 1.0])
    assert model.points_.shape == (3, 2)
    model = SimplicialInterpolator(duplicates="average").fit(X, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(model.predict([[1.0, 0.0], [0.5, 0.5]]), [2.0, 2.0])


@pytest.mark.parametrize("gap", [1e-9, 1e-12, 1e-15])
def test_points_too_close_to_tell_apart_are_reported_and_fitted(gap):
    rng = np.random.default_rng(9)
    X = rng.uniform(size=(40, 2))
    twin = X[:1] + np.array([gap, 0.0])
    X, y = np.vstack([X, twin]), rng.standard_normal(41)
    for method in ("auto", "direct"):
        with pytest.warns(IllConditionedWarning, match="lost to rounding"):
            model = SimplicialInterpolator(method).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), y)
    if gap == 1e-15:
        with pytest.raises(ValueError, match=r"point \d+ is too close .* use method='direct'"):
            SimplicialInterpolator("delaunay").fit(X, y)


@pytest.mark.parametrize("unit", [1e-12, 1e-10, 1e-8, 3e-8, 1e-7, 1e8])
@pytest.mark.parametrize("d", [2, 8])
def test_units_of_a_column_do_not_matter(d, unit):
    """An affine function is reproduced, and the hull is the same, in any units."""
    rng = np.random.default_rng(20 + d)
    X, slope = rng.standard_normal((100, d)), np.arange(1.0, d + 1)
    queries = rng.dirichlet(np.ones(20), 50) @ X[:20]
    units = np.ones(d)
    units[0] = unit
    model = SimplicialInterpolator("direct", outside="error").fit(X * units, X @ slope)
    np.testing.assert_allclose(model.predict(queries * units), queries @ slope, atol=1e-12)
    beyond = 1.001 * X[[X[:, 0].argmax(), X[:, 0].argmin()]]
    assert (
        not SimplicialInterpolator("direct")
        .fit(X * units, X @ slope)
        .simplices(beyond * units)
        .inside.any()
    )


def test_flat_points_are_reported_and_their_hull_is_kept():
    rng = np.random.default_rng(21)
    X = rng.standard_normal((100, 2))
    queries = rng.dirichlet(np.ones(20), 200) @ X[:20]
    for flatness in (1e-8, 1e-10):
        map_ = np.diag([1.0, flatness]) @ np.linalg.qr(rng.standard_normal((2, 2)))[0]
        with pytest.warns(IllConditionedWarning, match="X is flat"):
            model = SimplicialInterpolator("direct").fit(X @ map_, X[:, 1])
        assert model.simplices(queries @ map_).inside.all()
        error = np.abs(model.predict(queries @ map_) - queries[:, 1]).max()
        assert error < 100 * np.finfo(float).eps / flatness
        np.testing.assert_array_equal(model.predict(X @ map_), X[:, 1])
    with pytest.warns(IllConditionedWarning, match=r"columns whose spread is rounding .* \[0\]"):
        SimplicialInterpolator().fit(X * [1e-18, 1], X[:, 1])


def test_points_of_a_line_are_told_apart_to_the_last_digit():
    x, y = np.logspace(-20, 0, 21)[:, None], np.arange(21.0)
    np.testing.assert_array_equal(SimplicialInterpolator().fit(x, y).predict(x), y)
    model = SimplicialInterpolator().fit([[0.0], [1e-20], [1.0]], [0.0, 5.0, 1.0])
    np.testing.assert_allclose(model.predict([[0.0], [5e-21], [1e-20]]), [0.0, 2.5, 5.0])
    beside = np.array([[0.0, 0.0], [0.0, 1e-20], [1.0, 0.0], [2.0, 0.0]])
    for X in (np.hstack([x, x]), np.hstack([np.zeros_like(x), x, -x]), beside):
        with pytest.warns(IllConditionedWarning):
            model = SimplicialInterpolator().fit(X, y[: len(X)])
        assert model.affine_dim_ == 1
        np.testing.assert_array_equal(model.predict(X), y[: len(X)])
    np.testing.assert_allclose(model.predict([[1.5, 0.0]]), 2.5)


@pytest.mark.parametrize("distance", [1e3, 1e5, 1e8, 1e15, 1e30, 1e150])
def test_projection_from_far_away(distance):
    """Of a box, by clipping; of points in general position, their extreme one."""
    rng = np.random.default_rng(22)
    X = box(3, 2)
    model = SimplicialInterpolator(outside="project").fit(X, X @ [1.0, 2.0, 4.0])
    queries = rng.uniform(0.1, 0.9, (20, 3))
    queries[:, 1] = distance
    expected = np.clip(queries, 0, 1) @ [1.0, 2.0, 4.0]
    np.testing.assert_allclose(model.predict(queries), expected, atol=1e-6)
    X, direction = np.random.default_rng(3).standard_normal((40, 2)), np.array([1.0, 0.3])
    model = SimplicialInterpolator(outside="project").fit(X, np.arange(40.0))
    expected = [(X @ direction).argmax(), (-X @ direction).argmax()]
    found = model.predict(distance * np.stack([direction, -direction]))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_overflowing_queries_are_refused():
    model = SimplicialInterpolator("direct").fit(box(2), np.arange(9.0))
    with pytest.raises(ValueError, match="so far beyond the training points"):
        model.predict([[1e200, 0.0]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-300, 1e-165, 1e154, 1e300, 1e306])
def test_extreme_magnitudes(method, scale):
    rng = np.random.default_rng(23)
    X, slope = rng.standard_normal((60, 3)), np.array([1.0, 2.0, 3.0])
    queries = rng.dirichlet(np.ones(60), 30) @ X
    model = SimplicialInterpolator(method, outside="error").fit(X * scale, X @ slope)
    np.testing.assert_allclose(model.predict(queries * scale), queries @ slope, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X * scale), X @ slope)
    ends = np.array([[-1.0], [0.0], [1.0]]) * 1.7e308
    model = SimplicialInterpolator(method).fit(ends, [0.0, 1.0, 3.0])
    np.testing.assert_allclose(model.predict([*ends, [0.85e308]]), [0.0, 1.0, 3.0, 2.0])


def test_hopeless_triangulations_are_refused():
    X = np.random.default_rng(24).standard_normal((300, 12))
    with pytest.raises(ValueError, match=r"300 points of dimension 12, .* some 3\.6e\+11 simp"):
        SimplicialInterpolator("delaunay").fit(X, X[:, 0])


def test_expected_number_of_simplices():
    np.testing.assert_allclose(expected_simplices(1000, 2), 2000, rtol=0.01)
    np.testing.assert_allclose(expected_simplices(1000, 3), 1000 * 24 * np.pi**2 / 35)
    for d in (2, 3, 4, 7):  # few points: the lower facets of a simplex
        assert expected_simplices(d + 1, d) == 1
        assert expected_simplices(d + 2, d) == d + 1
        X = np.random.default_rng(d).uniform(size=(40 if d == 7 else 300, d))
        assert len(Delaunay(X).simplices) < expected_simplices(len(X), d)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "qhull"}, r"method is 'qhull'; expected one of 'auto', 'delaunay', 'direct'"),
        ({"outside": "nan"}, r"outside is 'nan'; expected one of 'nearest', 'project', 'error'"),
        ({"duplicates": "keep"}, r"duplicates is 'keep'; expected one of"),
    ],
)
def test_unknown_options(parameters, message):
    with pytest.raises(ValueError, match=message):
        SimplicialInterpolator(**parameters).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_input_is_refused(bad):
    model = SimplicialInterpolator()
    with pytest.raises(ValueError, match="X contains"):
        model.fit([[0.0], [bad]], [0.0, 1.0])
    with pytest.raises(ValueError, match="y contains"):
        model.fit([[0.0], [1.0]], [0.0, bad])
    with pytest.raises(ValueError, match="X contains"):
        model.fit([[0.0], [1.0]], [0.0, 1.0]).predict([[bad]])
