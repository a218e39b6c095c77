"""Exact means of minimum-norm least squares, against brute force at small sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import unitary_group

from fearless.theory.least_squares import (
    fourier_min_norm_risk,
    gaussian_min_norm_risk,
    gaussian_min_norm_square_norm,
    gaussian_training_error,
    random_subset_risk,
    risk_tail_exponent,
)
from fearless.theory.proportional import isotropic_risk

N, D = 20, 50
BETA = np.cos(np.arange(D)) / 3
NOISE = 0.3


def z_score(samples, expected):
    return (np.mean(samples) - expected) / (np.std(samples, ddof=1) / len(samples) ** 0.5)


@pytest.mark.parametrize("p", [0, 5, 11, 29, 40, 50])
def test_gaussian_model_against_brute_force(p):
    rng = np.random.default_rng(100 + p)
    risk, norm, train = [], [], []
    for _ in range(1500):
        X = rng.standard_normal((N, D))
        y = X @ BETA + NOISE**0.5 * rng.standard_normal(N)
        b = np.zeros(D)
        if p:
            b[:p] = np.linalg.lstsq(X[:, :p], y, rcond=None)[0]
        risk.append(np.sum((b - BETA) ** 2) + NOISE)
        norm.append(b @ b)
        train.append(np.mean((y - X @ b) ** 2))
    fitted, left_out = np.sum(BETA[:p] ** 2), np.sum(BETA[p:] ** 2)
    energy = {"left_out": left_out, "noise": NOISE}
    if p == 0:
        assert gaussian_min_norm_risk(N, 0, fitted=0, **energy) == pytest.approx(risk[0])
        assert gaussian_min_norm_square_norm(N, 0, fitted=0, **energy) == 0
    else:
        assert abs(z_score(risk, gaussian_min_norm_risk(N, p, fitted=fitted, **energy))) < 4
        assert abs(z_score(norm, gaussian_min_norm_square_norm(N, p, fitted=fitted, **energy))) < 4
    if p < N:
        assert abs(z_score(train, gaussian_training_error(N, p, **energy))) < 4
    else:
        assert gaussian_training_error(N, p, **energy) == 0
        assert max(train) < 1e-20


def test_risk_is_infinite_within_one_of_the_threshold():
    p = np.arange(N - 3, N + 4)
    risk = gaussian_min_norm_risk(N, p, noise=1.0)
    assert np.isinf(risk).tolist() == [False, False, True, True, True, False, False]
    assert np.array_equal(risk_tail_exponent(N, p) <= 1, np.isinf(risk))
    # With nothing to amplify there is no peak.
    assert gaussian_min_norm_risk(N, N) == 0
    assert gaussian_min_norm_risk(1, 0, fitted=0, left_out=2.0, noise=1.0) == 3


def test_random_subset_is_the_mean_over_subsets():
    rng = np.random.default_rng(3)
    p, energy = 30, np.sum(BETA**2)
    risks = []
    for _ in range(4000):
        fitted = np.sum(rng.permutation(BETA)[:p] ** 2)
        risks.append(
            gaussian_min_norm_risk(N, p, fitted=fitted, left_out=energy - fitted, noise=NOISE)
        )
    assert abs(z_score(risks, random_subset_risk(N, p, D, signal=energy, noise=NOISE))) < 4


@given(p=st.integers(23, 200), extra=st.integers(0, 100), noise=st.floats(0, 4))
def test_random_subset_has_the_closed_form_of_the_paper(p, extra, noise):
    d = p + extra
    expected = 1 - N / d * (2 - (d - N - 1) / (p - N - 1)) + noise * (1 + N / (p - N - 1))
    assert_allclose(random_subset_risk(N, p, d, noise=noise), expected, rtol=1e-10)


@pytest.mark.parametrize("gamma", [0.2, 0.8, 1.5, 6.0])
def test_the_limit_is_the_proportional_one(gamma):
    n = 10**7
    exact = gaussian_min_norm_risk(n, int(gamma * n), fitted=2.0, noise=0.5)
    assert_allclose(exact, isotropic_risk(gamma, signal=2.0, noise=0.5).total, rtol=1e-5)


@pytest.mark.parametrize("p", [2, 5, 10, 14, 18])
def test_fourier_model_is_exact_for_random_unitary_matrices(p):
    n, d = 7, 18
    rng = np.random.default_rng(200 + p)
    risks = []
    for _ in range(1500):
        rows = unitary_group.rvs(d, random_state=rng)[:n]
        beta = rng.standard_normal((2, d)) / (2 * d) ** 0.5
        beta = beta[0] + 1j * beta[1]
        estimate = np.zeros(d, complex)
        estimate[:p] = np.linalg.pinv(rows[:, :p]) @ (rows @ beta)
        risks.append(np.sum(np.abs(estimate - beta) ** 2))
    assert abs(z_score(risks, fourier_min_norm_risk(n, p, d))) < 4


def test_fourier_model_at_its_ends():
    assert fourier_min_norm_risk(5, 0, 9) == 1
    assert fourier_min_norm_risk(5, 9, 9) == pytest.approx(1 - 5 / 9)
    assert fourier_min_norm_risk(5, 5, 9) == np.inf
    assert fourier_min_norm_risk(9, 4, 9) == pytest.approx(1 - 4 / 9)
    assert fourier_min_norm_risk(9, 9, 9) == pytest.approx(0, abs=1e-15)
    assert fourier_min_norm_risk([[4], [5]], [1, 2, 3], 9).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian_min_norm_risk(0, 3), ValueError, "n is 0; expected at least 1"),
        (lambda: gaussian_min_norm_risk(4, -1), ValueError, "p is -1; expected at least 0"),
        (lambda: gaussian_min_norm_risk(4.5, 3), TypeError, "n is 4.5; expected an integer"),
        (lambda: gaussian_min_norm_risk(4, 3, fitted=-1), ValueError, "fitted is -1"),
        (lambda: gaussian_min_norm_risk(4, [0, 3]), ValueError, "fitted is 1 at p = 0"),
        (lambda: gaussian_min_norm_square_norm(4, 0), ValueError, "fitted is 1 at p = 0"),
        (lambda: gaussian_training_error(4, 3, left_out=np.inf), ValueError, "left_out contains"),
        (lambda: gaussian_min_norm_risk([1, 2], [1, 2, 3]), ValueError, "do not broadcast"),
        (lambda: random_subset_risk(4, 11, 10), ValueError, "p is 11; .* at most 10"),
        (lambda: fourier_min_norm_risk(11, 3, 10), ValueError, "n is 11; .* at most 10"),
        (lambda: risk_tail_exponent(4, 0), ValueError, "p is 0; expected at least 1"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
