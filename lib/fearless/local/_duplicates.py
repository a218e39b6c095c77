"""Training points that occur more than once: no function interpolates two targets at one point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._rows import group_rows
from fearless._validation import check_option, check_same_length

__all__ = ["DUPLICATES", "merge_duplicates"]

DUPLICATES = ("error", "average")


def merge_duplicates(X: NDArray, y: NDArray, how: str) -> tuple[NDArray, NDArray]:
    """Return the distinct rows of X, in the order of their first occurrence, and their targets.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite points, float32 or float64.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their targets.
    how : {"error", "average"}
        What to do where equal points have different targets: raise, or fit their mean.

    Returns
    -------
    X : ndarray of shape (n_distinct, d)
        The array given when all rows are distinct.
    y : ndarray of shape (n_distinct,) or (n_distinct, n_outputs)
        Their targets, or the means.

    Raises
    ------
    ValueError
        ``how="error"``, and two equal points have different targets; or an unknown option.

    Notes
    -----
    Cost O(n d + n log n): rows are compared through a hash of their bits, and equal hashes
    by their coordinates.
    """
    check_option(how, "duplicates", DUPLICATES)
    check_same_length(X=X, y=y)
    first, group = group_rows(X)
    if len(first) == len(X):
        return X, y
    if how == "error":
        targets = y.reshape(len(y), -1)
        differs = np.any(targets != targets[first[group]], axis=1)
        if differs.any():
            j = int(np.argmax(differs))
            i = int(first[group[j]])
            raise ValueError(
                f"X has equal rows with different targets: rows {i} and {j}, targets "
                f"{y[i].tolist()} and {y[j].tolist()}; no function interpolates both: remove one, "
                "or set duplicates='average' to fit their mean"
            )
        return X[first], y[first]
    counts = np.bincount(group)
    sums = np.zeros((len(first), *y.shape[1:]), y.dtype)
    with np.errstate(over="ignore"):
        np.add.at(sums, group, y)
    means = (sums.T / counts).T.astype(y.dtype, copy=False)
    if not np.isfinite(sums).all():  # huge targets: divide first
        means[...] = 0
        np.add.at(means, group, (y.T / counts[group]).T.astype(y.dtype, copy=False))
    # Where there is nothing to average the target stays as it is, to the last bit.
    alone = counts == 1
    means[alone] = y[first[alone]]
    return X[first], means
