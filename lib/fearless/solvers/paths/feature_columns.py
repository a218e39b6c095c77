"""Where a path solver gets its feature columns from: an array, or a function of the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_matrix, check_same_length

__all__ = ["DeadColumns", "FeatureColumns", "FeatureSource", "LiveColumns", "pieces"]

FeatureSource = ArrayLike | Callable[[int, int], np.ndarray]

# Columns generated at a time: bounds the memory of a source that is called.
_BLOCK = 2048


class DeadColumns(Exception):
    """Some features vanish on every training sample; ``live`` marks the others.

    Random ReLU features of images do so now and then. Least norm gives a dead feature the weight
    zero, so that a solver may leave it out, and must, as it makes a QR factorisation singular.
    """

    def __init__(self, live: np.ndarray) -> None:
        super().__init__(f"{np.count_nonzero(~live)} of {len(live)} features are zero")
        self.live = live


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

    def leading(self, width: int, dtype: np.dtype, *, live: bool = False) -> np.ndarray:
        """A fresh Fortran-ordered copy of the first ``width`` columns.

        Parameters
        ----------
        width : int
        dtype : dtype
        live : bool
            Whether every column must have an entry that is not zero.

        Returns
        -------
        ndarray of shape (n_rows, width)

        Raises
        ------
        DeadColumns
            ``live`` is set and a column is zero.
        """
        out = np.empty((self._n_rows, width), dtype=dtype, order="F")
        for start, stop in pieces(0, width):
            out[:, start:stop] = self.block(start, stop)
        if live and not (mask := out.any(axis=0)).all():
            raise DeadColumns(mask)
        return out


class LiveColumns(FeatureColumns):
    """The same columns without those that are dead among the first ones.

    Parameters
    ----------
    columns : FeatureColumns
    live : ndarray of bool
        Which of the first ``len(live)`` columns to keep; all later ones are kept.
    """

    def __init__(self, columns: FeatureColumns, live: np.ndarray) -> None:
        self._columns, self._n_rows, self.dtype = columns, columns._n_rows, columns.dtype
        self._kept, self._seen = np.flatnonzero(live), len(live)

    def count(self, width: int | np.ndarray) -> np.ndarray:
        """How many of the first ``width`` columns are kept.

        Parameters
        ----------
        width : int or ndarray of int

        Returns
        -------
        ndarray of int
        """
        return np.searchsorted(self._kept, width) + np.maximum(np.asarray(width) - self._seen, 0)

    def original(self, position: int) -> int:
        """Where the kept column ``position`` is among all columns.

        Parameters
        ----------
        position : int

        Returns
        -------
        int
        """
        beyond = position - len(self._kept)
        return self._seen + beyond if beyond >= 0 else int(self._kept[position])

    def block(self, start: int, stop: int) -> np.ndarray:
        """Kept columns ``start`` to ``stop``.

        Parameters
        ----------
        start, stop : int

        Returns
        -------
        ndarray of shape (n_rows, stop - start)
        """
        first = self.original(start)
        block = self._columns.block(first, self.original(stop - 1) + 1)
        if block.shape[1] == stop - start:
            return block
        return block[:, [self.original(i) - first for i in range(start, stop)]]


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
