r"""Minimum-norm interpolation with N Gaussian random features, known exactly for every N >= n.

Let the features be independent Gaussian random functions of mean zero and covariance K, let n
points with an invertible kernel matrix be given, and let :math:`f_N` be the interpolant
:math:`x \mapsto N^{-1/2} \sum_k a_k \varphi_k(x)` of least :math:`\|a\|`. Two facts give the rest;
:math:`f_\infty` is the interpolant of the kernel and :math:`\nu = N - n + 1`.

* The kernel matrix may be taken for the identity and the targets for a multiple of the first unit
  vector. Then :math:`1 / \|a\|^2` is, up to a factor, the squared distance of one Gaussian vector
  to the span of n - 1 others: :math:`\|f_\infty\|^2 N / \|a\|^2` is chi-square with :math:`\nu`
  degrees of freedom.
* What the features do at another point x is what the kernel predicts from their values at the n
  points, plus an independent error of standard deviation P(x). The prediction adds up to
  :math:`f_\infty(x)`, the errors to a normal variable times :math:`P(x) \|a\| N^{-1/2}`.

So :math:`f_N(x) - f_\infty(x)` is :math:`P(x) \|f_\infty\| \nu^{-1/2}` times a Student variable
with :math:`\nu` degrees of freedom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from fearless._validation import check_int, check_option
from fearless.theory._arrays import as_result, broadcast, check_counts, check_range, ratio

__all__ = ["feature_deviation", "feature_distance", "feature_square_norm"]


def feature_distance(
    n: int, n_features: ArrayLike, *, norm: ArrayLike = 1.0, power: ArrayLike = 1.0
) -> NDArray | float:
    r"""Compute the mean squared distance of an interpolant of N Gaussian features to the kernel's.

    .. math:: E (f_N(x) - f_\infty(x))^2 = \frac{P(x)^2 \, \|f_\infty\|^2}{N - n - 1},

    and infinite for N = n and N = n + 1. As the mean of :math:`f_N(x)` is :math:`f_\infty(x)` for
    N > n, this is what random features add to the risk of the kernel machine, whatever the truth.

    Parameters
    ----------
    n : int
        The number of points.
    n_features : array-like of int
        The number N of features, at least n.
    norm : array-like
        The norm :math:`\|f_\infty\|` in the space of the kernel; for several outputs the root of
        the sum of the squares.
    power : array-like
        The power function P(x), or its root mean square over several x.

    Returns
    -------
    float or ndarray
        In the common shape of the arguments.

    Raises
    ------
    TypeError, ValueError
        A count that is no integer or too small; a negative norm or power.

    See Also
    --------
    feature_deviation : quantiles, which are finite for every N.

    Notes
    -----
    Cost O(1) a value. Used in the section "Occam's razor for big models".

    References
    ----------
    R. J. Muirhead (1982), Aspects of Multivariate Statistical Theory, Wiley, for the distribution.
    A. Jacot, B. Simsek, F. Spadaro, C. Hongler, F. Gabriel (2020), Implicit regularization of
    random feature models, ICML.

    Examples
    --------
    >>> feature_distance(10, [11, 12, 111], norm=2.0)
    array([ inf, 4.  , 0.04])
    """
    counts, norms, powers = _arguments(n, n_features, norm, power)
    return as_result(ratio((norms * powers) ** 2, np.maximum(counts - n - 1, 0)))


def feature_deviation(
    n: int,
    n_features: ArrayLike,
    level: ArrayLike,
    *,
    norm: ArrayLike = 1.0,
    power: ArrayLike = 1.0,
) -> NDArray | float:
    r"""Compute the bound that ``|f_N(x) - f_inf(x)|`` keeps with a given probability.

    .. math:: \frac{P(x) \, \|f_\infty\|}{\sqrt \nu} \; t_\nu^{-1}\Big(\frac{1 + q}{2}\Big),
              \qquad \nu = N - n + 1,

    with the quantile function of Student's distribution; it is Cauchy's for N = n.

    Parameters
    ----------
    n : int
        The number of points.
    n_features : array-like of int
        The number N of features, at least n.
    level : array-like
        The probability q, in [0, 1).
    norm, power : array-like
        As in `feature_distance`, at one x.

    Returns
    -------
    float or ndarray
        In the common shape of the arguments.

    Raises
    ------
    TypeError, ValueError
        A count that is no integer or too small; a level out of range; a negative norm or power.

    Notes
    -----
    Cost O(1) a value. Used in the section "Occam's razor for big models".

    References
    ----------
    R. J. Muirhead (1982), Aspects of Multivariate Statistical Theory, Wiley.

    Examples
    --------
    >>> round(feature_deviation(10, 10, 0.5), 12)
    1.0
    """
    levels = check_range(level, "level")
    if levels.max() >= 1:
        raise ValueError(f"level is {levels.max():g}; expected probabilities in [0, 1)")
    counts, norms, powers = _arguments(n, n_features, norm, power)
    counts, norms, powers, levels = broadcast(
        n_features=counts, norm=norms, power=powers, level=levels
    )
    freedom = counts - n + 1
    return as_result(powers * norms / np.sqrt(freedom) * stdtrit(freedom, (1 + levels) / 2))


def feature_square_norm(
    n: int, n_features: ArrayLike, *, norm: ArrayLike = 1.0, mean: str = "arithmetic"
) -> NDArray | float:
    r"""Compute the mean squared norm of the weights of an interpolant of N Gaussian features.

    .. math::
        E \|a_N\|^2 = \frac{N}{N - n - 1} \|f_\infty\|^2 , \qquad
        \Big(E \frac{1}{\|a_N\|^2}\Big)^{-1} = \frac{N}{N - n + 1} \|f_\infty\|^2 .

    The arithmetic mean is infinite for N = n and n + 1, the harmonic one finite for every N >= n.

    Parameters
    ----------
    n : int
        The number of points.
    n_features : array-like of int
        The number N of features, at least n.
    norm : array-like
        As in `feature_distance`; for the harmonic mean, of a single output.
    mean : {"arithmetic", "harmonic"}
        Which mean.

    Returns
    -------
    float or ndarray
        In the common shape of the arguments.

    Raises
    ------
    TypeError, ValueError
        A count that is no integer or too small; a negative norm; an unknown mean.

    Notes
    -----
    Cost O(1) a value. Used in the section "Occam's razor for big models".

    References
    ----------
    R. J. Muirhead (1982), Aspects of Multivariate Statistical Theory, Wiley.

    Examples
    --------
    >>> float(feature_square_norm(10, 21)), float(feature_square_norm(10, 10, mean="harmonic"))
    (2.1, 10.0)
    """
    check_option(mean, "mean", ("arithmetic", "harmonic"))
    counts, norms, _ = _arguments(n, n_features, norm, 1.0)
    below = np.maximum(counts - n - 1, 0) if mean == "arithmetic" else counts - n + 1
    return as_result(ratio(counts * norms**2, below))


def _arguments(
    n: int, n_features: ArrayLike, norm: ArrayLike, power: ArrayLike
) -> tuple[NDArray, ...]:
    counts = check_counts(n_features, "n_features", minimum=check_int(n, "n"))
    return broadcast(
        n_features=counts, norm=check_range(norm, "norm"), power=check_range(power, "power")
    )
