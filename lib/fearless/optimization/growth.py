"""How much the samples of a loss disagree: strong growth, and labels that break it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_positive, check_same_length, check_vector
from fearless.optimization.saddles import UnitLosses

__all__ = ["label_twice", "strong_growth"]


def label_twice(
    X: ArrayLike, y: ArrayLike, noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Give every input two labels, :math:`y_i + \sigma` and :math:`y_i - \sigma`.

    No weights fit both, and yet the square loss is that of the y_i plus the constant
    :math:`\sigma^2 / 2`: the same minima, saddles and gradients, and other sample gradients.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Inputs.
    y : array-like of shape (n,)
        Labels.
    noise : float
        sigma >= 0.

    Returns
    -------
    X : ndarray of shape (2 n, d)
    y : ndarray of shape (2 n,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n d). Used in the section "Escaping saddle points".

    Examples
    --------
    >>> label_twice([[1.0]], [2.0], 0.5)[1]
    array([2.5, 1.5])
    """
    X, y = check_matrix(X, "X"), check_vector(y, "y")
    check_same_length(X=X, y=y)
    noise = check_positive(noise, "noise", allow_zero=True)
    signs = np.tile([1.0, -1.0], len(y))
    return np.repeat(X, 2, axis=0), np.repeat(y, 2) + noise * signs


def strong_growth(objective: UnitLosses, w: ArrayLike) -> NDArray[np.float64]:
    r"""Compute how large sample gradients are at w, measured by their mean.

    .. math:: \frac{\frac1n \sum_i \|\nabla \ell_i(w)\|^2}{\|\nabla L(w)\|^2} .

    The strong growth condition asks that this be bounded, by a constant rho, at all w.

    Parameters
    ----------
    objective : UnitLosses
        A loss with samples.
    w : array-like of shape (..., p)
        Weights.

    Returns
    -------
    ndarray of shape (...,)
        At least 1. Infinite where the mean gradient is zero and sample gradients are not, 1 where
        all of them are zero.

    Raises
    ------
    ValueError
        w is not as described, or a sample gradient is not finite there.

    Notes
    -----
    Cost O(n p) for each w. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization.saddles import QuadraticNetwork
    >>> float(strong_growth(QuadraticNetwork(np.eye(2), [1.0, 1.0]), [2.0, 2.0]))
    2.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = objective.unit_gradients(w)
    if not np.isfinite(slopes).all():
        raise ValueError("w has sample gradients that are not finite; expected smaller weights")
    # The ratio has no unit: squares of very small and very large gradients are not needed.
    top = np.abs(slopes).max(axis=(-1, -2), keepdims=True)
    slopes = slopes / np.where(top > 0, top, 1.0)
    X, n = objective.X / (np.abs(objective.X).max() or 1.0), objective.n_samples
    squares = np.mean(np.sum(slopes**2, axis=-1) * np.sum(X**2, axis=1), axis=-1)
    mean = np.sum((np.matmul(np.swapaxes(slopes, -1, -2), X) / n) ** 2, axis=(-1, -2))
    ratio = np.where(squares > 0, np.inf, 1.0)
    with np.errstate(over="ignore"):  # a subnormal mean gradient: the ratio is infinite
        np.divide(squares, mean, out=ratio, where=mean > 0)
    return ratio
