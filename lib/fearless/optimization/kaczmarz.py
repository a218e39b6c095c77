"""Randomised Kaczmarz: least squares by stochastic gradient descent, one sample a step."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svdvals

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_positive,
    check_widths,
)
from fearless.optimization._problem import check_problem

__all__ = ["kaczmarz", "kaczmarz_rate"]

_BLOCK = 256  # steps whose samples are drawn at once


def kaczmarz(
    X: ArrayLike,
    y: ArrayLike,
    steps: ArrayLike,
    *,
    relaxation: float = 1.0,
    start: ArrayLike | None = None,
    n_runs: int = 1,
    random_state: RandomState = None,
) -> NDArray:
    r"""Run the randomised Kaczmarz method, several independent runs at once.

    A step draws sample i with probability :math:`\|x_i\|^2 / \|X\|_F^2` and moves towards fitting
    it,

    .. math:: w \leftarrow w + \omega \, \frac{y_i - x_i^\top w}{\|x_i\|^2} \, x_i .

    That is a step of stochastic gradient descent with batches of one. With :math:`\omega = 1` the
    sample is fitted exactly: w is projected to the solutions of its equation. When all equations
    have a common solution, the runs converge to the one nearest to the start.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row, none of them zero.
    y : array-like of shape (n,)
        Targets.
    steps : array-like of int
        Numbers of steps after which the iterates are recorded, increasing, from 0 on.
    relaxation : float
        :math:`\omega`, between 0 and 2.
    start : array-like of shape (p,), optional
        The start, zero by default.
    n_runs : int
        Number of runs.
    random_state : int, Generator or None
        Draws the samples.

    Returns
    -------
    ndarray of shape (len(steps), n_runs, p)
        The iterates.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p) a step and run. Over the draws, the mean iterate after k steps is exactly that of
    gradient descent on :math:`\frac{1}{2n} \|y - X w\|^2` with step size
    :math:`\omega n / \|X\|_F^2`, that is, ``GradientPath(X, y).descent(steps, step_size)``. Used
    in the section "The optimiser picks for you".

    References
    ----------
    T. Strohmer, R. Vershynin (2009), A randomized Kaczmarz algorithm with exponential convergence,
    Journal of Fourier Analysis and Applications 15, 262-278.

    Examples
    --------
    >>> import numpy as np
    >>> kaczmarz(np.eye(2), [3.0, 4.0], [0, 50], random_state=0)[:, 0]
    array([[0., 0.],
           [3., 4.]])
    """
    X, y, w = check_problem(X, y, start)
    steps = check_widths(steps, "steps", minimum=0)
    relaxation = check_positive(relaxation, "relaxation")
    if relaxation >= 2:
        raise ValueError(f"relaxation is {relaxation}; expected a number below 2")
    n_runs = check_int(n_runs, "n_runs")
    rng = as_generator(random_state)
    squares = _row_squares(X)
    unit, targets = X / np.sqrt(squares)[:, None], y / np.sqrt(squares)
    probabilities = squares / squares.sum()

    w = np.repeat(w[None], n_runs, axis=0)
    recorded = np.empty((len(steps), *w.shape))
    done, drawn = 0, np.empty((0, n_runs), dtype=np.intp)
    for record, step in zip(recorded, steps, strict=True):
        while done < step:
            if done % _BLOCK == 0:
                drawn = rng.choice(len(X), size=(_BLOCK, n_runs), p=probabilities)
            i = drawn[done % _BLOCK]
            rows = unit[i]
            w += (relaxation * (targets[i] - np.einsum("rp,rp->r", rows, w)))[:, None] * rows
            done += 1
        record[...] = w
    return recorded


def kaczmarz_rate(X: ArrayLike) -> float:
    r"""Compute the factor by which a Kaczmarz step shrinks the mean squared error, at least.

    .. math::
        \mathbb E \|w_k - w_\infty\|^2
        \le \Bigl(1 - \frac{s_{\min}^2}{\|X\|_F^2}\Bigr)^k \|w_0 - w_\infty\|^2

    for a system with a solution and :math:`\omega = 1`, with the smallest nonzero singular value;
    :math:`w_\infty` is the solution nearest to the start.

    Parameters
    ----------
    X : array-like of shape (n, p)
        The samples.

    Returns
    -------
    float
        The factor, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        X is not as described, or has a row that is zero.

    Notes
    -----
    Cost O(n p min(n, p)). Singular values up to ``eps max(n, p)`` times the largest are taken for
    zeros. Used in the section "The optimiser picks for you".

    References
    ----------
    T. Strohmer, R. Vershynin (2009), A randomized Kaczmarz algorithm with exponential convergence,
    Journal of Fourier Analysis and Applications 15, 262-278.

    Examples
    --------
    >>> import numpy as np
    >>> kaczmarz_rate(np.eye(4))
    0.75
    """
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    squares = _row_squares(X)
    s = svdvals(X)
    smallest = s[s > np.finfo(np.float64).eps * max(X.shape) * s[0]][-1]
    return float(1 - smallest**2 / squares.sum())


def _row_squares(X: NDArray) -> NDArray:
    squares = np.sum(X**2, axis=1)
    if not np.all(squares > 0):
        raise ValueError(f"row {int(np.argmin(squares))} of X is zero; expected nonzero samples")
    return squares
