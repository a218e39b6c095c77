"""Checks that the methods on least squares share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_same_length, check_vector


def check_problem(
    X: ArrayLike, y: ArrayLike, start: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray]:
    """Return X (n, p), y (n,) and a fresh copy of the start (p,), zero by default, in float64."""
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    y = check_vector(y, "y").astype(np.float64, copy=False)
    check_same_length(X=X, y=y)
    p = X.shape[1]
    if start is None:
        return X, y, np.zeros(p)
    return X, y, check_vector(start, "start", length=p).astype(np.float64, copy=True)


def check_starts(start: ArrayLike, p: int) -> NDArray:
    """Return one start, or one a run, as a float64 array of shape (1, p) or (R, p)."""
    if np.ndim(start) == 1:
        return check_vector(start, "start", length=p).astype(np.float64)[None]
    return check_matrix(start, "start", n_columns=p).astype(np.float64)
