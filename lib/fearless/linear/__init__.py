"""Linear models: the fit of minimum norm, and the paths that gradient methods take to it."""

from fearless.linear.gradient_path import GradientPath
from fearless.linear.min_norm import MinNormRegressor

__all__ = ["GradientPath", "MinNormRegressor"]
