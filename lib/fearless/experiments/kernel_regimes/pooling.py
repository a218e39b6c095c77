"""Digits of fewer pixels, where a network or a metric should be small."""

from __future__ import annotations

from numpy.typing import NDArray

__all__ = ["pooled_digits"]


def pooled_digits(X: NDArray, size: int = 14) -> NDArray:
    """Average images of 28 x 28 pixels over squares, to fewer pixels.

    Parameters
    ----------
    X : ndarray of shape (n, 784)
    size : int
        Pixels along an edge of the result; 28 is a multiple of it.

    Returns
    -------
    ndarray of shape (n, size^2)
    """
    step = 28 // size
    return X.reshape(-1, size, step, size, step).mean(axis=(2, 4)).reshape(len(X), size**2)
