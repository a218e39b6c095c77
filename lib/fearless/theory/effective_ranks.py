r"""Effective ranks of a spectrum, which decide what becomes of noise that is fitted exactly.

A spectrum is the vector of the eigenvalues lambda_1 >= lambda_2 >= ... of a covariance, see
`fearless.theory.spectra`. Infinitely many are given by the first p and the sum of all others, their
``tail``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector, check_widths

__all__ = ["benign_index", "benign_order", "effective_ranks"]


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
