"""Closed forms of fitted noise, against simulation, quadrature and their special cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from fearless.theory.adversarial import (
    mislabeled_distance,
    mislabeled_survival,
    wrong_vote_probability,
)
from fearless.theory.local import nearest_distance

RATES = st.floats(0.0, 1.0)


@pytest.mark.parametrize("d", [1, 2, 5, 10])
@pytest.mark.parametrize("n", [500, 20_000])
def test_mean_distance_is_the_integral_of_the_survival_function(n, d):
    rate = 0.1
    exact, _ = quad(lambda r: mislabeled_survival(r**d, n, rate).item(), 0, 1, limit=500)
    assert mislabeled_distance(n, d, rate) == pytest.approx(exact, rel=2 / (rate * n))


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_mean_distance_agrees_with_that_in_unit_volume(d):
    volume = math.pi ** (d / 2) / math.gamma(1 + d / 2)
    assert mislabeled_distance(1000, d, 0.2, radius=volume ** (-1 / d)) == pytest.approx(
        nearest_distance(200, d), rel=1e-12
    )


def test_survival_is_a_binomial_probability():
    mass = np.linspace(0, 1, 7)
    for n, rate in ((1, 0.3), (40, 0.05), (5, 1.0)):
        np.testing.assert_allclose(
            mislabeled_survival(mass, n, rate), binom.pmf(0, n, rate * mass), atol=1e-15
        )


def test_certain_events_have_exact_probabilities():
    assert mislabeled_survival(1.0, 1, 1.0) == 0
    assert mislabeled_survival(0.0, 5, 1.0) == 1
    for weights in ("log", "uniform"):
        for k in (1, 7, 50, 100, 1000):
            assert 1 - 1e-12 < wrong_vote_probability(k, 1.0, weights) <= 1


@pytest.mark.parametrize(("k", "rate"), [(2, 0.3), (5, 0.1), (6, 0.25), (11, 0.2)])
def test_weighted_vote_agrees_with_simulated_exponential_weights(k, rate):
    rng = np.random.default_rng(31)
    weights = rng.exponential(size=(200_000, k))
    wrong = rng.random(weights.shape) < rate
    share = np.mean(np.sum(weights * wrong, axis=1) > np.sum(weights * ~wrong, axis=1))
    exact = wrong_vote_probability(k, rate)
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 200_000)


@pytest.mark.parametrize("weights", ["log", "uniform"])
@given(rate=RATES)
def test_votes_of_one_neighbour_and_the_symmetry_of_classes(weights, rate):
    assert wrong_vote_probability(1, rate, weights) == pytest.approx(rate, abs=1e-12)
    for k in (2, 5, 8):
        both = wrong_vote_probability(k, rate, weights) + wrong_vote_probability(
            k, 1 - rate, weights
        )
        assert both == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3])
def test_votes_obey_their_chernoff_bounds(rate):
    spread = math.sqrt(rate * (1 - rate))
    for k in (3, 11, 51, 201):
        # M' has k - 1 terms: the missing factor is at most (1 + 1/u) / 2 <= 1 to the power -1.
        u = math.sqrt((1 - rate) / rate)
        bound = (0.5 + spread) ** k / ((1 + 1 / u) / 2)
        assert wrong_vote_probability(k, rate) <= bound
        assert wrong_vote_probability(k, rate, "uniform") <= (2 * spread) ** k
        assert wrong_vote_probability(k, rate, "uniform") < wrong_vote_probability(k, rate)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: mislabeled_survival(1.5, 10, 0.1), ValueError, "mass"),
        (lambda: mislabeled_survival(0.5, 0, 0.1), ValueError, "n is 0"),
        (lambda: mislabeled_survival(0.5, 10, -0.1), ValueError, "rate"),
        (lambda: mislabeled_distance(10, 2, 0.0), ValueError, "rate"),
        (lambda: mislabeled_distance(10, 0, 0.1), ValueError, "d is 0"),
        (lambda: mislabeled_distance(10, 2, 0.1, radius=-1.0), ValueError, "radius"),
        (lambda: wrong_vote_probability(0, 0.1), ValueError, "n_neighbors"),
        (lambda: wrong_vote_probability(2.5, 0.1), TypeError, "n_neighbors"),
        (lambda: wrong_vote_probability(3, 2.0), ValueError, "rate"),
        (lambda: wrong_vote_probability(3, 0.1, "power"), ValueError, "weights"),
    ],
)
def test_bad_arguments_are_named(call, error, match):
    with pytest.raises(error, match=match):
        call()
