"""Condition numbers of random linear systems: over-parametrisation is preconditioning."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int

__all__ = ["condition_limit", "condition_mean"]

#: The mean of the Tracy-Widom law for real matrices.
_TRACY_WIDOM_MEAN = -1.2065335745820


def condition_limit(ratio: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the condition number of a large random linear system.

    .. math:: \frac{\lambda_1(X X^\top)}{\lambda_n(X X^\top)} \to
        \left( \frac{1 + \sqrt{n/p}}{1 - \sqrt{n/p}} \right)^2

    for X with independent, identically distributed entries of mean zero whose fourth moment is
    finite.

    Parameters
    ----------
    ratio : array-like
        p / n > 1, unknowns per equation.

    Returns
    -------
    ndarray
        The limits, in the shape of ``ratio``.

    Raises
    ------
    ValueError
        A ratio is not larger than 1.

    Notes
    -----
    The squared ratio of the edges of the Marchenko-Pastur law, which the extreme eigenvalues
    converge to. Cost O(1) each. Used in the section "From convexity to PL*".

    References
    ----------
    Z. D. Bai, Y. Q. Yin (1993), Limit of the smallest eigenvalue of a large dimensional sample
    covariance matrix, Annals of Probability 21.

    Examples
    --------
    >>> condition_limit([4.0, 16.0]).round(3)
    array([9.   , 2.778])
    """
    ratio = np.asarray(ratio, float)
    if not np.all(ratio > 1):
        raise ValueError(
            f"ratio has the entry {np.min(ratio):.4g}; expected p / n > 1, or the system is not "
            "over-parametrised and its smallest eigenvalue has no positive limit"
        )
    root = 1 / np.sqrt(ratio)
    return ((1 + root) / (1 - root)) ** 2


def condition_mean(n: int, p: int) -> float:
    r"""Compute the condition number of a random linear system of finite size, on average.

    .. math:: \frac{\mu_+ + \sigma_+ m}{\mu_- - \sigma_- m}, \qquad
        \mu_\pm = (a \pm b)^2, \quad
        \sigma_\pm = (a \pm b) \left( \frac1b \pm \frac1a \right)^{1/3}

    with :math:`a = \sqrt{p - 1/2}`, :math:`b = \sqrt{n - 1/2}` and m = -1.2065, the mean of the
    Tracy-Widom law: the quotient of the mean extreme eigenvalues of XX^T, up to terms of second
    order.

    Parameters
    ----------
    n, p : int
        Rows and columns of X, 2 <= n < p, whose entries are independent and standard normal.

    Returns
    -------
    float
        The condition number. It has the limit `condition_limit` for growing n and p.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The first correction is of order n^(-2/3). Within 2 % of simulated means from n = 30, p = 60 on;
    it is too small where n is small or p - n is (by 13 % at n = 5, p = 10, by 8 % at n = 30,
    p = 36), as the smallest eigenvalue has another law near zero, and its inverse heavy tails.
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    I. M. Johnstone (2001), On the distribution of the largest eigenvalue in principal components
    analysis, Annals of Statistics 29. Z. Ma (2012), Accuracy of the Tracy-Widom limits for the
    extreme eigenvalues in white Wishart matrices, Bernoulli 18.

    Examples
    --------
    >>> round(condition_mean(200, 800), 2), round(condition_mean(200_000, 800_000), 2)
    (8.62, 9.0)
    """
    n = check_int(n, "n", minimum=2)
    p = check_int(p, "p", minimum=n + 1)
    a, b = math.sqrt(p - 0.5), math.sqrt(n - 0.5)
    largest = (a + b) ** 2 + _TRACY_WIDOM_MEAN * (a + b) * (1 / b + 1 / a) ** (1 / 3)
    smallest = (a - b) ** 2 - _TRACY_WIDOM_MEAN * (a - b) * (1 / b - 1 / a) ** (1 / 3)
    return largest / smallest
