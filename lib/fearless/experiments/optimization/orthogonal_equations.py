"""Momentum on orthogonal equations, one at a time: exact mean squares, and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from threadpoolctl import threadpool_limits

from fearless._validation import check_int, check_positive
from fearless.experiments.statistics import mean_and_error
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import GradientDescent, MaSS, Method, Nesterov
from fearless.theory.rates.momentum import momentum_limit
from fearless.theory.rates.recursions import Recursion
from fearless.theory.rates.second_moments import DecoupledMoments

__all__ = [
    "BestRates",
    "EquationRun",
    "RadiusCurves",
    "best_nesterov",
    "best_rates",
    "best_sgd",
    "orthogonal_equations",
    "radius_curves",
    "run_equations",
]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)


def orthogonal_equations(n: int, condition: float) -> tuple[NDArray, NDArray, NDArray]:
    """Make n orthogonal equations whose Hessian has eigenvalues from 1 to 1/condition.

    Parameters
    ----------
    n : int
        Number of equations, and of unknowns.
    condition : float
        kappa >= 1.

    Returns
    -------
    X : ndarray of shape (n, n)
        Diagonal, with rows of squared lengths n lambda_i.
    y : ndarray of shape (n,)
        The solution has n entries 1.
    eigenvalues : ndarray of shape (n,)
        lambda_i, in geometric progression.
    """
    n = check_int(n, "n", minimum=2)
    if check_positive(condition, "condition") < 1:
        raise ValueError(f"condition is {condition}; expected a number >= 1")
    values = np.geomspace(1, 1 / condition, n)
    lengths = np.sqrt(n * values)
    return np.diag(lengths), lengths, values


@dataclass(frozen=True, eq=False)
class EquationRun:
    """Many runs of one method, and what theory says of their mean.

    Attributes
    ----------
    steps : ndarray of shape (T,)
        When the runs were looked at.
    loss : ndarray of shape (runs, T)
        Their losses, over that at the start.
    expected : ndarray of shape (T,)
        The mean over infinitely many runs, exactly.
    radius : float
        The factor a step of the mean loss in the long run.
    """

    steps: NDArray
    loss: NDArray
    expected: NDArray
    radius: float

    def quantiles(self) -> NDArray[np.float64]:
        """Summarise the runs: the 5th, 50th and 95th percentile, shape (3, T)."""
        return np.quantile(self.loss, [0.05, 0.5, 0.95], axis=0)

    def mean_at(self, step: int) -> tuple[float, float, float]:
        """Compare with theory after some step.

        Parameters
        ----------
        step : int
            One of ``steps``.

        Returns
        -------
        mean, stderr, expected : float
        """
        at = int(np.flatnonzero(self.steps == step)[0])
        mean, stderr = mean_and_error(self.loss[:, at])
        return float(mean), float(stderr), float(self.expected[at])


@_one_thread
def run_equations(
    methods: Mapping[str, Method],
    *,
    n: int = 20,
    condition: float = 100.0,
    n_steps: int = 1500,
    n_runs: int = 1000,
    every: int = 10,
    seed: int = 0,
) -> dict[str, EquationRun]:
    """Run methods on orthogonal equations, one random equation a step.

    Parameters
    ----------
    methods : mapping of str to Method
        With plain numbers for hyperparameters.
    n, condition : int, float
        See `orthogonal_equations`.
    n_steps : int
        How many steps.
    n_runs : int
        How many runs of each method; all methods see the same equations.
    every : int
        Look at the runs every so many steps.
    seed : int
        Of the equations drawn.

    Returns
    -------
    dict of str to EquationRun
    """
    X, y, values = orthogonal_equations(n, condition)
    moments = DecoupledMoments(values, float(n))
    steps = np.arange(0, n_steps + 1, every)
    runs = {}
    for name, method in methods.items():
        trace = least_squares_runs(
            X,
            y,
            method,
            n_steps=n_steps,
            batch_size=1,
            record=steps,
            random_state=seed,
            n_runs=n_runs,
            divergence=1e100,
        )
        recursion = Recursion.of(method)
        expected = moments.path(recursion, np.ones(n), n_steps)[steps] @ values
        runs[name] = EquationRun(
            steps, trace.loss / trace.loss[:, :1], expected / expected[0], moments.radius(recursion)
        )
    return runs


@dataclass(frozen=True, eq=False)
class RadiusCurves:
    """Long-run factors of the squared error against the step size, at one momentum.

    Attributes
    ----------
    step_sizes : ndarray of shape (j,)
        eta lambda_1.
    exact : ndarray of shape (j,)
        Nesterov's method with exact gradients.
    stochastic : ndarray of shape (j,)
        The same with one equation a step, in the mean.
    exact_limit, stochastic_limit : float
        Where they stop being stable, by the formulas of the theory.
    momentum : float
        gamma.
    """

    step_sizes: NDArray
    exact: NDArray
    stochastic: NDArray
    exact_limit: float
    stochastic_limit: float
    momentum: float

    def best(self) -> tuple[float, float]:
        """Return the smallest factors, with exact gradients and with single equations."""
        return float(self.exact.min()), float(self.stochastic.min())


def radius_curves(
    momentum: float, step_sizes: ArrayLike, *, n: int = 20, condition: float = 100.0
) -> RadiusCurves:
    """Compute the factors for one momentum.

    Parameters
    ----------
    momentum : float
        gamma, in [0, 1).
    step_sizes : array-like of shape (j,)
        eta lambda_1; more are added just below the limits.
    n, condition : int, float
        See `orthogonal_equations`.

    Returns
    -------
    RadiusCurves
    """
    limits = momentum_limit("Nesterov", momentum), momentum_limit("Nesterov", momentum, noise=n)
    # The best step size is close to a limit: look there more closely.
    near = np.outer(limits, np.linspace(0.9, 1.0, 31)).ravel()
    given = np.asarray(step_sizes, dtype=float)
    sizes = np.union1d(given, near[(near > given.min()) & (near < given.max())])
    values = orthogonal_equations(n, condition)[2]
    moments = DecoupledMoments(values, float(n))
    recursions = [Recursion.of(Nesterov(float(eta), momentum)) for eta in sizes]
    return RadiusCurves(
        sizes,
        np.array([recursion.radius(values) ** 2 for recursion in recursions]),
        np.array([moments.radius(recursion) for recursion in recursions]),
        *limits,
        momentum,
    )


def best_sgd(noise: float, condition: float) -> tuple[GradientDescent, float]:
    """Return SGD with the step that shrinks the mean squared error fastest, and its factor.

    Parameters
    ----------
    noise : float
        q; the number n of orthogonal equations.
    condition : float
        kappa.

    Returns
    -------
    method : GradientDescent
        For lambda_1 = 1: eta = 2 / (q (1 + 1/kappa)).
    radius : float
    """
    method = GradientDescent(2 / (noise * (1 + 1 / condition)))
    moments = DecoupledMoments([1.0, 1 / condition], noise)
    return method, moments.radius(Recursion.of(method))


def best_nesterov(
    noise: float, condition: float, momenta: ArrayLike | None = None
) -> tuple[Nesterov, float]:
    """Search for the step size and the momentum of Nesterov's method with the best factor.

    Parameters
    ----------
    noise : float
        q; the number n of orthogonal equations.
    condition : float
        kappa.
    momenta : array-like of shape (j,), optional
        The grid of gamma; by default 40 values from 0 to 0.99 or beyond. The step size is found
        for each of them by a search on the whole stable interval.

    Returns
    -------
    method : Nesterov
        For lambda_1 = 1.
    radius : float
    """
    moments = DecoupledMoments([1.0, 1 / condition], noise)
    if momenta is None:
        momenta = 1 - np.geomspace(1, 0.03 / np.sqrt(condition), 40)
    best, found = np.inf, (1.0, 0.0)
    for gamma in np.asarray(momenta, dtype=float):
        limit = momentum_limit("Nesterov", gamma, noise)
        search = minimize_scalar(
            lambda share, gamma=gamma, limit=limit: moments.radius(
                Recursion.of(Nesterov(share * limit, gamma))
            ),
            bounds=(1e-3, 1),
            method="bounded",
            options={"xatol": 1e-5},
        )
        if search.fun < best:
            best, found = float(search.fun), (float(search.x) * limit, float(gamma))
    return Nesterov(*found), best


@dataclass(frozen=True, eq=False)
class BestRates:
    """How much faster than SGD, at its best, two methods are.

    Attributes
    ----------
    conditions : ndarray of shape (j,)
        kappa.
    nesterov : ndarray of shape (j,)
        (1 - radius) of Nesterov's method with its best parameters over that of SGD.
    mass : ndarray of shape (j,)
        The same for MaSS, with the parameters of the theorem.
    noise : float
        q.
    """

    conditions: NDArray
    nesterov: NDArray
    mass: NDArray
    noise: float

    @property
    def ceiling(self) -> float:
        """What Nesterov's gain tends to, q / (q - 3)."""
        return self.noise / (self.noise - 3)


def best_rates(noise: float, conditions: Sequence[float]) -> BestRates:
    """Compare the best factors of SGD, Nesterov's method and MaSS, from theory.

    Parameters
    ----------
    noise : float
        q > 3.
    conditions : sequence of float
        kappa.

    Returns
    -------
    BestRates
    """
    if check_positive(noise, "noise") <= 3:
        raise ValueError(f"noise is {noise}; expected more than 3, where there is a ceiling")
    nesterov, mass = [], []
    for kappa in conditions:
        plain = 1 - best_sgd(noise, kappa)[1]
        nesterov.append((1 - best_nesterov(noise, kappa)[1]) / plain)
        tuned = MaSS.tuned(L1=noise, largest=1.0, smallest=1 / kappa, kappa_tilde=noise)
        moments = DecoupledMoments([1.0, 1 / kappa], noise)
        mass.append((1 - moments.radius(Recursion.of(tuned))) / plain)
    return BestRates(np.array(conditions), np.array(nesterov), np.array(mass), float(noise))
