"""Arguments of closed forms that are evaluated on arrays: ranges, shapes, division by zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_vector

__all__ = ["as_result", "broadcast", "check_counts", "check_range", "ratio"]


def check_range(values: ArrayLike, name: str, *, allow_zero: bool = True) -> NDArray[np.float64]:
    """Return finite numbers above zero as an array of the shape given, a number as shape ()."""
    array = np.asarray(values)
    flat = check_vector(array.reshape(-1), name).astype(np.float64)
    if flat.min() < 0 or (flat.min() == 0 and not allow_zero):
        sign = ">=" if allow_zero else ">"
        raise ValueError(f"{name} is {flat.min():g}; expected numbers {sign} 0")
    return flat.reshape(array.shape)


def check_counts(
    values: ArrayLike, name: str, *, minimum: int, maximum: int | None = None
) -> NDArray[np.float64]:
    """Return integers within bounds as floats, so that formulas neither wrap nor overflow."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} is {values!r}; expected an integer or an array of integers")
    counts = check_vector(array.reshape(-1), name).astype(np.float64)
    if counts.min() < minimum or (maximum is not None and counts.max() > maximum):
        wrong = counts.min() if counts.min() < minimum else counts.max()
        bounds = f"at least {minimum}" + ("" if maximum is None else f", at most {maximum}")
        raise ValueError(f"{name} is {wrong:.0f}; expected {bounds}")
    return counts.reshape(array.shape)


def broadcast(**arrays: NDArray) -> tuple[NDArray, ...]:
    """Return the arrays in their common shape."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes do not broadcast: {shapes}") from error


def ratio(numerator: NDArray, denominator: NDArray) -> NDArray:
    """Divide; a positive number over zero is infinite, zero over zero is zero."""
    infinite = np.where(numerator > 0, np.inf, 0.0)
    return np.divide(numerator, denominator, out=infinite, where=denominator > 0)


def as_result(values: NDArray) -> NDArray | float:
    """Return an array of shape () as a float, others as they are."""
    return float(values) if np.ndim(values) == 0 else values
