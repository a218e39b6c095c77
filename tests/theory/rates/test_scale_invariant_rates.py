"""Equilibria of weights without scale, against recursions, runs and an independent integral."""

import numpy as np
import pytest
from scipy.special import hyp1f1

from fearless.theory.rates.scale_invariant import (
    effective_step_size,
    equilibrium_angle,
    equilibrium_norm,
    norm_path,
    rayleigh_equilibrium_loss,
    relaxation_time,
)


@pytest.mark.parametrize("start", [0.3, 1.0, 20.0])
def test_the_recursion_of_the_length_ends_at_the_equilibrium(start):
    eta, decay, noise = 0.5, np.array([0.01, 0.1, 0.3]), 7.0
    path = norm_path(start, eta, decay, noise, 4000)
    np.testing.assert_allclose(path[:, -1], equilibrium_norm(eta, decay, noise), rtol=1e-12)


def test_a_gradient_of_constant_length_gives_angle_norm_and_effective_step():
    rng = np.random.default_rng(0)
    eta, decay, noise = 0.4, 0.05, 9.0
    w = rng.standard_normal(30)
    w *= float(equilibrium_norm(eta, decay, noise)) / np.linalg.norm(w)
    for _ in range(5):
        unit = w / np.linalg.norm(w)
        gradient = rng.standard_normal(30)
        gradient -= (gradient @ unit) * unit
        gradient *= np.sqrt(noise) / np.linalg.norm(gradient)
        new = (1 - eta * decay) * w - eta * gradient / np.linalg.norm(w)
        np.testing.assert_allclose(np.linalg.norm(new), np.linalg.norm(w), rtol=1e-12)
        angle = np.arccos(new @ unit / np.linalg.norm(new))
        np.testing.assert_allclose(angle, equilibrium_angle(eta * decay), rtol=1e-10)
        direction = unit - effective_step_size(eta * decay, noise) * gradient
        np.testing.assert_allclose(
            new / np.linalg.norm(new), direction / np.linalg.norm(direction), rtol=1e-10
        )
        w = new


def test_the_first_order_forms_of_the_paper():
    rate, noise = 1e-6, 3.0
    np.testing.assert_allclose(equilibrium_angle(rate), np.sqrt(2 * rate), rtol=1e-6)
    np.testing.assert_allclose(
        equilibrium_norm(0.1, 10 * rate, noise) ** 4, 0.1 * noise / (20 * rate), rtol=1e-6
    )
    np.testing.assert_allclose(
        effective_step_size(rate, noise), np.sqrt(2 * rate / noise), rtol=1e-5
    )
    np.testing.assert_allclose(relaxation_time(rate), 1 / (4 * rate), rtol=1e-5)


@pytest.mark.parametrize("rate", [0.001, 0.03, 0.5])
def test_small_deviations_of_the_length_relax_as_predicted(rate):
    limit = float(equilibrium_norm(1.0, rate, 1.0))
    path = norm_path(limit * (1 + 1e-5), 1.0, rate, 1.0, 1) / limit - 1
    np.testing.assert_allclose(
        -1 / np.log(np.abs(path[1] / path[0])), relaxation_time(rate), rtol=1e-3
    )


def test_the_fourth_power_relaxes_exponentially():
    rate = 1e-4
    q = norm_path(5.0, 1.0, rate, 1.0, 5000) ** 4
    limit = float(equilibrium_norm(1.0, rate, 1.0)) ** 4
    flow = limit + (q[0] - limit) * np.exp(-4 * rate * np.arange(5001))
    np.testing.assert_allclose(q, flow, rtol=1e-3)


@pytest.mark.parametrize("dimension", [2, 3, 50])
@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.3])
def test_the_equilibrium_loss_is_that_of_watsons_law(dimension, rate):
    loss = float(rayleigh_equilibrium_loss(rate, dimension, 0.7))
    a, b = (dimension - 1) / 2, dimension / 2

    def moment(k, kappa):  # E sin^{2k} of the angle between u and e
        rising = np.prod([(a + j) / (b + j) for j in range(k)])
        return rising * hyp1f1(a + k, b + k, -kappa) / hyp1f1(a, b, -kappa)

    noise = (dimension - 1) * 0.49
    for _ in range(100):  # the same fixed point by Kummer's function
        kappa = 1 / (float(effective_step_size(rate, noise)) * 0.49)
        noise = (dimension - 1) * 0.49 + moment(1, kappa) - moment(2, kappa)
    np.testing.assert_allclose(loss, moment(1, kappa) / 2, rtol=1e-6)


@pytest.mark.parametrize("rate", [1e-9, 1e-14, 1e-17])
def test_tiny_rates_keep_their_digits(rate):
    """1 - rate has few digits of the rate left, and the law is narrower than a fixed grid."""
    np.testing.assert_allclose(equilibrium_angle(rate), np.sqrt(2 * rate), rtol=1e-9)
    np.testing.assert_allclose(relaxation_time(rate), 1 / (4 * rate), rtol=1e-8)
    first_order = 49 * float(effective_step_size(rate, 49.0)) / 4  # (D - 1) eta_e / 4
    np.testing.assert_allclose(rayleigh_equilibrium_loss(rate, 50), first_order, rtol=1e-4)


@pytest.mark.parametrize("rate", [0.2, 0.28, 0.5, 0.9])
def test_the_relaxation_time_of_large_rates(rate):
    factor = abs(2 * (1 - rate) ** 2 - 1)
    np.testing.assert_allclose(relaxation_time(rate), -1 / np.log(factor), rtol=1e-12)


def test_without_any_order_the_direction_is_uniform():
    np.testing.assert_allclose(rayleigh_equilibrium_loss(0.9, 50), (1 - 1 / 50) / 2, rtol=2e-3)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.0, np.nan, np.inf])
def test_rates_outside_the_unit_interval(rate):
    for function in (equilibrium_angle, relaxation_time):
        with pytest.raises(ValueError, match="intrinsic_rate"):
            function(rate)


def test_bad_input():
    with pytest.raises(ValueError, match="noise is 0; expected a finite number > 0"):
        equilibrium_norm(0.1, 0.1, 0.0)
    with pytest.raises(ValueError, match="weight decay, is 2; expected less than 1"):
        equilibrium_norm(1.0, 2.0, 1.0)
    with pytest.raises(ValueError, match="start"):
        norm_path(0.0, 0.1, 0.1, 1.0, 3)
    with pytest.raises(ValueError, match="n_steps"):
        norm_path(1.0, 0.1, 0.1, 1.0, -1)
    with pytest.raises(TypeError, match="step_size"):
        equilibrium_norm("a", 0.1, 1.0)
    with pytest.raises(ValueError, match="dimension"):
        rayleigh_equilibrium_loss(0.1, 1)
