"""Neural networks. Importing this package loads no torch; using a trained network does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fearless.networks.memorizer import ReLUMemorizer

__all__ = [
    "DescentRun",
    "FullyConnected",
    "HessianOperator",
    "Linearized",
    "LinearizedPath",
    "ReLUMemorizer",
    "TrainingRun",
    "descend",
    "empirical_tangent_kernel",
    "hessian_norm",
    "jacobian",
    "parameter_vector",
    "predict_numpy",
    "step_decay",
    "train",
    "train_stack",
    "train_sweep",
    "two_layer_relu",
    "weight_reuse_path",
    "widen",
]

# What needs torch, and where it is.
_LAZY = {
    "DescentRun": "descent",
    "FullyConnected": "fully_connected",
    "HessianOperator": "hessian",
    "Linearized": "linearization",
    "LinearizedPath": "linearized_path",
    "TrainingRun": "run",
    "descend": "descent",
    "empirical_tangent_kernel": "tangent",
    "hessian_norm": "hessian",
    "jacobian": "tangent",
    "parameter_vector": "_parameters",
    "predict_numpy": "run",
    "step_decay": "schedules",
    "train": "training",
    "train_stack": "stacked",
    "train_sweep": "sweep",
    "two_layer_relu": "models",
    "weight_reuse_path": "sweep",
    "widen": "models",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"fearless.networks.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
