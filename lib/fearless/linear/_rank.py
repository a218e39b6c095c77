"""Which singular values count as zeros: one rule for every linear fit, and never a silent cut."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_positive
from fearless.exceptions import IllConditionedWarning


def rank_tolerance(rank_tol: float | None, shape: tuple[int, int], dtype: np.dtype) -> float:
    """Return the share of the largest singular value up to which others are taken for zeros."""
    if rank_tol is None:
        return float(np.finfo(dtype).eps) * max(shape)
    tolerance = check_positive(rank_tol, "rank_tol", allow_zero=True)
    if tolerance >= 1:
        raise ValueError(f"rank_tol is {tolerance}; expected a number below 1")
    return tolerance


def warn_of_rank(
    singular_values: NDArray,
    rank: int,
    rank_tol: float | None,
    tolerance: float,
    *,
    stacklevel: int,
) -> None:
    """Warn when singular values were cut unasked, or when those kept leave no correct digit."""
    eps = float(np.finfo(singular_values.dtype).eps)
    kept = float(singular_values[0]) / float(singular_values[rank - 1]) if rank else 1.0
    if rank_tol is None and rank < len(singular_values):
        warnings.warn(
            f"X has numerical rank {rank} of at most {len(singular_values)}: singular values up to "
            f"{tolerance:.1e} of the largest are taken for zeros, and the solution is the "
            "min-norm one of that rank; set rank_tol to decide yourself",
            IllConditionedWarning,
            stacklevel=stacklevel + 1,
        )
    elif kept > 1 / eps:
        warnings.warn(
            f"X has condition number {kept:.1e}, beyond 1 / eps = {1 / eps:.1e}: the "
            "coefficients may have no correct digit; raise rank_tol, or use float64",
            IllConditionedWarning,
            stacklevel=stacklevel + 1,
        )
