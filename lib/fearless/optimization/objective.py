"""Any loss that is a mean over samples, and the loop that minimises it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, check_int, check_positive, check_vector
from fearless.optimization._problem import check_starts
from fearless.optimization._sampling import (
    BatchStream,
    check_batch_sizes,
    count_runs,
    gradients_seen,
    run_seeds,
)
from fearless.optimization.methods import Method
from fearless.optimization.trace import Trace, divergence_limit, recorded_steps

__all__ = ["Objective", "minimize"]


class Objective(Protocol):
    """A loss L(w), the mean of the losses of n samples, with its gradients.

    Objectives with second derivatives also have ``hessian(w, samples=None)``, of shape (p, p).

    Attributes
    ----------
    n_samples : int
        The number n.
    n_parameters : int
        The number p of weights.
    """

    n_samples: int
    n_parameters: int

    @abstractmethod
    def loss(self, w: NDArray) -> float:
        """Compute the mean loss over all samples.

        Parameters
        ----------
        w : ndarray of shape (p,)
            Weights.

        Returns
        -------
        float
            L(w).
        """
        ...

    @abstractmethod
    def gradient(self, w: NDArray, samples: NDArray | None = None) -> NDArray:
        """Compute the mean gradient over some samples.

        Parameters
        ----------
        w : ndarray of shape (p,)
            Weights.
        samples : ndarray of int, optional
            Their numbers, repeated where drawn twice; all samples by default.

        Returns
        -------
        ndarray of shape (p,)
            The gradient.
        """
        ...


def minimize(
    objective: Objective,
    method: Method,
    start: ArrayLike,
    *,
    n_steps: int,
    batch_size: ArrayLike | None = None,
    replacement: bool = True,
    record: int | ArrayLike = 100,
    solution: ArrayLike | None = None,
    random_state: RandomState | ArrayLike = None,
    divergence: float = 1e12,
) -> Trace:
    r"""Run a method on any objective, one run after the other.

    Parameters
    ----------
    objective : Objective
        The loss and its gradients.
    method : Method
        The method, with one entry a run in some hyperparameters, or the same ones for all.
    start : array-like of shape (p,) or (R, p)
        The start, or one for each run.
    n_steps : int
        The number of steps.
    batch_size : int, array-like of int of shape (R,), optional
        Samples a step; all of them by default.
    replacement : bool
        Draw batches with replacement; otherwise in epochs, each in a new order, whose last batch
        may be shorter.
    record : int or array-like of int
        Look at the run this many times, evenly, after the start; or after these numbers of steps.
    solution : array-like of shape (p,), optional
        The point w* to which distances are measured.
    random_state : int, Generator, None, or one int a run
        Draws the batches. Runs have streams of their own: the first ones do not depend on how
        many there are, and a run of the seed s is the same in all company.
    divergence : float
        Call a run diverged when its loss is not finite or exceeds this many times the absolute
        value of that at its start (this number, where that is zero).

    Returns
    -------
    Trace
        ``distance`` is None without a solution.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost of a step: one gradient over the batch. The loss is computed only where it is recorded;
    a run diverges at the first step whose weights are not finite, or at the first record whose
    loss is too large. For least squares `least_squares_runs` is many times faster. Used in the
    section "Escaping saddle points".

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization import GradientDescent
    >>> class Bowl:
    ...     n_samples, n_parameters = 1, 2
    ...     def loss(self, w):
    ...         return 0.5 * float(w @ w)
    ...     def gradient(self, w, samples=None):
    ...         return w
    >>> run = minimize(Bowl(), GradientDescent(0.5), [1.0, 2.0], n_steps=3, record=3)
    >>> run.loss[0] / run.loss[0, 0]
    array([1.      , 0.25    , 0.0625  , 0.015625])
    """
    if not isinstance(method, Method):
        raise TypeError(f"method is {type(method).__name__}; expected a Method")
    n = check_int(objective.n_samples, "objective.n_samples")
    p = check_int(objective.n_parameters, "objective.n_parameters")
    n_steps = check_int(n_steps, "n_steps", minimum=0)
    divergence = check_positive(divergence, "divergence")
    starts = check_starts(start, p)
    n_runs = count_runs(method, batch_size, random_state, start=len(starts))
    sizes = check_batch_sizes(batch_size, n, n_runs, replacement)
    seeds = run_seeds(random_state, n_runs)
    steps = recorded_steps(record, n_steps)
    w_star = None if solution is None else check_vector(solution, "solution", length=p)

    starts, runs = np.broadcast_to(starts, (n_runs, p)), method.spread(n_runs)
    shape = (n_runs, len(steps))
    loss, distance, norm = np.empty(shape), np.empty(shape), np.empty(shape)
    coef, diverged_at = np.empty((n_runs, p)), np.empty(n_runs, dtype=np.intp)
    for i in range(n_runs):
        stream = BatchStream(n, sizes[i : i + 1], replacement, [seeds[i]]) if sizes[i] else None
        watch = _Watch(objective, steps, n_steps, divergence)
        with np.errstate(over="ignore", invalid="ignore"):
            diverged_at[i] = watch.run(runs.take(i), starts[i].copy(), stream)
        loss[i], coef[i] = watch.loss, watch.coef
        norm[i] = np.linalg.norm(watch.iterates, axis=1)
        if w_star is not None:
            distance[i] = np.linalg.norm(watch.iterates - w_star, axis=1)
    return Trace(
        steps=steps,
        loss=loss,
        distance=None if w_star is None else distance,
        norm=norm,
        oracle_calls=gradients_seen(steps, sizes, n, replacement),
        coef=coef,
        diverged_at=diverged_at,
        settings={**runs.hyperparameters, "batch_size": np.where(sizes, sizes, n)},
    )


class _Watch:
    """A run and what is seen of it; +inf from where it diverges."""

    def __init__(
        self, objective: Objective, steps: NDArray, n_steps: int, divergence: float
    ) -> None:
        self.objective, self.steps, self.n_steps = objective, steps, n_steps
        self.divergence = divergence
        self.loss = np.full(len(steps), np.inf)
        self.iterates = np.full((len(steps), objective.n_parameters), np.inf)
        self.coef = np.full(objective.n_parameters, np.inf)

    def run(self, method: Method, w: NDArray, stream: BatchStream | None) -> int:
        """Make all steps; return the one at which the run diverged, or -1."""
        state = method.start(w)
        first = self.objective.loss(w)
        limit = divergence_limit(first if first != 0 else 1.0, self.divergence)
        record = 0
        for t in range(self.n_steps + 1):
            if not np.isfinite(state[0]).all():
                return t
            if record < len(self.steps) and t == self.steps[record]:
                loss = self.objective.loss(state[0])
                if not loss <= limit:
                    return t
                self.loss[record], self.iterates[record] = loss, state[0]
                record += 1
            if t < self.n_steps:
                samples = None
                if stream is not None:
                    drawn, weights = stream.next()
                    samples = drawn[weights > 0]
                gradient = self.objective.gradient(method.query(state, t), samples)
                if np.shape(gradient) != w.shape:  # or it would be broadcast to all weights
                    raise ValueError(
                        f"objective.gradient returned the shape {np.shape(gradient)}; "
                        f"expected {w.shape}"
                    )
                state = method.step(state, gradient, t)
        self.coef[...] = state[0]
        return -1
