"""The claims of *Exact curves*, at other sizes and with other seeds, and what they rest on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fearless.book.claims import check_claim
from fearless.experiments.double_descent.exact_curves import (
    decaying_signal,
    fourier_curves,
    gaussian_curves,
    hill_exponent,
    mean_and_error,
    min_norm_stack,
    radii_ratio,
    variance_tails,
)
from fearless.experiments.double_descent.limit_curves import (
    isotropic_samples,
    latent_risk,
    mean_shares,
    random_features_excess,
    ridge_sample,
)
from fearless.theory.least_squares import (
    fourier_min_norm_risk,
    gaussian_min_norm_risk,
    gaussian_min_norm_square_norm,
    gaussian_training_error,
    random_subset_risk,
    risk_tail_exponent,
)
from fearless.theory.proportional import (
    effective_penalty,
    general_risk,
    isotropic_risk,
    latent_space_risk,
)
from fearless.theory.random_features import activation_moments, random_features_risk

N, D = 30, 80
SIZES = np.r_[1:22:5, 38:81:6]


@pytest.fixture(scope="module", params=["random", "given"])
def curves(request):
    beta = decaying_signal(D)
    return request.param, gaussian_curves(
        N, beta, SIZES, order=request.param, n_draws=500, random_state=31
    )


@pytest.mark.parametrize("noise", [0.0, 0.1, 1.0])
def test_gaussian_risk(curves, noise):
    order, result = curves
    mean, error = mean_and_error(result.risk(noise))
    if order == "random":
        expected = random_subset_risk(N, SIZES, D, noise=noise)
    else:
        inside = result.fitted[0]
        expected = gaussian_min_norm_risk(N, SIZES, fitted=inside, left_out=1 - inside, noise=noise)
    check_claim("gaussian-risk-is-exact", mean, expected, stderr=error)


def test_gaussian_norm_and_training_error(curves):
    order, result = curves
    inside = SIZES / D if order == "random" else result.fitted[0]
    energy = {"left_out": 1 - inside, "noise": 0.3}
    mean, error = mean_and_error(result.at(0.3, "square_norms"))
    norm = gaussian_min_norm_square_norm(N, SIZES, fitted=inside, **energy)
    assert np.all(np.abs(mean - norm) < 4 * error)
    mean, error = mean_and_error(result.at(0.3, "residuals"))
    training = gaussian_training_error(N, SIZES, **energy)
    assert np.all(np.abs(mean - training) < 4 * error + 1e-20)


def test_one_run_serves_every_level_of_the_noise():
    beta, sizes = decaying_signal(12), [3, 8, 12]
    result = gaussian_curves(7, beta, sizes, order="given", n_draws=2, random_state=5)
    rng = np.random.default_rng(5)
    X, unit = rng.standard_normal((2, 7, 12)), rng.standard_normal((2, 7))
    for j, p in enumerate(sizes):
        y = X[1] @ beta + 0.4 * unit[1]
        b = np.zeros(12)
        b[:p] = np.linalg.pinv(X[1, :, :p]) @ y
        assert_allclose(result.risk(0.16)[1, j], np.sum((b - beta) ** 2) + 0.16)
        assert_allclose(result.at(0.16, "square_norms")[1, j], b @ b)
        residual = np.mean((y - X[1] @ b) ** 2)
        assert_allclose(result.at(0.16, "residuals")[1, j], residual, atol=1e-14)
    assert result.away(2).tolist() == [True, False, True]


@pytest.mark.parametrize("seed", [41, 42])
def test_tails(seed):
    tails = variance_tails(12, [10, 11, 12, 13], n_draws=10_000, random_state=seed)
    slopes, error = np.transpose([hill_exponent(v, 200) for v in tails.values])
    alpha = risk_tail_exponent(12, tails.sizes)
    check_claim("heavy-tail-at-threshold", slopes, alpha, stderr=error)


def test_hill_estimator_on_a_pareto_law():
    values = np.random.default_rng(1).pareto(1.7, 100_000) + 1
    exponent, error = hill_exponent(values, 2000)
    assert abs(exponent - 1.7) < 4 * error
    assert error == pytest.approx(exponent / 2000**0.5)


def test_fourier_model_of_random_unitary_matrices():
    sizes = [3, 6, 9, 15, 19, 24, 30]
    risks = fourier_curves(12, 30, sizes, ensemble="haar", n_draws=1500, random_state=51)
    mean, error = mean_and_error(risks)
    check_claim("fourier-risk-is-exact", mean, fourier_min_norm_risk(12, sizes, 30), stderr=error)


def test_fourier_matrix_tends_to_the_same_curve():
    sizes = [10, 20, 30, 60, 80, 101]
    risks = fourier_curves(40, 101, sizes, n_draws=200, random_state=52)
    mean, error = mean_and_error(risks)
    limit = fourier_min_norm_risk(40, sizes, 101)
    assert np.all(np.abs(mean - limit) < 4 * error + 0.05 * limit)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("p", [2, 5, 9])
def test_stacked_solutions_are_those_of_the_pseudoinverse(p, dtype):
    rng = np.random.default_rng(p)
    A = rng.standard_normal((4, 5, p)).astype(dtype)
    targets = rng.standard_normal((4, 5, 2)).astype(dtype)
    if dtype is complex:
        A, targets = A + 1j * rng.standard_normal(A.shape), 1j * targets
    assert_allclose(min_norm_stack(A, targets), np.linalg.pinv(A) @ targets, atol=1e-10)


def test_isotropic_limit():
    n, penalties = 200, [0, 0.02, 0.2, 2]
    inputs = np.array([50, 120, 300])
    samples = isotropic_samples(n, inputs, penalties=penalties, n_draws=8, random_state=61)
    mean, error = mean_and_error(np.stack([sample.excess(0.4) for sample in samples], axis=1))
    limit = isotropic_risk((inputs / n)[:, None], noise=0.4, penalty=penalties).excess
    check_claim("isotropic-risk-limit", mean, limit, stderr=error)


def test_ridge_sample_is_brute_force():
    eigenvalues, signal = np.array([4.0, 1.0, 0.5, 0.1]), np.array([1.0, 0.0, 4.0, 9.0])
    for n in (3, 6):
        sample = ridge_sample(
            eigenvalues, n, signal=signal, penalties=[0, 0.3], n_draws=1, random_state=6
        )
        rng = np.random.default_rng(6)
        X = rng.standard_normal((n, 4)) * np.sqrt(eigenvalues)
        beta = np.copysign(np.sqrt(signal), rng.standard_normal(4))
        ridge = np.linalg.solve(X.T @ X / n + 0.3 * np.eye(4), X.T / n)
        for j, solve in enumerate((np.linalg.pinv(X), ridge)):
            bias = eigenvalues @ (solve @ X @ beta - beta) ** 2
            assert_allclose(sample.bias[0, j], bias, atol=1e-12)
            variance = np.sum(eigenvalues[:, None] * solve**2)
            assert_allclose(sample.amplification[0, j], variance)
            assert_allclose(sample.excess(2.0)[0, j], bias + 2 * variance)


def test_general_limit_and_shrinkage():
    eigenvalues = np.arange(1, 301) ** -1.4
    n, penalties = np.array([50, 100, 150]), [0, 0.003]
    samples = [
        ridge_sample(
            eigenvalues, m, signal=eigenvalues, penalties=penalties, n_draws=12, random_state=int(m)
        )
        for m in n
    ]
    mean, error = mean_and_error(np.stack([sample.excess(0.2) for sample in samples], axis=1))
    limit = general_risk(
        eigenvalues, n[:, None], signal=eigenvalues, noise=0.2, penalty=penalties
    ).excess
    check_claim("general-risk-limit", mean, limit, stderr=error)

    shares = mean_shares(eigenvalues, 100, n_draws=20, random_state=71)
    assert_allclose(shares.sum(axis=1), 100)
    kept = eigenvalues / (eigenvalues + effective_penalty(eigenvalues, 100))
    mean, error = mean_and_error(shares)
    assert np.all(np.abs(mean - kept) < 0.02 * kept + 4 * error)


def test_latent_space():
    n, views, h = 150, np.array([30, 70, 260, 400]), 15
    risks = latent_risk(n, views, h, strength=1.5, noise=0.2, n_draws=20, random_state=81)
    mean, error = mean_and_error(risks)
    limit = latent_space_risk(n, views, h, strength=1.5, noise=0.2).total
    check_claim("latent-risk-limit", mean, limit, stderr=error)


def test_latent_risk_measures_new_samples():
    # One training set by hand, and its risk from many new samples.
    n, p, h = 12, 20, 3
    (risk,) = latent_risk(n, [p], h, noise=0.5, n_draws=1, random_state=9).ravel()
    rng = np.random.default_rng(9)
    W = np.sqrt(p / h) * np.eye(p, h)
    theta = rng.standard_normal((1, h, 1))[0, :, 0]
    theta /= np.linalg.norm(theta)
    z = rng.standard_normal((1, n, h))[0]
    x = z @ W.T + rng.standard_normal((1, n, p))[0]
    y = z @ theta + 0.5**0.5 * rng.standard_normal((1, n, 1))[0, :, 0]
    b = np.linalg.pinv(x) @ y
    z = rng.standard_normal((200_000, h))
    x = z @ W.T + rng.standard_normal((200_000, p))
    squares = (z @ theta + 0.5**0.5 * rng.standard_normal(200_000) - x @ b) ** 2
    mean, error = mean_and_error(squares)
    assert abs(mean - risk) < 4 * error


def test_random_features():
    d, n, noise = 80, 200, 0.3
    widths = np.array([40, 80, 120, 300, 400])
    excess = random_features_excess(
        d, n, widths, activation=np.tanh, noise=noise, n_draws=10, random_state=91
    )
    moments = activation_moments(np.tanh)
    limit = random_features_risk(widths / d, n / d, moments=moments, noise=noise).excess
    mean, error = mean_and_error(excess)
    check_claim("random-features-limit", mean, limit, stderr=error)


@pytest.mark.slow
def test_relu_features_approach_their_limit_like_one_over_d():
    gaps = []
    for d, draws in ((30, 200), (60, 80)):
        n, widths = 3 * d, np.array([d, 6 * d, 12 * d])
        excess = random_features_excess(d, n, widths, noise=0.25, n_draws=draws, random_state=92)
        limit = random_features_risk(widths / d, 3.0, noise=0.25).excess
        mean, error = mean_and_error(excess)
        assert np.all(np.abs(mean - limit) < 4 * error + 6 / d * limit)
        gaps.append((mean[-1] - limit[-1], error[-1]))
    (wide, wide_error), (narrow, narrow_error) = gaps
    assert wide > 4 * wide_error  # there is a gap at d = 30
    assert abs(narrow - wide / 2) < 4 * np.hypot(narrow_error, wide_error / 2)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 30.0])
def test_best_first_has_no_second_descent(noise):
    beta, p = decaying_signal(D), np.arange(1, D + 1)
    inside = np.cumsum(beta**2)
    risk = gaussian_min_norm_risk(N, p, fitted=inside, left_out=1 - inside, noise=noise)
    ratio = risk[p < N].min() / risk[p > N].min()
    check_claim("best-first-has-no-second-descent", ratio, 1)
    # In random order the same coefficients end below everything on the left.
    at_random = random_subset_risk(N, p, D, noise=noise)
    if noise < 0.5:
        assert at_random[-1] < at_random[p < N].min()


def test_stretched_inputs():
    mean, error = mean_and_error(radii_ratio(30, 60, [0.2, 1.8], n_draws=300, random_state=95))
    check_claim("stretched-inputs-break-the-formula", mean, (5 + 1 / 1.8) / 2, stderr=error)
    mean, error = mean_and_error(radii_ratio(30, 60, [1.0], n_draws=300, random_state=96))
    assert abs(mean - 1) < 4 * error


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian_curves(5, [1.0, 2.0], [3]), ValueError, "sizes is 3"),
        (lambda: gaussian_curves(5, [1.0], [1], order="best"), ValueError, "order is 'best'"),
        (lambda: fourier_curves(5, 4, [1]), ValueError, "n is 5"),
        (lambda: fourier_curves(3, 4, [1], ensemble="x"), ValueError, "ensemble is 'x'"),
        (lambda: hill_exponent([1.0, 2.0], 2), ValueError, "n_largest is 2"),
        (lambda: radii_ratio(5, 6, [1.0]), ValueError, "p is 6"),
        (lambda: radii_ratio(5, 8, [0.0]), ValueError, "square_radii contains 0"),
        (lambda: ridge_sample([1.0], 3, penalties=[-1.0]), ValueError, "penalties contains -1"),
        (lambda: ridge_sample([1.0, 0.0], 1), ValueError, "eigenvalues contains 0"),
        (lambda: ridge_sample([1.0], 1, signal=[-1.0]), ValueError, "signal contains -1"),
        (lambda: mean_shares([1.0, 0.0], 2), ValueError, "eigenvalues contains 0"),
        (lambda: hill_exponent([1.0, 2.0, 2.0], 1), ValueError, "2 largest entries tied"),
        (lambda: latent_risk(5, [3], 4), ValueError, "sizes is 3"),
        (lambda: random_features_excess(3, 4, [5], noise=-1.0), ValueError, "noise is -1"),
        (lambda: mean_and_error([[1.0]]), ValueError, "two draws"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
