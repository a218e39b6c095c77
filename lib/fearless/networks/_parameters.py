"""The parameters of a network as one vector: read, shift, and evaluate somewhere else."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import check_vector

Outputs = TypeVar("Outputs", torch.Tensor, NDArray)


def check_module(model: nn.Module) -> nn.Module:
    """Return the model if it is a network with something to train."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {model!r}; expected a torch.nn.Module")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model has no parameter that requires a gradient; expected at least one")
    return model


def check_outputs(values: Outputs) -> Outputs:
    """Return the outputs of a network if there is one row a sample."""
    if values.ndim != 2:
        raise ValueError(
            f"model has outputs of shape {tuple(values.shape)}; expected (n_samples, n_outputs)"
        )
    return values


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are trained, by name, in the order of the vector."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def flatten(parts: list[torch.Tensor]) -> torch.Tensor:
    """Return tensors, one a parameter, as one vector."""
    return torch.cat([part.reshape(-1) for part in parts])


def split(vector: torch.Tensor, like: dict[str, nn.Parameter]) -> dict[str, torch.Tensor]:
    """Return a vector as tensors in the shapes of the parameters, views of it."""
    pieces = vector.split([p.numel() for p in like.values()])
    return {name: v.view_as(p) for (name, p), v in zip(like.items(), pieces, strict=True)}


def parameter_vector(model: nn.Module) -> NDArray:
    """Copy all trained parameters into one vector.

    Parameters
    ----------
    model : torch.nn.Module
        A network with at least one parameter that requires a gradient.

    Returns
    -------
    ndarray of shape (p,)
        The parameters in the order of ``model.parameters()``.
    """
    weights = trained_parameters(check_module(model)).values()
    return flatten([p.detach() for p in weights]).numpy().copy()


def as_vector(values: ArrayLike, name: str, parameters: dict[str, nn.Parameter]) -> torch.Tensor:
    """Return a vector with one entry a parameter, in the type of the parameters."""
    first = next(iter(parameters.values()))
    vector = check_vector(values, name)
    count = sum(p.numel() for p in parameters.values())
    if len(vector) != count:
        raise ValueError(f"{name} has {len(vector)} entries; expected {count}, one a parameter")
    return torch.from_numpy(np.ascontiguousarray(vector)).to(first.dtype)
