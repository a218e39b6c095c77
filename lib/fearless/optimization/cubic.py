r"""Newton's method with a cubic term, which leaves a saddle point in its first step."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_seed_sequence, check_positive
from fearless.optimization.escape import (
    Draws,
    EscapeTrace,
    batch_weights,
    check_batch,
    check_runs,
    escape_runs,
)
from fearless.optimization.saddles import UnitLosses

__all__ = ["cubic_model", "cubic_newton", "cubic_step"]

_LARGEST = 1e300  # beyond it, lengths may overflow
_HALVINGS = 70  # of a bracket of 700 in the logarithm: to the last digit


def cubic_step(gradient: ArrayLike, hessian: ArrayLike, cubic: float) -> NDArray[np.float64]:
    r"""Compute a global minimiser of the cubic model of a function.

    .. math:: h = \arg\min_h \; g^\top h + \tfrac12 h^\top B h + \tfrac M6 \|h\|^3 .

    When the Hessian of the function is Lipschitz with constant M, the model lies above the
    function. Its minimisers h are exactly the solutions of

    .. math:: \bigl( B + \tfrac M2 \|h\| I \bigr) h = -g, \qquad
        B + \tfrac M2 \|h\| I \succeq 0,

    so that in the eigenbasis of B all that is left is one *secular equation* in the number
    :math:`\|h\|`. In the *hard case* g has no component along the lowest eigenvectors of B, and
    the equation may have no root: then a multiple of such an eigenvector is added. At a strict
    saddle, where g = 0, the step is nothing but this multiple, of length
    :math:`2 |\lambda_{\min}(B)| / M`.

    Parameters
    ----------
    gradient : array-like of shape (..., p)
        g; one for each of many models.
    hessian : array-like of shape (..., p, p)
        B, symmetric, not necessarily positive.
    cubic : float
        M > 0.

    Returns
    -------
    ndarray of shape (..., p)
        h. In the hard case there are several minimisers; one of them.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p^3) a model, for the eigenvectors. Used in the section "Escaping saddle points".

    References
    ----------
    Y. Nesterov, B. T. Polyak (2006), Cubic regularization of Newton method and its global
    performance, Mathematical Programming 108, 177-205.

    Examples
    --------
    >>> cubic_step([1.0], [[0.0]], 2.0)
    array([-1.])
    >>> abs(cubic_step([0.0, 0.0], [[-1.0, 0.0], [0.0, 3.0]], 2.0))
    array([1., 0.])
    """
    g, B = _check_model(gradient, hessian)
    half = check_positive(cubic, "cubic") / 2
    values, vectors = np.linalg.eigh(B)
    inner = np.matmul(np.swapaxes(vectors, -1, -2), g[..., None])[..., 0]

    # The unknown is u = |h| - s0, where s0 is the least length that B allows: near the hard case
    # u is far below the rounding errors of |h|. All denominators are positive.
    lowest = np.minimum(values[..., :1], 0.0)
    with np.errstate(over="ignore"):
        s0 = -lowest / half
    gaps = values - lowest
    norm = _length(inner)
    active = norm > 0
    # |h| <= |g| / (half u), and that is <= u from u^2 = |g| / half on.
    log_high = (np.log(np.where(active, norm, 1.0)) - np.log(half)) / 2 + 1e-9
    log_low = log_high - 700

    def longer(log_u: NDArray) -> NDArray:
        """Whether the solution of the linear system is longer than s0 + u."""
        u = np.exp(log_u)
        h = inner / np.maximum(gaps + half * u, np.finfo(float).tiny)
        return _length(h) > s0 + u

    with np.errstate(over="ignore"):
        hard = active & ~longer(log_low)
        for _ in range(_HALVINGS):
            middle = (log_low + log_high) / 2
            above = longer(middle)
            log_low, log_high = np.where(above, middle, log_low), np.where(above, log_high, middle)
    u = np.where(active & ~hard, np.exp(log_high), 0.0)
    denominator = gaps + half * u
    h = np.zeros_like(inner)
    np.divide(-inner, denominator, out=h, where=denominator > 0)
    length = _length(h)
    missing = np.sqrt(np.maximum(s0 - length, 0)) * np.sqrt(s0 + length)
    h[..., :1] += np.where(hard | ~active, missing, 0.0)
    if not (np.isfinite(s0).all() and np.isfinite(h).all()):
        raise ValueError(f"cubic is {cubic}, too small for this model: the step is not finite")
    return np.matmul(vectors, h[..., None])[..., 0]


def cubic_model(
    step: ArrayLike, gradient: ArrayLike, hessian: ArrayLike, cubic: float
) -> NDArray[np.float64]:
    r"""Compute the cubic model :math:`g^\top h + \frac12 h^\top B h + \frac M6 \|h\|^3`.

    Parameters
    ----------
    step : array-like of shape (..., p)
        h.
    gradient : array-like of shape (..., p)
        g.
    hessian : array-like of shape (..., p, p)
        B.
    cubic : float
        M > 0.

    Returns
    -------
    ndarray of shape (...,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p^2) a model. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> float(cubic_model([-1.0], [1.0], [[0.0]], 3.0))
    -0.5
    """
    g, B = _check_model(gradient, hessian)
    h = np.asarray(step, dtype=np.float64)
    if h.ndim == 0 or h.shape[-1] != g.shape[-1]:
        raise ValueError(
            f"step has shape {h.shape}; expected (..., {g.shape[-1]}), as gradient has"
        )
    bent = np.matmul(B, h[..., None])[..., 0]
    third = check_positive(cubic, "cubic") / 6 * np.linalg.norm(h, axis=-1) ** 3
    return np.sum(h * (g + bent / 2), axis=-1) + third


def cubic_newton(
    objective: UnitLosses,
    start: ArrayLike,
    *,
    cubic: float,
    n_steps: int,
    batch_size: ArrayLike | None = None,
    hessian_batch_size: ArrayLike | None = None,
    accuracy: ArrayLike | None = None,
    hessian_lipschitz: float | None = None,
    record: int | ArrayLike = 100,
    n_runs: int = 1,
    random_state: RandomState = None,
) -> EscapeTrace:
    r"""Run Newton's method with cubic regularisation, on gradients and Hessians of batches.

    A step adds the minimiser of the cubic model, see `cubic_step`, with g the mean gradient of one
    batch and B the mean Hessian of another. Settings may be numbers or arrays with one entry a run.

    Parameters
    ----------
    objective : UnitLosses
        The loss.
    start : array-like of shape (p,) or (R, p)
        Where to start.
    cubic : float
        M > 0 of the model.
    n_steps : int
        Steps, at most.
    batch_size, hessian_batch_size : int or array-like of shape (R,), optional
        Samples in the batches for gradient and Hessian, drawn with replacement; all samples by
        default.
    accuracy : float or array-like of shape (R,), optional
        epsilon: a run stops at the first epsilon-local minimum, see `at_local_minimum`.
    hessian_lipschitz : float, optional
        M of that definition, needed with `accuracy`.
    record : int or array-like of int
        How many steps to record, besides the start, or which.
    n_runs : int
        R, where no setting says so.
    random_state : int, Generator or None
        Draws the batches; a run does not depend on those beside it.

    Returns
    -------
    EscapeTrace
        With the Hessians of single samples in ``hessian_calls``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n p^2 + p^3) a step and run, whatever the batches. Used in the section "Escaping saddle
    points".

    References
    ----------
    N. Tripuraneni, M. Stern, C. Jin, J. Regier, M. I. Jordan (2018), Stochastic cubic
    regularization for fast nonconvex optimization, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization.saddles import QuadraticNetwork
    >>> objective = QuadraticNetwork(np.eye(2), [1.0, 1.0])
    >>> run = cubic_newton(objective, [0.0, 0.0], cubic=12.0, n_steps=20)
    >>> bool(run.loss[0, -1] < 1e-20)
    True
    """
    w, settings = check_runs(
        objective,
        start,
        n_runs,
        batch_size=batch_size,
        hessian_batch_size=hessian_batch_size,
        accuracy=accuracy,
    )
    cubic = check_positive(cubic, "cubic")
    runs, n = len(w), objective.n_samples
    draws, calls = [], []
    seeds = as_seed_sequence(random_state).spawn(2)
    for name, seed in zip(("batch_size", "hessian_batch_size"), seeds, strict=True):
        batch = check_batch(settings.get(name), name)
        draws.append(None if batch is None else Draws(runs, seed, n, batch_weights(n, batch)))
        calls.append(np.full(runs, n) if batch is None else batch)

    def advance(w: NDArray, t: int, active: NDArray) -> NDArray:
        first, second = (None if draw is None else draw(active) for draw in draws)
        g, B = objective.gradient(w, weights=first), objective.hessian(w, weights=second)
        return w + cubic_step(g, B, cubic)

    return escape_runs(
        objective,
        advance,
        w,
        n_steps=n_steps,
        record=record,
        calls=calls[0],
        hessian_calls=calls[1],
        accuracy=settings.get("accuracy"),
        hessian_lipschitz=hessian_lipschitz,
        settings=settings,
    )


def _check_model(gradient: ArrayLike, hessian: ArrayLike) -> tuple[NDArray, NDArray]:
    g, B = np.asarray(gradient, dtype=np.float64), np.asarray(hessian, dtype=np.float64)
    if g.ndim == 0 or g.shape[-1] == 0 or B.shape[-2:] != (g.shape[-1],) * 2:
        raise ValueError(
            f"gradient and hessian have shapes {g.shape} and {B.shape}; expected (..., p) and "
            "(..., p, p)"
        )
    for name, array in (("gradient", g), ("hessian", B)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} contains non-finite values; expected finite numbers")
        if np.abs(array).max(initial=0.0) > _LARGEST:
            raise ValueError(f"{name} has entries beyond {_LARGEST}; expected smaller numbers")
    scale = np.abs(B).max(axis=(-1, -2), keepdims=True)
    if (np.abs(B - np.swapaxes(B, -1, -2)) > 1e-8 * scale).any():
        raise ValueError("hessian is not symmetric; expected a symmetric matrix")
    return g, B


def _length(x: NDArray) -> NDArray[np.float64]:
    """Return the lengths of vectors (..., p), shape (..., 1), whose squares may overflow."""
    top = np.abs(x).max(axis=-1, keepdims=True)
    unit = np.where((top > 0) & np.isfinite(top), top, 1.0)
    return unit * np.linalg.norm(x / unit, axis=-1, keepdims=True)
