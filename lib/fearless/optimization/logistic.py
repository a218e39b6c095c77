"""Logistic regression on separable data: a loss without a minimum, and where descent goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import lstsq
from scipy.optimize import nnls
from scipy.special import expit

from fearless._validation import (
    check_matrix,
    check_option,
    check_positive,
    check_same_length,
    check_vector,
    check_widths,
)

__all__ = ["SeparableRun", "logistic_descent", "logistic_flow", "max_margin"]

_LOSSES = ("logistic", "exponential")


@dataclass(frozen=True)
class SeparableRun:
    """Weights along a run on separable data.

    Attributes
    ----------
    times : ndarray of shape (t,)
        Times of a flow, or numbers of steps.
    coef : ndarray of shape (t, p)
        The weights w.
    losses : ndarray of shape (t,)
        The mean training loss.
    margins : ndarray of shape (t,)
        The least y_i x_i^T w over the samples, divided by ||w||: the distance of the nearest
        sample to the boundary, negative while some sample is on the wrong side; 0 where w = 0.
    norms : ndarray of shape (t,)
        ||w||, which grows without end.
    """

    times: NDArray
    coef: NDArray
    losses: NDArray
    margins: NDArray
    norms: NDArray


def logistic_descent(
    X: ArrayLike,
    labels: ArrayLike,
    steps: ArrayLike,
    *,
    step_size: float,
    loss: str = "logistic",
    start: ArrayLike | None = None,
) -> SeparableRun:
    r"""Run gradient descent on :math:`L(w) = \frac1n \sum_i \ell(y_i x_i^\top w)`.

    The logistic loss is :math:`\ell(m) = \log(1 + e^{-m})`, the exponential one :math:`e^{-m}`.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row; a column of ones gives a bias.
    labels : array-like of shape (n,)
        The y_i, each -1 or 1.
    steps : array-like of int
        Numbers of steps after which the weights are recorded, increasing, from 0 on.
    step_size : float
        The step size eta.
    loss : {"logistic", "exponential"}
        The loss.
    start : array-like of shape (p,), optional
        The start, zero by default.

    Returns
    -------
    SeparableRun
        With ``times`` the numbers of steps.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    FloatingPointError
        The weights overflow: the step size is too large.

    Notes
    -----
    Cost O(n p) a step. On separable data :math:`k L(w_k) \to \|\hat w\|^2 / \eta` after k steps
    and :math:`w_k / \|w_k\| \to \hat w / \|\hat w\|`, with the `max_margin` solution
    :math:`\hat w`; the second only as fast as 1 / log k. Used in the section "The optimiser picks
    for you".

    References
    ----------
    D. Soudry, E. Hoffer, M. S. Nacson, S. Gunasekar, N. Srebro (2018), The implicit bias of
    gradient descent on separable data, Journal of Machine Learning Research 19(70).

    Examples
    --------
    >>> run = logistic_descent([[1.0], [-2.0]], [1, -1], [0, 1, 10], step_size=1.0)
    >>> run.coef[:, 0].round(3)
    array([0.   , 0.75 , 2.103])
    """
    Z, w = _check_problem(X, labels, start)
    steps = check_widths(steps, "steps", minimum=0)
    step_size = check_positive(step_size, "step_size")
    pull = _PULLS[check_option(loss, "loss", _LOSSES)]
    n, done = len(Z), 0
    coef = np.empty((len(steps), Z.shape[1]))
    with np.errstate(over="raise", invalid="raise"):
        for recorded, step in zip(coef, steps, strict=True):
            for _ in range(int(step) - done):
                w += (step_size / n) * (pull(Z @ w) @ Z)
            done = int(step)
            recorded[...] = w
    return _run(Z, steps, coef, loss)


def logistic_flow(
    X: ArrayLike,
    labels: ArrayLike,
    times: ArrayLike,
    *,
    loss: str = "logistic",
    start: ArrayLike | None = None,
    rtol: float = 1e-9,
) -> SeparableRun:
    r"""Solve gradient flow :math:`\dot w = -\nabla L(w)`, to astronomical times.

    Gradient descent with small steps follows it: step k is time :math:`\eta k`.

    Parameters
    ----------
    X, labels, loss, start
        As in `logistic_descent`.
    times : array-like of shape (t,)
        Increasing times, from 0 on.
    rtol : float
        Relative accuracy asked of the integration.

    Returns
    -------
    SeparableRun
        The weights at these times.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    RuntimeError
        The integration failed.

    Notes
    -----
    In the variable s = log(1 + t) the equation reads dw/ds = -(1 + t) grad L(w). On separable
    data, where the loss falls like 1 / t, its right-hand side tends to the max-margin solution:
    steps in s of constant size reach a time of 1e12 as easily as 1e3, where plain steps could
    not. An explicit Runge-Kutta method of order eight, O(n p) an evaluation. Used in the section
    "The optimiser picks for you".

    References
    ----------
    D. Soudry, E. Hoffer, M. S. Nacson, S. Gunasekar, N. Srebro (2018), The implicit bias of
    gradient descent on separable data, Journal of Machine Learning Research 19(70).

    Examples
    --------
    >>> run = logistic_flow([[1.0]], [1], [1e3, 1e6, 1e9], loss="exponential")
    >>> run.coef[:, 0].round(6)  # log(1 + t)
    array([ 6.908755, 13.815512, 20.723266])
    """
    Z, w = _check_problem(X, labels, start)
    times = check_vector(times, "times").astype(np.float64, copy=False)
    if times[0] < 0 or np.any(np.diff(times) <= 0):
        raise ValueError(f"times is {times}; expected increasing numbers >= 0")
    rtol = check_positive(rtol, "rtol")
    pull = _PULLS[check_option(loss, "loss", _LOSSES)]
    n = len(Z)
    ends = np.log1p(times)
    # From s = 0 on, whatever the first time asked. (A tail beyond the last one would cost time.)
    solution = solve_ivp(
        lambda s, w: np.exp(s) / n * (pull(Z @ w) @ Z),
        (0.0, max(float(ends[-1]), 1e-12)),
        w,
        method="DOP853",
        t_eval=ends,
        rtol=rtol,
        atol=rtol,
    )
    if not solution.success:
        raise RuntimeError(f"gradient flow stopped at s = {solution.t[-1]}: {solution.message}")
    return _run(Z, times, solution.y.T, loss)


def max_margin(X: ArrayLike, labels: ArrayLike) -> NDArray:
    r"""Compute the hard-margin support vector machine, without a bias.

    .. math:: \hat w = \arg\min \{ \|w\| : y_i \, x_i^\top w \ge 1 \text{ for all } i \}

    Its direction is that of the largest margin, which is :math:`1 / \|\hat w\|`.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row; a column of ones gives a bias that the norm counts.
    labels : array-like of shape (n,)
        The y_i, each -1 or 1.

    Returns
    -------
    ndarray of shape (p,)
        The solution.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or no w separates the classes.

    Notes
    -----
    A least-distance problem: non-negative least squares finds the support vectors in finitely many
    steps, and on them the constraints are equations. All constraints are then checked, so that no
    tolerance decides what is separable; about O(n^2 p). Used in the section "The optimiser picks
    for you".

    References
    ----------
    C. L. Lawson, R. J. Hanson (1974), Solving least squares problems, chapter 23.

    Examples
    --------
    >>> max_margin([[2.0, 0.0], [2.0, 5.0], [-2.0, 0.0]], [1, 1, -1])
    array([0.5, 0. ])
    """
    Z, _ = _check_problem(X, labels, None)
    scale = float(np.abs(Z).max())
    if scale == 0:
        raise ValueError("X is zero: no w separates the classes")
    # min ||E u - e|| over u >= 0, with the rows z_i and a last row of ones in E. Its residual r is
    # a multiple of (w, -1) when the constraints have a solution, and zero when they have none. For
    # small margins it is a small difference; the support of u keeps all digits.
    Z = Z / scale
    E = np.vstack([Z.T, np.ones(len(Z))])
    e = np.zeros(len(E))
    e[-1] = 1
    support = nnls(E, e, maxiter=30 * E.shape[1])[0] > 0
    w = lstsq(Z[support], np.ones(int(support.sum())))[0]
    if not (Z @ w).min() >= 1 - 1e-6:
        raise ValueError("no w separates the classes: expected separable data")
    return w / scale


def _exponential(margins: NDArray) -> NDArray:
    return np.exp(-margins)


def _logistic(margins: NDArray) -> NDArray:
    return expit(-margins)


# Minus the derivative of the loss.
_PULLS = {"logistic": _logistic, "exponential": _exponential}


def _check_problem(
    X: ArrayLike, labels: ArrayLike, start: ArrayLike | None
) -> tuple[NDArray, NDArray]:
    """Return the rows y_i x_i, and the start."""
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    labels = check_vector(labels, "labels").astype(np.float64)
    check_same_length(X=X, labels=labels)
    if np.any(np.abs(labels) != 1):
        wrong = labels[np.abs(labels) != 1][0]
        raise ValueError(f"labels has entry {wrong}; expected -1 or 1")
    p = X.shape[1]
    w = np.zeros(p) if start is None else check_vector(start, "start", length=p).astype(float)
    return labels[:, None] * X, w


def _run(Z: NDArray, times: NDArray, coef: NDArray, loss: str) -> SeparableRun:
    margins = coef @ Z.T
    losses = np.exp(-margins) if loss == "exponential" else np.logaddexp(0, -margins)
    norms = np.linalg.norm(coef, axis=1)
    least = np.divide(margins.min(axis=1), norms, out=np.zeros_like(norms), where=norms > 0)
    return SeparableRun(times, coef, losses.mean(axis=1), least, norms)
