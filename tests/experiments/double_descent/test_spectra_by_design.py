"""Blocks of inputs: as many peaks along n as there are scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearless.book.claims import check_claim
from fearless.experiments.double_descent.more_data import gaussian_sample_risks
from fearless.experiments.double_descent.spectra_by_design import (
    BlockModel,
    count_peaks,
    geometric_blocks,
)

SIZES = np.union1d(np.unique(np.rint(np.geomspace(3, 1200, 30)).astype(int)), [20, 100, 420])


def simulate(gap: float, seed: int) -> np.ndarray:
    model = geometric_blocks((20, 80, 320), gap, energies=(1, 0.2, 0.04), noise=0.01)
    return gaussian_sample_risks(
        SIZES, model.eigenvalues, model.coef, noise=model.noise, n_repeats=16, random_state=seed
    )


@pytest.mark.slow
def test_three_scales_have_three_peaks_and_the_mean_of_the_formula():
    far, near = simulate(1000, 51), simulate(1, 52)
    peaks = [count_peaks(np.median(risks, axis=0), rise=1.2) for risks in (far, near)]
    check_claim("more-can-hurt-three-peaks", peaks, [3, 1])
    model = geometric_blocks((20, 80, 320), 1000, energies=(1, 0.2, 0.04), noise=0.01)
    away = np.all(np.abs(np.log(SIZES[:, None] / model.thresholds)) > 0.25, axis=1) & (SIZES > 5)
    sample = far[:, away]
    stderr = sample.std(axis=0, ddof=1) / 4
    exact = model.risk(SIZES[away]).excess
    # A tenth for the O(1/n) of the deterministic equivalent, at a first block of only twenty.
    assert np.all(np.abs(sample.mean(axis=0) - exact) < 4 * stderr + 0.1 * exact)


def test_a_gap_up_to_a_hundred_costs_nothing():
    n = np.setdiff1d(np.arange(2, 1700), [419, 420, 421])
    risks = [
        geometric_blocks((20, 80, 320), gap, energies=(1, 0.2, 0.04), noise=0.01).risk(n).excess
        for gap in (1, 30, 100)
    ]
    for risk in risks[1:]:
        assert np.max(risk / risks[0]) < 1 + 1e-9
        assert count_peaks(risk) == 1


def test_without_noise_the_upper_blocks_peak_and_the_last_one_does_not():
    model = geometric_blocks((20, 80, 320), 1000, energies=(1, 0.2, 0.04), noise=0.0)
    assert count_peaks(model.risk(np.arange(2, 420)).excess) == 2


def test_the_coefficients_carry_the_energies():
    model = BlockModel((3, 5), (2.0, 0.1), (1.5, 0.25), 0.3)
    carried = model.eigenvalues * model.coef**2
    np.testing.assert_allclose([carried[:3].sum(), carried[3:].sum()], model.energies)
    np.testing.assert_array_equal(model.thresholds, [3, 8])
    X, y = model.sample(200_000, np.random.default_rng(0))
    np.testing.assert_allclose(X.var(axis=0), model.eigenvalues, rtol=0.02)
    assert y.var() == pytest.approx(1.5 + 0.25 + 0.3, rel=0.02)


def test_counting_peaks():
    assert count_peaks([1.0, 2.0, 1.0, 2.0, 1.0]) == 2
    assert count_peaks([1.0, 1.01, 1.0]) == 0
    assert count_peaks([1.0, 1.01, 1.0], rise=1.005) == 1
    assert count_peaks([1.0, np.inf, 1.0]) == 1
    assert count_peaks([2.0, 1.0, 2.0]) == 0


@given(st.floats(0.01, 100), st.integers(0, 6))
def test_peaks_do_not_depend_on_the_unit(unit, n_peaks):
    curve = np.r_[1.0, np.tile([3.0, 1.0], n_peaks)] if n_peaks else np.array([3.0, 2.0, 1.0])
    assert count_peaks(unit * curve) == n_peaks


class TestBadInput:
    def test_a_gap_below_one(self):
        with pytest.raises(ValueError, match="gap"):
            geometric_blocks((1, 1), 0.5, energies=(1, 1), noise=0.1)

    def test_lengths_that_differ(self):
        with pytest.raises(ValueError, match="energies"):
            BlockModel((1, 2), (1.0, 0.5), (1.0,), 0.1)

    def test_numbers_out_of_range(self):
        with pytest.raises(ValueError, match="scales"):
            BlockModel((1,), (0.0,), (1.0,), 0.1)
        with pytest.raises(ValueError, match="noise"):
            BlockModel((1,), (1.0,), (1.0,), -0.1)
        with pytest.raises(ValueError, match="rise"):
            count_peaks([1.0, 2.0], rise=1.0)
        with pytest.raises(ValueError, match="risk"):
            count_peaks([1.0, -2.0])
