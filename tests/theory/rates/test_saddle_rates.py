"""Rates at saddle points against simulation of the linear recursion and exact integrals."""

import numpy as np
import pytest
from scipy.integrate import quad

from fearless.theory.rates.saddles import (
    escape_steps,
    perturbed_escape_share,
    perturbed_escape_steps,
    stated_exponent,
    strong_growth_bound,
    valley_exponent,
)


def test_least_squares_obeys_the_bound_and_can_attain_it():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 30))
    bound = strong_growth_bound(X)
    residuals = np.vstack([rng.standard_normal((200, 8)), np.linalg.eigh(X @ X.T)[1].T])
    samples = np.mean(residuals**2 * np.sum(X**2, axis=1), axis=1)
    ratio = samples / np.sum((residuals @ X / 8) ** 2, axis=1)
    assert np.all(ratio <= bound)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    lowest = np.linalg.eigh(unit @ unit.T)[1][:, 0]
    attained = np.mean(lowest**2) / np.sum((lowest @ unit / 8) ** 2)
    assert attained == pytest.approx(strong_growth_bound(unit))


def test_dependent_inputs_have_no_bound():
    assert strong_growth_bound(np.ones((2, 3))) == np.inf
    assert strong_growth_bound(np.random.default_rng(0).standard_normal((5, 3))) == np.inf


def test_steps_by_iteration():
    distance, steps = 1e-5, 0
    while distance < 0.1:
        distance, steps = distance * (1 + 0.2 * 0.7), steps + 1
    assert steps == np.ceil(escape_steps(0.7, 0.2, 1e-5, 0.1))
    assert escape_steps(1.0, 0.1, 2.0, 2.0) == 0


@pytest.mark.parametrize("quantile", [0.2, 0.5])
def test_the_law_of_the_perturbed_recursion_by_simulation(quantile):
    curvature, eta, tau, p, end, runs = 0.6, 0.1, 1e-4, 5, 0.05, 4000
    steps = int(perturbed_escape_steps(curvature, eta, tau, p, end, quantile).round())
    rng = np.random.default_rng(1)
    a = np.zeros(runs)
    for _ in range(steps):
        a = (1 + eta * curvature) * a + eta * tau / np.sqrt(p) * rng.standard_normal(runs)
    share = float(perturbed_escape_share(steps, curvature, eta, tau, p, end))
    assert abs(share - quantile) < 0.03  # the steps are rounded
    stderr = np.sqrt(share * (1 - share) / runs)
    assert abs(np.mean(np.abs(a) > end) - share) < 4 * stderr


def test_share_and_steps_are_inverse_to_each_other():
    setting = (0.3, 0.2, np.array([1e-8, 1e-3]), 7, 0.1)
    for quantile in (0.1, 0.5, 0.9):
        steps = perturbed_escape_steps(*setting, quantile)
        np.testing.assert_allclose(perturbed_escape_share(steps, *setting), quantile, rtol=1e-9)
    assert np.all(perturbed_escape_share(0, *setting) == 0)


def test_a_smaller_push_costs_a_logarithm():
    small, large = perturbed_escape_steps(0.5, 0.1, np.array([1e-12, 1e-6]), 3, 0.1)
    assert small - large == pytest.approx(float(escape_steps(0.5, 0.1, 1e-12, 1e-6)), rel=1e-6)


def test_digits_are_kept_for_slow_saddles():
    """A quadratic as flat as that: exponential growth is linear, and pushes are a random walk."""
    assert escape_steps(1e-17, 1.0, 1.0, np.e) == pytest.approx(1e17, rel=1e-12)
    steps = perturbed_escape_steps(1e-17, 1.0, 1e-3, 1, 1.0)
    assert steps == pytest.approx((1e3 / 0.6744897501960817) ** 2, rel=1e-9)
    share = perturbed_escape_share(float(steps), 1e-17, 1.0, 1e-3, 1, 1.0)
    assert share == pytest.approx(0.5, rel=1e-9)
    assert np.isfinite(perturbed_escape_steps(1.0, 0.1, 1e-300, 3, 0.1))


def test_the_bound_has_no_unit():
    X = np.random.default_rng(2).standard_normal((3, 5))
    for scale in (1e-200, 1e200):
        assert strong_growth_bound(scale * X) == pytest.approx(strong_growth_bound(X))
    assert strong_growth_bound(np.zeros((2, 3))) == np.inf


def test_exponents():
    assert [stated_exponent("gradient", strong_growth=s) for s in (True, False)] == [2, 4]
    assert [stated_exponent("cubic", strong_growth=s) for s in (True, False)] == [2.5, 3.5]
    for method in ("gradient", "cubic"):
        for growth in (True, False):
            limit = valley_exponent(method, 1e-9, strong_growth=growth)
            assert limit == pytest.approx(stated_exponent(method, strong_growth=growth), abs=1e-8)


@pytest.mark.parametrize(("method", "root"), [("gradient", 1.0), ("cubic", 0.5)])
@pytest.mark.parametrize("q", [0.25, 1.0, 3.0])
def test_the_valley_by_integration(method, root, q):
    """Time along the valley is the integral of dz over the speed."""
    accuracy = np.array([1e-5, 1e-6])
    ends = accuracy ** (-1 / (q + 1))
    times = [quad(lambda z: z ** (root * (q + 1)), 0, end)[0] for end in ends]
    slope = np.log(times[1] / times[0]) / np.log(10)
    steps = valley_exponent(method, q, strong_growth=True) - (method == "cubic")
    assert slope == pytest.approx(steps, rel=1e-6)


def test_bad_input():
    with pytest.raises(ValueError, match="method is 'newton'"):
        stated_exponent("newton", strong_growth=True)
    with pytest.raises(ValueError, match="power is"):
        valley_exponent("cubic", 0.0, strong_growth=True)
    with pytest.raises(ValueError, match="curvature is"):
        escape_steps(-1.0, 0.1, 1.0, 2.0)
    with pytest.raises(ValueError, match="less than start"):
        escape_steps(1.0, 0.1, 2.0, 1.0)
    with pytest.raises(ValueError, match=r"step_size \* curvature is"):
        escape_steps(1e-200, 1e-200, 1.0, 2.0)
    with pytest.raises(ValueError, match="quantile is"):
        perturbed_escape_steps(1.0, 0.1, 1e-3, 3, 0.1, 1.0)
    with pytest.raises(ValueError, match="steps is"):
        perturbed_escape_share(-1, 1.0, 0.1, 1e-3, 3, 0.1)
    with pytest.raises(ValueError, match="X contains"):
        strong_growth_bound([[np.inf]])
