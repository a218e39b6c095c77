"""Solvers for interpolating models: whole risk paths at the price of a few factorisations."""

from fearless.solvers.paths import min_norm_path, min_norm_paths
from fearless.solvers.penalty_paths import PenaltyPath, penalty_path
from fearless.solvers.ridge_paths import RidgePath, ridge_path, ridge_solutions
from fearless.solvers.risk_path import RiskPath
from fearless.solvers.sample_paths import sample_path

__all__ = [
    "PenaltyPath",
    "RidgePath",
    "RiskPath",
    "min_norm_path",
    "min_norm_paths",
    "penalty_path",
    "ridge_path",
    "ridge_solutions",
    "sample_path",
]
