r"""Least squares of minimum norm at finite size: expectations that are known exactly.

Two models, both of Belkin, Hsu and Xu. A signal has d coordinates, n samples are seen, and the fit
uses p of the coordinates. In the Gaussian model the inputs are standard Gaussian vectors; in the
Fourier model they are random rows of a unitary matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int
from fearless.theory._arrays import as_result, broadcast, check_counts, check_range, ratio

__all__ = [
    "fourier_min_norm_risk",
    "gaussian_min_norm_risk",
    "gaussian_min_norm_square_norm",
    "gaussian_training_error",
    "random_subset_risk",
    "risk_tail_exponent",
]


def gaussian_min_norm_risk(
    n: ArrayLike,
    p: ArrayLike,
    *,
    fitted: ArrayLike = 1.0,
    left_out: ArrayLike = 0.0,
    noise: ArrayLike = 0.0,
) -> NDArray | float:
    r"""Compute the expected risk of minimum-norm least squares on p of the Gaussian inputs.

    With y = x^T beta + noise, x ~ N(0, I), fitted on the coordinates in a set T of size p, and
    :math:`\tau^2 = \|\beta_{T^c}\|^2 + \sigma^2`,

    .. math::
        \E (y - x^\top \hat\beta)^2 =
        \begin{cases}
        \tau^2 \bigl( 1 + \frac{p}{n - p - 1} \bigr) & p \le n - 2, \\
        \infty & n - 1 \le p \le n + 1, \\
        \|\beta_T\|^2 \bigl( 1 - \frac np \bigr)
          + \tau^2 \bigl( 1 + \frac{n}{p - n - 1} \bigr) & p \ge n + 2 .
        \end{cases}

    Parameters
    ----------
    n : array-like of int
        Samples, >= 1.
    p : array-like of int
        Fitted coefficients, >= 0.
    fitted : array-like
        ||beta_T||^2 >= 0, the energy of the signal in the fitted coordinates; 0 where p = 0.
    left_out : array-like
        The energy of the signal in the others, >= 0; to the fit it is noise.
    noise : array-like
        sigma^2 >= 0.

    Returns
    -------
    float or ndarray
        The risk, including that of the noise in the new sample; of the shape that the arguments
        broadcast to. Infinite for p within 1 of n, unless p = 0 or tau = 0.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    Cost O(1) an entry. Exact at every n and p. Used in the sections "Exact curves" and "More data
    can hurt; more training can hurt".

    References
    ----------
    M. Belkin, D. Hsu, J. Xu (2020), Two models of double descent for weak features, SIAM Journal
    on Mathematics of Data Science 2(4).

    Examples
    --------
    >>> gaussian_min_norm_risk(40, [20, 40, 80], noise=0.19).round(3)
    array([0.39 ,   inf, 0.885])
    """
    n, p, fitted, left_out, noise = _check_model(n, p, fitted, left_out, noise)
    tau = left_out + noise
    bias = fitted * np.maximum(0.0, 1 - n / np.maximum(p, 1))
    # For tau = 0 the fit errs only where it must; there the risk is that of the limit tau -> 0.
    return as_result(bias + tau + ratio(tau * np.minimum(n, p), np.maximum(np.abs(p - n) - 1, 0)))


def gaussian_min_norm_square_norm(
    n: ArrayLike,
    p: ArrayLike,
    *,
    fitted: ArrayLike = 1.0,
    left_out: ArrayLike = 0.0,
    noise: ArrayLike = 0.0,
) -> NDArray | float:
    r"""Compute the expected squared norm of the minimum-norm coefficients, Gaussian model.

    .. math::
        \E \|\hat\beta\|^2 = \|\beta_T\|^2 \min\Bigl(1, \frac np\Bigr)
        + (\|\beta_{T^c}\|^2 + \sigma^2) \, \frac{\min(n, p)}{|n - p| - 1}

    Parameters
    ----------
    n, p : array-like of int
        Samples and fitted coefficients.
    fitted, left_out, noise : array-like
        As in `gaussian_min_norm_risk`.

    Returns
    -------
    float or ndarray
        Infinite for p within 1 of n, as the risk is.

    Raises
    ------
    TypeError, ValueError
        As in `gaussian_min_norm_risk`.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Exact curves".

    Examples
    --------
    >>> gaussian_min_norm_square_norm(40, [20, 80], noise=0.19)
    array([1.2       , 0.69487179])
    """
    n, p, fitted, left_out, noise = _check_model(n, p, fitted, left_out, noise)
    kept = fitted * np.minimum(1.0, n / np.maximum(p, 1)) * (p > 0)
    tau = left_out + noise
    return as_result(kept + ratio(tau * np.minimum(n, p), np.maximum(np.abs(p - n) - 1, 0)))


def gaussian_training_error(
    n: ArrayLike, p: ArrayLike, *, left_out: ArrayLike = 0.0, noise: ArrayLike = 0.0
) -> NDArray | float:
    r"""Compute the expected training error of least squares, Gaussian model.

    .. math:: (\|\beta_{T^c}\|^2 + \sigma^2) \max(0, 1 - p / n)

    Parameters
    ----------
    n, p : array-like of int
        Samples and fitted coefficients.
    left_out, noise : array-like
        As in `gaussian_min_norm_risk`.

    Returns
    -------
    float or ndarray
        Mean squared residual on the training set; zero from p = n on.

    Raises
    ------
    TypeError, ValueError
        As in `gaussian_min_norm_risk`.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Exact curves".

    Examples
    --------
    >>> gaussian_training_error(40, [20, 40], noise=1.0)
    array([0.5, 0. ])
    """
    n, p, _, left_out, noise = _check_model(n, p, 0.0, left_out, noise)
    return as_result((left_out + noise) * np.maximum(0.0, 1 - p / n))


def random_subset_risk(
    n: ArrayLike, p: ArrayLike, d: int, *, signal: ArrayLike = 1.0, noise: ArrayLike = 0.0
) -> NDArray | float:
    r"""Compute the expected risk when the p fitted coordinates are chosen at random among d.

    It is `gaussian_min_norm_risk` with ``fitted`` = (p / d) ||beta||^2 and ``left_out`` the rest.

    Parameters
    ----------
    n, p : array-like of int
        Samples, and fitted coefficients, 0 <= p <= d.
    d : int
        All coordinates.
    signal : array-like
        ||beta||^2 >= 0.
    noise : array-like
        sigma^2 >= 0.

    Returns
    -------
    float or ndarray
        The risk, noise of the new sample included.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    Cost O(1) an entry. Used in the section "Exact curves".

    Examples
    --------
    >>> round(random_subset_risk(40, 100, 100, noise=0.04), 3)
    0.667
    """
    d = check_int(d, "d")
    share = check_counts(p, "p", minimum=0, maximum=d) / d
    signal, share = broadcast(signal=check_range(signal, "signal"), p=share)
    return gaussian_min_norm_risk(
        n, p, fitted=share * signal, left_out=(1 - share) * signal, noise=noise
    )


def fourier_min_norm_risk(n: ArrayLike, p: ArrayLike, d: int) -> NDArray | float:
    r"""Compute the expected risk of minimum-norm least squares on rows of a unitary matrix.

    A signal beta in C^d, in a random direction and of length one, is seen through n rows of a
    unitary matrix, without noise, and fitted on p of its columns. Of the squared distance,

    .. math::
        \E \|\hat\beta - \beta\|^2 =
        \begin{cases}
        1 - \frac pd \bigl( 2 - \frac{d - p}{n - p} \bigr) & p < n, \\
        1 - \frac nd \bigl( 2 - \frac{d - n}{p - n} \bigr) & p > n,
        \end{cases}

    infinite at p = n < d and 0 at p = n = d. Exact for a uniformly random (Haar) unitary matrix;
    for random rows and columns of the discrete Fourier transform it is the limit as n, p and d
    grow together.

    Parameters
    ----------
    n, p : array-like of int
        Rows seen, 1 <= n <= d; columns fitted, 0 <= p <= d.
    d : int
        Size of the matrix.

    Returns
    -------
    float or ndarray

    Raises
    ------
    TypeError, ValueError
        An argument is no array of finite numbers, is out of its range, or shapes do not broadcast.

    Notes
    -----
    The Gram matrix of an n x p block of a Haar unitary matrix has a complex matrix-variate beta
    law, whose mean inverse is (d - p) / (n - p) I for p < n. Cost O(1) an entry. Used in the
    section "Exact curves".

    References
    ----------
    M. Belkin, D. Hsu, J. Xu (2020), Two models of double descent for weak features, SIAM Journal
    on Mathematics of Data Science 2(4).

    Examples
    --------
    >>> fourier_min_norm_risk(96, [16, 96, 192], 256)
    array([1.0625,    inf, 0.875 ])
    """
    d = check_int(d, "d")
    n = check_counts(n, "n", minimum=1, maximum=d)
    p = check_counts(p, "p", minimum=0, maximum=d)
    n, p = broadcast(n=n, p=p)
    small, large = np.minimum(n, p), np.maximum(n, p)
    # A square block of all d rows or columns is unitary: nothing is amplified, even at p = n.
    amplified = np.where(large == d, 1.0, ratio(d - small, large - small))
    return as_result(1 - small / d * (2 - amplified))


def risk_tail_exponent(n: ArrayLike, p: ArrayLike) -> NDArray | float:
    r"""Compute how heavy the tail of the risk is over draws of the training set, Gaussian model.

    .. math::
        \Pr(\text{risk} > t) \sim c \, t^{-\alpha} \quad (t \to \infty), \qquad
        \alpha = \frac{|n - p| + 1}{2}

    Moments of order alpha and above are infinite: the mean for p within 1 of n, the variance, and
    with it the standard error of a mean over simulations, for p within 3.

    Parameters
    ----------
    n, p : array-like of int
        Samples and fitted coefficients, both >= 1.

    Returns
    -------
    float or ndarray
        alpha.

    Raises
    ------
    TypeError, ValueError
        An argument is no array of integers, is below 1, or shapes do not broadcast.

    Notes
    -----
    The risk is large when the smallest eigenvalue of the Wishart matrix is small, whose density
    near zero is that of x^{(|n - p| - 1) / 2}. Used in the section "Exact curves".

    Examples
    --------
    >>> risk_tail_exponent(40, [38, 39, 40, 41])
    array([1.5, 1. , 0.5, 1. ])
    """
    n, p = broadcast(n=check_counts(n, "n", minimum=1), p=check_counts(p, "p", minimum=1))
    return as_result((np.abs(n - p) + 1) / 2)


def _check_model(
    n: ArrayLike, p: ArrayLike, fitted: ArrayLike, left_out: ArrayLike, noise: ArrayLike
) -> tuple[NDArray, ...]:
    n, p, fitted, left_out, noise = broadcast(
        n=check_counts(n, "n", minimum=1),
        p=check_counts(p, "p", minimum=0),
        fitted=check_range(fitted, "fitted"),
        left_out=check_range(left_out, "left_out"),
        noise=check_range(noise, "noise"),
    )
    # The energy would vanish from the risk.
    wrong = fitted[(p == 0) & (fitted > 0)]
    if wrong.size:
        raise ValueError(f"fitted is {wrong[0]:g} at p = 0; expected 0 where nothing is fitted")
    return n, p, fitted, left_out, noise
