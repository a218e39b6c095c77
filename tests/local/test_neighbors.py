"""Weighted interpolated nearest neighbours: the oracles of their variance, limits, bad input."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from fearless.local import InterpolatedNeighborsClassifier, InterpolatedNeighborsRegressor
from fearless.theory.local import interpolated_neighbors_variance


def noise_shares(n, k, d, repeats, seed, **options):
    """sum_i w_i^2 at the centre of a cube, read off the predictions for unit targets."""
    rng = np.random.default_rng(seed)
    shares = np.empty(repeats)
    for i in range(repeats):
        X = rng.random((n, d)) - 0.5
        near = np.argsort(np.sum(X**2, axis=1))[: k + 1]  # the others have no weight
        model = InterpolatedNeighborsRegressor(k, **options).fit(X[near], np.eye(k + 1))
        shares[i] = np.sum(model.predict(np.zeros((1, d))) ** 2)
    return shares


@pytest.mark.parametrize(
    ("k", "d", "options"),
    [
        (20, 1, {}),
        (15, 3, {}),
        (30, 5, {"weights": "power", "exponent": 1.0}),
        (10, 2, {"weights": "power"}),
    ],
)
def test_variance_is_the_oracle(k, d, options):  # O18
    shares = noise_shares(20 * k, k, d, 1200, seed=11 * k, **options)
    error = shares.std(ddof=1) / len(shares) ** 0.5
    assert abs(shares.mean() - interpolated_neighbors_variance(k, d, **options)) < 4 * error


def test_tiny_exponent_is_the_plain_mean_and_a_huge_one_the_nearest():
    rng = np.random.default_rng(0)
    X, y, Q = rng.random((200, 3)), rng.standard_normal(200), rng.random((50, 3))
    mean = KNeighborsRegressor(7).fit(X, y).predict(Q)
    almost = InterpolatedNeighborsRegressor(7, weights="power", exponent=1e-9).fit(X, y)
    np.testing.assert_allclose(almost.predict(Q), mean, atol=1e-7)
    one = KNeighborsRegressor(1).fit(X, y).predict(Q)
    sharp = InterpolatedNeighborsRegressor(7, weights="power", exponent=1e4).fit(X, y)
    assert np.mean(np.abs(sharp.predict(Q) - one) < 1e-6) > 0.9
    single = InterpolatedNeighborsRegressor(1).fit(X, y)
    np.testing.assert_allclose(single.predict(Q), one, rtol=1e-15)


def test_all_neighbors_equally_far():
    """The four corners of a square at its centre: log weights vanish, the mean is taken."""
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    model = InterpolatedNeighborsRegressor(3).fit(X, [1.0, 1.0, 1.0, 1.0])
    assert model.predict([[0.5, 0.5]]) == 1.0


def test_classifier_takes_the_heavier_class():
    rng = np.random.default_rng(3)
    X, labels = rng.random((100, 2)), rng.integers(2, size=100)
    Q = rng.random((200, 2))
    classifier = InterpolatedNeighborsClassifier(9).fit(X, labels)
    share = InterpolatedNeighborsRegressor(9).fit(X, labels.astype(float)).predict(Q)
    np.testing.assert_allclose(classifier.predict_proba(Q)[:, 1], share, atol=1e-12)
    np.testing.assert_array_equal(classifier.predict(Q), share > 0.5)


@pytest.mark.parametrize("weights", ["log", "power"])
def test_predictions_use_the_parameters_of_the_fit(weights):
    X, y, Q = np.arange(4.0)[:, None], np.arange(4.0) ** 2, [[0.2], [1.7]]
    model = InterpolatedNeighborsRegressor(1, weights=weights).fit(X, y)
    before = model.predict(Q)
    for k in (3, 30):
        model.set_params(n_neighbors=k, weights="log" if weights == "power" else "power")
        np.testing.assert_array_equal(model.predict(Q), before)
    assert (model.n_neighbors_, model.weights_) == (1, weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 7])
def test_exact_where_more_points_than_neighbors_coincide_in_squares(d, dtype):
    unit = 1e-44 if dtype == np.float32 else 1e-200
    X = np.zeros((60, d), dtype)
    X[:, 0] = np.append(unit * np.arange(59), 1.0)
    y = np.arange(60.0)
    for k in (1, 5):
        model = InterpolatedNeighborsRegressor(k).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), y)
        np.testing.assert_array_equal(model.predict(-X[:1]), y[:1])  # -0.0 is 0.0


def test_all_scales_at_once():
    """A distance whose square underflows beside one whose square nearly overflows."""
    X, y = [[0.0], [1e110], [-1e110]], [1.0, 2.0, 3.0]
    for weights in ("log", "power"):
        model = InterpolatedNeighborsRegressor(2, weights=weights).fit(X, y)
        assert 1.0 <= model.predict([[1e-170]])[0] < 1.5


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_neighbors": 10}, ValueError, r"n_neighbors is 10 and there are n_samples = 10"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors is 0"),
        ({"n_neighbors": 2.0}, TypeError, "n_neighbors is float"),
        ({"weights": "flat"}, ValueError, "weights is 'flat'; expected one of 'log', 'power'"),
        ({"exponent": 1.0}, ValueError, "exponent is 1.0; expected None with weights='log'"),
        ({"weights": "power", "exponent": -1.0}, ValueError, "exponent is -1.0"),
    ],
)
def test_bad_parameters(parameters, error, message):
    X = np.arange(10.0)[:, None]
    for model in (InterpolatedNeighborsRegressor(), InterpolatedNeighborsClassifier()):
        with pytest.raises(error, match=message):
            model.set_params(**parameters).fit(X, np.arange(10) % 2)
