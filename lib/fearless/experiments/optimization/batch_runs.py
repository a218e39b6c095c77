"""How many steps a batch saves: predicted from a spectrum, then counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import as_seed_sequence, check_positive, check_widths
from fearless.experiments.optimization.equations import Equations
from fearless.experiments.statistics import mean_and_error
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent
from fearless.theory.rates.batch_size import (
    batch_speedup,
    critical_batch_size,
    optimal_step_size,
)
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = [
    "BatchRun",
    "Prediction",
    "predict_steps",
    "recorded_steps",
    "run_batches",
    "summarize_runs",
]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class Prediction:
    """Steps to a share of the first loss, from the kernel matrix and the targets alone.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    step_sizes : ndarray of shape (j,)
        eta*(m).
    steps : ndarray of shape (j,)
        The first step at which E L is at most the share of its start.
    share : float
    critical : float
        m*.
    worst_case : ndarray of shape (j,)
        The speed-up s(m) of the theorem.
    """

    batch_sizes: NDArray[np.intp]
    step_sizes: NDArray[np.float64]
    steps: NDArray[np.intp]
    share: float
    critical: float
    worst_case: NDArray[np.float64]

    @property
    def speedup(self) -> NDArray[np.float64]:
        """Steps with the first batch size over steps with each."""
        return self.steps[0] / self.steps


@_one_thread
def predict_steps(
    moments: SampleMoments,
    residual: ArrayLike,
    batch_sizes: Sequence[int],
    share: float = 0.01,
) -> Prediction:
    """Compute how many steps SGD with eta*(m) will take, before it takes any.

    Parameters
    ----------
    moments : SampleMoments
        Of the samples, or of the tangent kernel of a network.
    residual : array-like of shape (n,)
        Outputs minus targets at the start.
    batch_sizes : sequence of int
        Increasing.
    share : float
        The loss to be reached, in units of the first, below 1/2.

    Returns
    -------
    Prediction
    """
    sizes = check_widths(batch_sizes, "batch_sizes")
    share = check_positive(share, "share")
    if share >= 0.5:
        raise ValueError(f"share is {share!r}; expected less than 1/2")
    beta, largest, smallest = (
        moments.norm,
        float(moments.eigenvalues[0]),
        float(moments.eigenvalues[-1]),
    )
    etas = np.array([optimal_step_size(int(m), beta, largest, smallest) for m in sizes])
    steps = [
        moments.steps_to(residual, share, eta, int(m)) for m, eta in zip(sizes, etas, strict=True)
    ]
    worst = batch_speedup(sizes, beta, largest, smallest)
    critical = critical_batch_size(beta, largest, smallest)
    return Prediction(sizes, etas, np.array(steps), share, critical, worst)


@dataclass(frozen=True)
class BatchRun:
    """Runs with one batch size, their losses in units of the first.

    Attributes
    ----------
    batch_size : int
    step_size : float
    steps : ndarray of shape (T,)
    mean, error : ndarray of shape (T,)
        Of L(w_t) / L(w_0) over the runs, and its standard error.
    expected : ndarray of shape (T,)
        E L(w_t) / L(w_0), exactly.
    predicted : int
        Steps predicted to the share.
    counted : tuple of three float
        Steps counted: where the mean loss crosses the share, interpolated, in the middle, and two
        standard errors less and more, to first order; nan if it does not get there.
    at_predicted : tuple of two float
        The mean loss after the predicted number of steps, and its standard error.
    """

    batch_size: int
    step_size: float
    steps: NDArray[np.intp]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    expected: NDArray[np.float64]
    predicted: int
    counted: tuple[float, float, float]
    at_predicted: tuple[float, float]

    @property
    def due(self) -> float:
        """The mean loss expected after the predicted number of steps, just below the share."""
        return float(self.expected[np.searchsorted(self.steps, self.predicted)])


@_one_thread
def run_batches(
    problem: Equations,
    prediction: Prediction,
    *,
    n_runs: int = 100,
    random_state: int = 0,
) -> list[BatchRun]:
    """Run SGD with every batch size and step size of a prediction.

    Parameters
    ----------
    problem : Equations
    prediction : Prediction
    n_runs : int
        Runs for each batch size.
    random_state : int
        Draws the batches, with replacement.

    Returns
    -------
    list of BatchRun
        One for each batch size.
    """
    seeds = as_seed_sequence(random_state).generate_state(len(prediction.steps))
    results = []
    for j, seed in enumerate(seeds):
        m, eta = int(prediction.batch_sizes[j]), float(prediction.step_sizes[j])
        steps = recorded_steps(int(prediction.steps[j]))
        trace = least_squares_runs(
            problem.X,
            problem.y,
            GradientDescent(eta),
            n_steps=int(steps[-1]),
            batch_size=m,
            record=steps,
            n_runs=n_runs,
            random_state=int(seed),
        )
        expected = problem.moments.losses(-problem.y, steps, eta, m)
        results.append(summarize_runs(prediction, j, steps, trace.loss, expected))
    return results


def recorded_steps(predicted: int) -> NDArray[np.intp]:
    """Choose the steps at which runs are looked at: to a third beyond the prediction.

    Parameters
    ----------
    predicted : int
        Steps predicted.

    Returns
    -------
    ndarray
        Increasing, with 0 and the prediction itself among them.
    """
    last = int(1.33 * predicted) + 2
    even = np.linspace(0, last, 61)
    early = np.geomspace(1, last, 30)  # for plots with a logarithmic axis of steps
    return np.unique(np.concatenate([even, early, [predicted]]).astype(np.intp))


def summarize_runs(
    prediction: Prediction, j: int, steps: NDArray, losses: NDArray, expected: NDArray
) -> BatchRun:
    """Sum up the runs with one batch size.

    Parameters
    ----------
    prediction : Prediction
    j : int
        Which of its batch sizes.
    steps : ndarray of shape (T,)
    losses : ndarray of shape (R, T)
        L(w_t), all from the same start.
    expected : ndarray of shape (T,)
        E L(w_t).

    Returns
    -------
    BatchRun
    """
    mean, error = mean_and_error(losses / losses[0, 0])
    at = int(np.searchsorted(steps, prediction.steps[j]))
    middle = _crossing(steps, mean, prediction.share)
    # To first order: the relative error of the mean there, over its rate of decay from twice of it.
    relative = np.interp(middle, steps, error / np.maximum(mean, 1e-300))
    decay = np.log(2) / (middle - _crossing(steps, mean, 2 * prediction.share))
    spread = 2 * relative / decay
    return BatchRun(
        int(prediction.batch_sizes[j]),
        float(prediction.step_sizes[j]),
        steps,
        mean,
        error,
        expected / losses[0, 0],
        int(prediction.steps[j]),
        (middle - spread, middle, middle + spread),
        (float(mean[at]), float(error[at])),
    )


def _crossing(steps: NDArray, values: NDArray, level: float) -> float:
    """Return where values first fall to a level, interpolated on a log scale; nan if nowhere."""
    below = values <= level
    if not below.any():
        return np.nan
    j = int(below.argmax())
    if j == 0:
        return float(steps[0])
    a, b = np.log(np.maximum(values[j - 1 : j + 1], 1e-300))
    share = (a - np.log(level)) / (a - b)
    return float(steps[j - 1] + share * (steps[j] - steps[j - 1]))
