"""The loop under ``train`` and ``train_stack``: networks side by side, each until it stops."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_option,
    check_positive,
    check_probability,
)
from fearless.networks.run import TrainingRun

Stop = Callable[[int, float, float], bool]

# The exact training error takes a pass over the data; it is looked at for a network after an epoch
# in which the network misclassified at most this share on the way. Each is judged by its own
# share: it stops at the same epoch whatever it is trained with.
_WORTH_A_LOOK = 0.1

_ROWS_AT_ONCE = 4096


def train_members(
    stack: nn.Module,
    X: torch.Tensor,
    targets: torch.Tensor,
    classes: NDArray | None,
    *,
    loss: str,
    batch_size: int,
    learning_rate: float,
    optimizer: str,
    momentum: float,
    max_epochs: int,
    stop: str | Stop | None,
    random_state: RandomState,
) -> list[TrainingRun]:
    """Train the members of a stack side by side, each until it stops: the loop under ``train``.

    ``stack(x)`` has shape (members, m, n_outputs); the parameters of all members but a single one
    have the member as their first axis; ``targets`` is (members, n) or (members, n, n_outputs).
    """
    check_option(loss, "loss", ("square", "cross-entropy"))
    check_option(optimizer, "optimizer", ("adam", "sgd"))
    batch_size = check_int(batch_size, "batch_size")
    max_epochs = check_int(max_epochs, "max_epochs")
    learning_rate = check_positive(learning_rate, "learning_rate")
    momentum = check_probability(momentum, "momentum")
    if momentum == 1:
        raise ValueError("momentum is 1; expected a number in [0, 1): no step would ever fade")
    if isinstance(stop, str):
        check_option(stop, "stop", ("fitted",))
    elif stop is not None and not callable(stop):
        raise TypeError(f"stop is {stop!r}; expected 'fitted', a callable or None")
    if classes is None and (loss != "square" or stop == "fitted"):
        raise ValueError("Y holds real targets; expected loss='square' and another stop")
    rng = as_generator(random_state)
    n_outputs = targets.shape[2] if classes is None else len(classes)
    _check_outputs(stack, X, n_outputs)

    parameters = list(stack.parameters())
    if optimizer == "adam":
        # Fused on the CPU since torch 2.4, the oldest one that is supported.
        descent = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    else:
        descent = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum)
    active = list(range(len(targets)))
    history: list[list[tuple[float, float]]] = [[] for _ in active]
    runs: list[TrainingRun | None] = [None] * len(active)

    for epoch in range(1, max_epochs + 1):
        totals = torch.zeros(2, len(active))
        for batch in torch.from_numpy(rng.permutation(len(X))).split(batch_size):
            outputs = stack(X[batch])
            losses, misses = _batch_losses(
                outputs, targets[active][:, batch], loss, classes is not None
            )
            descent.zero_grad()
            losses.mean(dim=1).sum().backward()
            descent.step()
            totals += torch.stack((losses.detach().sum(dim=1), misses.sum(dim=1)))
        mean_losses, mean_misses = (totals.double() / len(X)).tolist()
        going = []
        for i, k in enumerate(active):
            error = mean_misses[i] if classes is not None else mean_misses[i] ** 0.5
            history[k].append((mean_losses[i], error))
            if not np.isfinite(mean_losses[i]):
                raise FloatingPointError(
                    f"the loss is {mean_losses[i]} in epoch {epoch}; expected a finite number: "
                    f"learning_rate {learning_rate} is too large"
                )
        if callable(stop):
            done = [bool(stop(epoch, *history[k][-1])) for k in active]
        else:
            done = [stop == "fitted" and misses <= _WORTH_A_LOOK for misses in mean_misses]
        exact = _errors(stack, X, targets[active], classes, loss) if any(done) else []
        for i, k in enumerate(active):
            if done[i] and (callable(stop) or exact[i] == 0):
                fitted = exact[i] == 0 or classes is None
                runs[k] = _run(stack.member(i), classes, history[k], exact[i], fitted)
            else:
                going.append(i)
        if not going:
            break
        if len(going) < len(active):
            _select(stack, descent, going)
            active = [active[i] for i in going]
    else:
        errors = _errors(stack, X, targets[active], classes, loss)
        for i, k in enumerate(active):
            fitted = classes is not None and errors[i] == 0
            runs[k] = _run(stack.member(i), classes, history[k], errors[i], fitted)
        missed = [error for error in errors if error > 0 or stop != "fitted"]
        if stop is not None and missed:
            listed = ", ".join(f"{error:.2g}" for error in missed)
            warnings.warn(
                f"{len(missed)} network(s) did not meet stop within max_epochs = {max_epochs}; "
                f"training error(s): {listed}",
                ConvergenceWarning,
                stacklevel=3,
            )
    return [run for run in runs if run is not None]


def _check_outputs(stack: nn.Module, X: torch.Tensor, n_outputs: int) -> None:
    """Raise an error that names the model unless it maps the columns of X to n_outputs."""
    try:
        with torch.no_grad():
            shape = stack(X[:1]).shape
    except RuntimeError as error:
        raise ValueError(
            f"model does not take the {X.shape[1]} columns of X as float32: {error}"
        ) from error
    if len(shape) != 3 or shape[1] != 1:
        raise ValueError(
            f"model maps 1 sample to shape {tuple(shape[1:])}; expected (1, n_outputs)"
        )
    if shape[2] != n_outputs:
        raise ValueError(f"model has {shape[2]} output(s); expected {n_outputs}")


def _batch_losses(
    outputs: torch.Tensor, targets: torch.Tensor, loss: str, labels: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return loss and error of every member and sample; of real targets, the error squared."""
    n_outputs = outputs.shape[-1]
    if loss == "cross-entropy":
        flat = nn.functional.cross_entropy(
            outputs.reshape(-1, n_outputs), targets.reshape(-1), reduction="none"
        )
        losses = flat.reshape(targets.shape)
    else:
        goal = nn.functional.one_hot(targets, n_outputs) if labels else targets
        losses = (outputs - goal).square().sum(dim=2)
    misses = (outputs.argmax(dim=2) != targets).float() if labels else losses.detach()
    return losses, misses


