r"""The SIR epidemic: what can be said of its course without solving it.

A share s of the people can be infected, a share i is infectious, the rest is immune:

.. math::
    s' = -\beta s i, \qquad i' = \beta s i - i / D,

with contact rate beta and mean infectious period D. At the start s + i = 1. The ratio of the two
equations has a solution in closed form, s = s(0) exp(-R_0 (1 - s - i)) with R_0 = beta D, from
which both functions of this module follow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lambertw

__all__ = ["final_size", "peak_prevalence"]


def final_size(reproduction_number: ArrayLike, initial: ArrayLike = 0.0) -> NDArray[np.float64]:
    r"""Compute the share z of people who are infected sooner or later.

    .. math::
        1 - z = (1 - i_0) \, e^{-R_0 z},

    the largest root. It is above zero for i_0 > 0 and, in the limit i_0 -> 0, for R_0 > 1.

    Parameters
    ----------
    reproduction_number : array-like
        R_0 = beta D, the number of people whom one infects while all others can be; at least 0.
    initial : array-like
        The share i_0 that is infectious at the start, in [0, 1].

    Returns
    -------
    ndarray of float, of the common shape
        The final size z in [i_0, 1].

    Raises
    ------
    TypeError, ValueError
        An argument is no array of numbers in its range.

    Notes
    -----
    Cost O(1) an entry: with Lambert's function, 1 - z = -W(-(1 - i_0) R_0 exp(-R_0)) / R_0. Used in
    the section "Under-specification".

    References
    ----------
    W. Kermack, A. McKendrick (1927), A contribution to the mathematical theory of epidemics,
    Proceedings of the Royal Society A 115.

    Examples
    --------
    >>> final_size([0.5, 1.0, 2.0]).round(4)
    array([0.    , 0.    , 0.7968])
    """
    ratio, start = _check(reproduction_number, initial)
    positive = np.maximum(ratio, 1e-12)  # below, nobody else is infected to twelve digits
    # Principal branch: the root with R_0 s < 1, where an epidemic has come to its end. Its
    # argument is -1/e at least; there, where the root is double, rounding may take it below.
    argument = np.maximum(-(1 - start) * positive * np.exp(-positive), -np.exp(-1.0))
    left = -lambertw(argument).real / positive
    size = np.where(np.isfinite(left), 1 - left, 1 - 1 / np.maximum(positive, 0.5))
    # Newton's method on the logarithm of the equation restores digits that W loses near R_0 = 1.
    for _ in range(3):
        inside = (size > 0) & (size < 1) & (start < 1)
        z, i0 = np.where(inside, size, 0.5), np.where(inside, start, 0.0)
        slope = ratio - 1 / (1 - z)
        step = np.log1p(-z) - np.log1p(-i0) + ratio * z
        usable = inside & (slope < -1e-7)
        size = np.where(usable, size - step / np.where(usable, slope, -1.0), size)
    size = np.where(ratio > 0, size, start)
    return np.where((start == 0) & (ratio <= 1), 0.0, np.clip(size, start, 1))


def peak_prevalence(
    reproduction_number: ArrayLike, initial: ArrayLike = 0.0
) -> NDArray[np.float64]:
    r"""Compute the largest share of people who are infectious at one time.

    .. math::
        \max_t i(t) = 1 - \frac{1 + \ln(R_0 (1 - i_0))}{R_0}
        \quad \text{if } R_0 (1 - i_0) > 1, \text{ and } i_0 \text{ otherwise.}

    Parameters
    ----------
    reproduction_number : array-like
        R_0 = beta D; at least 0.
    initial : array-like
        The share i_0 that is infectious at the start, in [0, 1].

    Returns
    -------
    ndarray of float, of the common shape
        The peak, in [i_0, 1].

    Raises
    ------
    TypeError, ValueError
        An argument is no array of numbers in its range.

    Notes
    -----
    Cost O(1) an entry. At the peak s = 1 / R_0. Used in the section "Under-specification".

    References
    ----------
    W. Kermack, A. McKendrick (1927), A contribution to the mathematical theory of epidemics,
    Proceedings of the Royal Society A 115.

    Examples
    --------
    >>> peak_prevalence([0.5, 1.0, 2.0]).round(4)
    array([0.    , 0.    , 0.1534])
    """
    ratio, start = _check(reproduction_number, initial)
    # In terms of the excess R_0 (1 - i_0) - 1 no digits cancel where the peak is low.
    excess = np.maximum(ratio * (1 - start) - 1, 0.0)
    return np.asarray(start + (excess - np.log1p(excess)) / np.maximum(ratio, 1.0))


def _check(reproduction_number: ArrayLike, initial: ArrayLike) -> tuple[NDArray, NDArray]:
    arrays = []
    for values, name, top in (
        (reproduction_number, "reproduction_number", np.inf),
        (initial, "initial", 1.0),
    ):
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
        bad = ~(np.isfinite(array) & (array >= 0) & (array <= top))
        if np.any(bad):
            expected = "finite numbers >= 0" if top == np.inf else "numbers in [0, 1]"
            raise ValueError(f"{name} contains {array[bad].flat[0]}; expected {expected}")
        arrays.append(array.astype(np.float64))
    return tuple(np.broadcast_arrays(*arrays))
