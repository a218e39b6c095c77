"""What a kernel machine tells about its fit: which solver, why, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from fearless.solvers._memory import gibibytes
from fearless.solvers.solution import KernelSolution

__all__ = ["Fit", "SolverReport"]


@dataclass(frozen=True)
class SolverReport:
    """Which solver fitted a kernel machine, why, and what it cost.

    Attributes
    ----------
    solver : str
        Its name.
    reason : str
        Why this one, in numbers; printing the report shows it.
    n_samples, n_outputs : int
        The size of the system, repeated points counted once where it interpolates.
    memory : int
        Bytes that the solver allocated.
    memory_allowed : int
        Bytes that it could have used.
    operations : float
        Predicted operations.
    expected_seconds : float
        The same over the rate of matrix products measured here.
    seconds : float
        What it took.
    iterations : int
        Iterations or epochs; 1 or a few refinements for the exact solver.
    tol, residual : float
        The relative residual asked for and reached.
    converged : bool
        Whether it was reached.
    kernel_values : int
        How many were computed.
    precision : str
        Of the factor, for the exact solver; else the dtype.
    """

    solver: str
    reason: str
    n_samples: int
    n_outputs: int
    memory: int
    memory_allowed: int
    operations: float
    expected_seconds: float
    seconds: float
    iterations: int
    tol: float
    residual: float
    converged: bool
    kernel_values: int
    precision: str

    def __str__(self) -> str:
        state = "reached" if self.converged else "NOT reached"
        return (
            f"{self.reason}\n"
            f"expected about {self.expected_seconds:.2g} s, took {self.seconds:.2g} s in "
            f"{gibibytes(self.memory)} ({self.precision}, {self.iterations} iteration"
            f"{'s' if self.iterations != 1 else ''}, {self.kernel_values} kernel values)\n"
            f"relative residual {self.residual:.1e}; tol = {self.tol:.1e} {state}"
        )


@dataclass(frozen=True)
class Fit:
    """What a kernel machine keeps of its fit.

    Attributes
    ----------
    points : ndarray of shape (n, d)
        Training points, or centres.
    coef : ndarray of shape (n, k)
        Coefficients.
    norms : ndarray of shape (k,)
        The norm of each output.
    residual : float
        The largest misfit over the largest target.
    misfit : float
        The same of the linear system: with a penalty, K a + reg a - y.
    solution : KernelSolution
        Of the columns on one scale.
    report : SolverReport
        Which solver and why.
    """

    points: NDArray
    coef: NDArray
    norms: NDArray
    residual: float
    misfit: float
    solution: KernelSolution
    report: SolverReport
