r"""The Laplacian kernel on a line: its norm is an energy, its interpolants hyperbolic arcs.

The space of :math:`K(x, z) = e^{-|x - z| / s}` on the line is the Sobolev space of functions with
one square-integrable derivative, with the norm

.. math:: \|f\|^2 = \frac12 \int \Big( \frac{f(x)^2}{s} + s \, f'(x)^2 \Big) dx .

A function that makes it small between given values solves f'' = f / s^2: it is an arc of hyperbolic
sines between two points and decays exponentially beyond the last. For a long s the arcs are
straight lines, for a short one the function is zero except for a spike at every point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_positive, check_same_length, check_vector

__all__ = ["sobolev_interpolant", "sobolev_norm"]

_SHORTEST_GAP = 1e-100


def sobolev_norm(x: ArrayLike, y: ArrayLike, length: float) -> float:
    r"""Compute the least norm of a function through points of a line, Laplacian kernel.

    With the points in order and :math:`r_i = e^{-(x_{i+1} - x_i) / s}`,

    .. math:: \|f\|^2 = y_1^2 + \sum_i \frac{(y_{i+1} - r_i y_i)^2}{1 - r_i^2} ,

    which is :math:`y^\top K^{-1} y`: from left to right each value is predicted from the one
    before, by r_i y_i, and the errors are independent under the Gaussian process of the kernel.

    Parameters
    ----------
    x : array-like of shape (n,)
        The points, all different, in any order.
    y : array-like of shape (n,)
        The values.
    length : float
        The length s > 0 of the kernel.

    Returns
    -------
    float
        The norm (not squared).

    Raises
    ------
    TypeError, ValueError
        Vectors of different lengths, not finite, or with a repeated point; a length that is not
        positive.

    Notes
    -----
    Cost O(n log n), against O(n^3) for a general kernel. Used in an exercise of the
    section "Occam's razor for big models".

    References
    ----------
    N. Aronszajn (1950), Theory of reproducing kernels, Trans. Amer. Math. Soc. 68(3).

    Examples
    --------
    >>> sobolev_norm([0.0], [3.0], 1.0)
    3.0
    """
    x, y, length = _arguments(x, y, length)
    scale = np.abs(y).max() or 1.0  # squares of tiny values would vanish
    y = y / scale
    ratios = -np.diff(x) / length
    errors = np.diff(y) - y[:-1] * np.expm1(ratios)
    return float(scale * np.sqrt(y[0] ** 2 + np.sum(errors**2 / -np.expm1(2 * ratios))))


def sobolev_interpolant(x: ArrayLike, y: ArrayLike, length: float, at: ArrayLike) -> NDArray:
    r"""Evaluate the function of least norm through points of a line, Laplacian kernel.

    Between neighbours at distance h, at the distance t from the left one,

    .. math:: f = \frac{y_i \sinh((h - t) / s) + y_{i+1} \sinh(t / s)}{\sinh(h / s)} ,

    and :math:`f = y e^{-t/s}` at the distance t beyond the first or the last point.

    Parameters
    ----------
    x, y, length
        As in `sobolev_norm`.
    at : array-like of shape (m,)
        Where to evaluate.

    Returns
    -------
    ndarray of shape (m,)
        The values.

    Raises
    ------
    TypeError, ValueError
        As in `sobolev_norm`; `at` not a finite vector.

    Notes
    -----
    Cost O((n + m) log n). The hyperbolic sines are never formed, so that nothing overflows. Used in
    an exercise of the section "Occam's razor for big models".

    References
    ----------
    N. Aronszajn (1950), Theory of reproducing kernels, Trans. Amer. Math. Soc. 68(3).

    Examples
    --------
    >>> sobolev_interpolant([0.0, 1.0], [2.0, 4.0], 1e6, [0.25]).round(6)
    array([2.5])
    """
    x, y, length = _arguments(x, y, length)
    at = check_vector(at, "at").astype(np.float64)
    right = np.searchsorted(x, at)
    inner = (right > 0) & (right < len(x))
    end = np.where(right == 0, 0, -1)
    values = y[end] * np.exp(-np.abs(at - x[end]) / length)
    i = right[inner]
    gap, t = (x[i] - x[i - 1]) / length, (at[inner] - x[i - 1]) / length
    values[inner] = y[i - 1] * _sinh_ratio(gap - t, gap) + y[i] * _sinh_ratio(t, gap)
    return values


def _sinh_ratio(a: NDArray, b: NDArray) -> NDArray:
    """Return sinh(a) / sinh(b) for 0 <= a <= b, however large."""
    return np.exp(a - b) * np.expm1(-2 * a) / np.expm1(-2 * b)


def _arguments(x: ArrayLike, y: ArrayLike, length: float) -> tuple[NDArray, NDArray, float]:
    x, y = check_vector(x, "x").astype(np.float64), check_vector(y, "y").astype(np.float64)
    check_same_length(x=x, y=y)
    order = np.argsort(x)
    x, y = x[order], y[order]
    length = check_positive(length, "length")
    gaps = np.diff(x)
    if np.any(gaps == 0):
        raise ValueError(f"x contains {x[:-1][gaps == 0][0]} twice; expected different points")
    # The norm divides by gap / length; below this its square may overflow.
    if gaps.size and gaps.min() < _SHORTEST_GAP * length:
        raise ValueError(
            f"length is {length:g} and the shortest gap {gaps.min():g}; expected a gap of at least "
            f"{_SHORTEST_GAP} lengths"
        )
    return x, y, length
