"""Batches for a wide network: predicted by its tangent kernel at the start, then trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import as_seed_sequence, check_int
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import digit_pair
from fearless.experiments.optimization.batch_runs import (
    BatchRun,
    Prediction,
    predict_steps,
    recorded_steps,
    summarize_runs,
)
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = ["NetworkTask", "network_task", "train_batches"]


@dataclass(frozen=True)
class NetworkTask:
    """A network at its random start, some digits, and the prediction from its tangent kernel.

    Attributes
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        Targets 1 and -1.
    model : FullyConnected
        At its start; training copies it.
    moments : SampleMoments
        Of its tangent kernel at the start.
    residual : ndarray of shape (n,)
        Outputs minus targets at the start.
    prediction : Prediction
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    model: Any
    moments: SampleMoments
    residual: NDArray[np.float64]
    prediction: Prediction


def network_task(
    data: Dataset,
    batch_sizes: Sequence[int],
    *,
    digits: tuple[int, int] = (3, 8),
    n_samples: int = 64,
    width: int = 2048,
    activation: str = "relu",
    share: float = 0.01,
    random_state: int = 0,
) -> NetworkTask:
    """Draw a network with one hidden layer and predict how many steps SGD will take.

    Parameters
    ----------
    data : Dataset
    batch_sizes : sequence of int
        Increasing.
    digits : tuple of two int
        The classes.
    n_samples, width : int
    activation : str
        See `fearless.networks.FullyConnected`.
    share : float
        The loss to be reached, in units of the first.
    random_state : int
        Draws digits and weights.

    Returns
    -------
    NetworkTask
    """
    from fearless.networks import FullyConnected, empirical_tangent_kernel, predict_numpy

    pair = digit_pair(data, digits, n_train=n_samples, n_test=1, random_state=random_state)
    width = check_int(width, "width")
    with one_thread():
        model = FullyConnected(
            pair.X.shape[1], width, activation=activation, random_state=random_state
        )
        K = empirical_tangent_kernel(model, pair.X).astype(np.float64)
        residual = predict_numpy(model, pair.X)[:, 0].astype(np.float64) - pair.y
    moments = SampleMoments(K)
    prediction = predict_steps(moments, residual, batch_sizes, share)
    return NetworkTask(pair.X, pair.y, model, moments, residual, prediction)


def train_batches(task: NetworkTask, *, n_runs: int = 12, random_state: int = 0) -> list[BatchRun]:
    """Train copies of the network by SGD, with every batch size and step size of the prediction.

    Parameters
    ----------
    task : NetworkTask
    n_runs : int
        Copies for each batch size; all start from the same weights.
    random_state : int
        Draws the batches, with replacement.

    Returns
    -------
    list of BatchRun
        One for each batch size; what is expected there is the mean loss of the linear model with
        the tangent kernel of the start.
    """
    import copy

    import torch

    prediction = task.prediction
    seeds = as_seed_sequence(random_state).spawn(len(prediction.steps))
    x = torch.as_tensor(task.X, dtype=torch.float32)
    y = torch.as_tensor(task.y, dtype=torch.float32)[:, None]
    results = []
    with one_thread():
        for j, seed in enumerate(seeds):
            rng = np.random.default_rng(seed)
            m, eta = int(prediction.batch_sizes[j]), float(prediction.step_sizes[j])
            steps = recorded_steps(int(prediction.steps[j]))
            looks = set(steps.tolist())
            losses = np.empty((n_runs, len(steps)))
            for run in losses:
                model = copy.deepcopy(task.model)
                weights = list(model.parameters())
                draws = torch.from_numpy(rng.integers(len(x), size=(int(steps[-1]) + 1, m)))
                seen = []
                for t, rows in enumerate(draws):
                    if t in looks:
                        with torch.no_grad():
                            seen.append(float((model(x) - y).square().mean()) / 2)
                    loss = (model(x[rows]) - y[rows]).square().mean() / 2
                    gradients = torch.autograd.grad(loss, weights)
                    with torch.no_grad():
                        torch._foreach_add_(weights, gradients, alpha=-eta)
                run[:] = seen
            expected = task.moments.losses(task.residual, steps, eta, m)
            results.append(summarize_runs(prediction, j, steps, losses, expected))
    return results
