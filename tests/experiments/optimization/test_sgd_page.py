"""The claims of the page *SGD under interpolation*, with other seeds, and its experiments."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.optimization.batch_runs import (
    predict_steps,
    recorded_steps,
    run_batches,
)
from fearless.experiments.optimization.constant_step import feature_runs, stream_runs
from fearless.experiments.optimization.equations import Equations, digit_machine, equal_norms
from fearless.experiments.optimization.linear_scaling import linear_limit, linear_rule
from fearless.experiments.optimization.one_step import first_steps
from fearless.experiments.optimization.pl_runs import pl_runs
from fearless.theory.rates.sample_moments import SampleMoments


def test_stream():
    runs = stream_runs([0, 0.01, 0.1, 1], n_steps=300, n_runs=200, random_state=11)
    pick = np.arange(4), [60, -1, -1, -1]
    check_claim("sgd-stream", runs.mean[pick], runs.expected[pick], stderr=runs.error[pick])
    assert np.all(runs.mean[:, 0] == 1)
    assert np.isclose(runs.expected[3, -1], runs.floor[3], rtol=1e-3)


@pytest.mark.slow
def test_floor_with_few_features_and_none_with_many():
    few = feature_runs([10, 30], n_steps=1500, random_state=3)
    late = few[0].steps >= 750
    means = [run.losses[:, late].mean(axis=1) for run in few]
    check_claim(
        "sgd-floor",
        [m.mean() for m in means],
        [run.floor for run in few],
        stderr=[m.std(ddof=1) / len(m) ** 0.5 for m in means],
    )
    assert all(run.floor > 1.05 * run.least for run in few)
    many = feature_runs([120, 480], n_runs=20, random_state=3)
    check_claim("sgd-interpolates", [(r.losses[:, -1] / r.losses[:, 0]).max() for r in many], 1e-3)


def test_one_step_is_worth_what_the_theorem_says():
    problem = equal_norms(64, 256, random_state=4)
    first = first_steps(problem, [1, 2, 8, 32, 128], n_runs=4000, random_state=5)
    check_claim(
        "sgd-speedup",
        first.speedup[1:],
        first.worst_case[1:],
        stderr=first.speedup_error[1:],
    )
    assert np.all(np.abs(first.left - first.expected) < 4.5 * first.error)


def test_steps_of_least_squares():
    problem = equal_norms(64, 256, random_state=6)
    plan = predict_steps(problem.moments, -problem.y, [1, 4, 16, 64])
    runs = run_batches(problem, plan, n_runs=60, random_state=7)
    check_claim(
        "sgd-steps",
        [run.at_predicted[0] for run in runs],
        [run.due for run in runs],
        stderr=[run.at_predicted[1] for run in runs],
    )
    assert all(run.due <= plan.share for run in runs)
    assert all(low <= middle <= high for low, middle, high in (run.counted for run in runs))
    assert np.all(np.diff(plan.steps) < 0)


@pytest.mark.slow
def test_steps_of_a_kernel_machine():
    machine = digit_machine(load_mnist(), random_state=8)
    plan = predict_steps(machine.moments, -machine.y, [1, 2, 8, 32, 128])
    fresh = run_batches(machine, plan, n_runs=80, random_state=9)
    check_claim(
        "sgd-steps",
        [run.at_predicted[0] for run in fresh],
        [run.due for run in fresh],
        stderr=[run.at_predicted[1] for run in fresh],
    )


@pytest.mark.slow
def test_steps_of_a_network():
    from fearless.experiments.optimization.network_batches import network_task, train_batches

    task = network_task(load_mnist(), [1, 8, 64], digits=(4, 9), width=2048, random_state=2)
    runs = train_batches(task, n_runs=6, random_state=3)
    check_claim("sgd-network", [run.counted[1] for run in runs], task.prediction.steps)
    assert task.prediction.critical < 8


def test_guarantee_under_pl():
    runs = pl_runs([1, 8], n_steps=800, n_runs=40, random_state=3)
    check_claim("sgd-pl", np.max(runs.mean[:, 1:] / runs.bound[:, 1:]), 1)
    assert runs.largest_residual < runs.allowed_residual
    assert runs.least_curvature < 0  # not convex on the way
    assert np.all(runs.bound[:, -1] < 1)


def test_linear_rule():
    problem = equal_norms(64, 256, random_state=10)
    sizes = [2, 4, int(2.1 * problem.critical) + 1]
    rule = linear_rule(problem, sizes, n_steps=150, n_runs=20, random_state=1)
    check_claim("sgd-linear-rule", min(rule.linear[:, -1].min(), 1e12), 1000)
    assert rule.best.max() < 1
    assert rule.linear[:, :2].max() < 1
    assert problem.critical < rule.limit < sizes[-1]


def test_linear_limit_separates():
    problem = equal_norms(40, 160, random_state=1)
    limit = linear_limit(problem)
    unit = problem.step_size(1)
    below, above = int(np.floor(limit)), int(np.ceil(limit))
    assert problem.moments.rate(below * unit, below) < 1 < problem.moments.rate(above * unit, above)
    # Orthonormal samples: every residual has the factor 1 - 2 s + s^2 (m - 1)/m + s^2 n/m with
    # s = eta/n and eta = m.
    n = 12
    orthonormal = Equations(np.eye(n), np.ones(n), SampleMoments(np.eye(n)))
    assert np.isclose(linear_limit(orthonormal), n + 1)


def test_recorded_steps_hold_the_start_and_the_prediction():
    for predicted in (1, 7, 1200):
        steps = recorded_steps(predicted)
        assert steps[0] == 0
        assert predicted in steps[1:-1]
        assert np.all(np.diff(steps) > 0)


def test_the_error_of_a_count_is_that_of_repeated_experiments():
    problem = equal_norms(32, 128, random_state=3)
    plan = predict_steps(problem.moments, -problem.y, [1, 8])
    repeats = [run_batches(problem, plan, n_runs=30, random_state=seed) for seed in range(60)]
    counted = np.array([[run.counted for run in runs] for runs in repeats])
    spread = counted[..., 1].std(axis=0, ddof=1)
    stated = np.sqrt((((counted[..., 2] - counted[..., 0]) / 4) ** 2).mean(axis=0))
    # A standard deviation of 60 numbers is known to 9 %; the losses are skewed, hence more.
    assert np.all(np.abs(spread / stated - 1) < 0.4)


def test_errors():
    problem = equal_norms(10, 20)
    plan = predict_steps(problem.moments, -problem.y, [1])
    with pytest.raises(ValueError, match="expected two draws or more"):
        run_batches(problem, plan, n_runs=1)
    with pytest.raises(ValueError, match="n_runs is 1"):
        first_steps(problem, [1], n_runs=1)
    with pytest.raises(ValueError, match="batch_sizes is not sorted"):
        predict_steps(problem.moments, -problem.y, [2, 1])
    with pytest.raises(ValueError, match=r"share is 0\.5; expected less than 1/2"):
        predict_steps(problem.moments, -problem.y, [1], 0.5)
    with pytest.raises(ValueError, match="n_samples is 999999"):
        digit_machine(load_mnist(), 999_999)