def _errors(
    stack: nn.Module, X: torch.Tensor, targets: torch.Tensor, classes: NDArray | None, loss: str
) -> list[float]:
    """Return the error of each member over all data, and check that the losses are finite."""
    labels = classes is not None
    totals = torch.zeros(2, len(targets), dtype=torch.float64)
    with torch.no_grad():
        for rows in torch.arange(len(X)).split(_ROWS_AT_ONCE):
            both = _batch_losses(stack(X[rows]), targets[:, rows], loss, labels)
            totals += torch.stack([values.sum(dim=1) for values in both])
    if not totals.isfinite().all():
        raise FloatingPointError(
            f"the loss after the last step is {totals[0].max():g}; expected a finite number: "
            "learning_rate is too large"
        )
    mean = totals[1] / len(X)
    return (mean if labels else mean.sqrt()).tolist()


def _select(stack: nn.Module, descent: torch.optim.Optimizer, members: list[int]) -> None:
    """Drop all other members, with what the optimizer remembers of them."""
    for name, old in list(stack.named_parameters()):
        new = nn.Parameter(old.detach()[members])
        state = descent.state.pop(old)
        descent.state[new] = {
            key: value[members]
            if isinstance(value, torch.Tensor) and value.shape == old.shape
            else value
            for key, value in state.items()
        }
        setattr(stack, name, new)
    descent.param_groups[0]["params"] = list(stack.parameters())


def _run(
    model: nn.Module,
    classes: NDArray | None,
    history: list[tuple[float, float]],
    error: float,
    fitted: bool,
) -> TrainingRun:
    losses, errors = np.array(history).T
    return TrainingRun(model, classes, losses, errors, error, fitted)
