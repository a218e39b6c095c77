"""First steps that are too big: a linear network and its recursion, wide networks on digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_option, check_positive, check_vector
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import Pair, digit_pair
from fearless.theory.rates.catapult import CatapultPath, catapult_path

__all__ = ["ACTIVATIONS", "CatapultRun", "WideRuns", "catapult_run", "random_starts", "wide_runs"]

#: What can be trained by `wide_runs`, and the factor sigma_w of its weights.
ACTIVATIONS = {"identity": 1.0, "tanh": 1.0, "relu": 2**0.5}

# A loss this many times that at the start is beyond all catapults of these networks.
_DIVERGED = 1e8


@dataclass(frozen=True, eq=False)
class CatapultRun:
    """A linear network of two layers under gradient descent, beside its recursion.

    Attributes
    ----------
    multiple : float
        The step size times the tangent kernel at the start, eta lambda_0.
    losses, sharpness : ndarray of shape (n_steps + 1,)
        Of the network: its loss, and the largest eigenvalue of its Hessian, by Lanczos iterations.
        Both are +inf from the step on at which it diverged.
    theory : CatapultPath
        The same by the recursion of f and lambda, for the start of this network.
    """

    multiple: float
    losses: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    theory: CatapultPath

    @property
    def error(self) -> float:
        """The largest difference of the two, over the largest loss and relative to the sharpness.

        Where the network diverges, up to the first loss above a million times that at the start.
        """
        few = np.isfinite(self.losses) & (np.cumsum(self.losses > 1e6 * self.losses[0]) <= 1)
        losses = np.abs(self.losses[few] - self.theory.loss[few]) / self.losses[few].max()
        values = np.abs(self.sharpness[few] / self.theory.sharpness[few] - 1)
        return float(max(losses.max(), values.max()))

    @property
    def peak(self) -> float:
        """The largest loss, in units of that at the start."""
        return float(self.losses.max() / self.losses[0])

    @property
    def diverged(self) -> bool:
        """Whether the network diverged."""
        return not np.isfinite(self.losses[-1])


def catapult_run(
    multiple: float, *, width: int = 1000, n_steps: int = 30, random_state: int = 0
) -> CatapultRun:
    """Train f = <v, u> / sqrt(m) on one sample with input 1 and target 0.

    Parameters
    ----------
    multiple : float
        eta lambda_0.
    width : int
        The number m of hidden units. All weights are standard normal at the start.
    n_steps : int
    random_state : int
        Draws the weights.

    Returns
    -------
    CatapultRun
        The network and the recursion.
    """
    from fearless.networks import FullyConnected
    from fearless.networks.loss_hessian import sharpness_path
    from fearless.optimization import GradientDescent

    multiple = check_positive(multiple, "multiple")
    model = FullyConnected(
        1, width, activation="identity", w_std=1.0, random_state=random_state, dtype=np.float64
    )
    u, v = (p.detach().numpy().ravel() for p in model.weights)
    output, kernel = u @ v / width**0.5, (u @ u + v @ v) / width
    step = multiple / kernel
    theory = catapult_path(step, kernel, output, width, n_steps)
    with one_thread():
        path = sharpness_path(
            model,
            [[1.0]],
            [0.0],
            GradientDescent(step),
            n_steps=n_steps,
            every=1,
            tol=1e-7,
            random_state=0,
        )
    return CatapultRun(multiple, path.losses, path.sharpness, theory)


def random_starts(
    n_starts: int, *, width: int = 100, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw weights u, v of many scales and correlations; return their pairs (f, lambda).

    Parameters
    ----------
    n_starts : int
    width : int
        The number m of hidden units.
    random_state : int

    Returns
    -------
    output, kernel : ndarray of shape (n_starts,)
        f and lambda.
    """
    n_starts = check_int(n_starts, "n_starts")
    width = check_int(width, "width")
    rng = np.random.default_rng(random_state)
    u, v = rng.standard_normal((2, n_starts, width))
    mix = rng.uniform(-1, 1, (n_starts, 1))  # from random to aligned: from small to large outputs
    v = mix * u + (1 - mix**2) ** 0.5 * v
    v *= np.exp(rng.uniform(-2, 2, (n_starts, 1)))
    output = np.einsum("ij,ij->i", u, v) / width**0.5
    return output, (u**2 + v**2).sum(axis=1) / width


