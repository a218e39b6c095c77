"""Coordinates in the affine hull of points, in which every direction has the same size.

Barycentric coordinates, and whether a query is inside the hull, do not change when the space is
stretched. So the linear algebra is done where rounding is the same in all directions: columns are
divided by powers of two (exact, so that units do not matter), and what flatness is left is removed
with the singular value decomposition. Distances stay those of the user's coordinates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["INSIDE_TOLERANCE", "AffineFrame"]

#: Of barycentric coordinates, and of distances to the affine hull relative to the data's extent.
INSIDE_TOLERANCE = 1e-9

_FAR = 1e100  # stretched coordinates beyond are outside whatever they are; squares stay finite

_EPS = np.finfo(float).eps


class AffineFrame:
    """The affine hull of points, with two systems of coordinates in it.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Distinct points, with coordinates whose squares neither overflow nor all underflow.

    Attributes
    ----------
    origin : ndarray of shape (d,)
        The mean of the points.
    dim : int
        The dimension k of the hull, up to rounding.
    condition : float
        How flat the points are within the hull, whatever the units of the columns: the ratio of
        the largest to the smallest singular value. Rounding grows by this factor.
    back : ndarray of shape (k, d)
        Maps `stretched` coordinates to the user's, but for the origin.
    lost : list of int
        Columns that vary so little beside the others that they are taken for constant, though not
        from rounding of their mean.
    """

    def __init__(self, points: NDArray[np.float64]) -> None:
        n, d = points.shape
        self.origin = points.mean(axis=0)
        centred = points - self.origin
        spread = np.abs(centred).max(axis=0)
        rounding = 8 * _EPS * np.abs(points).max(axis=0)
        constant = spread <= 16 * d * _EPS * spread.max()
        self.lost = np.flatnonzero(constant & (spread > rounding)).tolist()
        constant |= (spread <= rounding) & (spread <= 1e-10 * spread.max())
        exponents = np.frexp(np.where(constant, spread.max(), spread))[1]
        self._units = np.ldexp(1.0, np.where(spread.max() > 0, exponents, 0))
        centred /= self._units
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
        sizes /= n**0.5
        noise = min(8 * _EPS * float((np.abs(self.origin) / self._units).max()), 1e-4)
        threshold = max(10 * max(n, d) * _EPS * float(np.abs(centred).max()), noise)
        self.dim = k = max(int(np.sum(sizes > threshold)), min(n - 1, 1))
        self._directions, sizes = directions[:k], sizes[:k]
        self.condition = float(sizes[0] / sizes[-1]) if k else 1.0
        sizes = sizes * k**0.5
        self._stretch = self._directions.T / sizes
        self.back = sizes[:, None] * self._directions * self._units
        self._off_hull = INSIDE_TOLERANCE + noise
        self._axes = None
        if k < d:
            self._axes = np.linalg.qr((self._directions * (self._units / self._units.max())).T)[0]

    def euclidean(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coordinates (q, k) of the orthogonal projections to the affine hull, with the
        user's distances."""
        centred = X - self.origin
        return centred if self._axes is None else centred @ self._axes

    def stretched(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates (q, k) in which the points' covariance is the identity over k."""
        return self._divided(X) @ self._stretch

    def contains(self, X: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points are in the affine hull."""
        if self._axes is None:
            return np.ones(len(X), bool)
        if self.dim == 0:
            return np.all(np.abs(X - self.origin) <= 8 * _EPS * np.abs(self.origin), axis=1)
        divided = self._divided(X)
        residual = divided - (divided @ self._directions.T) @ self._directions
        return np.abs(residual).max(axis=1) <= self._off_hull

    def _divided(self, X: NDArray) -> NDArray:
        with np.errstate(over="ignore"):
            return np.clip((X - self.origin) / self._units, -_FAR, _FAR)
