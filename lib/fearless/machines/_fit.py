"""How a kernel machine is fitted: targets on one scale, a solver chosen, what came of it."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, check_int
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import Kernel, LaplacianKernel
from fearless.machines.report import Fit, SolverReport
from fearless.solvers import (
    KernelSolution,
    KernelSystem,
    choose_solver,
    solve_cg,
    solve_cholesky,
    solve_eigenpro,
    solve_falkon,
    solve_many_centers,
)
from fearless.solvers._backend import get_backend
from fearless.solvers.selection import default_tol, gemm_rate
from fearless.solvers.system import check_range, distinct_rows

if TYPE_CHECKING:
    from fearless.solvers._checkpoint import Checkpoint

__all__ = [
    "SOLVERS",
    "default_kernel",
    "evaluate",
    "fit_kernel",
]

#: What ``KernelMachine(solver=...)`` may be; the last two solve for centres only.
SOLVERS = ("auto", "cholesky", "cg", "eigenpro", "falkon", "many_centers")
_WITH_CENTERS = ("falkon", "many_centers")
_IN_EPOCHS = ("eigenpro", "many_centers")


def fit_kernel(
    kernel: Kernel,
    X: NDArray,
    targets: NDArray,
    reg: float,
    *,
    solver: str,
    tol: float | None,
    max_iter: int | None,
    n_centers: int | None,
    memory: int | None,
    device: str,
    checkpoint: str | os.PathLike[str] | Checkpoint | None,
    progress: bool,
    random_state: Any,
) -> Fit:
    """Solve (K + reg I) a = targets with columns on one scale; arguments as of KernelMachine."""
    Y, exponents = _scaled(targets.reshape(len(targets), -1), X.dtype)
    if solver not in _WITH_CENTERS and n_centers is not None and solver != "auto":
        raise ValueError(
            f"n_centers is {n_centers} and solver is {solver!r}; expected n_centers None, or "
            f"solver 'auto' or one of {', '.join(map(repr, _WITH_CENTERS))}"
        )
    if solver in _WITH_CENTERS and n_centers is None:
        raise ValueError(f"n_centers is None and solver is {solver!r}; expected a number")
    # Whatever the solver that is chosen makes of them.
    if max_iter is not None:
        check_int(max_iter, "max_iter")
    if n_centers is not None:
        check_int(n_centers, "n_centers", maximum=len(X))
    if reg == 0 and n_centers is None:
        rows = distinct_rows(X, Y)
        if len(rows) < len(X):
            X, Y = X[rows], Y[rows]
    system = KernelSystem(kernel, X, Y, reg, memory=memory, backend=device)
    operations, reason = np.nan, f"{solver} was asked for"
    if solver == "auto":
        choice = choose_solver(
            *X.shape,
            Y.shape[1],
            dtype=X.dtype,
            memory=system.memory,
            tol=tol,
            n_centers=n_centers,
        )
        solver, operations, reason = choice.solver, choice.operations, choice.reason
    solution = _solver(solver, tol, max_iter, n_centers, random_state, X.dtype)(
        system, checkpoint=checkpoint, progress=progress
    )
    points = X if solution.centers is None else solution.centers
    coef = solution.coef

    # Each column was scaled by itself; residuals are relative to the largest target of all.
    shares = np.ldexp(1.0, exponents - exponents.max())
    scale = float((np.abs(Y).max(axis=0) * shares).max()) or 1.0

    def worst(misfits: NDArray) -> float:
        return float((np.abs(misfits).max(axis=0) * shares).max()) / scale

    if solution.centers is None:
        misfits = solution.details.get("residual")
        if misfits is None:
            misfits = system.residual(coef)
        values = Y - misfits - X.dtype.type(reg) * coef
        forms = values
        misfit = worst(misfits)
    else:
        values = evaluate(kernel, X, points, coef, device)
        forms = evaluate(kernel, points, points, coef, device)
        misfit = worst(values - Y)
    mean = float(kernel.diag(points).mean(dtype=np.float64))
    with np.errstate(over="ignore", under="ignore"):
        norms = np.ldexp(_norms(coef, forms, float(np.finfo(X.dtype).eps) * mean), exponents)
        dual = np.ldexp(coef, exponents)
    if not (np.isfinite(norms).all() and np.isfinite(dual).all()):
        raise ValueError(
            f"y is too large: coefficients or norm overflow {X.dtype}; expected y scaled down"
        )
    report = SolverReport(
        solver=solver,
        reason=reason,
        n_samples=system.n_samples,
        n_outputs=system.n_outputs,
        memory=solution.memory,
        memory_allowed=system.memory,
        operations=operations,
        expected_seconds=operations / gemm_rate(str(X.dtype)),
        seconds=solution.seconds,
        iterations=solution.iterations,
        tol=solution.tol,
        residual=float(solution.residuals[-1]),
        converged=solution.converged,
        kernel_values=solution.kernel_values,
        precision=solution.details.get("precision", str(X.dtype)),
    )
    return Fit(points, dual, norms, worst(values - Y), misfit, solution, report)


def _solver(
    name: str,
    tol: float | None,
    max_iter: int | None,
    n_centers: int | None,
    random_state: Any,
    dtype: np.dtype,
) -> Callable[..., KernelSolution]:
    """Return the solver of a name with its arguments."""
    if name == "cholesky":
        return functools.partial(_solve_exactly, tol=tol)
    arguments: dict[str, Any] = {"tol": default_tol(name, dtype) if tol is None else tol}
    arguments["random_state"] = _seed(random_state)
    if max_iter is not None:
        limit = "max_epochs" if name in _IN_EPOCHS else "max_iter"
        arguments[limit] = max_iter
    if name in _WITH_CENTERS:
        arguments["centers"] = n_centers
    solve = {
        "cg": solve_cg,
        "eigenpro": solve_eigenpro,
        "falkon": solve_falkon,
        "many_centers": solve_many_centers,
    }[name]
    return functools.partial(solve, **arguments)


def _solve_exactly(system: KernelSystem, **arguments: Any) -> KernelSolution:
    with warnings.catch_warnings():
        # The machine says it itself, in terms of the targets as they were given.
        warnings.simplefilter("ignore", IllConditionedWarning)
        return solve_cholesky(system, **arguments)


def _seed(random_state: Any) -> RandomState:
    if isinstance(random_state, np.random.RandomState):  # scikit-learn's older kind
        return int(random_state.randint(2**31))
    return random_state


# Numbers in a block of kernel values at prediction: 32 MiB in float64.
_BLOCK_ENTRIES = 2**22


def evaluate(kernel: Kernel, X: NDArray, points: NDArray, coef: NDArray, device: str) -> NDArray:
    """Return K(X, points) coef, a block of rows at a time.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    X : ndarray of shape (m, d)
        Where to evaluate.
    points : ndarray of shape (n, d)
        What the coefficients belong to.
    coef : ndarray of shape (n, k)
        Coefficients.
    device : str
        Where to compute.

    Returns
    -------
    ndarray of shape (m, k)
    """
    backend = get_backend(device)
    Z = backend.put(points)
    result = np.empty((len(X), coef.shape[1]), X.dtype)
    step = min(len(X), max(1, _BLOCK_ENTRIES // len(points)))
    K = None
    for start in range(0, len(X), step):
        block = backend.put(X[start : start + step])
        K = backend.kernel_block(kernel, block, Z, None if K is None else K[: len(block)])
        result[start : start + step] = backend.times(K, coef)
    return result


def default_kernel(X: NDArray) -> LaplacianKernel:
    """Return the Laplacian kernel whose bandwidth is the root mean square distance of points.

    Parameters
    ----------
    X : ndarray of shape (n, d)

    Returns
    -------
    LaplacianKernel

    Raises
    ------
    ValueError
        The square of that distance is out of the range of the dtype.
    """
    if (X == X[0]).all():
        return LaplacianKernel(1.0)
    exponent = int(np.frexp(np.abs(X).max())[1])
    spread = np.sqrt(2 * np.ldexp(X, -exponent).var(axis=0, dtype=np.float64).sum())
    with np.errstate(over="ignore", under="ignore"):
        spread = float(np.ldexp(spread, exponent))
    # Kernels square the distances; one beyond 2^10 spreads may overflow, for the value is 0.
    low, high = float(np.finfo(X.dtype).tiny), float(np.finfo(X.dtype).max)
    if not low <= spread * spread <= high * 2.0**-20:
        raise ValueError(
            f"X has points at a root mean square distance of {spread:.1e}, whose square is out of "
            f"the range of {X.dtype}; expected X on another scale"
        )
    return LaplacianKernel(spread)


def _scaled(Y: NDArray, dtype: np.dtype) -> tuple[NDArray, NDArray]:
    """Return the columns of Y over powers of two, exact and below one, and the exponents."""
    check_range(float(np.abs(Y).max()), "y has the largest entry", dtype)
    Y = Y.astype(dtype, copy=False)
    exponents = np.frexp(np.abs(Y).max(axis=0))[1]
    return np.ldexp(Y, -exponents), exponents


def _norms(coef: NDArray, values: NDArray, rounding: float) -> NDArray:
    """Return (a^T K a)^(1/2) of each column, K a in values, but at least rounding^(1/2) |a|."""
    exponents = np.frexp(np.abs(coef).max(axis=0))[1]
    coef, values = np.ldexp(coef, -exponents), np.ldexp(values, -exponents)
    forms = np.einsum("ij,ij->j", coef, values, dtype=np.float64)
    squares = np.einsum("ij,ij->j", coef, coef, dtype=np.float64)
    return np.ldexp(np.sqrt(np.maximum(forms, rounding * squares)), exponents)
