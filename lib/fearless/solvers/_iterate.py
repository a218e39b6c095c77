"""Block conjugate gradients under a monitor: a recurrence that is not believed without a look."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from fearless._validation import check_targets
from fearless.solvers._block_cg import BlockCG, Operator
from fearless.solvers._monitor import Monitor

__all__ = ["iterate", "start_from"]

# A verified residual above this share of the last verified one means that rounding errors rule.
_PROGRESS = 0.5


def iterate(
    monitor: Monitor,
    operator: Operator,
    preconditioner: Operator | None,
    initial: Callable[[], tuple[NDArray, NDArray]],
    *,
    true_residual: Operator,
    relative: Callable[[NDArray], float],
    state: dict[str, Any] | None,
    keep: dict[str, Any],
    coefficients: Callable[[NDArray], NDArray] | None = None,
) -> tuple[BlockCG, int]:
    """Run block conjugate gradients under a monitor; the last residual recorded is a true one.

    Parameters
    ----------
    monitor : Monitor
        Entered, and asked for a state to resume.
    operator, preconditioner : callable
        As `BlockCG` takes them.
    initial : callable
        Returns the coefficients to start with and their residual, both new arrays.
    true_residual, relative : callable
        The residual of coefficients, and its relative norm.
    state : dict or None
        From ``monitor.resume()``.
    keep : dict
        What else to keep in the state.
    coefficients : callable, optional
        Maps what is iterated to the coefficients that a callback sees; by default they are that.

    Returns
    -------
    run : BlockCG
        With the coefficients.
    corrections : int
        How often the recurrence was replaced by the true residual.
    """
    if state is None:
        A, R = initial()
        verified, corrections, fresh = relative(R), 0, True
        stop = monitor.start(verified, A)
        run = BlockCG(operator, preconditioner, A, R)
    else:
        run = BlockCG(operator, preconditioner, state["A"], state["A"], state)
        corrections = int(state["corrections"])
        verified, fresh = float(state["verified"]), bool(state["fresh"])
        stop = monitor.stopped
        if stop and not fresh:  # good enough for the tol of today, by a recurrence
            R = true_residual(run.coef)
            verified, fresh = relative(R), True
            if not monitor.amend(verified) and monitor.iterations < monitor.max_iter:
                run.replace_residual(R)
                stop, corrections = False, corrections + 1
    while not stop:
        run.step()
        residual, fresh, stalled = relative(run.residual), False, False
        if residual <= monitor.tol:  # believe it only after a look
            R = true_residual(run.coef)
            residual, fresh = relative(R), True
            if residual > monitor.tol:
                stalled = residual > _PROGRESS * verified
                run.replace_residual(R)
                verified, corrections = residual, corrections + 1
        kept = {
            "A": run.coef,
            **run.state(),
            "corrections": corrections,
            "verified": verified,
            "fresh": fresh,
            **keep,
        }
        coef = run.coef if coefficients is None else coefficients(run.coef)
        stop = monitor.record(residual, coef, kept)
        if not stop and stalled:
            _warn_stalled(monitor, run.coef.dtype)
            stop = True
    if not fresh:
        monitor.amend(relative(true_residual(run.coef)))
    return run, corrections


def start_from(start: ArrayLike | None, n: int, k: int, dtype: np.dtype) -> NDArray:
    """Return the coefficients to start with, in a new array of shape (n, k)."""
    if start is None:
        return np.zeros((n, k), dtype)
    given = check_targets(start, "start", n_rows=n).reshape(n, -1)
    if given.shape[1] != k:
        raise ValueError(f"start has {given.shape[1]} columns; expected {k}")
    return given.astype(dtype, order="C", copy=True)


def _warn_stalled(monitor: Monitor, dtype: np.dtype) -> None:
    remedy = " use float64, or" if dtype == np.float32 else ""
    warnings.warn(
        f"{monitor.solver} has not converged: the relative residual is stuck at "
        f"{monitor.residual:.1e}, the level of rounding errors in {dtype}, above tol = "
        f"{monitor.tol:.1e};{remedy} ask for less, or set a larger reg",
        ConvergenceWarning,
        stacklevel=4,
    )
