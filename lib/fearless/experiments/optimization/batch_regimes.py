"""What a batch is worth to SGD and to MaSS, where one sample is frequent and many are rare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import check_int
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent, MaSS, Method
from fearless.theory.rates.momentum import mass_time
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.second_moments import DecoupledMoments

__all__ = ["BatchRegimes", "batch_regimes", "frequent_and_rare"]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


def frequent_and_rare(
    n: int = 128, copies: int = 16, shortest: float = 0.1
) -> tuple[NDArray, NDArray, DecoupledMoments]:
    """Make n samples: copies of one vector, and others orthogonal to it and to each other.

    Parameters
    ----------
    n : int
        Number of samples.
    copies : int
        How often the first vector, of norm one, appears.
    shortest : float
        The squared norms of the others go down from 1 to this, geometrically.

    Returns
    -------
    X : ndarray of shape (n, n - copies + 1)
    y : ndarray of shape (n,)
        Of the solution with entries 1.
    moments : DecoupledMoments
    """
    n = check_int(n, "n", minimum=2)
    copies = check_int(copies, "copies", maximum=n - 2)
    squares = np.r_[1.0, np.geomspace(1, shortest, n - copies)]
    counts = np.r_[copies, np.ones(n - copies, int)]
    X = np.repeat(np.diag(np.sqrt(squares)), counts, axis=0)
    return X, X.sum(axis=1), DecoupledMoments(squares * counts / n, n / counts)


@dataclass(frozen=True, eq=False)
class BatchRegimes:
    """Steps to a share of the loss at the start, for each batch size.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    steps : dict of str to ndarray of shape (runs, j)
        Counted in runs of "SGD" and "MaSS".
    predicted : dict of str to ndarray of shape (j,)
        After which the expected loss is there, exactly.
    times : ndarray of shape (j,)
        The number S of steps of the theorem on MaSS.
    linear, saturated : float
        The batch sizes min(beta / lambda_1, kappa~) and max(...), where the regimes change.
    """

    batch_sizes: NDArray
    steps: dict[str, NDArray]
    predicted: dict[str, NDArray]
    times: NDArray
    linear: float
    saturated: float

    def log_ratios(self, name: str) -> NDArray[np.float64]:
        """Compare the counts with the predictions, as logarithms of their ratio.

        Parameters
        ----------
        name : str
            "SGD" or "MaSS".

        Returns
        -------
        ndarray of shape (runs, j)
        """
        return np.log(self.steps[name] / self.predicted[name])


@_one_thread
def batch_regimes(
    batch_sizes: Sequence[int],
    *,
    tol: float = 1e-2,
    n_runs: int = 20,
    seed: int = 0,
    n: int = 128,
    copies: int = 16,
) -> BatchRegimes:
    """Predict, then count, the steps of MaSS, and of SGD with steps of the same size.

    Parameters
    ----------
    batch_sizes : sequence of int
        b, drawn with replacement.
    tol : float
        The loss, over that at the start.
    n_runs : int
        Of each method and batch size.
    seed : int
        Of the batches.
    n, copies : int
        See `frequent_and_rare`.

    Returns
    -------
    BatchRegimes
    """
    X, y, moments = frequent_and_rare(n, copies)
    values = moments.eigenvalues
    largest, smallest, statistical = float(values[0]), float(values[-1]), float(n)
    steps: dict[str, list] = {"SGD": [], "MaSS": []}
    predicted: dict[str, list] = {"SGD": [], "MaSS": []}
    times = []
    for b in batch_sizes:
        mass = MaSS.tuned(1.0, largest, smallest, statistical, b)
        methods: dict[str, Method] = {"SGD": GradientDescent(mass.step_size), "MaSS": mass}
        times.append(mass_time(1.0, largest, smallest, statistical, b))
        for name, method in methods.items():
            due = _steps_to(moments, method, int(b), tol)
            longest = 2 * due + 20
            trace = least_squares_runs(
                X,
                y,
                method,
                n_steps=longest,
                batch_size=int(b),
                record=np.arange(longest + 1),
                random_state=seed,
                n_runs=n_runs,
            )
            counted = trace.steps_to(tol, relative=True)
            if np.any(counted < 0):
                raise RuntimeError(f"{name} with batches of {b} took more than {longest} steps")
            predicted[name].append(due)
            steps[name].append(counted)
    regimes = sorted([1 / largest, statistical])
    return BatchRegimes(
        np.array(batch_sizes),
        {name: np.array(rows).T for name, rows in steps.items()},
        {name: np.array(row) for name, row in predicted.items()},
        np.array(times),
        regimes[0],
        regimes[1],
    )


def _steps_to(moments: DecoupledMoments, method: Method, batch_size: int, tol: float) -> int:
    """Return the number of steps after which the expected loss is a share tol of the first."""
    steps = moments.matrices(Recursion.of(method), batch_size)
    values, now = moments.eigenvalues, np.ones((len(moments.eigenvalues), steps.shape[1], 1))
    for t in range(1_000_000):
        if values @ now[:, 0, 0] <= tol * values.sum():
            return t
        now = steps @ now
    raise RuntimeError(f"the expected loss is above {tol} of the first after {t + 1} steps")
