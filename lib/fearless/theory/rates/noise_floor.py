r"""Where stochastic gradient descent with a constant step stalls: Gaussian inputs, fresh samples.

Every sample is new, x ~ N(0, I_d) and y = <w*, x> + noise of variance sigma^2, and a step of size
eta goes against the mean gradient of m of them. The mean squared distance D_t = E ||w_t - w*||^2
then obeys a linear recursion with one number in it, so that everything is known in closed form.

References
----------
B. Widrow, M. Hoff (1960), Adaptive switching circuits, IRE WESCON.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector

__all__ = ["lms_distances", "lms_factor", "lms_floor", "lms_step_size"]


def lms_factor(step_size: float, dimension: int, batch_size: int = 1) -> float:
    r"""Compute the factor by which a step multiplies the mean squared distance.

    .. math:: f = (1 - \eta)^2 + \frac{\eta^2 (d + 1)}{m}

    Parameters
    ----------
    step_size : float
        eta > 0.
    dimension : int
        d.
    batch_size : int
        m fresh samples a step.

    Returns
    -------
    float
        f; the method converges in the mean square when it is below 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). For Gaussian x, E[||x||^2 x x^T] = (d + 2) I. With m = 1 this is the factor
    1 - 2 eta + eta^2 (d + 2). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> lms_factor(0.1, 8)
    0.9
    """
    eta, d, m = _check(step_size, dimension, batch_size)
    return 1 - eta * (2 - eta * (1 + (d + 1) / m))


def lms_step_size(dimension: int, batch_size: int = 1) -> float:
    r"""Compute the step size with the smallest factor; twice of it is the limit of stability.

    .. math:: \eta^* = \frac{m}{m + d + 1}

    Parameters
    ----------
    dimension : int
        d.
    batch_size : int
        m fresh samples a step.

    Returns
    -------
    float
        eta*.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> lms_step_size(8)
    0.1
    """
    _, d, m = _check(1.0, dimension, batch_size)
    return m / (m + d + 1)


def lms_floor(step_size: float, dimension: int, noise: float, batch_size: int = 1) -> float:
    r"""Compute the mean squared distance at which a constant step stalls.

    .. math::
        \lim_{t \to \infty} \mathbb{E} \|w_t - w^*\|^2
        = \frac{\eta\, \sigma^2 d}{2 m - \eta\, (m + d + 1)}

    Parameters
    ----------
    step_size : float
        eta, below the limit of stability.
    dimension : int
        d.
    noise : float
        The variance sigma^2 >= 0 of the noise in the targets; with 0 there is no floor.
    batch_size : int
        m fresh samples a step.

    Returns
    -------
    float
        The floor; for m = 1 it is eta sigma^2 d / (2 - eta (d + 2)).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the step is too long for a limit to exist.

    Notes
    -----
    Cost O(1). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> lms_floor(0.1, 8, 1.0)
    0.8
    """
    eta, d, m = _check(step_size, dimension, batch_size)
    noise = check_positive(noise, "noise", allow_zero=True)
    gap = 2 * m - eta * (m + d + 1)
    if gap <= 0 or eta >= 2 * lms_step_size(d, m):
        raise ValueError(
            f"step_size is {eta!r}; expected less than {2 * lms_step_size(d, m):.6g}: from there "
            "on the mean squared distance grows without bound"
        )
    return eta * noise * d / gap


def lms_distances(
    steps: ArrayLike,
    step_size: float,
    dimension: int,
    start: float,
    noise: float = 0.0,
    batch_size: int = 1,
) -> NDArray[np.float64]:
    r"""Compute the mean squared distance after any number of steps, exactly.

    .. math:: D_t = f^t D_0 + \frac{1 - f^t}{1 - f} \, \frac{\eta^2 \sigma^2 d}{m}

    Parameters
    ----------
    steps : array-like of shape (j,)
        Numbers t >= 0 of steps.
    step_size : float
        eta > 0, also beyond the limit of stability.
    dimension : int
        d.
    start : float
        D_0 = ||w_0 - w*||^2.
    noise : float
        The variance sigma^2 of the noise in the targets.
    batch_size : int
        m fresh samples a step.

    Returns
    -------
    ndarray of shape (j,)
        D_t; inf where it is too large for a float.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(j). Used in the section "SGD under interpolation".

    Examples
    --------
    >>> lms_distances([0, 1, 2], 0.1, 8, start=1.0).round(4)
    array([1.  , 0.9 , 0.81])
    """
    eta, d, m = _check(step_size, dimension, batch_size)
    start = check_positive(start, "start", allow_zero=True)
    noise = check_positive(noise, "noise", allow_zero=True)
    times = check_vector(steps, "steps")
    if np.any(times < 0):
        raise ValueError(f"steps contains {times.min()}; expected numbers >= 0")
    change = -eta * (2 - eta * (1 + (d + 1) / m))
    kick = eta**2 * noise * d / m
    exponents = times * np.log1p(change)
    with np.errstate(over="ignore"):
        # Zero times infinity is to be zero: without noise and from w*, nothing grows.
        distances = np.exp(exponents) * start if start > 0 else np.zeros(times.shape)
        if kick > 0:
            distances += kick * (times if change == 0 else np.expm1(exponents) / change)
    return distances


def _check(step_size: float, dimension: int, batch_size: int) -> tuple[float, int, int]:
    return (
        check_positive(step_size, "step_size"),
        check_int(dimension, "dimension"),
        check_int(batch_size, "batch_size"),
    )
