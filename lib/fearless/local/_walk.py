"""The Delaunay simplex around each of many points, without a triangulation.

The linear programme of ``fearless.local._lift`` has a dual with a picture: it asks for the empty
ball (no point inside) that contains the query x the most deeply, greatest r^2 - |c - x|^2. The
method walks through empty balls:

- *growth*: a ball around x grows until it touches a point; then, keeping on its surface the points
  it touches, it moves and grows in the direction of steepest ascent until it touches another; after
  d such steps d + 1 points lie on it, the vertices of a Delaunay simplex near x;
- *walk*: while a barycentric coordinate of x is negative, x lies beyond the facet opposite to that
  vertex. Drop the vertex, move the ball through that facet until it touches the next point, step
  into that simplex. These are the pivots of the dual simplex method.

If nothing is touched, the direction of motion separates x from all points: x is outside the hull.
Balls are those of the user's coordinates; the linear algebra, and what is orthogonal or steep in
it, are in stretched ones (``fearless.local._frame``).

All queries of a block advance together, so that the work is one matrix product a step. Every result
is checked from scratch, and what fails (rounding on nearly flat simplices) is left to HiGHS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless.local._lift import (
    FAILED,
    INSIDE,
    OUTSIDE,
    TOLERANCE,
    Found,
    LiftedPoints,
    block_rows,
    certify,
    heights_above,
    inverses,
    solve_with_highs,
)

__all__ = ["find_simplices"]

_REFRESH = 40  # pivots between two computations of the state from scratch
_MAX_PIVOTS = 5000
_FLOOR = 1e-14  # a point on the ball that is no vertex; keeps ratios finite


def find_simplices(lifted: LiftedPoints, queries: NDArray[np.float64]) -> Found:
    """Find the Delaunay simplex around each query.

    Parameters
    ----------
    lifted : LiftedPoints
        The points, at least d + 1.
    queries : ndarray of shape (q, d)
        In the user's coordinates.

    Returns
    -------
    Found
        Status `INSIDE` with certified vertices and weights, or `OUTSIDE`, with a linear function
        that separates. ``pivots`` is -1 where HiGHS had to help; a vertex of weight zero may then
        be repeated.

    Notes
    -----
    Cost O(n d) a query and step: d steps of growth, then the walk, whose length depends on the
    points (nothing to some tens of pivots for d <= 20).
    """
    X = lifted.transform(queries)
    q, k = len(X), lifted.n_dims + 1
    found = Found(
        np.zeros((q, k), np.intp), np.zeros((q, k)), np.full(q, FAILED, np.int8), np.zeros(q, int)
    )
    rows = block_rows(lifted.n_points)
    far = np.linalg.norm(X, axis=1) > (1 + 1e-6) * lifted.radius
    found.status[far] = OUTSIDE
    near = np.flatnonzero(~far)
    for start in range(0, len(near), rows):
        block = _Block(lifted, X, near[start : start + rows], found)
        block.grow()
        block.walk()
    certify(lifted, X, found)
    for i in np.flatnonzero(found.status == FAILED):
        found.indices[i], found.weights[i], found.status[i] = solve_with_highs(lifted, X[i])
        found.pivots[i] = -1
    return found


class _Block:
    """Queries that advance together; those that have arrived are removed.

    ``rest`` holds, for each query and point, by how much the point lies outside the query's ball
    (its squared distance to the centre minus r^2, up to the raised heights); infinite for the
    vertices, which lie on it.
    """

    def __init__(
        self, lifted: LiftedPoints, X: NDArray, ids: NDArray[np.intp], found: Found
    ) -> None:
        self.lifted, self.found = lifted, found
        self.ids, self.x = ids, X[ids]
        self.vertices = np.zeros((len(ids), lifted.n_dims + 1), np.intp)

    def grow(self) -> None:
        """Give every query a Delaunay simplex near it; remove those outside the hull."""
        d, q = self.lifted.n_dims, len(self.ids)
        curved = self.x @ self.lifted.metric
        rest = curved @ self.lifted.points.T
        rest *= -2
        rest += self.lifted.heights
        rest += np.einsum("ij,ij->i", self.x, curved)[:, None]
        self.rest = rest
        nearest = rest.argmin(axis=1)
        rest -= rest[np.arange(q), nearest][:, None]
        np.maximum(rest, _FLOOR, out=rest)
        self._touch(nearest, 0)
        basis = np.zeros((q, d, d + 1))  # orthonormal, of the vectors (p - x, 1) of the vertices
        ascent = np.zeros((q, d + 1))  # (0, 1) made orthogonal to it: the steepest ascent
        ascent[:, d] = 1
        generic = np.random.default_rng(1).standard_normal(d + 1)
        for k in range(1, d + 1):
            new = self._relative(self.vertices[:, k - 1])
            new /= np.linalg.norm(new, axis=1)[:, None]
            new = _orthogonal(new, basis[:, : k - 1])
            height = np.linalg.norm(new, axis=1)
            flat = height <= TOLERANCE  # nearly coincident points; stays FAILED
            new /= np.where(flat, 1, height)[:, None]
            basis[:, k - 1] = new
            ascent -= np.einsum("ij,ij->i", ascent, new)[:, None] * new
            size = np.linalg.norm(ascent, axis=1)
            stuck = size <= TOLERANCE  # x lies in the flat of its vertices: any direction will do
            steepest = ascent / np.where(stuck, 1, size)[:, None]
            slopes = self._slopes(steepest)
            hit, slope = self._first_hit(slopes)
            outside = ~stuck & (slope <= TOLERANCE) & (size > 2 * TOLERANCE)
            stuck |= (slope <= TOLERANCE) & ~outside
            if stuck.any():
                free = _orthogonal(np.tile(generic, (stuck.sum(), 1)), basis[stuck, :k])
                free /= np.linalg.norm(free, axis=1)[:, None]
                turned = self._slopes(free, stuck)
                backwards = turned.max(axis=1) < -turned.min(axis=1)
                turned[backwards] *= -1
                slopes[stuck] = turned
                hit, slope = self._first_hit(slopes)
            outside &= ~flat
            flat |= ~outside & (slope <= TOLERANCE)
            sure = self._separated(np.flatnonzero(outside), steepest, slopes)
            self._advance(slopes, hit, slope)
            self._touch(hit, k)
            if outside.any() or flat.any():
                self.found.status[self.ids[sure]] = OUTSIDE
                keep = ~(outside | flat)
                self._keep(keep)
                basis, ascent = basis[keep], ascent[keep]

    def walk(self) -> None:
        """Pivot until every barycentric coordinate is nonnegative."""
        if not len(self.ids):
            return
        d = self.lifted.n_dims
        self._refresh()
        for pivots in range(_MAX_PIVOTS):
            if pivots and pivots % _REFRESH == 0:
                self._refresh()
            rows = np.arange(len(self.ids))
            weights = self.gradients[:, :, d]
            leaving = weights.argmin(axis=1)
            gradient = self.gradients[rows, leaving]
            # Coordinates of a flat simplex are steep functions: their rounding grows in proportion.
            size = np.linalg.norm(gradient, axis=1)
            tolerance = TOLERANCE + 1e-14 * size
            arrived = gradient[:, d] >= -tolerance
            self.found.pivots[self.ids] = pivots
            if arrived.any():
                ids = self.ids[arrived]
                self.found.status[ids] = INSIDE
                self.found.indices[ids] = self.vertices[arrived]
                leaving, gradient, tolerance = (
                    part[~arrived] for part in (leaving, gradient, tolerance)
                )
                self._keep(~arrived)
                rows = np.arange(len(self.ids))
            if not len(self.ids):
                return
            slopes = self._slopes(-gradient)
            hit, slope = self._first_hit(slopes)
            outside = slope <= tolerance  # the slope of x itself is larger
            if outside.any():
                sure = self._separated(np.flatnonzero(outside), -gradient, slopes)
                self.found.status[self.ids[sure]] = OUTSIDE
                leaving, gradient, slopes, slope, hit = (
                    part[~outside] for part in (leaving, gradient, slopes, slope, hit)
                )
                self._keep(~outside)
                rows = np.arange(len(self.ids))
            step = self._advance(slopes, hit, slope)
            self.rest[rows, self.vertices[rows, leaving]] = step
            self._touch(hit, leaving)
            # Exchange one vertex in the inverse: a rank-one change.
            coordinates = np.matmul(self.gradients, self._relative(hit)[:, :, None])[:, :, 0]
            gradient = gradient / coordinates[rows, leaving][:, None]
            coordinates[rows, leaving] = 0
            self.gradients -= coordinates[:, :, None] * gradient[:, None, :]
            self.gradients[rows, leaving] = gradient

    def _relative(self, chosen: NDArray[np.intp]) -> NDArray:
        """Vectors (p - x, 1) of chosen points, one or several a query."""
        shape = (*chosen.shape, self.lifted.n_dims + 1)
        vectors = np.ones(shape)
        x = self.x if chosen.ndim == 1 else self.x[:, None]
        vectors[..., :-1] = self.lifted.points[chosen] - x
        return vectors

    def _slopes(self, directions: NDArray, where: NDArray | slice = slice(None)) -> NDArray:
        """How fast each point's rest shrinks: <direction, (p - x, 1)>."""
        linear = directions[:, :-1]
        slopes = linear @ self.lifted.points.T
        slopes += (directions[:, -1] - np.einsum("ij,ij->i", linear, self.x[where]))[:, None]
        return slopes

    def _separated(
        self, rows: NDArray[np.intp], directions: NDArray, slopes: NDArray
    ) -> NDArray[np.intp]:
        """Those rows whose query is beyond all points in its direction, by more than rounding."""
        directions = directions[rows]
        margin = directions[:, -1] - slopes[rows].max(axis=1, initial=-np.inf)
        sure = margin > self.lifted.rounding * np.linalg.norm(directions[:, :-1], axis=1)
        return rows[sure]

    def _first_hit(self, slopes: NDArray) -> tuple[NDArray[np.intp], NDArray]:
        """The point whose rest is used up first, and its slope (none is, if the slope is 0)."""
        rows = np.arange(len(slopes))
        rates = slopes / self.rest
        hit = rates.argmax(axis=1)
        slope = slopes[rows, hit]
        doubtful = slope <= TOLERANCE
        if doubtful.any():  # a point on the ball and, but for rounding, in the flat of the motion
            steep = np.where(slopes[doubtful] > TOLERANCE, rates[doubtful], 0)
            hit[doubtful] = steep.argmax(axis=1)
            slope[doubtful] = np.where(
                steep.max(axis=1) > 0, slopes[rows[doubtful], hit[doubtful]], 0
            )
        return hit, slope

    def _advance(self, slopes: NDArray, hit: NDArray, slope: NDArray) -> NDArray:
        """Move every ball until it touches its hit; return how far."""
        rows = np.arange(len(hit))
        step = np.where(slope > 0, self.rest[rows, hit] / np.where(slope > 0, slope, 1), 0.0)
        slopes *= step[:, None]
        self.rest -= slopes
        np.maximum(self.rest, _FLOOR, out=self.rest)
        return step

    def _touch(self, hit: NDArray[np.intp], place: int | NDArray[np.intp]) -> None:
        rows = np.arange(len(hit))
        self.vertices[rows, place] = hit
        self.rest[rows, hit] = np.inf

    def _refresh(self) -> None:
        """Compute the state from the vertices, against the growth of rounding errors."""
        frames = self._relative(self.vertices)
        inverse, regular = inverses(frames)
        if not regular.all():  # stays FAILED
            inverse = inverse[regular]
            self._keep(regular)
        self.gradients = np.ascontiguousarray(inverse.transpose(0, 2, 1))
        self.rest = heights_above(self.lifted, self.x, self.vertices, inverse)
        np.maximum(self.rest, _FLOOR, out=self.rest)
        np.put_along_axis(self.rest, self.vertices, np.inf, axis=1)

    def _keep(self, keep: NDArray[np.bool_]) -> None:
        self.ids, self.x, self.vertices = self.ids[keep], self.x[keep], self.vertices[keep]
        self.rest = self.rest[keep]
        if hasattr(self, "gradients"):
            self.gradients = self.gradients[keep]


def _orthogonal(vectors: NDArray, basis: NDArray) -> NDArray:
    """Remove from each vector its part in an orthonormal basis; twice is enough."""
    for _ in range(2):
        inner = np.matmul(basis, vectors[:, :, None])
        vectors = vectors - np.matmul(inner.transpose(0, 2, 1), basis)[:, 0]
    return vectors
