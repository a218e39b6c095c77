"""Solvers for interpolating models: kernel systems of many points, and whole risk paths.

Kernel systems, (K + reg I) alpha = Y, are a `KernelSystem` that one of the ``solve_`` functions
turns into a `KernelSolution`; `choose_solver` says which. Risk paths give the test error for every
number of features, of samples or every penalty at the price of a few factorisations.
"""

from fearless.solvers._checkpoint import Checkpoint
from fearless.solvers.cg import solve_cg
from fearless.solvers.cholesky import solve_cholesky
from fearless.solvers.eigenpro import solve_eigenpro
from fearless.solvers.falkon import solve_falkon
from fearless.solvers.many_centers import solve_many_centers
from fearless.solvers.paths import (
    PenaltyPath,
    RidgePath,
    RiskPath,
    min_norm_path,
    min_norm_paths,
    penalty_path,
    ridge_path,
    ridge_solutions,
    sample_path,
)
from fearless.solvers.selection import Choice, choose_solver
from fearless.solvers.solution import KernelSolution, Progress
from fearless.solvers.system import KernelSystem

__all__ = [
    "Checkpoint",
    "Choice",
    "KernelSolution",
    "KernelSystem",
    "PenaltyPath",
    "Progress",
    "RidgePath",
    "RiskPath",
    "choose_solver",
    "min_norm_path",
    "min_norm_paths",
    "penalty_path",
    "ridge_path",
    "ridge_solutions",
    "sample_path",
    "solve_cg",
    "solve_cholesky",
    "solve_eigenpro",
    "solve_falkon",
    "solve_many_centers",
]
