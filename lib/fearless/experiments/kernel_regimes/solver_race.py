"""Solvers against the clock: residual and test error after each iteration, on this machine."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fearless.data import Dataset, one_hot
from fearless.experiments._samples import zero_one_loss
from fearless.experiments.kernel_regimes.conditioning import digit_system
from fearless.kernels import Kernel
from fearless.solvers.cg import solve_cg
from fearless.solvers.cholesky import solve_cholesky
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.falkon import solve_falkon
from fearless.solvers.solution import KernelSolution
from fearless.solvers.system import KernelSystem

__all__ = ["RaceEntry", "solver_race"]


@dataclass(frozen=True)
class RaceEntry:
    """The way of one solver.

    Attributes
    ----------
    seconds : ndarray of shape (t,)
        Wall-clock time after each iteration, from the raw data on: kernel values and
        preconditioner are included.
    residuals : ndarray of shape (t,) or None
        Relative residuals of the system of all points; None where the solver has another system.
    test_error : ndarray of shape (t,)
        Share of test images read wrongly.
    iterations : int
    """

    seconds: NDArray
    residuals: NDArray | None
    test_error: NDArray
    iterations: int


def solver_race(
    data: Dataset,
    kernel: Kernel,
    n: int,
    *,
    tol: float = 1e-4,
    centers: int = 1000,
    max_epochs: int = 60,
    seed: int = 0,
) -> Mapping[str, RaceEntry]:
    """Fit one kernel machine with every solver, each from the raw images.

    Parameters
    ----------
    data : Dataset
        Images in float32, say.
    kernel : Kernel
    n : int
        Training images.
    tol : float
        Relative residual at which iterative solvers stop.
    centers : int
        Of FALKON.
    max_epochs : int
        Of the stochastic solvers.
    seed : int
        Of the choice of images, and of the solvers.

    Returns
    -------
    mapping of str to RaceEntry
        In the order Cholesky, CG, Nystrom + CG, EigenPro, FALKON.
    """
    runs: dict[str, tuple[Callable[..., KernelSolution], dict]] = {
        "Cholesky": (solve_cholesky, {}),
        "CG": (solve_cg, {"preconditioner": "none", "tol": tol}),
        "Nyström + CG": (solve_cg, {"tol": tol, "random_state": seed}),
        "EigenPro": (
            solve_eigenpro,
            {"tol": tol, "max_epochs": max_epochs, "random_state": seed},
        ),
        "FALKON": (solve_falkon, {"centers": centers, "tol": tol, "random_state": seed}),
    }
    return {
        name: _run(digit_system(data, kernel, n, seed=seed, store=False), data, solve, options)
        for name, (solve, options) in runs.items()
    }


def _run(
    system: KernelSystem, data: Dataset, solve: Callable[..., KernelSolution], options: dict
) -> RaceEntry:
    seconds, residuals, coefs = [], [], []

    def note(progress) -> None:
        seconds.append(progress.seconds)
        residuals.append(progress.residual)
        coefs.append(progress.coef.copy())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # max_epochs is meant as a limit
        solution = solve(system, callback=note, **options)
    if not coefs or solution.iterations <= 1:
        seconds, coefs = [solution.seconds], [solution.coef]
        residuals = [solution.residuals[-1]]
    residuals[-1] = solution.residuals[-1]  # the true one
    points = system.X if solution.centers is None else solution.centers
    K = system.kernel(data.X_test, points)
    targets = one_hot(data.y_test, data.classes)
    errors = np.array([zero_one_loss(K @ coef, targets) for coef in coefs])
    return RaceEntry(
        seconds=np.array(seconds),
        residuals=np.array(residuals) if solution.centers is None else None,
        test_error=errors,
        iterations=solution.iterations,
    )
