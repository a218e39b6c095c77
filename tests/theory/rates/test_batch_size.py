"""Mini-batch SGD on a quadratic that can be fitted: formulas against minimisation and chance."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fearless.theory.rates.batch_size import (
    batch_speedup,
    critical_batch_size,
    optimal_step_size,
    sgd_rate,
)

SPECTRUM = (1.0, 0.2159, 0.01)


@pytest.mark.parametrize("m", [1, 2, 5, 6, 16, 64, 10**6])
def test_step_and_rate_are_the_minimum(m):
    norm, largest, smallest = SPECTRUM
    found = minimize_scalar(
        lambda eta: sgd_rate(m, norm, largest, smallest, eta),
        bounds=(1e-6, 2 / (largest + smallest)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    assert optimal_step_size(m, *SPECTRUM) == pytest.approx(found.x, rel=1e-5)
    assert sgd_rate(m, *SPECTRUM) == pytest.approx(found.fun, rel=1e-8)


def test_infinite_batches_are_gradient_descent():
    _, largest, smallest = SPECTRUM
    assert optimal_step_size(np.inf, *SPECTRUM) == pytest.approx(2 / (largest + smallest))
    rate = ((largest - smallest) / (largest + smallest)) ** 2
    assert sgd_rate(np.inf, *SPECTRUM) == pytest.approx(rate)


def test_rate_changes_its_form_at_the_critical_batch():
    norm, largest, smallest = SPECTRUM
    m = critical_batch_size(*SPECTRUM)
    assert m == pytest.approx(norm / (largest - smallest) + 1)
    below = m / (norm + (m - 1) * smallest)
    above = 2 * m / (norm + (m - 1) * (largest + smallest))
    assert below == pytest.approx(above)
    assert critical_batch_size(1.0, 0.5, 0.5) == np.inf


def test_speedup_is_linear_and_then_saturates():
    sizes = np.array([1, 2, 4, 8, 16, 64, 1e12])
    speedup = batch_speedup(sizes, 1.0, 0.2159, 1e-5)
    critical = critical_batch_size(1.0, 0.2159, 1e-5)
    np.testing.assert_allclose(speedup[:3], sizes[:3], rtol=1e-3)
    assert np.all(np.diff(speedup) > 0)
    assert speedup[-1] == pytest.approx(4 * (critical - 1), rel=1e-3)


def test_speedup_keeps_its_digits_for_tiny_eigenvalues():
    # 1 - lambda_n rounds to 1 in double precision; the limit for lambda_n -> 0 is known.
    tiny = batch_speedup([1, 2, 4, 1e12], 1.0, 0.25, 1e-18)
    np.testing.assert_allclose(tiny, [1, 2, 4, 16], rtol=1e-9)


def test_nothing_to_speed_up_is_named():
    with pytest.raises(ValueError, match="nothing to speed up"):
        batch_speedup([1, 2], 1.0, 1.0, 1.0)
    np.testing.assert_allclose(batch_speedup([1, 2], 1.0, 0.5, 0.5)[0], 1)


@pytest.mark.parametrize("m", [1, 4])
def test_mean_squared_distance_shrinks_by_the_rate_along_eigenvectors(m):
    # Samples of equal norm on the axes: the largest and the smallest direction are eigenvectors.
    d = 4
    shares = np.array([0.5, 0.25, 0.15, 0.1])  # x = e_i with these probabilities: H = diag(shares)
    eta = 0.7
    rng = np.random.default_rng(m)
    for i in (0, d - 1):
        hits = rng.multinomial(m, shares, size=40000)[:, i]
        after = (1 - eta * hits / m) ** 2
        factor = (1 - eta * shares[i]) ** 2 + eta**2 * shares[i] / m * (1 - shares[i])
        stderr = after.std(ddof=1) / len(after) ** 0.5
        assert abs(after.mean() - factor) < 4 * stderr
        assert factor <= sgd_rate(m, 1.0, shares[0], shares[-1], eta) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: critical_batch_size(1.0, 2.0), r"smallest <= largest <= norm"),
        (lambda: critical_batch_size(1.0, 0.1, 0.2), r"smallest <= largest <= norm"),
        (lambda: critical_batch_size(0.0, 0.1), r"norm is 0\.0"),
        (lambda: optimal_step_size(0.5, 1.0, 0.1), r"batch_size is 0\.5; expected at least 1"),
        (lambda: sgd_rate(1, 1.0, 0.1, 0.01, -1.0), r"step_size is -1\.0"),
        (lambda: batch_speedup([1, 2], 1.0, 0.1, 0.0), r"smallest is 0\.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
