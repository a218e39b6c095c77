"""A triangular factor that grows by rows: ``R^H R = A^H A`` while rows of ``A`` arrive.

Both halves of a double-descent curve that a single QR does not reach are of this kind. Beyond the
interpolation threshold each new *feature* adds a row to ``A = Phi^H`` and the kernel matrix is
``A^H A``; on the classical side of a learning curve each new *sample* adds a row to ``A = Phi``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fearless import linalg

__all__ = ["GRAM_TOLERANCE", "GrowingFactor"]

# A Gram matrix squares the condition number. Before the factor changes to Gram updates it solves
# the current problem both ways, and changes only when the solutions agree to this much in the
# norm of the model's coefficients; as more rows arrive the condition only improves.
GRAM_TOLERANCE = {"float32": 3e-4, "float64": 1e-11}

# No trial is worth its cost above sqrt(n) times this Frobenius condition number, which is itself
# about sqrt(n) times the spectral one. Measured on random Fourier features of MNIST.
_FIRST_TRIAL = {"float32": 100.0, "float64": 500.0}

# Random right-hand sides that estimate ||A^+||_F (Hutchinson): at the threshold, where one
# singular value dominates, the relative standard deviation is sqrt(1 / (2 * 16)) = 0.18.
_N_PROBES = 16


class GrowingFactor:
    """Factor of ``A^H A``, updated as rows of ``A`` arrive, with the solves that paths need.

    Starts from a QR factorisation and appends rows by triangular-pentagonal QR, whose error grows
    with the condition number ``kappa``; as soon as a trial shows that it may (`try_gram`) it
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
    single : bool
        Whether the Gram phase may go on in single precision once a trial shows that it may.

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
        single: bool = False,
    ) -> None:
        self.method = "qr"
        self.dtype = np.dtype(rows.dtype if dtype is None else dtype)
        self.condition = np.inf
        self._n = rows.shape[1]
        self._single = np.dtype(np.complex64 if self.dtype.kind == "c" else np.float32)
        self._may_be_single = single and self.dtype != self._single
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
        self._next_trial = _FIRST_TRIAL[_real_name(self.dtype)] * np.sqrt(self._n)
        self._work: np.ndarray | None = None
        self._factor_is_current = True
        generator = np.random.default_rng(0)  # fixed: probes are part of the algorithm
        self._probes = generator.choice([-1.0, 1.0], size=(self._n, _N_PROBES))

    def append(self, rows: np.ndarray, targets: np.ndarray | None = None) -> None:
        """Take in more rows of ``A``, and of the targets where the factor carries them.

        Parameters
        ----------
        rows : ndarray of shape (m, n)
        targets : ndarray of shape (m, k), optional
        """
        self._square_norm += _square_norm(rows)
        block = _augment(rows, targets)
        if self.method == "qr":
            self._factor = linalg.append_rows(self._factor, block)
        else:
            self._factor = linalg.gram_update(self._factor, block)
            self._factor_is_current = False

    def wants_gram(self) -> bool:
        """Whether a trial of the (faster) Gram phase is due: ask after a solve."""
        return self.method == "qr" and self.condition <= self._next_trial

    def try_gram(
        self,
        blocks: Iterable[tuple[np.ndarray, ...]],
        x: np.ndarray,
        b: np.ndarray | None = None,
    ) -> bool:
        """Change to the Gram phase if it reproduces the current solution.

        The Gram matrix is formed from the rows themselves rather than from ``R``, so that it
        carries the rounding error of one product only.

        Parameters
        ----------
        blocks : iterable of tuples
            *All* rows of ``A`` so far, in pieces: the arguments of `append`.
        x : ndarray of shape (n, k)
            The current solution, from `solve` or `least_squares`.
        b : ndarray of shape (n, k), optional
            The right-hand side that `solve` was given; not for least squares.

        Returns
        -------
        bool
            Whether the factor has changed phase. After a failure the next trial waits until the
            condition number has halved.

        Notes
        -----
        Cost: ``m n^2 + n^3 / 3`` flops for ``m`` rows.
        """
        n = self._n
        gram = np.zeros(self._factor.shape, dtype=self.dtype, order="F")
        for block in blocks:
            gram = linalg.gram_update(gram, _augment(*block))
        right = gram[n:, :n].conj().T if b is None else b
        if not self._adopt(gram, right, x, np.triu(self._triangle())):
            return False
        self.method = "gram"
        self._next_trial = _FIRST_TRIAL["float32"] * np.sqrt(self._n)
        return True

    def wants_single(self) -> bool:
        """Whether a trial of single precision is due: ask after a solve in the Gram phase."""
        return self.method == "gram" and self._may_be_single and self.condition <= self._next_trial

    def try_single(self, x: np.ndarray, b: np.ndarray) -> bool:
        """Go on in single precision if it reproduces the current solution (see `try_gram`).

        Parameters
        ----------
        x, b : ndarray of shape (n, k)
            The current solution and its right-hand side.

        Returns
        -------
        bool
            Whether the factor is now in single precision.
        """
        gram = self._factor.astype(self._single)
        if not self._adopt(gram, b, x, np.tril(self._cholesky()).conj().T):
            return False
        self.dtype, self._may_be_single = self._single, False
        return True

    def _adopt(
        self, gram: np.ndarray, right: np.ndarray, x: np.ndarray, triangle: np.ndarray
    ) -> bool:
        """Go on with ``gram`` if its solution agrees with ``x`` in the norm of the model.

        ``triangle`` is the present factor ``R``: the norm of the model's coefficients is
        ``||R x||``. After a failure the next trial waits until the condition number has halved.
        """
        work = linalg.as_fortran(gram[: self._n, : self._n], copy=True)
        try:
            work = linalg.cholesky_in_place(work)
            trial = linalg.cholesky_solve(work, right)
            gap = np.linalg.norm(triangle @ (trial - x)) / np.linalg.norm(triangle @ x)
        except linalg.NotPositiveDefiniteError:
            gap = np.inf
        if not gap <= GRAM_TOLERANCE[_real_name(gram.dtype)]:
            self._next_trial = self.condition / 2
            return False
        self._factor, self._work, self._factor_is_current = gram, work, True
        return True

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
        if not self._factor_is_current:
            self._work[...] = self._factor[: self._n, : self._n]
            self._work = linalg.cholesky_in_place(self._work)
            self._factor_is_current = True
        return self._work

    def _set_condition(self, probe_norms: np.ndarray) -> None:
        self.condition = float(np.sqrt(self._square_norm * np.mean(probe_norms)))


def _square_norm(rows: np.ndarray) -> float:
    # einsum, not a dot product: see the note on two BLAS libraries in `fearless.linalg`.
    parts = (rows.real, rows.imag) if np.iscomplexobj(rows) else (rows,)
    return float(sum(np.einsum("ij,ij->", part, part, dtype=np.float64) for part in parts))


def _augment(rows: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
    return rows if targets is None else np.hstack([rows, targets])


def _real_name(dtype: np.dtype) -> str:
    return np.finfo(dtype).dtype.name
