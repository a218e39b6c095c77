r"""The exact risk of the Laplace kernel's interpolant on a line: inconsistent at every bandwidth.

Between two neighbouring samples of a line the interpolant of the kernel exp(-c |x - z|) is a
combination of hyperbolic functions of c times their distance, whatever the other samples are. The
distances of n uniform samples are about exponential with mean 1/n, so that the mean risk depends
on kappa = c/n alone: more data change nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from fearless._validation import check_positive
from fearless.theory._arrays import check_range

__all__ = [
    "LaplaceGap",
    "laplace_gap",
    "laplace_line_minimum",
    "laplace_line_risk",
]

# Below this the closed forms cancel, and a quadrature of products without differences does better.
_SMALL = 1.0
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)

# Beyond this length of a gap nothing changes within rounding, and products of it stay finite.
_HUGE = 1e150

# u e^-u du in u = e^v: the trapezoidal rule on the whole line converges geometrically.
_LOG_GAPS = np.linspace(-22.0, 4.6, 800)
_GAPS = np.exp(_LOG_GAPS)
_WEIGHTS = _GAPS**2 * np.exp(-_GAPS) * (_LOG_GAPS[1] - _LOG_GAPS[0])


@dataclass(frozen=True)
class LaplaceGap:
    r"""Means over a gap of the interpolant of its two ends, see `laplace_gap`.

    Attributes
    ----------
    bias : float or ndarray
        :math:`\int (1 - a - b)^2`.
    square, cross : float or ndarray
        :math:`\int a^2 = \int b^2` and :math:`\int a b`.
    deficit : float or ndarray
        :math:`\int a (1 - a - b) = \int b (1 - a - b)`.
    """

    bias: NDArray[np.float64]
    square: NDArray[np.float64]
    cross: NDArray[np.float64]
    deficit: NDArray[np.float64]


def laplace_gap(h: ArrayLike) -> LaplaceGap:
    r"""Compute the means over one gap that all risks of the Laplace interpolant are made of.

    At the share s of a gap of length h (in units of the kernel's length 1/c) between samples with
    labels y_1 and y_2 the interpolant is y_1 a + y_2 b with

    .. math:: a = \frac{\sinh(h (1 - s))}{\sinh h}, \qquad b = \frac{\sinh(h s)}{\sinh h},

    and the means over s of 1, a, b and their products are elementary.

    Parameters
    ----------
    h : float or array-like
        Lengths of gaps over the length of the kernel, at least 0.

    Returns
    -------
    LaplaceGap
        Four arrays of the shape of h.

    Raises
    ------
    TypeError, ValueError
        h is negative or not finite.

    Notes
    -----
    Closed forms, and their series for small h, where they cancel. Used in the section "When does
    minimum norm generalise?".

    Examples
    --------
    >>> gap = laplace_gap(0.0)  # the straight line: a = 1 - s, b = s
    >>> round(float(gap.square), 12), round(float(gap.cross), 12), float(gap.bias)
    (0.333333333333, 0.166666666667, 0.0)
    """
    lengths = check_range(h, "h")
    h = lengths.reshape(-1)
    small = h < _SMALL
    bias, square, cross, deficit = np.empty((4, h.size))
    for mask, means in ((small, _means_by_quadrature), (~small, _means_in_closed_form)):
        bias[mask], square[mask], cross[mask], deficit[mask] = means(h[mask])
    return LaplaceGap(*(v.reshape(lengths.shape) for v in (bias, square, cross, deficit)))


def _means_in_closed_form(h: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    decay = np.exp(-h)  # it may underflow, the hyperbolic functions would overflow
    mean = np.tanh(h / 2) / h  # of a
    both = mean + 2 * decay / (1 + decay) ** 2  # of (a + b)^2
    square = 1 / (2 * h * np.tanh(h)) - 2 * (decay / np.expm1(-2 * h)) ** 2
    return 1 - 4 * mean + both, square, both / 2 - square, mean - both / 2


def _means_by_quadrature(h: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    s, weights = (_NODES + 1) / 2, _NODE_WEIGHTS / 2
    x = np.maximum(h, 1e-8)[:, None]  # at h = 0 the limit of the quotients
    a, b = np.sinh(x * (1 - s)) / np.sinh(x), np.sinh(x * s) / np.sinh(x)
    # 1 - a - b as a product
    gap = 2 * np.sinh(h[:, None] * (1 - s) / 2) * np.sinh(h[:, None] * s / 2) / np.cosh(x / 2)
    return gap**2 @ weights, a**2 @ weights, (a * b) @ weights, (a * gap) @ weights


def laplace_line_risk(
    kappa: ArrayLike, *, signal: float = 1.0, noise: float = 1.0
) -> float | NDArray[np.float64]:
    r"""Compute the limit of the excess risk of the Laplace interpolant of noise on a constant.

    For n uniform samples of an interval with labels f_0 + epsilon and the kernel exp(-c |x - z|),
    as n grows with c = kappa n,

    .. math::
        \int_0^\infty u e^{-u} \int_0^1 \bigl[ f_0^2 (1 - a - b)^2
        + \sigma^2 (a^2 + b^2) \bigr] \, ds \, du

    with a and b of `laplace_gap` at h = kappa u: the gap that a fresh point falls into has the
    length u/n, and u the density u e^-u.

    Parameters
    ----------
    kappa : float or array-like
        Samples per length of the kernel, inverted: c/n >= 0. At 0 the interpolant is the broken
        line through the samples.
    signal : float, default 1
        The square f_0^2 of the truth.
    noise : float, default 1
        The variance sigma^2 of the noise.

    Returns
    -------
    float or ndarray
        The excess risk, in the shape of kappa: 2/3 sigma^2 at kappa = 0, f_0^2 in the limit of
        large kappa, never near 0 in between.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The inner integral in closed form, the outer by the trapezoidal rule in ln u: relative error
    below 1e-9 from kappa = 0 to 1e6. A smooth truth is constant on the scale of a gap, so that it
    has the same limit with f_0^2 replaced by the mean of its square. Used in the section "When
    does minimum norm generalise?".

    References
    ----------
    A. Rakhlin, X. Zhai (2019), Consistency of interpolation with Laplace kernels is a
    high-dimensional phenomenon, Conference on Learning Theory.

    Examples
    --------
    >>> round(laplace_line_risk(0.0), 6)
    0.666667
    """
    signal = check_positive(signal, "signal", allow_zero=True)
    noise = check_positive(noise, "noise", allow_zero=True)
    kappa = check_range(kappa, "kappa")
    gaps = laplace_gap(np.minimum(kappa[..., None] * _GAPS, _HUGE))
    risk = (signal * gaps.bias + 2 * noise * gaps.square) @ _WEIGHTS
    return float(risk) if risk.ndim == 0 else risk


def laplace_line_minimum(*, signal: float = 1.0, noise: float = 1.0) -> tuple[float, float]:
    """Compute the best bandwidth for `laplace_line_risk`, and the risk there.

    Parameters
    ----------
    signal, noise : float
        The square of the truth and the variance of the noise, above 0.

    Returns
    -------
    kappa, risk : float
        Where the risk is least, and its value: what no bandwidth can go below. From noise = 3
        signal on that is kappa = infinity, where the interpolant is 0 except at the samples.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    One minimisation over ln kappa. Used in the section "When does minimum norm generalise?".

    Examples
    --------
    >>> kappa, risk = laplace_line_minimum()
    >>> round(kappa, 2), round(risk, 4)
    (1.09, 0.5666)
    """
    signal, noise = check_positive(signal, "signal"), check_positive(noise, "noise")
    ratio = noise / signal
    # For large kappa the risk over f_0^2 is 1 + (ratio - 3) / kappa + ..., below 1 for small noise.
    if ratio >= 3:
        return math.inf, signal
    guess = math.log(min(math.sqrt(ratio), 1.0))
    found = minimize_scalar(
        lambda v: laplace_line_risk(math.exp(v), signal=1.0, noise=ratio),
        bounds=(guess - 4, 16.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return math.exp(found.x), signal * float(found.fun)
