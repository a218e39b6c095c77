"""Kernel systems by preconditioned block conjugate gradients."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, check_int, check_option
from fearless.solvers._block_cg import block_cg_bytes
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._iterate import iterate, start_from
from fearless.solvers._memory import require_memory
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers._panels import KernelPanels
from fearless.solvers.preconditioners import (
    PIVOT_RULES,
    LowRankPreconditioner,
    default_rank,
    low_rank_preconditioner,
)
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["cg_memory", "cg_rank", "solve_cg"]

# Of the memory allowed, the part that a preconditioner of default rank may take.
_SHARE = 0.25

_NAMES = (*PIVOT_RULES, "none")


def solve_cg(
    system: KernelSystem,
    *,
    preconditioner: str | LowRankPreconditioner | None = "nystrom",
    rank: int | None = None,
    tol: float = 1e-6,
    max_iter: int = 1000,
    start: ArrayLike | None = None,
    store: bool | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
    random_state: RandomState = None,
) -> KernelSolution:
    r"""Solve (K + reg I) alpha = Y by preconditioned block conjugate gradients.

    All outputs share one Krylov space: with k columns the search space grows by k dimensions an
    iteration, for the price of one product K A. For ten classes that halves the iterations of ten
    separate runs; see ``fearless.solvers._block_cg``.

    Parameters
    ----------
    system : KernelSystem
        The problem.
    preconditioner : {"nystrom", "rpcholesky", "greedy", "none"}, object or None
        How the columns of a `low_rank_preconditioner` are chosen; or a preconditioner: an object
        with a method ``apply(R)`` that returns P^{-1} R in a new array. "none" and None: P = I.
    rank : int, optional
        Columns of the preconditioner. Default: `default_rank`, bounded by a quarter of the memory.
    tol : float
        Stop when the Frobenius norm of the residual is at most tol times that of Y.
    max_iter : int
        Stop after so many iterations.
    start : array-like of shape (n,) or (n, k), optional
        Where to start; default zero.
    store : bool, optional
        Whether to keep the kernel matrix. Default: all of it if ``system.memory`` allows, else as
        many of its rows from the diagonal on as fit, half of the matrix being all of it. A device
        keeps what it can by itself: there the default is False.
    callback : callable, optional
        Called with a `Progress` after each iteration; a true answer stops.
    checkpoint : str, path-like or Checkpoint, optional
        Where to keep the state; an interrupted run resumes from there.
    progress : bool
        Draw a line on stderr.
    random_state : None, int or numpy.random.Generator
        The source of randomness of the preconditioner. An interrupted run resumes with the same
        columns whatever is given.

    Returns
    -------
    KernelSolution
        ``details`` has the ``rank``, the ``pivots``, which part of the matrix was ``stored``, how
        many ``products`` with single columns were done, and how often the recurrence was corrected
        (``corrections``).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or equal points have different targets at reg = 0.
    MemoryError
        ``system.memory`` is too small; the message says what is needed.
    numpy.linalg.LinAlgError
        The kernel is indefinite.

    Warns
    -----
    ConvergenceWarning
        max_iter was reached, or rounding errors keep the residual above tol.

    Notes
    -----
    Iterations for one output: about ``sqrt(kappa) / 2 log(2 / tol)``, kappa the condition number of
    the preconditioned matrix. Cost of an iteration: 2 n^2 k operations, and n^2 / 2 kernel values
    where none are kept; 4 n r k for the preconditioner of rank r, made once in O(n r (d + r)).
    Memory (`cg_memory`) n r + 7 n k numbers, and the kernel values kept: n^2, or n^2 / 2 and less.

    The recurrence for the residual drifts away from the truth by rounding errors, in float32
    noticeably. Whenever it falls below tol the true residual is computed, and takes its place if
    it is larger; where that no longer helps, the solver stops and says so.
    Used in the section "Solving a million equations fast".

    References
    ----------
    M. R. Hestenes, E. Stiefel (1952), Methods of conjugate gradients for solving linear systems,
    Journal of Research of the National Bureau of Standards 49. D. P. O'Leary (1980), The block
    conjugate gradient algorithm and related methods, Linear Algebra and its Applications 29.

    Examples
    --------
    >>> from fearless.kernels import LaplacianKernel
    >>> rng = np.random.default_rng(0)
    >>> system = KernelSystem(LaplacianKernel(2.0), rng.random((200, 3)), rng.random(200))
    >>> solution = solve_cg(system, tol=1e-8, random_state=0)
    >>> solution.converged, bool(system.relative_residual(solution.coef) <= 1e-8)
    (True, True)
    """
    if not hasattr(preconditioner, "apply"):
        preconditioner = check_option(preconditioner or "none", "preconditioner", _NAMES)
    if rank is not None:
        rank = check_int(rank, "rank", maximum=system.n_samples)
    n, k, dtype = system.n_samples, system.n_outputs, system.dtype
    names = isinstance(preconditioner, str)
    settings = {
        "preconditioner": preconditioner if names else type(preconditioner).__qualname__,
        "rank": rank,
        "store": store,
        "start": "zero" if start is None else np.asarray(start),
    }
    monitor = Monitor(
        system,
        "cg",
        tol=tol,
        max_iter=max_iter,
        settings=settings,
        callback=callback,
        checkpoint=checkpoint,
        progress=progress,
    )
    low_rank = names and preconditioner != "none"
    if low_rank and rank is None:
        kept = True if system.stored else store
        rank = cg_rank(n, system.X.shape[1], dtype, system.memory, store=kept)
    columns = (rank or 0) if low_rank else 0
    if store is None and system.device is not None:
        store = False
    memory = cg_memory(n, k, columns, dtype)
    size = n * n * dtype.itemsize
    whole = not system.stored and (
        store is True or (store is None and memory + size <= system.memory)
    )
    least = memory + (size if whole else KernelPanels.least_memory(system))
    require_memory(
        least,
        system.memory,
        f"cg for {n} points and {k} outputs in {dtype}" + " with the kernel matrix" * whole,
        "use store=False" if whole else "use a smaller rank or block_size",
    )
    system.require_function()
    with monitor:
        state = monitor.resume()
        if whole:
            system.matrix()
        if columns:
            pivots: Any = preconditioner if state is None else state["pivots"]
            preconditioner = low_rank_preconditioner(
                system, columns, pivots=pivots, random_state=random_state
            )
        pivots = getattr(preconditioner, "pivots", np.empty(0, np.intp))
        panels = KernelPanels(system, 0 if store is False else system.memory - memory)
        memory += size if whole else panels.memory
        reg = dtype.type(system.reg)

        def operator(A: NDArray) -> NDArray:
            image = panels.product(A)
            if reg > 0:
                image += reg * A
            return image

        def residual(A: NDArray) -> NDArray:
            return system.Y - operator(A)

        def initial() -> tuple[NDArray, NDArray]:
            A = start_from(start, n, k, dtype)
            return A, system.Y.copy() if start is None else residual(A)

        run, corrections = iterate(
            monitor,
            operator,
            getattr(preconditioner, "apply", None),
            initial,
            true_residual=residual,
            relative=system.relative,
            state=state,
            keep={"pivots": pivots},
        )
    return monitor.solution(
        run.coef,
        memory=memory,
        details={
            "rank": len(pivots),
            "pivots": pivots,
            "stored": panels.share,
            "products": run.columns,
            "corrections": corrections,
        },
    )


def cg_memory(n: int, k: int, rank: int, dtype: np.dtype) -> int:
    """Return the bytes that `solve_cg` allocates beside kernel values.

    Parameters
    ----------
    n, k : int
        Samples and outputs.
    rank : int
        Columns of the preconditioner; 0 for none.
    dtype : dtype
        That of the system.

    Returns
    -------
    int
        To keep the kernel matrix takes n^2 numbers more, half of that in panels; otherwise one
        block of its rows.
    """
    dtype = np.dtype(dtype)
    low_rank = LowRankPreconditioner.memory(n, rank, dtype) if rank else 0
    return block_cg_bytes(n, k, dtype) + low_rank


def cg_rank(n: int, n_features: int, dtype: np.dtype, memory: int, *, store: bool | None) -> int:
    """Return the rank of the preconditioner that `solve_cg` takes where none is given.

    Parameters
    ----------
    n, n_features : int
        The shape of X.
    dtype : dtype
        Its type.
    memory : int
        Bytes that the solver may use.
    store : bool or None
        As of `solve_cg`.

    Returns
    -------
    int
        `default_rank`, or the largest one below that fits a quarter of the memory.
    """
    dtype = np.dtype(dtype)
    # Where most of K can be kept, in panels half as large as K, a product costs little more.
    cheap = n * n * dtype.itemsize < 4 * memory if store is None else store
    rank = default_rank(n, n_features, stored=cheap)
    while rank > 1 and LowRankPreconditioner.memory(n, rank, dtype) > _SHARE * memory:
        rank = max(1, rank * 3 // 4)
    return rank
