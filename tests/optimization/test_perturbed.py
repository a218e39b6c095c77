"""Perturbed descent: equal to a plain loop, when it has arrived, and how it reports divergence."""

import numpy as np
import pytest

from fearless.optimization.escape import at_local_minimum
from fearless.optimization.perturbed import perturbed_descent
from fearless.optimization.saddles import FlatValley, QuadraticNetwork


def fitting(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((4, 6)) / np.sqrt(6)
    return QuadraticNetwork(X, rng.uniform(0.5, 1.5, 4))


def test_full_gradients_without_pushes_are_gradient_descent():
    objective, w = fitting(), np.full(6, 0.2)
    run = perturbed_descent(objective, w, step_size=0.1, radius=0, n_steps=50, record=50)
    for t in range(50):
        assert run.loss[0, t] == pytest.approx(float(objective.loss(w)))
        assert run.gradient_norm[0, t] == pytest.approx(np.linalg.norm(objective.gradient(w)))
        assert run.norm[0, t] == pytest.approx(np.linalg.norm(w))
        w = w - 0.1 * objective.gradient(w)
    np.testing.assert_allclose(run.coef[0], w, atol=1e-12)
    np.testing.assert_array_equal(run.oracle_calls[0], 4 * run.steps)
    assert run.hessian_calls is None
    assert run.explain() == "none of 1 run(s) diverged"


def test_pushes_have_the_size_asked_for():
    """At a maximum with nothing to fit the gradient is zero, and a step is a push."""
    objective = QuadraticNetwork(np.eye(3), np.zeros(3))
    run = perturbed_descent(
        objective, np.zeros(3), step_size=0.5, radius=1e-3, n_steps=1, n_runs=3000, random_state=0
    )
    squares = np.sum(run.coef**2, axis=1)
    stderr = squares.std() / np.sqrt(3000)
    assert abs(squares.mean() - (0.5 * 1e-3) ** 2) < 4 * stderr
    assert np.all(np.abs(run.coef.mean(axis=0)) < 4 * 0.5e-3 / np.sqrt(3 * 3000))


def test_batches_have_the_mean_and_variance_of_draws_with_replacement():
    objective, w, b, runs = fitting(), np.full(6, 0.3), 3, 4000
    run = perturbed_descent(
        objective, w, step_size=1.0, radius=0, batch_size=b, n_steps=1, n_runs=runs, random_state=1
    )
    gradients = w - run.coef
    single = np.array([objective.gradient(w, [i]) for i in range(4)])
    error = gradients.mean(axis=0) - single.mean(axis=0)
    assert np.all(np.abs(error) < 4 * gradients.std(axis=0) / np.sqrt(runs))
    squares = np.sum((gradients - single.mean(axis=0)) ** 2, axis=1)
    due = np.sum((single - single.mean(axis=0)) ** 2, axis=1).mean() / b
    assert abs(squares.mean() - due) < 4 * squares.std() / np.sqrt(runs)


def test_a_run_is_the_same_in_any_company():
    objective = fitting()
    options = {"n_steps": 130, "record": [130], "random_state": 5}
    three = perturbed_descent(
        objective, np.zeros(6), step_size=[0.1, 0.05, 0.2], radius=0.1, batch_size=2, **options
    )
    one = perturbed_descent(
        objective, np.zeros(6), step_size=0.1, radius=0.1, batch_size=2, **options
    )
    np.testing.assert_array_equal(three.coef[0], one.coef[0])
    np.testing.assert_array_equal(three.oracle_calls[:, -1], 260)
    np.testing.assert_array_equal(three.settings["step_size"], [0.1, 0.05, 0.2])


def test_large_problems_draw_fewer_steps_at_once():
    """The numbers are the same: 7 runs on 10,000 samples draw 28 steps at once, one run 64."""
    objective = QuadraticNetwork(np.ones((10_000, 1)), np.linspace(0.5, 1.5, 10_000))
    options = {"n_steps": 40, "record": [40], "batch_size": 3, "random_state": 2, "radius": 0.0}
    seven = perturbed_descent(objective, [0.5], step_size=np.full(7, 0.1), **options)
    one = perturbed_descent(objective, [0.5], step_size=0.1, **options)
    np.testing.assert_array_equal(seven.coef[0], one.coef[0])


def test_runs_stop_where_they_arrive():
    objective = fitting()
    run = perturbed_descent(
        objective,
        np.zeros(6),
        step_size=0.3,
        radius=1e-3,
        n_steps=4000,
        accuracy=[0.1, 0.01],
        hessian_lipschitz=12.0,
        random_state=0,
    )
    assert np.all(run.reached_at > 0)
    assert run.reached_at[0] < run.reached_at[1]
    np.testing.assert_array_equal(run.calls_to_reach, 4 * run.reached_at)
    assert np.all(at_local_minimum(objective, run.coef, [0.1, 0.01], 12.0))
    np.testing.assert_array_equal(run.oracle_calls[:, -1], 4 * run.reached_at)
    second = run.take([1])
    assert second.reached_at.tolist() == [run.reached_at[1]]
    assert second.gradient_norm.shape == second.loss.shape
    never = perturbed_descent(
        objective,
        np.zeros(6),
        step_size=0.3,
        radius=0.0,
        n_steps=5,
        accuracy=0.01,
        hessian_lipschitz=12.0,
    )
    assert never.reached_at[0] == -1
    assert never.calls_to_reach[0] == np.inf


def test_an_approximate_minimum_needs_both_halves():
    objective = QuadraticNetwork(np.eye(2), [1.0, 1.0])
    w = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.001, 1.0], [1.3, 1.0]]
    # Hessian at 0 is -I; at (1, 0) it has the eigenvalue -1; -1 >= -sqrt(M eps) for M eps >= 1.
    np.testing.assert_array_equal(
        at_local_minimum(objective, w, 0.01, 12.0), [False, False, True, True, False]
    )
    assert np.all(at_local_minimum(objective, w[:2], 0.1, 12.0))


