"""Which training points are near a query, and how near: distances exact where it matters.

Interpolating weights blow up as a query approaches a training point, so that a distance must be
right in relative terms however small it is, and exactly zero where, and only where, the two points
are equal. A k-d tree takes differences and gives that. Brute force by matrix products does not: it
only selects candidates here, whose distances are recomputed from differences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from fearless._distances import fill_from_squared_distances

__all__ = ["NeighborSearch", "row_blocks"]

#: A k-d tree in d dimensions prunes well when it has this many times 2^d points; in few
#: dimensions it always does, and for few numbers in all it has the least overhead.
_TREE_POINTS = 16
_FEW_DIMENSIONS = 4
_FEW_NUMBERS = 4096

_BLOCK_ENTRIES = 2**21  # entries of the temporaries of a block of queries: 16 MB in float64

#: Relative error of squared distances up to which the selection by matrix products is trusted.
_SELECTION_ACCURACY = 1e-6

#: The distance given to different points whose squared distance underflows to zero: no distance
#: that is the square root of a positive number is smaller.
_LEAST_DISTANCE = float(np.sqrt(np.finfo(float).smallest_subnormal))


def row_blocks(n_rows: int, entries_per_row: int) -> list[slice]:
    """Cut rows into slices whose temporaries stay within a few tens of MB.

    Parameters
    ----------
    n_rows : int
        The number of rows.
    entries_per_row : int
        Entries that a row needs.

    Returns
    -------
    list of slice
    """
    size = max(1, _BLOCK_ENTRIES // max(1, entries_per_row))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


class NeighborSearch:
    """Distances from queries to fixed points, all distinct.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite, distinct points, float32 or float64.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        The points, multiplied by `scale`.
    scale : float
        A power of two that keeps squares of huge or tiny coordinates in range; otherwise 1.
        Queries are scaled by `prepare`, and all distances are in this unit.
    uses_tree : bool
        Whether a k-d tree answers `nearest`, by size: n >= 16 * 2^d, or d <= 4,
        or n d <= 4096.
    """

    def __init__(self, X: NDArray) -> None:
        exponent = int(np.frexp(np.abs(X).max())[1])
        extreme, most = (400, 1000) if X.dtype == np.float64 else (40, 120)
        # A product with a power of two is exact.
        power = -min(max(exponent, -most), most)
        self.scale = 2.0**power if abs(exponent) > extreme else 1.0
        self.X = X if self.scale == 1.0 else (X * X.dtype.type(self.scale))
        n, d = X.shape
        few = d <= _FEW_DIMENSIONS or n * d <= _FEW_NUMBERS
        self.uses_tree = few or n >= _TREE_POINTS * 2**d
        self._tree: cKDTree | None = None
        self._brute: NearestNeighbors | None = None
        self._rows: dict[bytes, int] | None = None

    def __getstate__(self) -> dict:
        """Leave out what is rebuilt on demand."""
        return {**self.__dict__, "_tree": None, "_brute": None, "_rows": None}

    def prepare(self, Q: NDArray) -> NDArray:
        """Return queries in the unit of the search, in a dtype that keeps all their digits and
        has room for their squared distances.

        Parameters
        ----------
        Q : ndarray of shape (m, d)
            Finite queries.

        Returns
        -------
        ndarray of shape (m, d)
            float64 where the dtype differs from that of the points, or squares would overflow.

        Raises
        ------
        ValueError
            Squared distances overflow in float64 too.
        """
        for dtype in (np.float32, np.float64):
            if dtype == np.float32 and not (Q.dtype == self.X.dtype == dtype):
                continue
            # Centred coordinates are at most twice the largest; norms must stay below max / 8.
            limit = float(np.sqrt(np.finfo(dtype).max / (32 * Q.shape[1])))
            prepared = Q.astype(dtype, copy=False)
            if self.scale != 1.0:
                with np.errstate(over="ignore"):
                    prepared = prepared * dtype(self.scale)
            if max(prepared.max(initial=0), -prepared.min(initial=0)) <= limit:
                return prepared
        raise ValueError(
            "X has values so far beyond the training points that they overflow: up to "
            f"{np.abs(Q).max():.3g}; expected at most {limit / self.scale:.3g} in absolute value"
        )

    @property
    def tree(self) -> cKDTree:
        """The k-d tree, built when first needed."""
        if self._tree is None:
            self._tree = cKDTree(self.X)
        return self._tree

    def nearest(self, Q: NDArray, k: int) -> tuple[NDArray[np.intp], NDArray]:
        """Find the k nearest points of each query.

        Parameters
        ----------
        Q : ndarray of shape (m, d)
            Prepared queries.
        k : int
            How many, at most n.

        Returns
        -------
        indices : ndarray of int, shape (m, k)
            From the nearest on.
        distances : ndarray of shape (m, k)
            Increasing, float64; zero exactly where a query equals the point.

        Notes
        -----
        Cost about O(m k log n) with a tree in few dimensions, O(m n d) by brute force.
        """
        if self.uses_tree:
            distances, indices = self.tree.query(Q, k=np.arange(1, k + 1))
        else:
            indices, distances = self._nearest_by_brute_force(Q, k)
        self._keep_distinct(distances, Q, indices)
        return indices, distances

    def _nearest_by_brute_force(self, Q: NDArray, k: int) -> tuple[NDArray[np.intp], NDArray]:
        # Differences do not change when the mean is subtracted, and products lose fewer digits.
        if self._brute is None:
            self._mean = self.X.mean(axis=0, dtype=np.float64)
            points = self.X - self._mean
            self._brute = NearestNeighbors(algorithm="brute").fit(points)
            self._largest_norm = float(np.max(np.einsum("ij,ij->i", points, points)))
        centred = Q - self._mean
        indices = self._brute.kneighbors(centred, k, return_distance=False)
        distances = np.empty(indices.shape)
        for block in row_blocks(len(Q), k * Q.shape[1]):
            difference = self.X[indices[block]].astype(np.float64, copy=False)
            difference -= Q[block, None, :]
            distances[block] = np.sqrt(np.einsum("mkd,mkd->mk", difference, difference))
        order = np.argsort(distances, axis=1, kind="stable")
        indices = np.take_along_axis(indices, order, axis=1)
        distances = np.take_along_axis(distances, order, axis=1)
        # Where rounding may have confused the candidates the tree decides.
        norms = np.einsum("ij,ij->i", centred, centred)
        rounding = 8 * np.finfo(float).eps * (norms + self._largest_norm)
        doubtful = rounding > _SELECTION_ACCURACY * distances[:, -1] ** 2
        if doubtful.any():
            distances[doubtful], indices[doubtful] = self.tree.query(
                Q[doubtful], k=np.arange(1, k + 1)
            )
        return indices, distances

    def squared_distances(self, Q: NDArray) -> NDArray:
        """Compute all squared distances of some queries.

        Parameters
        ----------
        Q : ndarray of shape (m, d)
            Prepared queries, few enough for an (m, n) array.

        Returns
        -------
        ndarray of shape (m, n)
            Zero exactly where a query equals the point.

        Notes
        -----
        Cost O(m n d).
        """
        X = self.X.astype(Q.dtype, copy=False)
        out = np.empty((len(Q), len(X)), Q.dtype)
        fill_from_squared_distances(Q, X, out, lambda values: None)
        zero = out == 0
        if zero.any():
            rows, columns = np.nonzero(zero)
            different = np.any(Q[rows] != X[columns], axis=1)
            out[rows[different], columns[different]] = np.finfo(out.dtype).tiny
        return out

    def within(
        self, Q: NDArray, radius: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray]:
        """Find all pairs of a query and a point at most a radius apart, by the tree.

        Parameters
        ----------
        Q : ndarray of shape (m, d)
            Prepared queries.
        radius : float
            The radius, in the unit of the search.

        Returns
        -------
        rows : ndarray of int, shape (n_pairs,)
            The queries, in increasing order.
        columns : ndarray of int, shape (n_pairs,)
            The points.
        distances : ndarray of shape (n_pairs,)
            Zero exactly where the two are equal.

        Notes
        -----
        Cost about O(m log n + n_pairs).
        """
        pairs = cKDTree(Q).sparse_distance_matrix(self.tree, radius, output_type="ndarray")
        pairs = pairs[np.argsort(pairs["i"], kind="stable")]
        rows, columns, distances = pairs["i"], pairs["j"], pairs["v"].copy()
        zero = np.flatnonzero(distances == 0)
        different = zero[np.any(Q[rows[zero]] != self.X[columns[zero]], axis=1)]
        distances[different] = _LEAST_DISTANCE
        return rows, columns, distances

    def _keep_distinct(self, distances: NDArray, Q: NDArray, indices: NDArray) -> None:
        """Raise to a tiny number the zero distances of points that are not equal (underflow).

        If a query equals a point the point comes first.
        """
        rows = np.flatnonzero(distances[:, 0] == 0)
        first = np.all(self.X[indices[rows, 0]] == Q[rows], axis=1)
        alone = np.count_nonzero(distances[rows] == 0, axis=1) == 1
        for row in rows[~(first & alone)]:
            equal = np.all(self.X[indices[row]] == Q[row], axis=1)
            zero = distances[row] == 0
            if zero.all() and not equal.any():  # there may be more such points, an equal one too
                point = self._find_equal(Q[row])
                if point is not None:
                    indices[row, -1], equal[-1] = point, True
            distances[row, zero & ~equal] = _LEAST_DISTANCE
            order = np.argsort(distances[row], kind="stable")
            distances[row], indices[row] = distances[row, order], indices[row, order]

    def _find_equal(self, q: NDArray) -> int | None:
        """Return the index of the point that equals a query, if there is one."""
        if self._rows is None:
            points = self.X.astype(np.float64) + 0.0  # -0.0 becomes 0.0: equal numbers, equal bits
            self._rows = {point.tobytes(): i for i, point in enumerate(points)}
        return self._rows.get((q.astype(np.float64) + 0.0).tobytes())
