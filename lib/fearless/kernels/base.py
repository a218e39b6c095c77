"""What all kernels share: arguments checked once, results written where the caller wants them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_matrix, check_out

__all__ = ["Kernel"]


class Kernel(ABC):
    """Compute kernel matrices: the base that checks arguments and lets a subclass fill the result.

    A subclass implements ``_fill(X, Z, out, block_size)`` and ``_diag(X)`` on checked arrays.
    """

    def __call__(
        self,
        X: ArrayLike,
        Z: ArrayLike | None = None,
        out: NDArray | None = None,
        block_size: int | None = None,
    ) -> NDArray:
        """Compute the kernel matrix with entries K(x_i, z_j).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row. float32 stays float32; everything else is computed in float64.
        Z : array-like of shape (m, d), optional
            Other points, converted to the dtype of X. None means X itself: the matrix is then
            exactly symmetric and costs about half.
        out : ndarray of shape (n, m), optional
            Where to write the result, of the dtype of X, in any memory order.
        block_size : int, optional
            Edge of the tiles that the matrix is computed in (default 512). It bounds the memory
            used beyond the result: O(block_size d + block_size^2) numbers.

        Returns
        -------
        ndarray of shape (n, m)
            ``out`` if it was given, otherwise a new C-ordered array.

        Raises
        ------
        TypeError, ValueError
            X, Z, out or block_size is not as described; X or Z is empty or not finite.
        """
        X = check_matrix(X, "X")
        if Z is not None:
            Z = check_matrix(Z, "Z", n_columns=X.shape[1])
            if Z.dtype != X.dtype:
                with np.errstate(over="ignore"):  # what overflows is caught by the next check
                    Z = Z.astype(X.dtype)
                Z = check_matrix(Z, "Z")
        if block_size is not None:
            block_size = check_int(block_size, "block_size")
        result = check_out(out, (len(X), len(X if Z is None else Z)), X.dtype)
        for points in (X, Z):
            if out is not None and points is not None and np.shares_memory(out, points):
                raise ValueError("out shares memory with X or Z; expected memory of its own")
        self._fill(X, Z, result, block_size)
        return result

    def diag(self, X: ArrayLike) -> NDArray:
        """Compute the diagonal K(x_i, x_i) without the matrix, in O(n d).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.

        Returns
        -------
        ndarray of shape (n,)
            The diagonal of ``K(X)``, in the dtype of X.

        Raises
        ------
        TypeError, ValueError
            X is not as described, empty or not finite.
        """
        return self._diag(check_matrix(X, "X"))

    @abstractmethod
    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        """Write K(X, Z) to out; Z None means X."""

    @abstractmethod
    def _diag(self, X: NDArray) -> NDArray:
        """Return K(x_i, x_i) for the rows of X."""
