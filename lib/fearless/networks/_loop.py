"""The loop under ``train``, ``train_stack`` and ``train_sweep``: networks side by side.

A *stack* is a module that holds the members: ``stack(x)`` has shape (members, m, n_outputs),
``stack.backward(outputs, gradient)`` leaves in the parameters' ``grad`` what follows from the
gradient with respect to the outputs, ``stack.keep(indices)`` says which rows of each parameter
stay when only some members go on, and ``stack.member(i)`` is one network by itself.
"""

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
from fearless.networks._goals import Goals
from fearless.networks.run import TrainingRun

Stop = Callable[[int, float, float], bool]
Schedule = Callable[[int], float]

# The exact training error takes a pass over the data; it is looked at for a network after an epoch
# in which the network misclassified at most this share on the way. Each is judged by its own
# share: it stops at the same epoch whatever it is trained with.
_WORTH_A_LOOK = 0.1

_ROWS_AT_ONCE = 4096


class AutogradStack(nn.Module):
    """A stack whose gradients torch works out; every parameter has the member as first axis."""

    def backward(self, outputs: torch.Tensor, gradient: torch.Tensor) -> None:
        """Set the gradients of all parameters from the gradient with respect to the outputs."""
        self.zero_grad()
        outputs.backward(gradient)

    def keep(self, members: list[int]) -> dict[str, list[int]]:
        """Return the rows of each parameter that belong to some members."""
        return {name: members for name, _ in self.named_parameters()}


def train_members(
    stack: nn.Module,
    X: torch.Tensor,
    goals: Goals,
    *,
    batch_size: int,
    learning_rate: float,
    optimizer: str,
    momentum: float,
    max_epochs: int,
    stop: str | float | Stop | None,
    schedule: Schedule | None,
    random_state: RandomState,
    warn: bool = True,
) -> list[TrainingRun]:
    """Train the members of a stack side by side, each until it stops."""
    check_option(optimizer, "optimizer", ("adam", "sgd"))
    batch_size = check_int(batch_size, "batch_size")
    max_epochs = check_int(max_epochs, "max_epochs")
    learning_rate = check_positive(learning_rate, "learning_rate")
    momentum = check_probability(momentum, "momentum")
    if momentum == 1:
        raise ValueError("momentum is 1; expected a number in [0, 1): no step would ever fade")
    stop = _check_stop(stop, goals)
    if schedule is not None and not callable(schedule):
        raise TypeError(f"schedule is {schedule!r}; expected a function of the epoch or None")
    rng = as_generator(random_state)
    _check_outputs(stack, X, goals.n_outputs)

    # Fused on the CPU since torch 2.4, the oldest one that is supported.
    if optimizer == "adam":
        descent = torch.optim.Adam(stack.parameters(), lr=learning_rate, fused=True)
    else:
        descent = torch.optim.SGD(
            stack.parameters(), lr=learning_rate, momentum=momentum, fused=True
        )
    active = list(range(goals.n_members))
    history: list[list[tuple[float, float]]] = [[] for _ in active]
    runs: list[TrainingRun | None] = [None] * len(active)

    for epoch in range(1, max_epochs + 1):
        if schedule is not None:
            factor = check_positive(schedule(epoch), f"schedule({epoch})")
            descent.param_groups[0]["lr"] = learning_rate * factor
        totals = torch.zeros(2, len(active), dtype=torch.float64)
        for batch in torch.from_numpy(rng.permutation(len(X))).split(batch_size):
            outputs = stack(X[batch])
            losses, misses, gradient = goals.compare(outputs, batch)
            stack.backward(outputs, gradient)
            descent.step()
            totals[0] += losses
            totals[1] += misses
        history_now = _means(totals, len(X), goals)
        going = []
        for i, k in enumerate(active):
            history[k].append(history_now[i])
            if not np.isfinite(history_now[i][0]):
                raise FloatingPointError(
                    f"the loss is {history_now[i][0]} in epoch {epoch}; expected a finite number: "
                    f"learning_rate {learning_rate} is too large"
                )
        if callable(stop):
            done = [bool(stop(epoch, *history[k][-1])) for k in active]
        else:
            done = [stop == "fitted" and error <= _WORTH_A_LOOK for _, error in history_now]
        exact = _errors(stack, X, goals) if any(done) else []
        for i, k in enumerate(active):
            if done[i] and (callable(stop) or exact[i] == 0):
                fitted = exact[i] == 0 or not goals.labels
                runs[k] = _run(stack.member(i), goals, history[k], exact[i], fitted)
            else:
                going.append(i)
        if not going:
            break
        if len(going) < len(active):
            _select(stack, descent, going)
            goals.keep(going)
            active = [active[i] for i in going]
    else:
        errors = _errors(stack, X, goals)
        for i, k in enumerate(active):
            fitted = goals.labels and errors[i] == 0
            runs[k] = _run(stack.member(i), goals, history[k], errors[i], fitted)
        missed = [error for error in errors if error > 0 or stop != "fitted"]
        if warn and stop is not None and missed:
            listed = ", ".join(f"{error:.2g}" for error in missed)
            warnings.warn(
                f"{len(missed)} network(s) did not meet stop within max_epochs = {max_epochs}; "
                f"training error(s): {listed}",
                ConvergenceWarning,
                stacklevel=3,
            )
    return [run for run in runs if run is not None]


