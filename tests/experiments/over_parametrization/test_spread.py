"""Spreads over seeds: unbiased against known laws, exact coverage, and bad input."""

import numpy as np
import pytest

from fearless.experiments.over_parametrization.spread import (
    bootstrap_ratio_interval,
    deviation_ratio_interval,
    paired_spread,
)


@pytest.mark.parametrize("seed", [0, 1])
def test_sampling_noise_is_taken_out_without_bias(seed):
    """Predictors of known accuracy on samples of known difficulty: the true spread is known."""
    rng = np.random.default_rng(seed)
    skill_deviation, found = 0.04, []
    for _ in range(400):
        skill = skill_deviation * rng.standard_normal((20, 1))
        difficulty = rng.uniform(-0.2, 0.2, (1, 300))
        chance = 0.6 + skill + difficulty + 0.1 * rng.choice([-1, 1], (20, 300))
        spread = paired_spread(rng.random((20, 300)) < chance)
        found.append(spread.measured**2 - spread.sampling**2)
    error = np.std(found, ddof=1) / 20
    assert abs(np.mean(found) - skill_deviation**2) < 4 * error
    assert error < 0.1 * skill_deviation**2  # the test could tell the noise, 0.6 * 0.4 / 300


def test_what_all_predictors_share_is_no_spread():
    samples = np.random.default_rng(2).random(50) < 0.7
    spread = paired_spread(np.tile(samples, (5, 1)))
    assert spread.measured == spread.true == 0
    assert spread.sampling < 1e-12
    assert spread.mean == pytest.approx(samples.mean())


def test_two_by_two_by_hand():
    # Row means 1 and 1/2, column means 1 and 1/2: the rest is +-1/4, its sum of squares 1/4.
    spread = paired_spread([[1, 1], [1, 0]])
    assert spread.mean == 0.75
    assert spread.measured == pytest.approx(np.sqrt(1 / 8))
    assert spread.sampling == pytest.approx(np.sqrt(1 / 8))
    assert spread.true == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("correlation", [0.0, 0.9, -0.6])
def test_the_interval_covers_as_often_as_it_says(correlation):
    rng = np.random.default_rng(3)
    repetitions, ratio, covered = 2000, 3.0, 0
    for _ in range(repetitions):
        x, z = rng.standard_normal((2, 12))
        y = correlation * x + np.sqrt(1 - correlation**2) * z
        _, low, high = deviation_ratio_interval(ratio * x, y, confidence=0.9)
        covered += low < ratio < high
    assert abs(covered / repetitions - 0.9) < 4 * np.sqrt(0.9 * 0.1 / repetitions)


def test_swapping_inverts_the_interval():
    x, y = np.random.default_rng(4).standard_normal((2, 15))
    ratio, low, high = deviation_ratio_interval(x, y)
    back = deviation_ratio_interval(y, x)
    np.testing.assert_allclose(back, [1 / ratio, 1 / high, 1 / low])
    np.testing.assert_allclose(
        deviation_ratio_interval(5 * x + 1, y), 5 * np.array([ratio, low, high])
    )


def test_perfect_correlation_leaves_no_doubt():
    x = np.arange(6.0)
    np.testing.assert_allclose(deviation_ratio_interval(-2 * x, x), 2, rtol=1e-6)


def test_the_bootstrap_agrees_for_normal_pairs_and_is_wider_for_skewed_ones():
    x, y = np.random.default_rng(5).standard_normal((2, 400))
    exact = deviation_ratio_interval(x, y)
    resampled = bootstrap_ratio_interval(x, y, random_state=6)
    assert resampled[0] == exact[0]
    np.testing.assert_allclose(resampled, exact, rtol=0.03)
    skewed = bootstrap_ratio_interval(x**4, y, random_state=6)
    normal_theory = deviation_ratio_interval(x**4, y)
    assert skewed[2] / skewed[1] > 1.3 * normal_theory[2] / normal_theory[1]
    assert bootstrap_ratio_interval(x, y, random_state=6) == resampled


def test_a_bootstrap_of_too_few_values_is_refused():
    for x, y in (([1.0, 2, 4], [1.0, 2, 3]), (np.arange(9.0), 2 * np.arange(9.0))):
        with pytest.raises(ValueError, match="the bootstrap fails"):
            bootstrap_ratio_interval(x, y, random_state=0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"correct has shape \(1, 3\)"):
        paired_spread([[1, 0, 1]])
    with pytest.raises(ValueError, match="y has length 3; expected 4"):
        deviation_ratio_interval(np.arange(4), np.arange(3))
    with pytest.raises(ValueError, match="neither constant"):
        deviation_ratio_interval([1, 1, 1], [1, 2, 3])
    with pytest.raises(ValueError, match=r"confidence is 1\.0"):
        deviation_ratio_interval([1, 2, 4], [1, 2, 3], confidence=1.0)
