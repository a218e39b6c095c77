"""Training by mini-batches until the data are fitted, and saying so when they are not."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import nn

from fearless._validation import RandomState
from fearless.networks._goals import Goals
from fearless.networks._loop import AutogradStack, Schedule, Stop, train_members
from fearless.networks.run import TrainingRun, as_tensor, dtype_of

__all__ = ["train"]


def train(
    model: nn.Module,
    X: ArrayLike,
    Y: ArrayLike,
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
) -> TrainingRun:
    """Train a network by mini-batches, on the CPU.

    Parameters
    ----------
    model : torch.nn.Module
        The network, trained in place: one output a class, or as many as Y has columns.
    X : array-like of shape (n, d)
        Samples, one a row; computed in the type of the model's parameters, float32 or float64.
    Y : array-like of shape (n,) or (n, n_outputs)
        Integer labels, fitted as unit vectors; or real targets.
    loss : {"square", "cross-entropy"}
        ``||f(x) - y||^2`` or, for labels, ``-log softmax(f(x))_y``, averaged over a batch.
    batch_size : int
        Samples a step; the last batch of an epoch may be smaller.
    learning_rate : float
        The step size.
    optimizer : {"adam", "sgd"}
        Adam, or gradient descent with momentum.
    momentum : float in [0, 1)
        For "sgd".
    max_epochs : int
        Passes over the data at most.
    stop : {"fitted"}, float, callable or None
        "fitted" stops at zero training error (labels only), which is measured after an epoch in
        which at most 10 % were misclassified on the way, and after the last one; a number stops
        after an epoch with at most this mean loss on the way; ``stop(epoch, loss, error)`` is
        asked after every epoch, counted from 1; None goes on to ``max_epochs``.
    schedule : callable, optional
        ``schedule(epoch)``, counted from 1, multiplies the learning rate of that epoch; see
        :func:`fearless.networks.step_decay`. By default 1.
    random_state : None, int or numpy.random.Generator
        The source of the order of the samples.

    Returns
    -------
    TrainingRun
        The network, the history and whether the data are fitted.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the model has other numbers of inputs or outputs.
    FloatingPointError
        The loss is no longer finite, be it after the last step.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        ``stop`` is not None and was not met within ``max_epochs``.

    Notes
    -----
    Cost about three evaluations of the network a sample and epoch. To train on several label
    vectors, see :func:`fearless.networks.train_stack`. Used in the section "What you see is not
    what you get".
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {model!r}; expected a torch.nn.Module")
    X = as_tensor(X, dtype=dtype_of(model))
    (run,) = train_members(
        _StackOfOne(model),
        X,
        Goals.read(Y, X, loss),
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        momentum=momentum,
        max_epochs=max_epochs,
        stop=stop,
        schedule=schedule,
        random_state=random_state,
    )
    return run


class _StackOfOne(AutogradStack):
    """Give a network the interface of a stack: outputs of shape (1, m, n_outputs)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)[None]

    def member(self, i: int) -> nn.Module:
        return self.model
