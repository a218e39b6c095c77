"""Risk paths: the test error at every number of features, samples or every penalty, at the price
of a few factorisations."""

from fearless.solvers.paths.min_norm import min_norm_path, min_norm_paths
from fearless.solvers.paths.penalties import PenaltyPath, penalty_path
from fearless.solvers.paths.ridge import RidgePath, ridge_path, ridge_solutions
from fearless.solvers.paths.risk_path import RiskPath
from fearless.solvers.paths.samples import sample_path

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
