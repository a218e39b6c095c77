"""Kernel machines: scikit-learn estimators on top of the solvers for kernel systems."""

from fearless.machines._agop import average_gradient_outer_product
from fearless.machines.kernel_machine import KernelMachine, KernelMachineClassifier
from fearless.machines.recursive import (
    RecursiveFeatureMachine,
    RecursiveFeatureMachineClassifier,
)
from fearless.machines.report import SolverReport

__all__ = [
    "KernelMachine",
    "KernelMachineClassifier",
    "RecursiveFeatureMachine",
    "RecursiveFeatureMachineClassifier",
    "SolverReport",
    "average_gradient_outer_product",
]
