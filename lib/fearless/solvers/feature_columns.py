"""Where a path solver gets its feature columns from: an array, or a function of the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_matrix, check_same_length

__all__ = ["FeatureColumns", "FeatureSource", "pieces"]

FeatureSource = ArrayLike | Callable[[int, int], np.ndarray]

# Columns generated at a time: bounds the memory of a source that is called.
_BLOCK = 2048


class FeatureColumns:
    """Feature columns behind one interface, whether stored or computed on demand.

    Parameters
    ----------
    source : array-like of shape (n_rows, P) or callable
        The matrix, or ``(start, stop) -> (n_rows, stop - start)``.
    name, other : str
        Names, for messages, of the argument and of the targets whose length it must match.
    n_rows, n_columns : int
        The rows expected, and the columns that will be asked for.
    """

    def __init__(
        self, source: FeatureSource, name: str, n_rows: int, other: str, n_columns: int
    ) -> None:
        self._name, self._n_rows, self._source = name, n_rows, source
        if callable(source):
            self._array = None
            self.dtype = self.block(0, 1).dtype
            return
        self._array = check_matrix(source, name, allow_complex=True)
        check_same_length(**{name: self._array, other: range(n_rows)})
        if self._array.shape[1] < n_columns:
            raise ValueError(
                f"widths go up to {n_columns}, but {name} has {self._array.shape[1]} columns"
            )
        self.dtype = self._array.dtype

    def block(self, start: int, stop: int) -> np.ndarray:
        """Columns ``start`` to ``stop``, checked.

        Parameters
        ----------
        start, stop : int

        Returns
        -------
        ndarray of shape (n_rows, stop - start)

        Raises
        ------
        TypeError, ValueError
            When the source returns another shape, or numbers that are not finite.
        """
        if self._array is not None:
            return self._array[:, start:stop]
        block = check_matrix(
            self._source(start, stop), f"{self._name}({start}, {stop})", allow_complex=True
        )
        if block.shape != (self._n_rows, stop - start):
            raise ValueError(
                f"{self._name}({start}, {stop}) has shape {block.shape}; "
                f"expected {(self._n_rows, stop - start)}"
            )
        return block

    def leading(self, width: int, dtype: np.dtype) -> np.ndarray:
        """A fresh Fortran-ordered copy of the first ``width`` columns.

        Parameters
        ----------
        width : int
        dtype : dtype

        Returns
        -------
        ndarray of shape (n_rows, width)
        """
        out = np.empty((self._n_rows, width), dtype=dtype, order="F")
        for start, stop in pieces(0, width):
            out[:, start:stop] = self.block(start, stop)
        return out


def pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Split a range of columns into ranges of bounded length.

    Parameters
    ----------
    start, stop : int

    Returns
    -------
    iterator of (int, int)
    """
    for begin in range(start, stop, _BLOCK):
        yield begin, min(begin + _BLOCK, stop)
