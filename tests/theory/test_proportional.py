"""Limits of (ridge) regression: closed forms against each other, and against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize_scalar

from fearless.theory.proportional import (
    effective_penalty,
    general_risk,
    isotropic_risk,
    latent_space_risk,
    optimal_penalty,
)

TWO_ATOMS = np.array([4.0] * 150 + [0.5] * 150)
gammas = st.floats(0.05, 20).filter(lambda g: abs(g - 1) > 1e-3)
ratios = st.floats(0.01, 100)


def test_ridgeless_isotropic_values():
    below = isotropic_risk([0.2, 0.5, 0.9], signal=3.0, noise=2.0)
    assert_allclose(below.variance, [0.5, 2.0, 18.0])
    assert_allclose(below.bias, 0)
    above = isotropic_risk([1.5, 2, 11], signal=3.0, noise=2.0)
    assert_allclose(above.variance, [4.0, 2.0, 0.2])
    assert_allclose(above.bias, [1.0, 1.5, 30 / 11])
    assert_allclose(above.total, above.bias + above.variance + 2.0)


def test_the_threshold_is_infinite_only_with_noise_and_without_a_penalty():
    assert isotropic_risk(1.0, noise=1.0).variance == np.inf
    assert isotropic_risk(1.0, noise=1.0).bias == 0
    assert isotropic_risk(1.0, noise=0.0).excess == 0
    assert np.isfinite(isotropic_risk(1.0, noise=1.0, penalty=1e-300).variance)
    assert general_risk(np.ones(5), 5, noise=1.0).variance == np.inf
    assert general_risk(np.ones(5), 5).excess == 0


@given(gamma=gammas, penalty=st.floats(0.01, 10))
def test_ridge_is_the_stieltjes_formula(gamma, penalty):
    # Hastie et al.: r^2 l^2 m' + s^2 gamma (m - l m') with m at -l, a root of
    # gamma l m^2 + (1 - gamma + l) m = 1, and its derivative from that equation.
    b = 1 - gamma + penalty
    m = (-b + np.sqrt(b**2 + 4 * penalty * gamma)) / (2 * gamma * penalty)
    slope = (gamma * m**2 + m) / (2 * gamma * penalty * m + b)
    risk = isotropic_risk(gamma, signal=2.0, noise=0.7, penalty=penalty)
    assert_allclose(risk.bias, 2.0 * penalty**2 * slope, rtol=1e-8)
    assert_allclose(risk.variance, 0.7 * gamma * (m - penalty * slope), rtol=1e-7)


@given(gamma=gammas, penalty=st.sampled_from([0.0, 1e-8, 0.01, 1.0, 1e6]))
def test_general_covariance_contains_the_isotropic_case(gamma, penalty):
    p = 60
    flat = general_risk(np.ones(p), p / gamma, noise=0.3, penalty=penalty)
    limit = isotropic_risk(gamma, noise=0.3, penalty=penalty)
    assert_allclose(flat.bias, limit.bias, rtol=1e-9, atol=1e-13)
    assert_allclose(flat.variance, limit.variance, rtol=1e-9)


@pytest.mark.parametrize("gamma", [1.05, 1.5, 3, 30])
def test_ridgeless_general_covariance_is_the_form_of_hastie_et_al(gamma):
    energy = np.linspace(1, 2, 300) ** 2
    c = brentq(lambda c: np.mean(1 / (1 + c * gamma * TWO_ATOMS)) - (1 - 1 / gamma), 1e-9, 1e9)
    weights = 1 / (1 + c * gamma * TWO_ATOMS) ** 2
    a = np.sum(TWO_ATOMS**2 * weights) / np.sum(TWO_ATOMS * weights)
    risk = general_risk(TWO_ATOMS, 300 / gamma, signal=energy, noise=0.5)
    assert_allclose(risk.variance, 0.5 * gamma * c * a, rtol=1e-6)
    assert_allclose(
        risk.bias, (1 + gamma * c * a) * np.sum(energy * TWO_ATOMS * weights), rtol=1e-6
    )
    assert_allclose(effective_penalty(TWO_ATOMS, 300 / gamma), 1 / (c * gamma), rtol=1e-6)


@pytest.mark.parametrize(("p", "penalty"), [(180, 0.0), (180, 0.2), (50, 0.05)])
def test_general_covariance_against_simulation(p, penalty):
    n, draws = 100, 50
    rng = np.random.default_rng(71)
    eigenvalues = np.where(np.arange(p) < p // 2, 4.0, 0.5)
    energy = np.where(np.arange(p) < p // 2, 0.2, 0.8) / (p // 2)
    bias, variance = np.empty((2, draws))
    for i in range(draws):
        X = rng.standard_normal((n, p)) * np.sqrt(eigenvalues)
        beta = np.sqrt(energy) * rng.choice([-1, 1], p)
        if penalty:
            solve = np.linalg.solve(X.T @ X / n + penalty * np.eye(p), X.T / n)
        else:
            solve = np.linalg.pinv(X)
        bias[i] = eigenvalues @ (solve @ X @ beta - beta) ** 2
        variance[i] = np.sum(eigenvalues[:, None] * solve**2)
    risk = general_risk(eigenvalues, n, signal=energy, noise=1.0, penalty=penalty)
    for measured, expected in ((bias, risk.bias), (variance, risk.variance)):
        error = measured.std(ddof=1) / draws**0.5
        assert abs(measured.mean() - expected) < 4 * error + 3 / n * expected


@given(gamma=gammas, ratio=ratios)
def test_no_penalty_beats_the_optimal_one(gamma, ratio):
    best = optimal_penalty(gamma, 1.0, ratio)
    least = isotropic_risk(gamma, noise=ratio, penalty=best).excess
    others = isotropic_risk(gamma, noise=ratio, penalty=best * np.geomspace(1e-6, 1e6, 41)).excess
    assert np.all(others >= least * (1 - 1e-10))
    found = minimize_scalar(
        lambda t: isotropic_risk(gamma, noise=ratio, penalty=np.exp(t)).excess,
        bounds=(np.log(best) - 3, np.log(best) + 3),
        method="bounded",
    )
    assert_allclose(found.fun, least, rtol=1e-6)
    kappa = effective_penalty(np.ones(50), 50 / gamma, penalty=best)
    assert_allclose(least, kappa / (1 + kappa), rtol=1e-9)


@given(ratio=ratios)
def test_the_tuned_risk_rises_with_gamma(ratio):
    grid = np.geomspace(0.01, 100, 200)
    risk = isotropic_risk(grid, noise=ratio, penalty=optimal_penalty(grid, 1.0, ratio)).excess
    assert np.all(np.diff(risk) > 0)
    assert np.all(risk <= isotropic_risk(grid, noise=ratio).excess + 1e-12)


@given(root=st.floats(1.05, 30))
def test_the_bottom_of_the_second_descent(root):
    grid = np.geomspace(1.01, 1000, 4000)
    risk = isotropic_risk(grid, signal=root**2, noise=1.0).excess
    at_best = isotropic_risk(root / (root - 1), signal=root**2, noise=1.0).excess
    assert_allclose(at_best, 2 * root - 1)
    assert risk.min() >= at_best * (1 - 1e-12)


@given(
    logs=st.lists(st.floats(-280, 280), min_size=1, max_size=30),
    share=st.floats(0.02, 3),
    penalty=st.sampled_from([0.0, 1e-200, 1e-10, 1.0, 1e150]),
)
def test_the_effective_penalty_solves_its_equation(logs, share, penalty):
    eigenvalues = 10.0 ** np.array(logs)
    n = share * len(logs)
    kappa = effective_penalty(eigenvalues, n, penalty=penalty)
    assert kappa >= penalty * (1 - 1e-9)
    if kappa == 0:
        assert penalty == 0
        assert n >= len(logs)
        return
    degrees = np.sum(eigenvalues / (eigenvalues + kappa))
    assert_allclose(n * (penalty / kappa) + degrees, n, rtol=1e-8)


def test_spectra_over_hundreds_of_orders_of_magnitude():
    eigenvalues = np.logspace(300, -300, 601)
    risk = general_risk(eigenvalues, [1, 300, 600, 601, 602], noise=1.0)
    assert np.all(np.isfinite(risk.variance) == [True, True, True, False, True])
    assert risk.variance[-1] == 601
    # Between two blocks far apart the large one is solved and the small one takes up the noise.
    blocks = np.repeat([1e200, 1e-200], 50)
    assert_allclose(
        general_risk(blocks, [49, 51], noise=1.0).variance, [49, 50 + 50 / 49], rtol=0.03
    )


def test_a_hair_beside_the_threshold():
    n = np.nextafter(1000.0, [0, 2000])
    risk = general_risk(np.ones(1000), n, noise=1.0).variance
    assert_allclose(risk, 1000 / np.abs(1000 - n) * [n[0] / 1000, 1], rtol=1e-6)


def test_a_large_spectrum_and_zero_eigenvalues():
    eigenvalues = 1 / np.arange(1, 200_001)
    kappa = effective_penalty(eigenvalues, 1000)
    assert_allclose(np.sum(eigenvalues / (eigenvalues + kappa)), 1000, rtol=1e-10)
    padded = np.r_[eigenvalues[:500], np.zeros(100)]
    for n in (200, 500, 550):
        alone = general_risk(eigenvalues[:500], n, signal=np.ones(500), noise=1.0)
        both = general_risk(padded, n, signal=np.ones(600), noise=1.0)
        assert_allclose(both.excess, alone.excess)


def test_latent_space_is_its_equivalent_linear_model():
    n, p, h, mu, noise = 90, 150, 12, 0.7, 0.2
    eigenvalues = np.r_[np.full(h, 1 + p * mu / h), np.ones(p - h)]
    gain = p * mu / h
    energy = np.r_[np.full(h, 2.0 / h * gain / (1 + gain) ** 2), np.zeros(p - h)]
    floor = noise + 2.0 / (1 + gain)
    direct = general_risk(eigenvalues, n, signal=energy, noise=floor, penalty=[0, 0.3])
    risk = latent_space_risk(n, p, h, strength=mu, signal=2.0, noise=noise, penalty=[0, 0.3])
    assert_allclose(risk.bias, direct.bias)
    assert_allclose(risk.variance, direct.variance)
    assert_allclose(risk.noise, floor)


def test_latent_space_is_best_at_the_right_end():
    p = np.geomspace(20, 1e6, 200)
    risk = latent_space_risk(100, p, 20, noise=0.1).total
    assert np.all(np.diff(risk[p > 100]) < 0)
    assert risk[-1] < risk[p < 100].min()
    assert latent_space_risk(100, 20, 20).excess > 0  # p = h: a single eigenvalue


def test_shapes():
    risk = general_risk(np.ones(4), [[2], [3]], noise=1.0, penalty=[0.1, 0.2, 0.3])
    assert risk.bias.shape == risk.variance.shape == risk.noise.shape == (2, 3)
    assert isinstance(effective_penalty(np.ones(4), 2), float)
    assert isinstance(optimal_penalty(2.0), float)
    assert optimal_penalty([1, 2], noise=0.5).tolist() == [0.5, 1.0]
    assert general_risk(np.ones(4), 2).bias.shape == ()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: isotropic_risk(0.0), ValueError, "gamma is 0; expected numbers > 0"),
        (lambda: isotropic_risk([0.5, np.nan]), ValueError, "gamma contains 1 non-finite"),
        (lambda: isotropic_risk(1.0, noise=-1), ValueError, "noise is -1"),
        (lambda: isotropic_risk("a"), TypeError, "gamma has dtype"),
        (lambda: isotropic_risk([1, 2], noise=[1, 2, 3]), ValueError, "do not broadcast"),
        (lambda: optimal_penalty(1.0, signal=0.0), ValueError, "signal is 0"),
        (lambda: general_risk([1, -1], 3), ValueError, "eigenvalues contains -1"),
        (lambda: general_risk([0, 0], 3), ValueError, "eigenvalues are all zero"),
        (lambda: general_risk([1, 2], 0), ValueError, "n is 0"),
        (lambda: general_risk([1, 2], 3, signal=[1]), ValueError, "signal has length 1"),
        (lambda: general_risk([1, 2], 3, signal=[1, -1]), ValueError, "signal contains -1"),
        (lambda: general_risk([1, 2], 3, noise=[1.0]), TypeError, "noise is list"),
        (lambda: latent_space_risk(10, 5, 6), ValueError, "p is 5; expected at least n_hidden"),
        (lambda: latent_space_risk(10, 5, 2.5), TypeError, "n_hidden is float"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
