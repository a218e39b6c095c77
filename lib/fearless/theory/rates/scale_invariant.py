r"""Weights whose length does not matter, under weight decay: where they settle, and how fast.

Let the loss of every batch be the same for w and c w, c > 0. Its gradient is orthogonal to w, and
``g(w) = G(w / |w|) / |w|`` with the gradient G on the unit sphere. The step

.. math:: w_{t+1} = (1 - \eta\lambda)\, w_t - \eta\, g_t

then obeys Pythagoras, ``|w_{t+1}|^2 = (1 - eta lambda)^2 |w_t|^2 + eta^2 |G_t|^2 / |w_t|^2``, and
turns w by an angle with ``cos theta_t = (1 - eta lambda) |w_t| / |w_{t+1}|``. Everything here
follows from these two lines; *noise* is the mean of ``|G|^2``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive

__all__ = [
    "effective_step_size",
    "equilibrium_angle",
    "equilibrium_norm",
    "norm_path",
    "rayleigh_equilibrium_loss",
    "relaxation_time",
]

_ANGLES = 5_000


def equilibrium_angle(intrinsic_rate: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the angle by which each step turns weights whose length has settled.

    .. math:: \theta = \arccos(1 - \eta\lambda) \approx \sqrt{2 \eta\lambda}

    Parameters
    ----------
    intrinsic_rate : array-like
        eta lambda, step size times weight decay, in (0, 1).

    Returns
    -------
    ndarray
        Radians, in the shape of ``intrinsic_rate``.

    Raises
    ------
    TypeError, ValueError
        ``intrinsic_rate`` is not as described.

    Notes
    -----
    On any run the mean of ``log cos theta_t`` over T steps is ``log(1 - eta lambda) +
    log(|w_0| / |w_T|) / T``, whatever the gradients are. Cost O(1) an entry. Used in the section
    "Losses and scale".

    References
    ----------
    Z. Li, K. Lyu, S. Arora (2020), Reconciling modern deep learning with traditional optimization
    analyses: the intrinsic learning rate, NeurIPS: the first order in eta lambda.

    Examples
    --------
    >>> equilibrium_angle([0.001, 0.1]).round(4), np.sqrt([0.002, 0.2]).round(4)
    (array([0.0447, 0.451 ]), array([0.0447, 0.4472]))
    """
    # The arc cosine of 1 - rate would lose all digits of a small rate.
    return 2 * np.arcsin(np.sqrt(_check_rate(intrinsic_rate) / 2))


