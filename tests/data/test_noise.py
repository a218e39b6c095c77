"""Label noise: the error it adds is the exact formula, and rates are coupled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.data import flip_labels, noisy_error


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [2, 10])
@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_share_of_wrong_labels(seed, k, rate):
    """O14 at clean error 0: a share rate (k - 1) / k of the labels changes."""
    n = 40_000
    y = np.arange(n) % k
    wrong = np.mean(flip_labels(y, rate, range(k), seed) != y)
    expected = noisy_error(0.0, rate, k)
    assert abs(wrong - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("seed", range(3))
def test_error_of_a_rule_against_noisy_labels(seed):
    """O14 for a rule that is wrong on exactly one label in five."""
    n, k, rate = 40_000, 5, 0.3
    y = np.random.default_rng(seed).integers(k, size=n)
    rule = np.where(np.arange(n) % 5 == 0, (y + 1) % k, y)
    noisy = flip_labels(y, rate, range(k), seed + 100)
    expected = noisy_error(0.2, rate, k)
    assert expected == pytest.approx(0.3 * 4 / 5 + 0.7 * 0.2, rel=1e-15)
    assert abs(np.mean(rule != noisy) - expected) < 4.5 * np.sqrt(expected * (1 - expected) / n)


def test_replacements_are_uniform():
    n, k = 50_000, 5
    counts = np.bincount(flip_labels(np.zeros(n, int), 1.0, range(k), 0), minlength=k)
    chi_squared = ((counts - n / k) ** 2 / (n / k)).sum()
    assert chi_squared < 25  # 4 degrees of freedom: exceeded with probability 5e-5


@given(low=st.floats(0, 1), high=st.floats(0, 1), seed=st.integers(0, 2**32), k=st.integers(2, 6))
def test_rates_are_coupled(low, high, seed, k):
    low, high = sorted((low, high))
    y = np.arange(60) % k
    at_low, at_high = (flip_labels(y, rate, range(k), seed) for rate in (low, high))
    changed = at_low != y
    np.testing.assert_array_equal(at_low[changed], at_high[changed])


def test_zero_rate_copies_and_the_palette_may_be_any_integers():
    y = np.array([4, 9, 4, 9])
    clean = flip_labels(y, 0.0, random_state=0)
    np.testing.assert_array_equal(clean, y)
    assert not np.shares_memory(clean, y)
    assert set(flip_labels(np.repeat(y, 50), 1.0, random_state=0)) == {4, 9}


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([0, 1], 1.5), ValueError, "rate is 1.5"),
        (([0, 1], "all"), TypeError, "rate is str"),
        (([0.5, 1], 0.5), TypeError, "y has dtype"),
        (([], 0.5), ValueError, "y is empty"),
        (([0, 3], 0.5, (0, 1)), ValueError, r"y contains the label\(s\) \[3\]"),
        (([0, 0], 0.5), ValueError, "classes is .*two distinct"),
        (([0, 1], 0.5, (0, 1, 1)), ValueError, "classes is .*two distinct"),
    ],
)
def test_bad_input_is_named(arguments, error, match):
    with pytest.raises(error, match=match):
        flip_labels(*arguments)


def test_noisy_error_names_bad_input():
    for arguments, match in [
        ((1.2, 0.1, 10), "clean_error is 1.2"),
        ((0.1, -0.1, 10), "rate is -0.1"),
        ((0.1, 0.1, 1), "n_classes is 1"),
    ]:
        with pytest.raises(ValueError, match=match):
            noisy_error(*arguments)
