"""The one seam between the solvers and the library that does their arithmetic: NumPy or torch.

A backend computes blocks of kernel values and multiplies them with thin matrices. Blocks stay where
they were computed, on a GPU for example; what goes in and comes out of a product are NumPy arrays
with as many columns as there are outputs, so that every solver is written once, in NumPy.

Kernels come as they are: the profile of an isotropic kernel works on arrays of either library
(``IsotropicKernel.on_tensors``); any other kernel is computed in blocks on the CPU and moved.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._distances import CLOSE, FEW_DIMENSIONS
from fearless.kernels import IsotropicKernel, Kernel
from fearless.linalg import cholesky_in_place, cholesky_solve

__all__ = ["NumpyBackend", "TorchBackend", "get_backend"]

Array = Any  # an ndarray or a Tensor: what a backend computes with
Tensor = Any  # a torch.Tensor: torch is imported by those who ask for it

_PAIRS = 2**16  # close pairs whose differences are taken at once
_ROWS = 2048  # rows of a block of kernel values on a device
_SHARE = 0.5  # of a device's free memory that a stored kernel matrix may take


class NumpyBackend:
    """Arithmetic on the CPU with NumPy and LAPACK."""

    name = "cpu"

    def put(self, array: NDArray) -> Array:
        """Move an array to the device."""
        return array

    def get(self, array: Array) -> NDArray:
        """Move an array from the device."""
        return array

    def kernel_block(
        self, kernel: Kernel, X: Array, Z: Array | None = None, out: Array | None = None
    ) -> Array:
        """Return K(X, Z), or K(X, X) where Z is None, for arrays on the device."""
        if out is None:
            out = np.empty((len(X), len(X if Z is None else Z)), X.dtype)
        kernel._fill(X, Z, out, None)
        return out

    def times(self, block: Array, A: NDArray) -> NDArray:
        """Return block @ A for a block on the device and a thin matrix off it."""
        return block @ A

    def transposed_times(self, block: Array, A: NDArray) -> NDArray:
        """Return block.T @ A for a block on the device and a thin matrix off it."""
        return block.T @ A

    def factor(self, kernel: Kernel, X: Array, shift: float) -> Array:
        """Return the Cholesky factor of K(X, X) + shift I.

        Raises
        ------
        NotPositiveDefiniteError
            The matrix is not positive definite to working precision.
        """
        K = np.empty((len(X), len(X)), X.dtype, order="F")
        kernel._fill(X, None, K, None)
        K.flat[:: len(X) + 1] += X.dtype.type(shift)
        return cholesky_in_place(K)

    def solve(self, factor: Array, B: NDArray) -> NDArray:
        """Return the solution of the system that was factorised."""
        return cholesky_solve(factor, B)

    def room(self) -> int:
        """Return how many bytes a kernel matrix may take beside those the caller counts."""
        return 0


class TorchBackend:
    """Arithmetic with torch, on a GPU or on the CPU.

    Parameters
    ----------
    device : str
        A device of torch, such as "cuda", "cuda:1" or "cpu".

    Notes
    -----
    Products are full float32: TF32, which rounds factors to 11 bits, would ruin distances.
    """

    def __init__(self, device: str) -> None:
        import torch

        self.device = torch.device(device)
        self.name = str(self.device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                f"backend is {device!r} but torch finds no such device; expected 'cpu', 'torch' or "
                "a device that exists"
            )

    def put(self, array: NDArray) -> Tensor:
        import torch

        with warnings.catch_warnings():  # that it is read-only, as a file may be; nothing writes it
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def get(self, array: Tensor) -> NDArray:
        return array.cpu().numpy()

    def kernel_block(
        self,
        kernel: Kernel,
        X: Tensor,
        Z: Tensor | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        import torch

        if out is None:
            out = torch.empty((len(X), len(X if Z is None else Z)), dtype=X.dtype, device=X.device)
        if not _works_on_tensors(kernel):
            host = self.get(X)
            values = np.empty(tuple(out.shape), host.dtype)
            kernel._fill(host, None if Z is None else self.get(Z), values, None)
            return out.copy_(torch.from_numpy(values))
        profile = kernel._profile(np.dtype(str(X.dtype).removeprefix("torch.")))
        with full_precision():
            for rows in _slices(len(X), _ROWS):
                tile = out[rows]
                _square_distances(X[rows], X if Z is None else Z, tile)
                profile(tile)
        if Z is None:  # a product need not round (i, j) and (j, i) alike
            for rows in _slices(len(X), _ROWS):
                out[rows.stop :, rows] = out[rows, rows.stop :].T
                square = out[rows, rows]
                square.copy_(torch.triu(square) + torch.triu(square, 1).T)
        return out

    def times(self, block: Tensor, A: NDArray) -> NDArray:
        with full_precision():
            return self.get(block @ self.put(A))

    def transposed_times(self, block: Tensor, A: NDArray) -> NDArray:
        with full_precision():
            return self.get(block.T @ self.put(A))

    def factor(self, kernel: Kernel, X: Tensor, shift: float) -> Tensor:
        import torch

        from fearless.linalg import NotPositiveDefiniteError

        K = self.kernel_block(kernel, X)
        K.diagonal().add_(shift)
        with full_precision():
            # Column-major, and its own output: no second matrix.
            info = torch.empty((), dtype=torch.int32, device=K.device)
            factor, info = torch.linalg.cholesky_ex(K.T, out=(K.T, info))
        if int(info) > 0:
            raise NotPositiveDefiniteError(
                f"Cholesky factorisation failed at pivot {int(info)} of {len(K)}: the matrix is "
                f"not positive definite to {str(K.dtype).removeprefix('torch.')} precision"
            )
        return factor

    def solve(self, factor: Tensor, B: NDArray) -> NDArray:
        import torch

        right = self.put(np.asarray(B, str(factor.dtype).removeprefix("torch.")))
        with full_precision():
            return self.get(torch.cholesky_solve(right, factor))

    def room(self) -> int:
        import torch

        if self.device.type != "cuda":
            return 0
        return int(_SHARE * torch.cuda.mem_get_info(self.device)[0])


def get_backend(name: str | None) -> NumpyBackend | TorchBackend:
    """Return the backend of a name.

    Parameters
    ----------
    name : str or None
        None or "cpu" for NumPy; "torch" for torch on the CPU; otherwise a device of torch.

    Returns
    -------
    NumpyBackend or TorchBackend

    Raises
    ------
    ValueError
        The name is none of these, or there is no such device.
    """
    if name in (None, "cpu"):
        return NumpyBackend()
    if not isinstance(name, str):
        raise TypeError(f"backend is {name!r}; expected None or a string")
    if name == "torch":
        return TorchBackend("cpu")
    if name.split(":")[0] not in ("cuda", "mps", "xpu"):
        raise ValueError(f"backend is {name!r}; expected None, 'cpu', 'torch' or 'cuda'")
    return TorchBackend(name)


@contextmanager
def full_precision() -> Iterator[None]:
    """Switch TF32 off, whatever the caller has set for products of his own."""
    import torch

    before = torch.get_float32_matmul_precision()
    if before == "highest":
        yield
        return
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _works_on_tensors(kernel: Kernel) -> bool:
    """Whether a kernel is a profile of the distance, and one that torch can compute."""
    plain = isinstance(kernel, IsotropicKernel) and type(kernel)._fill is IsotropicKernel._fill
    return plain and kernel.on_tensors


def _square_distances(X: Tensor, Z: Tensor, out: Tensor) -> None:
    """Write squared distances to out, close pairs from differences: see fearless._distances."""
    import torch

    if X.shape[1] <= FEW_DIMENSIONS:
        out.zero_()
        for x, z in zip(X.T, Z.T, strict=True):
            difference = x[:, None] - z
            out.addcmul_(difference, difference)
        return
    origin = Z.mean(dim=0)
    left, right = X - origin, Z - origin
    norms = (left * left).sum(1)[:, None] + (right * right).sum(1)
    if not bool((norms < torch.finfo(X.dtype).max / 8).all()):
        raise ValueError(
            f"X or Z contains values up to {float(max(X.abs().max(), Z.abs().max())):.3g}, whose "
            f"squared norm overflows {str(X.dtype).removeprefix('torch.')}; expected smaller "
            "numbers: rescale the data"
        )
    torch.matmul(left, right.T, out=out)
    out.mul_(-2).add_(norms)
    close = CLOSE[np.dtype(str(X.dtype).removeprefix("torch."))]
    i, j = torch.nonzero(out < norms.mul_(close), as_tuple=True)
    for part in _slices(len(i), _PAIRS):
        difference = X[i[part]] - Z[j[part]]
        out[i[part], j[part]] = (difference * difference).sum(1)


def _slices(stop: int, size: int) -> Iterator[slice]:
    for start in range(0, stop, size):
        yield slice(start, min(start + size, stop))
