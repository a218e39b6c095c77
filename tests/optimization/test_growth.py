"""Strong growth: the bound, where it is attained, scales and corners; labels that break it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearless.optimization.growth import label_twice, strong_growth
from fearless.optimization.saddles import FlatValley, QuadraticNetwork
from fearless.theory.rates.saddles import strong_growth_bound


def test_two_labels_are_a_constant():
    rng = np.random.default_rng(0)
    clean = QuadraticNetwork(rng.standard_normal((5, 4)), rng.random(5), 3)
    noisy = QuadraticNetwork(*label_twice(clean.X, clean.y, 0.3), 3)
    w = np.random.default_rng(4).standard_normal((4, 12))
    np.testing.assert_allclose(noisy.loss(w), clean.loss(w) + 0.3**2 / 2)
    np.testing.assert_allclose(noisy.gradient(w), clean.gradient(w), atol=1e-12)
    np.testing.assert_allclose(noisy.hessian(w), clean.hessian(w), atol=1e-12)


def test_the_largest_ratio_of_growth_is_the_bound_for_samples_of_one_length():
    """The lowest eigenvector as residuals makes the mean gradient as short as it can be."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((6, 9))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    residual = np.linalg.eigh(X @ X.T)[1][:, 0]
    # One unit whose outputs are z^2 and labels such that (z^2 - y) z is the residual.
    z = np.ones(6)
    w = np.linalg.lstsq(X, z, rcond=None)[0]
    objective = QuadraticNetwork(X, z**2 - residual / z)
    assert float(strong_growth(objective, w)) == pytest.approx(strong_growth_bound(X))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3))
def test_growth_is_bounded_everywhere(seed, n, n_units):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    objective = QuadraticNetwork(X, rng.standard_normal(n), n_units)
    w = rng.standard_normal((20, 5 * n_units)) * 10.0 ** rng.uniform(-3, 1)
    ratio = strong_growth(objective, w)
    assert np.all(ratio <= strong_growth_bound(X) * (1 + 1e-6))
    assert np.all(ratio >= 1 - 1e-9)


def test_growth_where_gradients_vanish():
    objective = QuadraticNetwork([[1.0], [1.0]], [2.0, 0.0])
    np.testing.assert_array_equal(strong_growth(objective, [[0.0], [1.0]]), [1.0, np.inf])


def test_growth_by_single_gradients():
    rng = np.random.default_rng(6)
    objective = FlatValley(rng.standard_normal((5, 4)), 0.5, rng.standard_normal(5), 2)
    w = rng.standard_normal(8)
    single = np.array([objective.gradient(w, [i]) for i in range(5)])
    due = np.mean(np.sum(single**2, axis=1)) / np.sum(single.mean(axis=0) ** 2)
    assert float(strong_growth(objective, w)) == pytest.approx(due)


def test_growth_has_no_unit():
    """Near the saddle 0 the gradients are linear in w, however small it is; far away cubic."""
    rng = np.random.default_rng(7)
    X, w = rng.standard_normal((3, 5)), rng.standard_normal(5)
    objective = QuadraticNetwork(X, np.ones(3))
    near = strong_growth(objective, w[None] * np.array([[1e-200], [1e-100], [1e-9]]))
    np.testing.assert_allclose(near, near[2], rtol=1e-9)
    far = strong_growth(objective, w[None] * np.array([[1e9], [1e60], [1e95]]))
    np.testing.assert_allclose(far, far[0], rtol=1e-9)
    large = QuadraticNetwork(1e100 * X, np.ones(3))
    np.testing.assert_allclose(strong_growth(large, 1e-100 * w), strong_growth(objective, w))


def test_growth_of_no_numbers_is_an_error():
    objective = QuadraticNetwork(np.eye(2), [1.0, 1.0])
    for wrong in (np.nan, np.inf, 1e200):
        with pytest.raises(ValueError, match="not finite"):
            strong_growth(objective, [wrong, 1.0])


def test_bad_labels():
    with pytest.raises(ValueError, match="noise is"):
        label_twice(np.eye(2), [1.0, 2.0], -0.1)
    with pytest.raises(ValueError, match="mismatched lengths"):
        label_twice(np.eye(2), [1.0], 0.1)