@dataclass(frozen=True, eq=False)
class WideRuns:
    """Wide networks trained by steps of many sizes: one row a seed, one column a step size.

    Attributes
    ----------
    activation : str
    multiples : ndarray of shape (A,)
        Step sizes in units of 1 / lambda_0, where lambda_0 is the largest eigenvalue of the
        tangent kernel matrix over n at the start.
    peak : ndarray of shape (seeds, A)
        The largest loss on the way, in units of that at the start; +inf for runs that diverged.
    final_loss : ndarray of shape (seeds, A)
        The loss at the end, in the same units; +inf for runs that diverged.
    final_kernel : ndarray of shape (seeds, A)
        eta times the largest eigenvalue of the tangent kernel matrix over n at the end; +inf for
        runs that diverged.
    active : ndarray of shape (seeds, A)
        The share of hidden units that are not zero on all samples at the end; 0 for runs that
        diverged.
    """

    activation: str
    multiples: NDArray[np.float64]
    peak: NDArray[np.float64]
    final_loss: NDArray[np.float64]
    final_kernel: NDArray[np.float64]
    active: NDArray[np.float64]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs diverged, (seeds, A)."""
        return np.isinf(self.peak)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Which runs ended where all gradients are zero, without a fit, (seeds, A)."""
        return self.final_kernel == 0

    @property
    def largest_stable(self) -> NDArray[np.float64]:
        """For each seed the multiple up to which no run diverged or died, (seeds,)."""
        lost = self.diverged | self.dead
        first = np.where(lost.any(axis=1), lost.argmax(axis=1), lost.shape[1])
        return np.where(first > 0, self.multiples[np.maximum(first, 1) - 1], np.nan)


def wide_runs(
    activation: str,
    data: Dataset,
    multiples: Sequence[float],
    *,
    width: int = 1024,
    n_seeds: int = 5,
    n_train: int = 20,
    n_steps: int = 150,
    random_state: int = 0,
) -> WideRuns:
    """Train networks with one hidden layer on two digits, with many step sizes at once.

    Parameters
    ----------
    activation : {"identity", "tanh", "relu"}
    data : Dataset
    multiples : sequence of float
        Step sizes in units of 1 / lambda_0, increasing.
    width : int
    n_seeds : int
        Each draws its own images and weights.
    n_train : int
    n_steps : int
    random_state : int

    Returns
    -------
    WideRuns
        Where the runs end.
    """
    check_option(activation, "activation", tuple(ACTIVATIONS))
    multiples = check_vector(multiples, "multiples").astype(np.float64)
    n_seeds = check_int(n_seeds, "n_seeds")
    rows = []
    with one_thread():
        for seed in range(n_seeds):
            rng = np.random.default_rng((random_state, seed))
            pair = digit_pair(data, n_train=n_train, n_test=n_train, random_state=rng)
            rows.append(_train(activation, pair, multiples, width, n_steps, rng))
    return WideRuns(
        activation, multiples, *(np.array(column) for column in zip(*rows, strict=True))
    )


def _train(
    activation: str,
    pair: Pair,
    multiples: NDArray,
    width: int,
    n_steps: int,
    rng: np.random.Generator,
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Train one network with all step sizes: copies of it along the first axis of its weights."""
    import torch

    from fearless.networks import FullyConnected, empirical_tangent_kernel
    from fearless.networks.fully_connected import ACTIVATIONS as FUNCTIONS

    n, d = pair.X.shape
    model = FullyConnected(
        d, width, activation=activation, w_std=ACTIVATIONS[activation], random_state=rng
    )

    def top() -> float:
        return float(np.linalg.eigvalsh(empirical_tangent_kernel(model, pair.X) / n)[-1])

    steps = multiples / top()
    X = torch.from_numpy(pair.X.T).float() * model.scales[0]
    y = torch.from_numpy(pair.y).float()
    weights = [p.detach().expand(len(steps), *p.shape).clone() for p in model.weights]
    etas = torch.from_numpy(steps).float()[:, None, None]
    losses = np.full((len(steps), n_steps + 1), np.inf)
    alive = np.arange(len(steps))
    for t in range(n_steps + 1):
        inner, outer = (w.requires_grad_() for w in weights)
        hidden = FUNCTIONS[activation].function(inner @ X)
        residual = (outer @ hidden)[:, 0] * model.scales[1] - y
        loss = residual.square().sum(dim=1) / (2 * n)
        losses[alive, t] = loss.detach().numpy()
        gradients = torch.autograd.grad(loss.sum(), weights)
        keep = torch.from_numpy(losses[alive, t] <= _DIVERGED * losses[alive, 0])
        losses[alive[~keep.numpy()], t] = np.inf
        if t < n_steps:
            with torch.no_grad():
                weights = [w - etas * g for w, g in zip(weights, gradients, strict=True)]
        if not keep.all():
            alive, etas = alive[keep.numpy()], etas[keep]
            weights = [w.detach()[keep] for w in weights]
    kernels, active = np.full(len(steps), np.inf), np.zeros(len(steps))
    active[alive] = (hidden.detach()[keep] != 0).any(dim=2).double().mean(dim=1).numpy()
    for row, i in enumerate(alive):
        _load(model, [w[row] for w in weights])
        kernels[i] = top() * steps[i]
    first = losses[:, :1]
    return losses.max(axis=1) / first[:, 0], losses[:, -1] / first[:, 0], kernels, active


def _load(model: Any, weights: list[Any]) -> None:
    import torch

    with torch.no_grad():
        for parameter, values in zip(model.weights, weights, strict=True):
            parameter.copy_(values)
