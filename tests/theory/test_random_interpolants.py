"""Interpolants of Gaussian features: simulated laws, moments that fit each other, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from fearless.theory.random_interpolants import (
    feature_deviation,
    feature_distance,
    feature_square_norm,
)


def simulate(n, n_features, draws, seed):
    """Squared norms and deviations over draws, with a covariance and targets of no special form."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((n + 1, n + 1))
    cov, y = root @ root.T, rng.standard_normal(n)
    features = root @ rng.standard_normal((draws, n + 1, n_features))
    dual = np.linalg.solve(cov[:n, :n], y)
    f, norm = cov[n, :n] @ dual, np.sqrt(y @ dual)
    power = np.sqrt(cov[n, n] - cov[n, :n] @ np.linalg.solve(cov[:n, :n], cov[:n, n]))
    weights = (np.linalg.pinv(features[:, :n]) @ y[:, None])[..., 0]
    deviation = np.einsum("sk,sk->s", features[:, n], weights) - f
    return n_features * np.sum(weights**2, axis=1), deviation, norm, power


@pytest.mark.parametrize("n_features", [4, 5, 7, 30])
def test_the_laws_are_those_of_the_simulation(n_features):
    n = 4
    squares, deviation, norm, power = simulate(n, n_features, 4000, seed=n_features)
    freedom = n_features - n + 1
    chi = norm**2 * n_features / squares
    # Kolmogorov-Smirnov at p = 1e-4: 8 tests, fixed seeds.
    assert stats.kstest(chi, stats.chi2(freedom).cdf).pvalue > 1e-4
    student = deviation * np.sqrt(freedom) / (power * norm)
    assert stats.kstest(student, stats.t(freedom).cdf).pvalue > 1e-4


def test_the_mean_distance_is_that_of_the_simulation():
    squares, deviation, norm, power = simulate(4, 14, 8000, seed=1)
    for values, expected in (
        (deviation**2, feature_distance(4, 14, norm=norm, power=power)),
        (squares, feature_square_norm(4, 14, norm=norm)),
        (1 / squares, 1 / feature_square_norm(4, 14, norm=norm, mean="harmonic")),
    ):
        stderr = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - expected) < 4 * stderr


@given(
    n=st.integers(1, 1000),
    more=st.integers(2, 1000),
    norm=st.floats(0.01, 100),
    power=st.floats(0.01, 100),
)
def test_the_distance_is_the_power_times_the_norm_of_the_weights(n, more, norm, power):
    N = n + more
    expected = power**2 * feature_square_norm(n, N, norm=norm) / N
    assert feature_distance(n, N, norm=norm, power=power) == pytest.approx(expected, rel=1e-12)
    harmonic = feature_square_norm(n, N, norm=norm, mean="harmonic")
    assert harmonic <= feature_square_norm(n, N, norm=norm)


@pytest.mark.parametrize("N", [8, 12, 40])
def test_the_quantiles_integrate_to_the_mean_square(N):
    # Mean square = integral of the squared quantile function, over u = -log(1 - q).
    def squared(u):
        return feature_deviation(5, N, -np.expm1(-u), norm=2.0, power=0.3) ** 2 * np.exp(-u)

    value, _ = integrate.quad(squared, 0, 35, limit=200)
    assert value == pytest.approx(feature_distance(5, N, norm=2.0, power=0.3), rel=2e-2)


def test_infinite_where_it_is_infinite():
    np.testing.assert_array_equal(feature_distance(7, [7, 8]), [np.inf, np.inf])
    np.testing.assert_array_equal(feature_square_norm(7, [7, 8]), [np.inf, np.inf])
    assert feature_distance(7, 7, norm=0.0) == 0
    assert np.all(np.isfinite(feature_deviation(7, [7, 8], 0.999)))
    assert feature_distance(7, 10**15) > 0


def test_shapes_broadcast():
    assert feature_distance(3, np.array([[5], [6]]), power=np.ones(4)).shape == (2, 4)
    assert isinstance(feature_distance(3, 6), float)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: feature_distance(5, 4), ValueError, "n_features"),
        (lambda: feature_distance(0, 4), ValueError, "n is 0"),
        (lambda: feature_distance(5, 6.5), TypeError, "n_features"),
        (lambda: feature_distance(5, 8, norm=-1.0), ValueError, "norm"),
        (lambda: feature_distance(5, 8, power=np.nan), ValueError, "power"),
        (lambda: feature_deviation(5, 8, 1.0), ValueError, "level"),
        (lambda: feature_square_norm(5, 8, mean="median"), ValueError, "mean"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
