"""What every solver of kernel systems returns, and what it tells a callback on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

__all__ = ["KernelSolution", "Progress"]


@dataclass(frozen=True)
class KernelSolution:
    """The solution of (K + reg I) alpha = Y, how far it can be trusted, and what it cost.

    Attributes
    ----------
    coef : ndarray of shape (n, k), or (n_centers, k)
        The coefficients alpha.
    residuals : ndarray of shape (iterations + 1,)
        The relative residual (Frobenius norms) at the start, 1 from zero, and after each iteration
        or epoch. The last one is the true residual of ``coef``, computed from kernel values.
    tol : float
        The relative residual asked for.
    converged : bool
        Whether the last residual is at most ``tol``.
    iterations : int
        Iterations, or epochs; those of an interrupted run that this one resumed are counted too.
    solver : str
        The name of the solver.
    seconds : float
        Wall-clock time, that of the interrupted run included.
    kernel_values : int
        How many kernel values were computed.
    memory : int
        Bytes of the arrays that the solver allocated, beyond X and Y.
    jitter : float
        What was added to the diagonal beyond ``reg``.
    condition : float or None
        An estimate of the condition number, where the solver has one.
    centers : ndarray of shape (n_centers, d) or None
        The points that ``coef`` belongs to; None means all of X.
    details : mapping
        What only this solver knows: a step size, a batch size, eigenvalues, its precision.
    """

    coef: NDArray
    residuals: NDArray
    tol: float
    converged: bool
    iterations: int
    solver: str
    seconds: float
    kernel_values: int
    memory: int
    jitter: float = 0.0
    condition: float | None = None
    centers: NDArray | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Where an iterative solver stands: the argument of its callback.

    Attributes
    ----------
    solver : str
        The name of the solver.
    iteration : int
        Iterations, or epochs, done so far.
    residual : float
        The relative residual now.
    seconds : float
        Wall-clock time so far.
    coef : ndarray of shape (n, k), or (n_centers, k)
        The coefficients now: a read-only view, valid until the callback returns.
    """

    solver: str
    iteration: int
    residual: float
    seconds: float
    coef: NDArray
