"""Trees, forests and boosting: identities, the law of averages, the claims with other seeds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fearless.book.claims import check_claim
from fearless.data import load_mnist, one_hot
from fearless.experiments.double_descent.trees import (
    averaging_law,
    boosting_curve,
    forest_curve,
    line_forest,
    tree_outputs,
)


@pytest.fixture(scope="module")
def digits():
    return load_mnist(None, 1000, dtype=np.float32)


@pytest.fixture(scope="module")
def forest(digits):
    return forest_curve(digits, [2, 5, 10, 20, 40, 70], [1, 2, 5, 20], n_train=400, random_state=5)


@pytest.fixture(scope="module")
def boosting(digits):
    return boosting_curve(
        digits, [1, 3, 5, 7, 10, 30, 80], [1, 2, 4], n_train=400, n_seeds=2, random_state=5
    )


def test_trees_and_boosting_peak_where_one_fits(forest, boosting):
    ratios = [
        curve.test_mse[:, curve.threshold]
        / np.maximum(curve.test_mse[:, : curve.threshold].min(axis=1), curve.test_mse[:, -1])
        for curve in (forest, boosting)
    ]
    check_claim("trees-peak-where-one-fits", np.concatenate(ratios), 1)


def test_averages_of_interpolants_interpolate(forest, boosting):
    assert forest.train_mse[:, forest.threshold :].max() == 0
    assert forest.train_mse[:, : forest.threshold].min() > 0
    assert np.all(np.diff(boosting.train_mse[:, : boosting.threshold + 1]) < 0)
    # The squared loss is convex: an average is at most the mean of its parts.
    assert boosting.train_mse[:, boosting.threshold :].max() < 0.02


def test_the_axes_have_their_lengths(forest, boosting):
    for curve in (forest, boosting):
        length = len(curve.sizes) + len(curve.counts) - 1
        assert curve.complexity.shape == (length,)
        assert np.all(np.diff(curve.complexity) > 0)
        for name in ("train_mse", "test_mse", "train_error", "test_error"):
            assert getattr(curve, name).shape[1] == length
    assert forest.complexity[forest.threshold] == forest.sizes[-1] > 100
    assert forest.complexity[-1] == 20 * forest.sizes[-1]
    assert boosting.sizes.tolist() == [1, 3, 5, 7, 10, 30, 80]


def test_slow_boosting_has_no_peak(digits):
    curve = boosting_curve(
        digits, [1, 3, 10, 30, 100, 300], [1], n_train=400, shrinkage=0.1, random_state=9
    )
    loss = curve.test_mse
    check_claim("gentle-boosting-has-no-peak", loss[:, -1] / loss.min(axis=1), 1.02)
    assert curve.train_mse[:, -1].max() < 0.05


def test_the_mean_of_random_trees_on_a_line_is_the_polygon():
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(0, 1, 8))
    y = rng.standard_normal(8)
    u = np.array([[0.3], [0.5], [0.8]])
    places = ((1 - u) * x[:-1] + u * x[1:]).ravel()
    trees = line_forest(x, y, places, n_trees=800, random_state=77)
    deviation = (np.sqrt(u * (1 - u)) * np.abs(np.diff(y))).ravel()
    check_claim(
        "forest-mean-is-a-polygon",
        trees.mean(axis=0),
        ((1 - u) * y[:-1] + u * y[1:]).ravel(),
        stderr=deviation / 800**0.5,
    )
    # The variance of a two-point distribution: its own sampling error is at most that of u = 0.3.
    np.testing.assert_allclose(trees.std(axis=0), deviation, rtol=4 * 0.5 / 800**0.5)
    full = line_forest(x, y, x, n_trees=5)
    np.testing.assert_allclose(full, np.tile(y, (5, 1)))
    stumps = line_forest(x, y, np.linspace(0, 1, 200), n_leaves=3, n_trees=4)
    assert all(len(np.unique(tree)) == 3 for tree in stumps)
    np.testing.assert_array_equal(line_forest(x, y, x, n_leaves=2, n_trees=2)[:1],
                                  line_forest(x, y, x, n_leaves=2))  # fmt: skip


@given(
    m=st.integers(2, 5),
    count=st.integers(1, 5),
    seed=st.integers(0, 50),
)
def test_the_law_is_the_mean_over_all_subsets(m, count, seed):
    """An identity: no sampling error is left."""
    rng = np.random.default_rng(seed)
    outputs, targets = rng.standard_normal((m, 6, 2)), rng.standard_normal((6, 2))
    count = min(count, m)
    law = averaging_law(outputs, targets)
    risks = [
        np.mean(np.sum((outputs[list(subset)].mean(axis=0) - targets) ** 2, axis=1))
        for subset in itertools.combinations(range(m), count)
    ]
    np.testing.assert_allclose(law.risk(count), np.mean(risks))


def test_the_law_predicts_other_trees(digits):
    X, y = digits.X_train[2000:2300], digits.y_train[2000:2300]
    targets = one_hot(digits.y_test, digits.classes)

    def grow(seed):
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=seed).fit(X, y)
        return tree_outputs(tree, digits.X_test, digits.classes)

    outputs = np.stack([grow(seed) for seed in range(1000, 1200)])
    groups = outputs[:100].reshape(10, 10, *targets.shape)
    predicted = [averaging_law(group, targets).risk(5) for group in groups]
    fives = outputs[100:].reshape(20, 5, *targets.shape).mean(axis=1)
    measured = np.mean(np.sum((fives - targets) ** 2, axis=2), axis=1)
    errors = [np.std(a, ddof=1) / len(a) ** 0.5 for a in (measured, predicted)]
    check_claim("averaging-law", np.mean(measured), np.mean(predicted), stderr=np.hypot(*errors))
    law = averaging_law(outputs, targets)
    assert law.limit < law.risk(100) < law.risk(2) < law.single == law.risk(1)


def test_copies_have_nothing_to_average():
    outputs = np.tile(np.random.default_rng(0).standard_normal((1, 7, 3)), (4, 1, 1))
    law = averaging_law(outputs, np.zeros((7, 3)))
    np.testing.assert_allclose(law.risk(np.array([1, 3, 100])), law.single)


def test_a_gini_tree_is_the_regression_tree_of_one_hot_labels(digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    options = {"max_leaf_nodes": 25, "random_state": 1}
    gini = DecisionTreeClassifier(**options).fit(X, y)
    least_squares = DecisionTreeRegressor(**options).fit(X, one_hot(y, digits.classes))
    np.testing.assert_allclose(
        np.mean(tree_outputs(gini, X, digits.classes) ** 2),
        np.mean(least_squares.predict(X) ** 2),
        rtol=0.01,  # ties between pixels may be cut differently
    )


@pytest.mark.parametrize("shrinkage", [1.0, 0.5, 0.1])
def test_full_grown_rounds_shrink_the_residual_by_a_known_factor(digits, shrinkage):
    """Each tree fits the residual exactly, so that 1 - nu of it is left; it starts with norm 1."""
    curve = boosting_curve(
        digits, [1, 2, 5], [1, 3], n_train=60, max_leaves=60, shrinkage=shrinkage, n_seeds=2
    )
    left = (1 - shrinkage) ** (2 * np.array([1, 2, 5, 5]))
    np.testing.assert_allclose(curve.train_mse, np.tile(left, (2, 1)), rtol=1e-9, atol=1e-25)


def test_boosting_with_all_pixels_is_that_of_scikit_learn():
    """Of two opposite classes one output is enough; a first constant makes both start equal."""
    two = load_mnist(150, 50, classes=[3, 8])
    peer = GradientBoostingRegressor(
        n_estimators=6, learning_rate=0.5, max_leaf_nodes=4, max_depth=None, init="zero",
        random_state=0,
    )  # fmt: skip
    ours = boosting_curve(
        two, [1, 6], [1], n_train=150, max_features=None, max_leaves=4, shrinkage=0.5, n_seeds=1
    )
    # Signs +-1/2 of the centred output have the splits of two one-hot columns; twice the loss of
    # one column is the loss of both, but for the mean, of which 1 - nu is left in each round.
    sign = np.where(two.y_train == 8, 0.5, -0.5)
    centred = 2 * np.mean((peer.fit(two.X_train, sign).predict(two.X_train) - sign) ** 2)
    constant = 2 * 0.25 * 0.5**12
    assert ours.train_mse[0, 1] == pytest.approx(centred + constant, rel=0.05)


def test_a_tree_that_has_not_seen_a_class_gives_it_nothing():
    X, y = np.arange(6.0)[:, None], np.array([2, 2, 5, 5, 7, 7])
    outputs = tree_outputs(DecisionTreeClassifier().fit(X, y), X, [0, 2, 5, 7, 9])
    np.testing.assert_array_equal(outputs, one_hot(y, [0, 2, 5, 7, 9]))


def test_bad_input_is_named(digits):
    with pytest.raises(ValueError, match=r"counts starts with 2; expected 1"):
        forest_curve(digits, [2, 3], [2, 4], n_train=50)
    with pytest.raises(ValueError, match=r"an entry of leaves is 1"):
        forest_curve(digits, [1, 3], [1], n_train=50)
    with pytest.raises(ValueError, match=r"shrinkage is 1.5; expected a number in \(0, 1\]"):
        boosting_curve(digits, [1], [1], n_train=50, shrinkage=1.5)
    with pytest.raises(ValueError, match=r"outputs has shape \(1, 4, 2\); expected \(m, 4, 2\)"):
        averaging_law(np.zeros((1, 4, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"leaves ends with 300; expected fewer than a full-grown"):
        forest_curve(digits, [2, 300], [1], n_train=50, n_seeds=1)
    x = np.arange(3.0)
    with pytest.raises(ValueError, match=r"x has equal entries \(in float32\)"):
        line_forest(np.array([0, 1, 1 + 1e-9]), x, x)
    with pytest.raises(ValueError, match=r"x contains"):
        line_forest(np.array([0, 1, np.nan]), x, x)
    with pytest.raises(ValueError, match=r"n_trees is 0"):
        line_forest(np.arange(3.0), np.arange(3.0), np.arange(3.0), n_trees=0)
