"""Gradient descent on over-parametrised systems, with the bounds that PL* puts on its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fearless._validation import check_int, check_positive, check_vector
from fearless.optimization.landscape import DescentPath, descent_path
from fearless.optimization.systems import LinearSystem, ProductSystem
from fearless.theory.rates.pl import (
    descent_length,
    flow_length,
    pl_iterations,
    pl_radius,
    pl_rate,
    system_smoothness,
)

__all__ = [
    "LinearRuns",
    "ScaleRuns",
    "guaranteed_radius",
    "linear_runs",
    "noisy_ratio",
    "product_smoothness",
    "scale_runs",
]


@dataclass(frozen=True)
class LinearRuns:
    """Runs on random linear systems: one row a system, S of them.

    Attributes
    ----------
    times : ndarray of shape (T,)
        Steps over the condition number of the system, t mu / beta.
    loss : ndarray of shape (S, T)
        L(w_t) / L(w_0) at these times, from zero for random targets.
    worst : ndarray of shape (S, T)
        The same for the targets along the last eigenvector of XX^T.
    bound : ndarray of shape (S, T)
        (1 - mu / beta)^t.
    excess : ndarray of shape (S,)
        The largest quotient of L(w_t) / L(w_0) and the bound after the start, over both runs.
    travelled, worst_travelled : ndarray of shape (S,)
        The lengths of both paths over sqrt(2 L_0 / mu).
    radius : ndarray of shape (S,)
        The radius of the classical theorem over the same length.
    ratio : ndarray of shape (S,)
        The PL ratio of the worst targets at the start.
    constant, smoothness : ndarray of shape (S,)
        mu = lambda_n(XX^T / n) and beta = lambda_1.
    """

    times: NDArray[np.float64]
    loss: NDArray[np.float64]
    worst: NDArray[np.float64]
    bound: NDArray[np.float64]
    excess: NDArray[np.float64]
    travelled: NDArray[np.float64]
    worst_travelled: NDArray[np.float64]
    radius: NDArray[np.float64]
    ratio: NDArray[np.float64]
    constant: NDArray[np.float64]
    smoothness: NDArray[np.float64]


def linear_runs(
    n: int = 20, p: int = 40, *, end: float = 8.0, n_systems: int = 10, random_state: int = 0
) -> LinearRuns:
    """Run gradient descent with the step 1 / beta on random linear systems X w = y.

    Parameters
    ----------
    n, p : int
        Equations and unknowns; entries of X and y are standard normal.
    end : float
        How long to run, in multiples of the condition number.
    n_systems : int
        Independent systems, two runs on each.
    random_state : int

    Returns
    -------
    LinearRuns
        Losses, lengths, bounds.
    """
    times = np.linspace(0, check_positive(end, "end"), 81)
    rows = []
    for i in range(check_int(n_systems, "n_systems", minimum=2)):
        rng = np.random.default_rng([random_state, i])
        X = rng.standard_normal((n, p))
        values, vectors = np.linalg.eigh(X @ X.T / n)
        mu, beta = values[0], values[-1]
        n_steps = math.ceil(end * beta / mu)
        runs = [
            descent_path(LinearSystem(X, y), np.zeros(p), step_size=1 / beta, n_steps=n_steps)
            for y in (rng.standard_normal(n), vectors[:, 0])
        ]
        falls = [np.log(run.loss / run.loss[0]) for run in runs]
        line = runs[0].steps * math.log(pl_rate(mu, beta))
        clock = runs[0].steps * mu / beta
        shortest = [flow_length(run.loss[0], mu) for run in runs]
        # The worst path is straight, and each step shortens what is left by 1 - mu / beta.
        done = 1 - (1 - mu / beta) ** n_steps
        rows.append(
            (
                *(np.exp(np.interp(times, clock, fall)) for fall in (*falls, line)),
                np.exp(np.max(np.subtract(falls, line)[:, 1:])),
                runs[0].length[-1] / shortest[0],
                runs[1].length[-1] / shortest[1] / done,
                pl_radius(runs[1].loss[0], beta, mu) / shortest[1],
                runs[1].ratio[0],
                mu,
                beta,
            )
        )
    return LinearRuns(times, *(np.array(column) for column in zip(*rows, strict=True)))


def product_smoothness(system: ProductSystem, size: float) -> float:
    r"""Bound the smoothness of the loss of a product system below its value at F = 0.

    .. math:: \beta = \frac{s^2 \|X\|^2 + \max_j \|X_{\cdot j}\| \, \|y\|}{n}

    where all :math:`a_j^2 + b_j^2 \le s^2` and the residual is at most :math:`\|y\|` long.

    Parameters
    ----------
    system : ProductSystem
    size : float
        s.

    Returns
    -------
    float
    """
    top = float(np.linalg.norm(system.X, 2))
    bend = float(np.linalg.norm(system.X, axis=0).max())
    return system_smoothness(
        check_positive(size, "size") * top, bend, float(np.linalg.norm(system.y)), system.n_samples
    )


def guaranteed_radius(
    system: ProductSystem, scale: float, *, classical: bool = False
) -> tuple[float, float, float]:
    r"""Find the smallest ball around a = scale, b = 0 in which the theorem can be applied.

    In the ball of radius R there are

    .. math:: \mu(R) = (\alpha - R)^2 \, \frac{\lambda_n(X X^\top)}{n}

    and beta(R), `product_smoothness` for the size alpha + R. R must be at least 2 sqrt(2 L_0 / mu),
    or the classical 2 sqrt(2 beta L_0) / mu.

    Parameters
    ----------
    system : ProductSystem
    scale : float
        alpha > 0.
    classical : bool
        Whether to ask for the classical radius.

    Returns
    -------
    radius, constant, smoothness : float
        R, mu(R), beta(R); all NaN when no ball satisfies the theorem. 200 radii are
        tried: at the very edge one may be missed.
    """
    scale = check_positive(scale, "scale")
    n = system.n_samples
    smallest = float(np.linalg.eigvalsh(system.X @ system.X.T)[0]) / n
    loss = float(system.y @ system.y) / (2 * n)

    def constants(R: float) -> tuple[float, float]:
        return (scale - R) ** 2 * smallest, product_smoothness(system, scale + R)

    def lack(R: float) -> float:
        mu, beta = constants(R)
        return (pl_radius(loss, beta, mu) if classical else descent_length(loss, mu)) - R

    # The ball must not reach zero. First on a grid, then to full precision.
    grid = scale * np.linspace(0, 1, 200, endpoint=False)[1:]
    inside = np.flatnonzero([lack(R) <= 0 for R in grid])
    if not inside.size:
        return np.nan, np.nan, np.nan
    first = int(inside[0])
    low = grid[first - 1] if first else grid[0] * 1e-6
    radius = float(brentq(lack, low, grid[first])) if lack(low) > 0 else float(grid[first])
    return radius, *constants(radius)


@dataclass(frozen=True)
class ScaleRuns:
    """Runs on product systems from starts of several scales: S systems, A scales.

    Attributes
    ----------
    scales : ndarray of shape (A,)
        alpha: the start is a = alpha, b = 0.
    length : ndarray of shape (S, A)
        The length of the path.
    steps : ndarray of int, shape (S, A)
        Steps until the loss has fallen by the factor tol.
    radius, classical : ndarray of shape (S, A)
        The two radii of the theorem, NaN where no ball satisfies it.
    promised : ndarray of shape (S, A)
        Steps that the theorem promises with the constants of the ball, NaN where there is none.
    along : ndarray of shape (S, A)
        Steps promised with the least lambda_n(K / n) of the path.
    path_radius : ndarray of shape (S, A)
        2 sqrt(2 L_0 / mu) with that constant.
    growth : ndarray of shape (S, A)
        lambda_n(K) at the end of the path over that at the start.
    top_growth : ndarray of shape (S, A)
        The same for lambda_1(K).
    dip : ndarray of shape (S, A)
        The least lambda_n(K) of the path over that at the start.
    curvature : ndarray of shape (S, A)
        A bound on the norms of the Hessians of L met on the path, over the beta of the step size
        1 / beta: at most 1 where the descent lemma holds.
    """

    scales: NDArray[np.float64]
    length: NDArray[np.float64]
    steps: NDArray[np.intp]
    radius: NDArray[np.float64]
    classical: NDArray[np.float64]
    promised: NDArray[np.float64]
    along: NDArray[np.float64]
    path_radius: NDArray[np.float64]
    growth: NDArray[np.float64]
    top_growth: NDArray[np.float64]
    dip: NDArray[np.float64]
    curvature: NDArray[np.float64]

    @property
    def used(self) -> NDArray[np.float64]:
        """Every length and number of steps over its bound, by the path and by the ball."""
        covered = np.isfinite(self.radius)
        return np.concatenate(
            [
                (self.length / self.path_radius).ravel(),
                (self.steps / self.along).ravel(),
                (self.length / self.radius)[covered],
                (self.steps / self.promised)[covered],
            ]
        )


def scale_runs(
    scales: Sequence[float],
    *,
    n: int = 20,
    d: int = 100,
    tol: float = 1e-6,
    n_systems: int = 5,
    random_state: int = 0,
) -> ScaleRuns:
    """Train linear networks of depth two from large and from small weights.

    Parameters
    ----------
    scales : sequence of float
        Positive: alpha, the start is a = alpha, b = 0.
    n, d : int
        Samples and inputs; the entries of X and y are standard normal, and p = 2d.
    tol : float
        Stop when the loss has fallen by this factor.
    n_systems : int
        Independent X and y.
    random_state : int

    Returns
    -------
    ScaleRuns
        What was measured, and what the theorem promises.
    """
    scales = check_vector(scales, "scales").astype(float)
    table = []
    for i in range(check_int(n_systems, "n_systems", minimum=2)):
        rng = np.random.default_rng([random_state, i])
        system = ProductSystem(rng.standard_normal((n, d)), rng.standard_normal(n))
        table.append([_scale_run(system, float(scale), tol) for scale in scales])
    columns = np.moveaxis(np.array(table), 2, 0)
    return ScaleRuns(scales, columns[0], columns[1].astype(int), *columns[2:])


def _scale_run(system: ProductSystem, scale: float, tol: float) -> tuple[float, ...]:
    radius, mu, beta = guaranteed_radius(system, scale)
    if np.isnan(radius):
        # No ball: the smoothness in one of radius 1, which ScaleRuns.curvature checks afterwards.
        beta = product_smoothness(system, scale + 1)
    d = system.X.shape[1]
    start = np.concatenate([np.full(d, scale), np.zeros(d)])
    run = descent_path(system, start, step_size=1 / beta, n_steps=200_000, tol=tol, every=10)
    least = float(run.smallest.min())
    bends = [np.abs(system.X.T @ system.residual(w)).max() for w in run.weights]
    return (
        run.length[-1],
        run.steps[-1],
        radius,
        guaranteed_radius(system, scale, classical=True)[0],
        np.nan if np.isnan(radius) else pl_iterations(mu, beta, tol),
        pl_iterations(least, beta, tol),
        descent_length(run.loss[0], least),
        run.smallest[-1] / run.smallest[0],
        run.largest[-1] / run.largest[0],
        least / run.smallest[0],
        np.max(run.largest + np.array(bends) / system.n_samples) / beta,
    )


def noisy_ratio(
    n: int = 40, p: int = 20, *, noise: float = 0.5, n_steps: int = 2000, random_state: int = 0
) -> tuple[DescentPath, float]:
    """Run gradient descent on a linear system with more equations than unknowns, and with noise.

    Parameters
    ----------
    n, p : int
        n > p, standard normal entries.
    noise : float
        Standard deviation of the noise in the targets.
    n_steps : int
    random_state : int

    Returns
    -------
    DescentPath
        The run.
    float
        The least loss there is.
    """
    rng = np.random.default_rng(random_state)
    X = rng.standard_normal((n, p))
    y = X @ rng.standard_normal(p) + noise * rng.standard_normal(n)
    system = LinearSystem(X, y)
    step = n / float(np.linalg.norm(X, 2)) ** 2
    run = descent_path(system, np.zeros(p), step_size=step, n_steps=n_steps, every=50)
    return run, system.loss(np.linalg.lstsq(X, y, rcond=None)[0])
