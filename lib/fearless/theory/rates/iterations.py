"""How many iterations gradient descent and conjugate gradients take, from the spectrum alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector

__all__ = [
    "conjugate_gradient_iterations",
    "gradient_descent_iterations",
    "gradient_descent_residuals",
]


def gradient_descent_residuals(
    eigenvalues: ArrayLike, weights: ArrayLike, steps: ArrayLike, step_size: float | None = None
) -> NDArray[np.float64]:
    r"""Compute the relative residual of gradient descent from zero, exactly.

    .. math:: \frac{\|r_t\|^2}{\|r_0\|^2} = \frac{\sum_i (1 - \eta \lambda_i)^{2t} c_i^2}
        {\sum_i c_i^2}

    Parameters
    ----------
    eigenvalues : array-like of shape (n,)
        lambda_i > 0 of the matrix that is iterated with, in any order.
    weights : array-like of shape (n,)
        c_i^2 >= 0: the squared components of the right-hand side along the eigenvectors, summed
        over several right-hand sides.
    steps : array-like of shape (j,)
        Numbers t of steps.
    step_size : float, optional
        eta; default 2 / (lambda_1 + lambda_n).

    Returns
    -------
    ndarray of shape (j,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n j). Used in the section "Solving a million equations fast".

    Examples
    --------
    >>> gradient_descent_residuals([1.0, 0.5], [1.0, 1.0], [0, 1, 2]).round(4)
    array([1.    , 0.3333, 0.1111])
    """
    values, weight, times = _check_modes(eigenvalues, weights, steps)
    eta = _gradient_step(values, step_size)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        logs = np.log(np.abs(1 - eta * values))
        powers = np.where(times[:, None] == 0, 0.0, 2 * times[:, None] * logs)
        return np.sqrt(np.exp(powers) @ weight / weight.sum())


def gradient_descent_iterations(
    eigenvalues: ArrayLike,
    tol: float,
    weights: ArrayLike | None = None,
    step_size: float | None = None,
) -> int:
    r"""Predict the number of steps after which gradient descent has the relative residual tol.

    With weights the count is exact, see `gradient_descent_residuals`; without, it is that of the
    worst right-hand side, ``log tol / log max_i |1 - eta lambda_i|``, about kappa log(1/tol) / 2
    for the best step, where kappa = lambda_1 / lambda_n.

    Parameters
    ----------
    eigenvalues : array-like of shape (n,)
        lambda_i > 0.
    tol : float
        The relative residual, between 0 and 1.
    weights : array-like of shape (n,), optional
        Squared components of the right-hand side along the eigenvectors.
    step_size : float, optional
        eta; default 2 / (lambda_1 + lambda_n).

    Returns
    -------
    int
        The smallest t.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the step is so long that the iteration diverges.

    Notes
    -----
    Cost O(n log t). Used in the section "Solving a million equations fast".

    Examples
    --------
    >>> gradient_descent_iterations([1.0, 0.5], 1e-3)
    7
    """
    values = _check_positive_vector(eigenvalues, "eigenvalues")
    tol = _check_tol(tol)
    eta = _gradient_step(values, step_size)
    factor = float(np.abs(1 - eta * values).max())
    if factor >= 1:
        raise ValueError(
            f"step_size is {eta:.4g}; expected less than 2 / lambda_1 = {2 / values.max():.4g}, "
            "or gradient descent diverges"
        )
    bound = 1 if factor == 0 else math.ceil(math.log(tol) / math.log(factor) * (1 - 1e-12))
    if weights is None:
        return max(bound, 1)
    low, high = 0, max(bound, 1)  # the residual never grows: bisect
    while high - low > 1:
        middle = (low + high) // 2
        small = gradient_descent_residuals(values, weights, [middle], eta)[0] <= tol
        low, high = (low, middle) if small else (middle, high)
    return high


def conjugate_gradient_iterations(eigenvalues: ArrayLike, tol: float) -> int:
    r"""Bound the steps after which conjugate gradients have reduced the error in energy by tol.

    .. math:: \min_j \; j + \left\lceil \frac{\log(2 / \epsilon)}
        {\log \frac{\sqrt{\kappa_j} + 1}{\sqrt{\kappa_j} - 1}} \right\rceil,
        \qquad \kappa_j = \lambda_{j+1} / \lambda_n

    With j = 0 it is the classical bound, about sqrt(kappa) log(2 / tol) / 2. A few large outliers
    cost one step each, and the rest sees the condition number without them.

    Parameters
    ----------
    eigenvalues : array-like of shape (n,)
        lambda_i > 0 of the matrix, or of the preconditioned matrix.
    tol : float
        The energy norm of the error over that at the start, between 0 and 1.

    Returns
    -------
    int
        At most n.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    In exact arithmetic: rounding errors let the method find large outliers more than once, so that
    with outliers beyond 1e4 or so it may take a few steps more.
    Cost O(n log n). Used in the section "Solving a million equations fast".

    References
    ----------
    O. Axelsson, G. Lindskog (1986), On the rate of convergence of the preconditioned conjugate
    gradient method, Numerische Mathematik 48.

    Examples
    --------
    >>> conjugate_gradient_iterations([100.0, 1.0, 1.0], 1e-6)
    2
    """
    values = np.sort(_check_positive_vector(eigenvalues, "eigenvalues"))[::-1]
    tol = _check_tol(tol)
    root = np.sqrt(values / values[-1])
    with np.errstate(divide="ignore"):
        steps = np.log(2 / tol) / np.log((root + 1) / (root - 1))
    # Equal eigenvalues need one step, however small tol is.
    counts = np.arange(len(values)) + np.maximum(1, np.ceil(steps))
    return int(min(counts.min(), len(values)))


def _check_tol(tol: float) -> float:
    tol = check_positive(tol, "tol")
    if tol >= 1:
        raise ValueError(f"tol is {tol!r}; expected less than 1")
    return tol


def _check_positive_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = check_vector(values, name).astype(np.float64, copy=False)
    if not (array > 0).all():
        raise ValueError(f"{name} has the entry {array.min()!r}; expected positive numbers")
    return array


def _check_modes(
    eigenvalues: ArrayLike, weights: ArrayLike, steps: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    values = _check_positive_vector(eigenvalues, "eigenvalues")
    weight = check_vector(weights, "weights", length=len(values))
    if (weight < 0).any() or not weight.any():
        raise ValueError("weights: expected numbers >= 0 that are not all zero")
    times = check_vector(steps, "steps")
    for t in times:
        check_int(int(t) if t == int(t) else t, "steps", minimum=0)
    return values, weight, times


def _gradient_step(values: NDArray, step_size: float | None) -> float:
    if step_size is None:
        return 2 / float(values.max() + values.min())
    return check_positive(step_size, "step_size")
