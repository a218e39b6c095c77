"""Rates, exponents and pictures of singular smoothers, with other seeds than the page."""

import numpy as np
import pytest
from scipy.integrate import quad

from fearless.book.claims import check_claim
from fearless.experiments.interpolation.line_picture import (
    box_average,
    line_fit,
    line_sample,
    wave,
)
from fearless.experiments.interpolation.local_averages import (
    exponent_sweep,
    measured_noise_shares,
    rate_curves,
    untruncated_limit,
)
from fearless.local import InterpolatedNeighborsRegressor
from fearless.theory.local import hilbert_variance, interpolated_neighbors_variance
from fearless.theory.minimax import minimax_exponent


@pytest.fixture(scope="module")
def curves():
    sizes = 2 ** np.arange(7, 15)
    return rate_curves(sizes, exponents=(0.0, 0.25, 0.75), repeats=15, seed=1234)


def test_optimal_rate(curves):  # O20
    rate = minimax_exponent(2, 1)
    check_claim("singular-kernel-has-the-optimal-rate", curves.slope(0.25), -rate)
    assert abs(curves.slope(0.0) + rate) < 0.1
    check_claim("singular-kernel-fits-every-target", curves.residuals[0.25], 0)
    assert curves.residuals[0.75] == 0
    assert curves.residuals[0.0] > 0.5  # the box kernel does not interpolate


def test_errors_are_those_of_theory(curves):
    """First order in h and the expected number of points: accurate for large n only."""
    for a in (0.0, 0.25, 0.75):
        errors = curves.errors[a][:, -4:]
        stderr = errors.std(axis=0, ddof=1) / len(errors) ** 0.5
        excess = np.abs(errors.mean(axis=0) - curves.prediction(a)[-4:])
        assert np.all(excess < 4 * stderr + 0.08 * curves.prediction(a)[-4:])


def test_what_is_too_singular_is_slow(curves):
    check_claim("too-singular-loses-the-rate", curves.slope(0.75), -minimax_exponent(2, 1) / 2)
    ratio = curves.hilbert[:, -1].mean() / curves.errors[0.25][:, -1].mean()
    check_claim("hilbert-kernel-learns-slowly", ratio, 20)
    assert curves.hilbert[:, -1].mean() < curves.hilbert[:, 0].mean()  # yet it learns


@pytest.mark.parametrize("d", [1, 2, 4])
def test_hilbert_kernel_noise_share(d):  # O19, by the estimator
    shares = measured_noise_shares([60], float(d), d=d, repeats=1200, seed=40 + d)[:, 0]
    stderr = shares.std(ddof=1) / len(shares) ** 0.5
    check_claim("hilbert-kernel-noise-share", shares.mean(), hilbert_variance(60), stderr=stderr)


@pytest.mark.parametrize(("k", "d"), [(5, 2), (25, 3)])
def test_log_weights_noise_share(k, d):  # O18
    rng = np.random.default_rng(50 + k)
    shares = []
    for _ in range(800):
        X = rng.random((8 * k, d)) - 0.5
        model = InterpolatedNeighborsRegressor(k).fit(X, np.eye(8 * k))
        shares.append(np.sum(model.predict(np.zeros((1, d))) ** 2))
    stderr = np.std(shares, ddof=1) / len(shares) ** 0.5
    expected = interpolated_neighbors_variance(k, d)
    check_claim("log-weights-noise-share", np.mean(shares), expected, stderr=stderr)


@pytest.mark.parametrize("exponent", [0.2, 0.5, 0.9])
def test_blur_below_the_dimension(exponent):
    """The limit at one point against adaptive quadrature with an algebraic singularity."""
    a = exponent

    def blurred(x):
        options = {"weight": "alg"}
        left = quad(wave, 0, x, wvar=(0, -a), **options)[0]
        right = quad(wave, x, 1, wvar=(-a, 0), **options)[0]
        mass = (x ** (1 - a) + (1 - x) ** (1 - a)) / (1 - a)
        return (left + right) / mass

    x = np.linspace(0.25, 0.75, 101)
    expected = np.mean([(blurred(t) - wave(t)) ** 2 for t in x])
    assert untruncated_limit([a], 0.5)[0] == pytest.approx(expected, rel=1e-6)


def test_only_the_dimension_is_consistent():
    np.testing.assert_allclose(untruncated_limit([1, 2, 4], 2.0), [0, 2, 3])
    exponents = [0.5, 1.0, 2.0]
    sweep = exponent_sweep((300, 6000), exponents, repeats=10, seed=9)
    means = sweep.errors.mean(axis=1)
    assert means[1, 1] < 0.8 * means[0, 1]  # a = d learns
    stderr = sweep.errors[1].std(axis=0, ddof=1) / 10**0.5
    for j in (0, 2):  # the others are at their limits
        assert abs(means[1, j] - sweep.limit[j]) < 4 * stderr[j] + 0.01
    assert np.all(sweep.limit[[0, 2]] > 0.1)


def test_box_average():
    x, y = np.array([0.1, 0.2, 0.9]), np.array([1.0, 3.0, 7.0])
    found = box_average(x[::-1], y[::-1], np.array([0.15, 0.12, 0.6, 0.9]), 0.06)
    np.testing.assert_allclose(found, [2, 1, 7, 7])


def test_pictures():
    sample = line_sample(n=25, seed=5)
    assert set(sample.x) <= set(sample.grid)
    assert sample.grid.min() >= 0
    assert sample.grid.max() <= 1
    for exponent in (0.05, 0.3, 3.0):
        curve, error, residual = line_fit(sample, exponent, 0.12)
        assert curve.shape == sample.grid.shape
        assert residual == 0
        assert 0 < error < 1
        np.testing.assert_array_equal(curve[np.isin(sample.grid, sample.x)], sample.y)
    box = line_fit(sample, 0, 0.12)
    assert box[2] > 0.3
    assert abs(line_fit(sample, 0.02, 0.12)[1] - box[1]) < 0.02
