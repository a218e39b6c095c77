"""Equal rows of a matrix, found without comparing all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["group_rows"]


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
    their coordinates.
    """
    bits = np.ascontiguousarray(X + 0.0)  # -0.0 becomes 0.0: equal numbers have equal bits
    bits = bits.view(np.uint32 if X.dtype == np.float32 else np.uint64)
    odd = np.random.default_rng(0).integers(2**63, size=X.shape[1], dtype=np.uint64) * 2 + 1
    keys = np.zeros(len(X), np.uint64)
    for column, factor in zip(bits.T, odd, strict=True):  # no temporary of the size of X
        mixed = column.astype(np.uint64) * factor
        keys += mixed ^ (mixed >> np.uint64(32))
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(X[first[group]], X):  # two different rows share a hash
        _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
        group = group.reshape(-1)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[group]
