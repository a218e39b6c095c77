"""The nearest point of a convex hull, also from very far away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

__all__ = ["project_to_hull"]

#: Distance, in radii t of the points, from which queries are pulled in: least squares lose a
#: share eps t^2 of the weights, and pulling in to t changes them by about 1 / t^2: some 1e-8.
_FAR = 3e3


def project_to_hull(points: NDArray, x: NDArray) -> tuple[NDArray[np.intp], NDArray]:
    """The nearest point of the convex hull, as a combination of at most d + 1 points.

    Among nonnegative w, the least |sum_i w_i (p_i - x)|^2 + (sum_i w_i - 1)^2 is reached at a
    multiple of the combination sought (Haskell and Hanson 1981): for a fixed direction the sum is
    a monotone function of the distance.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The points that span the hull, around the origin.
    x : ndarray of shape (d,)
        A query whose square does not overflow.

    Returns
    -------
    indices, weights : ndarray of shape (d + 1,)
        The combination; a point of weight zero may be repeated.
    """
    k = points.shape[1] + 1
    chosen, offsets = _offsets(points, x)
    scale = np.abs(offsets).max()
    if scale == 0:  # one point, and x is it
        return np.zeros(k, np.intp), np.eye(1, k)[0]
    matrix = np.vstack([offsets.T / scale, np.ones(len(offsets))])
    solution = nnls(matrix, np.append(np.zeros(k - 1), 1.0))[0]
    solution = np.append(solution, np.zeros(max(0, k - len(solution))))
    heaviest = np.argsort(-solution)[:k]
    weights = solution[heaviest]
    return chosen[np.where(weights > 0, heaviest, heaviest[0])], weights / weights.sum()


def _offsets(points: NDArray, x: NDArray) -> tuple[NDArray[np.intp], NDArray]:
    """The points that may span the face of the projection, seen from x, or from nearer.

    For x = t u, |u| = 1, and a point at p.u = m + h, m the greatest, |p - x|^2 is, but for h^2 and
    a constant, the square of its part orthogonal to u minus 2 (t - m) h. A view from T instead of
    t - m is the same when h is multiplied by (t - m) / T. Only points with h >= -4 R^2 / t matter,
    R the radius, so that h^2 does not.
    """
    norms = np.linalg.norm(points, axis=1)
    radius, length = norms.max(), np.linalg.norm(x)
    if length <= _FAR * radius:
        return np.arange(len(points)), points - x
    direction = x / length
    along = points @ direction
    top = along.argmax()
    below = (points - points[top]) @ direction  # differences first: zero on a face orthogonal to u
    chosen = np.flatnonzero(below >= -8 * radius * (radius / length))
    near = _FAR * radius
    below = below[chosen] * ((length - along[top]) / near)
    offsets = points[chosen] - along[chosen, None] * direction
    return chosen, offsets + (below - near)[:, None] * direction
