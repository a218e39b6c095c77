"""Kernel interpolants of the first 1, ..., n samples, all from one factorisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless import linalg
from fearless._validation import check_matrix
from fearless.kernels import Kernel

__all__ = ["PrefixInterpolants"]


class PrefixInterpolants:
    """Interpolate the first m of n samples with a kernel, for every m.

    The leading blocks of the factor of K = L L^T, and of its inverse, are the factors of the
    leading blocks of K, and their inverses. With z = L^-1 y and a(x) = L^-1 K_Xx the interpolant of
    the first m samples is a_1 z_1 + ... + a_m z_m, and its squared norm z_1^2 + ... + z_m^2.

    Parameters
    ----------
    kernel : Kernel
    X : array-like of shape (n, d)
        Distinct points; raised to double precision.

    Raises
    ------
    NotPositiveDefiniteError
        The kernel matrix is numerically singular.

    Notes
    -----
    Cost O(n^2 d + n^3 / 3), then that of each method.
    """

    def __init__(self, kernel: Kernel, X: ArrayLike) -> None:
        self.kernel = kernel
        self.X = check_matrix(X, "X").astype(np.float64)
        # The matrix is symmetric: its transpose is the same matrix in the order LAPACK wants.
        factor = linalg.cholesky_in_place(linalg.as_fortran(kernel(self.X).T))
        self._upper = linalg.as_fortran(np.tril(factor).T)

    def squared_norms(self, Y: NDArray) -> NDArray[np.float64]:
        """Squared norms for every output (column of Y): row m - 1 for m samples. O(n^2 k)."""
        return np.cumsum(self._forward(Y) ** 2, axis=0)

    def predict(self, Z: ArrayLike, y: NDArray, samples: NDArray) -> list[NDArray[np.float64]]:
        """Values at the rows of Z of the interpolant of the first m values y, for m of samples."""
        weights = self._forward(self.kernel(self.X, check_matrix(Z, "Z").astype(np.float64)))
        z = self._forward(y[:, None])[:, 0]
        return [weights[:m].T @ z[:m] for m in samples]

    def coefficients(self, Y: NDArray) -> NDArray[np.float64]:
        """Solve K a = Y for all n samples. O(n^2 k)."""
        return linalg.solve_triangle(self._upper, self._forward(Y), overwrite=True)

    def noise_norms(self) -> NDArray[np.float64]:
        """Root mean square norms for noise of variance one: the roots of tr K^-1. O(n^3 / 3)."""
        inverse = linalg.invert_triangle(self._upper)  # its columns are the rows of L^-1
        return np.sqrt(np.cumsum(np.einsum("ij,ij->j", inverse, inverse)))

    def _forward(self, Y: NDArray) -> NDArray[np.float64]:
        return linalg.solve_triangle(self._upper, Y, adjoint=True)
