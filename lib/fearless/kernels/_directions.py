"""Points as directions and lengths, without overflow on the way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["lengths", "normalized"]

_ROWS = 256  # normalised at once to get all lengths


def normalized(X: NDArray) -> tuple[NDArray, NDArray]:
    """Return the rows of X divided by their lengths, and the lengths; zeros stay zeros.

    The largest coordinate is taken out first, so that no square overflows.
    """
    largest = np.abs(X).max(axis=1)
    units = X / np.where(largest > 0, largest, 1)[:, None]
    norms = np.linalg.norm(units, axis=1)
    units /= np.where(norms > 0, norms, 1)[:, None]
    return units, largest * norms


def lengths(X: NDArray) -> NDArray:
    """Return ||x_i||, in the dtype of X, in blocks of rows."""
    result = np.empty(len(X), X.dtype)
    with np.errstate(over="ignore"):  # of the length itself: infinity
        for start in range(0, len(X), _ROWS):
            result[start : start + _ROWS] = normalized(X[start : start + _ROWS])[1]
    return result
