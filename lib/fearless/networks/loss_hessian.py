"""How sharp the loss of a network is, and how that changes in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.networks._curvature import CurvatureOperator
from fearless.networks._parameters import check_module, trained_parameters
from fearless.networks.optimizer import MethodOptimizer
from fearless.networks.run import as_tensor, dtype_of
from fearless.optimization import Method

__all__ = ["LossHessian", "SharpnessPath", "sharpness", "sharpness_path"]

#: A loss of outputs and targets, both tensors of shape (n, k), as a tensor of shape ().
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# A loss this many times that at the start does not come back.
_DIVERGED = 1e12


def squared_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss of the book, (1/2n) sum_i ||f(x_i) - y_i||^2."""
    return (outputs - targets).square().sum() / (2 * len(outputs))


class LossHessian(CurvatureOperator):
    r"""Multiply by the Hessian of the loss of a network with respect to its trained parameters.

    .. math::
        \nabla^2 L = \frac1n \sum_i \nabla f_i \nabla f_i^\top
            + \frac1n \sum_i (f_i - y_i) \nabla^2 f_i , \qquad
        L(w) = \frac{1}{2n} \sum_i \|f(w; x_i) - y_i\|^2 .

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d). Only parameters that require a gradient
        count, in the order of ``model.parameters()``.
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.
    loss : callable, optional
        ``loss(outputs, targets)`` returns a tensor of shape (); by default the loss above.

    Attributes
    ----------
    value : float
        The loss.
    gradient : ndarray of shape (p,)
        Its gradient.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A `scipy.sparse.linalg.LinearOperator` of shape (p, p). A product costs about as much as four
    evaluations of all samples; parameters changed afterwards are not seen. Used in the section
    "Big steps".

    References
    ----------
    B. A. Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> (LossHessian(model, [[1.0], [3.0]], [0.0, 0.0]) @ np.ones(1)).tolist()
    [5.0]
    """

    def __init__(
        self, model: nn.Module, X: ArrayLike, Y: ArrayLike, *, loss: Loss | None = None
    ) -> None:
        rows, targets = _samples(model, X, Y)
        value = _value(loss, model(rows), targets)
        super().__init__(model, value)
        self.value: float = float(value.detach())

    @property
    def gradient(self) -> NDArray:
        """The gradient of the loss, (p,)."""
        return torch.cat([g.detach().reshape(-1) for g in self._gradient]).numpy()


def sharpness(
    model: nn.Module,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    loss: Loss | None = None,
    tol: float = 1e-3,
    max_iter: int = 2000,
    random_state: RandomState = None,
) -> float:
    r"""Compute the largest eigenvalue of the Hessian of the loss of a network.

    .. math::
        \lambda_1(\nabla^2 L(w)) = \max_{\|v\| = 1} v^\top \nabla^2 L(w) \, v .

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d).
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.
    loss : callable, optional
        As for :class:`LossHessian`.
    tol : float
        The relative residual at which the iteration stops. When it is small the error of the
        eigenvalue is about its square; from 0.01 on the next eigenvalue may be taken for the
        largest.
    max_iter : int
        Products with the Hessian at most.
    random_state : None, int or numpy.random.Generator
        Draws the start of the iteration.

    Returns
    -------
    float
        The sharpness.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the Hessian is not finite.
    RuntimeError
        No convergence within ``max_iter`` products.

    Notes
    -----
    A Lanczos iteration: some dozens of products, each at the price of four evaluations of all
    samples, and memory for a few vectors of length p. Used in the section "Big steps".

    Examples
    --------
    >>> sharpness(nn.Linear(1, 1, bias=False), [[1.0], [3.0]], [0.0, 0.0], random_state=0)
    5.0
    """
    return LossHessian(model, X, Y, loss=loss).top(
        tol=tol, max_iter=max_iter, vector=False, signed=True, random_state=random_state
    )[0]


@dataclass(frozen=True, eq=False)
class SharpnessPath:
    """Hold what full-batch training does to the loss and to its sharpness.

    Attributes
    ----------
    losses : ndarray of shape (n_steps + 1,)
        The loss where each gradient is taken, and +inf from the step on at which it diverged: the
        iterate w_t, or for a method that looks ahead, the point ahead of it.
    steps : ndarray of shape (T,), int
        The steps at which the sharpness was computed.
    sharpness : ndarray of shape (T,)
        The largest eigenvalue of the Hessian of the loss at w_t; +inf after divergence.
    limit : float
        The sharpness below which the method is stable on a quadratic loss.
    diverged_at : int
        The step at which the loss was not finite, or 1e12 times that at the start; -1 for never.
    """

    losses: NDArray[np.float64]
    steps: NDArray[np.int64]
    sharpness: NDArray[np.float64]
    limit: float
    diverged_at: int


