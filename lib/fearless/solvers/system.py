"""The one problem of all kernel solvers, (K + reg I) alpha = Y, with K stored only when asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._rows import group_rows
from fearless._validation import check_int, check_matrix, check_out, check_positive, check_targets
from fearless.kernels import Kernel
from fearless.solvers._backend import TorchBackend, get_backend
from fearless.solvers._device import DeviceProducts
from fearless.solvers._memory import available_memory, require_memory

__all__ = ["KernelSystem", "check_range", "default_block_size", "distinct_rows"]

# Bytes of one block of kernel values where K is not stored, and its fewest and most rows.
_BLOCK_BYTES = 2**26
_MIN_ROWS, _MAX_ROWS = 32, 1024


class KernelSystem:
    r"""The linear system of a kernel machine, and the products that its solvers need.

    .. math:: (K + \lambda I)\, \alpha = Y, \qquad K_{ij} = K(x_i, x_j).

    Kernel values are computed in blocks when they are needed. `matrix` computes all of them once
    and keeps them; from then on every product reads the stored matrix.

    Parameters
    ----------
    kernel : Kernel
        A kernel of ``fearless.kernels``.
    X : ndarray or numpy.memmap of shape (n, d)
        Points, one a row. float32 is computed in float32, everything else in float64. An array of
        either type is never copied, so that one on disk may be larger than the memory.
    Y : ndarray of shape (n,) or (n, k)
        Targets; kept with k columns, in the dtype of X.
    reg : float
        The penalty lambda >= 0, as in scikit-learn (not divided by n).
    memory : int, optional
        Bytes that a solver may use beyond X and Y. Default: 80 % of what is available now.
    block_size : int, optional
        Rows of a block of kernel values. Default: as many as fit 64 MiB, 32 to 1024.
    backend : str, optional
        Where kernel values and products are computed: None or ``"cpu"`` with NumPy, ``"cuda"`` on
        a GPU with torch, ``"torch"`` with torch on the CPU.

    Attributes
    ----------
    kernel, X, Y, reg, memory, backend
        As given.
    n_samples, n_outputs : int
        The shape of Y.
    dtype : dtype
        float32 or float64.
    device : DeviceProducts or None
        What computes kernel values and products where the backend is a device.
    kernel_values : int
        How many kernel values have been computed so far: the cost of a solver that stores nothing.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, X or Y is empty, not finite or of another length.
    """

    def __init__(
        self,
        kernel: Kernel,
        X: NDArray,
        Y: ArrayLike,
        reg: float = 0.0,
        *,
        memory: int | None = None,
        block_size: int | None = None,
        backend: str | None = None,
    ) -> None:
        if not isinstance(kernel, Kernel):
            raise TypeError(f"kernel is {kernel!r}; expected a Kernel of fearless.kernels")
        if isinstance(X, np.memmap) and X.dtype not in (np.float32, np.float64):
            raise TypeError(
                f"X is a memmap of dtype {X.dtype}; expected float32 or float64, for another one "
                "would have to be copied into memory"
            )
        self.kernel = kernel
        self.X = check_matrix(X, "X")
        self.dtype = self.X.dtype
        self.Y = _as_columns(Y, len(self.X), self.dtype)
        self.reg = check_positive(reg, "reg", allow_zero=True)
        check_range(self.reg, "reg is", self.dtype)
        self.n_samples, self.n_outputs = self.Y.shape
        self.memory = available_memory() if memory is None else check_int(memory, "memory")
        if block_size is None:
            block_size = default_block_size(self.n_samples, self.dtype)
        self.block_size = check_int(block_size, "block_size")
        self.backend = backend
        self.kernel_values = 0
        library = get_backend(backend)
        self.device = DeviceProducts(self, library) if isinstance(library, TorchBackend) else None
        self._matrix: NDArray | None = None
        # Norms are taken of numbers below one, so that no square overflows.
        self._exponent = int(np.frexp(np.abs(self.Y).max())[1])
        self._norm = self._scaled_norm(self.Y) or 1.0

    @property
    def stored(self) -> bool:
        """Whether the kernel matrix is kept: `matrix` has been called."""
        return self._matrix is not None

    def require_function(self) -> None:
        """Raise ValueError when ``reg`` is 0 and equal points have different targets.

        No function passes through both, so that the system has no solution. Cost O(n d + n log n).
        """
        if self.reg == 0:
            distinct_rows(self.X, self.Y)

    def rows(self, index: slice | NDArray, out: NDArray | None = None) -> NDArray:
        """Return the block K[index, :].

        Parameters
        ----------
        index : slice or ndarray of int
            Which rows.
        out : ndarray of shape (len(index), n), optional
            Where to write them.

        Returns
        -------
        ndarray of shape (len(index), n)
        """
        return self.block(index, slice(None), out)

    def block(
        self, rows: slice | NDArray, columns: slice | NDArray, out: NDArray | None = None
    ) -> NDArray:
        """Return the block K[rows, columns].

        Parameters
        ----------
        rows, columns : slice or ndarray of int
            Which ones.
        out : ndarray, optional
            Where to write the block.

        Returns
        -------
        ndarray of shape (len(rows), len(columns))
            From the stored matrix, if there is one, else computed; not a view to write to.
        """
        if self._matrix is not None:
            # K is symmetric: its C-ordered transpose gives rows without strided reads.
            part = self._matrix.T[rows]
            part = part[:, columns]
            if out is None:
                return part
            np.copyto(check_out(out, part.shape, self.dtype), part)
            return out
        if self.device is not None:
            part = self.device.block(rows, columns)
            if out is None:
                return part
            np.copyto(check_out(out, part.shape, self.dtype), part)
            return out
        X, Z = self.X[rows], self.X[columns]
        out = check_out(out, (len(X), len(Z)), self.dtype)
        self.kernel_values += out.size
        self.kernel._fill(X, Z, out, None)
        return out

    def diagonal(self) -> NDArray:
        """Return the diagonal of K.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self.kernel.diag(self.X)

    def matrix(self) -> NDArray:
        """Return the whole K; computed at the first call and kept.

        Returns
        -------
        ndarray of shape (n, n), Fortran-contiguous
            Exactly symmetric. It is the system's own: read it only.

        Raises
        ------
        MemoryError
            The matrix needs more than ``memory``; raised before anything is allocated.
        """
        if self._matrix is None:
            n = self.n_samples
            require_memory(
                n * n * self.dtype.itemsize,
                self.memory,
                f"the kernel matrix of {n} points in {self.dtype}",
                "use a solver that does not store it, or float32",
            )
            if self.device is not None:
                self._matrix = self.device.matrix()
                return self._matrix
            K = np.empty((n, n), self.dtype, order="F")
            self.kernel._fill(self.X, None, K, None)
            self.kernel_values += n * (n + 1) // 2
            self._matrix = K
        return self._matrix

    def product(self, A: NDArray, out: NDArray | None = None) -> NDArray:
        """Return K A.

        Parameters
        ----------
        A : ndarray of shape (n, k)
            Of the dtype of the system.
        out : ndarray of shape (n, k), optional
            Where to write the product.

        Returns
        -------
        ndarray of shape (n, k)

        Notes
        -----
        Cost 2 n^2 k operations from the stored matrix. Otherwise n^2 / 2 kernel values more, in
        blocks: the matrix is symmetric, so that each block below the diagonal serves twice.
        """
        A = np.asarray(A, dtype=self.dtype)
        if A.ndim != 2 or len(A) != self.n_samples:
            raise ValueError(f"A has shape {A.shape}; expected ({self.n_samples}, k)")
        out = check_out(out, A.shape, self.dtype)
        # A matrix stored on the CPU is not read by a device: computing it again there is faster.
        if self.device is not None and (self._matrix is None or not self.device.on_cpu):
            out[...] = self.device.product(A)
            return out
        if self._matrix is not None:
            # K is symmetric, so that either order may be read. The C-ordered transpose times a
            # C-ordered A makes BLAS pack the thin operand well: twice as fast as A^T K.
            matrix = self._matrix if A.shape[1] == 1 else self._matrix.T
            return np.matmul(matrix, np.ascontiguousarray(A), out=out)
        out[...] = 0
        n = self.n_samples
        buffer = np.empty((min(self.block_size, n), n), self.dtype)
        for start in range(0, n, self.block_size):
            here, after = slice(start, start + self.block_size), slice(start + self.block_size, n)
            block = buffer[: min(self.block_size, n - start), : n - start]
            self.block(here, slice(start, n), out=block)
            out[here] += block @ A[start:]
            if after.start < n:
                out[after] += block[:, self.block_size :].T @ A[here]
        return out

    def residual(self, A: NDArray) -> NDArray:
        """Return Y - K A - reg A, from kernel values and not from a recurrence.

        Parameters
        ----------
        A : ndarray of shape (n, k)
            Coefficients.

        Returns
        -------
        ndarray of shape (n, k)
        """
        A = np.asarray(A, dtype=self.dtype)
        if A.shape != self.Y.shape:
            raise ValueError(f"A has shape {A.shape}; expected {self.Y.shape}, that of Y")
        result = self.product(A)
        if self.reg > 0:
            result += self.dtype.type(self.reg) * A
        return np.subtract(self.Y, result, out=result)

    def relative(self, residual: NDArray) -> float:
        """Return the Frobenius norm of a residual over that of Y (itself, if Y is zero).

        Parameters
        ----------
        residual : ndarray of shape (n, k)

        Returns
        -------
        float
            Accumulated in float64.
        """
        return self._scaled_norm(residual) / self._norm

    def _scaled_norm(self, values: NDArray) -> float:
        values = np.ldexp(values.astype(np.float64, copy=False), -self._exponent)
        return float(np.linalg.norm(values))

    def relative_residual(self, A: NDArray) -> float:
        """Return the Frobenius norm of Y - K A - reg A over that of Y.

        Parameters
        ----------
        A : ndarray of shape (n, k)
            Coefficients.

        Returns
        -------
        float
        """
        return self.relative(self.residual(A))


