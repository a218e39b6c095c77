"""Experiments of the part *Double descent*, one module a page or a question."""

from fearless.experiments.double_descent.curve import (
    KernelLimit,
    RiskCurves,
    TunedRidge,
    double_descent_curve,
    kernel_limit,
    noisy_curves,
    tuned_ridge_curves,
    width_grid,
)

__all__ = [
    "KernelLimit",
    "RiskCurves",
    "TunedRidge",
    "double_descent_curve",
    "kernel_limit",
    "noisy_curves",
    "tuned_ridge_curves",
    "width_grid",
]
