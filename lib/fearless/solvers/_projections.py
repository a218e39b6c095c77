"""Projections onto the functions ``sum_j a_j K(., z_j)`` of some centres.

A function with the values h at the centres is projected to the coefficients ``K_ZZ^-1 h``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless.kernels import Kernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._backend import NumpyBackend, TorchBackend
from fearless.solvers.system import KernelSystem

__all__ = ["CholeskyProjection", "IterativeProjection"]

Backend = NumpyBackend | TorchBackend

# What is added to the diagonal of K_ZZ at most, as a share of its mean.
_LAST_JITTER = 1e-2

# An inner iteration of the projection stops at this relative residual. Errors of a projection are
# errors of a step, which later steps make good; at 1e-2 they are no longer few enough for that. A
# step that the preconditioner has made long multiplies them: the product stays below _INNER_ERROR.
_INNER_TOL, _INNER_ERROR, _INNER_ITERATIONS = 1e-3, 0.05, 100


def _jitters(size: int, mean: float, eps: float) -> Iterator[float]:
    """Yield M eps times the mean diagonal, the size of rounding errors, then 100 times more."""
    jitter = size * eps * mean
    yield jitter
    while jitter < _LAST_JITTER * mean:
        jitter = min(100 * jitter, _LAST_JITTER * mean)
        yield jitter


class CholeskyProjection:
    """Solve K_ZZ theta = h with a stored factor: M^3 / 3 operations once, 2 M^2 k a solve.

    The factor is that of K_ZZ + jitter I, with a jitter of the size of its rounding errors. That
    makes steps a little shorter where K_ZZ is nearly singular, and does not move the solution: the
    gradient vanishes there, however it is projected.

    Parameters
    ----------
    backend : backend
        Where to compute.
    kernel : Kernel
        The kernel.
    Z : array of shape (M, d)
        The centres, on the device of the backend.
    mean : float
        The mean of K(z, z).
    eps : float
        Precision of the kernel values.

    Raises
    ------
    NotPositiveDefiniteError
        K_ZZ has negative eigenvalues beyond rounding errors.
    """

    name = "cholesky"

    def __init__(self, backend: Backend, kernel: Kernel, Z: NDArray, mean: float, eps: float):
        self._backend = backend
        failure: NotPositiveDefiniteError | None = None
        for self.jitter in _jitters(len(Z), mean, eps):
            try:
                self._factor = backend.factor(kernel, Z, self.jitter)
                return
            except NotPositiveDefiniteError as error:
                failure = error
        assert failure is not None  # there is a first jitter
        raise failure

    @staticmethod
    def bytes(n_centers: int, itemsize: int) -> int:
        """Return the memory of the factor."""
        return n_centers**2 * itemsize

    def solve(self, h: NDArray) -> NDArray[np.float64]:
        return self._backend.solve(self._factor, h).astype(np.float64)


class IterativeProjection:
    """Solve K_ZZ theta = h by conjugate gradients, K_ZZ in blocks, a Nystrom preconditioner.

    A jitter as in `CholeskyProjection` keeps directions that K_ZZ has by rounding errors alone from
    being taken for negative eigenvalues, and from being amplified.

    Parameters
    ----------
    backend, Z
        As in `CholeskyProjection`.
    system : KernelSystem
        Whose kernel it is; its counter of kernel values goes on.
    basis : ndarray of shape (s, q)
        Eigenvectors of K_SS divided by the square roots of their eigenvalues, largest first.
    subset : array of shape (s, d)
        The points S, on the device.
    rows : int
        Rows of a block of kernel values.
    mean : float
        The mean of K(z, z).

    Raises
    ------
    NotPositiveDefiniteError
        When solving: K_ZZ has negative eigenvalues beyond rounding errors.
    """

    name = "cg"

    def __init__(
        self,
        backend: Backend,
        system: KernelSystem,
        Z: NDArray,
        basis: NDArray,
        subset: NDArray,
        rows: int,
        mean: float,
    ) -> None:
        self._backend, self._system, self._Z, self._rows = backend, system, Z, rows
        eps = float(np.finfo(system.dtype).eps)
        self._jitters = tuple(_jitters(len(Z), mean, eps))
        self.jitter = self._jitters[0]
        self._tol = _INNER_TOL
        features = np.concatenate(
            [backend.times(block, basis.astype(_dtype(block))) for block in self._blocks(subset)]
        ).astype(np.float64)
        self._Q, scale, _ = np.linalg.svd(features, full_matrices=False)
        self._flat = 1 - (scale[-1] / scale) ** 2

    @staticmethod
    def bytes(n_centers: int, rank: int, rows: int, itemsize: int) -> int:
        """Return the memory of the preconditioner and of a block."""
        return 3 * n_centers * rank * 8 + rows * n_centers * itemsize

    def allow_for(self, stretch: float) -> None:
        """Solve well enough for steps that move a function by this many times its error."""
        eps = float(np.finfo(self._system.dtype).eps)
        self._tol = max(eps, min(_INNER_TOL, _INNER_ERROR / stretch))

    def _blocks(self, points: Any) -> Iterator[Any]:
        for start in range(0, len(self._Z), self._rows):
            rows = self._Z[start : start + self._rows]
            self._system.kernel_values += len(rows) * len(points)
            yield self._backend.kernel_block(self._system.kernel, rows, points)

    def product(self, A: NDArray) -> NDArray[np.float64]:
        """Return K_ZZ A."""
        parts = [self._backend.times(b, A.astype(_dtype(b))) for b in self._blocks(self._Z)]
        return np.concatenate(parts).astype(np.float64)

    def _precondition(self, R: NDArray) -> NDArray:
        return R - self._Q @ (self._flat[:, None] * (self._Q.T @ R))

    def solve(self, h: NDArray) -> NDArray[np.float64]:
        exponent = int(np.frexp(np.abs(h).max())[1])  # no norm under- or overflows
        h = np.ldexp(h.astype(np.float64), -exponent)
        while True:
            A = self._conjugate_gradients(h)
            if A is not None:
                return np.ldexp(A, exponent)
            larger = [jitter for jitter in self._jitters if jitter > self.jitter]
            if not larger:
                raise NotPositiveDefiniteError(
                    "the kernel matrix of the centres has a negative eigenvalue"
                )
            self.jitter = larger[0]

    def _conjugate_gradients(self, h: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the solution, or None where a direction has negative curvature."""
        R = h.copy()
        goal = self._tol * np.linalg.norm(R)
        A = np.zeros_like(R)
        S = self._precondition(R)
        D, old = S, np.einsum("ij,ij->j", R, S)
        for _ in range(_INNER_ITERATIONS):
            if np.linalg.norm(R) <= goal:
                break
            W = self.product(D) + self.jitter * D
            curvature = np.einsum("ij,ij->j", D, W)
            if (curvature < 0).any():
                return None
            step = np.divide(old, curvature, out=np.zeros_like(old), where=curvature > 0)
            A += step * D
            R -= step * W
            S = self._precondition(R)
            new = np.einsum("ij,ij->j", R, S)
            D = S + np.divide(new, old, out=np.zeros_like(old), where=old > 0) * D
            old = new
        return A


def _dtype(block: Any) -> np.dtype:
    """Return NumPy's name of the dtype of a block on a device."""
    return np.dtype(str(block.dtype).removeprefix("torch."))
