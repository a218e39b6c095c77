"""Squared Euclidean distances without cancellation, tile by tile.

``||x - z||^2 = ||x||^2 + ||z||^2 - 2 <x, z>`` turns n m d subtractions into one matrix product, but
its absolute error is about ``eps (||x||^2 + ||z||^2)`` however small the distance: points that
nearly coincide lose all digits, and a kernel with a kink at zero (the Laplacian) then gets a
diagonal that is not one. Three measures keep every entry accurate to a modest multiple of eps:

- the mean is subtracted first (distances do not change, norms shrink);
- an entry below ``CLOSE (||x||^2 + ||z||^2)`` is recomputed from the differences of the original
  coordinates, so that the relative error is at most about ``eps / CLOSE`` elsewhere, and equal
  points are at distance exactly 0;
- in few dimensions all entries are computed from differences, which is as fast as the product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._parallel import run_all

__all__ = [
    "CLOSE",
    "DEFAULT_BLOCK",
    "FEW_DIMENSIONS",
    "MANY_ENTRIES",
    "fill_from_squared_distances",
]

#: Fraction of ``||x||^2 + ||z||^2`` below which an entry is recomputed. In float32, where digits
#: are scarce, the guard is wider.
CLOSE = {np.dtype(np.float32): 2.0**-4, np.dtype(np.float64): 2.0**-6}

#: Up to this many dimensions differences are taken throughout.
FEW_DIMENSIONS = 4

#: Edge of a tile: large enough for BLAS to run at full speed, small beside the result.
DEFAULT_BLOCK = 512

#: Entries of a result that is worth several threads.
MANY_ENTRIES = 2**21

_STRIP_BYTES = 2**18  # element-wise passes run over strips of a tile that stay in the L2 cache
_PAIR_BYTES = 2**21  # differences gathered at once when close pairs are recomputed

Profile = Callable[[NDArray], None]


def fill_from_squared_distances(
    X: NDArray, Z: NDArray | None, out: NDArray, profile: Profile, block_size: int | None = None
) -> None:
    """Write ``profile(||x_i - z_j||^2)`` to ``out[i, j]``.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite points, float32 or float64.
    Z : ndarray of shape (m, d) or None
        Finite points of the same dtype; None means X, and then ``out`` is exactly symmetric.
    out : ndarray of shape (n, m)
        The result, of the dtype of X, in any memory order.
    profile : callable
        Maps an array of squared distances to values in place; called from several threads.
    block_size : int, optional
        Edge of a tile (default 512). Memory beyond the result, for each thread: two tiles of
        coordinates (block_size x d each), one tile of the result where Z is None, and 2 MB. Where
        the coordinates are below an eighth of the result, a centred copy of all of them instead.

    Raises
    ------
    ValueError
        Coordinates so large that their squares overflow the dtype.

    Notes
    -----
    Cost O(n m d), halved when Z is None. Each close pair costs O(d) at memory speed rather than
    at that of a matrix product, some 30 times slower: data with a large share of nearly equal
    points in many dimensions takes that much longer.
    """
    symmetric = Z is None
    if abs(out.strides[0]) < abs(out.strides[1]):  # run along contiguous memory
        out = out.T
        if not symmetric:
            X, Z = Z, X
    if Z is None:
        Z = X
    size = DEFAULT_BLOCK if block_size is None else block_size
    tile_type = _DirectTile if X.shape[1] <= FEW_DIMENSIONS else _ProductTile
    origin = _common_mean(X, Z, symmetric)
    strip_rows = max(1, _STRIP_BYTES // (min(size, Z.shape[0]) * X.itemsize))
    left_of, right_of = _prepared(tile_type, X, Z, origin, out, size, symmetric)

    def fill(rows: slice, columns: slice) -> None:
        diagonal = symmetric and rows == columns
        tile = tile_type(left_of(rows), right_of(columns), out[rows, columns])
        for strip in _blocks(rows.stop - rows.start, strip_rows):
            tile.square_distances(strip)
            profile(tile.values[strip])
            if symmetric and not diagonal:
                mirrored = slice(rows.start + strip.start, rows.start + strip.stop)
                out[columns, mirrored] = tile.values[strip].T
        if diagonal:  # BLAS need not round (i, j) and (j, i) alike
            lower = np.tri(len(tile.values), k=-1, dtype=bool)
            np.copyto(tile.values, tile.values.T.copy(), where=lower)

    tiles = [
        (rows, columns)
        for columns in _blocks(Z.shape[0], size)
        for rows in _blocks(columns.start + 1 if symmetric else X.shape[0], size, X.shape[0])
    ]
    run_all(fill, tiles, threads=out.size >= MANY_ENTRIES)


def _prepared(
    tile_type: type, X: NDArray, Z: NDArray, origin: NDArray, out: NDArray, size: int, same: bool
) -> tuple[Callable[[slice], Any], Callable[[slice], Any]]:
    """Return what gives the prepared points of a block of rows, and of a block of columns.

    All are prepared once where they are small beside the result; else a block is prepared when it
    is needed and another one was needed in between.
    """

    def once(points: NDArray) -> Callable[[slice], Any]:
        ready = {
            block.start: tile_type.prepare(points[block], origin)
            for block in _blocks(len(points), size)
        }
        return lambda block: ready[block.start]

    def latest(points: NDArray) -> Callable[[slice], Any]:
        kept: list[tuple[int, Any]] = [(-1, None)]

        def get(block: slice) -> Any:
            start, ready = kept[0]
            if start != block.start:
                ready = tile_type.prepare(points[block], origin)
                kept[0] = (block.start, ready)  # one assignment: threads may meet here
            return ready

        return get

    if 8 * (X.nbytes + Z.nbytes) <= out.nbytes * (2 if same else 1):
        columns = once(Z)
        return (columns, columns) if same else (once(X), columns)
    return latest(X), latest(Z)


def _blocks(stop: int, size: int, limit: int | None = None) -> Iterator[slice]:
    """Slices of the given size whose starts lie below stop; the last one ends at limit."""
    end = stop if limit is None else limit
    for start in range(0, stop, size):
        yield slice(start, min(start + size, end))


def _common_mean(X: NDArray, Z: NDArray, symmetric: bool) -> NDArray:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = X.mean(axis=0, dtype=np.float64)
        if not symmetric:
            share = len(X) / (len(X) + len(Z))
            mean = share * mean + (1 - share) * Z.mean(axis=0, dtype=np.float64)
    return mean.astype(X.dtype)


class _DirectTile:
    """Squared distances as sums of squared differences, one dimension at a time."""

    def __init__(self, left: NDArray, right: NDArray, values: NDArray) -> None:
        self.left, self.right, self.values = left, right, values

    @staticmethod
    def prepare(points: NDArray, origin: NDArray) -> NDArray:
        return np.ascontiguousarray(points.T)

    def square_distances(self, strip: slice) -> None:
        total = self.values[strip]
        term = np.empty_like(total, order="C")
        with np.errstate(over="ignore"):  # an overflow gives the right limit, infinity
            for k, (x, z) in enumerate(zip(self.left, self.right, strict=True)):
                target = term if k else total
                np.subtract(x[strip, None], z, out=target)
                np.multiply(target, target, out=target)
                if k:
                    total += term


class _ProductTile:
    """Squared distances from a matrix product, close pairs from differences."""

    def __init__(self, left: tuple, right: tuple, values: NDArray) -> None:
        self.values = values
        self.X, centred_x, self.norms_x = left
        self.Z, centred_z, self.norms_z = right
        self.close = values.dtype.type(CLOSE[values.dtype])
        np.matmul(centred_x, centred_z.T, out=values)

    @staticmethod
    def prepare(points: NDArray, origin: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        with np.errstate(over="ignore", invalid="ignore"):
            centred = points - origin
            norms = np.einsum("ij,ij->i", centred, centred)
        if not np.all(norms < np.finfo(points.dtype).max / 8):
            raise ValueError(
                f"X or Z contains values up to {np.abs(points).max():.3g}, whose squared norm "
                f"overflows {points.dtype}; expected smaller numbers: rescale the data"
            )
        return points, centred, norms

    def square_distances(self, strip: slice) -> None:
        squared = self.values[strip]
        norms = np.add(self.norms_x[strip, None], self.norms_z)
        squared *= -2
        squared += norms
        norms *= self.close
        close = np.flatnonzero(squared < norms)  # far cheaper than nonzero in two dimensions
        if len(close):
            i, j = np.divmod(close, squared.shape[1])
            self._recompute(squared, i, j, strip.start)

    def _recompute(self, squared: NDArray, i: NDArray, j: NDArray, offset: int) -> None:
        for part in _blocks(len(i), max(1, _PAIR_BYTES // self.X[0].nbytes)):
            rows, columns = i[part], j[part]
            difference = self.X[rows + offset]
            difference -= self.Z[columns]
            squared[rows, columns] = np.einsum("ij,ij->i", difference, difference)
