"""Errors known exactly, against Monte Carlo, limits, and a run of the nearest neighbour itself."""

import numpy as np
import pytest
from scipy.stats import norm

from fearless.data import flip_labels, gaussian_pair
from fearless.theory.risk import (
    gaussian_pair_error,
    gaussian_pair_variance,
    nearest_neighbor_error,
    nearest_neighbor_flip_error,
    uniform_noise_variance,
)


@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0, 4.0])
def test_bayes_error_is_the_overlap_of_the_densities(distance):
    x = np.linspace(-12, 12 + distance, 200_001)
    overlap = 0.5 * np.trapezoid(np.minimum(norm.pdf(x), norm.pdf(x - distance)), x)
    assert gaussian_pair_error(distance) == pytest.approx(overlap, abs=1e-8)


@pytest.mark.parametrize("distance", [0.0, 0.3, 2.0, 10.0, 40.0])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_label_variance_against_quadrature_on_a_grid(distance, rate):
    x = np.linspace(-12, 12 + distance, 400_001)
    a, b = norm.pdf(x), norm.pdf(x - distance)
    density = (a + b) / 2
    eta = np.divide(b, a + b, out=np.full_like(x, 0.5), where=a + b > 0)
    eta = rate / 2 + (1 - rate) * eta
    expected = np.trapezoid(density * 4 * eta * (1 - eta), x)
    assert gaussian_pair_variance(distance, rate) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("rate", "n_classes"), [(0.0, 2), (0.4, 2), (0.8, 10), (1.0, 3)])
def test_noise_variance_is_that_of_flipped_labels(rate, n_classes):
    n, classes = 200_000, list(range(n_classes))
    one_hot = np.eye(n_classes)[flip_labels(np.zeros(n, int), rate, classes, 21)]
    squares = np.sum((one_hot - one_hot.mean(axis=0)) ** 2, axis=1)
    stderr = squares.std() / np.sqrt(n)
    assert abs(squares.mean() - uniform_noise_variance(rate, n_classes)) <= 4.5 * stderr + 1e-4


def test_one_hot_and_signed_labels_have_the_same_variance_up_to_the_coding():
    # (1, 0) and (0, 1) are sqrt(2) apart, -1 and 1 are 2 apart: twice the squared distance.
    for rate in (0.1, 0.5, 1.0):
        q = rate / 2
        assert 2 * uniform_noise_variance(rate, 2) == pytest.approx(4 * q * (1 - q), rel=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_cover_hart_is_attained_by_noise_that_is_the_same_everywhere(n_classes):
    """Two independent noisy labels of one point differ with the probability of the bound."""
    for rate in (0.2, 0.7, 1.0):
        bayes = rate * (n_classes - 1) / n_classes
        p = np.full(n_classes, rate / n_classes)
        p[0] += 1 - rate
        assert nearest_neighbor_error(bayes, n_classes) == pytest.approx(1 - p @ p, rel=1e-13)


def test_flip_error_is_cover_hart_with_two_classes():
    for q in (0.0, 0.1, 0.5):
        assert nearest_neighbor_flip_error(q) == pytest.approx(nearest_neighbor_error(q))
        assert nearest_neighbor_flip_error(q, against="clean") == q


def test_nearest_neighbour_on_separated_classes():
    from sklearn.neighbors import KNeighborsClassifier

    rng, rate, n = np.random.default_rng(5), 0.4, 20_000
    X, y = gaussian_pair(2 * n, 40.0, 2, rng)
    noisy = flip_labels(y, rate, [0, 1], rng)
    decided = KNeighborsClassifier(1).fit(X[:n], noisy[:n]).predict(X[n:])
    for labels, against in ((noisy, "noisy"), (y, "clean")):
        expected = nearest_neighbor_flip_error(rate / 2, against=against)
        # Test points share neighbours: twice the variance of independent ones is a safe bound.
        stderr = np.sqrt(2 * expected * (1 - expected) / n)
        assert abs(np.mean(decided != labels[n:]) - expected) < 4.5 * stderr


class TestBadInput:
    @pytest.mark.parametrize("distance", [-1.0, np.nan, np.inf])
    def test_distance(self, distance):
        for function in (gaussian_pair_error, gaussian_pair_variance):
            with pytest.raises(ValueError, match="distance"):
                function(distance)

    def test_probabilities(self):
        with pytest.raises(ValueError, match="rate"):
            gaussian_pair_variance(1.0, rate=1.2)
        with pytest.raises(ValueError, match="rate"):
            uniform_noise_variance(-0.1, 3)
        with pytest.raises(ValueError, match="rate"):
            nearest_neighbor_flip_error(2.0)
        with pytest.raises(ValueError, match="bayes"):
            nearest_neighbor_error(0.6, 2)
        with pytest.raises(ValueError, match="n_classes"):
            nearest_neighbor_error(0.1, 1)

    def test_option(self):
        with pytest.raises(ValueError, match="against"):
            nearest_neighbor_flip_error(0.1, against="both")
