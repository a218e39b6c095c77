"""Positive definite kernels: callables ``K(X, Z) -> (n, m)`` with ``K.diag(X)``.

A kernel is a small immutable value: hashable, picklable, safe as a default argument.
"""

from fearless.kernels.arc_cosine import ArcCosineKernel
from fearless.kernels.base import Kernel
from fearless.kernels.infinite_width import NNGPKernel, NTKernel
from fearless.kernels.isotropic import GaussianKernel, IsotropicKernel, LaplacianKernel
from fearless.kernels.matern import MaternKernel

__all__ = [
    "ArcCosineKernel",
    "GaussianKernel",
    "IsotropicKernel",
    "Kernel",
    "LaplacianKernel",
    "MaternKernel",
    "NNGPKernel",
    "NTKernel",
]
