"""Noise shares in closed form, against simulation, other integrals and each other."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expn

from fearless.theory.local import (
    hilbert_variance,
    interpolated_neighbors_variance,
    nearest_distance,
    singular_variance,
    singular_variance_limit,
)


def simulated(n, d, exponent, repeats, seed):
    """Mean and standard error of sum_i w_i^2, volumes uniform."""
    volumes = np.random.default_rng(seed).random((repeats, n))
    weights = volumes ** (-exponent / d)
    shares = np.sum(weights**2, axis=1) / np.sum(weights, axis=1) ** 2
    return shares.mean(), shares.std(ddof=1) / repeats**0.5


@pytest.mark.parametrize(
    ("n", "expected"),
    [(100, 0.15741), (1000, 0.11074), (10**4, 0.08620), (10**5, 0.07087), (10**8, 0.04661)],
)
def test_hilbert_variance_is_the_oracle(n, expected):  # O19
    assert hilbert_variance(n) == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize("n", [2, 10, 1000, 10**6])
def test_hilbert_variance_is_the_integral_of_exponential_integrals(n):
    def integrand(y):  # t = e^y
        t = np.exp(y)
        return n * np.exp(y - t + (n - 1) * np.log(expn(2, t)))

    parts = [-60, -np.log(n) - 6, -np.log(n) - 2, 0, 6]
    pieces = [quad(integrand, a, b, epsabs=1e-13, epsrel=1e-10)[0] for a, b in pairwise(parts)]
    assert hilbert_variance(n) == pytest.approx(sum(pieces), rel=1e-8)


def test_two_points_in_closed_form():
    """n = 2, a = d: with s = u/(u + v), E (s^2 + (1-s)^2) = 2 - 2 ln 2."""
    assert hilbert_variance(2) == pytest.approx(2 - 2 * np.log(2), rel=1e-10)
    assert hilbert_variance(1) == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize(
    ("n", "d", "exponent"),
    [(50, 5, 1.0), (100, 3, 1.0), (400, 5, 2.0), (30, 1, 0.8), (30, 2, 7.0), (300, 1, 0.49)],
)
def test_singular_variance_against_simulation(n, d, exponent):
    mean, error = simulated(n, d, exponent, 8000, seed=n)
    assert abs(singular_variance(n, d, exponent) - mean) < 4 * error


@pytest.mark.parametrize(
    ("exponent", "n", "rel"),
    [
        (0.2, 10**6, 1e-3),
        (0.4, 10**8, 0.05),
        (0.7, 10**8, 0.01),
        (1.5, 10**6, 1e-2),
        (4.0, 99, 0.02),
    ],
)
def test_limits(exponent, n, rel):
    found = singular_variance(n, 1, exponent)
    assert found == pytest.approx(singular_variance_limit(n, 1, exponent), rel=rel)


def test_limits_at_the_borders_are_approached_slowly():
    for exponent in (0.5, 1.0):
        sizes = [10**4, 10**6, 10**8]
        ratios = [
            singular_variance(n, 1, exponent) / singular_variance_limit(n, 1, exponent)
            for n in sizes
        ]
        gaps = np.abs(np.log(ratios))
        assert np.all(np.diff(gaps) < 0)
        assert gaps[-1] > 0.01


@pytest.mark.parametrize("d", [1, 3, 10])
def test_log_weights(d):  # O18: exact in every dimension
    volumes = np.random.default_rng(d).random((20_000, 12))
    weights = -np.log(volumes) / d
    shares = np.sum(weights**2, 1) / weights.sum(1) ** 2
    error = shares.std(ddof=1) / 20_000**0.5
    assert abs(interpolated_neighbors_variance(12, d) - shares.mean()) < 4 * error


def test_power_weights():
    assert interpolated_neighbors_variance(50, 8, "power") == singular_variance(50, 8, 2.0)
    assert interpolated_neighbors_variance(1, 8, "power", 1.0) == pytest.approx(1, rel=1e-10)
    # A vanishing exponent is the plain mean, a huge one the nearest point alone.
    assert singular_variance(20, 2, 1e-4) == pytest.approx(1 / 20, rel=1e-6)
    assert singular_variance(20, 2, 300.0) > 0.99


def test_extreme_exponents():
    for exponent in (1e-160, 1e-320, 5e-324):
        assert singular_variance(100, 1, exponent) == 0.01
        assert singular_variance_limit(100, 1, exponent) == 0.01
    assert singular_variance(100, 1, 1e-8) == pytest.approx(0.01, rel=1e-8)  # by quadrature
    for n in (2, 50):
        assert singular_variance(n, 1, 1e308) == singular_variance_limit(n, 1, 1e308) == 1
    assert singular_variance(1, 1, 1e308) == 1


@pytest.mark.parametrize(("n", "second_order"), [(2, 2 * np.log(2)), (30, 0.0)])
def test_a_steep_kernel_loses_the_index_alone(n, second_order):
    """The share is 1 - alpha + c alpha^2: what is dropped at the tiniest alpha is negligible."""
    alpha = 1e-3
    found = (singular_variance(n, 1, 1 / alpha) - 1 + alpha) / alpha**2
    assert found == pytest.approx(second_order, abs=0.01)
    assert singular_variance(n, 1, 1e7) == pytest.approx(1 - 1e-7, abs=1e-13)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_nearest_distance(d):
    """Uniform points on the torus: no boundary."""
    rng = np.random.default_rng(d)
    n, repeats = 200, 3000
    points = rng.random((repeats, n, d)) - 0.5
    distances = np.sqrt(np.min(np.sum(points**2, axis=2), axis=1))
    error = distances.std(ddof=1) / repeats**0.5
    # A binomial number of points instead of a Poisson one: relative difference O(1/n).
    assert abs(distances.mean() - nearest_distance(n, d)) < 4 * error + 0.01 * distances.mean()
    assert nearest_distance(n * 2**d, d) == pytest.approx(nearest_distance(n, d) / 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: singular_variance(0, 1, 1.0), ValueError, "n is 0"),
        (lambda: singular_variance(5, 1, 0.0), ValueError, "exponent is 0.0; expected"),
        (lambda: singular_variance_limit(1, 1, 1.0), ValueError, "n is 1"),
        (lambda: interpolated_neighbors_variance(5, 2, "flat"), ValueError, "weights is 'flat'"),
        (
            lambda: interpolated_neighbors_variance(5, 3, "log", exponent=-3),
            ValueError,
            "exponent is -3; expected None with weights='log'",
        ),
        (lambda: nearest_distance(1e-320, 1), ValueError, "n is 1e-320 and d is 1; expected"),
        (lambda: nearest_distance(1.0, 10**307), ValueError, "expected a distance below 1e308"),
        (lambda: nearest_distance(-1.0, 2), ValueError, "n is -1.0"),
        (lambda: hilbert_variance(True), TypeError, "n is bool"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
