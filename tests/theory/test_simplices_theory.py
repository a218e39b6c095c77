"""Points of a simplex and their noisy corners: exact shares, limits, brute force, the bound."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.theory.simplices import (
    nearest_flip_volume,
    simplicial_flip_error,
    simplicial_flip_volume,
    simplicial_variance,
)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.37, 0.5, 1.0])
def test_on_a_line_it_is_the_error_of_one_neighbor(rate):
    np.testing.assert_allclose(simplicial_flip_error(1, rate), rate, atol=1e-15)


@given(d=st.integers(1, 40), rate=st.floats(0, 0.5))
def test_symmetry_and_bound(d, rate):
    error = simplicial_flip_error(d, rate)
    assert error <= (0.5 + np.sqrt(rate * (1 - rate))) ** d + 1e-12
    assert error <= rate + 1e-12
    # Flipping every label turns a right sign into a wrong one.
    np.testing.assert_allclose(simplicial_flip_error(d, 1 - rate), 1 - error, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5, 9])
def test_rare_flips_decide_one_at_a_time(d):
    rate = 1e-7
    expected = (d + 1) * rate * simplicial_flip_volume(d)
    np.testing.assert_allclose(simplicial_flip_error(d, rate), expected, rtol=1e-4)


@pytest.mark.parametrize(("d", "rate"), [(2, 0.3), (4, 0.2), (6, 0.4)])
def test_equals_the_average_over_all_patterns_of_labels(d, rate):
    rng = np.random.default_rng(d)
    weights = rng.dirichlet(np.ones(d + 1), 20_000)
    each = np.zeros(len(weights))  # the conditional probability given the weights
    for flips in itertools.product([False, True], repeat=d + 1):
        m = sum(flips)
        wrong = weights @ np.where(flips, -1.0, 1.0) < 0
        each += rate**m * (1 - rate) ** (d + 1 - m) * wrong
    stderr = each.std() / len(each) ** 0.5
    assert abs(each.mean() - simplicial_flip_error(d, rate)) < 4 * stderr


def test_bad_arguments():
    with pytest.raises(TypeError, match="d is float"):
        simplicial_flip_error(2.5, 0.1)
    with pytest.raises(ValueError, match="d is 0"):
        simplicial_flip_error(0, 0.1)
    with pytest.raises(ValueError, match=r"rate is 1.5; expected a number in \[0, 1\]"):
        simplicial_flip_error(2, 1.5)


def test_it_is_a_probability_when_all_labels_are_wrong():
    for d in (1, 10, 50, 100, 300):
        assert 1 - 1e-10 < simplicial_flip_error(d, 1.0) <= 1


def test_weights_of_a_uniform_point():
    rng = np.random.default_rng(0)
    for d in (2, 3, 5):
        w = rng.dirichlet(np.ones(d + 1), 40_000)
        shares = np.sum(w**2, axis=1)
        error = shares.std() / len(w) ** 0.5
        assert abs(shares.mean() - simplicial_variance(d)) < 4 * error  # O16
        for inside, expected in (
            (w[:, 0] > 0.5, simplicial_flip_volume(d)),  # O17
            (np.argmax(w, axis=1) == 0, nearest_flip_volume(d)),
        ):
            error = (expected * (1 - expected) / len(w)) ** 0.5
            assert abs(inside.mean() - expected) < 4 * error


def test_dimensions_are_integers():
    with pytest.raises(TypeError, match=r"d is float 2\.5"):
        simplicial_variance(2.5)
