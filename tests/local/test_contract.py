"""What all local interpolators promise: scikit-learn's contract, exact fits, clear errors."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from fearless.local import (
    InterpolatedNeighborsClassifier,
    InterpolatedNeighborsRegressor,
    SingularKernelClassifier,
    SingularKernelRegressor,
)

REGRESSORS = [
    InterpolatedNeighborsRegressor(),
    InterpolatedNeighborsRegressor(3, weights="power"),
    InterpolatedNeighborsRegressor(3, weights="power", exponent=7.3),
    SingularKernelRegressor(),
    SingularKernelRegressor(exponent=2.5),
    SingularKernelRegressor("power", bandwidth=0.7),
    SingularKernelRegressor("power", bandwidth=0.7, exponent=30.0),
    SingularKernelRegressor("smooth-power", bandwidth=0.7),
    SingularKernelRegressor("log", bandwidth=0.7),
]
CLASSIFIERS = [
    InterpolatedNeighborsClassifier(),
    InterpolatedNeighborsClassifier(3, weights="power"),
    SingularKernelClassifier(),
    SingularKernelClassifier("power", bandwidth=0.7),
    SingularKernelClassifier("smooth-power", bandwidth=0.7),
    SingularKernelClassifier("log", bandwidth=0.7),
]
ALL = REGRESSORS + CLASSIFIERS
EPS = np.finfo(float).eps


def problem(n, d, seed, dtype=float):
    rng = np.random.default_rng(seed)
    X = rng.random((n, d)).astype(dtype)
    return X, rng.standard_normal(n), rng.integers(3, size=n), rng


def naive(model, X, targets, q):
    """The definition, one query at a time, weights not rescaled."""
    r = np.sqrt(np.sum((X - q) ** 2, axis=1))
    if isinstance(model, InterpolatedNeighborsRegressor | InterpolatedNeighborsClassifier):
        order = np.argsort(r)
        t = r[order[: model.n_neighbors]] / r[order[model.n_neighbors]]
        near, d = order[: model.n_neighbors], X.shape[1]
        w = -np.log(t) if model.weights == "log" else t ** -(model.exponent or d / 4)
        return w @ targets[near] / w.sum()
    d = X.shape[1]
    if model.kernel == "hilbert":
        w = r ** -(model.exponent or d)
    else:
        u = r / model.bandwidth
        if not np.any(u < 1):
            return targets[np.argmin(r)]
        a = model.exponent or d / 4
        w = {"log": -np.log(u), "power": u**-a, "smooth-power": u**-a * (1 - u) ** 2}[model.kernel]
        w = np.where(u <= 1, w, 0)
    return w @ targets / w.sum()


@parametrize_with_checks([*REGRESSORS[:4:3], REGRESSORS[5], *CLASSIFIERS[:4:2], CLASSIFIERS[5]])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize(("n", "d"), [(60, 1), (400, 2), (80, 3), (60, 12)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equals_the_definition(model, n, d, dtype):
    """Both ways of searching, all block paths; to rounding errors of the dtype."""
    X, y, labels, rng = problem(n, d, 1, dtype)
    model = clone(model)
    if getattr(model, "bandwidth", None) and d > 3:
        model.set_params(bandwidth=1.3)
    queries = (1.2 * rng.random((50, d)) - 0.1).astype(dtype)
    exact, Xd = queries.astype(float), X.astype(float)
    if is_classifier(model):
        found = model.fit(X, labels).predict_proba(queries)
        expected = np.array([naive(model, Xd, np.eye(3)[labels], q) for q in exact])
    else:
        found = model.fit(X, y).predict(queries)
        expected = np.array([naive(model, Xd, y, q) for q in exact])
    tolerance = (20 + 40 * (getattr(model, "exponent", None) or 1)) * 4 * np.finfo(dtype).eps
    # The logarithm amplifies relative errors where all distances nearly agree.
    tolerance *= 30
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * (1 + np.abs(y).max()))


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize(("n", "d"), [(100, 1), (300, 4), (200, 40)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [0, 1000])
def test_exact_at_training_points(model, n, d, dtype, offset):
    """To the last bit, the training points among other queries, far from the origin."""
    X, y, labels, rng = problem(n, d, 2)
    X = np.unique((X + offset).astype(dtype), axis=0)
    y, labels = y[: len(X)], labels[: len(X)]
    queries = np.vstack([X, rng.random((10, d)) + offset]).astype(dtype)
    model = clone(model)
    if is_classifier(model):
        model.fit(X, labels)
        np.testing.assert_array_equal(model.predict(queries)[: len(X)], labels)
        np.testing.assert_array_equal(model.predict_proba(X), np.eye(3)[labels])
        np.testing.assert_allclose(model.predict_proba(queries).sum(1), 1, rtol=1e-5)
    else:
        np.testing.assert_array_equal(model.fit(X, y).predict(queries)[: len(X)], y)
        targets = np.column_stack([y, -y, y**2])
        np.testing.assert_array_equal(model.fit(X, targets).predict(X), targets)


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_training_points_are_limits(model):
    """Approaching a training point the prediction tends to its target, through all scales."""
    X, y, labels, _ = problem(50, 2, 3)
    X -= X[7]  # at the origin, where numbers are dense
    model = clone(model).fit(X, labels if is_classifier(model) else y)
    target = np.eye(3)[labels[7]] if is_classifier(model) else y[7]
    predict = model.predict_proba if is_classifier(model) else model.predict
    distances = 10.0 ** np.array([-3, -10, -30, -100, -150, -250, -300])
    errors = np.array([np.abs(predict([[r, 0.0]])[0] - target).max() for r in distances])
    assert np.all(np.isfinite(errors))
    assert np.all(np.diff(errors) <= 1e-12)  # monotone, up to rounding
    if "log" in (getattr(model, "weights", ""), getattr(model, "kernel", "")):
        # The others' weight W is fixed and the nearest one's is ln(1/r) + c: error ~ W / ln(1/r).
        products = errors * -np.log(distances)
        np.testing.assert_allclose(products[2:5], products[3], rtol=0.3)
    else:
        assert errors[-1] < 1e-12


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize("power", [-950, -500, 500])
def test_no_scale_matters(model, power):
    """Multiplying all inputs by a power of two changes nothing: nothing under- or overflows."""
    X, y, labels, rng = problem(80, 3, 4)
    queries = np.vstack([rng.random((20, 3)), X[:5]])
    scaled = clone(model)
    if getattr(model, "bandwidth", None):
        scaled.set_params(bandwidth=model.bandwidth * 2.0**power)
    targets = labels if is_classifier(model) else y
    expected = clone(model).fit(X, targets).predict(queries)
    found = scaled.fit(X * 2.0**power, targets).predict(queries * 2.0**power)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize("d", [1, 6])
@pytest.mark.parametrize(("dtype", "far"), [(np.float64, 1e120), (np.float32, 1e20)])
def test_far_queries(model, d, dtype, far):
    """Far away all points are equally far, or outside; too far is an error that names X."""
    X, y, labels, _ = problem(20, d, 6, dtype)
    model = clone(model).fit(X, labels if is_classifier(model) else y)
    predict = model.predict_proba if is_classifier(model) else model.predict
    queries = np.vstack([X, np.full((1, d), far, dtype)])
    found = predict(queries)
    np.testing.assert_array_equal(found[:20], np.eye(3)[labels] if is_classifier(model) else y)
    assert np.isfinite(found).all()
    if getattr(model, "kernel", "") == "hilbert":
        expected = np.bincount(labels) / 20 if is_classifier(model) else y.mean()
        np.testing.assert_allclose(found[20], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="X has values so far beyond the training points"):
        predict(np.full((1, d), 1e160))


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_huge_targets(model, dtype):
    """Averages of targets next to the largest number are finite, and scale with the targets."""
    X, y, _, rng = problem(60, 2, 7)
    y = (y / np.abs(y).max()).astype(dtype)
    queries = np.vstack([rng.random((20, 2)), X[:3]])
    expected = clone(model).fit(X, y).predict(queries)
    unit = np.finfo(dtype).max / 2
    found = clone(model).fit(X, y * unit).predict(queries)
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(found / unit, expected, rtol=0, atol=tolerance)
    most = np.full(60, np.finfo(dtype).max)
    np.testing.assert_allclose(clone(model).fit(X, most).predict(queries), most[:23], rtol=1e-6)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(8, 40),
    d=st.integers(1, 6),
    which=st.integers(0, len(REGRESSORS) - 1),
)
@settings(max_examples=50, deadline=None)
def test_averages_are_averages(seed, n, d, which):
    """Between the extremes of the targets, linear in them, one for targets of one."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((n, d)), rng.standard_normal((n, 2))
    queries = rng.standard_normal((9, d))
    model = clone(REGRESSORS[which])
    found = model.fit(X, np.column_stack([Y, Y @ [2.0, -3.0], np.ones(n)])).predict(queries)
    assert np.all(found[:, :2] >= Y.min(0) - 1e-12)
    assert np.all(found[:, :2] <= Y.max(0) + 1e-12)
    np.testing.assert_allclose(found[:, 2], found[:, :2] @ [2.0, -3.0], atol=1e-12)
    np.testing.assert_allclose(found[:, 3], 1, rtol=1e-14)


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
def test_odd_on_a_symmetric_grid(model):
    """A reflection of data, targets and query reflects the prediction: halfway it is the mean."""
    X = np.linspace(-1, 1, 20)[:, None]
    y = X[:, 0] ** 3
    model = clone(model)
    if hasattr(model, "n_neighbors"):  # an odd number could not be symmetric
        model.set_params(n_neighbors=4)
    prediction = model.fit(X, y).predict([[0.0]])
    np.testing.assert_allclose(prediction, 0, atol=1e-12)


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_equal_points(model):
    X = np.array([[0.0, 0], [1, 0], [-0.0, 0], [0, 1], [1, 1], [2, 2], [3, 1], [4, 0]])
    good, bad = [0, 1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 1, 0, 1, 0]
    model = clone(model)
    assert model.fit(X, good).X_fit_.shape == (7, 2)
    np.testing.assert_array_equal(model.predict(X), good)
    with pytest.raises(ValueError, match=r"rows 0 and 2, targets .* duplicates='average'"):
        model.fit(X, bad)
    model.set_params(duplicates="average").fit(X, bad)
    if is_classifier(model):
        np.testing.assert_array_equal(model.predict_proba(X[[0, 2]]), 0.5)
    else:
        np.testing.assert_array_equal(model.predict(X[[0, 2]]), 0.5)
    np.testing.assert_array_equal(model.predict(X[[1, 3, 4, 5]]), [1, 1, 1, 0])
    with pytest.raises(ValueError, match="duplicates is 'first'; expected one of"):
        model.set_params(duplicates="first").fit(X, good)


@pytest.mark.parametrize("model", ALL, ids=repr)
def test_survives_pickling_and_keeps_dtypes(model):
    X, y, labels, _ = problem(30, 2, 5)
    model = clone(model).fit(X, labels if is_classifier(model) else y.astype(np.float32))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X + 0.01), model.predict(X + 0.01))
    if not is_classifier(model):
        assert model.predict(X).dtype == np.float32
        assert model.fit(X, np.arange(30)).predict(X).dtype == np.float64


def test_queries_in_another_precision_are_not_rounded():
    """1/3 in double precision is not the training point that is 1/3 in single precision."""
    X = np.array([[1 / 3], [0.5], [1.0]], np.float32)
    model = SingularKernelRegressor(exponent=0.01).fit(X, [1.0, 2.0, 3.0])
    assert model.predict(X[:1].astype(float)) == 1.0
    assert model.predict([[1 / 3]]) > 1.2
