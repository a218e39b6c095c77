"""Which interpolant an optimiser picks: exponents of the mirror, signs, one sample a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, as_seed_sequence, check_int
from fearless.linear import GradientPath
from fearless.optimization import (
    PowerPotential,
    bregman_projection,
    kaczmarz,
    kaczmarz_rate,
    steepest_descent,
)

__all__ = [
    "GeometryErrors",
    "KaczmarzErrors",
    "PlanePath",
    "geometry_errors",
    "kaczmarz_errors",
    "linear_problem",
    "plane_path",
]


@dataclass(frozen=True)
class PlanePath:
    """Mirror flow on one equation in two unknowns.

    Attributes
    ----------
    exponent : float
        q of the potential |w|^q / q.
    path : ndarray of shape (m, 2)
        The weights from the start to the limit.
    ball : ndarray of shape (m, 2)
        The boundary of the smallest l_q ball about zero that reaches the limit.
    """

    exponent: float
    path: NDArray
    ball: NDArray

    @property
    def end(self) -> NDArray:
        """The limit."""
        return self.path[-1]


def plane_path(
    exponent: float,
    start: ArrayLike = (0.0, 0.0),
    *,
    equation: ArrayLike = (2.0, 1.0),
    target: float = 2.0,
    n_points: int = 80,
) -> PlanePath:
    """Solve x_1 w_1 + x_2 w_2 = y by mirror flow.

    Parameters
    ----------
    exponent : float
        q > 1 of the potential.
    start : array-like of shape (2,)
        Where the flow begins.
    equation : array-like of shape (2,)
        The sample x.
    target : float
        Its target y.
    n_points : int
        Points on the path.

    Returns
    -------
    PlanePath
        The path and the ball.
    """
    potential = PowerPotential(exponent)
    x, start = np.asarray(equation, float), np.asarray(start, float)
    end = bregman_projection(x[None], [target], potential, start=start).coef
    z0 = potential.mirror(start)
    # In the mirror the flow is a straight line along x; points are spaced evenly in the weights.
    share = np.linspace(0, 1, n_points) ** max(1.0, exponent - 1)
    path = potential.inverse(z0 + share[:, None] * (potential.mirror(end) - z0))
    path[-1] = end
    angle = np.linspace(0, 2 * np.pi, 4 * n_points + 1)
    circle = np.c_[np.cos(angle), np.sin(angle)]
    # |cos|^(2/q) keeps the corners of the ball for small exponents, and its edges for large ones.
    ball = np.sign(circle) * np.abs(circle) ** (2 / exponent)
    radius = (exponent * potential.value(end)) ** (1 / exponent)
    return PlanePath(exponent, path, radius * ball)


def linear_problem(
    n: int, p: int, *, n_nonzero: int | None = None, random_state: RandomState = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Draw a noiseless linear problem with standard normal samples.

    Parameters
    ----------
    n, p : int
        Numbers of samples and of coefficients.
    n_nonzero : int, optional
        So many coefficients, at random places, are +-1 and the others zero; by default all are
        normal. The vector is scaled to length one.
    random_state : int, Generator or None
        Draws all of it.

    Returns
    -------
    X : ndarray of shape (n, p)
        Samples.
    y : ndarray of shape (n,)
        Targets X truth.
    truth : ndarray of shape (p,)
        Coefficients of length one, so that predicting zero has risk one.
    """
    n, p = check_int(n, "n"), check_int(p, "p")
    rng = as_generator(random_state)
    X = rng.standard_normal((n, p))
    if n_nonzero is None:
        truth = rng.standard_normal(p)
    else:
        n_nonzero = check_int(n_nonzero, "n_nonzero", maximum=p)
        truth = np.zeros(p)
        truth[rng.permutation(p)[:n_nonzero]] = rng.choice([-1.0, 1.0], n_nonzero)
    truth /= np.linalg.norm(truth)
    return X, X @ truth, truth


