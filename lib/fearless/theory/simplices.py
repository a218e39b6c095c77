r"""Closed forms for a point drawn uniformly from a simplex, whose corners carry noisy labels.

The barycentric coordinates w_0, ..., w_d of such a point are distributed as Dirichlet(1, ..., 1),
whatever the shape of the simplex.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, gammaln, xlog1py, xlogy

from fearless._validation import check_int, check_probability

__all__ = [
    "nearest_flip_volume",
    "simplicial_flip_error",
    "simplicial_flip_volume",
    "simplicial_variance",
]


def simplicial_variance(d: int) -> float:
    r"""Compute the noise share of simplicial interpolation, E sum_i w_i^2 = 2 / (d + 2).

    The weights are the barycentric coordinates of a uniform point of a simplex, hence Dirichlet(1,
    ..., 1), whatever its shape: in any triangulation the average over its volume is the same.

    Parameters
    ----------
    d : int
        The dimension.

    Returns
    -------
    float
        The noise share.

    Raises
    ------
    TypeError, ValueError
        d is no positive integer.

    Notes
    -----
    Cost O(1). Used in the section "Simplicial interpolation".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting? Risk bounds for
    classification and regression rules that interpolate, NeurIPS.

    Examples
    --------
    >>> simplicial_variance(2)
    0.5
    """
    return 2 / (check_int(d, "d") + 2)


def simplicial_flip_volume(d: int) -> float:
    r"""Compute the share 2^{-d} of a simplex where one flipped vertex outvotes all the others.

    The labels are +1 at d vertices and -1 at one; linear interpolation is negative where the
    barycentric coordinate of that one exceeds 1/2, a copy of the simplex half as large.

    Parameters
    ----------
    d : int
        The dimension.

    Returns
    -------
    float
        The share of the volume.

    Raises
    ------
    TypeError, ValueError
        d is no positive integer.

    Notes
    -----
    Cost O(1). Used in the section "Simplicial interpolation".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting?, NeurIPS.

    Examples
    --------
    >>> simplicial_flip_volume(3)
    0.125
    """
    return 2.0 ** -check_int(d, "d")


def nearest_flip_volume(d: int) -> float:
    r"""Compute the share 1 / (d + 1) of a regular simplex closest to one given vertex.

    It is where one nearest neighbour repeats the label of a flipped vertex.

    Parameters
    ----------
    d : int
        The dimension.

    Returns
    -------
    float
        The share of the volume.

    Raises
    ------
    TypeError, ValueError
        d is no positive integer.

    Notes
    -----
    Cost O(1). By symmetry. Used in the section "Simplicial interpolation".

    Examples
    --------
    >>> nearest_flip_volume(3)
    0.25
    """
    return 1 / (check_int(d, "d") + 1)


def simplicial_flip_error(d: int, rate: float) -> float:
    r"""Compute how often linear interpolation of flipped labels has the wrong sign.

    .. math::
        P\Big(\sum_{i=0}^d w_i s_i < 0\Big)
        = \sum_{m=1}^{d+1} \binom{d+1}{m} q^m (1-q)^{d+1-m} \;
          P\big(\mathrm{Bin}(d, \tfrac12) \le m - 1\big),

    where the right label is +1 everywhere, s_i = -1 with probability q independently at every
    corner, and w ~ Dirichlet(1, ..., 1): the share w of m wrong corners is Beta(m, d + 1 - m), and
    exceeds 1/2 when at most m - 1 of d uniform numbers are below 1/2.

    Parameters
    ----------
    d : int
        The dimension.
    rate : float
        The probability q of a flip.

    Returns
    -------
    float
        The probability of error against the right label; for q < 1/2 it is at most
        (1/2 + sqrt(q (1 - q)))^d. One nearest neighbour has q in every dimension.

    Raises
    ------
    TypeError, ValueError
        d is no positive integer, or the rate no probability.

    Notes
    -----
    Cost O(d). Used in the section "Simplicial interpolation and the blessing of dimensionality".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting? Risk bounds for
    classification and regression rules that interpolate, NeurIPS.

    Examples
    --------
    >>> round(simplicial_flip_error(1, 0.2), 3), round(simplicial_flip_error(20, 0.2), 4)
    (0.2, 0.016)
    """
    d = check_int(d, "d")
    rate = check_probability(rate, "rate")
    m = np.arange(1, d + 2)
    # Through logarithms: exact to 1e-12 also where the binomial coefficients overflow.
    choices = gammaln(d + 2) - gammaln(m + 1) - gammaln(d + 2 - m)
    flips = np.exp(choices + xlogy(m, rate) + xlog1py(d + 1 - m, -rate))
    return min(1.0, float(np.sum(flips * bdtr(m - 1, d, 0.5))))
