"""Kernel systems (K + reg I) a = Y by one Cholesky factorisation, in the memory of K alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from fearless._validation import check_positive
from fearless.linalg import (
    NotPositiveDefiniteError,
    as_fortran,
    cholesky_in_place,
    cholesky_solve,
)

__all__ = ["KernelSolution", "solve_by_cholesky"]

# A system solved less accurately than this share of the largest target is taken for singular.
_SOLVED = 0.01

# Rows handled at once where a copy of a part of the kernel matrix is needed.
_BLOCK_ROWS = 256


@dataclass(frozen=True)
class KernelSolution:
    """The solution of (K + reg I) a = Y, and how far it can be trusted.

    Attributes
    ----------
    coef : ndarray of shape (n, m)
        The coefficients a.
    values : ndarray of shape (n, m)
        The product K a, computed with the kernel matrix and not with its factor.
    jitter : float
        What was added to the diagonal beyond reg.
    condition : float
        An estimate of the condition number of the matrix that was factorised, in the 1-norm.
    """

    coef: NDArray
    values: NDArray
    jitter: float
    condition: float


def solve_by_cholesky(
    K: NDArray, Y: NDArray, reg: float = 0.0, *, shares: NDArray | None = None
) -> KernelSolution:
    """Solve (K + reg I) a = Y, with the smallest jitter that a numerically singular K needs.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        A symmetric positive semi-definite matrix, float32 or float64, in Fortran order. It is
        overwritten.
    Y : ndarray of shape (n, m)
        Right-hand sides, in the dtype of K.
    reg : float
        The penalty, at least 0.
    shares : ndarray of shape (m,), optional
        By how much to multiply each column where residuals of columns are compared, for columns
        that were scaled differently; by default 1.

    Returns
    -------
    KernelSolution

    Raises
    ------
    NotPositiveDefiniteError
        K has negative eigenvalues far beyond rounding errors.

    Notes
    -----
    Where the factorisation fails, or the system it solves is missed by more than 1 % of the
    largest target, a jitter is added to the diagonal: from eps times the mean diagonal on, in
    steps of a factor of 10.

    Cost n^3 / 3 + O(n^2 m) operations and no second array of n^2 numbers: the factor goes to the
    lower triangle, and the upper one keeps the kernel for the residual and for another attempt.
    Used, through `fearless.machines`, in the section "What you see is not what you get".
    """
    reg = check_positive(reg, "reg", allow_zero=True)
    weights = np.ones(Y.shape[1]) if shares is None else shares
    target = float((np.abs(Y).max(axis=0) * weights).max()) or 1.0
    diagonal = K.diagonal().copy()
    size = _one_norm(K)
    largest = max(float(diagonal.mean(dtype=np.float64)), reg)
    jitter = 0.0
    while True:
        np.fill_diagonal(K, diagonal + K.dtype.type(reg + jitter))
        try:
            cholesky_in_place(K)
        except NotPositiveDefiniteError:
            if not jitter < largest:
                raise
        else:
            pocon = lapack.spocon if K.dtype == np.float32 else lapack.dpocon
            reciprocal, _ = pocon(K, size + reg + jitter, uplo="L")
            coef = cholesky_solve(K, Y)
            np.fill_diagonal(K, diagonal)
            values = _symmetric_product(K, coef)
            misfit = np.abs(values + K.dtype.type(reg + jitter) * coef - Y).max(axis=0)
            if (misfit * weights).max() <= _SOLVED * target or not jitter < largest:
                condition = 1 / float(reciprocal) if reciprocal > 0 else np.inf
                return KernelSolution(coef, values, jitter, condition)
        jitter = 10 * jitter or float(np.finfo(K.dtype).eps) * largest
        _restore_lower(K)


def _one_norm(K: NDArray) -> float:
    """Return the largest absolute row sum, which of a symmetric matrix is its 1-norm."""
    blocks = range(0, len(K), _BLOCK_ROWS)
    return max(float(np.abs(K.T[i : i + _BLOCK_ROWS]).sum(axis=1).max()) for i in blocks)


def _restore_lower(K: NDArray) -> None:
    """Copy the upper triangle over the lower one, in tiles."""
    for i in range(0, len(K), _BLOCK_ROWS):
        end = i + _BLOCK_ROWS
        K[end:, i:end] = K[i:end, end:].T
        tile = K[i:end, i:end]
        tile[...] = np.triu(tile) + np.triu(tile, 1).T


def _symmetric_product(K: NDArray, coef: NDArray) -> NDArray:
    """Return the symmetric matrix of which K holds the upper triangle, times coef."""
    symm = blas.ssymm if K.dtype == np.float32 else blas.dsymm
    return symm(1.0, K, as_fortran(coef), lower=0)
