"""The page *Escaping saddle points*: its claims, with other seeds."""

import numpy as np
import pytest

from fearless.book.claims import check_claim
from fearless.experiments.optimization.saddle_calls import call_counts, constant_steps
from fearless.experiments.optimization.saddle_escape import (
    escape_runs_from_zero,
    escape_shares,
    lowest_mode,
)
from fearless.experiments.optimization.saddle_problems import (
    circle_of_inputs,
    few_inputs,
    growth_cloud,
    landscape,
    partial_saddle,
)
from fearless.optimization.cubic import cubic_newton
from fearless.optimization.growth import strong_growth
from fearless.optimization.saddles import QuadraticNetwork
from fearless.theory.rates.saddles import (
    stated_exponent,
    strong_growth_bound,
    valley_exponent,
)

KINDS = [(method, growth) for method in ("gradient", "cubic") for growth in (True, False)]


def test_growth_along_descents_and_anywhere():
    points = growth_cloud(n_steps=200, n_points=20, random_state=3)
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((10, 20)), rng.uniform(0.5, 1.5, 10)
    anywhere = strong_growth(QuadraticNetwork(X, y, 3), rng.standard_normal((200, 60)))
    ratios = [points.ratio[0].max() / points.bound, anywhere.max() / strong_growth_bound(X)]
    check_claim("saddles-strong-growth", ratios, 1)
    assert np.all(points.ratio[2] > points.ratio[0])
    np.testing.assert_allclose(points.mean[2], points.mean[0], rtol=1e-6, atol=1e-25)


def test_partial_saddles_are_strict_and_stationary_for_every_sample():
    objective = few_inputs(6, 9, random_state=5)
    for zeros in ([0], [1, 4], range(6)):
        w = partial_saddle(objective, list(zeros))
        assert objective.sample_gradient_norms(w).max() < 1e-25
        curvature, vector = lowest_mode(objective, w)
        assert curvature > 0
        bent = objective.hessian(w) @ vector
        np.testing.assert_allclose(bent, -curvature * vector, atol=1e-12)
    with pytest.raises(ValueError, match="strict saddle"):
        lowest_mode(objective, partial_saddle(objective, []))
    with pytest.raises(ValueError, match="n is 10"):
        few_inputs(10, 5)


def test_sgd_stays():
    stays = [
        escape_runs_from_zero(0, noise=s, n_steps=1000, n_record=2, random_state=6)
        for s in (0.0, 0.5)
    ]
    check_claim("saddles-sgd-stays", [runs.moved for runs in stays], 0)
    assert np.all(np.isinf(stays[0].left))
    assert stays[0].predicted == np.inf


def test_the_law_of_the_escape_time():
    shares = escape_shares([1e-10, 1e-4], random_state=7, n_runs=300)
    check_claim("saddles-escape-law", shares.measured, shares.predicted, stderr=shares.stderr)


def test_the_first_cubic_step():
    objective = few_inputs(random_state=8)
    first = cubic_newton(objective, np.zeros(20), cubic=5, n_steps=1)
    curvature, _ = lowest_mode(objective)
    assert first.norm[0, 1] == pytest.approx(2 * curvature / 5, rel=1e-9)
    assert first.loss[0, 1] < first.loss[0, 0]


def test_the_saddles_of_the_circle():
    objective = circle_of_inputs(7)
    saddle = np.array([0.0, 1 / np.sqrt(3)])
    np.testing.assert_allclose(objective.gradient(saddle), 0, atol=1e-15)
    assert np.linalg.eigvalsh(objective.hessian(saddle))[0] < -0.1
    assert objective.loss([1.0, 0.0]) == pytest.approx(0, abs=1e-30)


def test_interpolation_alone_does_not_hold_sgd_back():
    picture = landscape("many", random_state=9)
    ends = np.linalg.norm(picture.paths[:, -1] - picture.start, axis=1)
    check_claim("saddles-interpolation-is-not-enough", ends.min(), 0.5)
    assert strong_growth(circle_of_inputs(), picture.start) > 1e20


def test_two_independent_inputs_hold_it():
    picture = landscape("few", n_steps=50, n_runs=3, n_grid=5, random_state=10)
    assert np.all(picture.paths == picture.start)
    objective = QuadraticNetwork([[1.0, 0.25], [0.0, 1.0]], [1.0, 0.5])
    np.testing.assert_allclose(objective.loss(picture.minima), 0, atol=1e-30)
    np.testing.assert_allclose(objective.gradient(picture.saddles), 0, atol=1e-15)
    assert picture.loss[0, -1] == pytest.approx(float(objective.loss([1.5, -1.5])))
    with pytest.raises(ValueError, match="kind is 'none'"):
        landscape("none")


def test_a_small_count():
    few = call_counts("network", "cubic", strong_growth=True, accuracy=[0.01, 0.003], n_runs=3)
    assert few.calls.shape == few.steps.shape == (3, 2)
    np.testing.assert_array_equal(few.calls[:, 0], few.steps[:, 0] * (16 + 100))
    with pytest.raises(ValueError, match="kind is 'hill'"):
        call_counts("hill", "cubic", strong_growth=True)


@pytest.mark.slow
def test_constant_steps_with_and_without_noise():
    runs = constant_steps(random_state=5)
    check_claim("saddles-constant-step", runs.gradient[0, :, -1].max(), 1e-5)
    check_claim("saddles-noise-floor", runs.late[1:], runs.floor[1:], stderr=runs.stderr[1:])


@pytest.mark.slow
def test_counts_of_calls():
    network, valley = (
        [call_counts(kind, m, strong_growth=g, n_runs=4, random_state=13) for m, g in KINDS]
        for kind in ("network", "valley")
    )
    stated = [stated_exponent(m, strong_growth=g) for m, g in KINDS]
    closed = [valley_exponent(m, 0.25, strong_growth=g) for m, g in KINDS]
    check_claim("saddles-network-bounds", [curve.slope for curve in network], stated)
    check_claim("saddles-valley-exponents", [curve.slope for curve in valley], closed)
    single = call_counts("valley", "gradient", strong_growth=False, batch_size=1, random_state=13)
    assert np.median(single.calls[:, -1]) < np.median(valley[1].calls[:, -1]) / 100