def default_block_size(n: int, dtype: np.dtype) -> int:
    """Return how many rows of n kernel values are computed at once.

    Parameters
    ----------
    n : int
        Their length.
    dtype : dtype
        Their type.

    Returns
    -------
    int
    """
    return int(np.clip(_BLOCK_BYTES // (n * np.dtype(dtype).itemsize), _MIN_ROWS, _MAX_ROWS))


def check_range(value: float, what: str, dtype: np.dtype) -> None:
    """Raise ValueError when a number is neither zero nor a normal number of dtype.

    Parameters
    ----------
    value : float
        A number >= 0.
    what : str
        Its name and verb, the start of the message.
    dtype : dtype
        float32 or float64.
    """
    low, high = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if value > high or 0 < value < low:
        raise ValueError(
            f"{what} {value}; expected a number in the range of X, {dtype}: {low:.1e} to {high:.1e}"
        )


def distinct_rows(X: NDArray, Y: NDArray) -> NDArray[np.intp]:
    """Return the first row of each distinct point; a repeated point must repeat its targets.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    Y : ndarray of shape (n, k)
        Targets.

    Returns
    -------
    ndarray of int, increasing

    Raises
    ------
    ValueError
        A point occurs twice with different targets.

    Notes
    -----
    Cost O(n d + n log n).
    """
    first, group = group_rows(X)
    if len(first) == len(X):
        return first
    differs = np.any(Y != Y[first[group]], axis=1)
    if differs.any():
        i = int(np.argmax(differs))
        raise ValueError(
            f"X has the same point in rows {first[group[i]]} and {i}, and y differs there: no "
            "interpolant exists; remove or average such points, or set reg > 0"
        )
    return first


def _as_columns(Y: ArrayLike, n_rows: int, dtype: np.dtype) -> NDArray:
    Y = check_targets(Y, "Y", n_rows=n_rows)
    Y = Y.reshape(n_rows, -1)
    if Y.dtype != dtype:
        with np.errstate(over="ignore"):  # what overflows is caught by the next check
            Y = check_targets(Y.astype(dtype), "Y")
    return Y
