"""Losses with saddles: derivatives by finite differences, known stationary points, bad input."""

import numpy as np
import pytest

from fearless.optimization.methods import GradientDescent
from fearless.optimization.objective import minimize
from fearless.optimization.saddles import FlatValley, QuadraticNetwork


def network(n=5, d=4, n_units=3, seed=0):
    rng = np.random.default_rng(seed)
    return QuadraticNetwork(rng.standard_normal((n, d)), rng.random(n), n_units)


def valley(n=5, d=4, n_units=2, seed=0):
    rng = np.random.default_rng(seed)
    X, tilt = rng.standard_normal((n, d)), rng.standard_normal(n)
    return FlatValley(X, 0.5, tilt, n_units)


@pytest.mark.parametrize("objective", [network(), valley(), network(n_units=1)])
def test_derivatives_by_finite_differences(objective):
    w = np.random.default_rng(1).standard_normal((2, objective.n_parameters))
    samples = np.array([0, 3, 3])
    share = np.bincount(samples, minlength=5) / 3
    step = 1e-5

    def mean_loss(w):
        return objective._profile(np.sum(objective._units(w) ** 2, axis=-1))[0] @ share

    for i, e in enumerate(np.eye(objective.n_parameters) * step):
        slope = (mean_loss(w + e) - mean_loss(w - e)) / (2 * step)
        np.testing.assert_allclose(objective.gradient(w, samples)[:, i], slope, atol=1e-7)
        bend = (objective.gradient(w + e, samples) - objective.gradient(w - e, samples)) / (
            2 * step
        )
        np.testing.assert_allclose(objective.hessian(w, samples)[:, i], bend, atol=1e-6)


@pytest.mark.parametrize("objective", [network(), valley()])
def test_samples_add_up(objective):
    w = np.random.default_rng(2).standard_normal((3, objective.n_parameters))
    single = np.array([objective.gradient(w, [i]) for i in range(5)])
    np.testing.assert_allclose(single.mean(axis=0), objective.gradient(w), atol=1e-12)
    squares = np.sum(single**2, axis=-1).T
    np.testing.assert_allclose(objective.sample_gradient_norms(w), squares, rtol=1e-10)
    hessians = [objective.hessian(w, [i]) for i in range(5)]
    np.testing.assert_allclose(np.mean(hessians, axis=0), objective.hessian(w), atol=1e-12)
    weights = np.full((3, 5), 0.2)
    np.testing.assert_allclose(
        objective.gradient(w, weights=weights), objective.gradient(w), atol=1e-12
    )


def test_one_unit_more_that_is_silent_changes_nothing():
    one, two = network(n_units=1), network(n_units=2)
    w = np.random.default_rng(3).standard_normal(4)
    both = np.concatenate([w, np.zeros(4)])
    assert two.loss(both) == pytest.approx(one.loss(w))
    np.testing.assert_allclose(two.gradient(both)[:4], one.gradient(w))
    np.testing.assert_array_equal(two.gradient(both)[4:], 0)


def test_the_hessian_at_zero_is_that_of_the_formula():
    objective = network(n_units=1)
    due = -2 / 5 * (objective.X.T * objective.y) @ objective.X
    np.testing.assert_allclose(objective.hessian(np.zeros(4)), due, atol=1e-14)


def test_any_method_minimises_them():
    objective = network(n=3, n_units=1)
    trace = minimize(
        objective, GradientDescent(0.05), np.full(4, 0.5), n_steps=4000, random_state=0
    )
    assert trace.loss[0, -1] < 1e-3 * trace.loss[0, 0]


def test_bad_input():
    objective = network()
    with pytest.raises(ValueError, match="w has shape"):
        objective.loss(np.zeros(5))
    with pytest.raises(ValueError, match="samples reaches beyond"):
        objective.gradient(np.zeros(12), [5])
    with pytest.raises(ValueError, match="samples is"):
        objective.gradient(np.zeros(12), [0.5])
    with pytest.raises(ValueError, match="both given"):
        objective.gradient(np.zeros(12), [0], weights=np.ones(5))
    with pytest.raises(ValueError, match="weights contains"):
        objective.gradient(np.zeros(12), weights=np.full(5, np.nan))
    with pytest.raises(ValueError, match="weights has shape"):
        objective.gradient(np.zeros(12), weights=np.ones(4))
    with pytest.raises(ValueError, match="mismatched lengths"):
        QuadraticNetwork(np.eye(2), [1.0])
    with pytest.raises(ValueError, match="power is"):
        FlatValley(np.eye(2), 0.0)
    with pytest.raises(ValueError, match="mismatched lengths"):
        FlatValley(np.eye(2), 1.0, [0.0])
    with pytest.raises(ValueError, match="non-finite"):
        QuadraticNetwork([[np.nan]], [1.0])
