"""Spectra of covariances: families of eigenvalues to try a theorem on.

A spectrum is the vector of the eigenvalues lambda_1 >= lambda_2 >= ... of a covariance. Infinitely
many eigenvalues are given by the first p and the sum of all others, their ``tail``. The larger p,
the less depends on how the tail is spread: `fearless.theory.proportional.general_risk` takes it in
as a ridge penalty of tail / n.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import zeta

from fearless._validation import check_int, check_positive

__all__ = [
    "exponential_spectrum",
    "isotropic_spectrum",
    "power_law_spectrum",
    "power_law_tail",
    "spiked_spectrum",
]

# Where the Euler-Maclaurin formula takes over from explicit summation: with three terms its
# relative error is then below 1e-10 for exponents up to 10.
_EXPLICIT = 256


def isotropic_spectrum(p: int, scale: float = 1.0) -> NDArray[np.float64]:
    """Compute p equal eigenvalues.

    Parameters
    ----------
    p : int
        How many.
    scale : float, default 1
        Their value, above 0.

    Returns
    -------
    ndarray of shape (p,)
        The spectrum.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "When does minimum norm generalise?".

    Examples
    --------
    >>> isotropic_spectrum(3)
    array([1., 1., 1.])
    """
    return np.full(check_int(p, "p"), check_positive(scale, "scale"))


def power_law_spectrum(
    p: int, exponent: float, *, log_exponent: float = 0.0
) -> NDArray[np.float64]:
    r"""Compute the first p eigenvalues of a power law.

    .. math:: \lambda_k = k^{-\alpha} \, \ln^{-\beta}(k + 1), \qquad k = 1, \dots, p

    Parameters
    ----------
    p : int
        How many.
    exponent : float
        The exponent alpha >= 0.
    log_exponent : float, default 0
        The exponent beta >= 0 of the logarithm.

    Returns
    -------
    ndarray of shape (p,)
        The spectrum, decreasing.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "When does minimum norm generalise?".

    Examples
    --------
    >>> power_law_spectrum(3, 2.0)
    array([1.        , 0.25      , 0.11111111])
    """
    k = np.arange(1.0, check_int(p, "p") + 1)
    alpha = check_positive(exponent, "exponent", allow_zero=True)
    beta = check_positive(log_exponent, "log_exponent", allow_zero=True)
    with np.errstate(under="ignore"):
        values = k**-alpha
        return values * np.log1p(k) ** -beta if beta else values


def power_law_tail(p: int, exponent: float, *, log_exponent: float = 0.0) -> float:
    r"""Compute the sum of the eigenvalues of a power law beyond the p-th.

    .. math:: \sum_{k > p} k^{-\alpha} \, \ln^{-\beta}(k + 1)

    Parameters
    ----------
    p : int
        How many eigenvalues are left out, at least 0.
    exponent : float
        The exponent alpha >= 0.
    log_exponent : float, default 0
        The exponent beta >= 0 of the logarithm.

    Returns
    -------
    float
        The sum; infinite for alpha < 1, and for alpha = 1 unless beta > 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A Hurwitz zeta function, or with a logarithm the Euler-Maclaurin formula and one quadrature.
    For alpha = 1 the sum decays like a power of ln p: no truncation would do. Used in the section
    "When does minimum norm generalise?".

    Examples
    --------
    >>> round(power_law_tail(0, 2.0), 6)  # pi^2 / 6
    1.644934
    """
    p = check_int(p, "p", minimum=0)
    alpha = check_positive(exponent, "exponent", allow_zero=True)
    beta = check_positive(log_exponent, "log_exponent", allow_zero=True)
    if alpha < 1 or (alpha == 1 and beta <= 1):
        return math.inf
    if beta == 0:
        return float(zeta(alpha, p + 1))
    start = max(p + 1, _EXPLICIT)
    explicit = power_law_spectrum(start - 1, alpha, log_exponent=beta)[p:] if start > p + 1 else []
    # sum_{k >= m} f(k) = integral from m + f(m)/2 - f'(m)/12 + ...
    log = math.log1p(start)
    value = start**-alpha * log**-beta
    slope = -value * (alpha / start + beta / (log * (start + 1)))
    rest = _log_power_integral(start, alpha, beta) + value / 2 - slope / 12
    return float(np.sum(explicit) + rest)


def _log_power_integral(m: int, alpha: float, beta: float) -> float:
    """Integrate x^-alpha ln^-beta(x + 1) from m on, in u = ln x."""
    u0 = math.log(m)
    if alpha > 1:
        scale = 1 / (alpha - 1)  # u = u0 + scale v, weight e^-v
        integral = quad(
            lambda v: math.exp(-v) * _log1p_exp(u0 + scale * v) ** -beta,
            0,
            math.inf,
            epsabs=0,  # the integral itself is tiny near alpha = 1
            epsrel=1e-11,
            limit=200,
        )[0]
        return m ** (1 - alpha) * scale * integral
    # alpha = 1: (ln x)^-beta has a primitive, and the difference decays like 1/x.
    difference = quad(
        lambda v: _log1p_exp(u0 + v) ** -beta - (u0 + v) ** -beta, 0, 50, epsrel=1e-8
    )[0]
    return u0 ** (1 - beta) / (beta - 1) + difference


def _log1p_exp(u: float) -> float:
    return u + math.log1p(math.exp(-u))


def exponential_spectrum(p: int, decay: float, *, floor: float = 0.0) -> NDArray[np.float64]:
    r"""Compute p eigenvalues that decay exponentially, above a floor.

    .. math:: \lambda_k = e^{-k/\tau} + \epsilon, \qquad k = 1, \dots, p

    Parameters
    ----------
    p : int
        How many.
    decay : float
        The number tau > 0 of eigenvalues over which the first term falls by a factor e.
    floor : float, default 0
        The floor epsilon >= 0.

    Returns
    -------
    ndarray of shape (p,)
        The spectrum, decreasing. Without a floor the smallest underflow to 0 when p exceeds
        about 700 tau.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "When does minimum norm generalise?".

    Examples
    --------
    >>> exponential_spectrum(2, 1.0, floor=0.5).round(4)
    array([0.8679, 0.6353])
    """
    k = np.arange(1.0, check_int(p, "p") + 1)
    with np.errstate(under="ignore"):
        values = np.exp(-k / check_positive(decay, "decay"))
    return values + check_positive(floor, "floor", allow_zero=True)


def spiked_spectrum(
    p: int, n_spikes: int, *, spike: float = 1.0, floor: float = 0.01
) -> NDArray[np.float64]:
    """Compute a spectrum of a few large eigenvalues and many small ones.

    Parameters
    ----------
    p : int
        How many eigenvalues in all.
    n_spikes : int
        How many of them are large, at most p.
    spike, floor : float
        The large and the small value, ``spike >= floor > 0``.

    Returns
    -------
    ndarray of shape (p,)
        The spectrum.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "When does minimum norm generalise?".

    Examples
    --------
    >>> spiked_spectrum(4, 1)
    array([1.  , 0.01, 0.01, 0.01])
    """
    p = check_int(p, "p")
    n_spikes = check_int(n_spikes, "n_spikes", minimum=0, maximum=p)
    spike, floor = check_positive(spike, "spike"), check_positive(floor, "floor")
    if spike < floor:
        raise ValueError(f"spike is {spike}; expected at least floor = {floor}")
    values = np.full(p, floor)
    values[:n_spikes] = spike
    return values
