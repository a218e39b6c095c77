"""Two Gaussians among useless coordinates: moments, the Bayes rule and its error."""

import numpy as np
import pytest
from scipy.stats import kstest

from fearless.data import gaussian_pair
from fearless.theory.risk import gaussian_pair_error


@pytest.mark.parametrize("distance", [0.0, 2.0, 10.0])
def test_the_bayes_rule_has_the_bayes_error(distance):
    n = 100_000
    X, y = gaussian_pair(n, distance, 2, random_state=51)
    error = np.mean((X[:, 0] > distance / 2) != y)
    expected = gaussian_pair_error(distance)
    assert abs(error - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / n) + 1 / n


def test_coordinates_have_the_distributions_named():
    X, y = gaussian_pair(20_000, 3.0, 4, random_state=52)
    assert set(y) == {0, 1}
    assert abs(y.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(len(y))
    for label in (0, 1):
        assert kstest(X[y == label, 0] - 3.0 * label, "norm").pvalue > 1e-5
    for column in X[:, 1:].T:
        assert kstest((column + 1) / 2, "uniform").pvalue > 1e-5
    correlation = np.corrcoef(np.column_stack([X, y])[:, 1:].T)
    off = correlation[~np.eye(len(correlation), dtype=bool)]
    assert np.abs(off).max() < 4.5 / np.sqrt(len(y))


def test_the_distance_moves_one_class_and_changes_nothing_else():
    (a, y), (b, z) = (gaussian_pair(50, distance, 5, random_state=53) for distance in (0.0, 7.0))
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(a[:, 1:], b[:, 1:])
    np.testing.assert_allclose(b[:, 0] - a[:, 0], 7.0 * y, atol=1e-12)


def test_one_coordinate_is_enough():
    X, y = gaussian_pair(3, d=1, random_state=54)
    assert X.shape == (3, 1)
    assert y.dtype == np.intp


def test_bad_input():
    with pytest.raises(ValueError, match="n is 0"):
        gaussian_pair(0)
    with pytest.raises(ValueError, match="d is 0"):
        gaussian_pair(5, d=0)
    with pytest.raises(ValueError, match="distance"):
        gaussian_pair(5, distance=-1.0)
    with pytest.raises(TypeError, match="n is"):
        gaussian_pair(2.5)
