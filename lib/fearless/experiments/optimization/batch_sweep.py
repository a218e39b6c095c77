"""How many steps a batch saves: predicted from a spectrum, then counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import (
    RandomState,
    as_generator,
    as_seed_sequence,
    check_int,
    check_option,
    check_positive,
    check_widths,
)
from fearless.data import Dataset
from fearless.experiments._statistics import mean_and_error
from fearless.kernels import LaplacianKernel
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent
from fearless.theory.rates import (
    batch_speedup,
    critical_batch_size,
    optimal_step_size,
)
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = [
    "BatchRun",
    "Equations",
    "FirstSteps",
    "LinearRule",
    "Prediction",
    "digit_machine",
    "equal_norms",
    "first_steps",
    "linear_limit",
    "linear_rule",
    "predict_steps",
    "recorded_steps",
    "run_batches",
    "summarize_runs",
]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class Equations:
    """Linear equations that SGD is to solve from w = 0, and what theory needs to know of them.

    Attributes
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
    moments : SampleMoments
        The exact mean loss for batches drawn with replacement.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    moments: SampleMoments

    @property
    def spectrum(self) -> tuple[float, float, float]:
        """The largest squared norm beta, and lambda_1 and lambda_n of X^T X / n."""
        values = self.moments.eigenvalues
        return self.moments.norm, float(values[0]), float(values[-1])

    @property
    def critical(self) -> float:
        """The critical batch size m*."""
        return critical_batch_size(*self.spectrum)

    def step_size(self, batch_size: float) -> float:
        """Compute the best step in the worst case, eta*(m).

        Parameters
        ----------
        batch_size : float
            m.

        Returns
        -------
        float
            eta*(m).
        """
        return optimal_step_size(batch_size, *self.spectrum)


def equal_norms(
    n_samples: int = 128,
    dimension: int = 512,
    decay: float = 0.5,
    *,
    random_state: RandomState = 0,
) -> Equations:
    """Draw samples of norm 1, whose coordinates shrink like a power of their index.

    Parameters
    ----------
    n_samples, dimension : int
    decay : float
        Coordinate j has standard deviation j^-decay, before all samples are scaled to norm 1.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Equations
        With targets X w for a standard normal w.
    """
    rng = as_generator(random_state)
    n, d = check_int(n_samples, "n_samples"), check_int(dimension, "dimension")
    X = rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -float(decay)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return Equations(X, X @ rng.standard_normal(d), SampleMoments.from_data(X))