def equilibrium_norm(
    step_size: ArrayLike, weight_decay: ArrayLike, noise: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute the length at which the weights settle.

    .. math:: |w|^4 = \frac{\eta\, E|G|^2}{\lambda\, (2 - \eta\lambda)}
        \approx \frac{\eta\, \operatorname{Tr} \Sigma}{2 \lambda}

    Exact when ``|G_t|^2`` does not vary.

    Parameters
    ----------
    step_size, weight_decay : array-like
        eta and lambda, > 0, with eta lambda < 1.
    noise : array-like
        Mean squared length of the stochastic gradient on the unit sphere, > 0: trace of its
        covariance and square of its mean.

    Returns
    -------
    ndarray
        In the shape that the arguments have together.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Losses and scale".

    Examples
    --------
    >>> equilibrium_norm(0.1, [0.01, 0.001], 1.0).round(4)
    array([1.4955, 2.6592])
    """
    eta, decay = _check_all(step_size, "step_size"), _check_all(weight_decay, "weight_decay")
    _check_rate(eta * decay)
    return (eta * _check_all(noise, "noise") / (decay * (2 - eta * decay))) ** 0.25


def effective_step_size(intrinsic_rate: ArrayLike, noise: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the step size on the unit sphere once the length has settled.

    The direction u = w / |w| makes the steps ``u - eta_e G(u)``, scaled back to length one, with

    .. math:: \eta_e = \frac{\eta}{(1 - \eta\lambda) |w|^2}
        = \frac{\tan\theta}{\sqrt{E|G|^2}}
        \approx \sqrt{\frac{2\eta\lambda}{\operatorname{Tr}\Sigma}}

    Parameters
    ----------
    intrinsic_rate : array-like
        eta lambda in (0, 1).
    noise : array-like
        Mean squared length of the stochastic gradient on the unit sphere, > 0.

    Returns
    -------
    ndarray
        In the shape that the arguments have together.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Losses and scale".

    Examples
    --------
    >>> effective_step_size([0.001, 0.01], 100.0).round(6)
    array([0.004475, 0.014249])
    """
    return np.tan(equilibrium_angle(intrinsic_rate)) / np.sqrt(_check_all(noise, "noise"))


def relaxation_time(intrinsic_rate: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the number of steps in which a small deviation of the length shrinks e-fold.

    .. math:: -\frac{1}{\log \bigl| 2 (1 - \eta\lambda)^2 - 1 \bigr|} \approx \frac{1}{4\eta\lambda}

    Parameters
    ----------
    intrinsic_rate : array-like
        eta lambda in (0, 1).

    Returns
    -------
    ndarray
        In the shape of ``intrinsic_rate``.

    Raises
    ------
    TypeError, ValueError
        ``intrinsic_rate`` is not as described.

    Notes
    -----
    The derivative of the recursion of :func:`norm_path` at its fixed point. Cost O(1) an entry.
    Used in the section "Losses and scale".

    Examples
    --------
    >>> relaxation_time([0.01, 0.001]).round(1)
    array([ 24.6, 249.6])
    """
    rate = _check_rate(intrinsic_rate)
    lost = 2 * rate * (2 - rate)  # one less the factor, without cancellation
    with np.errstate(divide="ignore"):
        return -1 / np.where(
            lost < 1, np.log1p(-np.minimum(lost, 1)), np.log(np.maximum(lost - 1, 0))
        )


def norm_path(
    start: ArrayLike,
    step_size: ArrayLike,
    weight_decay: ArrayLike,
    noise: ArrayLike,
    n_steps: int,
) -> NDArray[np.float64]:
    r"""Follow the length of the weights, when the gradient on the sphere has constant length.

    .. math:: s_{t+1} = (1 - \eta\lambda)^2 s_t + \eta^2 \frac{E|G|^2}{s_t}, \qquad s_t = |w_t|^2

    For small eta lambda, ``|w_t|^4`` moves to its limit like ``exp(-4 eta lambda t)``.

    Parameters
    ----------
    start : array-like
        |w_0| > 0.
    step_size, weight_decay, noise : array-like
        As of :func:`equilibrium_norm`.
    n_steps : int
        T >= 0.

    Returns
    -------
    ndarray of shape (..., T + 1)
        |w_0|, ..., |w_T|; the leading axes are those that the arguments have together.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(T) an entry. Used in the section "Losses and scale".

    Examples
    --------
    >>> norm_path(1.0, 0.5, 0.1, 4.0, 3).round(3)
    array([1.   , 1.379, 1.498, 1.572])
    """
    eta, decay = _check_all(step_size, "step_size"), _check_all(weight_decay, "weight_decay")
    keep = (1 - _check_rate(eta * decay)) ** 2
    push = eta**2 * _check_all(noise, "noise")
    n_steps = check_int(n_steps, "n_steps", minimum=0)
    square, keep, push = np.broadcast_arrays(_check_all(start, "start") ** 2, keep, push)
    path = np.empty((*square.shape, n_steps + 1))
    path[..., 0] = square
    for t in range(n_steps):
        path[..., t + 1] = keep * path[..., t] + push / path[..., t]
    return np.sqrt(path)


def rayleigh_equilibrium_loss(
    intrinsic_rate: ArrayLike, dimension: int, noise_std: float = 1.0
) -> NDArray[np.float64]:
    r"""Compute the mean loss of the Rayleigh quotient under noise, in equilibrium.

    The loss ``(1 - <u, e>^2) / 2`` of a direction u in R^D, with Gaussian gradient noise of
    standard deviation sigma in every direction of the sphere. For small steps the law of u tends
    to Watson's, with the density

    .. math:: \propto \exp(\kappa \langle u, e\rangle^2), \qquad \kappa = \frac{1}{\eta_e \sigma^2},

    where ``eta_e`` is :func:`effective_step_size` with the noise ``(D - 1) sigma^2 + E |mean
    gradient|^2`` under this law.

    Parameters
    ----------
    intrinsic_rate : array-like
        eta lambda in (0, 1).
    dimension : int
        D >= 2.
    noise_std : float
        sigma > 0.

    Returns
    -------
    ndarray
        In the shape of ``intrinsic_rate``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    First order in ``eta_e``, for steps that are small against the loss and its curvature. Cost
    O(5,000) an entry and round: an integral over the angle between u and e, repeated until noise
    and law agree. Used in the section "Losses and scale".

    Examples
    --------
    >>> rayleigh_equilibrium_loss([1e-5, 1e-3], 50).round(4)
    array([0.0078, 0.0785])
    """
    rate = _check_rate(intrinsic_rate)
    dimension = check_int(dimension, "dimension", minimum=2)
    variance = check_positive(noise_std, "noise_std") ** 2
    return np.vectorize(_watson_loss, otypes=[float])(rate, dimension, variance)


def _watson_loss(rate: float, dimension: int, variance: float) -> float:
    """Return the mean loss for one rate; the noise and the law are found together."""
    noise = (dimension - 1) * variance
    mean = 0.0
    for _ in range(200):
        width = float(effective_step_size(rate, noise)) * variance
        # Near e the square of the sine is like width / 2 times a chi-square of D - 1 degrees of
        # freedom. What lies beyond is less than rounding, and a small width needs a small range.
        reach = width / 2 * (dimension + 12 * np.sqrt(2 * dimension) + 100)
        top = np.arcsin(np.sqrt(min(reach, 1.0)))
        angles = (np.arange(_ANGLES) + 0.5) * (top / _ANGLES)  # the midpoint rule
        square = np.sin(angles) ** 2
        log_density = (dimension - 2) * np.log(np.sin(angles)) - square / width
        density = np.exp(log_density - log_density.max())
        density /= density.sum()
        mean, previous = float(density @ square), mean
        noise = (dimension - 1) * variance + float(density @ (square * (1 - square)))
        if abs(mean - previous) < 1e-10 * mean:
            break
    return mean / 2


def _check_all(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return positive numbers in any shape."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}; expected numbers")
    array = array.astype(float)
    for bad in array[~(np.isfinite(array) & (array > 0))].ravel()[:1]:
        raise ValueError(f"{name} is {bad:g}; expected a finite number > 0")
    return array


def _check_rate(values: ArrayLike) -> NDArray[np.float64]:
    array = _check_all(values, "intrinsic_rate")
    if (array >= 1).any():
        raise ValueError(
            f"intrinsic_rate, step size times weight decay, is {array.max():g}; expected less "
            "than 1: a step would turn the weights round"
        )
    return array
