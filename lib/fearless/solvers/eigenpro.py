"""EigenPro 2: mini-batch SGD on a kernel machine, preconditioned by a few eigenvectors."""

from __future__ import annotations

import os
import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._eigenpro_plan import EigenProPlan, make_plan, plan_memory
from fearless.solvers._eigenpro_run import EigenProRun
from fearless.solvers._iterate import start_from
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["solve_eigenpro"]

# Points of the subsample, unless told otherwise.
_SUBSAMPLE = 1000

# An automatic step is halved when the residual has grown by this factor; so many times.
_GROWTH, _HALVINGS = 10.0, 5


def solve_eigenpro(
    system: KernelSystem,
    *,
    subsample: int | None = None,
    rank: int | None = None,
    batch_size: int | None = None,
    step_size: float | None = None,
    momentum: bool = False,
    tol: float = 1e-3,
    max_epochs: int = 200,
    start: ArrayLike | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
    random_state: RandomState = None,
) -> KernelSolution:
    r"""Solve (K + reg I) alpha = Y by preconditioned stochastic gradient descent.

    A step takes a batch B of b points, with residuals g = (Y - (K + reg I) alpha)_B, and moves

    .. math:: \alpha_B \mathrel{+}= \frac{\eta}{b}\, g, \qquad
        \alpha_S \mathrel{-}= \frac{\eta}{b}\, V \psi_B^\top g,

    where the second part, on a fixed subsample S, takes out what the first does along the q leading
    eigenvectors of the kernel, up to the size of the next one. In effect it is plain SGD for a
    kernel K_q whose condition number is smaller by the factor lambda_1 / lambda_{q+1}; the solution
    is the same.

    Parameters
    ----------
    system : KernelSystem
        The problem. The kernel matrix is stored if ``system.memory`` allows it.
    subsample : int, optional
        The number s of points that the eigenvectors are computed from; default min(n, 1000), or
        fewer where memory is short.
    rank : int, optional
        The number q < s of corrected directions; 0 is plain SGD. Default: enough for batches of
        about 1000 points, at most s / 8.
    batch_size : int, optional
        b; default the critical size m* = beta(K_q) / lambda_1(K_q) + 1, beyond which larger batches
        waste work, or what fits the memory.
    step_size : float, optional
        eta; default that of the theory of Ma, Bassily and Belkin for this batch, shortened where
        power iterations on the batches show that it would be too long. A given one is used as it
        is.
    momentum : bool
        Use the accelerated steps of MaSS. They save epochs on badly conditioned problems.
    tol : float
        Stop at this relative residual. 1e-3 means a mean squared error of 1e-6 for targets of
        mean square 1.
    max_epochs : int
        Stop after so many passes over the points.
    start : array-like of shape (n,) or (n, k), optional
        Coefficients to begin with; default zero.
    callback : callable, optional
        Called with a `Progress` after each epoch; a true answer stops.
    checkpoint : path or Checkpoint, optional
        Where the state is kept. A run that is resumed with the same ``system.memory`` ends with the
        same numbers; with another one its batches may differ.
    progress : bool
        Draw a line on stderr.
    random_state : None, int or numpy.random.Generator
        Of the subsample and the order of the batches.

    Returns
    -------
    KernelSolution
        ``details`` has step_size, batch_size, critical_batch_size, step_limit (steps beyond it can
        diverge), rank, subsample_size, eigenvalues (of the subsample, q + 1 of them),
        largest_eigenvalue (of K_q / n), norm (beta(K_q)), halvings of the step, and gamma.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described; equal points have different targets and reg is 0.
    MemoryError
        ``system.memory`` is too small even without the kernel matrix.
    NotPositiveDefiniteError
        The kernel has negative eigenvalues.
    DivergenceError
        The step that was given is too long, or the kernel is indefinite.

    Warns
    -----
    ConvergenceWarning
        The residual is above tol after max_epochs, or rounding errors keep it there.

    Notes
    -----
    The residuals of all points are kept up to date, R -= (eta/b) K_q[:, B] g, with the matrix
    Psi = K[:, S] V of n q numbers. So the correction costs 2 n q k operations a batch, beside
    2 n b k of the plain step and n b kernel values if they are not stored; the residual is known at
    every moment, and is computed afresh before it is believed.

    The step is *verified*: a step on B lowers the energy (1/2) tr a' K_q a - tr a' Y whenever
    eta / b < 2 / lambda_max(K_q[B, B]), and a few power iterations on each batch, b^2 operations
    each, give that eigenvalue.

    Memory: n^2 numbers if the kernel matrix is stored, otherwise n b; n q + O(n k) and 3 s^2 in
    float64. Used in the section "Solving a million equations fast".

    References
    ----------
    S. Ma, M. Belkin (2019), Kernel machines that adapt to GPUs for effective large batch training,
    MLSys. C. Liu, M. Belkin (2020), Accelerating SGD with momentum for over-parameterized learning,
    ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.kernels import LaplacianKernel
    >>> from fearless.solvers.system import KernelSystem
    >>> X = np.random.default_rng(0).standard_normal((200, 3))
    >>> system = KernelSystem(LaplacianKernel(1.0), X, np.sin(X[:, 0]))
    >>> solution = solve_eigenpro(system, tol=1e-6, max_epochs=500, random_state=0)
    >>> solution.converged
    True
    """
    n = system.n_samples
    s = min(n, _SUBSAMPLE)
    if subsample is not None:
        s = check_int(subsample, "subsample", maximum=n)
    if rank is not None:
        rank = check_int(rank, "rank", minimum=0, maximum=s - 1)
    if batch_size is not None:
        batch_size = check_int(batch_size, "batch_size", maximum=n)
    if step_size is not None:
        step_size = check_positive(step_size, "step_size")
    max_epochs = check_int(max_epochs, "max_epochs", minimum=0)
    coef = start_from(start, n, system.n_outputs, system.dtype)
    given_seed = isinstance(random_state, int | np.integer)
    seed = int(random_state) if given_seed else int(as_generator(random_state).integers(2**62))
    as_generator(seed)  # a negative one is refused here
    plan: EigenProPlan | None = None
    monitor = Monitor(
        system,
        "eigenpro",
        tol=tol,
        max_iter=max_epochs,
        settings={
            "subsample": s,
            "rank": rank,
            "batch_size": batch_size,
            "step_size": step_size,
            "momentum": momentum,
            "random_state": seed if given_seed else None,
            "start": "zero" if start is None else coef,
        },
        callback=callback,
        checkpoint=checkpoint,
        progress=progress,
        divergence=1e3 if step_size is not None else np.inf,
        advice=lambda: _advice(plan),
        unit="epoch",
    )
    budget = plan_memory(system, s, rank, batch_size, shrink=subsample is None)
    system.require_function()
    with monitor:
        state = monitor.resume()
        if state is None:
            R = system.Y.copy() if start is None else system.residual(coef)
            if monitor.start(system.relative(R), coef):
                return monitor.solution(coef, memory=0)
        else:
            R, seed = system.Y, state["seed"]
            # Memory may be shorter, or longer, than it was.
            budget = plan_memory(system, state["subsample"], rank, batch_size)
        plan = make_plan(system, budget, rank, batch_size, step_size, momentum, seed)
        if step_size is not None and plan.step > plan.limit:
            monitor.divergence = _GROWTH  # there was reason to expect it
        run = EigenProRun(plan, coef, R)
        if state is not None:
            run.restore(state)
        _iterate(run, monitor, automatic=step_size is None)
        coef = run.coef()
        if not run.true:
            monitor.amend(system.relative(system.residual(coef)))
    if run.stuck and monitor.residual > monitor.tol and monitor.iterations < max_epochs:
        warnings.warn(
            f"eigenpro has not converged: rounding errors of {system.dtype} keep the relative "
            f"residual at {monitor.residual:.1e}, above tol = {monitor.tol:.1e}; use float64 or a "
            "larger reg",
            ConvergenceWarning,
            stacklevel=2,
        )
    details = plan.details() | {"halvings": run.halvings}
    return monitor.solution(coef, memory=budget.total(plan), details=details)


def _iterate(run: EigenProRun, monitor: Monitor, *, automatic: bool) -> None:
    """Run epochs until the monitor says stop, or rounding errors do."""
    while not (monitor.stopped or run.stuck):
        residual = run.epoch()
        if automatic and not residual <= _GROWTH * max(1.0, monitor.residuals[0]):
            if run.halvings < _HALVINGS:
                residual = run.halve()
            else:
                monitor.divergence = _GROWTH
        if residual <= monitor.tol:  # so says the recurrence
            residual = run.refresh(monitor.tol)
        monitor.record(residual, run.coef(), run.state())


def _advice(plan: EigenProPlan | None) -> str:
    if plan is None:
        return ""
    limit = plan.limit * plan.batch_size
    used = f"step_size = {plan.step * plan.batch_size:.4g}, batch_size = {plan.batch_size}"
    if plan.step > plan.limit:
        return f"used were {used}; use a step_size below {limit:.4g}, or None to have it chosen"
    return f"used were {used}; is the kernel positive semi-definite?"
