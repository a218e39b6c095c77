r"""Noise that is fitted: how near it is to every point, and how often it decides.

Points x_1, ..., x_n are independent, and each carries a wrong label with probability q, whatever
the others do. Two numbers describe what an interpolating rule makes of this: the distance from
a point to the nearest wrong label, and the share of the space where wrong labels win.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from fearless._validation import check_int, check_option, check_positive, check_probability

__all__ = ["mislabeled_distance", "mislabeled_survival", "wrong_vote_probability"]


def mislabeled_survival(mass: ArrayLike, n: int, rate: float) -> NDArray[np.float64]:
    r"""Compute the probability that a ball holds no mislabelled sample.

    .. math:: P(D_q(x) > r) = (1 - q \, \mu(B(x, r)))^n

    where D_q(x) is the distance from x to the nearest mislabelled one of n independent samples.

    Parameters
    ----------
    mass : array-like
        The probability mu(B(x, r)) of the ball, in [0, 1], any shape.
    n : int
        The number of samples.
    rate : float
        The probability q that a sample is mislabelled, in [0, 1].

    Returns
    -------
    ndarray
        The probability, in the shape of ``mass``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Exact. Each sample is in the ball and mislabelled with probability q mu(B), independently.
    Used in the section "Adversarial examples are the price".

    Examples
    --------
    >>> mislabeled_survival(0.5, n=2, rate=1.0).item()
    0.25
    """
    n, rate = check_int(n, "n"), check_probability(rate, "rate")
    mass = np.asarray(mass, dtype=np.float64)
    if not np.all((mass >= 0) & (mass <= 1)):
        raise ValueError("mass has an entry outside [0, 1]; expected probabilities")
    with np.errstate(divide="ignore"):  # log 0 = -inf, and its exponential is 0
        return np.exp(n * np.log1p(-rate * mass))


def mislabeled_distance(n: int, d: int, rate: float, *, radius: float = 1.0) -> float:
    r"""Compute the mean distance to the nearest mislabelled sample, from the centre of a ball.

    .. math::
        \E D_q = \rho \, \Gamma(1 + 1/d) \, (q n)^{-1/d}

    for n samples uniform in the ball of radius rho in d dimensions, up to a relative error of
    order 1/(qn) and a term exponentially small in qn.

    Parameters
    ----------
    n : int
        The number of samples.
    d : int
        The dimension.
    rate : float
        The probability q > 0 that a sample is mislabelled.
    radius : float
        The radius rho of the ball that the samples fill.

    Returns
    -------
    float
        The mean distance.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    See Also
    --------
    fearless.theory.local.nearest_distance : the same for points that fill a unit volume.

    Notes
    -----
    The mass of a ball of radius r is (r / rho)^d, so that `mislabeled_survival` is close to
    exp(-q n (r / rho)^d): a Weibull distribution of shape d. It holds for every query whose
    distance to the boundary is larger than the distances in question. Used in the section
    "Adversarial examples are the price".

    Examples
    --------
    >>> mislabeled_distance(1000, d=1, rate=0.1)
    0.01
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    rate = check_positive(check_probability(rate, "rate"), "rate")
    return check_positive(radius, "radius") * math.gamma(1 + 1 / d) * (rate * n) ** (-1 / d)


def wrong_vote_probability(n_neighbors: int, rate: float, weights: str = "log") -> float:
    r"""Compute the probability that wrong labels win a vote among the k nearest neighbours.

    .. math::
        \text{log:} \quad P\bigl(M > M'\bigr), \qquad
        \text{uniform:} \quad P\bigl(M > k/2\bigr) + \tfrac12 P\bigl(M = k/2\bigr),

    with independent M ~ Bin(k, q), the wrong ones among k labels, and M' ~ Bin(k - 1, 1/2). It is
    the mean measure of the set where a rule disagrees with the clean one, deep inside a class.

    Parameters
    ----------
    n_neighbors : int
        The number k of neighbours.
    rate : float
        The probability q that a label is wrong, in [0, 1].
    weights : {"log", "uniform"}
        "log" is the interpolating rule with weights log(r_{k+1} / r_i), "uniform" the majority.

    Returns
    -------
    float
        The probability; for both rules q at k = 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    For a density that is constant near the query the weights "log" have the Dirichlet(1, ..., 1)
    distribution, so that m wrong labels have a total weight of distribution Beta(m, k - m), the
    law of the m-th smallest of k - 1 uniform numbers. It exceeds 1/2 when fewer than m of them
    are below 1/2. Exact for every n and d. Both probabilities fall exponentially in k for
    q < 1/2, the first like ((1 + 2 sqrt(q (1 - q))) / 2)^k, the second like
    (2 sqrt(q (1 - q)))^k. Used in the section "Adversarial examples are the price".

    Examples
    --------
    >>> round(wrong_vote_probability(1, 0.1), 12), round(wrong_vote_probability(3, 0.5), 12)
    (0.1, 0.5)
    """
    k, rate = check_int(n_neighbors, "n_neighbors"), check_probability(rate, "rate")
    if rate < 1e-100:  # scipy's binomial mass overflows there
        rate = 0.0
    if check_option(weights, "weights", ("log", "uniform")) == "uniform":
        tie = 0.5 * binom.pmf(k // 2, k, rate) if k % 2 == 0 else 0.0
        return min(1.0, float(binom.sf(k // 2, k, rate) + tie))
    other = np.arange(k)
    return min(1.0, float(np.sum(binom.pmf(other, k - 1, 0.5) * binom.sf(other, k, rate))))
