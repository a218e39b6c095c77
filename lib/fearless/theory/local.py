r"""Closed forms for estimators that average the labels of nearby points.

Such an estimator predicts sum_i w_i y_i with weights that depend on the inputs alone. With noise of
variance sigma^2 in the labels its variance is sigma^2 E sum_i w_i^2, so that this one number, the
*noise share*, says how much of the noise survives the averaging: 1 for one nearest neighbour, 1/k
for the mean of k.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_option, check_positive

# Index alpha = d/a below which the noise share is 1 - alpha up to 2 ln 2 alpha^2 < 4e-9 (n = 2).
_NEAREST_ALONE = 5e-5

__all__ = [
    "hilbert_variance",
    "interpolated_neighbors_variance",
    "nearest_distance",
    "singular_variance",
    "singular_variance_limit",
]


def singular_variance(n: int, d: int, exponent: float) -> float:
    r"""Compute the exact noise share E sum_i w_i^2 of n power weights r_i^{-a} in a ball.

    The n points are uniform in a ball around the query (or in any set in which the volumes
    :math:`U_i \propto r_i^d` are uniform), with weights :math:`w_i = r_i^{-a} / \sum_j r_j^{-a}`.
    With :math:`\alpha = d/a` the :math:`V_i = U_i^{-1/\alpha}` are Pareto variables of index
    alpha, and because :math:`1/S^2 = \int_0^\infty \lambda e^{-\lambda S} d\lambda`,

    .. math::
        E \sum_i w_i^2 = n \int_0^\infty \lambda \, M(\lambda) \, \varphi(\lambda)^{n-1} d\lambda,
        \qquad \varphi(\lambda) = E e^{-\lambda V} = \alpha E_{\alpha + 1}(\lambda), \quad
        M(\lambda) = E V^2 e^{-\lambda V} = \alpha E_{\alpha - 1}(\lambda)

    with the exponential integrals E_p. It holds for every a > 0, a >= d/2 included, where the
    weights have no second moment.

    Parameters
    ----------
    n : int
        The number of points in the ball.
    d : int
        The dimension.
    exponent : float
        The exponent a > 0; a = d is the Hilbert kernel.

    Returns
    -------
    float
        The noise share, between 1/n and 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Quadrature on a fixed grid, cost O(1), relative error below 1e-8 for n up to 1e8. Where a / d
    exceeds 2e4 the first two terms in d/a are returned, 1 - d/a, which share this error. Used in
    the section "Nearest neighbours and singular kernels".

    References
    ----------
    P. P. Mitra, C. Sire (2021), Parameter-free statistically consistent interpolation:
    dimension-independent convergence rates for Hilbert kernel regression, arXiv:2106.03354.

    Examples
    --------
    >>> round(singular_variance(100, 1, 1.0), 5)
    0.15741
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    exponent = check_positive(exponent, "exponent")
    if exponent / d < 1e-9:  # all weights are equal to first order, and alpha may overflow
        return 1 / n
    alpha = d / exponent
    if alpha < _NEAREST_ALONE:
        return 1 - alpha if n > 1 else 1.0
    # lambda = e^y. To the right the integrand falls like exp(-n e^y), to the left like
    # e^{min(alpha, 2) y} beyond the scale n^{-1/min(alpha, 1)} of 1/S: the trapezoidal rule on the
    # whole line converges geometrically.
    low = -math.log(n) / min(alpha, 1.0) - 42 / min(alpha, 2.0)
    y = np.linspace(low, 6.0, max(1500, int(12 * (6 - low))))
    total = 0.0
    for part in np.array_split(y, len(y) // 4096 + 1):  # a huge exponent takes a long grid
        complement, second = _laplace_transforms(part, alpha)
        with np.errstate(divide="ignore", under="ignore"):
            log_power = (n - 1) * np.log1p(-complement) if n > 1 else np.zeros_like(part)
            total += float(np.sum(n * second * np.exp(log_power)))
    return min(1.0, float(total * (y[1] - y[0])))


def _laplace_transforms(y: NDArray, alpha: float) -> tuple[NDArray, NDArray]:
    """Return 1 - E e^{-lam V} and lam^2 E V^2 e^{-lam V} at lam = e^y, V Pareto of index alpha.

    The first as a difference, because for small lam it decides about the n-th power.
    """
    nodes, weights = np.polynomial.legendre.leggauss(160)
    # V = e^z with z exponential of rate alpha; e^{-lam V} vanishes beyond lam V = 60, and so does
    # the density times V^2 beyond (alpha - 2) z = 42.
    top = np.logaddexp(0.0, np.log(60.0) - y)
    if alpha > 2:
        top = np.minimum(top, 42 / (alpha - 2))
    # For a small index only the last decades before that count.
    bottom = np.maximum(0.0, top - 60) if alpha < 0.5 else np.zeros_like(top)
    half = (top - bottom)[:, None] / 2
    z = bottom[:, None] + (nodes + 1) * half
    density = alpha * np.exp(-alpha * z) * (weights * half)
    scaled = np.exp(y[:, None] + z)
    complement = np.sum(density * -np.expm1(-scaled), axis=1) + np.exp(-alpha * top)
    second = np.sum(density * scaled**2 * np.exp(-scaled), axis=1)
    return np.minimum(complement, 1.0), second


def singular_variance_limit(n: int, d: int, exponent: float) -> float:
    r"""Compute what the noise share of n power weights r_i^{-a} in a ball tends to, to first order.

    .. math::
        \frac{(d - a)^2}{d (d - 2a)} \frac 1n \;(a < d/2), \quad
        \frac{\ln n}{2n} \;(a = d/2), \quad
        C_{d/a} \, n^{1 - d/a} \;(d/2 < a < d), \quad
        \frac{1}{\ln n} \;(a = d), \quad
        1 - \frac da \;(a > d)

    with :math:`C_\alpha = \alpha \Gamma(\alpha) \Gamma(2 - \alpha) (1 - 1/\alpha)^\alpha`.

    Parameters
    ----------
    n : int
        The number of points in the ball, at least 2.
    d : int
        The dimension.
    exponent : float
        The exponent a > 0.

    Returns
    -------
    float
        The leading term for large n; near a = d/2 and a = d it is approached slowly.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Nearest neighbours and singular kernels". At a = d the terms
    beyond the first are of relative order 1 / ln n: use :func:`singular_variance`.

    Examples
    --------
    >>> singular_variance_limit(100, 4, 1.0)  # 3^2 / (4 * 2 * 100)
    0.01125
    >>> singular_variance_limit(100, 1, 2.0)
    0.5
    """
    n, d = check_int(n, "n", minimum=2), check_int(d, "d")
    exponent = check_positive(exponent, "exponent")
    ratio = exponent / d
    if ratio < 0.5:  # in a / d, since d / a may overflow
        return (1 - ratio) ** 2 / ((1 - 2 * ratio) * n)
    alpha = d / exponent
    if alpha == 2:
        return math.log(n) / (2 * n)
    if alpha > 1:
        constant = alpha * math.gamma(alpha) * math.gamma(2 - alpha) * (1 - 1 / alpha) ** alpha
        return constant * n ** (1 - alpha)
    if alpha == 1:
        return 1 / math.log(n)
    return 1 - alpha


def hilbert_variance(n: int) -> float:
    r"""Compute the exact noise share of the Hilbert kernel, weights r_i^{-d} over n points.

    .. math:: E \sum_i w_i^2 = n \int_0^\infty e^{-t} E_2(t)^{n-1} \, dt,

    :func:`singular_variance` at a = d, which no longer depends on the dimension. It tends to
    1 / ln n, but so slowly that even at n = 1e8 it is 14 % below.

    Parameters
    ----------
    n : int
        The number of points.

    Returns
    -------
    float
        The noise share.

    Raises
    ------
    TypeError, ValueError
        n is no positive integer.

    Notes
    -----
    Cost O(1). Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    L. Devroye, L. Györfi, A. Krzyżak (1998), The Hilbert kernel regression estimate, Journal of
    Multivariate Analysis 65(2).
    P. P. Mitra, C. Sire (2021), arXiv:2106.03354.

    Examples
    --------
    >>> round(hilbert_variance(10**8), 5)
    0.04661
    """
    return singular_variance(n, 1, 1.0)


def interpolated_neighbors_variance(
    k: int, d: int, weights: str = "log", exponent: float | None = None
) -> float:
    r"""Compute the exact noise share of weighted interpolated nearest neighbours.

    For weights -ln(r_i / r_{k+1}) it is 2 / (k + 1) in every dimension, since -ln of a uniform
    variable is exponential and the normalised weights are Dirichlet(1, ..., 1); for (r_i /
    r_{k+1})^{-delta} it is :func:`singular_variance` with n = k, close to
    (d - delta)^2 / (d (d - 2 delta) k) when delta is well below d/2.

    Parameters
    ----------
    k : int
        The number of neighbours averaged.
    d : int
        The dimension.
    weights : {"log", "power"}
        The weights.
    exponent : float, optional
        The exponent delta > 0 of the power; None means d / 4. Not for "log".

    Returns
    -------
    float
        The noise share, for a density that is constant over the k + 1 nearest points.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting?, NeurIPS.

    Examples
    --------
    >>> interpolated_neighbors_variance(9, 5)
    0.2
    """
    k, d = check_int(k, "k"), check_int(d, "d")
    if check_option(weights, "weights", ("log", "power")) == "log":
        if exponent is not None:
            raise ValueError(f"exponent is {exponent}; expected None with weights='log'")
        return 2 / (k + 1)
    return singular_variance(k, d, d / 4 if exponent is None else exponent)


def nearest_distance(n: float, d: int) -> float:
    r"""Compute the mean distance from a query to the nearest of n uniform points in unit volume.

    .. math:: E \, r_1 = \Gamma(1 + 1/d) \, (n V_d)^{-1/d}, \qquad V_d = \pi^{d/2} / \Gamma(1 + d/2)

    for a Poisson process of intensity n, without a boundary.

    Parameters
    ----------
    n : float
        The number of points per unit volume, > 0; need not be an integer (q n noisy points).
    d : int
        The dimension.

    Returns
    -------
    float
        The mean distance.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the sections "Nearest neighbours and singular kernels" and "Adversarial
    examples are the price".

    Examples
    --------
    >>> round(nearest_distance(50, 1), 6)  # 50 points on each side: 100 chances per unit length
    0.01
    """
    n, d = check_positive(n, "n"), check_int(d, "d")
    try:
        log_ball = d / 2 * math.log(math.pi) - math.lgamma(1 + d / 2)
        return math.gamma(1 + 1 / d) * math.exp(-(math.log(n) + log_ball) / d)
    except OverflowError as error:
        raise ValueError(f"n is {n} and d is {d}; expected a distance below 1e308") from error
