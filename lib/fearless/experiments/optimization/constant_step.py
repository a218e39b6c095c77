"""A constant step with and without noise: fresh samples, and one data set with more features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import RandomState, as_generator, as_seed_sequence, check_int
from fearless.experiments.statistics import mean_and_error
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent
from fearless.theory.rates.noise_floor import lms_distances, lms_floor
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = ["FeatureRuns", "StreamRuns", "feature_runs", "stream_runs"]


@dataclass(frozen=True)
class StreamRuns:
    """SGD on a stream of Gaussian samples, one row a noise level.

    Attributes
    ----------
    noise : ndarray of shape (k,)
        Standard deviations sigma of the noise in the targets.
    steps : ndarray of shape (T,)
    mean, error : ndarray of shape (k, T)
        Of ||w_t - w*||^2 over the runs, and its standard error.
    expected : ndarray of shape (k, T)
        E ||w_t - w*||^2 in closed form.
    floor : ndarray of shape (k,)
        Its limit.
    """

    noise: NDArray[np.float64]
    steps: NDArray[np.intp]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    expected: NDArray[np.float64]
    floor: NDArray[np.float64]


def stream_runs(
    noise: Sequence[float],
    *,
    dimension: int = 20,
    step_size: float = 0.02,
    n_steps: int = 500,
    n_runs: int = 400,
    random_state: RandomState = 0,
) -> StreamRuns:
    """Run SGD with a fresh sample a step, x ~ N(0, I), from the distance 1.

    Parameters
    ----------
    noise : sequence of float
        Standard deviations sigma.
    dimension : int
        d.
    step_size : float
        eta, the same for all.
    n_steps, n_runs : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    StreamRuns
    """
    rng = as_generator(random_state)
    d, n_steps, n_runs = (
        check_int(dimension, "dimension"),
        check_int(n_steps, "n_steps"),
        check_int(n_runs, "n_runs", minimum=2),
    )
    sigma = np.asarray(noise, float)
    # By rotation it does not matter where the runs begin.
    delta = np.zeros((len(sigma), n_runs, d))
    delta[:, :, 0] = 1
    squares = np.empty((n_runs, len(sigma), n_steps + 1))
    for t in range(n_steps + 1):
        squares[:, :, t] = np.einsum("krd,krd->rk", delta, delta)
        x = rng.standard_normal(delta.shape)
        error = np.einsum("krd,krd->kr", x, delta)
        error -= sigma[:, None] * rng.standard_normal(error.shape)
        delta -= step_size * error[:, :, None] * x
    mean, stderr = mean_and_error(squares)
    steps = np.arange(n_steps + 1)
    expected = [lms_distances(steps, step_size, d, 1.0, s**2) for s in sigma]
    floor = [lms_floor(step_size, d, s**2) for s in sigma]
    return StreamRuns(sigma, steps, mean, stderr, np.array(expected), np.array(floor))


@dataclass(frozen=True)
class FeatureRuns:
    """SGD on the same noisy targets with p features, several runs with one constant step.

    Attributes
    ----------
    n_samples, n_features : int
        n and p.
    step_size : float
        eta, a fixed share of the limit of stability.
    steps : ndarray of shape (T,)
    losses : ndarray of shape (R, T)
        L(w_t) on all samples.
    expected : ndarray of shape (T,)
        E L(w_t), exactly.
    floor : float
        Its limit, exactly.
    least : float
        The loss of the best fit.
    """

    n_samples: int
    n_features: int
    step_size: float
    steps: NDArray[np.intp]
    losses: NDArray[np.float64]
    expected: NDArray[np.float64]
    floor: float
    least: float


# Thousands of small products: threads would spend their time waiting for each other.
@threadpool_limits.wrap(limits=1)
def feature_runs(
    n_features: Sequence[int],
    *,
    n_samples: int = 60,
    noise: float = 0.5,
    share: float = 0.25,
    n_steps: int = 4000,
    n_runs: int = 60,
    random_state: int = 0,
) -> list[FeatureRuns]:
    """Fit the same noisy targets by SGD, one sample a step, with more and more random features.

    Parameters
    ----------
    n_features : sequence of int
        Values of p.
    n_samples : int
        n.
    noise : float
        Standard deviation of the noise in the targets, whose signal has variance 1.
    share : float
        The step size as a share of the largest that is stable in the mean square.
    n_steps, n_runs : int
    random_state : int

    Returns
    -------
    list of FeatureRuns
        One for each p.
    """
    draw, sample = as_seed_sequence(random_state).spawn(2)
    rng = np.random.default_rng(draw)
    first = rng.standard_normal((n_samples, 1))
    y = first[:, 0] + noise * rng.standard_normal(n_samples)
    # The feature that carries the signal, and others that are of no use but to fit.
    more = rng.standard_normal((n_samples, max(n_features) - 1))
    steps = np.unique(np.linspace(0, n_steps, 121).astype(np.intp))
    results = []
    for p, seed in zip(n_features, sample.spawn(len(n_features)), strict=True):
        X = np.hstack([first, more[:, : p - 1]]) / p**0.5
        moments = SampleMoments.from_data(X)
        eta = share * moments.stability_limit()
        trace = least_squares_runs(
            X,
            y,
            GradientDescent(eta),
            n_steps=n_steps,
            batch_size=1,
            record=steps,
            n_runs=n_runs,
            random_state=int(seed.generate_state(1)[0]),
        )
        best = X @ np.linalg.lstsq(X, y, rcond=None)[0] - y
        results.append(
            FeatureRuns(
                n_samples,
                int(p),
                eta,
                steps,
                trace.loss,
                moments.losses(-y, steps, eta),
                moments.floor(-y, eta),
                float(best @ best / (2 * n_samples)),
            )
        )
    return results
