"""Small networks on digits, trained with full gradients at steps that the theory forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_positive
from fearless.data import one_hot
from fearless.experiments._threads import one_thread
from fearless.optimization import GradientDescent, Method

__all__ = ["EdgeRuns", "QuadraticRun", "edge_runs", "quadratic_run", "small_digits"]

_WIDTH = 50
_DEPTH = 2

# Rounding errors of a second difference are of the order 1e-16 / shift^2, those of truncation
# of the order shift^2.
_SHIFT = 1e-3


def small_digits(n: int, random_state: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw digits of 8 x 8 pixels, centred, with one-hot targets.

    Parameters
    ----------
    n : int
    random_state : int

    Returns
    -------
    X : ndarray of shape (n, 64)
    Y : ndarray of shape (n, 10)
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    rows = np.random.default_rng(random_state).permutation(len(images))[: check_int(n, "n")]
    X = images[rows] / 16
    return X - X.mean(axis=0), one_hot(labels[rows], range(10))


def _network(random_state: int) -> Any:
    from fearless.networks import FullyConnected

    return FullyConnected(
        64,
        _WIDTH,
        10,
        depth=_DEPTH,
        activation="tanh",
        parametrization="standard",
        w_std=1.0,
        b_std=0.1,
        random_state=random_state,
        dtype=np.float64,
    )


@dataclass(frozen=True, eq=False)
class EdgeRuns:
    """Networks trained by one method with full gradients: one row a seed.

    Attributes
    ----------
    method : Method
    limit : float
        The sharpness below which the method is stable on a quadratic loss: 2 / eta for gradient
        descent.
    losses : ndarray of shape (seeds, n_steps + 1)
    steps : ndarray of shape (T,)
        When the sharpness was computed.
    sharpness : ndarray of shape (seeds, T)
    """

    method: Method
    limit: float
    losses: NDArray[np.float64]
    steps: NDArray[np.int64]
    sharpness: NDArray[np.float64]

    @property
    def hovering(self) -> NDArray[np.float64]:
        """The median sharpness in the second half of each run, over the limit, (seeds,)."""
        late = self.steps >= self.steps[-1] / 2
        return np.median(self.sharpness[:, late], axis=1) / self.limit

    @property
    def rises(self) -> NDArray[np.float64]:
        """The share of steps of the second half at which the loss goes up, (seeds,)."""
        late = self.losses[:, self.losses.shape[1] // 2 :]
        return np.mean(np.diff(late, axis=1) > 0, axis=1)


def edge_runs(
    method: Method,
    *,
    n_steps: int = 1000,
    every: int = 25,
    n_train: int = 200,
    seeds: Sequence[int] = (0, 1, 2),
) -> EdgeRuns:
    """Train tanh networks with two hidden layers of 50 units, and watch their sharpness.

    Parameters
    ----------
    method : Method
        For one run: gradient descent, heavy ball or Nesterov's method.
    n_steps, every : int
        How many steps, and how often the sharpness is computed.
    n_train : int
    seeds : sequence of int
        Each draws its own images and weights.

    Returns
    -------
    EdgeRuns
        Losses and sharpness.
    """
    from fearless.networks.loss_hessian import sharpness_path

    with one_thread():
        paths = [
            sharpness_path(
                _network(seed),
                *small_digits(n_train, seed),
                method,
                n_steps=n_steps,
                every=every,
                random_state=seed,
            )
            for seed in seeds
        ]
    return EdgeRuns(
        method,
        paths[0].limit,
        np.array([path.losses for path in paths]),
        paths[0].steps,
        np.array([path.sharpness for path in paths]),
    )


@dataclass(frozen=True, eq=False)
class QuadraticRun:
    """A network and its Taylor polynomial of second order, both trained from the same point on.

    Attributes
    ----------
    step_size : float
    start : int
        Steps that the network had made before: the first with a sharpness beyond ``beyond`` times
        2 / eta, looked at every 10 steps.
    steps : ndarray of shape (T,)
        0, 1, ..., counted from there.
    network, quadratic : ndarray of shape (T,)
        The losses. The second is +inf from where it exceeds 1e6 times the first.
    along : ndarray of shape (T,)
        <w_t - w_0, u> of the network, for the sharpest direction u at the start.
    looks : ndarray of shape (U,)
        The steps at which the sharpness of the network was computed.
    sharpness : ndarray of shape (U,)
        It; that of the polynomial stays at the first value.
    growth : float
        The factor (1 - eta sharpness)^2 by which the sharpest direction should make the loss of
        the polynomial grow, per step.
    climb : float
        -eta <grad L, grad S> at the start: by how much a step raises the sharpness S.
    stabilization : float
        (eta / 2) ||grad S||^2 at the start: by how much a swing of amplitude 1 lowers it.
    """

    step_size: float
    start: int
    steps: NDArray[np.int64]
    network: NDArray[np.float64]
    quadratic: NDArray[np.float64]
    along: NDArray[np.float64]
    looks: NDArray[np.int64]
    sharpness: NDArray[np.float64]
    growth: float
    climb: float
    stabilization: float

    @property
    def third_order(self) -> NDArray[np.float64]:
        """The sharpness that the third-order terms at the start predict, (T,).

        The first value, plus ``climb`` a step, less ``stabilization`` times the squared amplitudes
        of all swings so far. A swing is half the way from one side to the other.
        """
        swings = np.diff(self.along) ** 2 / 4
        falls = self.stabilization * np.concatenate([[0.0], np.cumsum(swings)])
        return self.sharpness[0] + self.climb * self.steps - falls

    @property
    def measured_growth(self) -> float:
        """The factor by which the loss of the polynomial grew in each of its last five steps."""
        losses = self.quadratic[np.isfinite(self.quadratic)]
        return float((losses[-1] / losses[-6]) ** 0.2)


def quadratic_run(
    step_size: float = 0.3,
    *,
    beyond: float = 1.1,
    n_steps: int = 140,
    every: int = 5,
    n_train: int = 200,
    max_steps: int = 2000,
    random_state: int = 0,
) -> QuadraticRun:
    """Train a network past the edge of stability; go on with it and with its Taylor polynomial.

    Parameters
    ----------
    step_size : float
    beyond : float
        The sharpness, over 2 / eta, at which to part.
    n_steps : int
        Steps of both from there.
    every : int
        How often the sharpness is computed.
    n_train : int
    max_steps : int
        Steps until there, at most.
    random_state : int

    Returns
    -------
    QuadraticRun
        Two losses, one of which comes back.
    """
    from fearless.networks import parameter_vector
    from fearless.networks.loss_hessian import LossHessian, sharpness, sharpness_path

    step_size = check_positive(step_size, "step_size")
    n_steps = check_int(n_steps, "n_steps")
    model, (X, Y) = _network(random_state), small_digits(n_train, random_state)
    method = GradientDescent(step_size)
    limit = 2 / step_size * check_positive(beyond, "beyond")
    with one_thread():
        made = 0
        while sharpness(model, X, Y, random_state=0) <= limit:
            if made >= max_steps:
                raise RuntimeError(
                    f"no sharpness beyond {limit:.3g} within max_steps = {max_steps} steps; "
                    "expected a larger step_size, or more steps"
                )
            sharpness_path(model, X, Y, method, n_steps=10, every=None)
            made += 10
        hessian = LossHessian(model, X, Y)
        top, u = hessian.top(tol=1e-4, signed=True, random_state=0)
        quadratic = _descend(hessian, step_size, n_steps)
        w = parameter_vector(model)
        third = _sharpness_gradient(model, X, Y, u)
        losses, along, values = [], [], []
        for t in range(n_steps + 1):
            along.append(float(u @ (parameter_vector(model) - w)))
            if t % every == 0:
                values.append(sharpness(model, X, Y, random_state=0))
            path = sharpness_path(model, X, Y, method, n_steps=1, every=None)
            losses.append(path.losses[0])
    return QuadraticRun(
        step_size,
        made,
        np.arange(n_steps + 1),
        np.array(losses),
        quadratic,
        np.array(along),
        np.arange(0, n_steps + 1, every),
        np.array(values),
        (1 - step_size * top) ** 2,
        float(-step_size * hessian.gradient @ third),
        float(step_size / 2 * third @ third),
    )


def _sharpness_gradient(model: Any, X: NDArray, Y: NDArray, u: NDArray) -> NDArray[np.float64]:
    """Return the gradient of u' (Hessian of the loss) u, a second difference of gradients."""
    import torch
    from torch.nn.utils import parameters_to_vector, vector_to_parameters

    from fearless.networks.loss_hessian import LossHessian

    weights = list(model.parameters())
    w, direction = parameters_to_vector(weights).detach(), torch.from_numpy(u)
    gradients = []
    for shift in (_SHIFT, 0.0, -_SHIFT):
        vector_to_parameters(w + shift * direction, weights)
        gradients.append(LossHessian(model, X, Y).gradient)
    vector_to_parameters(w, weights)
    return (gradients[0] - 2 * gradients[1] + gradients[2]) / _SHIFT**2


def _descend(hessian: Any, step_size: float, n_steps: int) -> NDArray[np.float64]:
    """Return the losses of gradient descent on a Taylor polynomial of second order."""
    moved = np.zeros(hessian.shape[0])
    losses = np.full(n_steps + 1, np.inf)
    for t in range(n_steps + 1):
        product = hessian @ moved
        losses[t] = hessian.value + hessian.gradient @ moved + moved @ product / 2
        if losses[t] > 1e6 * hessian.value:
            losses[t] = np.inf
            break
        moved -= step_size * (hessian.gradient + product)
    return losses
