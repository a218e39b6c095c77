"""The interpolant of least norm in the space of a kernel, and how far the others stray from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_targets
from fearless.kernels import Kernel
from fearless.linalg import as_fortran, cholesky_in_place, cholesky_solve

__all__ = ["KernelInterpolant"]


@dataclass(frozen=True)
class KernelInterpolant:
    r"""The interpolant of least norm in the space of a kernel, and all that surrounds it.

    Build it with `KernelInterpolant.through`.

    Attributes
    ----------
    kernel : Kernel
    X : ndarray of shape (n, d)
        The points.
    dual : ndarray of shape (n,) or (n, k)
        :math:`K_{XX}^{-1} y`.
    factor : ndarray of shape (n, n)
        Cholesky factor of the kernel matrix.
    norm : float
        :math:`\sqrt{\operatorname{tr} y^\top K_{XX}^{-1} y}`, the norm in the space of the kernel.
    """

    kernel: Kernel
    X: NDArray
    dual: NDArray
    factor: NDArray
    norm: float

    @classmethod
    def through(cls, kernel: Kernel, X: ArrayLike, y: ArrayLike) -> KernelInterpolant:
        """Fit the values ``y`` at the points ``X`` exactly.

        Parameters
        ----------
        kernel : Kernel
        X : array-like of shape (n, d)
        y : array-like of shape (n,) or (n, k)

        Returns
        -------
        KernelInterpolant

        Raises
        ------
        fearless.linalg.NotPositiveDefiniteError
            When the kernel matrix is numerically singular; no jitter is added.
        TypeError, ValueError
            Arrays that are not as described.
        """
        X = check_matrix(X, "X").astype(np.float64)
        y = check_targets(y, "y", n_rows=len(X)).astype(np.float64)
        factor = cholesky_in_place(as_fortran(kernel(X), copy=True))
        dual = cholesky_solve(factor, y.reshape(len(y), -1)).reshape(y.shape)
        return cls(kernel, X, dual, factor, float(np.sqrt(np.sum(y * dual))))

    def values(self, Z: ArrayLike) -> NDArray:
        r"""Evaluate the interpolant, :math:`K_{ZX} K_{XX}^{-1} y`.

        Parameters
        ----------
        Z : array-like of shape (m, d)

        Returns
        -------
        ndarray of shape (m,) or (m, k)
        """
        return self.kernel(np.asarray(Z, dtype=np.float64), self.X) @ self.dual

    def residual_kernel(self, Z: ArrayLike, W: ArrayLike) -> NDArray:
        r"""Compute the kernel of the functions that vanish at ``X``.

        It is :math:`K(z, w) - K_{zX} K_{XX}^{-1} K_{Xw}`.

        Parameters
        ----------
        Z : array-like of shape (m, d)
        W : array-like of shape (l, d)

        Returns
        -------
        ndarray of shape (m, l)
        """
        Z, W = np.asarray(Z, dtype=np.float64), np.asarray(W, dtype=np.float64)
        return self.kernel(Z, W) - self.kernel(Z, self.X) @ cholesky_solve(
            self.factor, self.kernel(self.X, W)
        )

    def power(self, Z: ArrayLike) -> NDArray:
        r"""Compute the power function, the root of the diagonal of `residual_kernel`.

        ``P(z)`` is the largest value at ``z`` of a function of norm 1 that vanishes at ``X``.

        Parameters
        ----------
        Z : array-like of shape (m, d)

        Returns
        -------
        ndarray of shape (m,)
        """
        Z = np.asarray(Z, dtype=np.float64)
        cross = self.kernel(Z, self.X)
        known = np.sum(cross * cholesky_solve(self.factor, cross.T).T, axis=1)
        return np.sqrt(np.maximum(self.kernel.diag(Z) - known, 0))
