"""How long perturbed descent takes to leave a saddle point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector
from fearless.experiments.optimization.saddle_problems import few_inputs
from fearless.optimization.perturbed import perturbed_descent
from fearless.optimization.saddles import QuadraticNetwork
from fearless.theory.rates.saddles import perturbed_escape_share, perturbed_escape_steps

__all__ = [
    "EscapeRuns",
    "EscapeShares",
    "escape_runs_from_zero",
    "escape_shares",
    "lowest_mode",
]

_DISTANCE = 0.05  # from the saddle: near enough for the loss to be quadratic up to 1 %


def lowest_mode(
    objective: QuadraticNetwork, w: ArrayLike | None = None
) -> tuple[float, NDArray[np.float64]]:
    """Compute |lambda_min| and its eigenvector, of the Hessian at a saddle, 0 by default.

    Parameters
    ----------
    objective : QuadraticNetwork
    w : array-like of shape (p,), optional

    Returns
    -------
    curvature : float
    vector : ndarray of shape (p,)

    Raises
    ------
    ValueError
        The Hessian has no negative eigenvalue.
    """
    w = np.zeros(objective.n_parameters) if w is None else w
    values, vectors = np.linalg.eigh(objective.hessian(w))
    if values[0] >= -1e-12 * np.abs(values).max():
        raise ValueError(f"the lowest eigenvalue is {values[0]:.3g}; expected a strict saddle")
    return float(-values[0]), vectors[:, 0]


@dataclass(frozen=True)
class EscapeRuns:
    """The loss of runs that begin exactly at the saddle 0.

    Attributes
    ----------
    radius : float
        tau.
    steps : ndarray of shape (T,)
    loss : ndarray of shape (runs, T)
    left : ndarray of shape (runs,)
        The first step at a distance of 0.05 or more; infinite where there is none.
    predicted : float
        The median time to get as far along the lowest eigenvector alone, by linear theory; infinite
        for tau = 0.
    moved : float
        The largest distance from the saddle, of all runs and steps.
    """

    radius: float
    steps: NDArray[np.intp]
    loss: NDArray[np.float64]
    left: NDArray[np.float64]
    predicted: float
    moved: float


def escape_runs_from_zero(
    radius: float,
    *,
    noise: float = 0.0,
    step_size: float = 0.15,
    batch_size: int | None = 1,
    n_steps: int = 800,
    n_runs: int = 8,
    n_record: int | None = None,
    random_state: int = 0,
) -> EscapeRuns:
    """Run perturbed SGD from the saddle at zero, on the same problem for every radius.

    Parameters
    ----------
    radius : float
        tau; 0 for plain SGD.
    noise : float
        sigma of the labels.
    step_size : float
    batch_size : int or None
        None for full gradients.
    n_steps, n_runs : int
    n_record : int, optional
        How many steps to record; all by default.
    random_state : int
        Of problem and runs.

    Returns
    -------
    EscapeRuns
        Losses, and when the runs left.
    """
    objective = few_inputs(noise=noise, random_state=random_state)
    curvature, _ = lowest_mode(objective)
    p = objective.n_parameters
    trace = perturbed_descent(
        objective,
        np.zeros(p),
        step_size=step_size,
        radius=radius,
        batch_size=batch_size,
        n_steps=n_steps,
        record=n_steps if n_record is None else n_record,
        n_runs=n_runs,
        random_state=random_state + 1,
    )
    far = trace.norm >= _DISTANCE
    left = np.where(far.any(axis=1), trace.steps[far.argmax(axis=1)], np.inf)
    predicted = np.inf
    if radius > 0:
        predicted = float(perturbed_escape_steps(curvature, step_size, radius, p, _DISTANCE))
    return EscapeRuns(radius, trace.steps, trace.loss, left, predicted, float(trace.norm.max()))


@dataclass(frozen=True)
class EscapeShares:
    """How many runs have left the saddle when half of them should have.

    Attributes
    ----------
    radii : ndarray of shape (r,)
    steps : ndarray of shape (r,)
        The predicted median escape times, rounded.
    measured, predicted, stderr : ndarray of shape (r,)
        The share of runs that are further away by then than 0.05, along the lowest eigenvector;
        what linear theory says; the binomial standard error.
    """

    radii: NDArray[np.float64]
    steps: NDArray[np.intp]
    measured: NDArray[np.float64]
    predicted: NDArray[np.float64]
    stderr: NDArray[np.float64]


def escape_shares(
    radii: ArrayLike,
    *,
    step_size: float = 0.15,
    n_runs: int = 400,
    random_state: int = 0,
) -> EscapeShares:
    """Compare the law of the escape time with linear theory, full gradients.

    Parameters
    ----------
    radii : array-like of shape (r,)
        tau > 0.
    step_size : float
    n_runs : int
        For each radius.
    random_state : int
        Of problem and runs.

    Returns
    -------
    EscapeShares
        Independent runs for every radius.
    """
    radii = check_vector(radii, "radii")
    step_size, n_runs = check_positive(step_size, "step_size"), check_int(n_runs, "n_runs")
    objective = few_inputs(random_state=random_state)
    curvature, vector = lowest_mode(objective)
    setting = (curvature, step_size, radii, objective.n_parameters, _DISTANCE)
    steps = np.rint(perturbed_escape_steps(*setting)).astype(np.intp)
    measured = np.empty(len(radii))
    for j, (radius, count) in enumerate(zip(radii, steps, strict=True)):
        trace = perturbed_descent(
            objective,
            np.zeros(objective.n_parameters),
            step_size=step_size,
            radius=radius,
            n_steps=int(count),
            record=1,
            n_runs=n_runs,
            random_state=random_state + 1 + j,
        )
        measured[j] = np.mean(np.abs(trace.coef @ vector) >= _DISTANCE)
    predicted = perturbed_escape_share(steps, *setting)
    stderr = np.sqrt(predicted * (1 - predicted) / n_runs)
    return EscapeShares(radii, steps, measured, predicted, stderr)
