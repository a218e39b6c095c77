"""The two kernels of infinitely wide networks: of their outputs, and of their training."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._distances import DEFAULT_BLOCK, MANY_ENTRIES
from fearless._parallel import run_all
from fearless._validation import check_int, check_option, check_positive
from fearless.kernels._angles import Angles
from fearless.kernels._directions import lengths
from fearless.kernels._layers import N_BUFFERS, ErfLayers, Layers, ReLULayers
from fearless.kernels.base import Kernel

__all__ = ["InfiniteWidthKernel", "NNGPKernel", "NTKernel"]

_LAYERS = {"relu": ReLULayers, "erf": ErfLayers}
_STRIP_BYTES = 2**17  # of each of the arrays that a layer works in: together in the L2 cache


@dataclass(frozen=True)
class InfiniteWidthKernel(Kernel):
    """Evaluate the recursion over layers that the kernels of infinitely wide networks share.

    Parameters
    ----------
    depth : int
        The number L >= 1 of hidden layers.
    activation : {"relu", "erf"}
        The function phi: max(h, 0), or the error function.
    w_std : float
        The factor sigma_w > 0 of the weights, in all layers.
    b_std : float
        The factor sigma_b >= 0 of the biases.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described; when it is called, also points so far from 0, or factors
        so large, that the kernel overflows.
    """

    depth: int = 1
    activation: str = "relu"
    w_std: float = 2**0.5
    b_std: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", check_int(self.depth, "depth"))
        check_option(self.activation, "activation", tuple(_LAYERS))
        object.__setattr__(self, "w_std", check_positive(self.w_std, "w_std"))
        object.__setattr__(self, "b_std", check_positive(self.b_std, "b_std", allow_zero=True))

    def kernel_and_ntk(
        self, X: ArrayLike, Z: ArrayLike | None = None, *, block_size: int | None = None
    ) -> tuple[NDArray, NDArray]:
        """Compute both kernels in one pass through the layers.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row. float32 stays float32; everything else is computed in float64.
        Z : array-like of shape (m, d), optional
            Other points. None means X itself.
        block_size : int, optional
            Edge of the tiles that the matrices are computed in.

        Returns
        -------
        nngp, ntk : ndarray of shape (n, m)
            What :class:`NNGPKernel` and :class:`NTKernel` with these parameters give.

        Raises
        ------
        TypeError, ValueError
            As when the kernel is called.
        """
        pair = _Pair(self)
        ntk = pair(X, Z, block_size=block_size)
        return pair.nngp, ntk

    def _layers(self, lengths: NDArray, n_dims: int) -> Layers:
        return _LAYERS[self.activation](lengths, n_dims, self.depth, self.w_std, self.b_std)

    def _fill_both(
        self,
        X: NDArray,
        Z: NDArray | None,
        nngp: NDArray | None,
        ntk: NDArray | None,
        block_size: int | None,
    ) -> None:
        """Write the kernels that are asked for, tile by tile; of K(X) the upper half only."""
        size = DEFAULT_BLOCK if block_size is None else block_size
        symmetric = Z is None
        if Z is None:
            Z = X
        tiles = _Tiles(self, X, Z, size, ntk is not None)

        def fill(rows: slice, columns: slice) -> None:
            values = tiles.compute(rows, columns)
            for kernel, value in zip((nngp, ntk), values, strict=True):
                if kernel is not None:
                    kernel[rows, columns] = value
                    if symmetric and rows != columns:
                        kernel[columns, rows] = value.T

        pieces = [
            (slice(i, min(i + size, len(X))), slice(j, min(j + size, len(Z))))
            for j in range(0, len(Z), size)
            for i in range(0, j + 1 if symmetric else len(X), size)
        ]
        run_all(fill, pieces, threads=len(X) * len(Z) >= MANY_ENTRIES)

    def _diag_both(self, X: NDArray) -> tuple[NDArray, NDArray]:
        over = self._checked_layers(lengths(X), X.shape[1])
        nngp, ntk = np.zeros((2, len(X)), X.dtype)
        over.fill(over, nngp, None, ntk, list(np.empty((N_BUFFERS, len(X)), X.dtype)))
        return nngp, ntk

    def _checked_layers(self, lengths: NDArray, n_dims: int) -> Layers:
        layers = self._layers(lengths, n_dims)
        if not max(layers.bound(), float(lengths.max())) < float(np.finfo(lengths.dtype).max):
            raise ValueError(
                f"X or Z contains points of length {lengths.max():.3g}, where {self} overflows "
                f"{lengths.dtype}; expected shorter ones, or smaller factors: rescale the data"
            )
        return layers


@dataclass(frozen=True)
class NNGPKernel(InfiniteWidthKernel):
    r"""Compute the covariance of the outputs of an infinitely wide network.

    With all weights and biases standard normal, ``h^{l+1} = w_std / sqrt(m) W phi(h^l) + b_std b``,
    as in :class:`fearless.networks.FullyConnected`, the output is a Gaussian process in the limit
    of large width m. Its covariance after L hidden layers is

    .. math::
        K^{(0)}(x, z) = \sigma_w^2 \frac{\langle x, z \rangle}{d} + \sigma_b^2 , \qquad
        K^{(l)}(x, z) = \sigma_w^2 \, \E \, \varphi(u) \varphi(v) + \sigma_b^2 , \quad
        (u, v) \sim N(0, \text{the values of } K^{(l-1)} \text{ at } x, z) .

    Parameters
    ----------
    depth : int
        The number L >= 1 of hidden layers.
    activation : {"relu", "erf"}
        The function phi: max(h, 0), or the error function of ``math.erf``.
    w_std : float
        The factor sigma_w > 0 of the weights, in all layers, input and output layer included. The
        default, sqrt(2), keeps K(x, x) = 2 ||x||^2 / d over the layers of a ReLU network.
    b_std : float
        The factor sigma_b >= 0 of the biases, in all layers.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described; when it is called, also points so far from 0, or factors
        so large, that the kernel overflows.

    Notes
    -----
    Cost O(n m (d + depth)), half of that for ``K(X)``. The angle of two points is carried through
    the layers by its haversine, so that values are exact to about 1e-14 of sqrt(K(x, x) K(z, z))
    in float64 however near the points are; for erf to about (1 + w_std^2 + b_std^2) 1e-15. Used in
    the section "Infinitely wide networks are kernels".

    References
    ----------
    R. M. Neal (1996), Bayesian learning for neural networks, Springer.

    Y. Cho, L. Saul (2009), Kernel methods for deep learning, NeurIPS.

    J. Lee, Y. Bahri, R. Novak, S. Schoenholz, J. Pennington, J. Sohl-Dickstein (2018), Deep neural
    networks as Gaussian processes, ICLR.

    Examples
    --------
    >>> K = NNGPKernel(depth=2)
    >>> K([[1.0, 0.0], [0.0, 1.0]]).round(4)
    array([[1.    , 0.4937],
           [0.4937, 1.    ]])
    """

    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        self._fill_both(X, Z, out, None, block_size)

    def _diag(self, X: NDArray) -> NDArray:
        return self._diag_both(X)[0]


@dataclass(frozen=True)
class NTKernel(InfiniteWidthKernel):
    r"""Compute the tangent kernel of an infinitely wide network.

    It is the limit of ``<df(x) / dw, df(z) / dw>`` over all weights w of the network, see
    :func:`fearless.networks.empirical_tangent_kernel`: with the K of :class:`NNGPKernel`

    .. math::
        \Theta^{(0)} = K^{(0)} , \qquad
        \Theta^{(l)}(x, z) = K^{(l)}(x, z)
        + \sigma_w^2 \, \E \, \varphi'(u) \varphi'(v) \; \Theta^{(l-1)}(x, z) .

    Trained by gradient descent on the square loss to the end, the mean of such networks is the
    kernel machine that interpolates the data with this kernel.

    Parameters
    ----------
    depth : int
        The number L >= 1 of hidden layers.
    activation : {"relu", "erf"}
        The function phi: max(h, 0), or the error function of ``math.erf``.
    w_std : float
        The factor sigma_w > 0 of the weights, in all layers, input and output layer included.
    b_std : float
        The factor sigma_b >= 0 of the biases, in all layers.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described; when it is called, also points so far from 0, or factors
        so large, that the kernel overflows.

    Notes
    -----
    Cost O(n m (d + depth)), half of that for ``K(X)``; :meth:`kernel_and_ntk` gives the NNGP kernel
    in the same pass. Exact to about 1e-14 of sqrt(K(x, x) K(z, z)) in float64 however near two
    points are, where the recursion with the arc cosine is wrong by up to 1e-8. Used in the section
    "Infinitely wide networks are kernels".

    References
    ----------
    A. Jacot, F. Gabriel, C. Hongler (2018), Neural tangent kernel: convergence and generalization
    in neural networks, NeurIPS.

    Examples
    --------
    >>> K = NTKernel(depth=2)
    >>> K([[1.0, 0.0], [0.0, 1.0]]).round(4)
    array([[3.    , 0.6857],
           [0.6857, 3.    ]])
    """

    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        self._fill_both(X, Z, None, out, block_size)

    def _diag(self, X: NDArray) -> NDArray:
        return self._diag_both(X)[1]


class _Pair(Kernel):
    """Fill the result with the tangent kernel and keep the other one: Kernel checks arguments."""

    nngp: NDArray

    def __init__(self, kernel: InfiniteWidthKernel) -> None:
        self.kernel = kernel

    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        self.nngp = np.empty_like(out)
        self.kernel._fill_both(X, Z, self.nngp, out, block_size)

    def _diag(self, X: NDArray) -> NDArray:
        return self.kernel._diag_both(X)[1]


class _Tiles:
    """Compute tiles, in buffers that every thread allocates once."""

    def __init__(
        self, kernel: InfiniteWidthKernel, X: NDArray, Z: NDArray, size: int, with_ntk: bool
    ) -> None:
        self.kernel, self.angles, self.n_dims = kernel, Angles(X, Z), X.shape[1]
        self.symmetric = Z is X
        for side in self.angles.lengths:
            kernel._checked_layers(side, self.n_dims)
        self.n_rows, self.n_columns = min(size, len(X)), min(size, len(Z))
        self.strip = min(self.n_rows, max(1, _STRIP_BYTES // (self.n_columns * X.itemsize)))
        self.dtype, self.with_ntk = X.dtype, with_ntk
        self._of_thread = threading.local()

    def _buffers(self) -> tuple[list[NDArray], list[NDArray]]:
        own = self._of_thread
        if not hasattr(own, "values"):
            size, strip = self.n_rows * self.n_columns, self.strip * self.n_columns
            own.values = [np.empty(size, self.dtype) for _ in range(1 + self.with_ntk)]
            own.work = [np.empty(strip, self.dtype) for _ in range(N_BUFFERS)]
        return own.values, own.work

    def compute(self, rows: slice, columns: slice) -> tuple[NDArray, NDArray | None]:
        """Return the NNGP and the tangent kernel, or None, of these rows and columns."""
        n, m = rows.stop - rows.start, columns.stop - columns.start
        tile, buffers = self._buffers()
        h, *rest = [values[: n * m].reshape(n, m) for values in tile]
        ntk = rest[0] if rest else None
        g = self.angles.fill(rows, columns, h)
        lengths_x, lengths_z = self.angles.lengths
        over = self.kernel._layers(lengths_z[columns], self.n_dims)
        for start in range(0, n, self.strip):
            strip = slice(start, min(start + self.strip, n))
            work = [buffer[: (strip.stop - start) * m].reshape(-1, m) for buffer in buffers]
            down = self.kernel._layers(lengths_x[rows][strip, None], self.n_dims)
            down.fill(over, *(a if a is None else a[strip] for a in (h, g, ntk)), work)
        if self.symmetric and rows == columns:  # rounding need not treat (i, j) and (j, i) alike
            lower = np.tri(n, k=-1, dtype=bool)
            for values in filter(lambda kernel: kernel is not None, (h, ntk)):
                np.copyto(values, values.T.copy(), where=lower)
        return h, ntk
