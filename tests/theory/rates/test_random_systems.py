"""Condition numbers of random systems against simulation."""

import numpy as np
import pytest

from fearless.theory.rates.random_systems import condition_limit, condition_mean


def test_the_limit_of_the_condition_number():
    assert condition_limit(4.0) == pytest.approx(9)
    values = condition_limit(np.array([1.0001, 2.0, 100.0, 1e8]))
    assert np.all(np.diff(values) < 0)
    assert values[-1] == pytest.approx(1, abs=1e-3)


def test_the_mean_condition_number_of_finite_systems():
    for n, p in ((10**6, 2 * 10**6), (10**6, 5 * 10**6)):
        assert condition_mean(n, p) == pytest.approx(condition_limit(p / n), rel=2e-3)
    # By simulation, at a size where the limit is off by 13 per cent.
    J = np.random.default_rng(2).standard_normal((500, 30, 120))
    values = np.linalg.eigvalsh(J @ J.transpose(0, 2, 1))
    kappa = values[:, -1] / values[:, 0]
    error = kappa.std(ddof=1) / 500**0.5
    assert abs(kappa.mean() - condition_mean(30, 120)) < 4 * error + 0.02 * kappa.mean()
    assert abs(kappa.mean() - 9) > 10 * error


def test_bad_input():
    # With one row the condition number is 1, and no edge is smooth.
    with pytest.raises(ValueError, match=r"n is 1; expected an integer >= 2"):
        condition_mean(1, 5)
    with pytest.raises(ValueError, match=r"p is 3; expected an integer >= 4"):
        condition_mean(3, 3)
    for ratio in (1.0, 0.5, np.nan):
        with pytest.raises(ValueError, match=r"expected p / n > 1"):
            condition_limit(ratio)
