"""Several networks on the same inputs trained at once: one matrix product instead of many."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from fearless._validation import RandomState, check_labels
from fearless.networks._goals import Goals
from fearless.networks._loop import AutogradStack, Schedule, Stop, train_members
from fearless.networks.models import two_layer_relu
from fearless.networks.run import TrainingRun, as_tensor

__all__ = ["train_stack"]


def train_stack(
    X: ArrayLike,
    labels: ArrayLike,
    width: int,
    *,
    loss: str = "square",
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    optimizer: str = "adam",
    momentum: float = 0.9,
    max_epochs: int = 200,
    stop: str | float | Stop | None = "fitted",
    schedule: Schedule | None = None,
    random_state: RandomState = None,
) -> list[TrainingRun]:
    """Train a two-layer ReLU network on each of several label vectors, all side by side.

    All networks start from the same weights and see the samples in the same order, so that they
    differ by their labels alone. Each leaves the stack as soon as it stops. For an integer
    ``random_state`` = s every one is, up to rounding, ``train(two_layer_relu(d, width, k, s), X,
    y, random_state=s)``.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Samples, one a row; computed in float32.
    labels : array-like of int, shape (m, n)
        One label vector a network; the classes are all labels that occur in any.
    width : int
        Hidden units of each network.
    loss, batch_size, learning_rate, optimizer, momentum, max_epochs, stop, schedule
        As of :func:`fearless.networks.train`.
    random_state : None, int or numpy.random.Generator
        The source of the weights and of the order of the samples.

    Returns
    -------
    list of TrainingRun
        The m networks, in the order of their label vectors.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    FloatingPointError
        A loss is no longer finite.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        ``stop`` is not None and a network did not meet it within ``max_epochs``; its ``fitted`` is
        False.

    Notes
    -----
    Cost O(n m width (d + n_classes)) an epoch: the first layers of all networks are one matrix
    product, since they share their inputs. Used in the section "What you see is not what you get".

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((20, 5))
    >>> labels = np.random.default_rng(1).integers(2, size=(3, 20))
    >>> runs = train_stack(X, labels, width=100, learning_rate=0.01, random_state=0)
    >>> [run.fitted for run in runs]
    [True, True, True]
    """
    X = as_tensor(X)
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[1] != len(X):
        raise ValueError(f"labels has shape {labels.shape}; expected (n_networks, {len(X)})")
    check_labels(labels.ravel(), "labels")
    classes, codes = np.unique(labels, return_inverse=True)
    model = two_layer_relu(X.shape[1], width, len(classes), random_state)
    return train_members(
        _Stack(model, len(labels)),
        X,
        Goals(torch.from_numpy(codes.reshape(labels.shape)), classes, loss, len(labels), X.dtype),
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        momentum=momentum,
        max_epochs=max_epochs,
        stop=stop,
        schedule=schedule,
        random_state=random_state,
    )


class _Stack(AutogradStack):
    """Hold copies of a two-layer network; every parameter has the member as its first axis."""

    def __init__(self, model: nn.Sequential, n_members: int) -> None:
        super().__init__()
        copies = [
            nn.Parameter(p.detach().expand(n_members, *p.shape).clone()) for p in model.parameters()
        ]
        self.weight_1, self.bias_1, self.weight_2, self.bias_2 = copies

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return all outputs, of shape (members, m, n_outputs)."""
        weight = self.weight_1.flatten(0, 1)
        hidden = torch.relu(nn.functional.linear(x, weight, self.bias_1.flatten()))
        hidden = hidden.unflatten(1, self.weight_1.shape[:2]).transpose(0, 1)
        return torch.baddbmm(self.bias_2[:, None], hidden, self.weight_2.transpose(1, 2))

    def member(self, i: int) -> nn.Sequential:
        """Return one network by itself."""
        width, n_inputs = self.weight_1.shape[1:]
        model = two_layer_relu(n_inputs, width, self.weight_2.shape[1], random_state=0)
        with torch.no_grad():
            for mine, stacked in zip(model.parameters(), self.parameters(), strict=True):
                mine.copy_(stacked[i])
        return model
