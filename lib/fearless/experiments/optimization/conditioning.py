"""How over-parametrisation improves the condition number, and how rare singular points are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_probability, check_vector
from fearless.experiments.optimization.pl_bounds import product_smoothness
from fearless.optimization.landscape import descent_path
from fearless.optimization.systems import ProductSystem

__all__ = ["ConditionRuns", "condition_runs", "linear_conditions", "singular_exponent"]


@dataclass(frozen=True)
class ConditionRuns:
    """Product systems with more and more unknowns: S systems, one column a ratio.

    Attributes
    ----------
    ratios : ndarray of shape (m,)
        d / n, inputs per sample.
    start, path : ndarray of shape (S, m)
        The condition number at the start, and over the path of gradient descent.
    steps : ndarray of int, shape (S, m)
        Steps with the step size 1 / beta until the loss has fallen by the factor tol.
    """

    ratios: NDArray[np.float64]
    start: NDArray[np.float64]
    path: NDArray[np.float64]
    steps: NDArray[np.intp]


def linear_conditions(
    n: int, ratios: Sequence[float], *, n_systems: int = 5, random_state: int = 0
) -> NDArray[np.float64]:
    """Compute condition numbers of XX^T for Gaussian X with n rows.

    Parameters
    ----------
    n : int
    ratios : sequence of float
        p / n >= 1; p is rounded.
    n_systems : int
        Independent matrices a ratio.
    random_state : int

    Returns
    -------
    ndarray of shape (n_systems, m)
    """
    n = check_int(n, "n")
    ratios = check_vector(ratios, "ratios")
    result = np.empty((check_int(n_systems, "n_systems"), len(ratios)))
    for i, j in np.ndindex(result.shape):
        rng = np.random.default_rng([random_state, i, j])
        X = rng.standard_normal((n, round(n * ratios[j])))
        values = np.linalg.eigvalsh(X @ X.T)
        result[i, j] = values[-1] / values[0]
    return result


def condition_runs(
    ratios: Sequence[float],
    *,
    n: int = 30,
    scale: float = 1.0,
    tol: float = 1e-6,
    n_systems: int = 5,
    random_state: int = 0,
) -> ConditionRuns:
    """Train linear networks of depth two with more and more inputs.

    Parameters
    ----------
    ratios : sequence of float
        d / n > 1.
    n : int
        Samples.
    scale : float
        The start is a = scale, b = 0.
    tol : float
        Stop when the loss has fallen by this factor.
    n_systems : int
        Independent X and y with standard normal entries.
    random_state : int

    Returns
    -------
    ConditionRuns
        Condition numbers at the start and over the path, steps.
    """
    n = check_int(n, "n")
    ratios = check_vector(ratios, "ratios").astype(float)
    shape = (check_int(n_systems, "n_systems", minimum=2), len(ratios))
    start, path, steps = np.empty(shape), np.empty(shape), np.empty(shape, dtype=int)
    for i, j in np.ndindex(shape):
        rng = np.random.default_rng([random_state, i, j])
        d = round(n * ratios[j])
        system = ProductSystem(rng.standard_normal((n, d)), rng.standard_normal(n))
        beta = product_smoothness(system, scale + 1)
        w = np.concatenate([np.full(d, scale), np.zeros(d)])
        run = descent_path(system, w, step_size=1 / beta, n_steps=100_000, tol=tol, every=20)
        start[i, j] = run.largest[0] / run.smallest[0]
        path[i, j], steps[i, j] = run.condition, run.steps[-1]
    return ConditionRuns(ratios, start, path, steps)


def singular_exponent(
    n: int, p: int, *, share: float = 2e-3, n_draws: int = 200_000, random_state: int = 0
) -> tuple[float, float]:
    r"""Estimate the exponent with which nearly singular matrices become rare.

    For :math:`P(\sigma_n \le \epsilon) \sim C \epsilon^k` the logarithms of epsilon over the values
    below it have the mean 1/k.

    Parameters
    ----------
    n, p : int
        Rows and columns, n <= p, of matrices with standard normal entries.
    share : float
        The share of draws, those with the least singular values, that is used.
    n_draws : int
    random_state : int

    Returns
    -------
    exponent, stderr : float
        The estimate of Hill and its standard error.
    """
    n, p = check_int(n, "n"), check_int(p, "p", minimum=n)
    n_draws, share = check_int(n_draws, "n_draws"), check_probability(share, "share")
    rng = np.random.default_rng([random_state, n, p])
    J = rng.standard_normal((n_draws, n, p))
    least = np.sqrt(np.linalg.eigvalsh(J @ J.transpose(0, 2, 1))[:, 0])
    tail = np.sort(least)[: max(3, round(share * n_draws))]
    exponent = 1 / float(np.mean(np.log(tail[-1] / tail[:-1])))
    return exponent, exponent / (len(tail) - 1) ** 0.5
