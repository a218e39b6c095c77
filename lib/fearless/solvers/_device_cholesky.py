"""Cholesky factorisation on a device; the solution is refined and judged by its residual."""

from __future__ import annotations

import os

import numpy as np

from fearless.linalg import NotPositiveDefiniteError
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._memory import require_memory
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["solve_cholesky_on_device"]

_MAX_REFINEMENTS = 10
_LAST_JITTER = 1e-2  # of the mean of the diagonal


def solve_cholesky_on_device(
    system: KernelSystem,
    *,
    tol: float | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
) -> KernelSolution:
    """Solve a system on its device: n^3 / 3 operations there, one matrix of n^2 numbers.

    Parameters
    ----------
    system : KernelSystem
        A system with a device.
    tol, callback, checkpoint, progress
        As in `solve_cholesky`; tol None refines as long as that helps.

    Returns
    -------
    KernelSolution

    Raises
    ------
    MemoryError
        The device has no room for n^2 numbers.
    NotPositiveDefiniteError
        K has negative eigenvalues beyond rounding errors.

    Notes
    -----
    Refinement: A <- A + (L L^T)^-1 (Y - K A - reg A), by residuals from new kernel values, stops
    where a step no longer halves the residual.
    """
    device = system.device
    if device is None:
        raise ValueError("the system has no device; expected one with backend='cuda' or 'torch'")
    system.require_function()
    n, dtype = system.n_samples, system.dtype
    needed = n * n * dtype.itemsize
    require_memory(
        needed,
        system.memory if device.on_cpu else 2 * device.backend.room(),
        f"the kernel matrix of {n} points in {dtype} on {device.backend.name}",
        "use a solver that does not store it, or float32",
    )
    eps = float(np.finfo(dtype).eps)
    with Monitor(
        system,
        "cholesky",
        tol=np.sqrt(eps) if tol is None else tol,
        max_iter=1 + _MAX_REFINEMENTS,
        settings={"backend": device.backend.name},
        callback=callback,
        checkpoint=checkpoint,
        progress=progress,
    ) as monitor:
        state = monitor.resume()
        goal = 0.0 if tol is None else monitor.tol
        if state is None:
            A, R, jitter = np.zeros_like(system.Y), system.Y.copy(), 0.0
            stop = monitor.start(1.0 if R.any() else 0.0, A)
        else:
            A, R, jitter = state["A"], state["R"], state["jitter"]
            stop = monitor.residual <= goal
        if not stop:
            mean = float(np.mean(system.diagonal(), dtype=np.float64))
            while True:
                try:
                    factor = device.factor(system.reg + jitter)
                    break
                except NotPositiveDefiniteError:
                    if not jitter < _LAST_JITTER * mean:  # of a kernel matrix of zeros, too
                        raise
                jitter = 10 * jitter or eps * mean
        while not stop:
            refined = A + device.backend.solve(factor, R)
            residual = system.residual(refined)
            before, after = monitor.residual, system.relative(residual)
            if monitor.iterations and not after < before / 2:
                break  # rounding errors are all that is left
            A, R = refined, residual
            state = {"A": A, "R": R, "jitter": jitter}
            stop = monitor.record(after, A, state) and (monitor.interrupted or after <= goal)
            stop = stop or monitor.iterations > _MAX_REFINEMENTS
    return monitor.solution(
        A,
        memory=(needed if device.on_cpu else 0) + 5 * A.nbytes,
        jitter=jitter,
        details={"precision": f"{dtype} on {device.backend.name}", "residual": R},
    )
