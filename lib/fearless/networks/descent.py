"""Gradient descent on all samples at once, down to a loss: the dynamics that theory speaks of."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from fearless._validation import check_int, check_positive
from fearless.exceptions import DivergenceError
from fearless.networks._parameters import check_module, trained_parameters
from fearless.networks.run import as_tensor, dtype_of

__all__ = ["DescentRun", "descend"]

# A loss this many times that at the start is beyond what a catapult of the first steps reaches.
_DIVERGED = 1e4


@dataclass(frozen=True, eq=False)
class DescentRun:
    """Hold what gradient descent did.

    Attributes
    ----------
    losses : ndarray of shape (steps + 1,)
        The training error (1/n) sum_i ||f(x_i) - y_i||^2 at the start and after each step.
    converged : bool
        Whether the last one is at most ``tol``.
    """

    losses: NDArray[np.float64]
    converged: bool

    @property
    def steps(self) -> int:
        """The number of steps made."""
        return len(self.losses) - 1


def descend(
    model: nn.Module,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    step_size: float,
    tol: float = 1e-3,
    max_steps: int = 10000,
    observe: Callable[[int], None] | None = None,
) -> DescentRun:
    r"""Train a network by gradient descent on all samples, until the training error is small.

    .. math::
        w \leftarrow w - \eta \nabla L(w) , \qquad
        L(w) = \frac{1}{2n} \sum_i \|f(w; x_i) - y_i\|^2 .

    Parameters
    ----------
    model : torch.nn.Module
        The network, trained in place.
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.
    step_size : float
        The step size eta. On a linearised network descent converges below 2 / lambda_1, for the
        largest eigenvalue of its tangent kernel matrix over n.
    tol : float
        Stop when the mean of ``||f(x_i) - y_i||^2`` is at most this.
    max_steps : int
        Steps at most.
    observe : callable, optional
        Called as ``observe(t)`` with the network as it is after t = 0, 1, 2, 4, 8, ... steps and
        after the last one.

    Returns
    -------
    DescentRun
        The training errors, and whether ``tol`` was reached.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    DivergenceError
        The training error is not finite any more, or ten thousand times that at the start.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        ``max_steps`` did not suffice.

    Notes
    -----
    Cost about three evaluations of all samples a step. Without batches there is no randomness:
    the run can be compared, step by step, with that of
    :class:`fearless.networks.LinearizedPath`. Used in the section "The transition to linearity".

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> model = FullyConnected(1, 20, activation="tanh", random_state=0)
    >>> descend(model, [[1.0], [2.0]], [1.0, -1.0], step_size=0.1, tol=0.1).converged
    True
    """
    weights = list(trained_parameters(check_module(model)).values())
    X = as_tensor(X, dtype=dtype_of(model))
    Y = as_tensor(Y, "Y", vector=True, dtype=X.dtype)
    step_size = check_positive(step_size, "step_size")
    tol = check_positive(tol, "tol")
    max_steps = check_int(max_steps, "max_steps", minimum=0)
    with torch.no_grad():
        shape = model(X).shape
    if shape != Y.shape:
        raise ValueError(
            f"Y has shape {tuple(Y.shape)}; expected {tuple(shape)}, the shape of the outputs"
        )
    losses: list[float] = []
    seen = -1
    for step in range(max_steps + 1):
        residual = model(X) - Y
        loss = residual.square().sum() / len(X)
        losses.append(float(loss.detach()))
        if not losses[-1] <= _DIVERGED * max(losses[0], tol):
            raise DivergenceError(
                f"the training error is {losses[-1]:.3g} after {step} steps, from "
                f"{losses[0]:.3g}: step_size = {step_size:.3g} is too large; use less than "
                "2 / lambda_1, for the largest eigenvalue of the tangent kernel matrix over n"
            )
        if observe is not None and step & (step - 1) == 0:  # 0 and the powers of two
            observe(step)
            seen = step
        if losses[-1] <= tol or step == max_steps:
            break
        gradient = torch.autograd.grad(loss / 2, weights, materialize_grads=True)
        with torch.no_grad():
            torch._foreach_add_(weights, gradient, alpha=-step_size)
    if observe is not None and seen < len(losses) - 1:
        observe(len(losses) - 1)
    run = DescentRun(np.array(losses), losses[-1] <= tol)
    if not run.converged:
        warnings.warn(
            f"the training error is {losses[-1]:.3g} after max_steps = {max_steps} steps; "
            f"expected at most tol = {tol:.3g}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return run
