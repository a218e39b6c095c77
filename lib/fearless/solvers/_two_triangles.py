"""FALKON's preconditioner: two triangular factors in one square of memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from fearless.kernels import Kernel
from fearless.linalg import NotPositiveDefiniteError, as_fortran, cholesky_in_place

__all__ = ["TwoTriangles"]

_TILE = 256  # rows transposed at once


class TwoTriangles:
    r"""The map B = n^{-1/2} T^{-1} A^{-1} with T^T T = K_MM and A^T A = T T^T / M + (reg / n) I.

    T fills the upper triangle of one square, A^T the lower one; each diagonal is kept apart and put
    in place when its factor is used.

    Parameters
    ----------
    square : ndarray of shape (M, M), Fortran-contiguous
        The Cholesky factor T^T of K_MM in the lower triangle. Overwritten.
    n_samples : int
        n.
    reg : float
        The penalty, before the division by n.
    """

    def __init__(self, square: NDArray, n_samples: int, reg: float) -> None:
        dtype, M = square.dtype, len(square)
        self.dtype, self.reg = dtype, dtype.type(reg)
        self._scale = dtype.type(n_samples**-0.5)
        for i in range(0, M, _TILE):  # copy the lower triangle over the upper one
            end = i + _TILE
            square[i:end, end:] = square[end:, i:end].T
            tile = square[i:end, i:end]
            tile[...] = np.tril(tile) + np.tril(tile, -1).T
        self._outer = square.diagonal().copy()
        lauum = lapack.slauum if dtype == np.float32 else lapack.dlauum
        square, info = lauum(square, lower=1, overwrite_c=True)
        if info != 0:
            raise ValueError(f"lauum: argument {-info} has an illegal value")
        for i in range(0, M, _TILE):
            end = i + _TILE
            square[end:, i:end] /= dtype.type(M)
            tile = square[i:end, i:end]
            np.divide(tile, dtype.type(M), out=tile, where=np.tri(len(tile), dtype=bool))
        square.flat[:: M + 1] += dtype.type(reg / n_samples)
        self._square = cholesky_in_place(square)
        self._inner = square.diagonal().copy()
        self._trsm = blas.strsm if dtype == np.float32 else blas.dtrsm
        self._trmm = blas.strmm if dtype == np.float32 else blas.dtrmm

    @classmethod
    def of_centers(
        cls, kernel: Kernel, centers: NDArray, n_samples: int, reg: float
    ) -> tuple[TwoTriangles, NDArray[np.intp]]:
        """Factorise the kernel matrix of the centres, without those that depend on the others.

        Parameters
        ----------
        kernel : Kernel
            The kernel.
        centers : ndarray of shape (M, d)
            The centres.
        n_samples : int
            n.
        reg : float
            The penalty.

        Returns
        -------
        factors : TwoTriangles
        kept : ndarray of int
            Which centres, all of them in order unless K_MM is singular to working precision.
        """
        M = len(centers)
        square = _kernel_square(kernel, centers)
        largest = float(square.diagonal().max())
        least = M * float(np.finfo(square.dtype).eps) * largest
        kept = np.arange(M)
        try:
            square = cholesky_in_place(square)
            singular = float(square.diagonal().min()) ** 2 < least
        except NotPositiveDefiniteError:
            singular = True
        if singular:
            kept = _independent(_kernel_square(kernel, centers, square), least)
            del square
            if len(kept) == 0:
                raise NotPositiveDefiniteError(
                    "the kernel matrix of the centres is zero or negative; expected a positive "
                    "definite kernel, and centres at which it is not zero"
                )
            square = cholesky_in_place(_kernel_square(kernel, centers[kept]))
            _check_rest(kernel, centers, kept, square, np.sqrt(least * largest / M))
        return cls(square, n_samples, reg), kept

    def to_coefficients(self, beta: NDArray) -> NDArray:
        """Return a = B beta."""
        return self.both(beta)[0]

    def both(self, beta: NDArray) -> tuple[NDArray, NDArray]:
        """Return a = B beta and n^{-1/2} A^{-1} beta, from which `normal` continues."""
        half = self._solve_inner(beta * self._scale, transposed=True)
        return self._solve_outer(half.copy(order="F")), half

    def from_coefficients(self, a: NDArray) -> NDArray:
        """Return beta = B^{-1} a."""
        half = self._multiply_outer(a)
        self._put(self._inner)
        return self._trmm(1 / self._scale, self._square, half, lower=1, trans_a=1)

    def transposed(self, r: NDArray) -> NDArray:
        """Return B^T r."""
        return self._solve_inner(self._solve_outer(r * self._scale, transposed=True))

    def normal(self, r: NDArray, half: NDArray) -> NDArray:
        """Return B^T (r + reg K_MM a) for the second result ``half`` of `both`."""
        result = self._solve_outer(r * self._scale, transposed=True)
        result += (self.reg * self._scale) * half  # T^{-T} K_MM a = T a = half
        return self._solve_inner(result)

    def kernel_product(self, a: NDArray) -> NDArray:
        """Return K_MM a = T^T T a."""
        half = self._multiply_outer(a)
        return self._trmm(1.0, self._square, half, lower=0, trans_a=1, overwrite_b=1)

    def _put(self, diagonal: NDArray) -> None:
        np.fill_diagonal(self._square, diagonal)

    def _multiply_outer(self, a: NDArray) -> NDArray:
        self._put(self._outer)
        return self._trmm(1.0, self._square, as_fortran(a), lower=0)

    def _solve_outer(self, b: NDArray, *, transposed: bool = False) -> NDArray:
        self._put(self._outer)
        b = as_fortran(b)
        return self._trsm(1.0, self._square, b, lower=0, trans_a=int(transposed), overwrite_b=1)

    def _solve_inner(self, b: NDArray, *, transposed: bool = False) -> NDArray:
        self._put(self._inner)
        b = as_fortran(b)
        return self._trsm(1.0, self._square, b, lower=1, trans_a=int(transposed), overwrite_b=1)


def _kernel_square(kernel: Kernel, centers: NDArray, out: NDArray | None = None) -> NDArray:
    if out is None:
        out = np.empty((len(centers), len(centers)), centers.dtype, order="F")
    kernel._fill(centers, None, out, None)
    return out


def _independent(square: NDArray, least: float) -> NDArray[np.intp]:
    """Return the leading pivots of a pivoted Cholesky factorisation, in increasing order."""
    pstrf = lapack.spstrf if square.dtype == np.float32 else lapack.dpstrf
    _, pivots, rank, info = pstrf(square, tol=least, lower=1, overwrite_a=True)
    if info < 0:
        raise ValueError(f"pstrf: argument {-info} has an illegal value")
    return np.sort(pivots[:rank] - 1).astype(np.intp)


def _check_rest(
    kernel: Kernel, centers: NDArray, kept: NDArray, factor: NDArray, tolerance: float
) -> None:
    """Raise unless the centres left out are explained by the others, as a kernel's must be."""
    rest = np.setdiff1d(np.arange(len(centers)), kept)
    points = centers[rest[:: 1 + len(rest) // _TILE]]
    cross = np.empty((len(kept), len(points)), centers.dtype, order="F")
    kernel._fill(centers[kept], points, cross, None)
    trsm = blas.strsm if factor.dtype == np.float32 else blas.dtrsm
    cross = trsm(1.0, factor, cross, lower=1, overwrite_b=1).astype(np.float64)
    remaining = _kernel_square(kernel, points).astype(np.float64) - cross.T @ cross
    if not np.abs(remaining).max(initial=0.0) <= tolerance:
        raise NotPositiveDefiniteError(
            "the kernel matrix of the centres has negative eigenvalues far beyond rounding errors; "
            "expected a positive semi-definite kernel"
        )
