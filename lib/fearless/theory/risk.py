"""Errors that are known exactly: Bayes rules of two Gaussians, nearest neighbours under noise."""

from __future__ import annotations

import math

from scipy.integrate import quad
from scipy.special import expit, ndtr

from fearless._validation import check_int, check_option, check_positive, check_probability

__all__ = [
    "gaussian_pair_error",
    "gaussian_pair_variance",
    "nearest_neighbor_error",
    "nearest_neighbor_flip_error",
    "uniform_noise_variance",
]


def gaussian_pair_error(distance: float) -> float:
    r"""Compute the Bayes error of two unit Gaussians, equally likely, at a distance.

    .. math:: R^* = \Phi(-\Delta / 2)

    The best rule is the nearer mean; Phi is the normal distribution function.

    Parameters
    ----------
    distance : float
        The distance Delta >= 0 of the means, in standard deviations.

    Returns
    -------
    float
        The error, 1/2 at distance 0.

    Raises
    ------
    TypeError, ValueError
        distance is no finite number >= 0.

    Notes
    -----
    Used in the section "What you see is not what you get".

    Examples
    --------
    >>> round(gaussian_pair_error(2.0), 4)
    0.1587
    """
    return float(ndtr(-check_positive(distance, "distance", allow_zero=True) / 2))


def gaussian_pair_variance(distance: float, rate: float = 0.0) -> float:
    r"""Compute E Var(y | x) for labels +-1 of two unit Gaussians, equally likely.

    With eta(x) = Pr(y = 1 | x), a share ``rate`` of the labels replaced by fair coins,

    .. math:: \E \operatorname{Var}(y \mid x) = 1 - (1 - \varepsilon)^2 \, \E (2 \eta(x) - 1)^2 .

    It is the squared loss of the best function of x, and the least growth per sample of the
    squared norm of a kernel interpolant (`fearless.theory.bounds.interpolant_norm_floor`).

    Parameters
    ----------
    distance : float
        The distance Delta >= 0 of the means, in standard deviations.
    rate : float
        The probability epsilon that a label is replaced, in [0, 1].

    Returns
    -------
    float
        The variance, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    One quadrature. Used in the section "What you see is not what you get".

    Examples
    --------
    >>> round(gaussian_pair_variance(0.0), 12), round(gaussian_pair_variance(100.0, rate=0.2), 12)
    (1.0, 0.36)
    """
    distance = check_positive(distance, "distance", allow_zero=True)
    rate = check_probability(rate, "rate")
    half = distance / 2

    # Along the line of the means, centred between them: by symmetry the mean over both classes
    # of the even function (2 eta - 1)^2 is its mean over the class at +half.
    def integrand(z: float) -> float:
        contrast = 2 * expit(distance * (z + half)) - 1
        return contrast**2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    # For far Gaussians the contrast drops to zero in a narrow gap at -half.
    breaks = [max(-half, -11.0), 0.0]
    contrast = quad(integrand, -12, 12, points=breaks, limit=200, epsabs=1e-13)[0]
    return float(1 - (1 - rate) ** 2 * min(contrast, 1.0))


def uniform_noise_variance(rate: float, n_classes: int) -> float:
    r"""Compute E || y - E y ||^2 for one-hot labels replaced at random, else determined by x.

    .. math:: 1 - \Bigl(1 - \varepsilon \frac{k-1}{k}\Bigr)^2 - (k - 1) \frac{\varepsilon^2}{k^2}

    Parameters
    ----------
    rate : float
        The probability epsilon of a replacement by a uniformly random class, in [0, 1].
    n_classes : int
        The number k >= 2 of classes.

    Returns
    -------
    float
        The variance summed over the k entries of the one-hot vector.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    When x does not determine the clean label the true variance is larger, so that this is a lower
    bound for every task. Used in the section "What you see is not what you get".

    Examples
    --------
    >>> round(uniform_noise_variance(1.0, 10), 12), uniform_noise_variance(0.0, 10)
    (0.9, 0.0)
    """
    rate = check_probability(rate, "rate")
    k = check_int(n_classes, "n_classes", minimum=2)
    return 1 - (1 - rate * (k - 1) / k) ** 2 - (k - 1) * (rate / k) ** 2


def nearest_neighbor_error(bayes: float, n_classes: int = 2) -> float:
    r"""Compute the largest asymptotic error of the nearest neighbour at a given Bayes error.

    .. math:: R_{1NN} \le R^* \Bigl(2 - \frac{k}{k - 1} R^*\Bigr)

    The bound of Cover and Hart, for a number of samples that tends to infinity. It is attained,
    for two classes by every task whose noise is the same everywhere.

    Parameters
    ----------
    bayes : float
        The Bayes error R*, between 0 and (k - 1) / k.
    n_classes : int
        The number k >= 2 of classes.

    Returns
    -------
    float
        The bound; at most twice the Bayes error.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    T. Cover, P. Hart (1967), Nearest neighbor pattern classification, IEEE Transactions on
    Information Theory 13(1), 21-27.

    Examples
    --------
    >>> nearest_neighbor_error(0.1)
    0.18000000000000002
    """
    k = check_int(n_classes, "n_classes", minimum=2)
    bayes = check_probability(bayes, "bayes")
    if bayes > (k - 1) / k * (1 + 1e-12):
        raise ValueError(f"bayes is {bayes}; expected at most (k - 1) / k = {(k - 1) / k:.4g}")
    return bayes * (2 - k / (k - 1) * bayes)


def nearest_neighbor_flip_error(rate: float, against: str = "noisy") -> float:
    r"""Compute the asymptotic error of the nearest neighbour when labels are flipped.

    Two classes that do not overlap; each training label is wrong with probability q. The nearest
    neighbour then errs with probability 2 q (1 - q) on labels with the same noise, and with
    probability q on clean ones.

    Parameters
    ----------
    rate : float
        The probability q of a flip, in [0, 1]. (A label replaced at rate epsilon by a fair coin
        is flipped with probability epsilon / 2.)
    against : {"noisy", "clean"}
        Which test labels count.

    Returns
    -------
    float
        The error as the number of samples tends to infinity.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "Nearest neighbours and singular kernels".

    Examples
    --------
    >>> nearest_neighbor_flip_error(0.25), nearest_neighbor_flip_error(0.25, against="clean")
    (0.375, 0.25)
    """
    q = check_probability(rate, "rate")
    check_option(against, "against", ("noisy", "clean"))
    return 2 * q * (1 - q) if against == "noisy" else q
