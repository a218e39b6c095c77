"""Means over repeated runs and how far to trust them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["mean_and_error"]


def mean_and_error(samples: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over the first axis, and its standard error.

    Parameters
    ----------
    samples : array-like of shape (draws, ...)
        Two draws or more.

    Returns
    -------
    mean, error : ndarray

    Raises
    ------
    ValueError
        Fewer than two draws.
    """
    values = np.asarray(samples, dtype=float)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError(f"samples has shape {values.shape}; expected two draws or more")
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
