"""Rates and limits of momentum against spectral radii, minimisation and published numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fearless.optimization.methods import GradientDescent, HeavyBall, MaSS, Nesterov
from fearless.theory.rates.momentum import (
    chebyshev_bound,
    mass_time,
    momentum_limit,
    momentum_rate,
    tuned_momentum,
)
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.second_moments import DecoupledMoments

CLASSES = {"Nesterov": Nesterov, "tuned Nesterov": Nesterov, "heavy ball": HeavyBall}


def method(name, largest, smallest):
    eta, gamma = tuned_momentum(name, largest, smallest)
    return CLASSES[name](eta, gamma) if name in CLASSES else GradientDescent(eta)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("gradient descent", 0.980198),
        ("Nesterov", 0.9),
        ("tuned Nesterov", 0.884722),
        ("heavy ball", 0.818182),
    ],
)
def test_rates_at_condition_100(name, rate):
    assert momentum_rate(name, 100.0) == pytest.approx(rate, abs=1e-6)
    values = np.geomspace(3.0, 0.03, 301)
    # The roots of the heavy ball are double at both ends: half of the digits are lost.
    assert Recursion.of(method(name, 3.0, 0.03)).radius(values) == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize("name", ["gradient descent", "tuned Nesterov", "heavy ball"])
def test_tuned_parameters_are_the_best(name):
    values = np.geomspace(1.0, 0.05, 61)
    eta, gamma = tuned_momentum(name, 1.0, 0.05)
    family = CLASSES.get(name)

    def radius(point):
        if not (point[0] > 0 and 0 <= point[1] < 1):
            return 2.0
        found = family(*point.tolist()) if family else GradientDescent(float(point[0]))
        return Recursion.of(found).radius(values)

    start = np.array([1.1 * eta, 0.9 * gamma])
    best = minimize(radius, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9})
    assert best.fun == pytest.approx(momentum_rate(name, 20.0), abs=1e-4)


def test_chebyshev_bound_is_that_of_the_polynomial():
    kappa = 37.0
    times = np.arange(0, 60)
    expected = 1 / np.cosh(times * np.arccosh((kappa + 1) / (kappa - 1)))
    np.testing.assert_allclose(chebyshev_bound(times, kappa), expected, rtol=1e-12)
    assert chebyshev_bound([20], 100.0)[0] == pytest.approx(0.036131, abs=1e-6)
    np.testing.assert_array_equal(chebyshev_bound([0, 1, 5], 1.0), [1, 0, 0])


@pytest.mark.parametrize(
    ("gamma", "limit"),
    [
        (0, 0.3333),
        (0.3, 0.2415),
        (0.5, 0.1850),
        (0.6, 0.1562),
        (0.7, 0.1258),
        (0.8, 0.0924),
        (0.9, 0.0531),
        (0.95, 0.0292),
        (0.99, 0.0065),
    ],
)
def test_limits_for_the_data_of_liu_and_belkin(gamma, limit):
    assert momentum_limit("Nesterov", gamma, noise=6) == pytest.approx(limit, abs=5.1e-5)


@settings(max_examples=40)
@given(
    gamma=st.floats(0, 0.99),
    q=st.floats(1, 200),
    name=st.sampled_from(["Nesterov", "heavy ball", "gradient descent"]),
)
def test_second_moments_grow_beyond_the_limit_and_not_before(gamma, q, name):
    if name == "gradient descent":
        gamma = 0.0
    limit = momentum_limit(name, gamma, q)
    axis = DecoupledMoments([1.0], q)
    for share, stable in ((1 - 1e-3, True), (1 + 1e-3, False)):
        eta = limit * share
        found = GradientDescent(eta) if gamma == 0 else CLASSES[name](eta, gamma)
        assert (axis.radius(Recursion.of(found)) < 1 + 1e-9) == stable


def test_limits_of_exact_gradients():
    assert momentum_limit("heavy ball", 0.9) == pytest.approx(3.8)
    assert momentum_limit("Nesterov", 0.9) == pytest.approx(2 * 1.9 / 2.8)
    for name, gamma in (("heavy ball", 0.5), ("Nesterov", 0.5)):
        own = CLASSES[name](1.0, gamma).stable_step_size(1.0)
        assert momentum_limit(name, gamma) == pytest.approx(own)


def test_effective_step_of_heavy_momentum():
    for q in (4.0, 6.0, 20.0):
        gamma = 1 - 1e-7
        effective = momentum_limit("Nesterov", gamma, q) / (1 - gamma)
        assert effective == pytest.approx(2 / (q - 3), rel=1e-5)


@pytest.mark.parametrize("b", [1, 3, 50])
def test_time_of_mass_is_that_of_its_parameters(b):
    tuned = MaSS.tuned(2.0, 0.5, 0.01, 30.0, b)
    S = mass_time(2.0, 0.5, 0.01, 30.0, b)
    assert tuned.momentum == pytest.approx((S - 1) / (S + 1))
    assert mass_time(2.0, 0.5, 0.01, 30.0, float("inf")) == pytest.approx(50**0.5)
    assert mass_time(2.0, 0.5, 0.01, 30.0, 10**12) == pytest.approx(50**0.5)
    assert mass_time(1.0, 1.0, 1.0, 1 - 1e-10) == 1  # rounding errors of what is one


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tuned_momentum("Adam", 1.0, 0.1), r"method is 'Adam'"),
        (lambda: tuned_momentum("Nesterov", 0.1, 1.0), r"smallest is 1\.0"),
        (lambda: momentum_rate("Nesterov", 0.5), r"condition is 0\.5"),
        (lambda: chebyshev_bound([-1], 2.0), r"steps contains -1"),
        (lambda: momentum_limit("Nesterov", 1.0), r"momentum is 1\.0"),
        (lambda: momentum_limit("gradient descent", 0.1), r"momentum is 0\.1"),
        (lambda: momentum_limit("Nesterov", 0.1, 0.5), r"noise is 0\.5"),
        (lambda: mass_time(0.5, 1.0, 0.1, 2.0), r"norm >= largest"),
        (lambda: mass_time(2.0, 1.0, 0.1, 0.5), r"statistical >= 1"),
        (lambda: mass_time(2.0, 1.0, 0.1, 2.0, 0.5), r"batch_size is 0\.5"),
        (lambda: mass_time(2.0, 1.0, 0.1, 2.0, float("-inf")), r"batch_size is -inf"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
