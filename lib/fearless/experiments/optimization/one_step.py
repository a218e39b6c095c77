"""One step of SGD from the worst starts, where the theorem on batch sizes is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import RandomState, as_generator, check_int, check_widths
from fearless.experiments.optimization.equations import Equations
from fearless.experiments.statistics import mean_and_error
from fearless.theory.rates.batch_size import batch_speedup

__all__ = ["FirstSteps", "first_steps"]


@dataclass(frozen=True)
class FirstSteps:
    """A single step from w* plus an eigenvector: what is left of the squared distance on average.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    left, error : ndarray of shape (2, j)
        The mean over the runs of ||w_1 - w*||^2 / ||w_0 - w*||^2, and its standard error, from the
        first eigenvector and from the last.
    expected : ndarray of shape (2, j)
        (1 - eta lambda)^2 + eta^2 lambda (beta - lambda) / m at both ends of the spectrum.
    worst_case : ndarray of shape (j,)
        The speed-up s(m) of the theorem.
    """

    batch_sizes: NDArray[np.intp]
    left: NDArray[np.float64]
    error: NDArray[np.float64]
    expected: NDArray[np.float64]
    worst_case: NDArray[np.float64]

    @property
    def speedup(self) -> NDArray[np.float64]:
        """Logarithm of what is left with each batch over that with the first; last eigenvector."""
        return np.log(self.left[1]) / np.log(self.left[1, 0])

    @property
    def speedup_error(self) -> NDArray[np.float64]:
        """Its standard error, to first order; 0 for the first, which is 1 by definition."""
        relative = self.error[1] / (self.left[1] * np.abs(np.log(self.left[1])))
        error = self.speedup * np.hypot(relative, relative[0])
        error[0] = 0
        return error


@threadpool_limits.wrap(limits=1)
def first_steps(
    problem: Equations,
    batch_sizes: Sequence[int],
    *,
    n_runs: int = 20_000,
    random_state: RandomState = 0,
) -> FirstSteps:
    """Make one step of size eta*(m) from w* plus the first, and plus the last eigenvector.

    Parameters
    ----------
    problem : Equations
        With samples of equal norms, for which the theorem is exact.
    batch_sizes : sequence of int
        Increasing.
    n_runs : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    FirstSteps
    """
    rng = as_generator(random_state)
    sizes = check_widths(batch_sizes, "batch_sizes")
    n_runs = check_int(n_runs, "n_runs", minimum=2)
    X, n = problem.X, len(problem.X)
    K = X @ X.T
    beta, *ends = problem.spectrum
    ends = np.array(ends)
    vectors = np.linalg.svd(X, full_matrices=False)[2][[0, -1]]
    left, error, expected = np.empty((3, 2, len(sizes)))
    for j, m in enumerate(sizes):
        eta = problem.step_size(int(m))
        counts = rng.multinomial(m, np.full(n, 1 / n), size=n_runs) * (eta / m)
        expected[:, j] = (1 - eta * ends) ** 2 + eta**2 * ends * (beta - ends) / m
        for k, a in enumerate(vectors @ X.T):  # the residuals <x_i, w - w*> of the two starts
            steps = counts * a
            squares = 1 - 2 * (counts @ a**2) + np.einsum("ri,ri->r", steps @ K, steps)
            left[k, j], error[k, j] = mean_and_error(squares)
    return FirstSteps(sizes, left, error, expected, batch_speedup(sizes, *problem.spectrum))
