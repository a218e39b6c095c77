"""Preconditioners of kernel systems: the matrix seen from a few of its columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, eigh

from fearless._validation import RandomState, as_generator, check_int, check_option
from fearless.linalg import (
    NotPositiveDefiniteError,
    cholesky_in_place,
    cholesky_solve,
    gram_update,
)
from fearless.solvers._pivots import greedy_pivots, random_pivots
from fearless.solvers.system import KernelSystem

__all__ = ["PIVOT_RULES", "LowRankPreconditioner", "default_rank", "low_rank_preconditioner"]

#: How the columns are chosen.
PIVOT_RULES = ("nystrom", "rpcholesky", "greedy")

# The remaining diagonal is lifted to this share of its mean: it is zero at the chosen points, but
# the matrix there is approximated only as well as elsewhere.
_FLOOR = 0.1

# The diagonal is at least so many eps times the largest eigenvalue: the Woodbury identity loses the
# rest of P^-1 R to cancellation.
_CANCELLATION = 10

# Rows whose kernel values and scaled copies are handled at once.
_BLOCK_ROWS = 1024
_BLOCK_COLUMNS = 256


class LowRankPreconditioner:
    r"""Approximate K + reg I by a matrix of low rank plus a diagonal, and apply the inverse.

    .. math::
        P = F F^\top + D, \qquad F F^\top = K_{XS} K_{SS}^{-1} K_{SX}, \qquad
        D = \lambda I + \operatorname{diag}(K - F F^\top),

    for r chosen points S (the pivots). F F^T captures the large eigenvalues, whose number is what
    conjugate gradients pay for; the diagonal gives P the same trace as K + reg I, hence the right
    scale for the small ones. Made by `low_rank_preconditioner`.

    Parameters
    ----------
    factor : ndarray of shape (n, r), Fortran-contiguous
        F. Overwritten.
    shift : ndarray of shape (n,)
        The diagonal D > 0.
    pivots : ndarray of int, shape (r,)
        The chosen points.
    rule : str
        How they were chosen.

    Attributes
    ----------
    pivots, shift, rule
        As given.
    rank : int
        The number r of columns.

    Notes
    -----
    Applying costs 4 n r k operations, O(n r) numbers of memory. The same matrix is
    known as the FITC approximation of Gaussian processes; at the chosen points D is lifted to a
    tenth of its mean. Used in the section "Solving a million equations fast".

    References
    ----------
    Z. Frangella, J. A. Tropp, M. Udell (2023), Randomized Nystrom preconditioning, SIAM Journal on
    Matrix Analysis and Applications 44. E. Snelson, Z. Ghahramani (2006), Sparse Gaussian processes
    using pseudo-inputs, NeurIPS 18.
    """

    def __init__(self, factor: NDArray, shift: NDArray, pivots: NDArray, rule: str) -> None:
        self.pivots, self.shift, self.rule = pivots, shift, rule
        self.rank = factor.shape[1]
        # P = D^1/2 (G G^T + I) D^1/2 with G = D^-1/2 F, inverted by the Woodbury identity.
        self._root = (1 / np.sqrt(shift)).astype(factor.dtype)
        self._scaled = factor
        self._scaled *= self._root[:, None]
        core = np.zeros((self.rank, self.rank), order="F")
        # In float64: the identity is small beside the rounding errors of the product in float32.
        for start in range(0, len(factor), _BLOCK_ROWS):
            gram_update(core, self._scaled[start : start + _BLOCK_ROWS].astype(np.float64))
        core.flat[:: self.rank + 1] += 1
        self._core = cholesky_in_place(core)

    @staticmethod
    def memory(n: int, rank: int, dtype: np.dtype) -> int:
        """Return the bytes that a preconditioner takes, while it is made too.

        Parameters
        ----------
        n, rank : int
            Samples and columns.
        dtype : dtype
            That of the system.

        Returns
        -------
        int
        """
        block = min(n, _BLOCK_ROWS) * rank * (2 * 8 + dtype.itemsize)
        return n * rank * dtype.itemsize + 3 * 8 * rank**2 + block + 4 * 8 * n

    def apply(self, R: NDArray) -> NDArray:
        """Return P^{-1} R.

        Parameters
        ----------
        R : ndarray of shape (n, k)

        Returns
        -------
        ndarray of shape (n, k)
            A new array.
        """
        if len(R) != len(self._root):
            raise ValueError(
                f"R has {len(R)} rows; expected {len(self._root)}, the samples of the system that "
                "the preconditioner was made for"
            )
        result = R * self._root[:, None]
        inner = cholesky_solve(self._core, (self._scaled.T @ result).astype(np.float64))
        result -= self._scaled @ inner.astype(result.dtype)
        result *= self._root[:, None]
        return result

    def matrix(self) -> NDArray[np.float64]:
        """Return P itself, dense: for small n.

        Returns
        -------
        ndarray of shape (n, n)
        """
        scaled = self._scaled.astype(np.float64)
        root = np.sqrt(self.shift.astype(np.float64))
        P = scaled @ scaled.T
        P.flat[:: len(P) + 1] += 1
        return root[:, None] * P * root

    def eigenvalues(self, system: KernelSystem) -> NDArray[np.float64]:
        """Compute the spectrum of P^{-1} (K + reg I), densely: O(n^3), for small n.

        Parameters
        ----------
        system : KernelSystem
            The system that the preconditioner was made for.

        Returns
        -------
        ndarray of shape (n,)
            In descending order, real and positive. Their sum is n times the mean of the ratio of
            what remains to D, close to n.
        """
        K = np.array(system.block(slice(None), slice(None)), dtype=np.float64)
        K.flat[:: len(K) + 1] += system.reg
        return eigh(K, self.matrix(), eigvals_only=True)[::-1]

    def condition(self, system: KernelSystem) -> float:
        """Compute the condition number of P^{-1} (K + reg I), densely: O(n^3), for small n.

        Parameters
        ----------
        system : KernelSystem
            The system that the preconditioner was made for.

        Returns
        -------
        float
        """
        values = self.eigenvalues(system)
        return float(values[0] / values[-1]) if values[-1] > 0 else np.inf


def default_rank(n: int, n_features: int, *, stored: bool) -> int:
    """Return how many columns make a good preconditioner.

    Parameters
    ----------
    n, n_features : int
        The shape of X.
    stored : bool
        Whether the kernel matrix is kept.

    Returns
    -------
    int
        About n / 20: the preconditioner then costs as much as two or three products with the
        stored matrix. Twice that where each product computes the kernel anew, which is dearer.
    """
    few = min(n, 32)
    share = n // 20 if stored or n_features < 32 else n // 10
    return int(min(max(share, few), 2000))


def low_rank_preconditioner(
    system: KernelSystem,
    rank: int | None = None,
    *,
    pivots: str | NDArray = "nystrom",
    random_state: RandomState = None,
) -> LowRankPreconditioner:
    r"""Build the preconditioner F F^T + D of a kernel system from a few columns of K.

    Parameters
    ----------
    system : KernelSystem
        The system (K + reg I) alpha = Y; Y plays no role.
    rank : int, optional
        How many columns; by default `default_rank`.
    pivots : {"nystrom", "rpcholesky", "greedy"} or ndarray of int
        Which columns: a uniform random subsample; the randomly pivoted Cholesky factorisation,
        which draws each next pivot in proportion to what remains of the diagonal, and spends fewer
        columns on points that have many neighbours; the classical pivoted Cholesky factorisation,
        which takes the largest remaining entry; or the given ones.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    LowRankPreconditioner

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    NotPositiveDefiniteError
        The kernel is indefinite on the chosen points.

    Notes
    -----
    Cost O(n r d + n r^2); greedy pivots are chosen one at a time, at the speed of memory.
    For kernels of constant diagonal a uniform subsample is as good on homogeneous data; randomly
    chosen pivots help where few points are far from all others. Greedy pivots collect outliers:
    they are here for comparison. Used in the section "Solving a million equations fast".

    References
    ----------
    Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber (2024), Randomly pivoted Cholesky,
    Communications on Pure and Applied Mathematics.

    Examples
    --------
    >>> from fearless.kernels import GaussianKernel
    >>> X = np.linspace(0, 1, 100)[:, None]
    >>> system = KernelSystem(GaussianKernel(0.2), X, X, reg=1e-3)
    >>> preconditioner = low_rank_preconditioner(system, 20, random_state=0)
    >>> bool(np.linalg.cond(system.kernel(X)) > 1e6), preconditioner.condition(system) < 1.1
    (True, True)
    """
    n = system.n_samples
    if rank is None:
        rank = default_rank(n, system.X.shape[1], stored=system.stored)
    rank = check_int(rank, "rank", maximum=n)
    if isinstance(pivots, str):
        rule = check_option(pivots, "pivots", PIVOT_RULES)
    else:
        rule, index = "given", _check_pivots(pivots, n)
    if rule == "nystrom":
        index = as_generator(random_state).choice(n, rank, replace=False)
    elif rule == "rpcholesky":
        index = random_pivots(system, rank, as_generator(random_state))
    elif rule == "greedy":
        index = greedy_pivots(system, rank)
    if len(index) == 0:  # K is zero
        index = np.zeros(1, np.intp)
    factor = _nystrom_factor(system, index)
    remaining = system.diagonal().astype(np.float64)
    total = float(remaining.sum())
    if not (total > 0 or system.reg > 0):
        raise NotPositiveDefiniteError(
            "the diagonal of the kernel matrix is zero; expected a positive definite kernel, or "
            "reg > 0"
        )
    for start in range(0, n, _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        remaining[rows] -= np.square(factor[rows], dtype=np.float64).sum(axis=1)
    eps = float(np.finfo(system.dtype).eps)
    if remaining.min() < -np.sqrt(eps) * total / n:
        raise NotPositiveDefiniteError(
            "the kernel is indefinite: its matrix minus the part explained by "
            f"{len(index)} columns has a negative diagonal ({remaining.min():.1e}); expected a "
            "positive semi-definite kernel"
        )
    np.maximum(remaining, 0, out=remaining)
    captured = total - float(remaining.sum())
    # The largest eigenvalue is at most the trace captured.
    lost = _CANCELLATION * eps * captured - system.reg
    floor = max(_FLOOR * float(remaining.mean()), lost)
    shift = system.reg + np.maximum(remaining, floor)
    if not shift.min() > 0:
        shift += eps * total / n
    return LowRankPreconditioner(factor, shift, index, rule)


def _nystrom_factor(system: KernelSystem, index: NDArray) -> NDArray:
    """Return F with F F^T = K_XS (K_SS + nu I)^{-1} K_SX, nu the least that can be factorised."""
    r = len(index)
    factor = np.empty((system.n_samples, r), system.dtype, order="F")
    for start in range(0, r, _BLOCK_COLUMNS):  # rows of K, which is symmetric: contiguous memory
        part = slice(start, start + _BLOCK_COLUMNS)
        system.block(index[part], slice(None), out=factor.T[part])
    core = np.array(factor[index], order="F")
    if not core.any():  # points at which every function of the space is zero
        return factor
    diagonal = core.diagonal().copy()
    size = float(diagonal.mean(dtype=np.float64))
    jitter = r * float(np.finfo(system.dtype).eps) * size
    while True:
        attempt = core.copy(order="F")
        np.fill_diagonal(attempt, diagonal + system.dtype.type(jitter))
        try:
            attempt = cholesky_in_place(attempt)
            break
        except NotPositiveDefiniteError:
            if jitter > 0.01 * size:
                raise NotPositiveDefiniteError(
                    f"the kernel matrix of {r} of the points has negative eigenvalues far beyond "
                    "rounding errors; expected a positive semi-definite kernel"
                ) from None
            jitter *= 10
    trsm = blas.strsm if system.dtype == np.float32 else blas.dtrsm
    return trsm(1.0, attempt, factor, side=1, lower=1, trans_a=1, overwrite_b=1)


def _check_pivots(pivots: NDArray, n: int) -> NDArray[np.intp]:
    index = np.asarray(pivots)
    if index.ndim != 1 or index.dtype.kind not in "iu" or index.size == 0:
        raise ValueError(
            f"pivots has shape {index.shape} and dtype {index.dtype}; expected a vector of integers"
        )
    if index.min() < 0 or index.max() >= n or len(np.unique(index)) < len(index):
        raise ValueError(f"pivots must be distinct integers from 0 to {n - 1}")
    return index.astype(np.intp)
