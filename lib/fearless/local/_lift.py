r"""The linear programme whose solution is a Delaunay simplex, and the check of a solution.

Lift every point p to height |p|^2. The Delaunay simplices are the facets of the lower hull of the
lifted points, and the one around x is the optimal basis of

    minimise    sum_i w_i |p_i - x|^2
    subject to  sum_i w_i p_i = x,   sum_i w_i = 1,   w >= 0.

A basis is optimal when its weights are nonnegative and no lifted point lies below the plane through
its vertices: when the ball through the vertices is empty. That is cheap to check from scratch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.neighbors import NearestNeighbors

__all__ = [
    "FAILED",
    "INSIDE",
    "OUTSIDE",
    "TOLERANCE",
    "Found",
    "LiftedPoints",
    "block_rows",
    "certify",
    "heights_above",
    "inverses",
    "solve_with_highs",
]

FAILED, OUTSIDE, INSIDE = -1, 0, 1

#: What counts as zero for barycentric coordinates and slopes; the points have radius about one.
TOLERANCE = 1e-10

#: Allowed violation of an empty ball, and of the reproduction of x, in a certificate.
CERTIFICATE = 1e-9

_BLOCK_ENTRIES = 2**18  # of the (queries, points) arrays of a block, to stay in the cache


class LiftedPoints:
    """Points, centred and scaled, with the heights that define their Delaunay triangulation.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Distinct points that are not in one hyperplane.

    Attributes
    ----------
    points, heights : ndarray of shape (n, d) and (n,)
        The points in the coordinates computed with, and their heights.

    Notes
    -----
    More than d + 1 points may lie on one empty sphere (the corners of a square); then the
    triangulation is not unique. To make one choice for all queries the heights are raised at
    random, by at most 1e-8 times the squared distance to the nearest neighbour: much above
    rounding, and too little to hide a point, which takes the full squared distance. The
    interpolant stays continuous and exact at the points.
    """

    def __init__(self, points: NDArray[np.float64]) -> None:
        self._centre = points.mean(axis=0)
        centred = points - self._centre
        self._scale = float(np.sqrt(np.mean(np.einsum("ij,ij->i", centred, centred))))
        self.points = np.ascontiguousarray(centred / self._scale)
        self.n_points, self.n_dims = points.shape
        search = NearestNeighbors(n_neighbors=1).fit(self.points)
        gaps = search.kneighbors()[0][:, 0]
        self.smallest_gap = float(gaps.min())
        ties = np.random.default_rng(0).random(self.n_points)
        self.heights = np.einsum("ij,ij->i", self.points, self.points) + 1e-8 * gaps**2 * ties

    def transform(self, queries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return queries in the coordinates of `points`."""
        return (queries - self._centre) / self._scale


@dataclass
class Found:
    """Simplices of queries: ``indices`` and ``weights`` (q, d + 1), ``status`` and ``pivots``
    (q,)."""

    indices: NDArray[np.intp]
    weights: NDArray[np.float64]
    status: NDArray[np.int8]
    pivots: NDArray[np.intp]


def solve_with_highs(lifted: LiftedPoints, x: NDArray) -> tuple[NDArray, NDArray, int]:
    """Solve the linear programme of one query, in the coordinates of `lifted.points`, by HiGHS.

    Parameters
    ----------
    lifted : LiftedPoints
        The points.
    x : ndarray of shape (d,)
        One query.

    Returns
    -------
    indices, weights : ndarray of shape (d + 1,)
        Zero when x is outside.
    status : int
        `INSIDE` or `OUTSIDE`.

    Raises
    ------
    RuntimeError
        When the solver gives up.
    """
    k = lifted.n_dims + 1
    offsets = lifted.points - x
    # The heights seen from x differ from the true ones by a linear function of the point.
    costs = lifted.heights - 2 * lifted.points @ x + x @ x
    result = linprog(
        costs,
        A_eq=np.vstack([offsets.T, np.ones(lifted.n_points)]),
        b_eq=np.append(np.zeros(lifted.n_dims), 1.0),
        method="highs-ds",
    )
    if result.status == 2:
        return np.zeros(k, np.intp), np.zeros(k), OUTSIDE
    if result.status != 0:
        raise RuntimeError(f"HiGHS found no simplex around a query: {result.message}")
    heaviest = np.argsort(-result.x)[:k]
    weights = np.where(result.x[heaviest] > 1e-12, result.x[heaviest], 0.0)
    indices = np.where(weights > 0, heaviest, heaviest[0])
    return indices, weights / weights.sum(), INSIDE


