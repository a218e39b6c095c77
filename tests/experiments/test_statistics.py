"""Means with errors and exponents, against NumPy, and what they refuse."""

import numpy as np
import pytest

from fearless.experiments.statistics import loglog_slopes, mean_and_error


def test_exponents_are_those_of_a_polynomial_fit():
    rng = np.random.default_rng(0)
    sizes, values = rng.random(7) + 0.1, rng.random((2, 3, 7)) + 0.1
    found = loglog_slopes(sizes, values)
    assert found.shape == (2, 3)
    expected = np.polyfit(np.log(sizes), np.log(values[1, 2]), 1)[0]
    assert found[1, 2] == pytest.approx(expected)


def test_the_error_of_a_mean_is_that_of_scipy():
    from scipy.stats import sem

    samples = np.random.default_rng(1).standard_normal((9, 4))
    mean, error = mean_and_error(samples)
    np.testing.assert_allclose(mean, samples.mean(axis=0))
    np.testing.assert_allclose(error, sem(samples))


@pytest.mark.parametrize(
    ("sizes", "values", "message"),
    [
        ([1.0, 2.0], [1.0, 0.0], r"values contains 0; expected positive numbers"),
        ([-1.0, 2.0], [1.0, 1.0], r"sizes contains -1; expected positive numbers"),
        ([1.0, 2.0], [1.0, np.nan], r"values contains nan; expected positive numbers"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], r"values \(3,\); expected \(m,\) with two sizes or more"),
        ([2.0, 2.0], [1.0, 2.0], r"two sizes or more"),
        ([], [], r"two sizes or more"),
    ],
)
def test_bad_powers(sizes, values, message):
    with pytest.raises(ValueError, match=message):
        loglog_slopes(sizes, values)


def test_one_draw_has_no_error():
    with pytest.raises(ValueError, match=r"samples has shape \(1, 3\); expected two draws"):
        mean_and_error(np.ones((1, 3)))
