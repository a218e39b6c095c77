"""FALKON: kernel ridge regression on a few centres, by preconditioned conjugate gradients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_option,
)
from fearless.solvers._backend import get_backend
from fearless.solvers._block_cg import block_cg_bytes
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._iterate import iterate, start_from
from fearless.solvers._memory import require_memory
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers._pivots import random_pivots
from fearless.solvers._two_triangles import TwoTriangles
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["falkon_memory", "solve_falkon"]

_CHOICES = ("uniform", "rpcholesky")

# Bytes of a block of kernel values, and its fewest and most rows.
_BLOCK_BYTES = 2**25
_MIN_ROWS, _MAX_ROWS = 32, 4096


def solve_falkon(
    system: KernelSystem,
    *,
    centers: int | NDArray = 1000,
    choice: str = "uniform",
    tol: float = 1e-6,
    max_iter: int = 200,
    start: ArrayLike | None = None,
    store: bool | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
    random_state: RandomState = None,
) -> KernelSolution:
    r"""Fit f = sum_j a_j K(z_j, .) on M centres z_j by the FALKON algorithm.

    .. math::
        \min_a \; \|K_{nM}\, a - Y\|^2 + \lambda\, a^\top K_{MM}\, a , \qquad
        (K_{nM}^\top K_{nM} + \lambda K_{MM})\, a = K_{nM}^\top Y ,

    Nystrom kernel ridge regression: the ridge solution among the functions of M centres. The normal
    equations are solved by conjugate gradients after the change of variables

    .. math::
        a = B \beta, \quad B = n^{-1/2}\, T^{-1} A^{-1}, \qquad
        T^\top T = K_{MM}, \quad A^\top A = T T^\top / M + (\lambda / n)\, I ,

    which would be perfect if the centres were all of the data: the condition number of
    ``B^T (K_nM^T K_nM + lambda K_MM) B`` stays of order one where M and lambda are large enough.

    Parameters
    ----------
    system : KernelSystem
        The data, the kernel and the penalty ``reg`` = lambda, that of scikit-learn; the papers on
        FALKON write lambda / n.
    centers : int or array-like of shape (M, d)
        How many centres to choose among the rows of X, all of them where there are fewer; or the
        centres themselves.
    choice : {"uniform", "rpcholesky"}
        How to choose them: at random, or by randomly pivoted Cholesky, which spends fewer centres
        where the data are dense; that costs O(n M^2) and n M numbers of memory.
    tol : float
        Stop when the residual r of the normal equations is at most tol times that of a = 0, in the
        norm of the preconditioner, (r^T B B^T r)^(1/2).
    max_iter : int
        Stop after so many iterations.
    start : array-like of shape (M,) or (M, k), optional
        Coefficients to start with; default zero.
    store : bool, optional
        Whether to keep K_nM, n M numbers. Default: if ``system.memory`` allows it, or the memory
        of the device.
    callback : callable, optional
        Called with a `Progress` after each iteration; a true answer stops.
    checkpoint : str, path-like or Checkpoint, optional
        Where to keep the state; an interrupted run resumes from there, with the same centres.
    progress : bool
        Draw a line on stderr.
    random_state : None, int or numpy.random.Generator
        The source of randomness for the choice of centres.

    Returns
    -------
    KernelSolution
        With ``centers``. ``details`` has ``dropped``, the number of centres that depend on the
        others and were left out; ``index``, the rows of X that the centres are (empty, if they were
        given); ``train_residual``, the norm of K_nM a - Y over that of Y; ``stored``.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    MemoryError
        ``system.memory`` is too small; the message says what is needed.
    NotPositiveDefiniteError
        The kernel is indefinite on the centres.

    Warns
    -----
    ConvergenceWarning
        max_iter was reached, or rounding errors keep the residual above tol.

    Notes
    -----
    Cost M^2 d + M^3 for the preconditioner and 4 n M k an iteration, plus n M kernel values an
    iteration where K_nM is not stored. Memory M^2 numbers (both triangular factors share a square)
    and a block. With M = n centres it solves (K + reg I) a = Y. For the statistical accuracy of
    kernel ridge regression M of order n^(1/2) log n centres and lambda / n of order n^(-1/2)
    suffice, and O(log n) iterations. At reg = 0 it computes the least squares fit, whose system may
    be badly conditioned. Used in the section "Solving a million equations fast".

    References
    ----------
    A. Rudi, L. Carratino, L. Rosasco (2017), FALKON: an optimal large scale kernel method, NeurIPS.

    Examples
    --------
    >>> from fearless.kernels import GaussianKernel
    >>> X = np.linspace(0, 1, 500)[:, None]
    >>> system = KernelSystem(GaussianKernel(0.2), X, np.sin(9 * X), reg=1e-6)
    >>> solution = solve_falkon(system, centers=15, random_state=0)
    >>> solution.coef.shape, solution.details["train_residual"] < 1e-3
    ((15, 1), True)
    """
    choice = check_option(choice, "choice", _CHOICES)
    n, k, dtype = system.n_samples, system.n_outputs, system.dtype
    if isinstance(centers, np.ndarray | list | tuple):
        given = check_matrix(centers, "centers", n_columns=system.X.shape[1]).astype(dtype)
        M = len(given)
    else:
        given, M = None, min(check_int(centers, "centers"), n)
    monitor = Monitor(
        system,
        "falkon",
        tol=tol,
        max_iter=max_iter,
        settings={
            "centers": M if given is None else given,
            "choice": choice if given is None else "given",
            "store": store,
            "start": "zero" if start is None else np.asarray(start),
        },
        callback=callback,
        checkpoint=checkpoint,
        progress=progress,
    )
    memory = falkon_memory(n, M, system.X.shape[1], k, dtype)
    passes = n * M * dtype.itemsize
    away = system.device is not None and not system.device.on_cpu  # K_nM takes no memory here
    room = system.device.backend.room() if away else system.memory - memory
    keep = store is True or (store is None and passes <= room)
    # The factor that the choice of centres takes is gone when K_nM is stored.
    if (keep and not away) or (choice == "rpcholesky" and given is None):
        memory += passes
    require_memory(
        memory,
        system.memory,
        f"falkon with {M} centres for {n} points in {dtype}" + (" with K_nM stored" * keep),
        "use fewer centres" + (" or store=False" * keep),
    )
    with monitor:
        state = monitor.resume()
        drawn = np.empty(0, np.intp)
        if given is None:
            drawn = _choose(system, M, choice, random_state) if state is None else state["drawn"]
            M, given = len(drawn), np.ascontiguousarray(system.X[drawn])
        factors, kept = TwoTriangles.of_centers(system.kernel, given, n, system.reg)
        system.kernel_values += M * (M + 1) // 2
        chosen = given[kept]
        values = _Values(system, chosen, store=keep)
        problem = _NormalEquations(system, values, factors)

        def started(start: ArrayLike) -> NDArray:
            if np.shape(start)[:1] == (len(chosen),):  # of a solution: dropped centres are gone
                return start_from(start, len(chosen), k, dtype)
            return start_from(start, M, k, dtype)[kept]

        def initial() -> tuple[NDArray, NDArray]:
            if start is None:
                return np.zeros((len(chosen), k), dtype), problem.right.copy()
            a = started(start)
            return factors.from_coefficients(a), problem.residual_of(a)

        run, corrections = iterate(
            monitor,
            problem.operator,
            None,
            initial,
            true_residual=problem.residual,
            relative=problem.relative,
            state=state,
            keep={"drawn": drawn},
            coefficients=factors.to_coefficients,
        )
        coef = factors.to_coefficients(run.coef)
        if monitor.iterations == 0 and start is not None:
            coef = started(start)
        if np.isnan(problem.train_residual):  # there was nothing to do
            problem.residual_of(coef)
        misfit = problem.train_residual
    return monitor.solution(
        coef,
        memory=memory,
        centers=chosen,
        details={
            "index": drawn[kept] if len(drawn) else drawn,
            "dropped": M - len(kept),
            "train_residual": misfit,
            "stored": keep,
            "corrections": corrections,
        },
    )


def falkon_memory(n: int, M: int, n_features: int, k: int, dtype: np.dtype) -> int:
    """Return the bytes that FALKON allocates when K_nM is not stored.

    Parameters
    ----------
    n, M, n_features, k : int
        Samples, centres, dimensions and outputs.
    dtype : dtype
        That of the system.

    Returns
    -------
    int
        One M x M square, two copies of the centres, a block of K_nM and the arrays of conjugate
        gradients.
    """
    size = np.dtype(dtype).itemsize
    block = _block_rows(n, M, size) * (M + 2 * k) * size
    return (M * M + 2 * M * n_features + 4 * M * k) * size + block + block_cg_bytes(M, k, dtype)


def _block_rows(n: int, M: int, itemsize: int) -> int:
    return min(n, int(np.clip(_BLOCK_BYTES // (M * itemsize), _MIN_ROWS, _MAX_ROWS)))


def _choose(system: KernelSystem, M: int, choice: str, random_state: RandomState) -> NDArray:
    rng = as_generator(random_state)
    if choice == "uniform" or system.n_samples == M:
        return rng.choice(system.n_samples, M, replace=False)
    return random_pivots(system, M, rng)


class _Values:
    """K_nM in blocks of rows, stored or computed anew in each pass, where the backend computes."""

    def __init__(self, system: KernelSystem, centers: NDArray, *, store: bool) -> None:
        self.system, self.shape = system, (system.n_samples, len(centers))
        self.backend = get_backend(system.backend)
        self._centers = self.backend.put(centers)
        n, step = system.n_samples, _block_rows(*self.shape, system.dtype.itemsize)
        self._slices = [slice(i, min(i + step, n)) for i in range(0, n, step)]
        self._stored = [self._compute(rows, None) for rows in self._slices] if store else None

    def __iter__(self) -> Iterator[tuple[slice, Any]]:
        block = None
        for i, rows in enumerate(self._slices):
            if self._stored is not None:
                yield rows, self._stored[i]
            else:
                block = self._compute(rows, block)
                yield rows, block

    def _compute(self, rows: slice, out: Any) -> Any:
        points = self.backend.put(self.system.X[rows])
        self.system.kernel_values += len(points) * self.shape[1]
        out = None if out is None else out[: len(points)]
        return self.backend.kernel_block(self.system.kernel, points, self._centers, out)


class _NormalEquations:
    """The operator B^T (K_nM^T K_nM + reg K_MM) B, its right-hand side and its residuals."""

    def __init__(self, system: KernelSystem, values: _Values, factors: TwoTriangles) -> None:
        self.system, self.values, self.factors = system, values, factors
        self.shape = (values.shape[1], system.n_outputs)
        self.train_residual = np.nan
        total = np.zeros(self.shape, system.dtype)
        for rows, block in values:
            total += values.backend.transposed_times(block, system.Y[rows])
        self.right = factors.transposed(total)
        self._norm = _norm(self.right) or 1.0

    def operator(self, beta: NDArray) -> NDArray:
        a, half = self.factors.both(beta)
        a = np.ascontiguousarray(a)  # the order in which BLAS is fast for thin matrices
        total = np.zeros(beta.shape, self.system.dtype)
        backend = self.values.backend
        for _, block in self.values:
            total += backend.transposed_times(block, backend.times(block, a))
        return self.factors.normal(total, half)

    def residual(self, beta: NDArray) -> NDArray:
        return self.residual_of(self.factors.to_coefficients(beta))

    def residual_of(self, a: NDArray) -> NDArray:
        """Return B^T (K_nM^T (Y - K_nM a) - reg K_MM a), in one pass over the data."""
        total = np.zeros(self.shape, self.system.dtype)
        squares, backend = 0.0, self.values.backend
        for rows, block in self.values:
            misfit = self.system.Y[rows] - backend.times(block, a)
            squares += self.system.relative(misfit) ** 2
            total += backend.transposed_times(block, misfit)
        self.train_residual = float(np.sqrt(squares))
        if self.system.reg > 0:
            total -= self.system.dtype.type(self.system.reg) * self.factors.kernel_product(a)
        return self.factors.transposed(total)

    def relative(self, residual: NDArray) -> float:
        return _norm(residual) / self._norm


def _norm(values: NDArray) -> float:
    peak = float(np.abs(values).max())
    if not (np.isfinite(peak) and peak > 0):
        return peak
    return peak * float(np.linalg.norm(values / peak))  # no square overflows
