"""Triangulations that are affordable, and the projection to the convex hull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import Delaunay

from fearless.local._lift import FAILED, INSIDE, OUTSIDE

__all__ = ["INSIDE_TOLERANCE", "Intervals", "PointLeftOut", "Triangulation", "project_to_hull"]

#: Of barycentric coordinates, and of distances to the affine hull relative to the data's extent.
INSIDE_TOLERANCE = 1e-9

_BLOCK = 4096


class PointLeftOut(Exception):
    """Qhull did not use a point."""


class Intervals:
    """The triangulation of the line: neighbours in the sorted order.

    Parameters
    ----------
    points : ndarray of shape (n, 1)
        Distinct points, at least two.
    """

    def __init__(self, points: NDArray) -> None:
        self._order = np.argsort(points[:, 0])
        self._sorted = points[self._order, 0]

    def locate(self, queries: NDArray) -> tuple[NDArray[np.intp], NDArray, NDArray[np.int8]]:
        """Find the simplex of each query.

        Parameters
        ----------
        queries : ndarray of shape (q, d)
            In the coordinates of the points.

        Returns
        -------
        indices, weights : ndarray of shape (q, d + 1)
            Vertices and barycentric coordinates.
        status : ndarray of shape (q,)
            `INSIDE`, `OUTSIDE`, or `FAILED` where rounding spoiled the coordinates.
        """
        x = queries[:, 0]
        left = np.clip(np.searchsorted(self._sorted, x, side="right") - 1, 0, len(self._sorted) - 2)
        low, high = self._sorted[left], self._sorted[left + 1]
        share = np.clip((x - low) / (high - low), 0, 1)
        inside = (x >= self._sorted[0]) & (x <= self._sorted[-1])
        indices = self._order[np.stack([left, left + 1], axis=1)]
        weights = np.stack([1 - share, share], axis=1)
        return indices, weights, np.where(inside, INSIDE, OUTSIDE).astype(np.int8)


class Triangulation:
    """Qhull's triangulation in a few dimensions, at least two.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Distinct points that are not in one hyperplane.

    Raises
    ------
    PointLeftOut
        A point is no vertex for Qhull, so that its value would be lost.
    """

    def __init__(self, points: NDArray) -> None:
        scale = np.abs(points).max()
        self._scale = scale if scale > 0 else 1.0
        self._delaunay = Delaunay(points / self._scale)
        if len(self._delaunay.coplanar):
            raise PointLeftOut(
                f"point {self._delaunay.coplanar[0, 0]} is too close to another one to be a vertex"
            )

    def locate(self, queries: NDArray) -> tuple[NDArray[np.intp], NDArray, NDArray[np.int8]]:
        """Find the simplex of each query.

        Parameters
        ----------
        queries : ndarray of shape (q, d)
            In the coordinates of the points.

        Returns
        -------
        indices, weights : ndarray of shape (q, d + 1)
            Vertices and barycentric coordinates.
        status : ndarray of shape (q,)
            `INSIDE`, `OUTSIDE`, or `FAILED` where rounding spoiled the coordinates.
        """
        queries = queries / self._scale
        q, k = queries.shape
        cells = self._delaunay.find_simplex(queries, tol=INSIDE_TOLERANCE)
        status = np.where(cells >= 0, INSIDE, OUTSIDE).astype(np.int8)
        indices = self._delaunay.simplices[np.maximum(cells, 0)].astype(np.intp)
        weights = np.zeros((q, k + 1))
        for start in range(0, q, _BLOCK):
            rows = slice(start, start + _BLOCK)
            maps = self._delaunay.transform[cells[rows]]
            offsets = queries[rows] - maps[:, k]
            weights[rows, :k] = np.matmul(maps[:, :k], offsets[:, :, None])[:, :, 0]
        weights[:, k] = 1 - weights.sum(axis=1)
        error = (
            np.abs(np.einsum("qk,qkd->qd", weights, self._delaunay.points[indices]) - queries)
        ).max(axis=1)
        good = (weights.min(axis=1) >= -10 * INSIDE_TOLERANCE) & (error <= INSIDE_TOLERANCE)
        status[(status == INSIDE) & ~good] = FAILED
        weights = np.clip(np.nan_to_num(weights), 0, 1)
        weights /= np.maximum(weights.sum(axis=1), 1)[:, None]
        return indices, weights, status


def project_to_hull(points: NDArray, x: NDArray) -> tuple[NDArray[np.intp], NDArray]:
    """The nearest point of the convex hull, as a combination of at most d + 1 points.

    Among nonnegative w, the least |sum_i w_i (p_i - x)|^2 + (sum_i w_i - 1)^2 is reached at a
    multiple of the combination sought (Haskell and Hanson 1981): for a fixed direction the sum is
    a monotone function of the distance.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The points that span the hull.
    x : ndarray of shape (d,)
        A query.

    Returns
    -------
    indices, weights : ndarray of shape (d + 1,)
        The combination; a point of weight zero may be repeated.
    """
    k = points.shape[1] + 1
    offsets = points - x
    scale = np.abs(offsets).max()
    matrix = np.vstack([offsets.T / scale, np.ones(len(points))])
    solution = nnls(matrix, np.append(np.zeros(k - 1), 1.0))[0]
    heaviest = np.argsort(-solution)[:k]
    weights = solution[heaviest]
    return np.where(weights > 0, heaviest, heaviest[0]), weights / weights.sum()
