"""Haversines sin(t / 2)^2 of the angles t between points, accurate at all angles, tile by tile.

From ``<x, z> / (||x|| ||z||)``, one matrix product, the haversine has an absolute error of a few
eps: enough where it is not small. What is below ``CLOSE`` is computed again from the difference of
the normalised points, as ``||u - v||^2 / 4``, which is exact to a few eps of the angle itself. A
tile with many such pairs (points with a large mean), with opposite points, in few dimensions, or
of points of extreme lengths goes to :mod:`fearless._distances` after normalisation: slower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._distances import FEW_DIMENSIONS, fill_from_squared_distances
from fearless.kernels._directions import lengths, normalized

__all__ = ["Angles"]

CLOSE = 2.0**-6
#: From here on g = 1 - h is computed on its own.
FAR = 1 - CLOSE
_MANY = 1 / 32  # share of close pairs in a tile from which distances are faster
_PAIR_BYTES = 2**20  # differences gathered at once


class Angles:
    """Fill tiles of haversines for the points X and Z, of one dtype; Z may be X itself.

    ``lengths`` holds ||x_i|| and ||z_j||, computed row by row, the same in every tile.
    """

    def __init__(self, X: NDArray, Z: NDArray) -> None:
        self.points = (X, Z)
        left = lengths(X)
        self.lengths = (left, left if Z is X else lengths(Z))
        info = np.finfo(X.dtype)
        shortest = min(float(side.min()) for side in self.lengths)
        longest = max(float(side.max()) for side in self.lengths)
        self.products = (
            X.shape[1] > FEW_DIMENSIONS
            and shortest > float(info.tiny) ** 0.25
            and longest < float(info.max) ** 0.25
        )

    def fill(self, rows: slice, columns: slice, h: NDArray) -> NDArray | None:
        """Write haversines to h, and return g = 1 - h if some are above FAR, otherwise None."""
        diagonal = self.points[0] is self.points[1] and rows == columns
        if self.products and self._from_products(rows, columns, h):
            return None
        left = normalized(self.points[0][rows])[0]
        right = left if diagonal else normalized(self.points[1][columns])[0]
        fill_from_squared_distances(left, None if diagonal else right, h, _quarter)
        if not h.max() > FAR:
            return None
        g = np.empty_like(h)
        fill_from_squared_distances(left, -right, g, _quarter)
        return g

    def _from_products(self, rows: slice, columns: slice, h: NDArray) -> bool:
        """Fill h unless too many pairs are close, or one is far, and return whether it did."""
        left, right = self.points[0][rows], self.points[1][columns]
        np.matmul(left, right.T, out=h)
        down, over = self.lengths[0][rows], self.lengths[1][columns]
        h *= (-0.5 / down)[:, None]
        h *= 1 / over
        h += 0.5
        if h.max() > FAR:
            return False
        close = h < CLOSE
        if np.count_nonzero(close) > max(_MANY * h.size, 2 * len(h)):
            return False
        i, j = np.nonzero(close)
        step = max(1, _PAIR_BYTES // left[0].nbytes)
        for start in range(0, len(i), step):
            a, b = i[start : start + step], j[start : start + step]
            difference = left[a] / down[a, None]
            difference -= right[b] / over[b, None]
            h[a, b] = 0.25 * np.einsum("ij,ij->i", difference, difference)
        return True


def _quarter(squared: NDArray) -> None:
    squared *= 0.25