def _check_stop(stop: str | float | Stop | None, goals: Goals) -> str | Stop | None:
    """Return a stop rule in the form the loop asks it; a number is a bound for the loss."""
    if isinstance(stop, str):
        check_option(stop, "stop", ("fitted",))
    elif isinstance(stop, float):
        tolerance = check_positive(stop, "stop")
        return lambda epoch, loss, error: loss <= tolerance
    elif stop is not None and not callable(stop):
        raise TypeError(f"stop is {stop!r}; expected 'fitted', a float, a callable or None")
    if not goals.labels and stop == "fitted":
        raise ValueError("Y holds real targets; expected loss='square' and another stop")
    return stop


def _check_outputs(stack: nn.Module, X: torch.Tensor, n_outputs: int) -> None:
    """Raise an error that names the model unless it maps the columns of X to n_outputs."""
    try:
        with torch.no_grad():
            shape = stack(X[:1]).shape
    except RuntimeError as error:
        raise ValueError(
            f"model does not take the {X.shape[1]} columns of X as "
            f"{str(X.dtype).removeprefix('torch.')}: {error}"
        ) from error
    if len(shape) != 3 or shape[1] != 1:
        raise ValueError(
            f"model maps 1 sample to shape {tuple(shape[1:])}; expected (1, n_outputs)"
        )
    if shape[2] != n_outputs:
        raise ValueError(f"model has {shape[2]} output(s); expected {n_outputs}")


def _means(totals: torch.Tensor, n: int, goals: Goals) -> list[tuple[float, float]]:
    """Return mean loss and error of every member; of real targets, the root mean square."""
    losses, misses = (totals / n).tolist()
    errors = misses if goals.labels else [miss**0.5 for miss in misses]
    return list(zip(losses, errors, strict=True))


def _errors(stack: nn.Module, X: torch.Tensor, goals: Goals) -> list[float]:
    """Return the error of each member over all data, and check that the losses are finite."""
    totals = torch.zeros(2, goals.n_members, dtype=torch.float64)
    with torch.no_grad():
        for rows in torch.arange(len(X)).split(_ROWS_AT_ONCE):
            losses, misses, _ = goals.compare(stack(X[rows]), rows)
            totals[0] += losses
            totals[1] += misses
    if not totals.isfinite().all():
        raise FloatingPointError(
            f"the loss after the last step is {totals[0].max():g}; expected a finite number: "
            "learning_rate is too large"
        )
    return [error for _, error in _means(totals, len(X), goals)]


def _select(stack: nn.Module, descent: torch.optim.Optimizer, members: list[int]) -> None:
    """Drop all other members, with what the optimizer remembers of them."""
    rows = stack.keep(members)
    for name, old in list(stack.named_parameters()):
        new = nn.Parameter(old.detach()[rows[name]], requires_grad=old.requires_grad)
        state = descent.state.pop(old)
        descent.state[new] = {
            key: value[rows[name]]
            if isinstance(value, torch.Tensor) and value.shape == old.shape
            else value
            for key, value in state.items()
        }
        setattr(stack, name, new)
    descent.param_groups[0]["params"] = list(stack.parameters())


def _run(
    model: nn.Module,
    goals: Goals,
    history: list[tuple[float, float]],
    error: float,
    fitted: bool,
) -> TrainingRun:
    losses, errors = np.array(history).T
    classes: NDArray | None = goals.classes
    return TrainingRun(model, classes, losses, errors, error, fitted)
