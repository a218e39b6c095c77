"""Gaussian inputs, fresh samples: the floor is the fixed point, and a simulation stalls there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.theory.rates.noise_floor import (
    lms_distances,
    lms_factor,
    lms_floor,
    lms_step_size,
)

sizes = st.integers(1, 200)


@given(sizes, sizes, st.floats(0.01, 1.9))
def test_the_floor_is_the_fixed_point(d, m, share):
    eta = share * lms_step_size(d, m)
    floor = lms_floor(eta, d, 0.7, m)
    kick = eta**2 * 0.7 * d / m
    assert np.isclose(lms_factor(eta, d, m) * floor + kick, floor, rtol=1e-9)
    far = lms_distances([0, 10**9], eta, d, 3.0, 0.7, m)
    assert np.allclose(far, [3.0, floor], rtol=1e-6)


@given(sizes, sizes)
def test_the_best_step_and_twice_of_it(d, m):
    best = lms_step_size(d, m)
    assert lms_factor(best, d, m) <= min(lms_factor(best * c, d, m) for c in (0.9, 1.1))
    assert np.isclose(lms_factor(best, d, m), 1 - best)
    assert np.isclose(lms_factor(2 * best, d, m), 1)


def test_known_values():
    # Checked by simulation when the formulas were collected: d = 50, eta = 0.01 and 0.02.
    assert np.isclose(lms_factor(0.1, 8, 1), 1 - 0.2 + 0.01 * 10)
    assert np.isclose(lms_floor(0.02, 23, 2.0), 0.02 * 2.0 * 23 / (2 - 0.02 * 25))
    assert lms_floor(0.02, 23, 0.0) == 0


def test_distances_follow_the_recursion_also_when_they_grow():
    for eta in (0.1, 0.2, 0.25):
        value, expected = 1.0, [1.0]
        for _ in range(20):
            value = lms_factor(eta, 8) * value + eta**2 * 0.5 * 8
            expected.append(value)
        assert np.allclose(lms_distances(range(21), eta, 8, 1.0, 0.5), expected)


def test_distances_that_overflow_are_infinite_and_never_nan():
    assert lms_distances([0, 10**6], 3.0, 8, 1.0).tolist() == [1.0, np.inf]
    assert lms_distances([0, 10**6], 3.0, 8, 0.0, 1.0).tolist() == [0.0, np.inf]
    assert lms_distances([0, 10**6], 3.0, 8, 0.0).tolist() == [0.0, 0.0]


def test_one_tiny_step_is_not_lost_to_rounding():
    assert np.isclose(lms_distances([1], 1e-12, 8, 0.0, 1.0)[0], 1e-24 * 8, rtol=1e-12)


def test_simulation():
    rng = np.random.default_rng(5)
    d, m, eta, runs = 6, 3, 0.2, 4000
    delta = np.ones((runs, d))
    for _ in range(40):
        x = rng.standard_normal((runs, m, d))
        error = np.einsum("rmd,rd->rm", x, delta) + 0.5 * rng.standard_normal((runs, m))
        delta -= eta / m * np.einsum("rm,rmd->rd", error, x)
    squares = (delta**2).sum(1)
    expected = lms_distances([40], eta, d, float(d), 0.25, m)[0]
    assert abs(squares.mean() - expected) < 4 * squares.std() / runs**0.5


def test_errors():
    with pytest.raises(ValueError, match=r"expected less than 0\.2: from there on"):
        lms_floor(0.2, 8, 1.0)
    with pytest.raises(ValueError, match="step_size is -1"):
        lms_factor(-1.0, 8)
    with pytest.raises(TypeError, match="dimension"):
        lms_step_size(2.5)
    with pytest.raises(ValueError, match="steps contains"):
        lms_distances([-1], 0.1, 8, 1.0)
