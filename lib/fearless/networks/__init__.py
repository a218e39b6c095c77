"""Neural networks. Importing this package loads no torch; using a trained network does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fearless.networks.memorizer import ReLUMemorizer
from fearless.networks.requirement import TorchMissing, require_torch

__all__ = [
    "DecayRun",
    "DescentRun",
    "FullyConnected",
    "HessianOperator",
    "Linearized",
    "LinearizedPath",
    "LossHessian",
    "MethodOptimizer",
    "NormalizedNetworks",
    "PLPath",
    "ReLUMemorizer",
    "SharpnessPath",
    "TorchMissing",
    "TrainingRun",
    "descend",
    "empirical_tangent_kernel",
    "hessian_norm",
    "jacobian",
    "parameter_vector",
    "pl_path",
    "predict_numpy",
    "require_torch",
    "sharpness",
    "sharpness_path",
    "step_decay",
    "train",
    "train_stack",
    "train_sweep",
    "train_with_decay",
    "two_layer_relu",
    "weight_reuse_path",
    "widen",
]

# What needs torch, and where it is.
_LAZY = {
    "DecayRun": "scale_invariant",
    "DescentRun": "descent",
    "FullyConnected": "fully_connected",
    "HessianOperator": "hessian",
    "Linearized": "linearization",
    "LinearizedPath": "linearized_path",
    "LossHessian": "loss_hessian",
    "MethodOptimizer": "optimizer",
    "NormalizedNetworks": "scale_invariant",
    "PLPath": "pl_run",
    "SharpnessPath": "loss_hessian",
    "TrainingRun": "run",
    "descend": "descent",
    "empirical_tangent_kernel": "tangent",
    "hessian_norm": "hessian",
    "jacobian": "tangent",
    "parameter_vector": "_parameters",
    "pl_path": "pl_run",
    "predict_numpy": "run",
    "sharpness": "loss_hessian",
    "sharpness_path": "loss_hessian",
    "step_decay": "schedules",
    "train": "training",
    "train_stack": "stacked",
    "train_sweep": "sweep",
    "train_with_decay": "scale_invariant",
    "two_layer_relu": "models",
    "weight_reuse_path": "sweep",
    "widen": "models",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        try:
            module = import_module(f"fearless.networks.{_LAZY[name]}")
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise TorchMissing from None
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
