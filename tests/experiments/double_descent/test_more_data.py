"""Sample-wise double descent: on digits, and on Gaussian data against exact formulas."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fearless.book.claims import check_claim
from fearless.data import load_mnist
from fearless.experiments.double_descent.more_data import (
    digit_sample_curves,
    first_harmful_sample,
    gaussian_sample_risks,
)
from fearless.theory.least_squares import gaussian_min_norm_risk


@pytest.fixture(scope="module")
def digits():
    return load_mnist(n_test=1000)


@pytest.mark.slow
def test_more_digits_hurt_and_a_tuned_penalty_prevents_it(digits):
    curves = digit_sample_curves(
        digits,
        [250, 500, 990, 1000, 1010, 2000],
        n_features=1000,
        ridge_sizes=[20, 150, 700, 1000, 3000],
        penalties=np.geomspace(1e-6, 0.1, 11),
        n_seeds=2,
        random_state=7,
    )
    error = curves.column("test_error")
    half, full = curves.at(500), curves.at(1000)
    check_claim("more-can-hurt-digits", np.min(error[:, full] / error[:, half]), 2)
    ridge = curves.ridge_mse
    check_claim("more-can-hurt-tuned-digits", ridge[:, 1:] / ridge[:, :-1], 1)
    assert np.all(curves.column("test_mse").argmax(axis=1) == full)


def test_the_peak_is_where_samples_and_features_are_as_many(digits):
    curves = digit_sample_curves(
        digits, [100, 190, 200, 210, 400], n_features=200, n_seeds=3, random_state=8
    )
    assert np.median(curves.column("test_mse"), axis=0).argmax() == 2
    assert np.all(curves.column("train_mse")[:, :3] < 1e-15)
    assert curves.ridge_mse.shape == (3, 0)


def test_digits_are_those_of_a_direct_fit(digits):
    curves = digit_sample_curves(
        digits, [30, 90], n_features=50, ridge_sizes=[90], penalties=[1e-3], n_seeds=1
    )
    # The experiment's draws, redone by hand.
    from fearless.data import flip_labels, one_hot
    from fearless.features import RandomFourierFeatures

    seed = int(np.random.default_rng(0).integers(2**31, size=1)[0])
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits.X_train))[:90]
    y = one_hot(flip_labels(digits.y_train[order], 0.0, digits.classes, rng), digits.classes)
    phi = RandomFourierFeatures(50, random_state=seed).fit(digits.X_train[order])
    train, test = (phi.transform(Z) for Z in (digits.X_train[order], digits.X_test))
    y_test = one_hot(digits.y_test, digits.classes)
    for j, n in enumerate((30, 90)):
        predictions = test @ np.linalg.pinv(train[:n]) @ y[:n]
        mse = np.mean(np.sum((predictions - y_test) ** 2, axis=1))
        assert curves.paths[0].test_mse[j] == pytest.approx(mse, rel=1e-8)
    ridge = Ridge(alpha=90 * 1e-3, fit_intercept=False).fit(train, y)
    mse = np.mean(np.sum((ridge.predict(test) - y_test) ** 2, axis=1))
    assert curves.ridge_mse[0, 0] == pytest.approx(mse, rel=1e-8)


def test_simulated_risks_have_the_exact_mean():
    p, sizes = 40, np.r_[2:35:4, 46:100:8]
    means, exact, errors = [], [], []
    for noise in (0.05, 0.4, 3.0):
        risks = gaussian_sample_risks(
            sizes, np.ones(p), np.full(p, p**-0.5), noise=noise, n_repeats=150, random_state=31
        )
        means.append(risks.mean(axis=0))
        errors.append(risks.std(axis=0, ddof=1) / 150**0.5)
        exact.append(gaussian_min_norm_risk(sizes, p, fitted=1.0, noise=noise) - noise)
    check_claim("more-can-hurt-gaussian", means, exact, stderr=errors)


def test_simulated_risks_are_those_of_the_pseudoinverse():
    lam, beta = np.array([2.0, 1.0, 0.5]), np.array([1.0, -1.0, 2.0])
    risks = gaussian_sample_risks([1, 2, 5], lam, beta, noise=0.3, n_repeats=2, random_state=3)
    rng = np.random.default_rng(3)
    for row in risks:
        X = rng.standard_normal((5, 3)) * np.sqrt(lam)
        y = X @ beta + 0.3**0.5 * rng.standard_normal(5)
        for risk, n in zip(row, (1, 2, 5), strict=True):
            fit = np.linalg.pinv(X[:n]) @ y[:n]
            assert risk == pytest.approx(np.sum(lam * (fit - beta) ** 2), rel=1e-9)


def test_without_noise_no_sample_ever_hurts():
    p = 30
    beta = np.random.default_rng(1).standard_normal(p)
    clean = gaussian_sample_risks(
        np.arange(1, p + 1), np.ones(p), beta, noise=0, n_repeats=50, random_state=32
    )
    check_claim("more-can-hurt-no-noise", np.diff(clean, axis=1).max(), 1e-12)


def test_without_noise_samples_do_hurt_when_directions_count_differently():
    # The assumption of the proposition cannot be dropped: the risk weighs directions.
    lam = np.repeat([1.0, 1e-4], 20)
    beta = np.repeat([1.0, 50.0], 20)
    clean = gaussian_sample_risks([10, 20], lam, beta, noise=0, n_repeats=50, random_state=33)
    assert np.median(clean[:, 1] / clean[:, 0]) > 1.5


@pytest.mark.parametrize("p", [3, 10, 77])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3, 0.99, 1.0, 5.0])
def test_the_first_harmful_sample_is_the_turning_point_of_the_exact_risk(p, noise):
    n = np.arange(1, p - 1)
    risk = np.r_[1.0, gaussian_min_norm_risk(n, p, fitted=1.0, noise=noise) - noise]
    rises = np.diff(risk) > 0  # from 0 to 1, ..., p - 3 to p - 2
    expected = int(np.argmax(rises)) if rises.any() else None
    assert first_harmful_sample(p, signal=1.0, noise=noise) == expected
    if expected is not None:
        assert rises[expected:].all()
    if noise >= 1:
        assert expected == 0


class TestBadInput:
    def test_more_samples_than_there_are(self, digits):
        with pytest.raises(ValueError, match="sizes"):
            digit_sample_curves(digits, [10, 20_000], n_features=10)
        with pytest.raises(ValueError, match="ridge_sizes"):
            digit_sample_curves(digits, [10], n_features=10, ridge_sizes=[20_000], penalties=[0.1])

    @pytest.mark.parametrize("sizes", [[], [-3], [0, 2], [3, 2], [[1, 2]], [2.5], ["2"], 5])
    def test_sizes_that_are_no_counts(self, digits, sizes):
        with pytest.raises((TypeError, ValueError), match="sizes"):
            gaussian_sample_risks(sizes, [1.0], [1.0], noise=1.0)
        if sizes != []:  # without ridge sizes no penalty is tuned
            with pytest.raises((TypeError, ValueError), match="ridge_sizes"):
                digit_sample_curves(
                    digits, [3], n_features=5, ridge_sizes=sizes, penalties=[0.1], n_seeds=1
                )

    def test_a_negative_variance(self):
        with pytest.raises(ValueError, match="noise"):
            gaussian_sample_risks([3], [1.0], [1.0], noise=-1.0)
        with pytest.raises(ValueError, match="eigenvalues"):
            gaussian_sample_risks([3], [0.0], [1.0], noise=1.0)

    def test_no_signal(self):
        with pytest.raises(ValueError, match="signal"):
            first_harmful_sample(10, signal=0.0, noise=1.0)
