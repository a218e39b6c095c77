"""Interpolation by averaging nearby labels: neighbours, singular kernels, simplices."""

from fearless.local.neighbors import (
    InterpolatedNeighborsClassifier,
    InterpolatedNeighborsRegressor,
)
from fearless.local.simplicial import Simplices, SimplicialInterpolator
from fearless.local.singular import SingularKernelClassifier, SingularKernelRegressor

__all__ = [
    "InterpolatedNeighborsClassifier",
    "InterpolatedNeighborsRegressor",
    "Simplices",
    "SimplicialInterpolator",
    "SingularKernelClassifier",
    "SingularKernelRegressor",
]
