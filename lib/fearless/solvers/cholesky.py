"""Kernel systems (K + reg I) alpha = Y by one Cholesky factorisation, in the memory of K alone."""

from __future__ import annotations

import os
import warnings

import numpy as np

from fearless._validation import check_option, check_positive
from fearless.exceptions import IllConditionedWarning
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._cholesky_run import CholeskyRun, solve_in
from fearless.solvers._device_cholesky import solve_cholesky_on_device
from fearless.solvers._memory import gibibytes
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers._progress import ProgressLine
from fearless.solvers._symmetric import HalfMatrix, half_block_size
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["cholesky_memory", "solve_cholesky"]

_PRECISIONS = ("single", "mixed", "streamed", "double")

# From so many points on a factor in float32, refined, is worth its trouble in float64.
_MIXED_FROM = 1000

_MAX_REFINEMENTS = 30


def solve_cholesky(
    system: KernelSystem,
    *,
    tol: float | None = None,
    precision: str = "auto",
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
) -> KernelSolution:
    r"""Solve (K + reg I) alpha = Y exactly, by K + reg I = L L^T, in one array of n^2 numbers.

    Parameters
    ----------
    system : KernelSystem
        The problem. Where its matrix is stored, the factorisation overwrites half of it and
        restores that half at the end.
    tol : float, optional
        The relative residual asked for. None: as small as the precision allows; the solution then
        counts as converged below the square root of eps.
    precision : {"auto", "single", "mixed", "streamed", "double"}
        How to factorise. Points in float32 are always factorised in float32 ("single"); for points
        in float64

        - "double": K in float64, factorised in place: 8 n^2 bytes;
        - "mixed": half of K in float64 and a factor in float32, whose solution is refined by
          residuals in float64 down to the accuracy of "double": 8 n^2 bytes and about half of the
          time, for condition numbers below 10^6;
        - "streamed": a factor in float32, refined by residuals from new kernel values: 4 n^2
          bytes, and n^2 / 2 kernel values a step;
        - "auto": from 1000 points on "mixed", or "streamed" where the memory is too small for it,
          and "double" where refinement turns out not to converge.
    callback : callable, optional
        Called with a `Progress` after the solve and after each refinement; a true answer stops.
    checkpoint : str, path-like or Checkpoint, optional
        Where coefficients and residual are kept if the solve is interrupted. A run that resumes
        has to factorise again.
    progress : bool
        Draw a line on stderr.

    Returns
    -------
    KernelSolution
        With ``condition`` (LAPACK's estimate in the 1-norm; None where a device factorises) and
        ``jitter``; ``details`` holds the
        ``precision`` that was used and the ``residual`` Y - K alpha - reg alpha, shape (n, k).

    Raises
    ------
    NotPositiveDefiniteError
        K has negative eigenvalues far beyond rounding errors.
    MemoryError
        n^2 numbers do not fit; raised before anything is allocated.
    ValueError
        ``reg`` is 0 and a point occurs twice with different targets; or an argument is not as
        described.

    Warns
    -----
    IllConditionedWarning
        A jitter was needed, or the residual is above ``tol``.

    Notes
    -----
    Cost n^2 d / 2 multiplications for the kernel, n^3 / 6 for the factor and O(n^2 k) for the
    rest. The factor goes to the lower triangle; the upper one keeps the kernel, for the residual
    and for another attempt. Where the factorisation fails, or the system it solves is missed by
    more than 1 % of the largest target, a jitter is added to the diagonal: from eps times the mean
    diagonal on, in steps of a factor of 10; it is reported.

    Iterative refinement, A <- A + (L L^T)^{-1} (Y - (K + reg I) A), multiplies the error by about
    the condition number times eps of float32 in each step, so that a float32 factor serves float64
    as long as that product is small (Wilkinson 1963; Higham 2002, chapter 12). Used in the sections
    "Solving a million equations fast" and, through `fearless.machines`, wherever a kernel machine
    is fitted.

    References
    ----------
    J. H. Wilkinson (1963), Rounding Errors in Algebraic Processes, Prentice-Hall.

    N. J. Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM.

    Examples
    --------
    >>> from fearless.kernels import LaplacianKernel
    >>> system = KernelSystem(LaplacianKernel(1.0), [[0.0], [1.0]], [1.0, 0.0])
    >>> solve_cholesky(system).coef.round(4)
    array([[ 1.1565],
           [-0.4255]])
    """
    eps = float(np.finfo(system.dtype).eps)
    goal = 0.0 if tol is None else check_positive(tol, "tol", allow_zero=True)
    if system.device is not None:
        if precision != "auto":
            raise ValueError(
                f"precision is {precision!r} and the backend is {system.backend!r}; expected 'auto'"
            )
        solution = solve_cholesky_on_device(
            system, tol=tol, callback=callback, checkpoint=checkpoint, progress=progress
        )
        _warn(system, solution)
        return solution
    attempts = _attempts(system, precision)
    system.require_function()
    line = ProgressLine("cholesky") if progress else None
    try:
        with Monitor(
            system,
            "cholesky",
            tol=np.sqrt(eps) if tol is None else goal,
            max_iter=_MAX_REFINEMENTS,
            settings={"precision": precision, "full accuracy": tol is None},
            callback=callback,
            checkpoint=checkpoint,
        ) as monitor:
            run = CholeskyRun(system, monitor, goal, line)
            state = monitor.resume()
            if state is not None:
                run.coef, run.residual = state["coef"], state["residual"]
                run.jitter, run.condition = state["jitter"], state["condition"]
                run.precision = state["precision"]
                if run.precision in attempts:
                    attempts = attempts[attempts.index(run.precision) :]
                elif not state["done"]:  # what it took then does not fit the memory of today
                    run.precision = ""
            if state is None or not state["done"]:
                for attempt in attempts:
                    if solve_in(run, attempt, last=attempt == attempts[-1]):
                        break
    finally:
        if line is not None:
            line.close()
    solution = monitor.solution(
        run.coef,
        memory=cholesky_memory(
            system.n_samples, system.n_outputs, system.dtype, run.precision, system.stored
        ),
        jitter=run.jitter,
        condition=run.condition,
        details={"precision": run.precision, "residual": run.residual},
    )
    if not monitor.interrupted:
        _warn(system, solution)
    return solution


