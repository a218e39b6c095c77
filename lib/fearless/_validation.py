"""Checks of arguments shared by the whole library: floor 0, importable from everywhere.

Every check returns the value in the form the caller computes with, or raises an error that names
the argument, says what was given and says what is expected. A wrong *kind* of object (a string for
a matrix, a float for a count) is a ``TypeError``, a wrong *value* a ``ValueError``.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

__all__ = [
    "as_generator",
    "as_seed_sequence",
    "check_float_dtype",
    "check_int",
    "check_labels",
    "check_matrix",
    "check_option",
    "check_out",
    "check_positive",
    "check_probability",
    "check_same_length",
    "check_targets",
    "check_vector",
    "check_widths",
]

RandomState = None | int | np.random.Generator


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _as_float_array(values: ArrayLike, name: str, allow_complex: bool) -> NDArray:
    """Return values as an array of float32/float64 (complex64/128 if allowed), without a copy
    when it already is one; integers and booleans become float64."""
    if issparse(values):
        raise TypeError(f"{name} is a sparse matrix; expected a dense array: use {name}.toarray()")
    try:
        array = np.asarray(values)
    except ValueError as error:  # ragged nested lists
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    kind = array.dtype.kind
    if kind == "c":
        if not allow_complex:
            raise TypeError(f"{name} is complex ({array.dtype}); expected real numbers")
        return array if array.dtype in (np.complex64, np.complex128) else array.astype(complex)
    if kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; expected an array of numbers")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _check_finite(array: NDArray, name: str) -> None:
    # A finite sum proves that all entries are finite without a temporary of the array's size;
    # it may overflow for huge finite entries, hence the second look.
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()
    if np.isfinite(total):
        return
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} contains {int(bad.sum())} non-finite value(s), the first at index {where}: "
            f"{array[where]}; expected finite numbers"
        )


def check_matrix(
    values: ArrayLike,
    name: str,
    *,
    n_columns: int | None = None,
    allow_complex: bool = False,
) -> NDArray:
    """Return values as a finite, non-empty (n, p) array of float32 or float64."""
    array = _as_float_array(values, name, allow_complex)
    if array.ndim != 2:
        raise ValueError(
            f"{name} has shape {array.shape}; expected a matrix (n_samples, n_columns)"
            + (f": use {name}.reshape(-1, 1)" if array.ndim == 1 else "")
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: shape {array.shape}; expected at least one row, column")
    if n_columns is not None and array.shape[1] != n_columns:
        raise ValueError(f"{name} has {array.shape[1]} columns; expected {n_columns}")
    _check_finite(array, name)
    return array


def check_vector(
    values: ArrayLike, name: str, *, length: int | None = None, allow_complex: bool = False
) -> NDArray:
    """Return values as a finite, non-empty vector of float32 or float64."""
    array = _as_float_array(values, name, allow_complex)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected a vector")
    if array.size == 0:
        raise ValueError(f"{name} is empty; expected at least one entry")
    if length is not None and array.size != length:
        raise ValueError(f"{name} has length {array.size}; expected {length}")
    _check_finite(array, name)
    return array


def check_targets(
    values: ArrayLike, name: str, *, n_rows: int | None = None, allow_complex: bool = False
) -> NDArray:
    """Return regression targets as a finite array of shape (n,) or (n, k)."""
    array = _as_float_array(values, name, allow_complex)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}; expected (n,) or (n, n_outputs)")
    if array.size == 0:
        raise ValueError(f"{name} is empty: shape {array.shape}; expected at least one target")
    if n_rows is not None and array.shape[0] != n_rows:
        raise ValueError(f"{name} has {array.shape[0]} rows; expected {n_rows}")
    _check_finite(array, name)
    return array


def check_labels(
    values: ArrayLike, name: str, *, classes: Sequence[int] | NDArray | None = None
) -> NDArray[np.intp]:
    """Return class labels as a non-empty vector of integers."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; expected integer labels")
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected a vector of labels")
    if array.size == 0:
        raise ValueError(f"{name} is empty; expected at least one label")
    if classes is not None:
        unknown = np.setdiff1d(array, np.asarray(classes))
        if unknown.size:
            raise ValueError(
                f"{name} contains the label(s) {unknown[:5].tolist()}; "
                f"expected labels among classes = {np.asarray(classes).tolist()}"
            )
    return array.astype(np.intp)