def test_a_step_too_long_is_run_and_reported():
    objective = fitting()
    run = perturbed_descent(
        objective, np.ones(6), step_size=[5.0, 0.1], radius=0.0, n_steps=200, random_state=0
    )
    np.testing.assert_array_equal(run.diverged, [True, False])
    assert not np.isnan(run.loss).any()
    assert run.loss[0, -1] == np.inf
    assert np.all(np.isinf(run.coef[0]))
    assert "diverged at step" in run.explain()
    assert run.oracle_calls[0, -1] == 4 * run.diverged_at[0]


def test_a_negative_loss_is_no_divergence():
    objective = FlatValley([[1.0]], 0.5, [-3.0])
    run = perturbed_descent(objective, [0.1], step_size=1e-3, radius=0.0, n_steps=10)
    assert run.loss[0, 0] < 0
    assert not run.diverged.any()
    assert np.all(np.diff(run.loss[0]) < 0)


def test_bad_input():
    objective = fitting()
    options = {"step_size": 0.1, "radius": 0.0, "n_steps": 1}
    with pytest.raises(ValueError, match="start has shape"):
        perturbed_descent(objective, np.zeros(5), **options)
    with pytest.raises(TypeError, match="radius is 'small'"):
        perturbed_descent(objective, np.zeros(6), step_size=0.1, radius="small", n_steps=1)
    with pytest.raises(ValueError, match="start contains"):
        perturbed_descent(objective, np.full(6, np.nan), **options)
    with pytest.raises(ValueError, match="batch_size is"):
        perturbed_descent(objective, np.zeros(6), batch_size=0, **options)
    with pytest.raises(ValueError, match="batch_size is"):
        perturbed_descent(objective, np.zeros(6), batch_size=1.5, **options)
    with pytest.raises(ValueError, match="mismatched numbers of runs"):
        perturbed_descent(objective, np.zeros(6), batch_size=[1, 2], **options, n_runs=3)
    with pytest.raises(ValueError, match="expected both"):
        perturbed_descent(objective, np.zeros(6), accuracy=0.1, **options)
    with pytest.raises(ValueError, match="batch_size is 0; expected"):
        perturbed_descent(objective, np.zeros(6), batch_size=[3, 0], **options)
    with pytest.raises(ValueError, match="start has the loss inf in run 1"):
        perturbed_descent(objective, [np.zeros(6), np.full(6, 1e200)], **options)
    for wrong in ({"accuracy": -1.0}, {"accuracy": [0.1, 0.1]}, {"w": np.full(6, np.nan)}):
        settings = {"w": np.zeros(6), "accuracy": 0.1, **wrong}
        with pytest.raises(ValueError, match=next(iter(wrong))):
            at_local_minimum(objective, **settings, hessian_lipschitz=1.0)
    for wrong in ({"step_size": 0.0}, {"radius": -1.0}, {"radius": np.nan}, {"n_steps": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            perturbed_descent(objective, np.zeros(6), **{**options, **wrong})
