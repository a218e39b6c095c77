"""Minimum-norm fits of Gaussian inputs with a given spectrum: how much noise and signal they lose.

The inputs are x = (sqrt(lambda_i) z_i)_i with independent standard Gaussian z_i. Given the training
inputs, the excess risk of the minimum-norm interpolant is known in closed form, averaged over the
noise in the labels, so that one draw of the inputs gives it without further noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless import linalg
from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_int,
    check_positive,
    check_vector,
    check_widths,
)
from fearless.experiments.statistics import mean_and_error

__all__ = ["SpectrumRuns", "noise_by_direction", "spectrum_runs"]


@dataclass(frozen=True)
class SpectrumRuns:
    """Excess risks of minimum-norm interpolants, one row a draw of the inputs.

    Attributes
    ----------
    samples : ndarray of shape (m,), int
        Numbers of samples n.
    variance : ndarray of shape (seeds, m)
        Excess risk due to noise of variance one, averaged over the noise.
    bias : ndarray of shape (seeds, m)
        Excess risk without noise; 0 when there is no signal.
    """

    samples: NDArray[np.intp]
    variance: NDArray[np.float64]
    bias: NDArray[np.float64]

    def stderr(self, name: str = "variance") -> NDArray[np.float64]:
        """Return the standard errors of the means over seeds.

        Parameters
        ----------
        name : {"variance", "bias"}

        Returns
        -------
        ndarray of shape (m,)

        Raises
        ------
        ValueError
            There is only one seed.
        """
        return mean_and_error(getattr(self, name))[1]


def spectrum_runs(
    eigenvalues: ArrayLike,
    samples: ArrayLike,
    *,
    tail: float = 0.0,
    signal: ArrayLike | None = None,
    n_seeds: int = 5,
    random_state: RandomState = 0,
) -> SpectrumRuns:
    """Draw inputs, and compute the excess risk of the minimum-norm interpolant of the first n.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The variances of the inputs.
    samples : array-like of int
        Numbers of samples n, increasing, at most p when there is no tail.
    tail : float
        The sum of infinitely many further eigenvalues that are infinitely small: their part of
        the Gram matrix X X^T is then exactly tail times the identity.
    signal : array-like of shape (p,), optional
        Squares of the coefficients of the truth; by default there is none.
    n_seeds : int
        Draws of the inputs.
    random_state : None, int or Generator

    Returns
    -------
    SpectrumRuns

    Raises
    ------
    NotPositiveDefiniteError
        The spectrum decays so fast that X is numerically singular.

    Notes
    -----
    One QR factorisation of X^T a seed, whose leading blocks serve every n: O(p n^2). It keeps its
    digits where a factorisation of X X^T alone would square the condition number.
    """
    variances, beta, tail = _check_model(eigenvalues, signal, tail)
    samples = check_widths(samples, "samples", maximum=None if tail else len(variances))
    n_max = int(samples[-1])
    results = []
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        Q, inverse = _factors(variances, tail, n_max, np.random.default_rng(seed))
        weighted = Q * np.sqrt(variances)[:, None]
        products = _product(weighted.T, weighted)
        along = Q.T @ beta if signal is not None else None
        rows = []
        for n in samples:
            block = inverse[:n, :n]
            variance = np.sum(_product(block, products[:n, :n]) * block)
            bias = 0.0
            if along is not None:
                bias = variances @ (beta - Q[:, :n] @ along[:n]) ** 2
            rows.append((variance, bias))
        results.append(rows)
    variance, bias = np.moveaxis(np.array(results), 2, 0)
    return SpectrumRuns(samples, variance, bias)


def noise_by_direction(
    eigenvalues: ArrayLike,
    n: int,
    *,
    tail: float = 0.0,
    n_seeds: int = 5,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    """Compute what fitted noise of variance one adds to the excess risk along each input.

    Parameters
    ----------
    eigenvalues : array-like of shape (p,)
        The variances of the inputs.
    n : int
        The number of samples.
    tail, n_seeds, random_state
        As in `spectrum_runs`.

    Returns
    -------
    ndarray of shape (seeds, p)
        lambda_i times the variance of the i-th coefficient; a row sums to the variance.
    """
    variances, _, tail = _check_model(eigenvalues, None, tail)
    n = check_int(n, "n", maximum=None if tail else len(variances))
    rows = []
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        Q, inverse = _factors(variances, tail, n, np.random.default_rng(seed))
        rows.append(variances * np.sum(_product(Q, inverse.T) ** 2, axis=1))
    return np.array(rows)


def _check_model(
    eigenvalues: ArrayLike, signal: ArrayLike | None, tail: float
) -> tuple[NDArray, NDArray, float]:
    variances = check_vector(eigenvalues, "eigenvalues").astype(float)
    if variances.min() < 0:
        raise ValueError(f"eigenvalues contains {variances.min():g}; expected numbers >= 0")
    energy = np.zeros(len(variances))
    if signal is not None:
        energy = check_vector(signal, "signal", length=len(variances))
        if energy.min() < 0:
            raise ValueError(f"signal contains {energy.min():g}; expected squares, >= 0")
    return variances, np.sqrt(energy), check_positive(tail, "tail", allow_zero=True)


def _factors(
    variances: NDArray, tail: float, n: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Return the explicit rows of Q, and the inverse of R, for Q R = X^T with n columns.

    The tail appears as n further inputs, a multiple of the identity, which is what infinitely
    many tiny ones amount to.
    """
    p = len(variances)
    rows = np.zeros((p + n if tail else p, n), order="F")
    rows[:p] = np.sqrt(variances)[:, None] * rng.standard_normal((p, n))
    if tail:
        rows[p:] = np.sqrt(tail) * np.eye(n)
    # Two rounds of Cholesky QR: as accurate as reflections while the condition number of X is well
    # below 1e8, and all of it matrix products.
    inverse = np.eye(n)
    for _ in range(2):
        gram = linalg.gram_update(np.zeros((n, n), order="F"), rows)
        factor = linalg.cholesky_in_place(gram)
        step = linalg.invert_triangle(linalg.as_fortran(factor.T))
        rows, inverse = _product(rows, step), _product(inverse, step)
    return rows[:p], inverse


def _product(a: NDArray, b: NDArray) -> NDArray:
    """Multiply with the BLAS of the factorisations; NumPy's own threads would be in its way."""
    return linalg.add_product(np.zeros((a.shape[0], b.shape[1]), order="F"), a, b)
