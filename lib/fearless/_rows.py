"""Equal rows of a matrix, found without comparing all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["group_rows"]

# Coordinates handled at once: 8 MiB in float64.
_BLOCK_ENTRIES = 2**20

# Columns that tell most rows of wide data apart.
_FEW = 32


def group_rows(X: NDArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find equal rows.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite points, float32 or float64.

    Returns
    -------
    first : ndarray of int, shape (n_distinct,)
        The first row of each group of equal rows, increasing.
    group : ndarray of int, shape (n,)
        The group of each row.

    Notes
    -----
    Cost O(n d + n log n): rows are compared through a hash of their bits, and equal hashes by
    their coordinates. Memory O(n), and a block of rows: X may be on disk.
    """
    keys = _hashes(X[:, :: max(1, X.shape[1] // _FEW)])
    if X.shape[1] >= 2 * _FEW:  # rows that differ in some columns differ; look closer at the rest
        _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
        alike = np.flatnonzero(counts[group] > 1)
        keys[alike] ^= _hashes(X[alike])
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[group] != np.arange(len(X)))
    if not np.array_equal(X[first[group[repeated]]], X[repeated]):  # two rows share a hash
        _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
        group = group.reshape(-1)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[group]


def _hashes(X: NDArray) -> NDArray[np.uint64]:
    """Return a number for each row, the same for equal ones."""
    odd = np.random.default_rng(0).integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    kind = np.uint32 if X.dtype == np.float32 else np.uint64
    keys = np.zeros(len(X), np.uint64)
    step = max(1, _BLOCK_ENTRIES // X.shape[1])
    for start in range(0, len(X), step):
        # -0.0 becomes 0.0: equal numbers have equal bits. Columns are contiguous afterwards.
        bits = np.add(X[start : start + step].T, 0.0, order="C").view(kind)
        part = keys[start : start + step]
        for column, factor in zip(bits, odd, strict=True):
            mixed = column.astype(np.uint64) * factor
            part += mixed ^ (mixed >> np.uint64(32))
    return keys
