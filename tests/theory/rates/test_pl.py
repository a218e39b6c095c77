"""Rates and radii under PL*."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.theory.rates.pl import (
    descent_length,
    flow_length,
    pl_iterations,
    pl_radius,
    pl_rate,
    system_radius,
    system_smoothness,
)

positive = st.floats(1e-3, 1e3)
share = st.floats(1e-3, 1)


@given(positive, share)
def test_the_rate_is_best_at_one_over_beta(beta, part):
    mu = part * beta
    best = pl_rate(mu, beta)
    assert best == pytest.approx(1 - part)
    for eta in (0.3 / beta, 0.99 / beta, 1.2 / beta, 1.9 / beta):
        assert best <= pl_rate(mu, beta, eta) < 1
    # Equality: a loss of one direction, in which the curvature is beta = mu.
    for eta in (0.3 / beta, 1.5 / beta):
        assert pl_rate(beta, beta, eta) == pytest.approx((1 - eta * beta) ** 2)


@given(positive, share, st.floats(1e-9, 0.9))
def test_iterations_are_the_first_that_suffice(beta, part, tol):
    t = pl_iterations(part * beta, beta, tol)
    rate = pl_rate(part * beta, beta)
    assert rate**t <= tol * (1 + 1e-6)
    assert t == 1 or rate ** (t - 1) >= tol * (1 - 1e-6)


@given(positive, share, positive)
def test_the_three_lengths(beta, part, loss):
    mu = part * beta
    flow = flow_length(loss, mu)
    assert descent_length(loss, mu) == pytest.approx(2 * flow)
    assert pl_radius(loss, beta, mu) == pytest.approx(2 * flow * math.sqrt(beta / mu))
    # The geometric series behind the classical radius is below it.
    series = math.sqrt(2 * loss / beta) / (1 - math.sqrt(max(0.0, 1 - mu / beta)))
    assert series <= pl_radius(loss, beta, mu) * (1 + 1e-9)


@given(st.integers(1, 50), positive, positive, share)
def test_systems_are_losses(n, lipschitz, residual, part):
    smallest = part * lipschitz**2
    loss = residual**2 / (2 * n)
    beta = system_smoothness(lipschitz, 0.0, residual, n)
    assert system_radius(lipschitz, residual, smallest) == pytest.approx(
        pl_radius(loss, beta, smallest / n)
    )
    assert system_smoothness(lipschitz, 2.0, residual, n) >= beta


def test_huge_and_tiny_arguments_do_not_overflow():
    assert flow_length(1e300, 1e-200) == pytest.approx(math.sqrt(2) * 1e250)
    assert pl_radius(1e300, 1e20, 1e10) == pytest.approx(2 * math.sqrt(2) * 1e150)
    assert pl_rate(1e-310, 2e-310) == pytest.approx(0.5)
    assert pl_iterations(1e-100, 1e100, 0.5) == pytest.approx(math.log(2) * 1e200)
    with pytest.raises(ValueError, match=r"expected a condition number up to 1e300"):
        pl_iterations(1e-200, 1e200, 0.5)


def test_bad_input():
    with pytest.raises(ValueError, match=r"step_size is 3.0; expected less than 2 / smoothness"):
        pl_rate(0.5, 1.0, 3.0)
    with pytest.raises(ValueError, match=r"expected constant <= smoothness"):
        pl_rate(2.0, 1.0)
    with pytest.raises(ValueError, match=r"constant is 0.0; expected a finite number > 0"):
        flow_length(1.0, 0.0)
    with pytest.raises(ValueError, match=r"loss is -1.0; expected a finite number >= 0"):
        descent_length(-1.0, 1.0)
    with pytest.raises(ValueError, match=r"tol is 1.0; expected less than 1"):
        pl_iterations(0.5, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"smallest is 5.0; expected at most lipschitz"):
        system_radius(1.0, 1.0, 5.0)
