r"""Closed forms for a point drawn uniformly from a simplex, whose corners carry noisy labels.

The barycentric coordinates w_0, ..., w_d of such a point are distributed as Dirichlet(1, ..., 1),
whatever the shape of the simplex. See also `fearless.theory.local.simplicial_variance`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, gammaln, xlog1py, xlogy

from fearless._validation import check_int, check_probability

__all__ = ["simplicial_flip_error"]


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
