r"""The linear programme whose solution is a Delaunay simplex, and the check of a solution.

Lift every point p to height |p|^2. The Delaunay simplices are the facets of the lower hull of the
lifted points, and the one around x is the optimal basis of

    minimise    sum_i w_i |p_i - x|^2
    subject to  sum_i w_i p_i = x,   sum_i w_i = 1,   w >= 0.

A basis is optimal when its weights are nonnegative and no lifted point lies below the plane through
its vertices: when the ball through the vertices is empty. That is cheap to check from scratch.

Distances enter the costs only, so the constraints may be written in stretched coordinates, in which
the points have the same size in all directions. A query is outside when a linear function is larger
there than at all points, by clearly more than rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.neighbors import NearestNeighbors

from fearless.local._frame import AffineFrame
from fearless.local._hull import project_to_hull

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

_LEAST_TIE = 1e-15  # above rounding of heights

_BLOCK_ENTRIES = 2**18  # of the (queries, points) arrays of a block, to stay in the cache


class LiftedPoints:
    """Points in stretched coordinates, with the heights that define their Delaunay triangulation.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Distinct points, with coordinates whose squares neither overflow nor all underflow.
    frame : AffineFrame, optional
        Theirs, if there is one already.

    Attributes
    ----------
    points, heights : ndarray of shape (n, k) and (n,)
        The points in the coordinates computed with, and their heights: squared distances to the
        mean, in the user's coordinates up to a factor, and raised a little.
    metric : ndarray of shape (k, k)
        Inner products of the user's coordinates, up to the same factor.
    radius : float
        The largest norm of `points`.
    rounding : float
        Error of the coordinates, which grows with the flatness of the points.
    smallest_gap : float
        The smallest distance of two points relative to their radius (root mean square).

    Notes
    -----
    More than d + 1 points may lie on one empty sphere (the corners of a square); then the
    triangulation is not unique. To make one choice for all queries the heights are raised at
    random, by at most 1e-8 times the squared distance to the nearest neighbour: much above
    rounding (or raised to that), and too little to hide a point, which takes the full squared
    distance. The interpolant stays continuous and exact at the points.
    """

    def __init__(self, points: NDArray[np.float64], frame: AffineFrame | None = None) -> None:
        self._frame = AffineFrame(points) if frame is None else frame
        self.points = np.ascontiguousarray(self._frame.stretched(points))
        self.n_points, self.n_dims = self.points.shape
        self.radius = float(np.linalg.norm(self.points, axis=1).max())
        self.rounding = 8 * float(np.finfo(float).eps) * self._frame.condition * self.radius
        centred = points - self._frame.origin
        scale = np.abs(centred).max()
        scale *= np.sqrt(np.mean(np.einsum("ij,ij->i", centred / scale, centred / scale)))
        centred /= scale
        back = self._frame.back / scale
        self.metric = back @ back.T
        search = NearestNeighbors(n_neighbors=1).fit(centred)
        gaps = search.kneighbors()[0][:, 0]
        self.smallest_gap = float(gaps.min())
        ties = np.random.default_rng(0).random(self.n_points)
        ties *= np.maximum(1e-8 * gaps**2, _LEAST_TIE)
        self.heights = np.einsum("ij,ij->i", centred, centred) + ties

    def transform(self, queries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return queries in the coordinates of `points`."""
        return self._frame.stretched(queries)


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
        The optimal combination, or the nearest of the hull, in stretched coordinates, when x is
        outside.
    status : int
        `INSIDE` or `OUTSIDE`.

    Notes
    -----
    Inside means that x is reproduced, which HiGHS with its tolerances may miss, or claim wrongly;
    then the nearest point of the hull decides.
    """
    k = lifted.n_dims + 1
    constraints = np.vstack([(lifted.points - x).T, np.ones(lifted.n_points)])
    target = np.eye(1, k, k - 1)[0]
    # The heights seen from x differ from the true ones by a linear function of the point.
    linear = lifted.metric @ x
    costs = lifted.heights - 2 * lifted.points @ linear + x @ linear
    tolerances = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    result = linprog(costs, A_eq=constraints, b_eq=target, method="highs-ds", options=tolerances)
    accuracy = max(CERTIFICATE, lifted.rounding)
    if result.status == 0:
        heaviest = np.argsort(-result.x)[:k]
        heaviest = heaviest[result.x[heaviest] > 1e-12]
        weights = np.linalg.lstsq(constraints[:, heaviest], target)[0]
        weights = np.maximum(weights, 0)
        weights /= weights.sum()
        if np.linalg.norm(constraints[:-1, heaviest] @ weights) <= accuracy:
            indices = np.append(heaviest, np.repeat(heaviest[:1], k - len(heaviest)))
            return indices, np.append(weights, np.zeros(k - len(weights))), INSIDE
    indices, weights = project_to_hull(lifted.points, x)
    distance = np.linalg.norm(constraints[:-1, indices] @ weights)
    return indices, weights, INSIDE if distance <= accuracy else OUTSIDE


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
    curved = x @ lifted.metric
    squares = np.einsum("ij,ij->i", x, curved)
    raised = lifted.heights[vertices]
    raised -= 2 * np.einsum("ij,ikj->ik", curved, lifted.points[vertices])
    plane = np.matmul(inverse, (raised + squares[:, None])[:, :, None])[:, :, 0]
    linear = plane[:, :-1] + 2 * curved
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
