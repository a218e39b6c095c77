"""Kernel systems over several processes: every solver, unchanged, on rows that are shared out.

Every process builds the same problem and calls the same solver; kernel values and products, which
are nearly all of the work, are shared out by rows of the matrix, and the results, thin matrices of
n k numbers, are gathered by ``torch.distributed``. A script ``fit.py``::

    import numpy as np
    import torch.distributed
    from fearless.kernels import LaplacianKernel
    from fearless.solvers.cg import solve_cg
    from fearless.solvers.distributed import DistributedSystem

    torch.distributed.init_process_group("gloo")  # "nccl" with a GPU a process
    X = np.load("X.npy", mmap_mode="r")
    Y = np.load("Y.npy", mmap_mode="r")
    system = DistributedSystem(LaplacianKernel(10.0), X, Y)
    solution = solve_cg(system, tol=1e-6, random_state=0)
    if torch.distributed.get_rank() == 0:
        np.save("coef.npy", solution.coef)
    torch.distributed.destroy_process_group()

is started on one machine with four processes, or on two machines with four processes each, by ::

    torchrun --standalone --nproc-per-node=4 fit.py
    torchrun --nnodes=2 --nproc-per-node=4 --rdzv-backend=c10d --rdzv-endpoint=HOST:29500 fit.py

With a GPU a process, call ``torch.cuda.set_device(local_rank)`` first and give the system
``backend=f"cuda:{local_rank}"``, where local_rank is the environment variable ``LOCAL_RANK``.

Three rules. Give every process the same arguments, ``random_state`` (an integer) and ``memory``
included; what differs in X, Y or settings that matter is an error at the start. Give processes of
one machine their share of its cores (``OMP_NUM_THREADS``). Use a checkpoint on one process only, or
a path of its own for each.

Kernel values and products are the same on all processes to the last bit: each number is computed by
one process and sent to all others. So are solutions where the processes do the thin algebra between
products alike, which each of them repeats: on equal processors, with the same libraries and numbers
of threads. Otherwise they may differ by rounding, and one process may stop an iteration before the
others, which then wait for it. A callback must give the same answer on all of them. The result of a
single process differs by rounding, because rows are multiplied in other blocks.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_out
from fearless.kernels import Kernel
from fearless.solvers._memory import available_memory, require_memory
from fearless.solvers.system import KernelSystem

__all__ = ["DistributedSystem"]


class DistributedSystem(KernelSystem):
    r"""A `KernelSystem` whose rows are shared out among the processes of a group.

    Process r of R computes rows r n/R to (r + 1) n/R of a product, and keeps these rows if they
    fit: n^2 / R numbers a process. `matrix` and `rows` are gathered from all processes.

    Parameters
    ----------
    kernel, X, Y, reg, block_size, backend
        As in `KernelSystem`, equal on all processes, but for the device.
    memory : int, optional
        Bytes a process may use. Default: 80 % of what is available now, divided by the number of
        processes, the smallest of all processes.
    store : bool, optional
        Keep the rows of this process from the first product on. Default: if they fit the memory
        twice.
    group : torch.distributed.ProcessGroup, optional
        The processes. Default: all.

    Attributes
    ----------
    rank, n_processes : int
        Which process this is, of how many.
    first, last : int
        Its rows.

    Raises
    ------
    RuntimeError
        There is no process group: ``torch.distributed.init_process_group`` was not called.
    ValueError
        The processes have different problems.

    Notes
    -----
    A product costs n^2 / R kernel values a process, or 2 n^2 k / R operations from stored rows, and
    sends n k numbers to each process. Give ``store=False`` to ``solve_cg``: the matrix that it
    would store otherwise is the whole one. `KernelSystem.product` computes n^2 / 2 kernel values,
    because it uses the symmetry of the matrix; here each row is whole. A direct solver gains
    nothing: every process factorises the whole matrix.

    Used in the section "Solving a million equations fast".
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
        store: bool | None = None,
        group: Any = None,
    ) -> None:
        import torch.distributed as dist

        if not (dist.is_available() and dist.is_initialized()):
            raise RuntimeError(
                "there is no process group; call torch.distributed.init_process_group first, in a "
                "script started by torchrun"
            )
        self._group = group
        self.rank, self.n_processes = dist.get_rank(group), dist.get_world_size(group)
        if memory is None:
            memory = min(self._gather_objects(available_memory() // self.n_processes))
        super().__init__(kernel, X, Y, reg, memory=memory, block_size=block_size, backend=backend)
        n = self.n_samples
        self._bounds = self._split(n)
        self.first, self.last = self._bounds[self.rank], self._bounds[self.rank + 1]
        self._own: NDArray | None = None  # K[first:last, :]
        self._compare()
        needed = (self.last - self.first) * n * self.dtype.itemsize
        fits = all(self._gather_objects(2 * needed <= self.memory))
        self._store = fits if store is None else store
        if store:
            require_memory(
                needed,
                self.memory,
                f"rows {self.first} to {self.last} of the kernel matrix of {n} points",
                "use more processes, or store=False",
            )

    def product(self, A: NDArray, out: NDArray | None = None) -> NDArray:
        """Return K A, the same on all processes; all of them must call it.

        Parameters
        ----------
        A : ndarray of shape (n, k)
            Equal on all processes.
        out : ndarray of shape (n, k), optional
            Where to write the product.

        Returns
        -------
        ndarray of shape (n, k)
        """
        A = np.ascontiguousarray(A, dtype=self.dtype)
        out = check_out(out, A.shape, self.dtype)
        if self.device is not None:
            part = self.device.rows_product(slice(self.first, self.last), A)
            return self._gather_rows(part, out)
        if self._own is None and self._store and self._matrix is None:
            self._own = np.empty((self.last - self.first, self.n_samples), self.dtype)
            for rows in self._blocks():
                mine = slice(rows.start - self.first, rows.stop - self.first)
                super().block(rows, slice(None), out=self._own[mine])
        if self._own is not None:
            part = self._own @ A
        else:
            part = np.empty((self.last - self.first, A.shape[1]), self.dtype)
            for rows in self._blocks():
                mine = slice(rows.start - self.first, rows.stop - self.first)
                part[mine] = super().block(rows, slice(None)) @ A
        return self._gather_rows(part, out)

    def block(
        self, rows: slice | NDArray, columns: slice | NDArray, out: NDArray | None = None
    ) -> NDArray:
        """Return the block K[rows, columns], the same on all processes; all of them must call it.

        Parameters
        ----------
        rows, columns : slice or ndarray of int
            Which ones; each process computes its share of the rows.
        out : ndarray, optional
            Where to write the block.

        Returns
        -------
        ndarray of shape (len(rows), len(columns))
        """
        if self._matrix is not None:
            return super().block(rows, columns, out)
        index = np.arange(self.n_samples)[rows]
        width = len(np.arange(self.n_samples)[columns])
        mine = index[self.share(len(index))]
        part = np.empty((len(mine), width), self.dtype)
        if len(mine):
            super().block(mine, columns, out=part)
        return self._gather_rows(
            part, check_out(out, (len(index), width), self.dtype), self._split(len(index))
        )

    def matrix(self) -> NDArray:
        """Return the whole K on every process; each computes its rows.

        Returns
        -------
        ndarray of shape (n, n), Fortran-contiguous
            Exactly symmetric.
        """
        if self._matrix is None:
            n = self.n_samples
            require_memory(
                n * n * self.dtype.itemsize,
                self.memory,
                f"the kernel matrix of {n} points in {self.dtype}, on each process",
                "use a solver that does not store it: its products need n^2 / R numbers",
            )
            K = np.empty((n, n), self.dtype)
            for start in range(0, n, self.block_size):
                rows = slice(start, min(start + self.block_size, n))
                self.block(rows, slice(None), out=K[rows])
            # Two processes need not round (i, j) and (j, i) alike: the upper triangle counts.
            for start in range(0, n, self.block_size):
                stop = min(start + self.block_size, n)
                K[stop:, start:stop] = K[start:stop, stop:].T
                square = K[start:stop, start:stop]
                square[...] = np.triu(square) + np.triu(square, 1).T
            self._matrix = K.T
        return self._matrix

    def share(self, length: int) -> slice:
        """Return which of so many things are this process's.

        Parameters
        ----------
        length : int
            How many there are.

        Returns
        -------
        slice
        """
        bounds = self._split(length)
        return slice(bounds[self.rank], bounds[self.rank + 1])

    def gather(self, part: NDArray, length: int) -> NDArray:
        """Return the rows of all processes, in order, from those of `share` on each.

        Parameters
        ----------
        part : ndarray of shape (m, k)
            The rows of this process, in the dtype of the system.
        length : int
            How many rows there are on all processes.

        Returns
        -------
        ndarray of shape (length, k)
            The same on all processes.
        """
        out = np.empty((length, part.shape[1]), self.dtype)
        return self._gather_rows(part, out, self._split(length))

    def total(self, values: NDArray) -> NDArray:
        """Return the sum over all processes, added in the same order on each.

        Parameters
        ----------
        values : ndarray of shape (m, k)
            What this process contributes, in the dtype of the system.

        Returns
        -------
        ndarray of shape (m, k)
        """
        m = len(values)
        parts = np.empty((m * self.n_processes, values.shape[1]), self.dtype)
        self._gather_rows(values, parts, [m * r for r in range(self.n_processes + 1)])
        result = parts[:m]
        for r in range(1, self.n_processes):
            result += parts[r * m : (r + 1) * m]
        return result

    def _split(self, length: int) -> list[int]:
        return [length * r // self.n_processes for r in range(self.n_processes + 1)]

    def _blocks(self) -> list[slice]:
        """The rows of this process, in blocks."""
        starts = range(self.first, self.last, self.block_size)
        return [slice(start, min(start + self.block_size, self.last)) for start in starts]

    def _gather_rows(self, part: NDArray, out: NDArray, bounds: list[int] | None = None) -> NDArray:
        """Collect the rows of all processes; parts are padded to one length."""
        import torch
        import torch.distributed as dist

        bounds = self._bounds if bounds is None else bounds
        sizes = np.diff(bounds)
        padded = np.zeros((int(sizes.max()), out.shape[1]), self.dtype)
        padded[: len(part)] = part
        own = torch.from_numpy(padded)
        if dist.get_backend(self._group) == "nccl":
            own = own.cuda()
        parts = [torch.empty_like(own) for _ in range(self.n_processes)]
        dist.all_gather(parts, own, group=self._group)
        for r, values in enumerate(parts):
            out[bounds[r] : bounds[r + 1]] = values[: sizes[r]].cpu().numpy()
        return out

    def _gather_objects(self, value: Any) -> list[Any]:
        import torch.distributed as dist

        values: list[Any] = [None] * self.n_processes
        dist.all_gather_object(values, value, group=self._group)
        return values

    def _compare(self) -> None:
        """Raise ValueError on every process when the problems differ."""
        step = max(1, self.n_samples // 1024)
        digest = hashlib.sha256()
        for array in (self.X[::step], self.Y[::step]):
            digest.update(np.ascontiguousarray(array).tobytes())
        mine = {
            "kernel": repr(self.kernel),
            "shape of X": self.X.shape,
            "shape of Y": self.Y.shape,
            "dtype": str(self.dtype),
            "reg": self.reg,
            "memory": self.memory,
            "block_size": self.block_size,
            "X or Y": digest.hexdigest(),
        }
        for rank, other in enumerate(self._gather_objects(mine)):
            differing = [name for name in mine if mine[name] != other[name]]
            if differing:
                name = differing[0]
                raise ValueError(
                    f"process {rank} has another problem than process {self.rank}: {name} is "
                    f"{other[name]} there, {mine[name]} here; expected equal arguments"
                )
