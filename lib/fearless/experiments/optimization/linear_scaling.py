"""The linear scaling rule: a step size in proportion to the batch, also where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import as_seed_sequence, check_widths
from fearless.experiments.optimization.equations import Equations
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent

__all__ = ["LinearRule", "linear_limit", "linear_rule"]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class LinearRule:
    """The step size that grows in proportion to the batch, for ever.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    n_steps : int
    linear, best : ndarray of shape (R, j)
        L / L_0 after these steps with eta = m eta*(1), and with eta*(m); +inf where it diverged.
    limit : float
        The batch size at which m eta*(1) meets the limit of stability in the mean square,
        interpolated.
    critical : float
        m*.
    """

    batch_sizes: NDArray[np.intp]
    n_steps: int
    linear: NDArray[np.float64]
    best: NDArray[np.float64]
    limit: float
    critical: float


@_one_thread
def linear_rule(
    problem: Equations,
    batch_sizes: Sequence[int],
    *,
    n_steps: int = 300,
    n_runs: int = 100,
    random_state: int = 0,
) -> LinearRule:
    """Follow the linear scaling rule beyond the critical batch size.

    Parameters
    ----------
    problem : Equations
    batch_sizes : sequence of int
        Increasing.
    n_steps, n_runs : int
    random_state : int

    Returns
    -------
    LinearRule
    """
    sizes = check_widths(batch_sizes, "batch_sizes")
    first = float(problem.y @ problem.y / (2 * len(problem.y)))
    unit = problem.step_size(1)
    seeds = as_seed_sequence(random_state).generate_state(2 * len(sizes))
    results = []
    for j, m in enumerate(sizes):
        for k, eta in enumerate((m * unit, problem.step_size(int(m)))):
            trace = least_squares_runs(
                problem.X,
                problem.y,
                GradientDescent(float(eta)),
                n_steps=n_steps,
                batch_size=int(m),
                record=[0, n_steps],
                n_runs=n_runs,
                random_state=int(seeds[2 * j + k]),
            )
            results.append(trace.loss[:, -1] / first)
    losses = np.array(results).reshape(len(sizes), 2, -1)
    return LinearRule(
        sizes, n_steps, losses[:, 0].T, losses[:, 1].T, linear_limit(problem), problem.critical
    )


@_one_thread
def linear_limit(problem: Equations) -> float:
    """Find the batch size at which m eta*(1) is no longer stable in the mean square.

    Parameters
    ----------
    problem : Equations

    Returns
    -------
    float
        Interpolated between two batch sizes.
    """
    unit = problem.step_size(1)
    # With eta = m eta*(1) the largest eigenvalue of S grows with m, so that it is one only once.
    # Not even gradient descent bears steps beyond 2 / lambda_1.
    low, high = 1, int(2 / (unit * problem.spectrum[1])) + 2
    while high - low > 1:
        middle = (low + high) // 2
        if problem.moments.is_stable(middle * unit, middle):
            low = middle
        else:
            high = middle
    below, above = (problem.moments.stability_limit(m) / unit - m for m in (low, high))
    return low + below / (below - above)
