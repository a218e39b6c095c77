"""Epoch-wise double descent of gradient flow: the sum of U's, and what undoes it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from fearless.book.claims import check_claim
from fearless.experiments.double_descent.more_training import (
    block_us,
    flow_risks,
    matched_step_sizes,
)
from fearless.experiments.double_descent.spectra_by_design import count_peaks, geometric_blocks
from fearless.linear import GradientPath

TIMES = np.geomspace(0.03, 2e4, 60)


def two_scales(gap: float, noise: float = 10.0):
    return geometric_blocks((100, 20), gap, energies=(1, 1), noise=noise)


def orthogonal_inputs(model, n: int, seed: int) -> np.ndarray:
    p = int(np.sum(model.sizes))
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, p)))
    return Q * np.sqrt(n * model.eigenvalues)


def test_the_risk_on_orthogonal_inputs_is_the_sum_of_us():
    model, n = geometric_blocks((30, 10), 50, energies=(1, 0.5), noise=3), 200
    X = orthogonal_inputs(model, n, 61)
    np.testing.assert_allclose(X.T @ X / n, np.diag(model.eigenvalues), atol=1e-12)
    path = GradientPath(X, X @ model.coef)
    risk = path.expected_risk(
        path.flow_filter(TIMES), model.coef, noise=model.noise, covariance=model.eigenvalues
    )
    total = block_us(model, n, TIMES).sum(axis=0)
    np.testing.assert_allclose(risk.excess, total, rtol=1e-10)
    rng = np.random.default_rng(62)
    y = (X @ model.coef)[:, None] + model.noise**0.5 * rng.standard_normal((n, 100))
    path = GradientPath(X, y)
    truth = np.tile(model.coef[:, None], 100)
    risks = path.risk(path.flow_filter(TIMES), truth, model.eigenvalues)
    stderr = risks.std(axis=1, ddof=1) / 10
    assert np.all(np.abs(risks.mean(axis=1) - total) < 4 * stderr)


def test_gaussian_inputs_tend_to_the_sum_of_us():
    errors = []
    for n in (1000, 16_000):
        # The same variance sigma^2 / n: only the share of coefficients to samples changes.
        model = geometric_blocks((40, 10), 30, energies=(1, 1), noise=n / 100)
        expected, _ = flow_risks(model, n, TIMES, n_repeats=3, random_state=63)
        errors.append(np.max(np.abs(expected.mean(axis=0) / block_us(model, n, TIMES).sum(0) - 1)))
    assert errors[1] < errors[0] / 4
    assert errors[1] < 0.02


@pytest.mark.slow
def test_single_runs_scatter_about_their_mean():
    expected, runs = flow_risks(two_scales(100), 400, TIMES, n_repeats=60, random_state=64)
    ratio = runs - expected
    stderr = ratio.std(axis=0, ddof=1) / 60**0.5
    assert np.all(np.abs(ratio.mean(axis=0)) < 4 * stderr)


def test_one_scale_has_one_u_and_two_have_two():
    for gap, peaks in ((1, 0), (3, 0), (30, 1), (100, 1)):
        expected, runs = flow_risks(two_scales(gap), 1000, TIMES, n_repeats=5, random_state=65)
        assert count_peaks(expected.mean(axis=0)) == peaks
        if gap in (1, 100):
            assert [count_peaks(run) for run in runs] == [peaks] * 5


def test_matched_steps_are_better_than_any_stopping_time():
    model = two_scales(100)
    expected, _ = flow_risks(model, 1000, TIMES, n_repeats=10, random_state=66)
    matched, _ = flow_risks(
        model,
        1000,
        np.geomspace(0.1, 10, 60),
        step_sizes=matched_step_sizes(model, 1000),
        n_repeats=10,
        random_state=66,
    )
    check_claim("more-can-hurt-matched-steps", matched.min(axis=1) / expected.min(axis=1), 1)
    assert count_peaks(matched.mean(axis=0)) == 0


def test_matched_us_are_smallest_at_one():
    model, n = two_scales(30), 500
    times = np.geomspace(0.2, 5, 401)  # 1 is its middle
    us = block_us(model, n, times, step_sizes=matched_step_sizes(model, n))
    assert np.all(us.argmin(axis=1) == 200)
    s, v = 1 / np.array([100, 20]), model.noise / n
    np.testing.assert_allclose(us[:, 200], np.array([100, 20]) * s * v / (s + v), rtol=1e-12)


def test_step_sizes_are_those_of_the_differential_equation():
    model, n = geometric_blocks((3, 2), 4, energies=(1, 1), noise=0.5), 12
    steps = np.array([0.5, 3.0])
    times = np.array([0.3, 1.0, 4.0])
    _, (run,) = flow_risks(model, n, times, step_sizes=steps, n_repeats=1, random_state=67)
    X, y = model.sample(n, np.random.default_rng(67))
    speed = np.repeat(steps, model.sizes)
    path = solve_ivp(
        lambda t, w: speed * (X.T @ (y - X @ w)) / n,
        (0, 4),
        np.zeros(5),
        t_eval=times,
        rtol=1e-10,
        atol=1e-12,
    ).y.T
    np.testing.assert_allclose(
        run, np.sum(model.eigenvalues * (path - model.coef) ** 2, axis=1), rtol=1e-6
    )


class TestBadInput:
    def test_times_and_steps_out_of_range(self):
        model = two_scales(10)
        with pytest.raises(ValueError, match="times"):
            block_us(model, 200, [-1.0])
        with pytest.raises(ValueError, match="step_sizes"):
            block_us(model, 200, [1.0], step_sizes=[1.0, 0.0])
        with pytest.raises(ValueError, match="step_sizes"):
            flow_risks(model, 200, [1.0], step_sizes=[1.0])

    def test_too_few_samples_for_orthogonal_inputs(self):
        with pytest.raises(ValueError, match="n is 100"):
            block_us(two_scales(10), 100, [1.0])

    def test_no_noise_to_match(self):
        with pytest.raises(ValueError, match="noise"):
            matched_step_sizes(two_scales(10, noise=0.0), 200)