def block_rows(n_points: int) -> int:
    """How many queries to treat together.

    Parameters
    ----------
    n_points : int
        The number of points, each of which takes a number a query.

    Returns
    -------
    int
    """
    return int(np.clip(_BLOCK_ENTRIES // n_points, 8, 256))


def certify(lifted: LiftedPoints, X: NDArray, found: Found) -> None:
    """Compute weights afresh and withdraw the status INSIDE where a condition does not hold.

    Parameters
    ----------
    lifted : LiftedPoints
        The points.
    X : ndarray of shape (q, d)
        The queries, in the coordinates of `lifted.points`.
    found : Found
        Their simplices; weights and status are changed in place.
    """
    d = lifted.n_dims
    claimed = np.flatnonzero(found.status == INSIDE)
    size = block_rows(lifted.n_points)
    for ids in (claimed[start : start + size] for start in range(0, len(claimed), size)):
        vertices, x = found.indices[ids], X[ids]
        frames = np.ones((len(ids), d + 1, d + 1))
        frames[:, :, :d] = lifted.points[vertices] - x[:, None]
        inverse, good = inverses(frames)
        weights = inverse[:, d, :]
        steepness = np.linalg.norm(inverse, axis=1)
        good &= (weights >= -10 * (TOLERANCE + 1e-14 * steepness)).all(axis=1)
        weights = np.maximum(weights, 0)
        weights /= np.where(good, weights.sum(axis=1), 1)[:, None]
        error = np.einsum("qk,qkj->qj", weights, frames[:, :, :d])
        good &= np.abs(error).max(axis=1) <= CERTIFICATE
        rests = heights_above(lifted, x, vertices, inverse)
        np.put_along_axis(rests, vertices, np.inf, axis=1)
        good &= rests.min(axis=1) >= -CERTIFICATE
        found.weights[ids] = weights
        found.status[ids[~good]] = FAILED


def heights_above(lifted: LiftedPoints, x: NDArray, vertices: NDArray, inverse: NDArray) -> NDArray:
    """How far each lifted point is above the plane through the lifted vertices of a simplex.

    Parameters
    ----------
    lifted : LiftedPoints
        The points.
    x : ndarray of shape (q, d)
        Queries.
    vertices : ndarray of shape (q, d + 1)
        The simplex of each.
    inverse : ndarray of shape (q, d + 1, d + 1)
        The inverse of the matrix with rows (p - x, 1), p the vertices.

    Returns
    -------
    ndarray of shape (q, n)
        Negative for the points inside the ball through the vertices.
    """
    squares = np.einsum("ij,ij->i", x, x)
    raised = lifted.heights[vertices] - 2 * np.einsum("ij,ikj->ik", x, lifted.points[vertices])
    plane = np.matmul(inverse, (raised + squares[:, None])[:, :, None])[:, :, 0]
    linear = plane[:, :-1] + 2 * x
    rests = linear @ lifted.points.T
    np.subtract(lifted.heights, rests, out=rests)
    constant = squares - plane[:, -1] + np.einsum("ij,ij->i", plane[:, :-1], x)
    rests += constant[:, None]
    return rests


def inverses(matrices: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
    """Invert a stack of which some may be singular, for which NumPy would refuse them all.

    Parameters
    ----------
    matrices : ndarray of shape (q, k, k)
        The stack.

    Returns
    -------
    inverse : ndarray of shape (q, k, k)
        Zero where there is none.
    regular : ndarray of shape (q,), bool
        Where there is one.
    """
    try:
        inverse = np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        inverse = np.zeros_like(matrices)
        for i, matrix in enumerate(matrices):
            try:
                inverse[i] = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                inverse[i] = np.nan
    regular = np.isfinite(inverse).all(axis=(1, 2))
    inverse[~regular] = 0
    return inverse, regular