def check_same_length(**arrays: ArrayLike) -> int:
    """Return the common number of rows of the arrays given by name."""
    lengths = {name: len(array) for name, array in arrays.items()}  # type: ignore[arg-type]
    if len(set(lengths.values())) != 1:
        given = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"mismatched lengths: {given}; expected the same number of rows")
    return next(iter(lengths.values()))


def _check_real(value: Any, name: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {_describe(value)}; expected a real number")
    return float(value)


def check_positive(value: float, name: str, *, allow_zero: bool = False) -> float:
    """Return value as a finite float above zero."""
    number = _check_real(value, name)
    if not np.isfinite(number) or number < 0 or (number == 0 and not allow_zero):
        expected = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{name} is {value}; expected a finite number {expected}")
    return number


def check_probability(value: float, name: str) -> float:
    """Return value as a float in [0, 1]."""
    number = _check_real(value, name)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} is {value}; expected a number in [0, 1]")
    return number


def check_int(value: int, name: str, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return value as an int within bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {_describe(value)}; expected an integer")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f">= {minimum}" + (f" and <= {maximum}" if maximum is not None else "")
        raise ValueError(f"{name} is {number}; expected an integer {bounds}")
    return number


def check_widths(
    widths: ArrayLike, name: str = "widths", *, minimum: int = 1, maximum: int | None = None
) -> NDArray[np.intp]:
    """Return a strictly increasing vector of counts (feature counts, sample sizes)."""
    array = np.asarray(widths)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; expected integers")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; expected a non-empty vector of integers")
    for extreme in (int(array.min()), int(array.max())):
        check_int(extreme, f"an entry of {name}", minimum=minimum, maximum=maximum)
    array = array.astype(np.intp)
    steps = np.diff(array)
    if np.any(steps <= 0):
        i = int(np.argmax(steps <= 0))
        what = "contains a duplicate" if steps[i] == 0 else "is not sorted"
        raise ValueError(
            f"{name} {what}: {array[i]} is followed by {array[i + 1]}; "
            "expected strictly increasing integers"
        )
    return array


def check_option(value: str, name: str, options: Sequence[str]) -> str:
    """Return value when it is one of the options."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} is {value!r}; expected one of {listed}")
    return value


def check_float_dtype(dtype: Any, name: str = "dtype") -> np.dtype:
    """Return the dtype when it is float32 or float64."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{name} is {dtype!r}; expected float32 or float64") from error
    if dtype is None or found not in (np.float32, np.float64):
        raise TypeError(f"{name} is {dtype!r}; expected float32 or float64")
    return found


def check_out(out: NDArray | None, shape: tuple[int, ...], dtype: Any) -> NDArray:
    """Return the array that a result is written to: ``out`` itself, or a new C-ordered one."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is {_describe(out)}; expected a NumPy array")
    if out.dtype != np.dtype(dtype):
        raise TypeError(f"out has dtype {out.dtype}; expected {np.dtype(dtype)}")
    if out.shape != tuple(shape):
        raise ValueError(f"out has shape {out.shape}; expected {tuple(shape)}")
    if not out.flags.writeable:
        raise ValueError("out is read-only; expected a writable array")
    return out


def as_generator(random_state: RandomState, name: str = "random_state") -> np.random.Generator:
    """Return a random generator: a fresh one, one seeded by an integer, or the one given."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(as_seed_sequence(random_state, name))


def as_seed_sequence(
    random_state: RandomState | np.random.RandomState, name: str = "random_state"
) -> np.random.SeedSequence:
    """Return a seed sequence, from which any number of independent streams can be spawned."""
    if random_state is None:
        return np.random.SeedSequence()
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence(random_state.integers(2**32, size=4).tolist())
    if isinstance(random_state, np.random.RandomState):
        return np.random.SeedSequence(random_state.randint(2**31, size=5).tolist())
    if isinstance(random_state, bool) or not isinstance(random_state, numbers.Integral):
        raise TypeError(
            f"{name} is {_describe(random_state)}; expected None, an integer or a "
            "numpy.random.Generator"
        )
    return np.random.SeedSequence(check_int(random_state, name, minimum=0))