def digit_machine(
    data: Dataset, n_samples: int = 128, bandwidth: float = 10.0, *, random_state: RandomState = 0
) -> Equations:
    """Write a kernel machine that tells even digits from odd ones as linear equations.

    Parameters
    ----------
    data : Dataset
        Ten classes of images.
    n_samples : int
        Images drawn.
    bandwidth : float
        Of the Laplacian kernel.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Equations
        X is a Cholesky factor of the kernel matrix, X X^T = K: the coordinates of the functions
        K(x_i, .) in an orthonormal basis of their span.
    """
    n = check_int(n_samples, "n_samples", maximum=len(data.X_train))
    rows = as_generator(random_state).permutation(len(data.X_train))[:n]
    images = data.X_train[rows].astype(np.float64)
    K = LaplacianKernel(bandwidth)(images, images)
    y = np.where(data.y_train[rows] % 2 == 0, 1.0, -1.0)
    return Equations(np.linalg.cholesky(K), y, SampleMoments(K))


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
        The loss to be reached, in units of the first.

    Returns
    -------
    Prediction
    """
    sizes = check_widths(batch_sizes, "batch_sizes")
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
        Steps counted: where the mean loss crosses the share, in the middle, and where the mean
        minus and plus two standard errors do; interpolated.
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
    method: str = "replacement",
    random_state: int = 0,
) -> list[BatchRun]:
    """Run SGD with every batch size and step size of a prediction.

    Parameters
    ----------
    problem : Equations
    prediction : Prediction
    n_runs : int
        Runs for each batch size.
    method : {"replacement", "epochs"}
        Whether each batch is drawn afresh, or from a shuffled deck that is used up first.
    random_state : int

    Returns
    -------
    list of BatchRun
        One for each batch size.
    """
    check_option(method, "method", ("replacement", "epochs"))
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
            replacement=method == "replacement",
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
    low, middle, high = (
        _crossing(steps, np.maximum(mean + c * error, 1e-300), prediction.share) for c in (-2, 0, 2)
    )
    return BatchRun(
        int(prediction.batch_sizes[j]),
        float(prediction.step_sizes[j]),
        steps,
        mean,
        error,
        expected / losses[0, 0],
        int(prediction.steps[j]),
        (low, middle, high),
        (float(mean[at]), float(error[at])),
    )


@dataclass(frozen=True)
class FirstSteps:
    """A single step from w* plus an eigenvector: what is left of the squared distance on average.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    left, error : ndarray of shape (2, j)
        The mean over the runs of ||w_1 - w*||^2 / ||w_0 - w*||^2, and its standard error, from the
        first eigenvector and from the last.
    expected : ndarray of shape (2, j)
        (1 - eta lambda)^2 + eta^2 lambda (beta - lambda) / m at both ends of the spectrum.
    worst_case : ndarray of shape (j,)
        The speed-up s(m) of the theorem.
    """

    batch_sizes: NDArray[np.intp]
    left: NDArray[np.float64]
    error: NDArray[np.float64]
    expected: NDArray[np.float64]
    worst_case: NDArray[np.float64]

    @property
    def speedup(self) -> NDArray[np.float64]:
        """Logarithm of what is left with each batch over that with the first; last eigenvector."""
        return np.log(self.left[1]) / np.log(self.left[1, 0])

    @property
    def speedup_error(self) -> NDArray[np.float64]:
        """Its standard error, to first order; 0 for the first, which is 1 by definition."""
        relative = self.error[1] / (self.left[1] * np.abs(np.log(self.left[1])))
        error = self.speedup * np.hypot(relative, relative[0])
        error[0] = 0
        return error


@_one_thread
def first_steps(
    problem: Equations,
    batch_sizes: Sequence[int],
    *,
    n_runs: int = 20_000,
    random_state: RandomState = 0,
) -> FirstSteps:
    """Make one step of size eta*(m) from w* plus the first, and plus the last eigenvector.

    Parameters
    ----------
    problem : Equations
        With samples of equal norms, for which the theorem is exact.
    batch_sizes : sequence of int
        Increasing.
    n_runs : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    FirstSteps
    """
    rng = as_generator(random_state)
    sizes = check_widths(batch_sizes, "batch_sizes")
    X, n = problem.X, len(problem.X)
    K = X @ X.T
    beta, *ends = problem.spectrum
    ends = np.array(ends)
    vectors = np.linalg.svd(X, full_matrices=False)[2][[0, -1]]
    left, error, expected = np.empty((3, 2, len(sizes)))
    for j, m in enumerate(sizes):
        eta = problem.step_size(int(m))
        counts = rng.multinomial(m, np.full(n, 1 / n), size=n_runs) * (eta / m)
        expected[:, j] = (1 - eta * ends) ** 2 + eta**2 * ends * (beta - ends) / m
        for k, a in enumerate(vectors @ X.T):  # the residuals <x_i, w - w*> of the two starts
            steps = counts * a
            squares = 1 - 2 * (counts @ a**2) + np.einsum("ri,ri->r", steps @ K, steps)
            left[k, j], error[k, j] = mean_and_error(squares)
    return FirstSteps(sizes, left, error, expected, batch_speedup(sizes, *problem.spectrum))


@dataclass(frozen=True)
class LinearRule:
    """The step size that grows in proportion to the batch, for ever.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    n_steps : int
    linear, best : ndarray of shape (R, j)
        L / L_0 after these steps with eta = m eta*(1), and with eta*(m); +inf where it diverged.
    limit : float
        The batch size at which m eta*(1) meets the limit of stability in the mean square,
        interpolated.
    critical : float
        m*.
    """

    batch_sizes: NDArray[np.intp]
    n_steps: int
    linear: NDArray[np.float64]
    best: NDArray[np.float64]
    limit: float
    critical: float


@_one_thread
def linear_rule(
    problem: Equations,
    batch_sizes: Sequence[int],
    *,
    n_steps: int = 300,
    n_runs: int = 100,
    random_state: int = 0,
) -> LinearRule:
    """Follow the linear scaling rule beyond the critical batch size.

    Parameters
    ----------
    problem : Equations
    batch_sizes : sequence of int
        Increasing.
    n_steps, n_runs : int
    random_state : int

    Returns
    -------
    LinearRule
    """
    sizes = check_widths(batch_sizes, "batch_sizes")
    first = float(problem.y @ problem.y / (2 * len(problem.y)))
    unit = problem.step_size(1)
    seeds = as_seed_sequence(random_state).generate_state(2 * len(sizes))
    results = []
    for j, m in enumerate(sizes):
        for k, eta in enumerate((m * unit, problem.step_size(int(m)))):
            trace = least_squares_runs(
                problem.X,
                problem.y,
                GradientDescent(float(eta)),
                n_steps=n_steps,
                batch_size=int(m),
                record=[0, n_steps],
                n_runs=n_runs,
                random_state=int(seeds[2 * j + k]),
            )
            results.append(trace.loss[:, -1] / first)
    losses = np.array(results).reshape(len(sizes), 2, -1)
    return LinearRule(
        sizes, n_steps, losses[:, 0].T, losses[:, 1].T, linear_limit(problem), problem.critical
    )


@_one_thread
def linear_limit(problem: Equations) -> float:
    """Find the batch size at which m eta*(1) is no longer stable in the mean square.

    Parameters
    ----------
    problem : Equations

    Returns
    -------
    float
        Interpolated between two batch sizes.
    """
    unit = check_positive(problem.step_size(1), "step_size")
    before = problem.moments.stability_limit(1) / unit - 1
    for m in range(2, 100 * len(problem.y)):
        excess = problem.moments.stability_limit(m) / unit - m
        if excess <= 0:
            return m - 1 + before / (before - excess)
        before = excess
    return np.inf


def _crossing(steps: NDArray, values: NDArray, level: float) -> float:
    """Return where values first fall to a level, interpolated on a log scale; nan if nowhere."""
    below = values <= level
    if not below.any():
        return np.nan
    j = int(below.argmax())
    if j == 0:
        return float(steps[0])
    a, b = np.log(values[j - 1 : j + 1])
    share = (a - np.log(level)) / (a - b)
    return float(steps[j - 1] + share * (steps[j] - steps[j - 1]))
