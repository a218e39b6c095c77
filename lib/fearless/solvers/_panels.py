"""Products with a kernel matrix of which as much is kept as the memory allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless.solvers.system import KernelSystem

__all__ = ["KernelPanels"]


def _in_panels(system: KernelSystem) -> bool:
    """Whether products are left to this module: no matrix, no device, no product of its own."""
    own = type(system).product is not KernelSystem.product
    return not (system.stored or system.device is not None or own)


class KernelPanels:
    """K in panels of rows from the diagonal on: the first ones kept, the others computed anew.

    The matrix is symmetric, so that each entry beyond the diagonal block of a panel serves twice:
    half of the memory of K is enough to keep it all, and what does not fit costs half of the kernel
    values in every product.

    Parameters
    ----------
    system : KernelSystem
        Whose K; its stored matrix, if there is one, and its device are used instead of panels.
    allowed : int
        Bytes that the panels may take, the one that is computed anew included.

    Attributes
    ----------
    memory : int
        Bytes that the panels take.
    share : float
        Which part of K is kept, from 0 to 1.
    """

    def __init__(self, system: KernelSystem, allowed: int) -> None:
        self.system = system
        self.kept: list[NDArray] = []
        self._buffer: NDArray | None = None
        self.memory, self.share = 0, 1.0
        self._slices: list[slice] = []
        if not _in_panels(system):
            self.share = float(system.stored)
            return
        n, step = system.n_samples, min(system.block_size, system.n_samples)
        self._slices = [slice(i, min(i + step, n)) for i in range(0, n, step)]
        shapes = [(rows.stop - rows.start, n - rows.start) for rows in self._slices]
        sizes = np.array([a * b for a, b in shapes]) * system.dtype.itemsize
        after = np.append(sizes[1:], 0)  # the largest panel left over is the next one
        fits = np.cumsum(sizes) + after <= allowed
        n_kept = len(sizes) if fits.all() else int(np.argmin(fits))
        for rows, shape in zip(self._slices[:n_kept], shapes, strict=False):
            panel = np.empty(shape, system.dtype)
            self.kept.append(system.block(rows, slice(rows.start, n), out=panel))
        self.share = float(sizes[:n_kept].sum() / sizes.sum())
        self.memory = int(sizes[:n_kept].sum())
        if n_kept < len(sizes):
            self._buffer = np.empty(shapes[n_kept][0] * shapes[n_kept][1], system.dtype)
            self.memory += self._buffer.nbytes

    @staticmethod
    def least_memory(system: KernelSystem) -> int:
        """Return the bytes of a single panel: what a product takes when nothing is kept."""
        if not _in_panels(system):
            return 0
        n = system.n_samples
        return min(system.block_size, n) * n * system.dtype.itemsize

    def product(self, A: NDArray) -> NDArray:
        """Return K A.

        Parameters
        ----------
        A : ndarray of shape (n, k)

        Returns
        -------
        ndarray of shape (n, k)
            Cost 2 n^2 k operations, and (1 - share) n^2 / 2 kernel values.
        """
        if not self._slices:
            return self.system.product(A)
        A = np.ascontiguousarray(A)
        out = np.zeros_like(A)
        for i, rows in enumerate(self._slices):
            panel = self.kept[i] if i < len(self.kept) else self._compute(rows)
            out[rows] += panel @ A[rows.start :]
            if rows.stop < len(A):
                out[rows.stop :] += panel[:, rows.stop - rows.start :].T @ A[rows]
        return out

    def _compute(self, rows: slice) -> NDArray:
        shape = (rows.stop - rows.start, self.system.n_samples - rows.start)
        panel = self._buffer[: shape[0] * shape[1]].reshape(shape)
        return self.system.block(rows, slice(rows.start, self.system.n_samples), out=panel)
