"""The random features limit: the published polynomials, simulation, and its kernel end."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.special import erf

from fearless.theory.proportional import isotropic_risk
from fearless.theory.random_features import (
    RELU_MOMENTS,
    ActivationMoments,
    activation_moments,
    random_features_risk,
)

positive = st.floats(0.05, 20)


def polynomials(psi1, psi2, chi, z2):
    """Bias and variance factors as Mei and Montanari print them, z2 = zeta^2."""
    z4, z6 = z2**2, z2**3
    e0 = (
        -(chi**5) * z6
        + 3 * chi**4 * z4
        + (psi1 * psi2 - psi2 - psi1 + 1) * chi**3 * z6
        - 2 * chi**3 * z4
        - 3 * chi**3 * z2
        + (psi1 + psi2 - 3 * psi1 * psi2 + 1) * chi**2 * z4
        + 2 * chi**2 * z2
        + chi**2
        + 3 * psi1 * psi2 * chi * z2
        - psi1 * psi2
    )
    e1 = psi2 * chi**3 * z4 - psi2 * chi**2 * z2 + psi1 * psi2 * chi * z2 - psi1 * psi2
    e2 = (
        chi**5 * z6
        - 3 * chi**4 * z4
        + (psi1 - 1) * chi**3 * z6
        + 2 * chi**3 * z4
        + 3 * chi**3 * z2
        + (-psi1 - 1) * chi**2 * z4
        - 2 * chi**2 * z2
        - chi**2
    )
    return e1 / e0, e2 / e0


@given(psi1=positive, psi2=positive, z2=positive, penalty=st.sampled_from([0.0, 1e-3, 0.1, 10.0]))
def test_the_published_polynomials(psi1, psi2, z2, penalty):
    low = min(psi1, psi2)
    if abs(psi1 - psi2) < 0.01 * low:
        return  # the polynomials cancel there
    if penalty == 0:
        a = low * z2 - z2 - 1
        chi = -(math.sqrt(a**2 + 4 * z2 * low) + a) / (2 * z2)
    else:
        # nu_1 = i a_1, nu_2 = i a_2 on the imaginary axis: chi = -a_1 a_2 = -x, with
        # a_k sqrt(weight) = psi_k - x - z2 x / (1 + z2 x).
        def gap(x):
            return low - x - z2 * x / (1 + z2 * x)

        end = brentq(gap, 0, low, xtol=1e-300)
        weight = psi1 * psi2 * penalty

        def balance(x):
            return gap(x) * (gap(x) + abs(psi1 - psi2)) - weight * x

        chi = -brentq(balance, 0, end, xtol=1e-300, rtol=1e-14)
    bias, variance = polynomials(psi1, psi2, chi, z2)
    moments = ActivationMoments(0.0, z2**0.5, 1.0)
    risk = random_features_risk(psi1, psi2, moments=moments, noise=1.0, penalty=penalty)
    assert_allclose([risk.bias, risk.variance], [bias, variance], rtol=1e-7)


@given(psi1=positive, factor=st.floats(1.01, 10), z2=positive)
def test_below_the_threshold_the_noise_is_amplified_as_in_linear_regression(psi1, factor, z2):
    moments = ActivationMoments(0.0, z2**0.5, 1.0)
    risk = random_features_risk(psi1, psi1 * factor, moments=moments, noise=1.0)
    assert_allclose(risk.variance, 1 / (factor - 1), rtol=1e-9)


@given(psi2=positive, z2=positive, penalty=st.sampled_from([0.0, 0.01, 1.0]), noise=st.floats(0, 3))
def test_the_kernel_limit_is_linear_ridge_regression(psi2, z2, penalty, noise):
    moments = ActivationMoments(0.0, z2**0.5, 1.0)
    arguments = {"moments": moments, "noise": noise, "penalty": penalty}
    limit = random_features_risk(np.inf, psi2, **arguments)
    # The nonlinear part of the kernel, mu_*^2 = 1, adds to the penalty lambda psi2 of n samples.
    linear = isotropic_risk(1 / psi2, noise=noise, penalty=(1 / psi2 + penalty) / z2)
    assert_allclose(limit.bias, linear.bias, rtol=1e-9)
    assert_allclose(limit.variance, linear.variance, rtol=1e-9, atol=1e-300)
    wide = random_features_risk(1e9, psi2, **arguments)
    assert_allclose(wide.excess, limit.excess, rtol=1e-5)


def test_small_penalties_approach_the_ridgeless_risk():
    psi1 = np.array([0.5, 2.0, 2.99, 3.01, 5.0, 50.0])
    ridgeless = random_features_risk(psi1, 3.0, noise=0.3).excess
    for penalty in (1e-300, 1e-20, 1e-12):
        risk = random_features_risk(psi1, 3.0, noise=0.3, penalty=penalty).excess
        assert_allclose(risk, ridgeless, rtol=1e-4)
    at_threshold = random_features_risk(3.0, 3.0, noise=0.3)
    assert at_threshold.bias == at_threshold.variance == np.inf
    assert random_features_risk(3.0, 3.0, signal=0.0).excess == 0
    assert np.isfinite(random_features_risk(3.0, 3.0, noise=0.3, penalty=1e-12).excess)


def test_a_nonlinear_target_acts_as_noise_and_stays():
    plain = random_features_risk([1.0, 9.0], 3.0, noise=0.7)
    rest = random_features_risk([1.0, 9.0], 3.0, noise=0.2, nonlinear=0.5)
    assert_allclose(rest.excess, plain.excess + 0.5)
    assert_allclose(rest.noise, 0.2)


def test_ridge_against_simulation():
    d, n, width, penalty, noise = 40, 120, 200, 0.02, 0.25
    rng = np.random.default_rng(11)

    def sphere(size):
        points = rng.standard_normal((size, d))
        return points * (d**0.5 / np.linalg.norm(points, axis=1, keepdims=True))

    risks = []
    for _ in range(60):
        X, T, V = sphere(n), sphere(500), sphere(width)
        beta = sphere(1)[0] / d**0.5
        phi, phi_test = np.tanh(X @ V.T / d**0.5), np.tanh(T @ V.T / d**0.5)
        y = X @ beta + noise**0.5 * rng.standard_normal(n)
        gram = phi.T @ phi / n + width * penalty / d * np.eye(width)
        a = np.linalg.solve(gram, phi.T @ y / n)
        risks.append(np.mean((phi_test @ a - T @ beta) ** 2))
    moments = activation_moments(np.tanh)
    limit = random_features_risk(width / d, n / d, moments=moments, noise=noise, penalty=penalty)
    error = np.std(risks, ddof=1) / 60**0.5
    assert abs(np.mean(risks) - limit.excess) < 4 * error + 0.03 * limit.excess


def test_without_a_linear_part_the_signal_is_noise():
    # V stays psi1 / (psi2 - psi1), and with no means to fit the signal B = 1 + V.
    none = ActivationMoments(0.0, 0.0, 1.0)
    psi1 = np.array([0.5, 1.0, 2.0])
    risk = random_features_risk(psi1, 3.0, moments=none, noise=1.0)
    assert_allclose(risk.variance, psi1 / (3.0 - psi1))
    assert_allclose(risk.bias, 3.0 / (3.0 - psi1))
    wide = random_features_risk(np.inf, 3.0, moments=none, noise=1.0, penalty=[0, 0.1])
    assert_allclose(wide.excess, 1)


def test_moments_by_quadrature():
    relu = activation_moments(lambda x: max(0.0, x))
    for name in ("mean", "linear", "nonlinear"):
        assert_allclose(getattr(relu, name), getattr(RELU_MOMENTS, name), rtol=1e-12)
    assert RELU_MOMENTS.zeta_squared == pytest.approx(math.pi / (math.pi - 2))
    error_function = activation_moments(lambda x: float(erf(x)))
    assert error_function.linear == pytest.approx(2 / math.sqrt(3 * math.pi))
    second = 2 / math.pi * math.asin(2 / 3)
    assert error_function.nonlinear**2 == pytest.approx(second - error_function.linear**2)
    hermite = activation_moments(lambda x: 1 + 2 * x + 3 * (x * x - 1))
    assert_allclose([hermite.mean, hermite.linear, hermite.nonlinear], [1, 2, 3 * 2**0.5])
    step = activation_moments(lambda x: float(x > 0))
    assert_allclose([step.mean, step.linear], [0.5, 1 / math.sqrt(2 * math.pi)])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: activation_moments("relu"), TypeError, "activation is 'relu'"),
        (lambda: activation_moments(lambda x: 2 * x + 1), ValueError, "nonlinear is 0"),
        (lambda: ActivationMoments(0.0, math.nan, 1.0), ValueError, "linear is nan"),
        (lambda: random_features_risk(0.0, 1.0), ValueError, "psi1 is 0"),
        (lambda: random_features_risk(1.0, np.inf), ValueError, "psi2 contains"),
        (lambda: random_features_risk(-np.inf, 1.0), ValueError, "psi1 contains"),
        (lambda: random_features_risk("a", 1.0), TypeError, "psi1 has dtype"),
        (lambda: random_features_risk(1.0, 1.0, penalty=-1), ValueError, "penalty is -1"),
        (lambda: random_features_risk(1.0, 1.0, moments=2), TypeError, "moments is 2"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
