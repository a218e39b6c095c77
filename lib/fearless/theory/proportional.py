r"""Risk of least squares and ridge regression when p and n grow together.

The model is y = x^T beta + noise with x of mean zero and covariance Sigma. The penalty lambda is
that of (1/n) ||y - X b||^2 + lambda ||b||^2; at lambda = 0 the fit is the one of minimum norm.

Everything follows from one number, the *effective penalty* kappa >= lambda: the fit to n samples
shrinks the direction of eigenvalue lambda_i by the factor lambda_i / (lambda_i + kappa), as ridge
regression with penalty kappa would if it knew Sigma. It solves

.. math:: \lambda = \kappa \Bigl(1 - \frac1n \sum_i \frac{\lambda_i}{\lambda_i + \kappa}\Bigr).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive
from fearless.theory._arrays import as_result, broadcast, check_range, ratio
from fearless.theory._effective import log_kappa, parts, spectrum

__all__ = [
    "LinearRisk",
    "effective_penalty",
    "general_risk",
    "isotropic_risk",
    "latent_space_risk",
    "optimal_penalty",
]


@dataclass(frozen=True)
class LinearRisk:
    """The risk of a linear fit on new samples, in parts; arrays of one shape.

    Attributes
    ----------
    bias : ndarray
        Excess risk of the mean fit: what is lost without noise.
    variance : ndarray
        Excess risk due to noise in the training targets; infinite at the interpolation threshold.
    noise : ndarray
        The risk of the best linear predictor, which no fit can beat.
    """

    bias: NDArray
    variance: NDArray
    noise: NDArray

    @property
    def excess(self) -> NDArray:
        """Risk above that of the best linear predictor, ``bias + variance``."""
        return self.bias + self.variance

    @property
    def total(self) -> NDArray:
        """Mean squared error on new samples, ``excess + noise``."""
        return self.excess + self.noise


def isotropic_risk(
    gamma: ArrayLike, *, signal: ArrayLike = 1.0, noise: ArrayLike = 0.0, penalty: ArrayLike = 0.0
) -> LinearRisk:
    r"""Compute the limiting risk of (ridge) regression on isotropic inputs as p/n -> gamma.

    With Sigma = I, r^2 = ||beta||^2 and :math:`s = \sqrt{(\lambda + \gamma - 1)^2 + 4 \lambda}`,

    .. math::
        \kappa = \frac{\lambda + \gamma - 1 + s}{2}, \qquad
        B = \frac{r^2 \kappa^2}{(1 + \kappa)\, s}, \qquad
        V = \frac{\sigma^2 \gamma}{(1 + \kappa)\, s} .

    At lambda = 0 this is B = r^2 max(0, 1 - 1/gamma), V = sigma^2 gamma / (1 - gamma) below the
    threshold gamma = 1 and sigma^2 / (gamma - 1) above it.

    Parameters
    ----------
    gamma : array-like
        The limit of p/n, > 0.
    signal : array-like
        r^2 >= 0.
    noise : array-like
        The variance sigma^2 >= 0 of the noise.
    penalty : array-like
        lambda >= 0.

    Returns
    -------
    LinearRisk
        Of the shape that the arguments broadcast to. The variance is infinite at gamma = 1,
        lambda = 0 unless there is no noise.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Exact curves".

    References
    ----------
    T. Hastie, A. Montanari, S. Rosset, R. J. Tibshirani (2022), Surprises in high-dimensional
    ridgeless least squares interpolation, Annals of Statistics 50(2).

    Examples
    --------
    >>> risk = isotropic_risk([0.5, 1.0, 2.0], signal=1.0, noise=0.25)
    >>> risk.bias, risk.variance
    (array([0. , 0. , 0.5]), array([0.25,  inf, 0.25]))
    """
    gamma = check_range(gamma, "gamma", allow_zero=False)
    signal = check_range(signal, "signal")
    noise = check_range(noise, "noise")
    penalty = check_range(penalty, "penalty")
    gamma, signal, noise, penalty = broadcast(
        gamma=gamma, signal=signal, noise=noise, penalty=penalty
    )
    a = penalty + (gamma - 1)
    s = np.hypot(a, 2 * np.sqrt(penalty))
    # kappa and kappa - a have the product lambda: compute the larger, divide.
    other = np.where(a > 0, 0.0, (s - a) / 2)
    kappa = np.divide(penalty, other, out=np.zeros_like(s), where=other > 0)
    kappa = np.where(a > 0, (s + a) / 2, kappa)
    shrunk = kappa / (1 + kappa)
    # kappa <= s always, hence 0 at gamma = 1 without a penalty, where both vanish.
    bias = signal * shrunk * np.divide(kappa, s, out=np.zeros_like(s), where=s > 0)
    variance = ratio(noise * gamma / (1 + kappa), s)
    return LinearRisk(bias, variance, noise)


def optimal_penalty(
    gamma: ArrayLike, signal: ArrayLike = 1.0, noise: ArrayLike = 1.0
) -> NDArray | float:
    r"""Compute the penalty that minimises `isotropic_risk`.

    .. math:: \lambda^* = \gamma \sigma^2 / r^2

    Parameters
    ----------
    gamma : array-like
        The limit of p/n, > 0.
    signal : array-like
        r^2 > 0.
    noise : array-like
        sigma^2 >= 0.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    With kappa the effective penalty at lambda*, the excess risk is r^2 kappa / (1 + kappa), and it
    rises with gamma. Used in the sections "Exact curves" and "Taming the peak".

    Examples
    --------
    >>> optimal_penalty(2.0, signal=1.0, noise=0.25)
    0.5
    """
    gamma, signal, noise = broadcast(
        gamma=check_range(gamma, "gamma", allow_zero=False),
        signal=check_range(signal, "signal", allow_zero=False),
        noise=check_range(noise, "noise"),
    )
    return as_result(gamma * (noise / signal))


def effective_penalty(
    eigenvalues: ArrayLike, n: ArrayLike, *, penalty: ArrayLike = 0.0
) -> NDArray | float:
    r"""Compute the effective penalty kappa of (ridge) regression on n samples.

    It is the solution kappa >= lambda of

    .. math:: n \lambda / \kappa + \sum_i \frac{\lambda_i}{\lambda_i + \kappa} = n ,

    and 0 when lambda = 0 and at most n eigenvalues are positive.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        Of the covariance Sigma, all >= 0, in any order.
    n : array-like
        Numbers of samples, > 0. Any positive number will do; only n / p matters for a law.
    penalty : array-like
        lambda >= 0, broadcast against ``n``.

    Returns
    -------
    float or ndarray
        Of the shape that ``n`` and ``penalty`` broadcast to.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, or out of its range.

    Notes
    -----
    Cost: O(p log p), and O(p) for each of the 10 to 60 steps of a bracketing search, a value of
    ``n`` or ``penalty``. The search is in log kappa and never subtracts nearly equal sums, so that
    spectra over hundreds of orders of magnitude are no trouble. Used in the sections "When does
    minimum norm generalise?" and "Exact curves".

    Examples
    --------
    >>> round(effective_penalty([1.0] * 300, 100), 12)  # isotropic: gamma - 1
    2.0
    """
    logs, _, counts = spectrum(eigenvalues, None)
    n, penalty = _check_sizes(n, penalty)
    kappa = np.exp([log_kappa(logs, counts, m, lam) for m, lam in _pairs(n, penalty)])
    return as_result(kappa.reshape(n.shape))


def general_risk(
    eigenvalues: ArrayLike,
    n: ArrayLike,
    *,
    signal: ArrayLike | None = None,
    noise: float = 0.0,
    penalty: ArrayLike = 0.0,
) -> LinearRisk:
    r"""Compute the risk of (ridge) regression for any covariance, at finite n and p.

    With kappa of `effective_penalty` and
    :math:`\mathrm{df}_2 = \sum_i \lambda_i^2 / (\lambda_i + \kappa)^2`,

    .. math::
        V = \sigma^2 \frac{\mathrm{df}_2}{n - \mathrm{df}_2}, \qquad
        B = \frac{n}{n - \mathrm{df}_2} \sum_i
            \frac{\kappa^2 \lambda_i (v_i^\top \beta)^2}{(\lambda_i + \kappa)^2} .

    It is the *deterministic equivalent* of the risk: exact as n and p grow together, and
    off by a relative O(1/n) otherwise. Below the threshold and without a penalty kappa = 0,
    V = sigma^2 p / (n - p), B = 0.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        lambda_i >= 0 of the covariance Sigma, in any order.
    n : array-like
        Numbers of samples, > 0.
    signal : array-like of shape (p,), optional
        The energy (v_i^T beta)^2 of the coefficients along each eigenvector, in the order of
        ``eigenvalues``; by default 1/p each, a coefficient vector of length one in a random
        direction.
    noise : float
        The variance sigma^2 >= 0 of the noise.
    penalty : array-like
        lambda >= 0, broadcast against ``n``.

    Returns
    -------
    LinearRisk
        Of the shape that ``n`` and ``penalty`` broadcast to. The variance is infinite where
        n = p (counting positive eigenvalues) and lambda = 0, unless there is no noise.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or lengths differ.

    Notes
    -----
    Cost: that of `effective_penalty`. For x whose entries are not independent after rotation
    to the eigenvectors the formula can fail; for Gaussian x it never does. Used in the sections
    "When does minimum norm generalise?" and "Exact curves".

    References
    ----------
    T. Hastie, A. Montanari, S. Rosset, R. J. Tibshirani (2022), Surprises in high-dimensional
    ridgeless least squares interpolation, Annals of Statistics 50(2); its c_0 is
    1 / (kappa gamma).

    Examples
    --------
    >>> risk = general_risk([4.0] * 150 + [0.5] * 150, 200, noise=1.0)
    >>> round(float(risk.variance), 3), round(float(risk.bias), 3)
    (2.706, 0.39)
    """
    noise = check_positive(noise, "noise", allow_zero=True)
    logs, energy, counts = spectrum(eigenvalues, signal)
    n, penalty = _check_sizes(n, penalty)
    rows = np.array([parts(logs, energy, counts, m, lam) for m, lam in _pairs(n, penalty)])
    bias, degrees, left = (column.reshape(n.shape) for column in rows.T)
    variance = ratio(noise * degrees, left)
    return LinearRisk(bias, variance, np.full(n.shape, noise))


def latent_space_risk(
    n: ArrayLike,
    p: ArrayLike,
    n_hidden: int,
    *,
    strength: float = 1.0,
    signal: float = 1.0,
    noise: float = 0.0,
    penalty: ArrayLike = 0.0,
) -> LinearRisk:
    r"""Compute the risk when the p inputs are noisy views of h hidden variables.

    The hidden z is standard Gaussian in R^h and

    .. math:: x = W z + u, \qquad y = \theta^\top z + \xi, \qquad W^\top W = \frac{p \mu}{h} I ,

    with u standard Gaussian in R^p and xi of variance sigma^2. This is linear regression in x with
    :math:`\Sigma = I + W W^\top`, :math:`\beta = W (I + W^\top W)^{-1} \theta` and noise
    :math:`\sigma^2 + \theta^\top (I + W^\top W)^{-1} \theta`, for which `general_risk` holds.

    Parameters
    ----------
    n, p : array-like
        Samples and inputs; p >= h.
    n_hidden : int
        Hidden variables, h.
    strength : float
        mu > 0: the share mu / (1 + mu) of an input's variance is signal.
    signal : float
        ||theta||^2 >= 0.
    noise : float
        sigma^2 >= 0.
    penalty : array-like
        lambda >= 0.

    Returns
    -------
    LinearRisk
        Of the shape that n, p and ``penalty`` broadcast to. Its ``noise`` is the risk of the best
        linear predictor from the p inputs, which falls to sigma^2 as p grows.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, or out of its range.

    Notes
    -----
    Cost O(1) an entry, since Sigma has two eigenvalues. Used in the section "Exact curves".

    References
    ----------
    T. Hastie, A. Montanari, S. Rosset, R. J. Tibshirani (2022), Surprises in high-dimensional
    ridgeless least squares interpolation, Annals of Statistics 50(2).

    Examples
    --------
    >>> risk = latent_space_risk(200, [300, 1200], 20, noise=0.09)
    >>> risk.excess.round(3)
    array([0.322, 0.039])
    """
    h = check_int(n_hidden, "n_hidden")
    strength = check_positive(strength, "strength")
    signal = check_positive(signal, "signal", allow_zero=True)
    noise = check_positive(noise, "noise", allow_zero=True)
    n, p, penalty = broadcast(
        n=check_range(n, "n", allow_zero=False),
        p=check_range(p, "p", allow_zero=False),
        penalty=check_range(penalty, "penalty"),
    )
    if np.any(p < h):
        raise ValueError(f"p is {p.min():g}; expected at least n_hidden = {h}")
    gain = p * (strength / h)
    floor = noise + signal / (1 + gain)
    rows = []
    for m, size, lam, g in zip(n.flat, p.flat, penalty.flat, gain.flat, strict=True):
        keep = slice(0, 1 if size == h else 2)
        logs = np.log1p([g, 0.0])[keep]
        counts = np.array([h, size - h], dtype=float)[keep]
        energy = np.array([signal * g / (1 + g) ** 2, 0.0])[keep]
        rows.append(parts(logs, energy, counts, m, lam))
    bias, degrees, left = (column.reshape(n.shape) for column in np.array(rows).T)
    return LinearRisk(bias, ratio(floor * degrees, left), floor)


def _check_sizes(n: ArrayLike, penalty: ArrayLike) -> tuple[NDArray, ...]:
    return broadcast(
        n=check_range(n, "n", allow_zero=False), penalty=check_range(penalty, "penalty")
    )


def _pairs(n: NDArray, penalty: NDArray) -> zip:
    return zip(n.flat, penalty.flat, strict=True)
