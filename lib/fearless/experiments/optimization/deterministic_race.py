"""Five methods that take exact gradients, on one quadratic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import cg
from threadpoolctl import threadpool_limits

from fearless._validation import check_int, check_positive
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.methods import (
    Chebyshev,
    GradientDescent,
    HeavyBall,
    Method,
    Nesterov,
)
from fearless.theory.rates.momentum import chebyshev_bound, momentum_rate, tuned_momentum

__all__ = ["RaceCurve", "exact_gradient_race"]

# Thousands of small products: threads would spend their time waiting for each other.
_one_thread = threadpool_limits.wrap(limits=1)

_CG = "conjugate gradients"


@dataclass(frozen=True, eq=False)
class RaceCurve:
    """One method in the race.

    Attributes
    ----------
    errors : ndarray of shape (seeds, steps + 1)
        The square root of the loss, over that at the start.
    predicted : float
        The factor a step of the theory.
    bound : ndarray of shape (steps + 1,) or None
        What the error cannot exceed, for methods that have such a bound.
    """

    errors: NDArray
    predicted: float
    bound: NDArray | None

    def measured(self, high: float = 1e-4, low: float = 1e-11) -> NDArray[np.float64]:
        """Measure the factor a step, between two levels of the error.

        Parameters
        ----------
        high, low : float
            From the first step below `high` to the first one below `low`.

        Returns
        -------
        ndarray of shape (seeds,)

        Raises
        ------
        ValueError
            A run has not reached `low`.
        """
        first, last = (np.argmax(self.errors <= level, axis=1) for level in (high, low))
        if not np.all(last > first):
            raise ValueError(
                f"low is {low}, and the smallest error {self.errors.min():.1e}; "
                "expected runs that reach low"
            )
        rows = np.arange(len(self.errors))
        ratio = self.errors[rows, last] / self.errors[rows, first]
        return ratio ** (1 / (last - first))


@_one_thread
def exact_gradient_race(
    condition: float = 100.0,
    *,
    n_steps: int = 1500,
    dimension: int = 200,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> dict[str, RaceCurve]:
    """Run the methods from random starts on a quadratic whose eigenvalues crowd at both ends.

    The eigenvalues are those of the arcsine law, between 1/condition and 1: of all spectra it is
    the one on which conjugate gradients have least to gain from the shape of a spectrum.

    Parameters
    ----------
    condition : float
        kappa > 1.
    n_steps : int
        How many steps.
    dimension : int
        Number of eigenvalues.
    seeds : sequence of int
        One start each: normal errors.

    Returns
    -------
    dict of str to RaceCurve
        In the order gradient descent, Nesterov, heavy ball, Chebyshev, conjugate gradients.
    """
    kappa = check_positive(condition, "condition")
    p = check_int(dimension, "dimension", minimum=2)
    n_steps = check_int(n_steps, "n_steps")
    angles = np.pi * np.arange(p) / (p - 1)
    values = (1 + 1 / kappa) / 2 + (1 - 1 / kappa) / 2 * np.cos(angles)
    starts = np.stack([np.random.default_rng(seed).standard_normal(p) for seed in seeds])
    ends = (1.0, 1 / kappa)
    methods: dict[str, Method] = {
        "gradient descent": GradientDescent(tuned_momentum("gradient descent", *ends)[0]),
        "Nesterov": Nesterov(*tuned_momentum("Nesterov", *ends)),
        "heavy ball": HeavyBall(*tuned_momentum("heavy ball", *ends)),
        "Chebyshev": Chebyshev(*ends),
    }
    times = np.arange(n_steps + 1)
    bound = chebyshev_bound(times, kappa)
    X, y = np.diag(np.sqrt(p * values)), np.zeros(p)
    curves = {}
    for name, method in methods.items():
        trace = least_squares_runs(X, y, method, n_steps=n_steps, start=starts, record=times)
        errors = np.sqrt(trace.loss / trace.loss[:, :1])
        plain = name if name != "Chebyshev" else "heavy ball"
        rate = momentum_rate(plain, kappa)
        curves[name] = RaceCurve(errors, rate, bound if name == "Chebyshev" else None)
    errors = np.stack([_conjugate_gradients(values, start, n_steps) for start in starts])
    curves[_CG] = RaceCurve(errors, momentum_rate("heavy ball", kappa), bound)
    return curves


def _conjugate_gradients(values: NDArray, start: NDArray, n_steps: int) -> NDArray:
    """Return the relative energy norm of the error after each step."""
    errors = [np.sqrt(values @ start**2)]
    matrix = np.diag(values)
    cg(
        matrix,
        -values * start,  # the way from the start to zero
        rtol=1e-14,
        maxiter=n_steps,
        callback=lambda way: errors.append(np.sqrt(values @ (start + way) ** 2)),
    )
    errors += [errors[-1]] * (n_steps + 1 - len(errors))
    return np.array(errors) / errors[0]
