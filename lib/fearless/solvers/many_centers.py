"""Kernel machines on centres of their own, from a stream of data larger than memory (EigenPro 3/4).

The model is ``f = sum_j a_j K(., z_j)`` on M centres; the n samples only pass by. It minimises

.. math:: \\sum_i (f(x_i) - y_i)^2 + \\lambda \\|f\\|_{\\mathcal H}^2

over all such f (Nystrom kernel ridge regression; least squares at lambda = 0). Stochastic gradient
steps of a batch leave the span of the centres and are projected back onto it:

.. math:: f \\leftarrow \\mathrm{proj}_Z\\Big(f - \\tfrac{\\eta}{b}\\, P \\sum_{i \\in batch}
          (f(x_i) - y_i)\\, K(\\cdot, x_i)\\Big).

EigenPro 3 projects after every batch, EigenPro 4 after several: until then the points of these
batches are temporary centres. The published methods keep a floor of noise, for with fewer centres
than samples the residuals at the solution are not zero. Here the last residual of every sample is
remembered, as many numbers as there are targets, and a batch only corrects the mean of all of them
(SAGA): noise vanishes at the solution, delayed projections have the same solution as exact ones,
and the iteration converges to it at a linear rate, at no additional kernel value.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_int,
    check_matrix,
    check_positive,
    check_targets,
)
from fearless.solvers._center_plan import make_plan, plan_memory
from fearless.solvers._center_steps import CenterIteration
from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers._monitor import Callback, Monitor
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["many_centers_memory", "solve_many_centers"]


def solve_many_centers(
    system: KernelSystem,
    *,
    centers: int | ArrayLike = 1000,
    subsample: int | None = None,
    rank: int | None = None,
    batch_size: int | None = None,
    step_size: float | None = None,
    period: int | None = None,
    projection: str = "auto",
    variance_reduction: bool = True,
    tol: float = 1e-3,
    max_epochs: int = 100,
    start: NDArray | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
    random_state: RandomState = None,
) -> KernelSolution:
    r"""Fit a kernel machine on M centres to n samples that need not fit in memory.

    Parameters
    ----------
    system : KernelSystem
        The data: kernel, X and Y (both may be memmaps; X is read in pieces), and the penalty.
    centers : int or array-like of shape (M, d)
        The centres, or how many rows of X to draw.
    subsample : int, optional
        Centres that the preconditioner is expanded in. Default: all up to 2000.
    rank : int, optional
        Eigendirections q to correct. Default: the fewest that make a batch of 1000 useful.
    batch_size : int, optional
        Samples a step. Default: the critical batch size, 32 to 2000.
    step_size : float, optional
        Step eta for the mean gradient of a batch. Default: b / (beta + (b - 1) top) for a batch of
        b, with beta = max K_q(x, x) and the largest eigenvalue that is left, both measured on a
        sample.
    period : int, optional
        Batches between two projections: 1 is EigenPro 3, more is EigenPro 4. Default: as many as
        raise the number of centres by a quarter (with "cg": double it) until they are projected.
    projection : {"auto", "cholesky", "cg"}
        With a stored factor of K_ZZ, or by inner iterations. By default the factor, if it fits.
    variance_reduction : bool
        Remember the residuals. False gives the published method with its floor of noise.
    tol : float
        Stop when the gradient has this size, see Notes.
    max_epochs : int
        Passes over the data at most.
    start : ndarray of shape (M, k), optional
        Coefficients to start from, of the same centres.
    callback : callable, optional
        Called with a `Progress` after each epoch; a true answer stops.
    checkpoint : str, path-like or Checkpoint, optional
        Where to keep the state.
    progress : bool
        Draw a line on stderr.
    random_state : None, int or numpy.random.Generator
        For the centres, the samples of the set-up and the order of the data.

    Returns
    -------
    KernelSolution
        With ``centers``, and in ``details`` the step, the batch, the critical batch, beta, the
        rank, the period, the kind of projection, and ``training_residual``, the norm of Y - f(X)
        over that of Y, which does not tend to 0 when M < n.

    Raises
    ------
    DivergenceError
        The step is too long; the message says which to use.
    MemoryError
        More memory is needed than the system allows; said before anything is allocated.
    NotPositiveDefiniteError
        The kernel matrix of the centres has negative eigenvalues.

    Warns
    -----
    ConvergenceWarning
        tol is not reached after max_epochs.

    Notes
    -----
    ``residuals`` is the gradient of the objective in the space of the kernel, projected onto the
    span of the centres, over that at f = 0: :math:`\sqrt{g^T K_{ZZ}^{-1} g}` with
    :math:`g = K_{Zn} (f(X) - Y) + \lambda K_{ZZ} a`. It vanishes at the solution alone. Between the
    first and the last entry it is estimated from the residuals as they were met, at no cost, which
    can be a third of the truth in the first epochs, before residuals are remembered; below tol, and
    at the end, it is computed in a pass of its own.

    Data are read in pieces of 64 KiB in random order, each batch made of 8 pieces or more.

    Cost of an epoch: n M (1 + p / 2) kernel values, where p is the share of temporary centres, and
    n / (b T) projections: 2 M^2 k operations each where the factor of K_ZZ fits the memory (M^3 / 3
    once), a few times M^2 kernel values each otherwise. A penalty takes M^2 kernel values more.

    The factor is that of K_ZZ + jitter I (see ``jitter``), a multiple of its rounding errors, and
    so is that matrix in the norm of the gradient: where K_ZZ is singular to working precision,
    directions that cannot be told from rounding errors count for less.

    Memory: `many_centers_memory`. All that grows with n is the table of residuals, n k numbers, and
    the order of the samples.

    With a `DistributedSystem` the samples of each batch are shared out among the processes. Used in
    the section "Solving a million equations fast".

    With as many centres as samples there is nothing to project: use ``solve_eigenpro`` or
    ``solve_cg``. Where M^2 numbers fit and n is moderate, ``solve_falkon`` takes fewer passes.

    References
    ----------
    A. Abedsoltan, M. Belkin, P. Pandit (2023), Toward large kernel models, ICML.
    A. Abedsoltan, S. Ma, P. Pandit, M. Belkin (2024), Fast training of large kernel models with
    delayed projections, arXiv:2411.16658.
    A. Defazio, F. Bach, S. Lacoste-Julien (2014), SAGA: a fast incremental gradient method with
    support for non-strongly convex composite objectives, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.kernels import LaplacianKernel
    >>> from fearless.solvers.system import KernelSystem
    >>> X = np.random.default_rng(0).standard_normal((500, 3))
    >>> system = KernelSystem(LaplacianKernel(2.0), X, np.sin(X[:, 0]))
    >>> solution = solve_many_centers(system, centers=50, tol=1e-3, random_state=0)
    >>> solution.coef.shape, solution.converged
    ((50, 1), True)
    """
    points = None
    if not isinstance(centers, int | np.integer):
        points = check_matrix(centers, "centers", n_columns=system.X.shape[1])
        points = points.astype(system.dtype, copy=False)
        n_centers = len(points)
    else:
        n_centers = check_int(centers, "centers", maximum=system.n_samples)
    plan = make_plan(system, n_centers, subsample, batch_size, period, projection, rank)
    if step_size is not None:
        check_positive(step_size, "step_size")
    if start is not None:
        start = check_targets(start, "start", n_rows=n_centers).reshape(n_centers, -1)
        if start.shape[1] != system.n_outputs:
            raise ValueError(f"start has {start.shape[1]} columns; expected {system.n_outputs}")
    seeded = isinstance(random_state, int | np.integer)
    run: CenterIteration | None = None
    with Monitor(
        system,
        "many_centers",
        tol=tol,
        max_iter=max_epochs,
        settings={
            "centers": n_centers if points is None else points,
            "subsample": subsample,
            "rank": rank,
            "batch_size": batch_size,
            "step_size": step_size,
            "period": period,
            "projection": projection,
            "variance_reduction": variance_reduction,
            "random_state": random_state if seeded else None,
        },
        callback=callback,
        checkpoint=checkpoint,
        progress=progress,
        divergence=1e3,
        advice=lambda: run.advice() if run is not None else "",
        unit="epoch",
    ) as monitor:
        state = monitor.resume()
        entropy = as_seed_sequence(random_state).generate_state(4).tolist()
        if state is not None:
            entropy = state["entropy"]
        run = CenterIteration(
            system, plan, points, rank, batch_size, step_size, variance_reduction, entropy
        )
        if state is not None:
            run.restore(state)
            stop = monitor.stopped
            if stop and not run.fresh:  # tol or max_epochs is another one now
                stop = monitor.amend(run.verify()) or monitor.iterations >= max_epochs
        elif start is not None:
            run.coef[...] = start
            stop = monitor.start(run.verify(), run.coef)
        else:
            stop = monitor.start(run.training_residual, run.coef)
        verified = True
        while not stop:
            residual = run.epoch()
            verified = residual <= tol or monitor.iterations + 1 >= max_epochs
            if verified:
                residual = run.verify()
            stop = monitor.record(residual, run.result(), run.state())
        if monitor.iterations and not verified:
            monitor.amend(run.verify())
    return monitor.solution(
        run.result(),
        memory=plan.memory,
        jitter=run.projection.jitter,
        centers=run.Z,
        details=run.details(),
    )


def many_centers_memory(
    n: int, d: int, k: int, n_centers: int, itemsize: int, *, factor: bool = True
) -> int:
    """Return the bytes that `solve_many_centers` allocates with its defaults, beyond X and Y.

    Parameters
    ----------
    n, d, k : int
        Samples, dimension, outputs.
    n_centers : int
        Centres M.
    itemsize : int
        4 for float32, 8 for float64.
    factor : bool
        Whether K_ZZ is factorised: M^2 numbers. Otherwise projections are iterations.

    Returns
    -------
    int
        The table n k and the order of the samples, 19 n bytes; centres M d; blocks of a batch,
        b (M + T b + 2 d); six arrays M k and the set-up on s <= 2000 centres, 12 s^2 numbers in
        float64 that are freed before the iteration starts; the factor M^2.
    """
    return plan_memory(n, d, k, n_centers, itemsize, factor, None, None, None).memory
