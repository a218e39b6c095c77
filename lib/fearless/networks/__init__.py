"""Neural networks. Importing this package loads no torch; using a trained network does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fearless.networks.memorizer import ReLUMemorizer

__all__ = [
    "ReLUMemorizer",
    "TrainingRun",
    "predict_numpy",
    "train",
    "train_stack",
    "two_layer_relu",
]

# What needs torch, and where it is.
_LAZY = {
    "TrainingRun": "run",
    "predict_numpy": "run",
    "train": "training",
    "train_stack": "stacked",
    "two_layer_relu": "models",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"fearless.networks.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