def cholesky_memory(
    n: int, n_outputs: int, dtype: np.dtype, precision: str, stored: bool = False
) -> int:
    """Return the bytes that `solve_cholesky` allocates beyond X and Y.

    Parameters
    ----------
    n, n_outputs : int
        The shape of Y.
    dtype : dtype
        That of X.
    precision : str
        As of `solve_cholesky`, but "auto".
    stored : bool
        The kernel matrix is stored already.

    Returns
    -------
    int
    """
    dtype = np.dtype(dtype)
    small = 8 * n * n_outputs * dtype.itemsize
    if precision in ("mixed", "streamed"):
        half = 0
        if precision == "mixed" and not stored:
            half = HalfMatrix.memory(n, half_block_size(n), dtype)
        return 4 * n * n + half + small
    return (0 if stored else n * n * dtype.itemsize) + small


def _attempts(system: KernelSystem, precision: str) -> tuple[str, ...]:
    """Return the precisions to try, in order, that fit the memory."""
    check_option(precision, "precision", ("auto", *_PRECISIONS))
    n = system.n_samples
    if system.dtype == np.float32:
        if precision not in ("auto", "single"):
            raise ValueError(
                f"precision is {precision!r} and X is float32; expected 'auto' or 'single', or X "
                "in float64"
            )
        wanted: tuple[str, ...] = ("single",)
    elif precision == "single":
        raise ValueError("precision is 'single' and X is float64; expected X in float32")
    elif precision == "auto":
        wanted = ("mixed", "streamed", "double") if n >= _MIXED_FROM else ("double", "streamed")
    else:
        wanted = (precision,)

    def needs(name: str) -> int:
        return cholesky_memory(n, system.n_outputs, system.dtype, name, system.stored)

    fitting = [name for name in wanted if needs(name) <= system.memory]
    if not fitting:
        least = min(needs(name) for name in wanted)
        raise MemoryError(
            f"a Cholesky factorisation for {n} points in {system.dtype} needs {gibibytes(least)} "
            f"of memory; {gibibytes(system.memory)} are allowed: use a solver that does not store "
            "the matrix" + ("" if system.dtype == np.float32 else ", or float32")
        )
    if "mixed" in fitting or fitting[0] == "double":
        fitting = [name for name in fitting if name != "streamed"]
    return tuple(fitting)


def _warn(system: KernelSystem, solution: KernelSolution) -> None:
    matrix = "K + reg I" if system.reg else "the kernel matrix"
    residual = solution.residuals[-1]
    if solution.jitter > 0:
        problem = (
            f"{matrix} is singular to {system.dtype} precision: {solution.jitter:.1e} was added to "
            f"its diagonal, and the relative residual is {residual:.1e}"
        )
    elif not solution.converged:
        problem = (
            f"the relative residual is {residual:.1e}, above tol = {solution.tol:.1e}; {matrix} "
            f"has condition number {solution.condition or np.nan:.1e}"
        )
    else:
        return
    warnings.warn(
        f"{problem}; use float64, a rougher kernel or a shorter bandwidth, or set reg",
        IllConditionedWarning,
        stacklevel=3,
    )
