"""Nearest neighbours under label noise, with other seeds than the page."""

import numpy as np
import pytest
from scipy.stats import norm

from fearless.book.claims import check_claim
from fearless.data import flip_labels, load_mnist, noisy_error
from fearless.experiments.interpolation.noisy_neighbors import (
    digit_exponents,
    digit_noise,
    flipped_pair_errors,
    nearest_indices,
    overlapping_pair_errors,
)
from fearless.theory.risk import (
    gaussian_pair_error,
    nearest_neighbor_error,
    nearest_neighbor_flip_error,
)


def stderr(values):
    return np.std(values, axis=-1, ddof=1) / np.shape(values)[-1] ** 0.5


@pytest.fixture(scope="module")
def digits():
    return load_mnist(dtype=np.float32)


@pytest.mark.parametrize(("rate", "d", "seed"), [(0.1, 1, 21), (0.35, 2, 22), (0.5, 3, 23)])
def test_flips(rate, d, seed):  # O15
    against = np.array(flipped_pair_errors(rate, n=1000, d=d, random_state=seed))
    expected = [nearest_neighbor_flip_error(rate, kind) for kind in ("noisy", "clean")]
    assert expected == pytest.approx([2 * rate * (1 - rate), rate])
    check_claim(
        "nearest-neighbor-flips-twice", against.mean(axis=1), expected, stderr=stderr(against)
    )


@pytest.mark.parametrize(("distance", "seed"), [(2.0, 31), (1.0, 32)])
def test_cover_and_hart(distance, seed):  # O23
    x = np.linspace(-9, 9 + distance, 20_001)
    density = (norm.pdf(x) + norm.pdf(x - distance)) / 2
    eta = norm.pdf(x - distance) / (2 * density)
    limit = np.trapezoid(2 * eta * (1 - eta) * density, x)
    bayes = gaussian_pair_error(distance)
    assert bayes == pytest.approx(np.trapezoid(np.minimum(eta, 1 - eta) * density, x), abs=1e-6)
    assert bayes < limit < nearest_neighbor_error(bayes)
    errors = overlapping_pair_errors(n=1500, distance=distance, repeats=15, random_state=seed)
    check_claim("nearest-neighbor-reaches-its-limit", errors.mean(), limit, stderr=stderr(errors))


@pytest.mark.parametrize(("rate", "seed"), [(0.2, 5000), (0.7, 6000)])
def test_noise_is_passed_on(digits, rate, seed):
    X, y = digits.X_train[6000:9000], digits.y_train[6000:9000]
    Q, truth = digits.X_test[1000:1600], digits.y_test[1000:1600]
    nearest = nearest_indices(X, Q)
    np.testing.assert_array_equal(nearest_indices(X, X[:50]), np.arange(50))
    clean = np.mean(y[nearest] != truth)
    noisy = [
        np.mean(flip_labels(y, rate, digits.classes, seed + i)[nearest] != truth)
        for i in range(100)
    ]
    check_claim(
        "nearest-neighbor-passes-noise-on",
        np.mean(noisy),
        noisy_error(clean, rate, 10),
        stderr=stderr(noisy),
    )


def test_weighted_neighbors_average_noise_away(digits):
    noise = digit_noise(digits, [0.0, 0.5], n_test=1000, n_seeds=2, seed=77)
    assert noise.training.max() == 0
    assert np.all(noise.nearest[:, 1] > noise.weighted[:, 1] + 0.25)
    np.testing.assert_allclose(noise.predicted[:, 0], noise.nearest[:, 0])
    # The noise of one draw: a binomial share of 1000 with some images sharing a neighbour.
    np.testing.assert_allclose(noise.nearest[:, 1], noise.predicted[:, 1], atol=0.09)
    lost = noise.weighted[:, 1] - noise.weighted[:, 0]
    check_claim("weighted-neighbors-clean-digits", lost.max(), 0.05)


def test_the_exponent_of_digits_is_small(digits):
    found = digit_exponents(digits, [1, 10, 784], n_train=3000, n_seeds=2, seed=78)
    assert np.all(found.errors[:, 1] < found.errors[:, [0, 2]].T - 0.08)
    check_claim("hilbert-kernel-on-digits-is-one-neighbor", found.agreement[:, -1].min(), 0.98)
    np.testing.assert_allclose(found.errors[:, -1], found.nearest, atol=0.02)


def test_results_depend_on_the_seed_alone(digits):
    first, again, other = (
        digit_noise(digits, [0.3], n_train=300, n_test=100, n_seeds=1, seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.weighted, again.weighted)
    assert first.nearest[0, 0] != other.nearest[0, 0]


def test_bad_arguments(digits):
    with pytest.raises(ValueError, match=r"rate is 1\.5"):
        flipped_pair_errors(1.5)
    with pytest.raises(ValueError, match=r"an entry of rates is -0\.1"):
        digit_noise(digits, [-0.1])
