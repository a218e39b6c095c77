"""SGD on a loss that is not convex but satisfies PL* everywhere, against its theorem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fearless._validation import as_seed_sequence, check_int, check_widths
from fearless.experiments.statistics import mean_and_error
from fearless.theory.rates.pl_batches import pl_sgd_rate, pl_sgd_step_size

__all__ = ["PLRuns", "pl_runs"]

#: f(w; x) = psi(<w, x>) with psi(u) = u + BEND sin u.
BEND = 0.5


@dataclass(frozen=True)
class PLRuns:
    """Runs with the step size of the theorem, one row a batch size.

    Attributes
    ----------
    batch_sizes : ndarray of shape (j,)
    step_sizes : ndarray of shape (j,)
    steps : ndarray of shape (T,)
    mean, error : ndarray of shape (j, T)
        Of L(w_t) / L(w_0) over the runs, and its standard error.
    bound : ndarray of shape (j, T)
        What the theorem guarantees.
    largest_residual : float
        The largest |f(w; x_i) - y_i| that any run saw.
    allowed_residual : float
        Up to which the constants of the theorem hold.
    least_curvature : float
        The smallest eigenvalue of the Hessian of L that was met, along one run a batch size.
    """

    batch_sizes: NDArray[np.intp]
    step_sizes: NDArray[np.float64]
    steps: NDArray[np.intp]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    bound: NDArray[np.float64]
    largest_residual: float
    allowed_residual: float
    least_curvature: float


# Thousands of small products: threads would spend their time waiting for each other.
@threadpool_limits.wrap(limits=1)
def pl_runs(
    batch_sizes: Sequence[int] = (1, 4, 16),
    *,
    n_samples: int = 10,
    dimension: int = 1000,
    target: float = 6.0,
    n_steps: int = 3000,
    n_runs: int = 100,
    random_state: int = 0,
) -> PLRuns:
    """Fit psi(<w, x_i>) to targets +-y by SGD from w = 0.

    Parameters
    ----------
    batch_sizes : sequence of int
        Increasing.
    n_samples, dimension : int
        Samples are normal with mean squared norm 1.
    target : float
        The size of all targets; their signs are random.
    n_steps, n_runs : int
    random_state : int

    Returns
    -------
    PLRuns
    """
    sizes = check_widths(batch_sizes, "batch_sizes")
    n, R = check_int(n_samples, "n_samples"), check_int(n_runs, "n_runs", minimum=2)
    draw, sample = as_seed_sequence(random_state).spawn(2)
    rng = np.random.default_rng(draw)
    X = rng.standard_normal((n, dimension)) / dimension**0.5
    y = target * rng.choice([-1.0, 1.0], n)[:, None]
    K = X @ X.T
    root = np.linalg.cholesky(K)
    values = np.linalg.eigvalsh(K) / n
    allowed = 1.2 * target
    # The slope of psi is between 1 - BEND and 1 + BEND, its second derivative at most BEND.
    mu = (1 - BEND) ** 2 * float(values[0])
    beta = (1 + BEND) ** 2 * float(K.diagonal().max())
    smooth = ((1 + BEND) ** 2 + BEND * allowed) * float(values[-1])

    steps = np.unique(np.linspace(0, n_steps, 101).astype(np.intp))
    looks = set(steps.tolist())
    mean, error = np.empty((2, len(sizes), len(steps)))
    etas = np.array([pl_sgd_step_size(int(m), mu, smooth, beta) for m in sizes])
    worst, curvature = 0.0, np.inf
    for j, (m, seed) in enumerate(zip(sizes, sample.spawn(len(sizes)), strict=True)):
        rng = np.random.default_rng(seed)
        u = np.zeros((n, R))  # <w, x_i>: all that a run in the span of the samples consists of
        losses = []
        for t in range(n_steps + 1):
            slope = 1 + BEND * np.cos(u)
            r = u + BEND * np.sin(u) - y
            if t in looks:
                losses.append((r**2).mean(axis=0) / 2)
                worst = max(worst, float(np.abs(r).max()))
                # L has the Hessian X^T D X / n; on the span of the samples it is similar to D K / n
                # and, D having both signs, real: its eigenvalues are those of a symmetric matrix.
                d = slope[:, 0] ** 2 - r[:, 0] * BEND * np.sin(u[:, 0])
                curvature = min(curvature, np.linalg.eigvalsh(root.T @ (d[:, None] * root))[0] / n)
            counts = rng.multinomial(m, np.full(n, 1 / n), size=R).T
            u = u - (etas[j] / m) * (K @ (counts * slope * r))
        mean[j], error[j] = mean_and_error(np.array(losses).T / losses[0][0])
    rates = np.array([pl_sgd_rate(int(m), mu, smooth, beta) for m in sizes])
    return PLRuns(
        sizes,
        etas,
        steps,
        mean,
        error,
        rates[:, None] ** steps,
        worst,
        allowed,
        float(curvature),
    )
