"""Symmetric matrices kept by half: the other half of the memory holds a factor, or nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from fearless.kernels import Kernel
from fearless.linalg import as_fortran

__all__ = ["HalfMatrix", "half_block_size", "one_norm", "restore_lower", "upper_product"]

# Rows handled at once where a copy of a part of the matrix is needed.
_TILE = 256

# Rows whose absolute values are taken at once: they stay in the cache.
_ROWS = 32


def one_norm(K: NDArray) -> float:
    """Return the largest absolute row sum, which of a symmetric matrix is its 1-norm.

    Parameters
    ----------
    K : ndarray of shape (n, n), Fortran-contiguous

    Returns
    -------
    float
    """
    ones = np.ones(len(K), K.dtype)
    buffer = np.empty((min(_ROWS, len(K)), len(K)), K.dtype)
    largest = 0.0
    for i in range(0, len(K), _ROWS):
        rows = K.T[i : i + _ROWS]
        sums = np.abs(rows, out=buffer[: len(rows)]) @ ones
        largest = max(largest, float(sums.max()))
    return largest


def restore_lower(K: NDArray) -> None:
    """Copy the upper triangle over the lower one, in place.

    Parameters
    ----------
    K : ndarray of shape (n, n)
    """
    for i in range(0, len(K), _TILE):
        end = i + _TILE
        K[end:, i:end] = K[i:end, end:].T
        tile = K[i:end, i:end]
        tile[...] = np.triu(tile) + np.triu(tile, 1).T


def upper_product(K: NDArray, A: NDArray) -> NDArray:
    """Return the symmetric matrix of which K holds the upper triangle, times A.

    Parameters
    ----------
    K : ndarray of shape (n, n), Fortran-contiguous
    A : ndarray of shape (n, k)

    Returns
    -------
    ndarray of shape (n, k)
    """
    symm = blas.ssymm if K.dtype == np.float32 else blas.dsymm
    return symm(1.0, K, as_fortran(A), lower=0)


def half_block_size(n: int) -> int:
    """Return the rows of a block of a `HalfMatrix` of n points.

    Parameters
    ----------
    n : int

    Returns
    -------
    int
        Its diagonal blocks cost n block_size / 2 numbers beyond the half: 3 % of n^2 at most.
    """
    return int(np.clip(n // 16, 32, 512))


class HalfMatrix:
    """A kernel matrix kept as its rows from the diagonal on, in blocks: half of the memory.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    X : ndarray of shape (n, d)
        Points, one a row.
    block_size : int
        Rows of a block; the memory is ``n (n + block_size) / 2`` numbers.
    copy : ndarray of shape (n, n), Fortran-contiguous, optional
        Where to write the lower triangle, rounded to the dtype of this array.

    Attributes
    ----------
    one_norm : float
        The largest absolute row sum.
    """

    def __init__(
        self, kernel: Kernel, X: NDArray, block_size: int, copy: NDArray | None = None
    ) -> None:
        n = len(X)
        self.n_samples, self.block_size = n, block_size
        self.blocks: list[NDArray] = []
        sums = np.zeros(n)
        for start in range(0, n, block_size):
            stop = min(start + block_size, n)
            block = np.empty((stop - start, n - start), X.dtype)
            kernel._fill(X[start:stop], None, block[:, : stop - start], None)
            if stop < n:
                kernel._fill(X[start:stop], X[stop:], block[:, stop - start :], None)
            if copy is not None:  # the lower triangle in Fortran order: the same memory order
                copy.T[start:stop, start:] = block
            self._add_row_sums(block, sums[start:])
            self.blocks.append(block)
        self.one_norm = float(sums.max())

    @staticmethod
    def memory(n: int, block_size: int, dtype: np.dtype) -> int:
        """Return the bytes that the blocks take."""
        rows = np.arange(0, n, block_size)
        return int(((np.minimum(rows + block_size, n) - rows) * (n - rows)).sum()) * dtype.itemsize

    def product(self, A: NDArray) -> NDArray:
        """Return the whole matrix times A.

        Parameters
        ----------
        A : ndarray of shape (n, k)

        Returns
        -------
        ndarray of shape (n, k)
            Cost 2 n^2 k operations, and one pass over the blocks.
        """
        out = np.zeros(A.shape, A.dtype)
        for i, block in enumerate(self.blocks):
            start = i * self.block_size
            stop = start + len(block)
            out[start:stop] += block @ A[start:]
            if stop < self.n_samples:
                out[stop:] += block[:, len(block) :].T @ A[start:stop]
        return out

    @staticmethod
    def _add_row_sums(block: NDArray, sums: NDArray) -> None:
        size = len(block)
        for i in range(0, size, _ROWS):
            part = np.abs(block[i : i + _ROWS])
            sums[i : i + len(part)] += part.sum(axis=1)
            sums[size:] += part[:, size:].sum(axis=0)
