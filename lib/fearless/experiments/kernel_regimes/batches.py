"""Stochastic gradients for kernel machines: what a batch is worth, and how long a step may be."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from fearless.exceptions import DivergenceError
from fearless.experiments.kernel_regimes.conditioning import corrected_spectrum
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem
from fearless.theory.rates.batch_size import batch_speedup, optimal_step_size

__all__ = ["BatchStudy", "StepStudy", "batch_study", "step_study"]

# Where residuals are cut off: the solver stops there when its step is known to be too long.
_STOPPED = 10.0

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class BatchStudy:
    """Steps of SGD to one residual against the batch size.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    steps : ndarray of shape (seeds, j)
        Steps to the relative residual, interpolated between epochs.
    critical : float
        The critical batch size m*.
    theory : ndarray of shape (j,)
        The speed-up s(m) of the worst case, see `fearless.theory.rates.batch_size.batch_speedup`.
    rank : int
        Corrected directions.
    """

    batch_sizes: NDArray
    steps: NDArray
    critical: float
    theory: NDArray
    rank: int

    @property
    def speedup(self) -> NDArray:
        """Steps with the first batch size over steps with each, times the first, one row a seed."""
        return self.steps[:, :1] / self.steps * self.batch_sizes[0]


@_one_thread
def batch_study(
    system: KernelSystem,
    rank: int,
    batch_sizes: Sequence[int],
    *,
    tol: float,
    seeds: Sequence[int] = (0, 1, 2),
    max_epochs: int = 3000,
) -> BatchStudy:
    """Count the steps of (preconditioned) SGD for several batch sizes.

    Parameters
    ----------
    system : KernelSystem
        The problem.
    rank : int
        Corrected directions, from all points; 0 is plain SGD.
    batch_sizes : sequence of int
        In ascending order.
    tol : float
        The relative residual.
    seeds : sequence of int
        Of the order of the batches.
    max_epochs : int
        Stop there.

    Returns
    -------
    BatchStudy
    """
    n = system.n_samples
    spectrum = corrected_spectrum(system, rank)
    largest, smallest = float(spectrum.eigenvalues[0]), float(spectrum.eigenvalues[-1])
    steps = np.empty((len(seeds), len(batch_sizes)))
    for i, seed in enumerate(seeds):
        for j, size in enumerate(batch_sizes):
            run = solve_eigenpro(
                system,
                rank=spectrum.rank,
                subsample=n,
                batch_size=int(size),
                tol=tol,
                max_epochs=max_epochs,
                random_state=seed,
            )
            per_epoch = -(-n // run.details["batch_size"])
            steps[i, j] = per_epoch * _crossing(run, tol)
    sizes = np.array(batch_sizes)
    theory = batch_speedup(sizes, spectrum.norm, largest, smallest)
    return BatchStudy(sizes, steps, spectrum.critical_batch, theory, spectrum.rank)


@dataclass(frozen=True)
class StepStudy:
    """The residual of EigenPro against the length of its steps.

    Attributes
    ----------
    multiples : ndarray of shape (j,)
        Step sizes, as multiples of the verified limit.
    residuals : ndarray of shape (seeds, j)
        Relative residuals after the last epoch, at most 10: there the solver stops a run with a
        step beyond the limit.
    theory : float
        The step size of the theory for this batch, as a multiple of the limit.
    limit : float
        The limit itself.
    """

    multiples: NDArray
    residuals: NDArray
    theory: float
    limit: float


@_one_thread
def step_study(
    system: KernelSystem,
    rank: int,
    batch_size: int,
    multiples: Sequence[float],
    *,
    epochs: int = 15,
    seeds: Sequence[int] = (0, 1, 2),
) -> StepStudy:
    """Run EigenPro for a few epochs with steps on both sides of the limit.

    Parameters
    ----------
    system : KernelSystem
        The problem.
    rank : int
        Corrected directions, from all points.
    batch_size : int
        Points in a batch.
    multiples : sequence of float
        Of the verified limit 2 / max_B lambda_max(K_q[B, B]).
    epochs : int
        How many.
    seeds : sequence of int
        Of the order of the batches.

    Returns
    -------
    StepStudy
    """
    options = {"rank": rank, "subsample": system.n_samples, "batch_size": batch_size, "tol": 0.0}
    final = np.empty((len(seeds), len(multiples)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
        details = solve_eigenpro(system, max_epochs=1, random_state=0, **options).details
        for i, seed in enumerate(seeds):
            for j, multiple in enumerate(multiples):
                seen = [1.0]
                with suppress(DivergenceError):
                    solve_eigenpro(
                        system,
                        step_size=multiple * details["step_limit"],
                        max_epochs=epochs,
                        callback=lambda progress, seen=seen: seen.append(progress.residual),
                        random_state=seed,
                        **options,
                    )
                    final[i, j] = min(seen[-1], _STOPPED)
                    continue
                final[i, j] = _STOPPED
    theory = optimal_step_size(
        details["batch_size"], details["norm"], details["largest_eigenvalue"]
    )
    limit = details["step_limit"]
    return StepStudy(np.array(multiples, float), final, theory / limit, limit)


def _crossing(run: KernelSolution, tol: float) -> float:
    """Return the epoch at which the residual reached tol, interpolated between two epochs."""
    before, after = np.log(run.residuals[-2:])
    share = (before - np.log(tol)) / (before - after)
    return run.iterations - 1 + float(np.clip(share, 0, 1))
