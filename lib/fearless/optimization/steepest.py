"""Steepest descent on least squares in the norms l1, l2 and l-infinity."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from fearless._validation import check_int, check_option, check_positive
from fearless.optimization._problem import check_problem

__all__ = ["SteepestRun", "steepest_descent"]


@dataclass(frozen=True)
class SteepestRun:
    """A run of steepest descent.

    Attributes
    ----------
    coef : ndarray of shape (p,)
        The last iterate.
    iterates : ndarray of shape (m, p)
        The start and the iterates after it, as many as were asked to be recorded.
    n_steps : int
        The number of steps.
    residual : float
        ||y - X coef|| / ||y - X start||.
    converged : bool
        Whether that is at most the tolerance.
    """

    coef: NDArray
    iterates: NDArray
    n_steps: int
    residual: float
    converged: bool


def steepest_descent(
    X: ArrayLike,
    y: ArrayLike,
    norm: str = "l2",
    *,
    start: ArrayLike | None = None,
    relaxation: float = 1.0,
    max_steps: int = 10_000,
    tol: float = 1e-12,
    record: int = 0,
) -> SteepestRun:
    r"""Minimise :math:`\frac{1}{2n} \|y - X w\|^2` along directions of steepest descent.

    Among directions d of unit length in a norm, the loss falls fastest along

    ==========  =======================================================  =================
    norm        d                                                        method
    ==========  =======================================================  =================
    ``l2``      :math:`-g`                                               gradient descent
    ``linf``    :math:`-\mathrm{sign}(g)`                                sign descent
    ``l1``      :math:`-\mathrm{sign}(g_j) e_j`, j the largest \|g_j\|     coordinate descent
    ==========  =======================================================  =================

    with the gradient g. The step goes to the minimum along d, times the relaxation.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row.
    y : array-like of shape (n,)
        Targets.
    norm : {"l1", "l2", "linf"}
        The norm.
    start : array-like of shape (p,), optional
        The start, zero by default.
    relaxation : float
        The share of the step to the minimum along d, between 0 and 2; small values give a nearly
        smooth path.
    max_steps : int
        The largest number of steps.
    tol : float
        Stop when the residual has fallen to ``tol`` times its first value.
    record : int
        How many iterates after the start to keep in the result.

    Returns
    -------
    SteepestRun
        The last iterate, and how the run ended.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Warns
    -----
    ConvergenceWarning
        The residual did not fall to the tolerance: the equations have no solution, or more steps
        are needed.

    Notes
    -----
    Cost O(n p) a step. Gradient descent ends at the solution nearest to the start. For the other
    two norms the limit depends on the path, step sizes included, and has no such
    characterisation. Used in the section "The optimiser picks for you".

    References
    ----------
    S. Gunasekar, J. Lee, D. Soudry, N. Srebro (2018), Characterizing implicit bias in terms of
    optimization geometry, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[2.0, 1.0]]), [1.0]
    >>> [steepest_descent(X, y, norm).coef.round(3) for norm in ("l1", "l2", "linf")]
    [array([0.5, 0. ]), array([0.4, 0.2]), array([0.333, 0.333])]
    """
    X, y, w = check_problem(X, y, start)
    check_option(norm, "norm", ("l1", "l2", "linf"))
    relaxation = check_positive(relaxation, "relaxation")
    if relaxation >= 2:
        raise ValueError(f"relaxation is {relaxation}; expected a number below 2")
    max_steps = check_int(max_steps, "max_steps", minimum=0)
    tol = check_positive(tol, "tol", allow_zero=True)
    record = check_int(record, "record", minimum=0)

    # All three norms allow other units. A power of two costs no digit; without it the squares of
    # tiny or huge entries would underflow or overflow.
    unit = 2.0 ** np.floor(np.log2(np.abs(X).max())) if X.any() else 1.0
    X, w = X / unit, w * unit
    residual = y - X @ w
    first = float(np.linalg.norm(residual))
    iterates, n_steps = [w.copy()], 0
    while n_steps < max_steps and np.linalg.norm(residual) > tol * first:
        downhill = X.T @ residual  # n times minus the gradient
        if norm == "l1":
            j = int(np.argmax(np.abs(downhill)))
            direction = np.zeros_like(w)
            direction[j] = np.sign(downhill[j])
            image = X[:, j] * direction[j]
        else:
            direction = downhill if norm == "l2" else np.sign(downhill)
            image = X @ direction
        curvature = image @ image
        if curvature == 0:  # the gradient vanishes
            break
        w += relaxation * (image @ residual) / curvature * direction
        residual = y - X @ w  # afresh, so that rounding errors do not pile up
        n_steps += 1
        if n_steps <= record:
            iterates.append(w.copy())
    left = float(np.linalg.norm(residual)) / first if first else 0.0
    if left > tol:
        warnings.warn(
            f"after {n_steps} steps the residual is {left:.1e} of the first one, above "
            f"tol = {tol:.1e}: X w = y has no solution, or max_steps is too small",
            ConvergenceWarning,
            stacklevel=2,
        )
    return SteepestRun(w / unit, np.array(iterates) / unit, n_steps, left, left <= tol)
