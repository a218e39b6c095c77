r"""How far the PL* constant can fall when second derivatives are small: Hessian control.

In units that belong to the loss :math:`L = \|F(w) - y\|^2 / (2n)`: the constant
:math:`\mu_0 = \lambda_n(K)/n` at the start, the root mean square residual
:math:`e_0 = \|F(w_0) - y\| / \sqrt n = \sqrt{2 L(w_0)}`, and a bound h on the norms of the
Hessians of the outputs. Everything depends on one number without units, :math:`h e_0 / \mu_0`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from fearless._validation import check_positive

__all__ = [
    "ERF_CURVATURE",
    "HessianControl",
    "control_width",
    "hessian_control",
    "nearby_pl_constant",
    "smoothness_bound",
]

#: max |erf''| = sqrt(8 / (pi e)), at 1 / sqrt 2.
ERF_CURVATURE = math.sqrt(8 / (math.pi * math.e))


def nearby_pl_constant(
    constant: ArrayLike, hessian: ArrayLike, distance: ArrayLike
) -> NDArray[np.float64]:
    r"""Bound the PL* constant at some distance from a point where it is known.

    .. math::
        \mu(w) \ge \bigl( \sqrt{\mu_0} - h \, \|w - w_0\| \bigr)_+^2 .

    Parameters
    ----------
    constant : array-like
        mu_0 = lambda_n(K(w_0)) / n >= 0. All arguments are broadcast.
    hessian : array-like
        h >= 0, a bound on the Hessian norms of all outputs on the segment from w_0 to w; their
        root mean square over the samples suffices.
    distance : array-like
        ||w - w_0|| >= 0.

    Returns
    -------
    ndarray
        The bound; 0 where it says nothing.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The smallest singular value of the Jacobian moves by at most the norm of the change of the
    Jacobian, row i of which is at most h_i ||w - w_0|| long. Used in the section "Keeping PL*
    along the way".

    Examples
    --------
    >>> float(nearby_pl_constant(0.25, 0.1, 2.0).round(4))
    0.09
    """
    values = [
        _check_nonnegative(value, name)
        for value, name in ((constant, "constant"), (hessian, "hessian"), (distance, "distance"))
    ]
    with np.errstate(over="ignore"):  # a product beyond the range of floats: the bound is 0
        return np.maximum(np.sqrt(values[0]) - values[1] * values[2], 0.0) ** 2


def smoothness_bound(largest: float, hessian: float, radius: float, error: float) -> float:
    r"""Bound the smoothness of the loss on the part of a ball where it is no larger than at w_0.

    .. math::
        \beta \le \bigl( \sqrt{\lambda_1} + h R \bigr)^2 + h e_0 .

    Parameters
    ----------
    largest : float
        lambda_1 of K(w_0) / n.
    hessian : float
        h >= 0, see `nearby_pl_constant`, on the ball.
    radius : float
        R >= 0.
    error : float
        e_0, the root mean square residual at w_0.

    Returns
    -------
    float
        The bound on the norm of the Hessian of L.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The Hessian of L is DF' DF / n plus the mean of r_i times the Hessian of output i. Used in the
    section "Keeping PL* along the way".

    Examples
    --------
    >>> round(smoothness_bound(0.25, 0.1, 1.0, 2.0), 4)
    0.56
    """
    largest = check_positive(largest, "largest", allow_zero=True)
    hessian = check_positive(hessian, "hessian", allow_zero=True)
    radius = check_positive(radius, "radius", allow_zero=True)
    error = check_positive(error, "error", allow_zero=True)
    return (math.sqrt(largest) + hessian * radius) ** 2 + hessian * error


class HessianControl(NamedTuple):
    """Hold what Hessian control says of a run before it is made.

    Attributes
    ----------
    applies : bool
        Whether it says anything. If not, the other entries are the trivial bounds.
    radius : float
        How far from w_0 the run gets at most; infinity when nothing is known.
    constant : float
        The loss is PL* with this constant on the ball of that radius; 0 when nothing is known.
    factor : float
        The loss falls at least by this factor at every step; 1 when nothing is known, and for
        gradient flow, where the rate is exp(-2 t constant).
    """

    applies: bool
    radius: float
    constant: float
    factor: float


def hessian_control(
    constant: float, largest: float, error: float, hessian: float, *, step_size: float = 0.0
) -> HessianControl:
    r"""Decide from numbers at the start whether PL* is kept all the way, and how much of it.

    The radius is the smallest root R of

    .. math::
        c(R) \Bigl( \sqrt{\mu_0}\, R - \frac{h R^2}{2} \Bigr) = e_0 , \qquad
        c(R) = 1 - \frac{\eta}{2} \beta(R) ,

    with the beta of `smoothness_bound`; it has one if :math:`h e_0 / \mu_0` is less than about
    c / 2. Then gradient descent stays in the ball of radius R, where
    :math:`\mu \ge (\sqrt{\mu_0} - h R)^2`, and :math:`L(w_t) \le (1 - 2 \eta c \mu)^t L(w_0)`.

    Parameters
    ----------
    constant : float
        mu_0 = lambda_n(K(w_0)) / n, positive.
    largest : float
        lambda_1(K(w_0)) / n, at least mu_0.
    error : float
        e_0 = ||F(w_0) - y|| / sqrt(n).
    hessian : float
        h >= 0, a bound that holds at least in the ball; see `nearby_pl_constant`.
    step_size : float
        The step size eta >= 0 of gradient descent; 0 stands for gradient flow, where c = 1.

    Returns
    -------
    HessianControl
        Radius, constant and rate.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). The condition is that of the theorem of Newton and Kantorovich on Newton's method.
    Used in the section "Keeping PL* along the way".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2022), Loss landscapes and optimization in over-parameterized
    non-linear systems and neural networks, Applied and Computational Harmonic Analysis 59.

    Examples
    --------
    >>> flow = hessian_control(0.25, 1.0, error=1.0, hessian=0.105)
    >>> flow.applies, round(flow.radius, 4), round(flow.constant, 4)
    (True, 2.8571, 0.04)
    >>> hessian_control(0.25, 1.0, error=1.0, hessian=0.2)
    HessianControl(applies=False, radius=inf, constant=0.0, factor=1.0)
    """
    constant, largest = _check_spectrum(constant, largest)
    error = check_positive(error, "error", allow_zero=True)
    hessian = check_positive(hessian, "hessian", allow_zero=True)
    step_size = check_positive(step_size, "step_size", allow_zero=True)
    low, high = math.sqrt(constant), math.sqrt(largest)
    nothing = HessianControl(False, math.inf, 0.0, 1.0)
    # In units of sqrt(mu_0) / h the radius is x in [0, 1], and all numbers are of order one.
    target = hessian * error / constant
    if target > 0.5:  # gain(x) <= 1 / 2, for any step size
        return nothing

    def share(x: float) -> float:
        edge = high + low * x
        return 1 - step_size * (edge * edge + hessian * error) / 2

    def gain(x: float) -> float:
        return share(x) * (x - x * x / 2)

    def slope(x: float) -> float:
        return share(x) * (1 - x) - step_size * low * (high + low * x) * (x - x * x / 2)

    if share(0.0) <= 0:
        return nothing
    # Up to its end the gain is a product of two positive concave functions: one peak.
    end = 1.0 if share(1.0) > 0 else float(brentq(share, 0.0, 1.0))
    peak = end if slope(end) >= 0 else float(brentq(slope, 0.0, end))
    if gain(peak) < target:
        return nothing
    x = float(brentq(lambda x: gain(x) - target, 0.0, peak, xtol=1e-18)) if target > 0 else 0.0
    kept = constant * (1 - x) ** 2
    factor = 1 - 2 * step_size * share(x) * kept
    # By the equation, the root x sqrt(mu_0) / h; in this form exact for the smallest h, and for 0.
    radius = error / (share(x) * low * (1 - x / 2))
    return HessianControl(True, radius, kept, factor)


def control_width(
    constant: float,
    largest: float,
    error: float,
    curvature: float,
    *,
    step_size: float = 0.0,
    keep: float = 0.5,
) -> float:
    r"""Compute a width from which on Hessian control guarantees a share of the PL* constant.

    With :math:`h = C / \sqrt m`, `hessian_control` guarantees :math:`\mu \ge q \mu_0` once

    .. math::
        h e_0 \Bigl( \frac{2}{(1 - q) \mu_0} + \frac{\eta}{2} \Bigr)
        \le 1 - \frac{\eta}{2} \bigl( \sqrt{\lambda_1} + (1 - \sqrt q) \sqrt{\mu_0} \bigr)^2 .

    Parameters
    ----------
    constant, largest, error : float
        As for `hessian_control`.
    curvature : float
        The C > 0 of h = C / sqrt(m).
    step_size : float
        The step size; 0 stands for gradient flow.
    keep : float
        The share q of the constant to keep, 0 <= q < 1.

    Returns
    -------
    float
        The width m, not rounded; infinity if the step size is too large for any width, or if m is
        beyond the range of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Of order (C e_0 / mu_0)^2. The numbers at the start depend on the width too, but have limits.
    Used in the section "Keeping PL* along the way".

    Examples
    --------
    >>> m = control_width(0.05, 0.25, error=1.3, curvature=ERF_CURVATURE)
    >>> round(m), hessian_control(0.05, 0.25, 1.3, ERF_CURVATURE / m**0.5).constant.__round__(6)
    (10132, 0.025)
    """
    constant, largest = _check_spectrum(constant, largest)
    error = check_positive(error, "error", allow_zero=True)
    curvature = check_positive(curvature, "curvature")
    step_size = check_positive(step_size, "step_size", allow_zero=True)
    keep = check_positive(keep, "keep", allow_zero=True)
    if keep >= 1:
        raise ValueError(f"keep is {keep}; expected a share below 1")
    edge = math.sqrt(largest) + (1 - math.sqrt(keep)) * math.sqrt(constant)
    room = 1 - step_size * edge * edge / 2
    if room <= 0:
        return math.inf
    root = curvature * error * (2 / ((1 - keep) * constant) + step_size / 2) / room
    return root * root


def _check_spectrum(constant: float, largest: float) -> tuple[float, float]:
    constant = check_positive(constant, "constant")
    largest = check_positive(largest, "largest")
    if largest < constant:
        raise ValueError(f"largest is {largest:.3g}; expected at least constant = {constant:.3g}")
    return constant, largest


def _check_nonnegative(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if not np.all((array >= 0) & np.isfinite(array)):
        bad = array[~((array >= 0) & np.isfinite(array))].flat[0]
        raise ValueError(f"{name} has the entry {bad:.3g}; expected finite numbers >= 0")
    return array
