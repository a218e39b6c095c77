r"""Coordinates in which many runs on one least-squares problem cost little.

The gradient of a batch is :math:`X^\top c`, where c holds the residuals of the drawn samples over
the batch size. In both spaces a *point* is an array whose last axis but one is the run, and the
methods see it with that axis last. All runs share the matrix products.

``RowSpace``
    Points are residuals r = X w - y and coefficients a with w = w_0 + X^T a. A step is one product
    with K = X X^T for all runs, n x n however many weights there are; where batches are small it
    is a sum of few rows of K.
``SpectralSpace``
    Points are coordinates in the right singular vectors of X. Full gradients cost nothing but a
    product entry by entry; batches, two products with an n x rank matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs, lstsq, qr, solve_triangular, svd
from scipy.sparse import csr_array

from fearless.optimization._sampling import BatchStream

_SPARSE_SHARE = 6  # a batch below n / 6 is added row by row: measured, see the benchmark


class Draws:
    """The batches of all runs as sparse rows; runs are sorted by batch size, the largest first.

    Parameters
    ----------
    n : int
        The number of samples.
    sizes : ndarray of shape (R,)
        Batch sizes; 0, in front, for all samples.
    stream : BatchStream or None
        Draws the batches of the other runs.

    Attributes
    ----------
    samples, runs : ndarray of shape (places,)
        The samples drawn for this step, and whose they are.
    weights : ndarray of shape (places,)
        Adding up to 1 in each run.
    n_full, n_dense : int
        The first runs take full gradients; the first runs take those or large batches.
    split : int
        The places of runs with large batches come before it.
    """

    def __init__(self, n: int, sizes: NDArray[np.intp], stream: BatchStream | None) -> None:
        self.n, self.stream = n, stream
        self.n_full = int(np.sum(sizes == 0))
        self.n_dense = int(np.sum((sizes == 0) | (sizes * _SPARSE_SHARE > n)))
        self.runs = np.repeat(np.arange(len(sizes)), sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        self.split = int(offsets[self.n_dense])
        self.samples = np.empty(int(offsets[-1]), dtype=np.int32)
        self.weights = np.empty(int(offsets[-1]))
        # Filled anew in every step: making a sparse matrix takes longer than a small product.
        self._rows = csr_array(
            (
                self.weights[self.split :],
                self.samples[self.split :],
                (offsets[self.n_dense :] - self.split).astype(np.int32),
            ),
            shape=(len(sizes) - self.n_dense, n),
        )

    def next(self) -> None:
        """Draw the batches of the next step."""
        if self.stream is not None:
            self.samples, self.weights = self.stream.next()

    def sparse_product(self, values: NDArray, matrix: NDArray) -> NDArray:
        """Multiply rows of values at the samples of the runs with small batches by a matrix."""
        self._rows.data, self._rows.indices = values[self.split :], self.samples[self.split :]
        return self._rows @ matrix


def _add_up(places: NDArray, values: NDArray, shape: tuple[int, int]) -> NDArray:
    """Return an array with the sums of all values of each place in its flat memory."""
    if not len(places):
        return np.zeros(shape)
    return np.bincount(places, values, shape[0] * shape[1]).reshape(shape)


class Space(ABC):
    """What the driver needs of a space; R runs, points of shape (R, m)."""

    start: NDArray

    @abstractmethod
    def gradient(self, point: NDArray, draws: Draws) -> NDArray:
        """Return the gradients of the drawn batches at a point, in coordinates."""

    @abstractmethod
    def loss(self, point: NDArray) -> NDArray:
        """Return the losses on all samples, shape (R,)."""

    @abstractmethod
    def distance_and_norm(self, point: NDArray) -> tuple[NDArray, NDArray]:
        """Return ||w - w*|| and ||w||, shape (R,)."""

    @abstractmethod
    def coef(self, point: NDArray) -> NDArray:
        """Return the weights, shape (R, p)."""

    def refresh(self, points: tuple[NDArray, ...], runs: NDArray) -> None:
        """Remove rounding errors that piled up in some runs, in place."""
        return None


class RowSpace(Space):
    """Residuals and coefficients of samples.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Samples.
    y : ndarray of shape (n,)
        Targets.
    starts : ndarray of shape (R, p) or (1, p)
        The starts.
    n_runs : int
        The number R of runs.
    solution : ndarray of shape (p,) or None
        w*; None for the least-squares solutions nearest to the starts.
    step_sizes : ndarray of shape (R,) or None
        Those of gradient descent, whose coefficients are minus the step size times the sum of all
        c: then points are residuals alone, and sums are kept aside.
    """

    def __init__(
        self,
        X: NDArray,
        y: NDArray,
        starts: NDArray,
        n_runs: int,
        solution: NDArray | None,
        step_sizes: NDArray | None,
    ) -> None:
        self.X, self.starts, self.step_sizes = X, starts, step_sizes
        self.K = X @ X.T
        residuals = starts @ X.T - y
        self.first = np.broadcast_to(residuals, (n_runs, len(y))).copy()
        self.n = len(y)
        nothing = np.zeros_like(self.first)
        self.sums = None if step_sizes is None else nothing
        self.start = self.first if step_sizes is not None else np.hstack([self.first, nothing])
        self._measure(X, starts, residuals, solution)

    def _measure(
        self, X: NDArray, starts: NDArray, residuals: NDArray, solution: NDArray | None
    ) -> None:
        """Prepare distances and norms: w - w_0 = Q F a, for X^T = Q F with orthonormal Q."""
        if solution is None and not starts.any():
            Q = None
            self._factor = qr(X.T, mode="r")[0][: min(X.shape)]
        else:
            Q, self._factor = qr(X.T, mode="economic")

        def split(vectors: NDArray) -> tuple[NDArray, NDArray]:
            if Q is None:
                return np.zeros((1, len(self._factor))), np.zeros(1)
            inside = vectors @ Q
            return inside, np.sum((vectors - inside @ Q.T) ** 2, axis=1)

        self._from_zero, self._norm_outside = split(starts)
        if solution is None:
            self._from_solution, self._far_outside = -self._nearest(residuals), np.zeros(1)
        else:
            self._from_solution, self._far_outside = split(starts - solution)

    def _nearest(self, residuals: NDArray) -> NDArray:
        """Return the way from the start to the nearest solution, in coordinates of Q."""
        F = self._factor
        if F.shape[0] == F.shape[1]:
            (trcon,) = get_lapack_funcs(("trcon",), (F,))
            if trcon(F, norm="1", uplo="U")[0] > np.finfo(np.float64).eps * max(self.X.shape):
                return solve_triangular(F, -residuals.T, trans="T").T
        cut = np.finfo(np.float64).eps * max(self.X.shape)
        return lstsq(F.T, -residuals.T, cond=cut)[0].T

    def gradient(self, point: NDArray, draws: Draws) -> NDArray:
        n, (R, m) = self.n, point.shape
        full, dense, split = draws.n_full, draws.n_dense, draws.split
        places = draws.runs * m + draws.samples
        values = point.ravel()[places]
        values *= draws.weights
        if self.sums is None:  # [K c, c]
            out = _add_up(places + n, values, (R, m))
            c = out[:dense, n:]
        else:  # K c, and c joins the sums; only where batches are large it is written out
            np.add.at(self.sums.reshape(-1), places[split:], values[split:])
            if not dense:
                return draws.sparse_product(values, self.K)
            out = np.empty((R, m))
            c = _add_up(places[:split], values[:split], (dense, n))
        np.divide(point[:full, :n], n, out=c[:full])
        np.matmul(c, self.K, out=out[:dense, :n])
        if dense < R:
            out[dense:, :n] = draws.sparse_product(values, self.K)
        if self.sums is not None:
            self.sums[:dense] += c
        return out

    def _dual(self, point: NDArray, runs: slice | NDArray = slice(None)) -> NDArray:
        if self.sums is None:
            return point[runs, self.n :]
        return -self.step_sizes[runs, None] * self.sums[runs]

    def loss(self, point: NDArray) -> NDArray:
        r = point[:, : self.n]
        return np.einsum("rn,rn->r", r, r) / (2 * self.n)

    def distance_and_norm(self, point: NDArray) -> tuple[NDArray, NDArray]:
        moved = self._dual(point) @ self._factor.T
        distance = np.sum((self._from_solution + moved) ** 2, axis=1) + self._far_outside
        norm = np.sum((self._from_zero + moved) ** 2, axis=1) + self._norm_outside
        return np.sqrt(distance), np.sqrt(norm)

    def coef(self, point: NDArray) -> NDArray:
        coef = self._dual(point) @ self.X
        coef += self.starts
        return coef

    def refresh(self, points: tuple[NDArray, ...], runs: NDArray) -> None:
        for point in points:
            point[runs, : self.n] = self.first[runs] + self._dual(point, runs) @ self.K


class SpectralSpace(Space):
    """Coordinates in the right singular vectors of the samples.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Samples.
    y : ndarray of shape (n,)
        Targets.
    starts : ndarray of shape (R, p) or (1, p)
        The starts.
    n_runs : int
        The number R of runs.
    solution : ndarray of shape (p,) or None
        w*; None for the least-squares solutions nearest to the starts.
    """

    def __init__(
        self,
        X: NDArray,
        y: NDArray,
        starts: NDArray,
        n_runs: int,
        solution: NDArray | None,
    ) -> None:
        U, s, Vt = svd(X, full_matrices=False, lapack_driver="gesdd")
        rank = int(np.sum(s > np.finfo(np.float64).eps * max(X.shape) * s[0]))
        U, s, Vt = U[:, :rank], s[:rank], Vt[:rank]
        self.n, self.y = len(y), y
        self.rows = U * s  # X in these coordinates
        self.directions = Vt
        self.eigenvalues = s**2 / self.n
        fitted = U.T @ y
        self._best = fitted / s
        self._least_loss = float(np.sum((y - U @ fitted) ** 2)) / (2 * self.n)
        inside = starts @ Vt.T
        self.start = np.broadcast_to(inside, (n_runs, rank)).copy()
        self._outside = starts - inside @ Vt
        self._norm_outside = np.sum(self._outside**2, axis=1)
        if solution is None:
            self._solution, self._far_outside = self._best, np.zeros(1)
        else:
            self._solution = Vt @ solution
            beyond = self._outside - (solution - self._solution @ Vt)
            self._far_outside = np.sum(beyond**2, axis=1)

    def gradient(self, point: NDArray, draws: Draws) -> NDArray:
        full, dense, split = draws.n_full, draws.n_dense, draws.split
        out = np.empty_like(point)
        np.multiply(point[:full] - self._best, self.eigenvalues, out=out[:full])
        if full == len(point):
            return out
        samples, runs = draws.samples, draws.runs
        places = (runs[:split] - full) * self.n + samples[:split]
        values = np.empty(len(samples))
        values[:split] = (point[full:dense] @ self.rows.T).ravel()[places]
        values[split:] = np.einsum("jk,jk->j", self.rows[samples[split:]], point[runs[split:]])
        values -= self.y[samples]
        values *= draws.weights
        c = _add_up(places, values[:split], (dense - full, self.n))
        np.matmul(c, self.rows, out=out[full:dense])
        if dense < len(point):
            out[dense:] = draws.sparse_product(values, self.rows)
        return out

    def loss(self, point: NDArray) -> NDArray:
        return self._least_loss + (point - self._best) ** 2 @ self.eigenvalues / 2

    def distance_and_norm(self, point: NDArray) -> tuple[NDArray, NDArray]:
        distance = np.sum((point - self._solution) ** 2, axis=1) + self._far_outside
        return np.sqrt(distance), np.sqrt(np.sum(point**2, axis=1) + self._norm_outside)

    def coef(self, point: NDArray) -> NDArray:
        return self._outside + point @ self.directions
