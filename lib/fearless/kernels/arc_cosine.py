"""The arc-cosine kernel: what infinitely many random ReLU features compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._distances import DEFAULT_BLOCK, fill_from_squared_distances
from fearless._validation import check_positive
from fearless.kernels._directions import normalized
from fearless.kernels.base import Kernel

__all__ = ["ArcCosineKernel"]


@dataclass(frozen=True)
class ArcCosineKernel(Kernel):
    r"""Compute the arc-cosine kernel of order 1.

    .. math::
        K(x, z) = s \, \|x\| \|z\| \,
        \frac{\sin \theta + (\pi - \theta) \cos \theta}{\pi}, \qquad \theta = \angle(x, z) .

    It is ``2 s E max(<v, x>, 0) max(<v, z>, 0)`` for v ~ N(0, I); s = 1 / (2 d) gives the limit of
    random ReLU features whose v is uniform on the unit sphere. The kernel grows with the norms, is
    homogeneous, K(a x, z) = a K(x, z) for a >= 0, and has a kink where x and z are parallel.

    Parameters
    ----------
    scale : float
        The factor s > 0, so that K(x, x) = s ||x||^2.

    Raises
    ------
    TypeError, ValueError
        scale is no positive finite number; when it is called, also points so far from 0 that the
        kernel overflows.

    Notes
    -----
    The angle is computed from the distance of the normalised points, 2 arcsin(||u - w|| / 2), not
    from their inner product, which has lost it when they are nearly parallel. Cost O(n m d). Used
    in the section "The double descent curve".

    References
    ----------
    Y. Cho, L. Saul (2009), Kernel methods for deep learning, NeurIPS.

    Examples
    --------
    >>> K = ArcCosineKernel()
    >>> K([[1.0, 0.0], [0.0, 2.0]]).round(4)
    array([[1.    , 0.6366],
           [0.6366, 4.    ]])
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", check_positive(self.scale, "scale"))

    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        size = DEFAULT_BLOCK if block_size is None else block_size
        symmetric = Z is None
        if Z is None:
            Z = X
        self._check_range(X, Z)
        for j in range(0, len(Z), size):
            right, norms_right = normalized(Z[j : j + size])
            for i in range(0, j + 1 if symmetric else len(X), size):
                tile = out[i : i + size, j : j + size]
                if symmetric and i == j:
                    left, norms_left = right, norms_right
                    fill_from_squared_distances(right, None, tile, _arc_cosine, size)
                else:
                    left, norms_left = normalized(X[i : i + size])
                    fill_from_squared_distances(left, right, tile, _arc_cosine, size)
                tile *= self._scaled(norms_left[:, None] * norms_right)
                if symmetric and i != j:
                    out[j : j + size, i : i + size] = tile.T

    def _diag(self, X: NDArray) -> NDArray:
        self._check_range(X, X)
        norms = normalized(X)[1]
        return self._scaled(norms * norms)

    def _scaled(self, products: NDArray) -> NDArray:
        products *= products.dtype.type(self.scale)
        return products

    def _check_range(self, X: NDArray, Z: NDArray) -> None:
        largest = [float(np.abs(points).max()) for points in (X, Z)]
        # The norm is at most sqrt(d) times the largest coordinate.
        with np.errstate(over="ignore"):
            bound = np.float64(largest[0]) * largest[1] * X.shape[1] * max(self.scale, 1.0)
        if not bound < np.finfo(X.dtype).max:
            raise ValueError(
                f"X or Z contains values up to {max(largest):.3g}, where {self} overflows "
                f"{X.dtype}; expected smaller numbers: rescale the data"
            )


def _arc_cosine(squared: NDArray) -> None:
    """Map squared distances of unit vectors to (sin t + (pi - t) cos t) / pi, in place."""
    np.minimum(squared, 4, out=squared)  # opposite vectors: 4 up to rounding
    cosine = 1 - squared / 2
    np.sqrt(squared, out=squared)
    squared /= 2
    np.arcsin(squared, out=squared)
    squared *= 2
    cosine *= np.pi - squared
    np.sin(squared, out=squared)
    squared += cosine
    squared /= np.pi
