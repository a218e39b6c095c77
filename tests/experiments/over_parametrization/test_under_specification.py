"""Interpolants and networks of *Under-specification*: the claims of the page, with other seeds."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from fearless.book.claims import check_claim
from fearless.data import corrupt, load_mnist
from fearless.experiments.over_parametrization.corrupted_digits import (
    stress_tests,
    train_seeds,
)
from fearless.experiments.over_parametrization.spread import (
    bootstrap_ratio_interval,
    deviation_ratio_interval,
)
from fearless.experiments.over_parametrization.underspecified import (
    feature_fan,
    linear_fan,
    linear_problem,
    start_weights,
)
from fearless.networks import train_sweep
from fearless.theory.starts import off_span


@pytest.mark.parametrize("seed", [31, 32])
def test_starts_spread_off_the_span(seed):
    problem = linear_problem(50, 120, exponent=1.0, random_state=seed)
    points = np.random.default_rng(seed).standard_normal((4, 120))
    weights = start_weights(problem, 4000, random_state=seed)
    np.testing.assert_allclose(weights[:50] @ problem.X.T, np.tile(problem.y, (50, 1)), atol=1e-9)
    variance = np.sum(off_span(problem.X, points) ** 2, axis=1) / 120
    measured = (weights @ points.T).var(axis=0, ddof=1)
    assert np.all(np.abs(measured - variance) < 4.5 * variance * np.sqrt(2 / 3999))


def test_starts_agree_in_the_span():
    problem = linear_problem(50, 120, exponent=1.0, random_state=33)
    inside = np.random.default_rng(33).standard_normal((6, 50)) @ problem.X
    predictions = start_weights(problem, 100, random_state=33) @ inside.T
    assert np.all(np.ptp(predictions, axis=0) < 1e-9)


@pytest.mark.parametrize(("seed", "exponent"), [(34, 2.0), (35, 1.0)])
def test_risk_over_starts(seed, exponent):
    problem = linear_problem(60, 200, exponent=exponent, random_state=seed)
    fan = linear_fan(problem, [0.0, 0.7], n_starts=20_000, random_state=seed)
    squares = (fan.risks - fan.risks.mean(axis=0)) ** 2
    error = np.array([fan.risks.std(axis=0), squares.std(axis=0)]) / 20_000**0.5
    measured = [fan.risks.mean(axis=0), squares.mean(axis=0)]
    check_claim("risk-over-starts", measured, [fan.mean, fan.deviation**2], stderr=error)
    assert fan.spread[1] / fan.spread[0] > 3


def test_equal_seeds_of_problem_and_starts_are_independent():
    problem = linear_problem(20, 60, random_state=0)
    starts = off_span(problem.X, start_weights(problem, 400, random_state=0))
    truth = off_span(problem.X, problem.truth[None])[0]
    cosines = starts @ truth / np.linalg.norm(starts, axis=1) / np.linalg.norm(truth)
    assert abs(cosines.mean()) < 4 / np.sqrt(400 * 40)


@pytest.mark.parametrize("seed", [36, 37])
def test_feature_spread_under_shift(seed):
    fan = feature_fan([0.0, 2.0], n_seeds=30, random_state=seed)
    _, low, _ = bootstrap_ratio_interval(fan.risks[:, 1], fan.risks[:, 0], random_state=seed)
    check_claim("feature-spread-under-shift", low, 3)


@pytest.fixture(scope="module")
def digits():
    return load_mnist(600, 1500, dtype=np.float32, random_state=38)


@pytest.fixture(scope="module")
def networks(digits):
    return train_seeds(digits, 40, width=48, random_state=39)


def test_networks_fit_and_are_those_of_the_trainer(digits, networks):
    assert np.all(networks.train_error == 0)
    rng = np.random.default_rng(np.random.SeedSequence(39))
    seeds, order = rng.integers(2**31, size=40).tolist(), int(rng.integers(2**31))
    options = {"loss": "cross-entropy", "optimizer": "sgd", "learning_rate": 0.1}
    (run,) = train_sweep(
        digits.X_train, digits.y_train, [48], seeds[:1], random_state=order, **options
    ).values()
    answers = networks.outputs(digits.X_test).argmax(axis=2)[0]
    # Training side by side rounds differently: a digit on the fence may fall either way.
    assert np.mean(answers != run.predict(digits.X_test)) < 0.002


def test_unseen_weights_never_move(digits, networks):
    steps = (networks.weight_1 - networks.start).reshape(-1, 784)
    check_claim("unseen-weights-never-move", np.abs(off_span(digits.X_train, steps)).max(), 1e-5)
    assert np.abs(steps).max() > 0.01


def test_stress_tests_of_networks(digits, networks):
    tests = {"held-out": digits.X_test}
    for width in (1, 3):
        tests[f"frame {width}"] = corrupt(digits.X_test, "border", width)
    result = stress_tests(networks, tests, digits.y_test)
    held_out, thin, wide = result.accuracy
    check_claim("network-spread-under-stress", deviation_ratio_interval(wide, held_out)[1], 3)
    check_claim("held-out-rank-says-little", abs(spearmanr(held_out, wide)[0]), 0.6)
    spread = result.spread("held-out")
    assert spread.measured == pytest.approx(held_out.std(ddof=1))
    assert spread.true < spread.measured

    erased = networks.without_unseen(digits.X_train)
    on_training = [n.outputs(digits.X_train) for n in (networks, erased)]
    np.testing.assert_allclose(*on_training, atol=1e-3)
    after = stress_tests(erased, tests, digits.y_test)
    _, low, _ = deviation_ratio_interval(thin, after.accuracy[1])
    check_claim("erasing-unseen-weights-closes-the-gap", low, 1)
    with pytest.raises(ValueError, match="name is 'fog'; expected one of held-out, frame 1"):
        result.spread("fog")


def test_bad_input_is_named(digits, networks):
    with pytest.raises(ValueError, match="expected the same number of rows"):
        stress_tests(networks, {"held-out": digits.X_test}, digits.y_test[:1])
    with pytest.raises(ValueError, match="tests is empty"):
        stress_tests(networks, {}, digits.y_test)
    with pytest.raises(ValueError, match="n is 60; expected an integer >= 1 and <= 59"):
        linear_problem(60, 60)
    with pytest.raises(ValueError, match="n_features is 300; expected an integer >= 400"):
        feature_fan([0.0], n=200, n_features=300)
    with pytest.raises(ValueError, match="X has 3 columns; expected 784"):
        networks.outputs(np.ones((2, 3)))
