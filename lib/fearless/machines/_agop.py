r"""The average gradient outer product of a kernel machine, without forming a single gradient.

For f_c(x) = sum_j a_jc phi(||x - z_j||^2) the gradient is a weighted sum of differences,

    grad f_c(x) = sum_j W(x, z_j) a_jc (x - z_j),    W = 2 phi'(||x - z_j||^2),

and the matrix wanted is the mean over points x_i of sum_c grad f_c grad f_c^T.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._distances import fill_from_squared_distances
from fearless._validation import (
    RandomState,
    as_generator,
    check_matrix,
    check_option,
    check_targets,
)
from fearless.kernels import GaussianKernel, IsotropicKernel, LaplacianKernel
from fearless.kernels.matern import MaternKernel

__all__ = ["average_gradient_outer_product", "slope"]

# Rows of W handled at once: a matrix product of this many rows runs at full speed.
_BLOCK = 1024


def average_gradient_outer_product(
    kernel: IsotropicKernel,
    centers: ArrayLike,
    coef: ArrayLike,
    points: ArrayLike | None = None,
    *,
    outputs: str = "exact",
    diagonal: bool = False,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    r"""Compute the average gradient outer product (AGOP) of f = sum_j a_j K(z_j, .).

    .. math::
        \frac1m \sum_{i=1}^m \sum_c \nabla f_c(x_i) \, \nabla f_c(x_i)^\top .

    Parameters
    ----------
    kernel : LaplacianKernel, GaussianKernel or MaternKernel
        K, as a function of the distance; Matern kernels of smoothness 1/2 or above 1.
    centers : array-like of shape (n, d)
        The points z_j.
    coef : array-like of shape (n,) or (n, k)
        The coefficients a_jc of k outputs.
    points : array-like of shape (m, d), optional
        Where the gradients are taken; None means at the centers.
    outputs : {"exact", "signs"}
        Sum over the outputs, or replace it at each point by one random combination,
        sum_c e_c grad f_c with independent fair signs e_c: right in the mean, since
        E g g^T = sum_c grad f_c grad f_c^T, and k times cheaper. The same for one output.
    diagonal : bool
        Compute the diagonal only, as a vector.
    random_state : None, int or numpy.random.Generator
        The source of the signs.

    Returns
    -------
    ndarray of shape (d, d) or (d,), float64
        Symmetric and positive semi-definite, up to rounding in the precision of ``centers``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described; the kernel has no gradient in closed form.

    Notes
    -----
    A kernel with a kink at zero (the Laplacian) has no gradient at its own center; that term is
    left out.

    Cost, in floating-point operations: "signs" 2 m n d. "exact" takes the cheaper of two ways. One
    product for each output makes 2 m n d k. The other way never looks at one output alone. Write
    u = W a; then the sum over points and outputs is

    .. math:: X^\top \mathrm{diag}(|u_i|^2) X - X^\top (W \circ u a^\top) Z
              - Z^\top (W \circ u a^\top)^\top X + Z^\top (W^\top W \circ a a^\top) Z

    with entrywise products, whose cost m n^2 + 2 m n d + n^2 d does not grow with k: it wins where
    n < 2 d k. Its rounding errors are relative to the terms: where gradients are small because
    terms cancel, it loses twice as many digits. Memory: one array of m n numbers for it, else
    blocks of 1,024 rows. Used in the section "Beyond the kernel regime".

    References
    ----------
    A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin (2024), Mechanism for feature learning in
    neural networks and backpropagation-free machine learning models, Science 383.

    Examples
    --------
    >>> from fearless.kernels import GaussianKernel
    >>> K = GaussianKernel(100.0)  # nearly linear: K(z, x) - K(-z, x) is about 2 <z, x> / 100^2
    >>> agop = average_gradient_outer_product(K, [[3.0, 4.0], [-3.0, -4.0]], [5000.0, -5000.0])
    >>> agop.round(1) + 0.0
    array([[ 8.9, 11.9],
           [11.9, 15.8]])
    """
    Z = check_matrix(centers, "centers")
    a = check_targets(coef, "coef", n_rows=len(Z)).reshape(len(Z), -1).astype(Z.dtype, copy=False)
    X = None
    if points is not None:
        X = check_matrix(points, "points", n_columns=Z.shape[1]).astype(Z.dtype, copy=False)
    check_option(outputs, "outputs", ("exact", "signs"))
    fill = slope(kernel, Z.dtype)
    # Gradients do not change under translations, and rounding errors are least around the mean.
    mean = Z.mean(axis=0, dtype=np.float64).astype(Z.dtype)
    Z = Z - mean
    X = Z if X is None else X - mean
    (m, d), (n, k) = X.shape, a.shape
    if outputs == "exact" and k > 1 and m * n + (2 * m + n) * d < 2 * m * d * k:
        total = _all_outputs_at_once(fill, X, Z, a, diagonal)
    else:
        rng = as_generator(random_state) if outputs == "signs" and k > 1 else None
        total = _one_by_one(fill, X, Z, a, diagonal, rng)
    return total / m


def slope(kernel: IsotropicKernel, dtype: np.dtype) -> Callable[[NDArray], None]:
    """Return the function that maps squared distances s to 2 phi'(s) in place, K = phi(s).

    Parameters
    ----------
    kernel : LaplacianKernel, GaussianKernel or MaternKernel
        The kernel phi.
    dtype : float32 or float64
        Of the arrays.

    Returns
    -------
    callable
        Where the slope is infinite, at distance 0 of a kernel with a kink, it gives 0.

    Raises
    ------
    TypeError, ValueError
        No closed form is known for the kernel.
    """
    if isinstance(kernel, MaternKernel):
        if kernel.smoothness == 0.5:
            kernel = LaplacianKernel(kernel.bandwidth)
        elif kernel.smoothness == math.inf:
            kernel = GaussianKernel(kernel.bandwidth)
        elif kernel.smoothness > 1:
            # M_nu'(t) / t = - M_{nu-1}(t) / (2 (nu - 1)), at t = r (2 nu)^(1/2) / s.
            nu, s = kernel.smoothness, kernel.bandwidth
            rougher = MaternKernel(s * math.sqrt((nu - 1) / nu), nu - 1)
            return _scaled(rougher, -nu / (nu - 1) / s**2, dtype)
        else:
            raise ValueError(
                f"kernel is {kernel}, whose gradient is unbounded; expected smoothness 1/2 or more "
                "than 1"
            )
    if isinstance(kernel, GaussianKernel):
        return _scaled(kernel, -1 / kernel.bandwidth**2, dtype)
    if isinstance(kernel, LaplacianKernel):
        rate = dtype.type(-1 / kernel.bandwidth)

        def laplacian_slope(squared: NDArray) -> None:
            distance = np.sqrt(squared)
            np.multiply(distance, rate, out=squared)
            np.exp(squared, out=squared)
            squared *= rate
            np.divide(squared, distance, out=squared, where=distance > 0)
            np.copyto(squared, 0, where=distance == 0)

        return laplacian_slope
    raise TypeError(
        f"kernel is {kernel!r}; expected a LaplacianKernel, GaussianKernel or MaternKernel"
    )


def _scaled(kernel: IsotropicKernel, factor: float, dtype: np.dtype) -> Callable[[NDArray], None]:
    profile, factor = kernel._profile(dtype), dtype.type(factor)

    def scaled(squared: NDArray) -> None:
        profile(squared)
        squared *= factor

    return scaled


def _one_by_one(
    fill: Callable[[NDArray], None],
    X: NDArray,
    Z: NDArray,
    a: NDArray,
    diagonal: bool,
    rng: np.random.Generator | None,
) -> NDArray[np.float64]:
    """Sum over blocks of points and over outputs, or over one random mixture of them."""
    d = Z.shape[1]
    total = np.zeros(d if diagonal else (d, d))
    for start in range(0, len(X), _BLOCK):
        rows = X[start : start + _BLOCK]
        W = np.empty((len(rows), len(Z)), Z.dtype)
        fill_from_squared_distances(rows, Z, W, fill)
        if X is Z:
            np.fill_diagonal(W[:, start:], 0)  # these terms cancel, but not to the last digit
        if rng is not None:
            signs = rng.integers(2, size=(len(rows), a.shape[1])).astype(Z.dtype)
            W *= (2 * signs - 1) @ a.T
            _add(total, rows * W.sum(axis=1)[:, None] - W @ Z, diagonal)
            continue
        u = W @ a
        for c in range(a.shape[1]):
            _add(total, rows * u[:, c, None] - W @ (a[:, c, None] * Z), diagonal)
    return total


def _add(total: NDArray[np.float64], gradients: NDArray, diagonal: bool) -> None:
    if diagonal:
        total += np.einsum("ij,ij->j", gradients, gradients)
    else:
        total += gradients.T @ gradients  # NumPy sees the symmetry: half of the operations


def _all_outputs_at_once(
    fill: Callable[[NDArray], None], X: NDArray, Z: NDArray, a: NDArray, diagonal: bool
) -> NDArray[np.float64]:
    """The formula in the Notes: one symmetric product W^T W, in blocks of its columns."""
    n, d = Z.shape
    W = np.empty((len(X), n), Z.dtype)
    fill_from_squared_distances(X, None if X is Z else Z, W, fill)
    if X is Z:
        np.fill_diagonal(W, 0)  # these terms cancel, but not to the last digit
    u = W @ a
    total = np.zeros(d if diagonal else (d, d))
    own = np.einsum("ic,ic->i", u, u)[:, None] * X
    for start in range(0, n, _BLOCK):
        columns = slice(start, min(start + _BLOCK, n))
        # Below the diagonal block each entry stands for two.
        block = W[:, columns].T @ W[:, start:]
        block *= a[columns] @ a[start:].T
        block[:, columns.stop - start :] *= 2
        _add_form(total, Z[columns], block @ Z[start:], diagonal)
        cross = u @ a[columns].T
        cross *= W[:, columns]
        own -= 2 * (cross @ Z[columns])
    _add_form(total, X, own, diagonal)
    return total if diagonal else (total + total.T) / 2


def _add_form(total: NDArray[np.float64], left: NDArray, right: NDArray, diagonal: bool) -> None:
    """Add left^T right, or its diagonal."""
    total += np.einsum("ij,ij->j", left, right) if diagonal else left.T @ right
