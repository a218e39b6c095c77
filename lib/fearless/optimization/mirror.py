"""Mirror descent on least squares, and the interpolant that each geometry picks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq
from sklearn.exceptions import ConvergenceWarning

from fearless._validation import check_int, check_positive
from fearless.optimization._problem import check_problem
from fearless.optimization.potentials import Potential

__all__ = ["MirrorRun", "bregman_projection", "mirror_descent"]


_FLAT_TOL = 1e-7


@dataclass(frozen=True)
class MirrorRun:
    """Where a run of mirror descent, or its limit, has ended.

    Attributes
    ----------
    coef : ndarray of shape (p,)
        The weights w.
    dual : ndarray of shape (n,)
        The a with ``mirror(w) = mirror(start) + X^T a``: no step leaves the row space there.
    n_steps : int
        The number of steps.
    residual : float
        ||y - X w|| / ||y - X start||, or the relative length of the last Newton step where it is
        longer.
    converged : bool
        Whether that is at most the tolerance.
    """

    coef: NDArray
    dual: NDArray
    n_steps: int
    residual: float
    converged: bool


def mirror_descent(
    X: ArrayLike,
    y: ArrayLike,
    potential: Potential,
    *,
    start: ArrayLike | None = None,
    max_steps: int = 100_000,
    tol: float = 1e-10,
) -> MirrorRun:
    r"""Run mirror descent on :math:`\frac{1}{2n} \|y - X w\|^2`.

    .. math:: \nabla\psi(w_{k+1}) = \nabla\psi(w_k) + \frac{\eta_k}{n} X^\top (y - X w_k)

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row.
    y : array-like of shape (n,)
        Targets.
    potential : Potential
        The geometry psi.
    start : array-like of shape (p,), optional
        The start w_0, zero by default.
    max_steps : int
        The largest number of steps.
    tol : float
        Stop when the residual has fallen to ``tol`` times its first value.

    Returns
    -------
    MirrorRun
        The last iterate, and how the run ended.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Warns
    -----
    ConvergenceWarning
        The residual did not fall to the tolerance.

    Notes
    -----
    Cost O(n p) a step. Step sizes are found by backtracking; the limit does not depend on them.
    It is the `bregman_projection`. Used in the section "The optimiser picks for you".

    References
    ----------
    S. Gunasekar, J. Lee, D. Soudry, N. Srebro (2018), Characterizing implicit bias in terms of
    optimization geometry, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization import PowerPotential
    >>> run = mirror_descent(np.array([[2.0, 1.0]]), [1.0], PowerPotential(2.0))
    >>> run.coef.round(6)
    array([0.4, 0.2])
    """
    X, y, w = check_problem(X, y, start)
    max_steps = check_int(max_steps, "max_steps", minimum=0)
    tol = check_positive(tol, "tol", allow_zero=True)
    n = len(X)
    z, a = potential.mirror(w), np.zeros(n)
    residual = y - X @ w
    first, step, n_steps = float(np.linalg.norm(residual)), 1.0, 0
    while n_steps < max_steps and np.linalg.norm(residual) > tol * first:
        direction = X.T @ residual / n
        if not direction.any():  # no step changes anything
            break
        step = min(2 * step, 1e300)
        with np.errstate(over="ignore", invalid="ignore"):
            while step > 0:
                w_trial = potential.inverse(z + step * direction)
                left = y - X @ w_trial
                # Descent on a convex function of a, with gradient -residual: this far along the
                # ray it still decreases. (Comparing its values would cancel near the end.)
                if left @ residual >= 0.1 * (residual @ residual):
                    break
                step /= 2
            else:  # no step, however short, goes down: rounding errors
                break
        a += step * residual / n
        z += step * direction
        w, residual = w_trial, left
        n_steps += 1
    return _finish(w, a, n_steps, _relative(residual, first), tol)


def bregman_projection(
    X: ArrayLike,
    y: ArrayLike,
    potential: Potential,
    *,
    start: ArrayLike | None = None,
    max_steps: int = 500,
    tol: float = 1e-10,
) -> MirrorRun:
    r"""Compute the limit of mirror descent: the interpolant nearest to the start.

    .. math:: \min_w \; \psi(w) - \nabla \psi(w_0)^\top w \quad \text{subject to} \quad X w = y .

    From a start at zero with a `PowerPotential` it is the interpolant of least :math:`l_q` norm.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row, linearly independent.
    y : array-like of shape (n,)
        Targets.
    potential : Potential
        The geometry psi.
    start : array-like of shape (p,), optional
        The start w_0, zero by default.
    max_steps : int
        The largest number of Newton steps.
    tol : float
        Stop when the residual has fallen to ``tol`` times its first value.

    Returns
    -------
    MirrorRun
        The interpolant.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Warns
    -----
    ConvergenceWarning
        The residual did not fall to the tolerance.

    Notes
    -----
    Damped Newton steps, O(n^2 p) each: on the dual problem in n unknowns, or on this one where
    the potential is flat at zero (exponents above 2). There slopes that differ by many orders of
    magnitude cost digits: where rounding errors stop the steps short of ``tol``, 1e-7 is taken
    for converged, and ``residual`` says what was reached. Used in the section "The optimiser picks
    for you".

    References
    ----------
    S. Gunasekar, J. Lee, D. Soudry, N. Srebro (2018), Characterizing implicit bias in terms of
    optimization geometry, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization import PowerPotential
    >>> X, y = np.array([[2.0, 1.0]]), [1.0]
    >>> for q in (1.1, 2.0, 10.0):
    ...     print(bregman_projection(X, y, PowerPotential(q)).coef.round(3))
    [0.5 0. ]
    [0.4 0.2]
    [0.342 0.316]
    """
    X, y, w0 = check_problem(X, y, start)
    max_steps = check_int(max_steps, "max_steps", minimum=0)
    tol = check_positive(tol, "tol", allow_zero=True)
    first = float(np.linalg.norm(y - X @ w0))
    if first == 0 or not X.any():
        return _finish(w0, np.zeros(len(X)), 0, _relative(y - X @ w0, first), tol)
    nearest = w0 + lstsq(X, y - X @ w0)[0]
    with np.errstate(divide="ignore"):
        smooth = bool(np.all(np.isfinite(potential.inverse_slope(np.zeros(1)))))
    newton = _newton_dual if smooth else _newton_primal
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        w, a, n_steps, left = newton(X, y, potential, w0, nearest, max_steps, tol * first)
    tol = tol if smooth else max(tol, _FLAT_TOL)
    return _finish(w, a, n_steps, left / first, tol)


def _newton_dual(
    X: NDArray,
    y: NDArray,
    potential: Potential,
    w0: NDArray,
    nearest: NDArray,
    max_steps: int,
    tol: float,
) -> tuple[NDArray, NDArray, int, float]:
    """Solve X inverse(mirror(w0) + X^T a) = y for a, by Newton's method with damping.

    The equations say that a convex function of a is stationary.
    """
    z0 = potential.mirror(w0)
    # Begin where there is curvature: at the mirrored nearest interpolant, fitted by the row
    # space, and shortened to the lowest point on the way there.
    full = lstsq(X.T, potential.mirror(nearest) - z0)[0]
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if full @ (y - X @ potential.inverse(z0 + middle * full @ X)) >= 0:
            low = middle
        else:  # also for NaN, after an overflow
            high = middle
    a = low * full
    w = potential.inverse(z0 + a @ X)
    residual = y - X @ w
    n_steps, damping = 0, 1e-15
    while n_steps < max_steps and np.linalg.norm(residual) > tol:
        hessian = (X * potential.inverse_slope(z0 + a @ X)) @ X.T
        size = np.trace(hessian) * np.eye(len(X))
        while damping < 1e15:
            direction = lstsq(hessian + damping * size, residual)[0]
            trial = potential.inverse(z0 + (a + direction) @ X)
            left = y - X @ trial
            # Along a convex function: not much beyond its lowest point. False for NaN as well.
            if direction @ left >= -0.1 * (direction @ residual):
                break
            damping *= 4
        else:
            break
        a, w, residual = a + direction, trial, left
        damping = max(damping / 16, 1e-15)
        n_steps += 1
    return w, a, n_steps, float(np.linalg.norm(residual))


def _newton_primal(
    X: NDArray,
    y: NDArray,
    potential: Potential,
    w0: NDArray,
    nearest: NDArray,
    max_steps: int,
    tol: float,
) -> tuple[NDArray, NDArray, int, float]:
    """Minimise the divergence from w0 over the solutions of X w = y.

    For potentials that are flat at zero, whose dual has a kink there.
    """
    z0, w = potential.mirror(w0), nearest
    scale = float(np.linalg.norm(y - X @ w0))
    n_steps, best = 0, (w, np.zeros(len(X)), 0, np.inf)
    while True:
        pull = potential.mirror(w) - z0
        slopes = 1 / potential.inverse_slope(potential.mirror(w))
        if w.any() and not 0 < slopes.max() < np.inf:
            size = np.abs(w).max()
            raise ValueError(
                f"the potential over- or underflows at weights of {size:.1e}; rescale X"
            )
        slopes = np.maximum(slopes, 1e-10 * slopes.max() or 1.0)
        inverse = 1 / slopes
        # The Newton step keeps X (w + d) = y and makes pull + slopes d = X^T a. Its length tells
        # how far off w is; multipliers a are known less well, as slopes differ widely.
        residual = y - X @ w
        a = lstsq((X * inverse) @ X.T, residual + X @ (inverse * pull))[0]
        direction = inverse * (a @ X - pull)
        off = float(np.linalg.norm(direction) / np.linalg.norm(w)) if w.any() else 0.0
        left = max(float(np.linalg.norm(residual)), off * scale)
        # Near the end each step squares what is left, until rounding errors stop that.
        if best[-1] <= _FLAT_TOL * scale and left > best[-1] / 2:
            return min(best, (w, a, n_steps, left), key=lambda run: run[-1])
        best = w, a, n_steps, left
        if left <= tol or n_steps == max_steps:
            return best
        gain, step = float(direction @ (slopes * direction)), 1.0
        while step > 1e-12:
            trial = w + step * direction
            if direction @ (potential.mirror(trial) - z0 - a @ X) <= 0.1 * gain:
                break
            step /= 2
        else:
            return w, a, n_steps, left
        w = trial
        n_steps += 1


def _relative(residual: NDArray, first: float) -> float:
    return float(np.linalg.norm(residual)) / first if first else 0.0


def _finish(w: NDArray, a: NDArray, n_steps: int, left: float, tol: float) -> MirrorRun:
    if not left <= tol:
        warnings.warn(
            f"after {n_steps} steps the residual is {left:.1e} of the first one, above "
            f"tol = {tol:.1e}: X w = y has no solution, or more steps are needed",
            ConvergenceWarning,
            stacklevel=3,
        )
    return MirrorRun(w, a, n_steps, left, left <= tol)
