"""How many samples have to be looked at on the way from a saddle point to a local minimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_option, check_vector
from fearless.experiments.optimization.saddle_problems import few_inputs
from fearless.experiments.statistics import loglog_slopes, mean_and_error
from fearless.optimization.cubic import cubic_newton
from fearless.optimization.perturbed import perturbed_descent
from fearless.optimization.saddles import FlatValley, QuadraticNetwork, UnitLosses
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = ["VALLEY_POWER", "CallCounts", "ConstantSteps", "call_counts", "constant_steps"]

VALLEY_POWER = 0.25
_STEP = 0.15  # stable with batches of one on the network, at the labels that occur
_NOISE = 0.5
_TILT = 0.3


@dataclass(frozen=True)
class ConstantSteps:
    """Perturbed SGD with one constant step, for labels with and without noise.

    Attributes
    ----------
    noises : ndarray of shape (k,)
        sigma.
    steps : ndarray of shape (T,)
    excess : ndarray of shape (k, runs, T)
        L(w_t) - min L.
    gradient : ndarray of shape (k, runs, T)
        ||grad L(w_t)||.
    floor : ndarray of shape (k,)
        The mean of L - min L in the long run, predicted; 0 without noise.
    late, stderr : ndarray of shape (k,)
        The mean of L - min L over the last half of the steps, and its standard error over runs.
    """

    noises: NDArray[np.float64]
    steps: NDArray[np.intp]
    excess: NDArray[np.float64]
    gradient: NDArray[np.float64]
    floor: NDArray[np.float64]
    late: NDArray[np.float64]
    stderr: NDArray[np.float64]


def constant_steps(
    noises: ArrayLike = (0.0, 0.01, 0.1),
    *,
    batch_size: int = 1,
    step_size: float = _STEP,
    n_runs: int = 12,
    n_steps: int = 6000,
    n_record: int = 300,
    random_state: int = 0,
) -> ConstantSteps:
    """Run perturbed SGD from the saddle at zero with constant steps, for several noises.

    Near a minimum the network is linear in its weights, and `SampleMoments` knows where SGD on
    a linear least-squares problem stalls.

    Parameters
    ----------
    noises : array-like of shape (k,)
        sigma of the labels.
    batch_size : int
    step_size : float
    n_runs, n_steps, n_record : int
    random_state : int
        Of problem and runs.

    Returns
    -------
    ConstantSteps
        Perturbations are of radius 1e-9: large enough to leave, and too small to matter later.
    """
    noises = check_vector(noises, "noises")
    rows = []
    for noise in noises.tolist():
        objective = few_inputs(noise=noise, random_state=random_state)
        trace = perturbed_descent(
            objective,
            np.zeros(objective.n_parameters),
            step_size=step_size,
            radius=1e-9,
            batch_size=batch_size,
            n_steps=n_steps,
            record=n_record,
            n_runs=n_runs,
            random_state=random_state + 1,
        )
        excess = trace.loss - noise**2 / 2
        late = excess[:, trace.steps >= n_steps / 2].mean(axis=1)
        floor = 0.0
        if noise:
            moments = SampleMoments.from_data(_jacobian_at_minimum(objective, noise))
            signs = np.tile([1.0, -1.0], objective.n_samples // 2)
            floor = moments.floor(noise * signs, step_size, batch_size) - noise**2 / 2
        rows.append((excess, trace.gradient_norm, floor, *mean_and_error(late)))
    return ConstantSteps(noises, trace.steps, *(np.array(row) for row in zip(*rows, strict=True)))


def _jacobian_at_minimum(objective: QuadraticNetwork, noise: float) -> NDArray[np.float64]:
    """Return the gradients 2 <x, w> x of the outputs, whose roots are those of the mean labels.

    The sign of an output's root does not matter to the problem.
    """
    means = objective.y - noise * np.tile([1.0, -1.0], objective.n_samples // 2)
    return 2 * np.sqrt(means)[:, None] * objective.X


@dataclass(frozen=True)
class CallCounts:
    """Sample gradients and Hessians until a run is at an epsilon-local minimum.

    Attributes
    ----------
    kind : str
    method : str
    strong_growth : bool
    accuracy : ndarray of shape (k,)
        epsilon.
    calls, steps : ndarray of shape (runs, k)
        From the saddle at 0.
    slope : float
        The exponent of 1/epsilon that fits the calls best, a mean over runs.
    stderr : float
        Its standard error.
    """

    kind: str
    method: str
    strong_growth: bool
    accuracy: NDArray[np.float64]
    calls: NDArray[np.float64]
    steps: NDArray[np.float64]
    slope: float
    stderr: float


def call_counts(
    kind: str,
    method: str,
    *,
    strong_growth: bool,
    accuracy: ArrayLike | None = None,
    batch_size: int | None = None,
    n_runs: int = 8,
    random_state: int = 0,
) -> CallCounts:
    """Count the calls for several accuracies, with the batches of the theory.

    Under strong growth the gradient of a batch has a relative error: batches of one for perturbed
    SGD and of 16 for the cubic method do. Without it batches are as large as it takes to have the
    noise of a gradient at epsilon, of order 1/epsilon^2. The cubic method takes batches of
    1/epsilon for its Hessians.

    Parameters
    ----------
    kind : {"network", "valley"}
        The network of ``few_inputs`` with its minima, or a valley that is flatter and flatter.
    method : {"gradient", "cubic"}
        Perturbed SGD, or Newton's method with cubic regularisation.
    strong_growth : bool
        Whether every sample is there once, or twice with opposite noise.
    accuracy : array-like of shape (k,), optional
        epsilon.
    batch_size : int, optional
        For gradients, instead of those of the theory.
    n_runs : int
        For each accuracy.
    random_state : int
        Of problem and runs.

    Returns
    -------
    CallCounts
        Calls, and the exponent that they follow.

    Raises
    ------
    RuntimeError
        A run did not arrive.
    """
    check_option(kind, "kind", ("network", "valley"))
    check_option(method, "method", ("gradient", "cubic"))
    n_runs = check_int(n_runs, "n_runs")
    default = (
        10.0 ** -np.arange(2.5, 4.6, 0.5) if kind == "network" else 10.0 ** -np.linspace(2, 3, 5)
    )
    accuracy = check_vector(default if accuracy is None else accuracy, "accuracy")
    objective, lipschitz, step, noise = _problem(kind, strong_growth, random_state)
    epsilon = np.repeat(accuracy[None], n_runs, axis=0).ravel()
    batch = np.ceil(noise / epsilon**2).astype(np.int64)
    if strong_growth:
        batch = np.full_like(batch, 1 if method == "gradient" else 16)
    if batch_size is not None:
        batch = np.full_like(batch, check_int(batch_size, "batch_size"))
    options = {
        "accuracy": epsilon,
        "hessian_lipschitz": lipschitz,
        "record": 1,
        "random_state": random_state + 1,
    }
    start = np.zeros(objective.n_parameters)
    if method == "gradient":
        trace = perturbed_descent(
            objective,
            start,
            step_size=step,
            radius=epsilon / 4,
            batch_size=batch,
            n_steps=30_000,
            **options,
        )
    else:
        trace = cubic_newton(
            objective,
            start,
            cubic=lipschitz,
            batch_size=batch,
            hessian_batch_size=np.ceil(1 / epsilon).astype(np.int64),
            n_steps=3000,
            **options,
        )
    if not np.isfinite(trace.calls_to_reach).all():
        late = int(np.sum(trace.reached_at < 0))
        raise RuntimeError(f"{late} run(s) did not arrive at a local minimum; expected all to")
    calls = trace.calls_to_reach.reshape(n_runs, -1)
    slope, stderr = mean_and_error(-loglog_slopes(accuracy, calls))
    steps = trace.reached_at.reshape(n_runs, -1).astype(float)
    return CallCounts(
        kind, method, strong_growth, accuracy, calls, steps, float(slope), float(stderr)
    )


def _problem(
    kind: str, strong_growth: bool, random_state: int
) -> tuple[UnitLosses, float, float, float]:
    """Return the loss, M of its Hessian, a step size, and the variance of a sample gradient."""
    if kind == "network":
        objective = few_inputs(noise=0 if strong_growth else _NOISE, random_state=random_state)
        lengths = np.linalg.norm(objective.X, axis=1)
        # The third derivative in a direction u is 12 <x, w> <x, u>^3 a sample, and outputs stay
        # below 2 where the runs go. At a minimum the gradient of an output has 4 y |x|^2.
        lipschitz = 12 * np.sqrt(2) * np.mean(lengths**3)
        variance = _NOISE**2 * np.mean(4 * objective.y * lengths**2)
        return objective, float(lipschitz), _STEP, float(variance)
    # Two inputs of length one with an angle of 60 degrees between them.
    X, tilt = np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]]), None
    if not strong_growth:
        X, tilt = np.repeat(X, 2, axis=0), _TILT * np.tile([1.0, -1.0], 2)
    # The third derivative of the profile (1 + z^2)^(-q/2) is at most 0.4 for q = 1/4.
    return FlatValley(X, VALLEY_POWER, tilt), 0.4, 8.0, _TILT**2
