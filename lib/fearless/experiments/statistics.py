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

    Raises
    ------
    ValueError
        Fewer than two different sizes, numbers that are not positive, or rows of another length.

    Examples
    --------
    >>> loglog_slopes([1, 2, 4], [[8, 4, 2], [1, 4, 16]]).round(6)
    array([-1.,  2.])
    """
    x, y = np.asarray(sizes, float), np.asarray(values, float)
    for name, numbers in (("sizes", x), ("values", y)):
        if not (np.isfinite(numbers).all() and (numbers > 0).all()):
            raise ValueError(f"{name} contains {numbers.min():g}; expected positive numbers")
    if x.ndim != 1 or y.shape[-1:] != x.shape or len(np.unique(x)) < 2:
        raise ValueError(
            f"sizes has shape {x.shape}, values {y.shape}; expected (m,) with two sizes or more, "
            "and rows of m values"
        )
    x = np.log(x)
    x = x - x.mean()
    return np.log(y) @ x / (x @ x)


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

    Examples
    --------
    >>> mean_and_error([1.0, 3.0])
    (np.float64(2.0), np.float64(1.0))
    """
    values = np.asarray(samples, dtype=float)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError(f"samples has shape {values.shape}; expected two draws or more")
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
