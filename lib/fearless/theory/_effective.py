"""The effective penalty of (ridge) regression, in logarithms: the solver behind `proportional`.

Spectra may span hundreds of orders of magnitude, and the risk near the interpolation threshold
hangs on differences of nearly equal sums. So eigenvalues are kept as logarithms, and every sum here
has terms of one sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from fearless._validation import check_vector

__all__ = ["log_kappa", "parts", "spectrum"]


def log_kappa(logs: NDArray, counts: NDArray, n: float, penalty: float) -> float:
    """Solve for log kappa, given logarithms of distinct eigenvalues (descending) and how many."""
    ranks = np.cumsum(counts)
    beyond = ranks > n
    if penalty == 0 and not beyond.any():
        return -np.inf
    # Keeping the m largest eigenvalues, all lowered to the m-th, can only lower kappa.
    low = np.max(logs[beyond] + np.log((ranks[beyond] - n) / n), initial=-np.inf)
    top = logs[0]
    high = top + np.log(np.sum(counts * np.exp(logs - top)) / n)
    if penalty > 0:
        low, high = max(low, np.log(penalty)), np.logaddexp(high, np.log(penalty))
    log_lambda = np.log(n) + np.log(penalty) if penalty > 0 else -np.inf

    def balance(t: float) -> float:
        # n lambda / kappa + df_1 - n, its positive and negative parts summed apart: eigenvalues
        # above kappa count as 1 minus a small number, those below as a small one.
        head = int(np.searchsorted(-logs, -t, side="right"))
        inside = ranks[head - 1] if head else 0.0
        plus = np.exp(min(log_lambda - t, 700.0)) + max(inside - n, 0.0)
        plus += counts[head:] @ expit(logs[head:] - t)
        minus = max(n - inside, 0.0) + counts[:head] @ expit(t - logs[:head])
        with np.errstate(divide="ignore"):
            return float(np.clip(np.log(plus) - np.log(minus), -1e4, 1e4)) if plus != minus else 0.0

    margin = 1e-9 * (1 + max(abs(low), abs(high)))  # the bounds may be attained
    return float(brentq(balance, low - margin, high + margin, xtol=1e-14, rtol=1e-15))


def parts(
    logs: NDArray, energy: NDArray, counts: NDArray, n: float, penalty: float
) -> tuple[float, float, float]:
    """Return the bias, df_2 and n - df_2; ``energy`` is summed over equal eigenvalues."""
    t = log_kappa(logs, counts, n, penalty)
    if t == -np.inf:
        p = float(np.sum(counts))
        return 0.0, p, n - p
    kept, lost = expit(logs - t), expit(t - logs)
    # n - df_2 = (n - df_1) + (df_1 - df_2): a sum of positive terms.
    left = float(counts @ (kept * lost))
    if penalty > 0:
        left += n * np.exp(np.log(penalty) - t)
    # kappa^2 lambda / (lambda + kappa)^2, without squares that underflow.
    shares = np.exp(np.minimum(logs, t)) * lost * np.where(logs > t, kept, lost)
    return float(energy @ shares) * n / left, float(counts @ kept**2), left


def spectrum(eigenvalues: ArrayLike, signal: ArrayLike | None) -> tuple[NDArray, NDArray, NDArray]:
    """Return logarithms of the distinct positive eigenvalues, descending, with the energy of the
    signal at each, and how often each occurs."""
    values = check_vector(eigenvalues, "eigenvalues").astype(np.float64)
    if values.min() < 0:
        raise ValueError(f"eigenvalues contains {values.min():g}; expected numbers >= 0")
    if signal is None:
        energy = np.full(values.size, 1 / values.size)
    else:
        energy = check_vector(signal, "signal", length=values.size).astype(np.float64)
        if energy.min() < 0:
            raise ValueError(
                f"signal contains {energy.min():g}; expected squares of coefficients, >= 0"
            )
    distinct, index = np.unique(values, return_inverse=True)
    counts = np.bincount(index).astype(float)
    energy = np.bincount(index, weights=energy)
    keep = slice(1, None) if distinct[0] == 0 else slice(None)  # x has no such direction
    if not distinct[keep].size:
        raise ValueError("eigenvalues are all zero; expected at least one above zero")
    return np.log(distinct[keep][::-1]), energy[keep][::-1], counts[keep][::-1]
