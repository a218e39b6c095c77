"""Is there a peak, how high is it, and does a tuned penalty leave one for any spectrum?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from fearless._validation import check_vector
from fearless.theory.proportional import general_risk

__all__ = ["peak_height", "tuned_risks"]

# Penalties between which the best is looked for, over the largest eigenvalue: beyond them the
# fit is numerically the interpolant, or zero.
_LEAST, _LARGEST = 1e-12, 1e6


def peak_height(curve: ArrayLike) -> float:
    r"""Compute how far a curve rises before it falls again, as a factor.

    .. math:: \max_j \; v_j / \max\bigl(\min_{i \le j} v_i, \, \min_{i \ge j} v_i\bigr)

    A curve that only falls, only rises, or falls and then rises has height 1: no peak.

    Parameters
    ----------
    curve : array-like of shape (m,)
        Positive values, along the size of the model or of the sample; may be infinite.

    Returns
    -------
    float
        At least 1; infinite where the curve is.

    Examples
    --------
    >>> peak_height([3.0, 2.0, 8.0, 4.0]), peak_height([3.0, 2.0, 4.0])
    (2.0, 1.0)
    """
    values = np.asarray(curve, dtype=float)
    check_vector(np.where(np.isposinf(values), 1.0, values), "curve")
    if np.any(values <= 0):
        raise ValueError(f"curve has entry {values.min()}; expected positive numbers")
    if np.isinf(values).any():
        return np.inf
    left = np.minimum.accumulate(values)
    right = np.minimum.accumulate(values[::-1])[::-1]
    return float(np.max(values / np.maximum(left, right)))


def tuned_risks(
    eigenvalues: ArrayLike, sizes: ArrayLike, *, signal: ArrayLike, noise: float
) -> NDArray[np.float64]:
    """Compute the excess risk of ridge regression at the best penalty of each sample size.

    The least over the penalty of `general_risk`, found numerically: a grid, then a bounded search
    round its best point.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        Of the covariance of the inputs.
    sizes : array-like of shape (m,)
        Numbers of samples.
    signal : array-like of shape (p,)
        Squared true coefficients along each eigenvector.
    noise : float
        Variance of the noise.

    Returns
    -------
    ndarray of shape (m,)

    Notes
    -----
    Cost: about 60 evaluations of `general_risk` a size. Used in the section "Taming the peak".
    """
    eigenvalues = check_vector(eigenvalues, "eigenvalues").astype(float)
    grid = np.log(eigenvalues.max()) + np.linspace(np.log(_LEAST), np.log(_LARGEST), 32)
    risks = []
    for n in check_vector(sizes, "sizes"):

        def risk(log_penalty: ArrayLike, n: float = n) -> NDArray:
            return general_risk(
                eigenvalues, n, signal=signal, noise=noise, penalty=np.exp(log_penalty)
            ).excess

        on_grid = risk(grid)
        best = int(np.argmin(on_grid))
        found = minimize_scalar(
            lambda t, risk=risk: float(risk(t)),
            bounds=(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]),
            method="bounded",
            options={"xatol": 1e-6},
        )
        risks.append(min(float(found.fun), float(on_grid[best])))
    return np.array(risks)
