"""Solvers for interpolating models: whole risk paths at the price of a few factorisations."""

from fearless.solvers.paths import min_norm_path, min_norm_paths
from fearless.solvers.ridge_paths import RidgePath, ridge_path, ridge_solutions
from fearless.solvers.risk_path import RiskPath
from fearless.solvers.sample_paths import sample_path

__all__ = [
    "RidgePath",
    "RiskPath",
    "min_norm_path",
    "min_norm_paths",
    "ridge_path",
    "ridge_solutions",
    "sample_path",
]
