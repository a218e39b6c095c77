"""Simplices in the plane: what one wrong label does, and how the simplex of a query is found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_positive,
    check_vector,
)

__all__ = ["Ball", "WrongLabel", "jittered_points", "walk_balls", "wrong_label"]


def jittered_points(
    rows: int = 6, *, jitter: float = 0.25, random_state: RandomState = None
) -> NDArray[np.float64]:
    """Draw the points of a square lattice in [0, 1]^2, moved at random except on the boundary.

    Parameters
    ----------
    rows : int
        Points on an edge.
    jitter : float
        The largest move of a coordinate, in units of the spacing.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of shape (rows^2, 2)
    """
    rows = check_int(rows, "rows", minimum=2)
    jitter = check_positive(jitter, "jitter", allow_zero=True)
    ticks = np.linspace(0, 1, rows)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    moves = as_generator(random_state).uniform(-jitter, jitter, points.shape) / (rows - 1)
    return points + np.where((points > 0) & (points < 1), moves, 0)


@dataclass(frozen=True)
class WrongLabel:
    """One vertex with a label of the wrong sign among vertices of label 1.

    Attributes
    ----------
    points : ndarray of shape (n, 2)
        The vertices; the last one has the wrong label.
    triangles : ndarray of shape (m, 3)
        The Delaunay triangulation.
    label : float
        The label -v of the last vertex, negative.
    star : ndarray of shape (k, 2)
        The polygon made of the triangles at the last vertex.
    basin : ndarray of shape (k, 2)
        Where the interpolant is negative: the star, shrunk towards the vertex by v / (1 + v).
    cell : ndarray of shape (k, 2)
        Where that vertex is the nearest neighbour: its Voronoi cell.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.intp]
    label: float
    star: NDArray[np.float64]
    basin: NDArray[np.float64]
    cell: NDArray[np.float64]

    @property
    def areas(self) -> tuple[float, float, float]:
        """The areas of star, basin and cell."""
        return tuple(polygon_area(p) for p in (self.star, self.basin, self.cell))


def polygon_area(corners: NDArray) -> float:
    """Compute the area of a polygon.

    Parameters
    ----------
    corners : ndarray of shape (k, 2)
        In order.

    Returns
    -------
    float
    """
    x, y = corners.T
    return float(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)


def wrong_label(points: ArrayLike, vertex: ArrayLike, label: float = -1.0) -> WrongLabel:
    """Add a vertex of negative label to points of label 1.

    Parameters
    ----------
    points : array-like of shape (n, 2)
        The points of label 1.
    vertex : array-like of shape (2,)
        Inside their convex hull, on none of them.
    label : float
        Its label, negative.

    Returns
    -------
    WrongLabel

    Raises
    ------
    ValueError
        The label is not negative, or the vertex not inside.
    """
    points = check_matrix(points, "points", n_columns=2)
    vertex = check_vector(vertex, "vertex", length=2)
    v = check_positive(-label, "-label")
    everything = np.vstack([points, vertex])
    triangulation = Delaunay(everything)
    last = len(points)
    around = np.flatnonzero(np.any(triangulation.simplices == last, axis=1))
    neighbours = np.setdiff1d(triangulation.simplices[around], [last])
    if last in triangulation.convex_hull or len(around) != len(neighbours):
        raise ValueError(f"vertex is {vertex.tolist()}; expected a point inside the hull of points")
    star = _in_order(everything[neighbours], vertex)
    centres = np.array([_circumcentre(everything[t]) for t in triangulation.simplices[around]])
    basin = vertex + (star - vertex) * v / (1 + v)
    cell = _in_order(centres, vertex)
    return WrongLabel(everything, triangulation.simplices, -v, star, basin, cell)


@dataclass(frozen=True)
class Ball:
    """An empty ball on the way to the simplex of a query.

    Attributes
    ----------
    vertices : tuple of int
        The points on its surface that are kept.
    centre : ndarray of shape (d,)
    radius : float
    weights : ndarray of shape (d + 1,) or None
        Barycentric coordinates of the query, once d + 1 points are on the surface.
    """

    vertices: tuple[int, ...]
    centre: NDArray[np.float64]
    radius: float
    weights: NDArray[np.float64] | None


def walk_balls(points: ArrayLike, query: ArrayLike) -> list[Ball]:
    """Follow the direct method of `SimplicialInterpolator` for one query, step by step.

    The plane a.u + b below the lifted points (u, |u|^2), with u = p - query, is the ball with the
    centre query + a/2 and the squared radius b + |a|^2 / 4.

    Parameters
    ----------
    points : array-like of shape (n, d)
        In general position.
    query : array-like of shape (d,)
        Inside their convex hull.

    Returns
    -------
    list of Ball
        Those that touch 1, 2, ..., d + 1 points, then one a pivot; the last simplex contains the
        query.

    Raises
    ------
    ValueError
        The query is outside.
    """
    points = check_matrix(points, "points")
    d = points.shape[1]
    offsets = points - check_vector(query, "query", length=d)
    frame = np.column_stack([offsets, np.ones(len(points))])  # rows (u, 1)
    heights = np.sum(offsets**2, axis=1)
    plane, vertices, balls = np.zeros(d + 1), [], []
    up = np.eye(d + 1)[d]
    leaving = None
    while True:
        kept = frame[vertices]
        if len(vertices) <= d:  # growth: rise as steeply as the vertices allow
            direction = up - kept.T @ np.linalg.lstsq(kept.T, up)[0] if vertices else up
        else:  # walk: leave through the facet that the query is farthest beyond
            gradients = np.linalg.inv(kept).T
            leaving = int(np.argmin(gradients[:, d]))
            if gradients[leaving, d] >= 0:
                return balls
            direction = -gradients[leaving]
        slopes, rests = frame @ direction, heights - frame @ plane
        steps = np.full(len(points), np.inf)
        rising = slopes > 1e-12
        rising[vertices] = False
        steps[rising] = rests[rising] / slopes[rising]
        if not rising.any():
            raise ValueError("query is outside the convex hull of points; expected it inside")
        hit = int(np.argmin(steps))
        plane = plane + steps[hit] * direction
        if leaving is None:
            vertices = [*vertices, hit]
        else:
            vertices = [*vertices[:leaving], hit, *vertices[leaving + 1 :]]
        weights = np.linalg.inv(frame[vertices]).T[:, d] if len(vertices) > d else None
        centre = points[0] - offsets[0] + plane[:d] / 2
        radius = float(np.sqrt(plane[d] + plane[:d] @ plane[:d] / 4))
        balls.append(Ball(tuple(vertices), centre, radius, weights))


def _in_order(corners: NDArray, inner: NDArray) -> NDArray:
    return corners[np.argsort(np.arctan2(*(corners - inner).T))]


def _circumcentre(triangle: NDArray) -> NDArray:
    edges = triangle[1:] - triangle[0]
    return triangle[0] + np.linalg.solve(2 * edges, np.sum(edges**2, axis=1))
