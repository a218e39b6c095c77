"""What the landscape of a loss is like where gradient descent goes: PL constants, conditioning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    check_int,
    check_matrix,
    check_positive,
    check_same_length,
    check_vector,
)
from fearless.optimization.systems import NonlinearSystem

__all__ = [
    "DescentPath",
    "descent_path",
    "pl_constant",
    "smoothness_estimate",
    "tangent_condition",
]

# A loss this many times the first one will not come back.
_LOST = 1e12


@dataclass(frozen=True, eq=False)
class DescentPath:
    """A run of gradient descent on a system, with what the theory asks of its points.

    Attributes
    ----------
    steps : ndarray of int, shape (T,)
        The steps recorded, the first is 0.
    weights : ndarray of shape (T, p)
        The iterates.
    loss, gradient_norm : ndarray of shape (T,)
    length : ndarray of shape (T,)
        The length of the path so far, all steps counted.
    largest, smallest : ndarray of shape (T,)
        lambda_1 and lambda_n of the tangent kernel matrix over n, K(w_t) / n.
    step_size : float
    diverged_at : int
        The step at which the loss was not finite, or 1e12 times the first; the path ends before it.
        -1 when the run is fine.
    """

    steps: NDArray[np.intp]
    weights: NDArray[np.float64]
    loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    length: NDArray[np.float64]
    largest: NDArray[np.float64]
    smallest: NDArray[np.float64]
    step_size: float
    diverged_at: int = -1

    @property
    def distance(self) -> NDArray[np.float64]:
        """How far the iterates are from the start, shape (T,)."""
        return np.linalg.norm(self.weights - self.weights[0], axis=1)

    @property
    def ratio(self) -> NDArray[np.float64]:
        """What PL* bounds from below: half the squared gradient over the loss, shape (T,).

        Infinite where the loss is zero: any inequality holds there.
        """
        squares, double = self.gradient_norm**2, 2 * self.loss
        return np.divide(squares, double, out=np.full_like(squares, np.inf), where=double > 0)

    @property
    def condition(self) -> float:
        """The condition number of the system over the path, sup lambda_1 / inf lambda_n.

        Infinite when lambda_n cannot be told from zero.
        """
        largest, smallest = float(self.largest.max()), float(self.smallest.min())
        return np.inf if smallest <= largest * np.finfo(float).eps else largest / smallest


def descent_path(
    system: NonlinearSystem,
    start: ArrayLike,
    *,
    step_size: float,
    n_steps: int,
    tol: float = 0.0,
    every: int = 1,
) -> DescentPath:
    r"""Run gradient descent on a system and look at its tangent kernel along the way.

    Parameters
    ----------
    system : NonlinearSystem
        F, DF and y.
    start : array-like of shape (p,)
        w_0.
    step_size : float
        eta.
    n_steps : int
        At most so many steps.
    tol : float, default 0
        Stop when the loss has fallen to so many times the first.
    every : int, default 1
        Record every so many steps, and the last.

    Returns
    -------
    DescentPath
        The run. One that diverges ends at the last finite iterate recorded, and says when.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the loss at the start is not finite.

    Notes
    -----
    Cost O(n p) a step and O(n^2 p + n^3) a record. Used in the section "From convexity to PL*".

    Examples
    --------
    >>> from fearless.optimization.systems import ProductSystem
    >>> path = descent_path(ProductSystem([[1.0]], [1.0]), [2.0, 1.0], step_size=0.1, n_steps=50)
    >>> bool(path.loss[-1] < 1e-12), path.diverged_at
    (True, -1)
    """
    w = check_vector(start, "start", length=system.n_parameters).astype(np.float64)
    eta = check_positive(step_size, "step_size")
    n_steps, every = check_int(n_steps, "n_steps"), check_int(every, "every")
    tol = check_positive(tol, "tol", allow_zero=True)
    with np.errstate(over="ignore", invalid="ignore"):
        first = loss = system.loss(w)
    if not np.isfinite(first):
        raise ValueError(f"start has the loss {first}; expected a start whose loss is finite")
    length, diverged_at = 0.0, -1
    steps, weights, rows = [], [], []
    for t in range(n_steps + 1):
        gradient = system.gradient(w)
        norm = float(np.linalg.norm(gradient))
        last = t == n_steps or loss <= tol * first
        if t % every == 0 or last:
            values = np.linalg.eigvalsh(system.tangent_kernel(w)) / system.n_samples
            steps.append(t)
            weights.append(w)
            # Rounding may leave the least eigenvalue of a singular matrix below zero.
            rows.append((loss, norm, length, values[-1], max(values[0], 0.0)))
        if last:
            break
        with np.errstate(over="ignore", invalid="ignore"):
            w = w - eta * gradient
            loss = system.loss(w)
        if not loss <= _LOST * first:
            diverged_at = t + 1
            break
        length += eta * norm
    return DescentPath(
        np.array(steps), np.array(weights), *np.array(rows).T, eta, diverged_at=diverged_at
    )


def pl_constant(losses: ArrayLike, gradients: ArrayLike) -> float:
    r"""Compute the PL* constant of a set of points, such as the path of a run.

    .. math:: \mu = \min_t \frac{\|\nabla L(w_t)\|^2}{2 L(w_t)}

    Parameters
    ----------
    losses : array-like of shape (T,)
        L(w_t) >= 0. Points with L = 0 satisfy any PL* inequality and do not count.
    gradients : array-like of shape (T, p)
        The gradients of L, one a row.

    Returns
    -------
    float
        mu >= 0; infinite when all losses are zero.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Any model, any loss that is at least zero: nothing but values and gradients is needed. Cost
    O(T p). Used in the section "From convexity to PL*".

    Examples
    --------
    >>> pl_constant([0.5, 2.0], [[1.0, 0.0], [0.0, 1.0]])
    0.25
    """
    losses = check_vector(losses, "losses").astype(np.float64)
    gradients = check_matrix(gradients, "gradients")
    check_same_length(losses=losses, gradients=gradients)
    if losses.min() < 0:
        raise ValueError(f"losses has the entry {losses.min():.4g}; expected numbers >= 0")
    positive = losses > 0
    squares = np.einsum("ij,ij->i", gradients[positive], gradients[positive])
    return float(np.min(squares / (2 * losses[positive]), initial=np.inf))


def smoothness_estimate(weights: ArrayLike, gradients: ArrayLike) -> float:
    r"""Estimate the smoothness of a loss from the steps of a run, from below.

    .. math:: \max_t \frac{\|\nabla L(w_{t+1}) - \nabla L(w_t)\|}{\|w_{t+1} - w_t\|} \le \beta

    Parameters
    ----------
    weights, gradients : array-like of shape (T, p)
        Successive points, two at least, and the gradients of L there.

    Returns
    -------
    float
        The largest quotient; 0 when no step has a length.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A lower bound of the smoothness: the run may not have met the most curved direction. Cost
    O(T p). Used in the section "From convexity to PL*".

    Examples
    --------
    >>> smoothness_estimate([[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [3.0, 1.0]])
    3.0
    """
    weights = check_matrix(weights, "weights")
    gradients = check_matrix(gradients, "gradients", n_columns=weights.shape[1])
    if check_same_length(weights=weights, gradients=gradients) < 2:
        raise ValueError("weights has 1 row; expected two points or more")
    moved = np.linalg.norm(np.diff(weights, axis=0), axis=1)
    changed = np.linalg.norm(np.diff(gradients, axis=0), axis=1)
    return float(np.max(changed[moved > 0] / moved[moved > 0], initial=0.0))


def tangent_condition(jacobians: Iterable[ArrayLike]) -> float:
    r"""Compute the condition number of a nonlinear system over a set of points.

    .. math:: \kappa_F(S) = \frac{\sup_{w \in S} \lambda_1(K(w))}{\inf_{w \in S} \lambda_n(K(w))},
        \qquad K(w) = DF(w)\, DF(w)^\top

    Parameters
    ----------
    jacobians : iterable of array-like of shape (n, p)
        DF at the points of S.

    Returns
    -------
    float
        At least 1; infinite when the system is singular somewhere, as it is when n > p.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    For a linear system it is the squared condition number of its matrix. Cost O(n^2 p) a point.
    Used in the section "From convexity to PL*".

    Examples
    --------
    >>> round(tangent_condition([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 2.0]]]), 9)
    9.0
    """
    largest, smallest = 0.0, np.inf
    for J in jacobians:
        J = check_matrix(J, "an entry of jacobians")
        values = np.linalg.svd(J, compute_uv=False)
        largest = max(largest, float(values[0]) ** 2)
        smallest = min(smallest, float(values[-1]) ** 2 if len(J) <= J.shape[1] else 0.0)
    if not np.isfinite(smallest):
        raise ValueError("jacobians is empty; expected at least one matrix")
    return np.inf if smallest <= largest * np.finfo(float).eps ** 2 else largest / smallest
