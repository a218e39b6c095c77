"""Filter factors of gradient flow, gradient descent and ridge: what each does to a curvature."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_positive, check_vector


class SpectralFilters:
    """The filter factors f_i of three methods on a least-squares loss of curvatures h_i.

    A base of `GradientPath`, where they are explained.
    """

    curvatures: NDArray  # of shape (r,), in decreasing order

    def flow_filter(self, times: ArrayLike) -> NDArray:
        """Compute the filter factors of gradient flow.

        Parameters
        ----------
        times : array-like of shape (t,)
            Times, each >= 0.

        Returns
        -------
        ndarray of shape (t, r)
            1 - exp(-t h_i), accurate also where it is tiny.
        """
        times = _check_grid(times, "times")
        with np.errstate(over="ignore"):  # an infinite t h_i: fitted
            return -np.expm1(-np.multiply.outer(times, self.curvatures))

    def descent_filter(self, steps: ArrayLike, step_size: float | None = None) -> NDArray:
        """Compute the filter factors of gradient descent with a constant step size.

        Parameters
        ----------
        steps : array-like of shape (t,)
            Numbers of steps, integers >= 0.
        step_size : float, optional
            The step size eta, at most 2 / h_1; by default 1 / h_1.

        Returns
        -------
        ndarray of shape (t, r)
            1 - (1 - eta h_i)^k. Negative or above 1 never for eta <= 1 / h_1; beyond that, steep
            directions overshoot.

        Raises
        ------
        ValueError
            The step size is so large that descent diverges.
        """
        steps = _check_grid(steps, "steps")
        if np.any(steps != np.floor(steps)):
            raise ValueError(f"steps has entry {steps[steps != np.floor(steps)][0]}; not a count")
        h = self.curvatures
        largest = float(h[0]) if len(h) else 1.0
        step = 1 / largest if step_size is None else check_positive(step_size, "step_size")
        if step * largest > 2 * (1 + 1e-15):
            raise ValueError(
                f"step_size is {step:.6g}, with which descent diverges; expected at most "
                f"2 / h_1 = {2 / largest:.6g}, twice the inverse of the largest curvature"
            )
        x = np.minimum(step * h, 2.0)
        flat = x < 1  # there (1 - x)^k = exp(k log(1 - x)) without cancellation
        factors = np.empty((len(steps), len(h)))
        factors[:, flat] = -np.expm1(np.multiply.outer(steps, np.log1p(-x[flat])))
        factors[:, ~flat] = 1 - (1 - x[~flat]) ** steps[:, None]
        return factors

    def ridge_filter(self, penalties: ArrayLike) -> NDArray:
        """Compute the filter factors of ridge regression.

        Parameters
        ----------
        penalties : array-like of shape (t,)
            Penalties lambda >= 0 of (1/n) ||y - X w||^2 + lambda ||w - w_0||^2.

        Returns
        -------
        ndarray of shape (t, r)
            h_i / (h_i + lambda).
        """
        penalties = _check_grid(penalties, "penalties")
        h = self.curvatures
        total = np.add.outer(penalties, h)
        # Without a penalty everything is fitted, however small the curvature.
        return np.divide(h, total, out=np.ones_like(total), where=penalties[:, None] > 0)


def _check_grid(values: ArrayLike, name: str) -> NDArray:
    values = check_vector(values, name).astype(np.float64, copy=False)
    if np.any(values < 0):
        raise ValueError(f"{name} has entry {values.min()}; expected numbers >= 0")
    return values
