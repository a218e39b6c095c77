r"""First-order methods as linear recurrences, in any coordinates.

A method only adds points and gradients and multiplies them by numbers. The same few lines
therefore run on weights, on residuals, on the coefficients of samples in the row space of a
matrix, and on the tensors of a network; and on many runs at once, with one step size, momentum
... for each run along the *last* axis.

All methods commute with translations: started from w + v on the loss L(. - v) they make the same
steps. On a loss :math:`L(w) = \frac{1}{2n} \|X w - y\|^2` they may hence be run on the residuals
X w - y themselves, with X times the gradient in the place of the gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_positive, check_vector

__all__ = ["Method"]

Hyperparameter = float | NDArray[np.float64]
State = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Method(ABC):
    """A first-order method with its hyperparameters: floats, or arrays with one entry a run.

    A subclass is a frozen dataclass whose fields are the hyperparameters. The state is a tuple of
    points of the same shape; its first entry is the iterate w_t.
    """

    def __post_init__(self) -> None:
        """Check the hyperparameters."""
        for item in fields(self):
            object.__setattr__(self, item.name, self._check(item.name, getattr(self, item.name)))
        self.n_runs  # noqa: B018  (raises where their lengths differ)

    @staticmethod
    def _check(name: str, value: ArrayLike) -> Hyperparameter:
        """Return a hyperparameter as a positive float, or an array of such."""
        if np.ndim(value) == 0:
            return check_positive(value, name)  # type: ignore[arg-type]
        values = check_vector(value, name).astype(np.float64)
        if not np.all(values > 0):
            raise ValueError(f"{name} has the entry {values.min()}; expected numbers > 0")
        return values

    @property
    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """The hyperparameters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @property
    def n_runs(self) -> int | None:
        """The number of runs that the hyperparameters are for; None where all are numbers."""
        lengths = {k: len(v) for k, v in self.hyperparameters.items() if np.ndim(v)}
        if len(set(lengths.values())) > 1:
            given = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"mismatched lengths: {given}; expected one entry a run")
        return next(iter(lengths.values()), None)

    def take(self, runs: NDArray) -> Method:
        """Choose some of the runs.

        Parameters
        ----------
        runs : ndarray of int or bool
            Their numbers, or a mask.

        Returns
        -------
        Method
            The method with the hyperparameters of these runs.
        """
        chosen = {k: v[runs] for k, v in self.hyperparameters.items() if np.ndim(v)}
        return replace(self, **chosen) if chosen else self

    def spread(self, n_runs: int) -> Method:
        """Write every hyperparameter as an array with one entry a run.

        Parameters
        ----------
        n_runs : int
            The number of runs.

        Returns
        -------
        Method
            The same method.
        """
        return replace(
            self, **{k: np.broadcast_to(v, n_runs).copy() for k, v in self.hyperparameters.items()}
        )

    def start(self, w: Any) -> State:
        """Make the state at the start, at rest.

        Parameters
        ----------
        w : array or tensor, shape (...) or (..., R)
            The start, or one for each run along the last axis.

        Returns
        -------
        tuple
            Its first entry is the iterate.
        """
        return (w,)

    def query(self, state: State, t: int) -> Any:
        """Say where the gradient of a step is wanted.

        Parameters
        ----------
        state : tuple
            The state.
        t : int
            The number of steps made before.

        Returns
        -------
        array or tensor
            The iterate, unless a method looks ahead.
        """
        return state[0]

    @abstractmethod
    def step(self, state: State, gradient: Any, t: int) -> State:
        """Make a step.

        Parameters
        ----------
        state : tuple
            The state.
        gradient : array or tensor
            The gradient at ``query(state, t)``, or an estimate of it.
        t : int
            The number of steps made before.

        Returns
        -------
        tuple
            The next state.
        """

    def stable_step_size(self, largest: float) -> Hyperparameter | None:
        r"""Compute the step size below which the method is stable with full gradients.

        Parameters
        ----------
        largest : float
            The largest eigenvalue lambda_1 of the Hessian of a quadratic loss.

        Returns
        -------
        float, ndarray or None
            None where the method has no step size of its own.
        """
        return None
