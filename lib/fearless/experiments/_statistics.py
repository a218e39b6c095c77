"""Repeated runs summed up: means and how far to trust them, exponents of power laws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["loglog_slopes", "mean_and_error"]


def loglog_slopes(sizes: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Fit a power of the size to each row, by least squares on logarithms.

    Parameters
    ----------
    sizes : array-like of shape (m,)
        Positive.
    values : array-like of shape (..., m)
        Positive.

    Returns
    -------
    ndarray of shape (...,)
        The exponents.
    """
    x = np.log(np.asarray(sizes, float))
    x = x - x.mean()
    return np.log(np.asarray(values, float)) @ x / (x @ x)


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
