"""Triangulations that are affordable."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from scipy.special import comb, gammaln

from fearless.local._frame import INSIDE_TOLERANCE
from fearless.local._lift import FAILED, INSIDE, OUTSIDE

__all__ = ["Intervals", "PointLeftOut", "Triangulation", "expected_simplices"]

_MOST_SIMPLICES = 10**7  # Qhull takes about a kilobyte each

_BLOCK = 4096


def expected_simplices(n_points: int, n_dims: int) -> float:
    """Estimate the number of Delaunay simplices of points without special structure.

    Parameters
    ----------
    n_points : int
        How many points.
    n_dims : int
        Their dimension d.

    Returns
    -------
    float
        The expected number per point of a Poisson process (2 for d = 2, 6.8 for d = 3; Moller
        1989) times n, which ignores the boundary, or the largest possible number if that is less
        (McMullen's upper bound theorem for polytopes in d + 1 dimensions, but for a facet above).
    """
    n, d = n_points, n_dims
    per_point = (
        (d + 1) * np.log(2)
        + (d - 1) / 2 * np.log(np.pi)
        - np.log((d + 1) * d**2)
        + gammaln((d**2 + 1) / 2)
        - gammaln(d**2 / 2)
        + d * (gammaln(1 + d / 2) - gammaln((d + 1) / 2))
    )
    low, high = (d + 1) // 2, (d + 2) // 2
    most = comb(n - high, low) + comb(n - low - 1, high - 1)
    return float(min(n * np.exp(min(per_point, 700.0)), max(most - 1, 1.0)))


class PointLeftOut(Exception):
    """Qhull did not use a point."""


class Intervals:
    """The triangulation of the line: neighbours in the sorted order.

    Parameters
    ----------
    points : ndarray of shape (n, 1)
        At least two. Of equal ones any may serve.

    Attributes
    ----------
    smallest_gap : float
        Between neighbours, relative to the range.
    """

    def __init__(self, points: NDArray) -> None:
        self._order = np.argsort(points[:, 0])
        self._sorted = points[self._order, 0]
        halves = self._sorted / 2  # whose differences do not overflow
        self.smallest_gap = float(np.diff(halves).min() / (halves[-1] - halves[0]))

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
        inside = (x >= self._sorted[0]) & (x <= self._sorted[-1])
        with np.errstate(over="ignore"):
            factor = np.where(np.isfinite(high - low), 1.0, 0.5)
        width = high * factor - low * factor
        share = (np.clip(x, low, high) * factor - low * factor) / np.where(width > 0, width, 1.0)
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
    ValueError
        More than 10^7 simplices are expected.
    PointLeftOut
        A point is no vertex for Qhull, so that its value would be lost.
    """

    def __init__(self, points: NDArray) -> None:
        n, d = points.shape
        if (count := expected_simplices(n, d)) > _MOST_SIMPLICES:
            raise ValueError(
                f"X has {n} points of dimension {d}, whose triangulation has some {count:.1e} "
                f"simplices; expected at most {_MOST_SIMPLICES:.0e} for method='delaunay': use "
                "method='direct'"
            )
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
