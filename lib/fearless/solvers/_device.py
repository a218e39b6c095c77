"""What a kernel system asks of a device: to keep its points, compute blocks, products, a factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fearless.solvers._backend import TorchBackend

if TYPE_CHECKING:
    from fearless.solvers.system import KernelSystem

__all__ = ["DeviceProducts"]

_BLOCK_BYTES = 2**28  # of kernel values computed at once on a device


class DeviceProducts:
    """Kernel blocks and products of a system, computed on a device.

    Points stay on the device where a quarter of its free memory holds them, and are moved in blocks
    otherwise. So does the kernel matrix, from the first product on, where half of it does: a
    product then moves n k numbers each way and computes no kernel value.

    Parameters
    ----------
    system : KernelSystem
        Whose kernel and points they are; its counter of kernel values goes on.
    backend : TorchBackend
        The device.
    """

    def __init__(self, system: KernelSystem, backend: TorchBackend) -> None:
        self.system, self.backend = system, backend
        room = backend.room()
        self.on_cpu = backend.device.type == "cpu"
        self._points: Any = None
        if self.on_cpu or system.X.nbytes <= room // 2:
            self._points = backend.put(system.X)
        self._matrix: Any = None
        self._strip: Any = None  # the rows of `rows_product`

    def _rows(self, index: slice | NDArray) -> Any:
        if self._points is None:
            return self.backend.put(np.asarray(self.system.X[index]))
        if isinstance(index, slice):
            return self._points[index]
        return self._points[self.backend.put(np.arange(self.system.n_samples)[index])]

    def _values(self, rows: Any, columns: Any) -> Any:
        self.system.kernel_values += len(rows) * len(columns)
        return self.backend.kernel_block(self.system.kernel, rows, columns)

    def block(self, rows: slice | NDArray, columns: slice | NDArray) -> NDArray:
        """Return K[rows, columns] as an array off the device."""
        return self.backend.get(self._values(self._rows(rows), self._rows(columns)))

    def matrix(self) -> NDArray:
        """Return K off the device, Fortran-ordered and exactly symmetric."""
        n = self.system.n_samples
        K = np.empty((n, n), self.system.dtype, order="F")
        size = self._size()
        for start in range(0, n, size):
            here = slice(start, min(start + size, n))
            block = self.block(here, slice(start, n))
            K[start:, here] = block.T
            K[here, start:] = block
            square = K[here, here]
            lower = np.tri(len(square), k=-1, dtype=bool)
            np.copyto(square, square.T.copy(), where=lower)
        return K

    def product(self, A: NDArray) -> NDArray:
        """Return K A."""
        n, backend = self.system.n_samples, self.backend
        if self._matrix is None and n * n * self.system.dtype.itemsize <= backend.room():
            points = self._rows(slice(None))
            self.system.kernel_values += n * n
            self._matrix = backend.kernel_block(self.system.kernel, points)
        if self._matrix is not None:
            return backend.times(self._matrix, A)
        out = np.zeros_like(A)
        size = self._size()
        for start in range(0, n, size):  # each block below the diagonal serves twice
            here = slice(start, min(start + size, n))
            block = self._values(self._rows(here), self._rows(slice(start, n)))
            out[here] += backend.times(block, A[start:])
            if here.stop < n:
                after = block[:, here.stop - start :]
                out[here.stop :] += backend.transposed_times(after, A[here])
        return out

    def rows_product(self, rows: slice, A: NDArray) -> NDArray:
        """Return K[rows, :] A; the rows stay on the device if they fit, always the same ones."""
        n, backend = self.system.n_samples, self.backend
        if (
            self._strip is None
            and (rows.stop - rows.start) * n * self.system.dtype.itemsize <= backend.room()
        ):
            self._strip = self._values(self._rows(rows), self._rows(slice(None)))
        if self._strip is not None:
            return backend.times(self._strip, A)
        parts = [np.empty((0, A.shape[1]), A.dtype)]
        for start in range(rows.start, rows.stop, self._size()):
            here = slice(start, min(start + self._size(), rows.stop))
            parts.append(backend.times(self._values(self._rows(here), self._rows(slice(None))), A))
        return np.concatenate(parts)

    def factor(self, shift: float) -> Any:
        """Return the Cholesky factor of K + shift I, on the device."""
        n = self.system.n_samples
        self.system.kernel_values += n * n
        return self.backend.factor(self.system.kernel, self._rows(slice(None)), shift)

    def _size(self) -> int:
        n = self.system.n_samples
        if self.on_cpu:
            return self.system.block_size
        return int(np.clip(_BLOCK_BYTES // (n * self.system.dtype.itemsize), 64, n))
