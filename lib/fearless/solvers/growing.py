"""A triangular factor that grows by rows: ``R^H R = A^H A`` while rows of ``A`` arrive.

Both halves of a double-descent curve that a single QR does not reach are of this kind. Beyond the
interpolation threshold each new *feature* adds a row to ``A = Phi^H`` and the kernel matrix is
``A^H A``; on the classical side of a learning curve each new *sample* adds a row to ``A = Phi``.
"""

from __future__ import annotations

import numpy as np

from fearless import linalg

__all__ = ["GRAM_CONDITION_LIMIT", "GrowingFactor"]

# From QR updates to Gram updates once the Frobenius condition number is below this. Forming the
# Gram matrix squares the condition number; measured on random Fourier features of MNIST
# (n = 1000 to 4000) its relative error in the test risk is then about 1e-4 * limit^2 * eps,
# that is 2e-12 in float64 and 6e-4 in float32, and in practice a few times smaller.
GRAM_CONDITION_LIMIT = 1e4

# Random right-hand sides that estimate ||A^+||_F (Hutchinson): at the threshold, where one
# singular value dominates, the relative standard deviation is sqrt(1 / (2 * 16)) = 0.18.
_N_PROBES = 16


class GrowingFactor:
    """Factor of ``A^H A``, updated as rows of ``A`` arrive, with the solves that paths need.

    Starts from a QR factorisation and appends rows by triangular-pentagonal QR, whose error grows
    with the condition number ``kappa``; as soon as the estimated ``kappa`` is small enough it
    changes to Gram updates and Cholesky, which square ``kappa`` but run at the speed of a matrix
    product. Targets, where given, travel as extra columns of ``A`` (then `least_squares` solves
    ``min ||A X - B||``).

    Parameters
    ----------
    rows : ndarray of shape (m, n), m >= n
        The first rows of ``A``.
    targets : ndarray of shape (m, k), optional
        The rows of ``B`` that belong to them.
    dtype : dtype, optional
        Working precision; default that of ``rows``.
    gram_dtype : dtype, optional
        Precision of the Gram phase; default ``dtype``.

    Attributes
    ----------
    method : {"qr", "gram"}
        The phase it is in.
    dtype : dtype
        Precision of that phase.
    condition : float
        Estimate of ``||A||_F ||A^+||_F``, as of the last solve. It lies between the spectral
        condition number ``kappa_2`` and ``n kappa_2``, up to the error of the estimate.

    Notes
    -----
    Cost: ``2 k n^2`` flops for ``k`` rows in the QR phase; ``k n^2`` in the Gram phase, where
    each solve adds ``n^3 / 3``. Memory: one ``n x n`` array, two in the Gram phase.
    """

    def __init__(
        self,
        rows: np.ndarray,
        targets: np.ndarray | None = None,
        *,
        dtype: np.dtype | None = None,
        gram_dtype: np.dtype | None = None,
    ) -> None:
        self.method = "qr"
        self.dtype = np.dtype(rows.dtype if dtype is None else dtype)
        self.condition = np.inf
        self._n = rows.shape[1]
        self._gram_dtype = np.dtype(self.dtype if gram_dtype is None else gram_dtype)
        self._square_norm = _square_norm(rows)
        block = linalg.as_fortran(_augment(rows, targets), self.dtype, copy=True)
        if len(block) < block.shape[1]:  # fewer rows than columns once the targets are counted
            missing = block.shape[1] - len(block)
            block = np.asfortranarray(np.pad(block, ((0, missing), (0, 0))))
        packed, _ = linalg.qr_in_place(block)
        # tpqrt wants a square array of its own; the rows below belong to the reflectors.
        self._factor = linalg.as_fortran(
            packed[: block.shape[1]], copy=len(packed) > packed.shape[1]
        )
        self._work: np.ndarray | None = None
        self._factor_is_current = True
        generator = np.random.default_rng(0)  # fixed: probes are part of the algorithm
        self._probes = generator.choice([-1.0, 1.0], size=(self._n, _N_PROBES))

    def append(self, rows: np.ndarray, targets: np.ndarray | None = None) -> None:
        """Take in more rows of ``A``, and of the targets where the factor carries them."""
        self._square_norm += _square_norm(rows)
        block = _augment(rows, targets)
        if self.method == "qr":
            self._factor = linalg.append_rows(self._factor, block)
        else:
            self._factor = linalg.gram_update(self._factor, block)
            self._factor_is_current = False

    def wants_gram(self) -> bool:
        """Whether the condition at the last solve allows the (faster) Gram phase."""
        return self.method == "qr" and self.condition <= GRAM_CONDITION_LIMIT

    def start_gram(self, rows: np.ndarray, targets: np.ndarray | None = None) -> None:
        """Change to the Gram phase; ``rows`` are the last *all* rows of ``A`` so far.

        The Gram matrix is formed from the rows themselves rather than from ``R``, so that it
        carries the rounding error of one product only. Rows may come in pieces: call
        `append` with the others afterwards.
        """
        self.method, self.dtype = "gram", self._gram_dtype
        width = self._factor.shape[0]
        self._factor = np.zeros((width, width), dtype=self.dtype, order="F")
        self._square_norm = 0.0
        self.append(rows, targets)

    def solve(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Solve ``A^H A X = B`` and return ``X`` and ``diag(B^H X)``.

        ``diag(B^H X)`` is the squared norm of the min-norm solution ``A X`` of ``A^H W = B``,
        computed as ``||R^{-H} B||^2`` where that avoids cancellation.

        Parameters
        ----------
        b : ndarray of shape (n, k)

        Returns
        -------
        x : ndarray of shape (n, k)
        square_norms : ndarray of shape (k,), float64
        """
        k = b.shape[1]
        both = np.empty((self._n, k + _N_PROBES), dtype=self.dtype, order="F")
        both[:, :k], both[:, k:] = b, self._probes
        if self.method == "qr":
            half = linalg.solve_triangle(self._triangle(), both, adjoint=True, overwrite=True)
            square_norms = np.sum(np.abs(half) ** 2, axis=0, dtype=np.float64)
            x = linalg.solve_triangle(self._triangle(), half[:, :k])
        else:
            solved = linalg.cholesky_solve(self._cholesky(), both)
            square_norms = np.sum((both.conj() * solved).real, axis=0, dtype=np.float64)
            x = solved[:, :k]
        self._set_condition(square_norms[k:])
        return x, square_norms[:k]

    def least_squares(self) -> np.ndarray:
        """Solve ``min ||A X - B||`` for the targets ``B`` taken in so far.

        Returns
        -------
        ndarray of shape (n, k)
        """
        n = self._n
        if self.method == "qr":
            probes = linalg.solve_triangle(
                self._triangle(), linalg.as_fortran(self._probes, self.dtype), adjoint=True
            )
            self._set_condition(np.sum(np.abs(probes) ** 2, axis=0, dtype=np.float64))
            return linalg.solve_triangle(self._triangle(), self._factor[:n, n:])
        right = self._factor[n:, :n].conj().T
        both = np.hstack([right, self._probes.astype(self.dtype)])
        solved = linalg.cholesky_solve(self._cholesky(), both)
        k = right.shape[1]
        self._set_condition(np.sum(self._probes * solved[:, k:].real, axis=0, dtype=np.float64))
        return solved[:, :k]

    def extreme_singular_values(self) -> tuple[float, float]:
        """Smallest and largest singular value of ``A`` (see `fearless.linalg`)."""
        if self.method == "qr":
            return linalg.extreme_singular_values(self._triangle())
        return linalg.extreme_singular_values(self._cholesky(), lower=True)

    def _triangle(self) -> np.ndarray:
        n = self._n
        if self._factor.shape[0] == n:
            return self._factor
        return np.asfortranarray(self._factor[:n, :n])

    def _cholesky(self) -> np.ndarray:
        if self._work is None or self._work.dtype != self.dtype:
            self._work = np.empty((self._n, self._n), dtype=self.dtype, order="F")
            self._factor_is_current = False
        if not self._factor_is_current:
            self._work[...] = self._factor[: self._n, : self._n]
            self._work = linalg.cholesky_in_place(self._work)
            self._factor_is_current = True
        return self._work

    def _set_condition(self, probe_norms: np.ndarray) -> None:
        self.condition = float(np.sqrt(self._square_norm * np.mean(probe_norms)))


def _square_norm(rows: np.ndarray) -> float:
    flat = rows.ravel(order="K")
    return float(np.vdot(flat, flat).real)


def _augment(rows: np.ndarray, targets: np.ndarray | None) -> np.ndarray:
    return rows if targets is None else np.hstack([rows, targets])
