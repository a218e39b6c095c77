"""The one factorisation behind a penalty path, and what it gives for every penalty.

It is an eigendecomposition of the smaller Gram matrix, ``A A^T`` or ``A^T A``. That squares the
condition number; where a penalty is too small to make up for it, a QR factorisation and the
singular values of its triangle are used instead, which do not square it. ``A`` is the matrix of
samples, without its constant part when an intercept is fitted; ``restore`` leads back from its rows
to the samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, svd

from fearless import linalg

# Largest condition number of the penalised Gram matrix for which it is used: the relative error of
# a coefficient is then below about 1e6 eps = 2e-10, and that of the risks far below.
_GRAM_CONDITION_LIMIT = 1e6
# Below it the products that add up to a squared singular value lose digits by underflow.
_LEAST_SQUARE = 1e-290


class Wide:
    """No more rows than columns: ``A A^T = W diag(squares) W^T``, and ``rotated = W^T b``."""

    def __init__(self, A: NDArray, b: NDArray, shifts: NDArray) -> None:
        m = len(A)
        gram = linalg.gram_update(np.zeros((m, m), order="F"), A.T)
        self.squares, self.basis = _eigenvectors(gram)
        self.method, self._rows = "gram", A
        if _is_ill_conditioned(self.squares, shifts):
            packed, tau = linalg.qr_in_place(linalg.as_fortran(A.T, copy=True))
            # A = R^T Q^T = W diag(s) (Q Z)^T
            self.basis, s, zt = svd(np.triu(packed[:m]).T, overwrite_a=True, check_finite=False)
            _check_rank(s, shifts, A.shape)
            self.method, self.squares = "svd", s**2
            self._packed, self._tau, self._map = packed, tau, zt.T * s
        self.rotated = self.basis.T @ b

    def coef(self, gains: NDArray) -> NDArray:
        """Return the coefficients that ``(W^T b) / (squares + shift)`` stand for."""
        if self.method == "gram":
            return self._rows.T @ (self.basis @ gains)
        small = self._map @ gains
        padded = np.zeros((self._rows.shape[1], small.shape[1]), order="F")
        padded[: len(small)] = small
        return linalg.apply_q(self._packed, self._tau, padded)

    def errors(
        self,
        gains: NDArray,
        inverses: NDArray,
        shifts: NDArray,
        restore: Callable[[NDArray], NDArray],
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Return residuals, leave-one-out residuals (n, l, k) and GCV scores (l,).

        Everything is divided by the shift: ``r = shift W (...)``, ``1 - H = shift W (...) W^T``.
        """
        basis = restore(self.basis)
        scaled = (basis @ gains).reshape(len(basis), len(shifts), -1)
        diagonal = (basis * basis) @ inverses
        even = scaled * (len(basis) / inverses.sum(axis=0))[:, None]
        gcv = np.einsum("ilk,ilk->l", even, even) / len(basis)
        return scaled * shifts[:, None], scaled / diagonal[..., None], gcv


class Tall:
    """More rows than columns: ``A^T A = V diag(squares) V^T``, ``rotated = (A V)^T b``."""

    def __init__(self, A: NDArray, b: NDArray, shifts: NDArray) -> None:
        p = A.shape[1]
        gram = linalg.gram_update(np.zeros((p, p), order="F"), A)
        self.squares, self.directions = _eigenvectors(gram)
        self.method, self.targets = "gram", b
        if _is_ill_conditioned(self.squares, shifts):
            packed, tau = linalg.qr_in_place(linalg.as_fortran(A, copy=True))
            w, s, vt = svd(np.triu(packed[:p]), check_finite=False)  # A = Q W diag(s) V^T
            _check_rank(s, shifts, A.shape)
            self.method, self.squares, self.directions = "svd", s**2, vt.T
            padded = np.zeros(A.shape, order="F")
            padded[:p] = w * s
            self.image = linalg.apply_q(packed, tau, padded)
        else:
            self.image = A @ self.directions
        self.rotated = self.image.T @ b

    def coef(self, gains: NDArray) -> NDArray:
        """Return the coefficients that ``rotated / (squares + shift)`` stand for."""
        return self.directions @ gains

    def errors(
        self,
        gains: NDArray,
        inverses: NDArray,
        shifts: NDArray,
        restore: Callable[[NDArray], NDArray],
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Return residuals, leave-one-out residuals (n, l, k) and GCV scores (l,)."""
        m, k = self.targets.shape
        fitted = (self.image @ gains).reshape(m, -1, k)
        residuals = restore((self.targets[:, None] - fitted).reshape(m, -1))
        n = len(residuals)
        residuals = residuals.reshape(n, -1, k)
        image = restore(self.image)
        # One degree of freedom is the intercept's, shared by all samples.
        room = 1 - (n - m) / n - (image * image) @ inverses
        if room.min() < 100 * n * np.finfo(float).eps:
            i, j = np.unravel_index(np.argmin(room), room.shape)
            raise ValueError(
                f"X: sample {i} has leverage 1 at penalty {shifts[j] / n:.3g}, to working "
                "precision; expected samples whose directions others share too, or larger penalties"
            )
        used = self.squares @ inverses + (n - m)
        square = np.einsum("ilk,ilk->l", residuals, residuals)
        gcv = square / n / (1 - used / n) ** 2
        return residuals, residuals / room[..., None], gcv


def _eigenvectors(gram: NDArray) -> tuple[NDArray, NDArray]:
    """Return eigenvalues (rounding below zero removed) and eigenvectors; the gram is destroyed."""
    if not np.isfinite(np.trace(gram)):
        raise ValueError("X is so large that its squares overflow; rescale X")
    values, vectors = eigh(gram, lower=True, overwrite_a=True, check_finite=False, driver="evd")
    return np.maximum(values, 0), vectors


def _is_ill_conditioned(squares: NDArray, shifts: NDArray) -> bool:
    largest, smallest = squares[-1] + shifts.min(), squares[0] + shifts.min()
    return smallest < _LEAST_SQUARE or largest / smallest >= _GRAM_CONDITION_LIMIT


def _check_rank(s: NDArray, shifts: NDArray, shape: tuple[int, int]) -> None:
    tolerance = max(np.finfo(float).eps * max(shape) * s[0], np.finfo(float).tiny ** 0.5)
    if shifts.min() == 0 and s[-1] <= tolerance:
        raise ValueError(
            f"penalties contains 0, but X has numerical rank {int(np.sum(s > tolerance))} of at "
            f"most {len(s)}; expected positive penalties"
        )
