"""Runs on any objective: least squares against the engine for it, several starts, divergence."""

import numpy as np
import pytest

from fearless.optimization import (
    GradientDescent,
    HeavyBall,
    MaSS,
    least_squares_runs,
    minimize,
)


class LeastSquares:
    def __init__(self, X, y):
        self.X, self.y = X, y
        self.n_samples, self.n_parameters = X.shape
        self.calls = 0

    def loss(self, w):
        return float(np.mean((self.X @ w - self.y) ** 2)) / 2

    def gradient(self, w, samples=None):
        X, y = (self.X, self.y) if samples is None else (self.X[samples], self.y[samples])
        self.calls += len(y)
        return X.T @ (X @ w - y) / len(y)


class Quartic:
    """(w^2 - 1)^2 / 4: two solutions, a stationary point that is none, no global step size."""

    n_samples = n_parameters = 1

    def loss(self, w):
        return float((w[0] ** 2 - 1) ** 2) / 4

    def gradient(self, w, samples=None):
        return w * (w**2 - 1)


rng = np.random.default_rng(0)
X, y = rng.standard_normal((7, 12)) / 12**0.5, rng.standard_normal(7)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(
    "method", [GradientDescent([0.2, 0.5, 0.4]), MaSS(0.4, [0.1, 0.5, 0.9], 0.1)]
)
def test_least_squares_are_those_of_the_engine(method, replacement):
    """The same streams: seeds, epochs and short last batches."""
    options = dict(
        n_steps=30, batch_size=[2, 7, 3], replacement=replacement, random_state=3, record=30
    )
    objective = LeastSquares(X, y)
    solution = np.linalg.pinv(X) @ y
    run = minimize(objective, method, np.zeros(12), solution=solution, **options)
    fast = least_squares_runs(X, y, method, solution=solution, **options)
    for name in ("loss", "distance", "norm", "coef", "oracle_calls", "steps", "diverged_at"):
        np.testing.assert_allclose(getattr(run, name), getattr(fast, name), rtol=1e-10, atol=1e-13)
    assert objective.calls == run.oracle_calls[:, -1].sum()
    np.testing.assert_array_equal(run.settings["batch_size"], [2, 7, 3])


def test_several_starts():
    starts = np.array([[0.5], [-0.1], [0.0], [2.0]])
    run = minimize(Quartic(), HeavyBall(0.1, 0.5), starts, n_steps=300, record=3)
    np.testing.assert_allclose(run.coef[:, 0], [1, -1, 0, 1], atol=1e-12)
    assert run.distance is None
    alone = minimize(Quartic(), HeavyBall(0.1, 0.5), starts[3], n_steps=300, record=3)
    np.testing.assert_array_equal(alone.loss[0], run.loss[3])


def test_divergence_is_told():
    run = minimize(Quartic(), GradientDescent([0.1, 1.0]), [3.0], n_steps=50, record=50)
    np.testing.assert_array_equal(run.diverged, [False, True])
    at = run.diverged_at[1]
    assert np.all(np.isfinite(run.loss[1, :at]))
    assert np.all(run.loss[1, at:] == np.inf)
    assert np.all(run.norm[1, at:] == np.inf)
    assert np.all(run.coef[1] == np.inf)
    assert f"run 1 (step_size 1, batch_size 1) diverged at step {at}" in run.explain()
    # Between two records weights that are not finite are seen.
    rare = minimize(Quartic(), GradientDescent(1.0), [3.0], n_steps=50, record=1)
    assert at <= rare.diverged_at[0] < 10
    assert not np.isnan(rare.loss).any()


def test_a_loss_that_is_no_number_is_divergence():
    class Cliff(Quartic):
        def loss(self, w):
            return super().loss(w) if w[0] < 2 else np.nan

        def gradient(self, w, samples=None):
            return -np.ones(1)

    run = minimize(Cliff(), GradientDescent(1.0), [0.5], n_steps=5, record=5)
    np.testing.assert_array_equal(run.diverged_at, [2])
    np.testing.assert_array_equal(np.isinf(run.loss[0]), [False] * 2 + [True] * 4)


def test_a_start_of_infinite_loss_has_diverged():
    class Wall(Quartic):
        def loss(self, w):
            return np.inf

    run = minimize(Wall(), GradientDescent(0.1), [0.5], n_steps=5, record=5)
    np.testing.assert_array_equal(run.diverged_at, [0])


@pytest.mark.parametrize("first", [-0.5, 0.0])
def test_losses_of_any_sign(first):
    """A loss that begins below zero, or at zero, and grows a little is no divergence."""

    class Slope(Quartic):
        def loss(self, w):
            return float(w[0]) + first

        def gradient(self, w, samples=None):
            return -np.ones(1)

    run = minimize(Slope(), GradientDescent(1.0), [0.0], n_steps=3, record=3)
    np.testing.assert_allclose(run.loss[0], first + np.arange(4))
    assert not run.diverged.any()
    lost = minimize(Slope(), GradientDescent(1.0), [0.0], n_steps=3, record=3, divergence=2.0)
    assert lost.diverged_at[0] == (3 if first == 0 else 2)


def test_a_list_of_one_hyperparameter_is_for_all_runs():
    run = minimize(Quartic(), HeavyBall([0.1], 0.5), [[0.5], [2.0]], n_steps=30, record=3)
    expected = minimize(Quartic(), HeavyBall(0.1, 0.5), [[0.5], [2.0]], n_steps=30, record=3)
    np.testing.assert_array_equal(run.coef, expected.coef)
    np.testing.assert_array_equal(run.settings["step_size"], [0.1, 0.1])


def test_a_gradient_of_the_wrong_shape_is_no_gradient():
    class Summed(LeastSquares):
        def gradient(self, w, samples=None):
            return super().gradient(w, samples)[:1]

    with pytest.raises(ValueError, match=r"gradient returned the shape \(1,\); expected \(12,\)"):
        minimize(Summed(X, y), GradientDescent(0.1), np.zeros(12), n_steps=2)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (dict(start=[1.0, 2.0]), ValueError, "start has length 2; expected 1"),
        (dict(start=[np.nan]), ValueError, "start contains 1 non-finite"),
        (dict(n_steps=1.0), TypeError, "n_steps is float"),
        (dict(method=0.1), TypeError, "method is float; expected a Method"),
        (dict(solution=[1.0, 2.0]), ValueError, "solution has length 2"),
        (dict(batch_size=2, replacement=False), ValueError, "batch_size is 2, but there are 1"),
        (dict(start=[[1.0]] * 3, batch_size=[1, 1]), ValueError, "mismatched numbers of runs"),
        (dict(divergence=-1.0), ValueError, r"divergence is -1\.0"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    good = dict(objective=Quartic(), method=GradientDescent(0.1), start=[1.0], n_steps=3)
    with pytest.raises(error, match=match):
        minimize(**{**good, **arguments})
