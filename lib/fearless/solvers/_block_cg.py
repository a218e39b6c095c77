"""Block conjugate gradients: all right-hand sides search in one space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, qr, svd

from fearless.linalg import NotPositiveDefiniteError

__all__ = ["BlockCG", "Operator", "block_cg_bytes"]

Operator = Callable[[NDArray], NDArray]

# Arrays of n x k numbers that an iteration holds at most: coefficients, residuals, directions,
# their images, the preconditioned residuals, and the next directions while they are formed.
_ARRAYS = 7


def block_cg_bytes(n_rows: int, n_columns: int, dtype: np.dtype) -> int:
    """Return the bytes of the arrays of an iteration.

    Parameters
    ----------
    n_rows, n_columns : int
        The shape of the right-hand sides.
    dtype : dtype
        Theirs.

    Returns
    -------
    int
    """
    return _ARRAYS * n_rows * n_columns * np.dtype(dtype).itemsize


class BlockCG:
    r"""One step after another of the preconditioned block conjugate gradient method.

    For a symmetric positive definite H and k right-hand sides, iteration t minimises the H-norm of
    the error of every column over one Krylov space, spanned by ``(P^{-1} H)^j P^{-1} R_0`` of *all*
    columns, j < t. Each column thus profits from the directions of the others: k outputs cost no
    more products than one, and take fewer iterations.

    The residual is kept as a product R = W C, W with orthonormal columns: as many as R has
    independent ones. Equal or dependent outputs thus cost nothing, a column that converges before
    the others leaves W, and what is small in R makes C small and not W singular. Directions are
    orthonormalised before they are used, and made conjugate to the previous ones explicitly; what
    is inverted is the matrix ``S^T H S`` of such directions, never a matrix of residuals.

    Parameters
    ----------
    operator : callable
        Maps a block (n, j) to its image under H, in a new array.
    preconditioner : callable or None
        Maps a block (n, j) to P^{-1} times it, in a new array; None means the identity.
    coef : ndarray of shape (n, k)
        Where to start; updated in place.
    residual : ndarray of shape (n, k)
        B - H coef.
    state : mapping, optional
        ``state()`` of an interrupted run, in which case the residual is not looked at.

    References
    ----------
    D. P. O'Leary (1980), The block conjugate gradient algorithm and related methods, Linear Algebra
    and its Applications 29. A. A. Dubrulle (2001), Retooling the method of block conjugate
    gradients, Electronic Transactions on Numerical Analysis 12.
    """

    def __init__(
        self,
        operator: Operator,
        preconditioner: Operator | None,
        coef: NDArray,
        residual: NDArray,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.operator, self.preconditioner, self.coef = operator, preconditioner, coef
        self.columns = 0  # of all blocks that the operator was applied to
        if state is None:
            self.replace_residual(residual)
        else:
            self._block, self._mixing = state["block"], state["mixing"]
            self._directions, self._sizes = state["directions"], state["sizes"]
            self.columns = int(state["columns"])

    @property
    def residual(self) -> NDArray:
        """The residual, as the recurrence has it."""
        return self._block @ self._mixing

    def state(self) -> dict[str, Any]:
        """Return what another `BlockCG` needs to continue, beside the coefficients."""
        return {
            "block": self._block,
            "mixing": self._mixing,
            "directions": self._directions,
            "sizes": self._sizes,
            "columns": self.columns,
        }

    def replace_residual(self, residual: NDArray) -> None:
        """Start afresh from the coefficients, whose residual this is."""
        self._block, self._mixing, self._sizes = _independent_columns(residual)
        self._directions = self._preconditioned()

    def step(self) -> None:
        """Do one iteration: one product with the operator, one with the preconditioner.

        Raises
        ------
        NotPositiveDefiniteError
            ``S^T H S`` is not positive definite.
        """
        if self._block.shape[1] == 0:  # the residual is zero
            return
        basis = _orthonormal(self._directions)
        if basis.shape[1] == 0:  # the preconditioner's answer is lost to cancellation
            basis = self._block
        image = self.operator(basis)
        self.columns += basis.shape[1]
        solve = _curvature_solver(basis.T @ image)
        steps = solve(basis.T @ self._block)
        self.coef += basis @ (steps @ self._mixing)
        self._block, triangle = qr(
            self._block - image @ steps, mode="economic", check_finite=False, overwrite_a=True
        )
        self._mixing = triangle @ self._mixing
        self._drop_converged()
        preconditioned = self._preconditioned()
        preconditioned -= basis @ solve(image.T @ preconditioned)
        self._directions = preconditioned

    def _drop_converged(self) -> None:
        """Leave out of W what R, each column relative to its start, does not contain any more."""
        left, sizes, _ = svd(self._mixing / self._sizes, full_matrices=False, check_finite=False)
        rank = np.count_nonzero(sizes > 100 * np.finfo(sizes.dtype).eps * sizes[:1])
        if rank < len(self._mixing):
            left = left[:, :rank]
            self._block, self._mixing = self._block @ left, left.T @ self._mixing

    def _preconditioned(self) -> NDArray:
        if self.preconditioner is None:
            return self._block.copy()
        image = self.preconditioner(self._block)
        if image.shape != self._block.shape or not np.isfinite(image).all():
            raise ValueError(
                f"preconditioner maps a block of shape {self._block.shape} to shape {image.shape}, "
                f"{np.count_nonzero(~np.isfinite(image))} entries of it not finite; expected the "
                "same shape and finite numbers"
            )
        return image


def _independent_columns(residual: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Write R = W C, W orthonormal with as many columns as are independent; and their sizes."""
    peaks = np.abs(residual).max(axis=0)
    peaks[peaks == 0] = 1
    scaled = residual / peaks  # before its squares are taken, which might overflow
    norms = np.maximum(np.linalg.norm(scaled, axis=0), 1)
    scaled /= norms
    sizes = peaks * norms
    block, triangle, order = qr(scaled, mode="economic", pivoting=True, check_finite=False)
    pivots = np.abs(np.diagonal(triangle))
    rank = np.count_nonzero(pivots > 100 * np.finfo(residual.dtype).eps)
    mixing = np.empty((rank, residual.shape[1]), residual.dtype)
    mixing[:, order] = triangle[:rank] * sizes[order]
    return block[:, :rank], mixing, sizes


def _orthonormal(block: NDArray) -> NDArray:
    """Return an orthonormal basis of the columns, without those that depend on the others."""
    if block.shape[1] == 1:
        norm = float(np.linalg.norm(block))
        return block / block.dtype.type(norm) if norm > 0 else block[:, :0]
    basis, triangle, _ = qr(block, mode="economic", pivoting=True, check_finite=False)
    sizes = np.abs(np.diagonal(triangle))
    rank = np.count_nonzero(sizes > 10 * np.finfo(block.dtype).eps * sizes[0])
    return basis[:, :rank]


def _curvature_solver(curvature: NDArray) -> Operator:
    """Return the map R -> (P^T H P)^{-1} R, in float64 inside."""
    wide = curvature.astype(np.float64)
    wide = (wide + wide.T) / 2
    try:
        if not np.isfinite(wide).all():
            raise np.linalg.LinAlgError
        factor = cho_factor(wide, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        raise NotPositiveDefiniteError(
            "conjugate gradients met a direction of curvature <= 0: the matrix is not positive "
            f"definite to {curvature.dtype} precision; expected a positive definite kernel, or "
            "set reg > 0, or use float64"
        ) from None

    def solve(right: NDArray) -> NDArray:
        return cho_solve(factor, right.astype(np.float64), check_finite=False).astype(right.dtype)

    return solve
