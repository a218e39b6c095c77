r"""Spectra of covariances, and the effective ranks that decide where fitted noise goes.

A spectrum is the vector of the eigenvalues lambda_1 >= lambda_2 >= ... of a covariance. Infinitely
many eigenvalues are given by the first p and the sum of all others, their ``tail``. The larger p,
the less depends on how the tail is spread: `fearless.theory.proportional.general_risk` takes it in
as a ridge penalty of tail / n.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.special import zeta

from fearless._validation import check_int, check_positive, check_vector, check_widths

__all__ = [
    "benign_index",
    "benign_order",
    "effective_ranks",
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
            lambda v: math.exp(-v) * (_log1p_exp(u0 + scale * v)) ** -beta,
            0,
            math.inf,
            epsrel=1e-11,
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


def effective_ranks(
    eigenvalues: ArrayLike, k: int | ArrayLike | None = None, *, tail: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[float, float]:
    r"""Compute the effective ranks of the directions beyond the k-th.

    .. math::
        r_k = \frac{\sum_{i > k} \lambda_i}{\lambda_{k+1}}, \qquad
        R_k = \frac{\bigl(\sum_{i > k} \lambda_i\bigr)^2}{\sum_{i > k} \lambda_i^2},
        \qquad 1 \le r_k \le R_k \le r_k^2

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The spectrum: positive, not increasing.
    k : int or array-like of int, optional
        How many of the largest to leave out, from 0 to p - 1; by default each of these.
    tail : float, default 0
        The sum of infinitely many further eigenvalues, each so small that their squares do not
        count.

    Returns
    -------
    r, R : float or ndarray
        The two ranks, in the shape of k.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Sums of logarithms, so that eigenvalues whose squares underflow are no difficulty. Cost O(p)
    for all k together. Used in the section "When does minimum norm generalise?".

    References
    ----------
    P. L. Bartlett, P. M. Long, G. Lugosi, A. Tsigler (2020), Benign overfitting in linear
    regression, Proceedings of the National Academy of Sciences 117(48), 30063-30070.

    Examples
    --------
    >>> r, R = effective_ranks([1.0, 0.5, 0.5], k=1)
    >>> round(r, 12), round(R, 12)
    (2.0, 2.0)
    """
    values = _check_spectrum(eigenvalues)
    tail = check_positive(tail, "tail", allow_zero=True)
    logs = np.log(values)
    last = np.log(tail) if tail else -np.inf
    sums = np.logaddexp.accumulate(np.append(last, logs[::-1]))[:0:-1]
    squares = np.logaddexp.accumulate(2 * logs[::-1])[::-1]
    r = np.maximum(np.exp(sums - logs), 1.0)
    R = np.maximum(np.exp(2 * sums - squares), 1.0)
    if k is None:
        return r, R
    indices = np.asarray(k)
    if indices.size and indices.dtype.kind not in "iu":
        raise TypeError(f"k has dtype {indices.dtype}; expected integers")
    if indices.size == 0 or indices.min() < 0 or indices.max() >= len(values):
        raise ValueError(f"k is {k!r}; expected integers from 0 to p - 1 = {len(values) - 1}")
    if indices.ndim == 0:
        return float(r[indices]), float(R[indices])
    return r[indices], R[indices]


def benign_index(
    eigenvalues: ArrayLike, n: int | ArrayLike, b: float = 2.0, *, tail: float = 0.0
) -> float | NDArray[np.float64]:
    r"""Compute k*, the number of directions to leave out until the rest looks large to n samples.

    .. math:: k^* = \min \{ k \ge 0 : r_k \ge b \, n \}

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The spectrum: positive, not increasing.
    n : int or array-like of int
        Numbers of samples, increasing when several.
    b : float, default 2
        The constant of the definition, above 0.
    tail : float, default 0
        As in `effective_ranks`.

    Returns
    -------
    float or ndarray
        A whole number for each n, infinite where no k < p has such a rank.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Bartlett et al. show that some constant b does; which one is left open there. With
    b = 2 it brackets the exact variance, see `benign_order`. Used in the section "When does
    minimum norm generalise?".

    Examples
    --------
    >>> benign_index([1.0, 1.0] + [0.01] * 400, 100)
    2.0
    """
    r, _ = effective_ranks(eigenvalues, tail=tail)
    samples, scalar = _check_samples(n)
    k = _first_at_least(r, check_positive(b, "b") * samples)
    return float(k[0]) if scalar else k


def benign_order(
    eigenvalues: ArrayLike, n: int | ArrayLike, b: float = 2.0, *, tail: float = 0.0
) -> float | NDArray[np.float64]:
    r"""Compute the order of magnitude of the noise that a minimum-norm interpolant keeps.

    .. math:: Q = \frac{k^*}{n} + \frac{n}{R_{k^*}}

    The excess risk due to noise of variance sigma^2 is between constants times sigma^2 Q when Q is
    small. This says nothing about the constants; the exact value is that of
    `fearless.theory.proportional.general_risk`. In its terms, with b = 2 and k* <= n/2,

    .. math:: \frac{Q}{25} \le \frac{1}{n} \sum_i \Bigl(
        \frac{\lambda_i}{\lambda_i + \kappa} \Bigr)^2 \le 4 \, Q .

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The spectrum: positive, not increasing.
    n : int or array-like of int
        Numbers of samples, increasing when several.
    b : float, default 2
        The constant in the definition of k*, see `benign_index`.
    tail : float, default 0
        As in `effective_ranks`.

    Returns
    -------
    float or ndarray
        Q for each n; infinite where k* is.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p). Used in the section "When does minimum norm generalise?".

    References
    ----------
    P. L. Bartlett, P. M. Long, G. Lugosi, A. Tsigler (2020), Benign overfitting in linear
    regression, Proceedings of the National Academy of Sciences 117(48), 30063-30070.

    Examples
    --------
    >>> round(benign_order([1.0, 1.0] + [0.01] * 400, 100), 12)  # 2/100 + 100/400
    0.27
    """
    r, R = effective_ranks(eigenvalues, tail=tail)
    samples, scalar = _check_samples(n)
    k = _first_at_least(r, check_positive(b, "b") * samples)
    order = np.full(k.shape, np.inf)
    found = np.isfinite(k)
    order[found] = k[found] / samples[found] + samples[found] / R[k[found].astype(int)]
    return float(order[0]) if scalar else order


def _check_spectrum(eigenvalues: ArrayLike) -> NDArray[np.float64]:
    values = check_vector(eigenvalues, "eigenvalues").astype(np.float64, copy=False)
    if np.any(values <= 0):
        i = int(np.argmax(values <= 0))
        raise ValueError(f"eigenvalues[{i}] is {values[i]}; expected positive numbers")
    if np.any(np.diff(values) > 0):
        i = int(np.argmax(np.diff(values) > 0))
        raise ValueError(
            f"eigenvalues increase: {values[i]} is followed by {values[i + 1]}; "
            "expected the largest first"
        )
    return values


def _check_samples(n: int | ArrayLike) -> tuple[NDArray, bool]:
    if np.ndim(n) == 0:
        return np.array([check_int(n, "n")]), True
    return check_widths(n, "n"), False


def _first_at_least(r: NDArray, levels: NDArray) -> NDArray[np.float64]:
    """Return the first index at which r reaches each level, infinity where it never does."""
    found = np.searchsorted(np.maximum.accumulate(r), levels, side="left")
    return np.where(found < len(r), found, np.inf)