def sharpness_path(
    model: nn.Module,
    X: ArrayLike,
    Y: ArrayLike,
    method: Method,
    *,
    n_steps: int,
    every: int | None = 20,
    loss: Loss | None = None,
    tol: float = 1e-3,
    random_state: RandomState = None,
) -> SharpnessPath:
    """Train a network with full gradients and watch the sharpness of its loss.

    Parameters
    ----------
    model : torch.nn.Module
        The network, trained in place. It is left at the last iterate.
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.
    method : fearless.optimization.Method
        Gradient descent, heavy ball, Nesterov's method... for one run.
    n_steps : int
        How many steps.
    every : int, optional
        The sharpness is computed at the start, each time after so many steps, and at the end;
        with None it never is.
    loss : callable, optional
        As for :class:`LossHessian`.
    tol : float
        As for :func:`sharpness`.
    random_state : None, int or numpy.random.Generator
        Draws the starts of the iterations.

    Returns
    -------
    SharpnessPath
        Losses and sharpness. A run that diverges is stopped and says so; it raises no error.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost three evaluations of all samples a step, and about a hundred for each sharpness. Used in
    the section "Big steps".

    References
    ----------
    J. Cohen, S. Kaur, Y. Li, J. Z. Kolter, A. Talwalkar (2021), Gradient descent on neural networks
    typically occurs at the edge of stability, ICLR.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> from fearless.optimization import GradientDescent
    >>> model = FullyConnected(1, 20, activation="tanh", random_state=0)
    >>> path = sharpness_path(model, [[1.0]], [1.0], GradientDescent(0.1), n_steps=30, every=10)
    >>> path.steps.tolist(), path.limit, bool(path.losses[-1] < 0.1 * path.losses[0])
    ([0, 10, 20, 30], 20.0, True)
    """
    rows, targets = _samples(model, X, Y)
    if not isinstance(method, Method):
        raise TypeError(f"method is {method!r}; expected a method of fearless.optimization")
    stable = method.stable_step_size(1.0)
    if method.n_runs is not None or stable is None:
        raise ValueError(
            f"method is {method!r}; expected one step size, and a method that has a step size"
        )
    n_steps = check_int(n_steps, "n_steps")
    tol = check_positive(tol, "tol")
    rng = as_generator(random_state)
    weights = list(trained_parameters(model).values())
    steps = np.array([], dtype=np.int64)
    if every is not None:
        steps = np.append(np.arange(0, n_steps, check_int(every, "every")), n_steps)
    losses, values = np.full(n_steps + 1, np.inf), np.full(len(steps), np.inf)
    optimizer = MethodOptimizer(weights, method)
    look, diverged_at = 0, -1
    for t in range(n_steps + 1):
        value = _value(loss, model(rows), targets)
        losses[t] = float(value.detach())
        limit = _DIVERGED * max(losses[0], np.finfo(np.float64).eps)
        if not (np.isfinite(losses[t]) and losses[t] <= limit):
            losses[t], diverged_at = np.inf, t
            break
        optimizer.zero_grad()
        value.backward()  # before the parameters are moved back to the iterate
        if look < len(steps) and t == steps[look]:
            with optimizer.iterate():
                values[look] = sharpness(model, X, Y, loss=loss, tol=tol, random_state=rng)
            look += 1
        if t < n_steps:
            optimizer.step()
    optimizer.zero_grad()
    with optimizer.iterate():
        last = [p.detach().clone() for p in weights]
    with torch.no_grad():
        for p, point in zip(weights, last, strict=True):
            p.copy_(point)
    limit = float(stable) / float(method.hyperparameters["step_size"])
    return SharpnessPath(losses, steps, values, limit, diverged_at)


def _value(loss: Loss | None, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss if it is one number that depends on the parameters."""
    value = (squared_loss if loss is None else loss)(outputs, targets)
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else None
    if shape != () or not value.requires_grad:
        given = type(value).__name__ if shape is None else f"a tensor of shape {shape}"
        raise ValueError(
            f"loss returned {given}; expected a tensor of shape () that depends on the outputs"
        )
    return value


def _samples(model: nn.Module, X: ArrayLike, Y: ArrayLike) -> tuple[torch.Tensor, torch.Tensor]:
    """Return samples and targets as tensors of the type of the network, of matching shapes."""
    dtype = dtype_of(check_module(model))
    rows = as_tensor(X, dtype=dtype)
    targets = as_tensor(Y, "Y", vector=True, dtype=dtype)
    with torch.no_grad():
        shape = model(rows).shape
    if shape != targets.shape:
        raise ValueError(
            f"Y has shape {tuple(targets.shape)}; expected {tuple(shape)}, the shape of the outputs"
        )
    return rows, targets
