r"""Risk of ridge regression on random features when n, N and d grow together.

The formulas of Mei and Montanari, in variables in which no nearly equal numbers are subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from fearless.theory._arrays import broadcast, check_range, ratio
from fearless.theory.proportional import LinearRisk

__all__ = ["RELU_MOMENTS", "ActivationMoments", "activation_moments", "random_features_risk"]


@dataclass(frozen=True)
class ActivationMoments:
    r"""What the limiting risk needs to know of an activation sigma, with G ~ N(0, 1).

    Attributes
    ----------
    mean : float
        :math:`\mu_0 = \E \sigma(G)`.
    linear : float
        :math:`\mu_1 = \E G \sigma(G)`, the coefficient of its linear part.
    nonlinear : float
        :math:`\mu_* = (\E \sigma(G)^2 - \mu_0^2 - \mu_1^2)^{1/2}`, the size of the rest.
    """

    mean: float
    linear: float
    nonlinear: float

    def __post_init__(self) -> None:
        for name in ("mean", "linear", "nonlinear"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}; expected a finite number")
        if self.nonlinear <= 0:
            raise ValueError(
                f"nonlinear is {self.nonlinear}; expected a number > 0: with a linear activation "
                "the features span d dimensions at most"
            )

    @property
    def zeta_squared(self) -> float:
        """The ratio mu_1^2 / mu_*^2."""
        return (self.linear / self.nonlinear) ** 2


#: The moments of max(0, x), in closed form.
RELU_MOMENTS = ActivationMoments(
    mean=1 / math.sqrt(2 * math.pi), linear=0.5, nonlinear=math.sqrt(0.25 - 1 / (2 * math.pi))
)


def activation_moments(activation: Callable[[float], float]) -> ActivationMoments:
    """Compute the Gaussian moments of an activation by quadrature.

    Parameters
    ----------
    activation : callable
        A function of one real number, at most exponentially large; a kink is best at 0.

    Returns
    -------
    ActivationMoments

    Raises
    ------
    TypeError
        ``activation`` is not callable.
    ValueError
        A moment is not finite, the quadrature does not converge, or the function is linear.

    Notes
    -----
    Three adaptive quadratures. For the ReLU use `RELU_MOMENTS`. Used in the section "Exact curves".

    Examples
    --------
    >>> moments = activation_moments(lambda x: max(0.0, x))
    >>> round(moments.linear, 10), round(moments.zeta_squared, 5)
    (0.5, 2.75194)
    """
    if not callable(activation):
        raise TypeError(f"activation is {activation!r}; expected a function of a real number")

    def expectation(function: Callable[[float], float]) -> float:
        total = 0.0
        # Beyond 38 the density underflows; the mass is cut where a kink is likely.
        for low, high in ((-38.0, -8.0), (-8.0, 0.0), (0.0, 8.0), (8.0, 38.0)):
            # With full output it warns of nothing: the error that it returns is judged below.
            value, error, *_ = quad(
                lambda x: function(x) * math.exp(-x * x / 2),
                low,
                high,
                limit=500,
                epsabs=1e-13,
                full_output=1,
            )
            if not error <= 1e-8 * (1 + abs(value)):
                raise ValueError(
                    f"activation has Gaussian moments that quadrature cannot find: {value:g} with "
                    f"an error of {error:g}; expected a function that is smooth but for a few kinks"
                )
            total += value
        return total / math.sqrt(2 * math.pi)

    mean = expectation(activation)
    linear = expectation(lambda x: x * activation(x))
    # The square of what is left, not a difference of squares: no cancellation.
    rest = expectation(lambda x: (activation(x) - mean - linear * x) ** 2)
    nonlinear = math.sqrt(rest)
    if nonlinear <= 1e-9 * (abs(mean) + abs(linear)):
        nonlinear = 0.0  # rounding of a linear function
    return ActivationMoments(mean, linear, nonlinear)


def random_features_risk(
    psi1: ArrayLike,
    psi2: ArrayLike,
    *,
    moments: ActivationMoments = RELU_MOMENTS,
    signal: ArrayLike = 1.0,
    nonlinear: ArrayLike = 0.0,
    noise: ArrayLike = 0.0,
    penalty: ArrayLike = 0.0,
) -> LinearRisk:
    r"""Compute the limiting risk of random features regression as N/d -> psi1, n/d -> psi2.

    Inputs x and weights v_k are uniform on the sphere of radius :math:`\sqrt d` in R^d, the model
    is :math:`f(x) = \sum_{k \le N} a_k \, \sigma(v_k^\top x / \sqrt d)`, fitted by minimising

    .. math:: \frac1n \sum_i (y_i - f(x_i))^2 + \frac{N \lambda}{d} \|a\|^2

    to y = beta^T x + g(x) + noise, where g is a random function without constant and linear part.
    Let x >= 0 solve

    .. math::
        (\psi_1 - x - s)(\psi_2 - x - s) = \frac{\psi_1 \psi_2 \lambda}{\mu_*^2} x, \qquad
        s = \frac{\zeta^2 x}{1 + \zeta^2 x}, \qquad x + s \le \min(\psi_1, \psi_2),

    and q = x + s (1 - s), D = (psi_1 - s^2)(psi_2 - s^2) - q^2. The linear part is fitted with bias
    and every other source of variance amplified by

    .. math::
        \mathcal B = \frac{\psi_2 (1 - s) (x s + \psi_1 (1 - s))}{D}, \qquad
        \mathcal V = \frac{s^2 (\psi_1 - s^2) + q^2}{D} .

    Parameters
    ----------
    psi1 : array-like
        Features per dimension, > 0; ``numpy.inf`` for the kernel machine that is the limit of
        many features.
    psi2 : array-like
        Samples per dimension, > 0.
    moments : ActivationMoments
        Of the activation; by default those of the ReLU.
    signal : array-like
        ||beta||^2 >= 0, the variance of the linear part of the target.
    nonlinear : array-like
        The variance of g(x), >= 0.
    noise : array-like
        The variance of the noise, >= 0.
    penalty : array-like
        lambda >= 0.

    Returns
    -------
    LinearRisk
        ``bias`` is signal * B + nonlinear * (1 + V), ``variance`` is noise * V. Without a penalty
        both are infinite at psi1 = psi2 (the variance unless there is no noise).

    Raises
    ------
    TypeError, ValueError
        An argument is no array of numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    At lambda = 0 the equation is quadratic; V = psi1 / (psi2 - psi1) for psi1 < psi2. Otherwise a
    Newton iteration that converges from one side. Cost O(1) an entry. Used in the section "Exact
    curves".

    References
    ----------
    S. Mei, A. Montanari (2022), The generalization error of random features regression: precise
    asymptotics and the double descent curve, Communications on Pure and Applied Mathematics 75(4).

    Examples
    --------
    >>> risk = random_features_risk([1.5, 3.0, 12.0, float("inf")], 3.0, noise=0.25)
    >>> risk.excess.round(3)
    array([0.87 ,   inf, 0.24 , 0.108])
    """
    if not isinstance(moments, ActivationMoments):
        raise TypeError(f"moments is {moments!r}; expected ActivationMoments")
    psi1 = np.asarray(psi1)
    infinite = np.isposinf(psi1) if psi1.dtype.kind == "f" else np.zeros(psi1.shape, bool)
    finite = np.where(infinite, 1.0, psi1) if infinite.any() else psi1
    psi1 = check_range(finite, "psi1", allow_zero=False)
    psi1, infinite, psi2, signal, nonlinear, noise, penalty = broadcast(
        psi1=psi1,
        infinite=infinite,
        psi2=check_range(psi2, "psi2", allow_zero=False),
        signal=check_range(signal, "signal"),
        nonlinear=check_range(nonlinear, "nonlinear"),
        noise=check_range(noise, "noise"),
        penalty=check_range(penalty, "penalty"),
    )
    z = moments.zeta_squared
    strength = penalty / moments.nonlinear**2
    x, gap1, gap2 = _solve(psi1, psi2, strength, z)
    s = z * x / (1 + z * x)
    q = x + s * (1 - s)
    # D = (q + gap1)(q + gap2) - q^2, with gap1 = psi1 - x - s and gap2 likewise.
    determinant = gap1 * gap2 + q * (gap1 + gap2)
    bias = ratio(psi2 * (1 - s) * (x * s + psi1 * (1 - s)), determinant)
    amplified = ratio(s**2 * (q + gap1) + q**2, determinant)
    if infinite.any():
        # With psi1 divided out the equation is psi2 - x - s = psi2 lambda x / mu_*^2.
        x = _root(1 + psi2 * strength, psi2, z)
        s = z * x / (1 + z * x)
        bias = np.where(infinite, psi2 * (1 - s) ** 2 / (psi2 - s**2), bias)
        amplified = np.where(infinite, s**2 / (psi2 - s**2), amplified)
    with np.errstate(invalid="ignore"):  # 0 * inf, replaced below
        of_signal, of_rest, of_noise = (
            np.where(size > 0, size * factor, 0.0)
            for size, factor in ((signal, bias), (nonlinear, 1 + amplified), (noise, amplified))
        )
    return LinearRisk(of_signal + of_rest, of_noise, noise)


def _root(a: NDArray, psi: NDArray, z: float) -> NDArray:
    """Solve a x + z x / (1 + z x) = psi for x > 0: a quadratic, its root without cancellation."""
    b = a + z - psi * z
    root = np.hypot(b, 2 * np.sqrt(a * z * psi))
    large = root + np.abs(b)
    # b <= 0 needs z > 0: without a linear part the first form serves.
    return np.where(b > 0, 2 * psi / large, large / np.where(b > 0, 1.0, 2 * a * z))


def _solve(
    psi1: NDArray, psi2: NDArray, strength: NDArray, z: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Return x and the gaps psi - x - s of both psi."""
    low = np.minimum(psi1, psi2)
    apart = np.abs(psi1 - psi2)
    weight = psi1 * psi2 * strength
    # (low - g)(low - g + apart) - weight x is convex and decreasing in x up to its root, since
    # g(x) = x + s is concave: Newton's iterates from 0 increase towards it.
    x = np.where(weight > 0, 0.0, _root(np.ones_like(low), low, z))
    for _ in range(500):
        shrink = 1 / (1 + z * x)
        gap = np.maximum(low - x - z * x * shrink, 0.0)
        value = gap * (gap + apart) - weight * x
        slope = (1 + z * shrink**2) * (2 * gap + apart) + weight
        step = np.where(weight > 0, ratio(np.maximum(value, 0.0), slope), 0.0)
        x = x + step
        if np.all(step <= 4e-16 * x):
            break
    # The product of the gaps is weight x: the smaller one follows from the larger.
    large = np.maximum(low - x * (1 + z / (1 + z * x)), 0.0) + apart
    small = np.where(weight > 0, ratio(weight * x, large), 0.0)
    first = psi1 <= psi2
    return x, np.where(first, small, large), np.where(first, large, small)