@dataclass(frozen=True)
class GeometryErrors:
    """Risks of interpolants of the same data, each picked by another geometry.

    The risk of w on a new sample x ~ N(0, I) is ||w - truth||^2; predicting zero has risk one.

    Attributes
    ----------
    exponents : ndarray of shape (q,)
        Of the mirror's potential; 2 is gradient descent.
    mirror : ndarray of shape (seeds, q)
        Risks of the limits of mirror descent.
    coordinates, signs : ndarray of shape (seeds,)
        Risks of coordinate descent (steepest in l1) and of sign descent (in l-infinity), run.
    """

    exponents: NDArray
    mirror: NDArray
    coordinates: NDArray
    signs: NDArray


def geometry_errors(
    exponents: Sequence[float],
    *,
    n: int = 40,
    p: int = 200,
    n_nonzero: int | None = None,
    n_seeds: int = 10,
    random_state: int | None = 0,
) -> GeometryErrors:
    """Fit noiseless problems exactly from a start at zero, in many geometries.

    Parameters
    ----------
    exponents : sequence of float
        Exponents of the mirror's potential.
    n, p, n_nonzero
        As in `linear_problem`.
    n_seeds : int
        Number of problems.
    random_state : int or None
        Seed.

    Returns
    -------
    GeometryErrors
        The risks.
    """
    exponents = np.asarray(exponents, float)
    seeds = as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds"))
    mirror = np.empty((n_seeds, len(exponents)))
    steepest = {"l1": np.empty(n_seeds), "linf": np.empty(n_seeds)}
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        X, y, truth = linear_problem(n, p, n_nonzero=n_nonzero, random_state=rng)
        for j, q in enumerate(exponents):
            w = bregman_projection(X, y, PowerPotential(float(q))).coef
            mirror[i, j] = np.sum((w - truth) ** 2)
        for norm, risks in steepest.items():
            w = steepest_descent(X, y, norm, relaxation=0.2, max_steps=100_000, tol=1e-8).coef
            risks[i] = np.sum((w - truth) ** 2)
    return GeometryErrors(exponents, mirror, steepest["l1"], steepest["linf"])


@dataclass(frozen=True)
class KaczmarzErrors:
    """Many runs of the Kaczmarz method on one consistent system.

    Attributes
    ----------
    steps : ndarray of shape (t,)
        Numbers of steps.
    errors : ndarray of shape (runs, t)
        Squared distances to the limit, relative to the first.
    bound : ndarray of shape (t,)
        What their mean cannot exceed.
    descent : ndarray of shape (t,)
        The same for gradient descent with the step size of the mean iterate.
    means, exact, stderr : ndarray of shape (t, 3)
        Mean over runs of the iterate along the steepest, the middle and the flattest direction;
        gradient descent along them; the standard errors.
    """

    steps: NDArray
    errors: NDArray
    bound: NDArray
    descent: NDArray
    means: NDArray
    exact: NDArray
    stderr: NDArray


def kaczmarz_errors(
    n: int = 20,
    p: int = 50,
    *,
    steps: ArrayLike = (0, 100, 300, 1000, 3000),
    n_runs: int = 200,
    random_state: RandomState = 0,
) -> KaczmarzErrors:
    """Run the Kaczmarz method from zero on a random system, beside gradient descent.

    Parameters
    ----------
    n, p : int
        Numbers of equations and of unknowns.
    steps : array-like of int
        When to look.
    n_runs : int
        Number of runs.
    random_state : int, Generator or None
        Draws the system and the samples.

    Returns
    -------
    KaczmarzErrors
        Errors, bound and means.
    """
    rng = as_generator(random_state)
    X, y, _ = linear_problem(n, p, random_state=rng)
    path = GradientPath(X, y)
    steps = np.asarray(steps)
    runs = kaczmarz(X, y, steps, n_runs=n_runs, random_state=rng)  # (t, runs, p)
    first = np.sum(path.limit**2)
    descent = path.descent(steps, n / np.sum(X**2))
    directions = np.linalg.svd(X, full_matrices=False)[2][[0, min(n, p) // 2, -1]]
    along = runs @ directions.T
    return KaczmarzErrors(
        steps,
        np.sum((runs - path.limit) ** 2, axis=2).T / first,
        kaczmarz_rate(X) ** steps,
        np.sum((descent - path.limit) ** 2, axis=1) / first,
        along.mean(axis=1),
        descent @ directions.T,
        along.std(axis=1, ddof=1) / n_runs**0.5,
    )
