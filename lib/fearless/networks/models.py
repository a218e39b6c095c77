"""Networks of the book as PyTorch modules, drawn from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_float_dtype,
    check_int,
    check_option,
    check_positive,
)

__all__ = ["two_layer_relu", "widen"]


def two_layer_relu(
    n_inputs: int,
    width: int,
    n_outputs: int,
    random_state: RandomState = None,
    *,
    init: str = "he",
    dtype: Any = np.float32,
) -> nn.Sequential:
    r"""Draw a two-layer ReLU network.

    .. math::
        f(x) = W_2 \max(W_1 x + b_1, 0) + b_2 , \qquad b_1 = 0, \quad b_2 = 0 .

    Parameters
    ----------
    n_inputs : int
        The dimension d of x.
    width : int
        The number m of hidden units.
    n_outputs : int
        The number k of outputs.
    random_state : None, int or numpy.random.Generator
        The source of randomness; the global one of torch is neither used nor changed.
    init : {"he", "glorot"}
        The entries of a layer with a inputs and b outputs: normal with variance 2 / a; or uniform
        on [-c, c], c^2 = 6 / (a + b).
    dtype : float32 or float64
        The type of the parameters; the draw is the same up to rounding.

    Returns
    -------
    torch.nn.Sequential
        Linear, ReLU, Linear: (d + 1) m + (m + 1) k parameters.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the sections "What you see is not what you get" and "Every model does it".

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, ICCV.

    X. Glorot, Y. Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks, AISTATS.

    Examples
    --------
    >>> model = two_layer_relu(3, 5, 2, random_state=0)
    >>> sum(p.numel() for p in model.parameters())
    32
    """
    n_inputs = check_int(n_inputs, "n_inputs")
    width = check_int(width, "width")
    n_outputs = check_int(n_outputs, "n_outputs")
    check_option(init, "init", ("he", "glorot"))
    double = check_float_dtype(dtype) == np.float64
    generator = _generator(random_state)
    layers = [empty_linear(n_inputs, width), empty_linear(width, n_outputs)]
    with torch.no_grad():
        for layer in layers:
            if init == "he":
                layer.weight.normal_(0, (2 / layer.in_features) ** 0.5, generator=generator)
            else:
                bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    return model.double() if double else model


def widen(
    model: nn.Sequential, width: int, *, scale: float = 0.1, random_state: RandomState = None
) -> nn.Sequential:
    """Add hidden units to a two-layer network and keep the weights of those it has.

    Parameters
    ----------
    model : torch.nn.Sequential
        A network as of :func:`two_layer_relu`; it is not changed.
    width : int
        The new number of hidden units, at least the old one.
    scale : float
        Standard deviation of all weights of the new units, biases included, around 0.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    torch.nn.Sequential
        The wider network.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The *weight reuse* of Belkin et al. (2019), there with variance 0.01, which is the default.
    Used in the section "Every model does it".

    References
    ----------
    M. Belkin, D. Hsu, S. Ma, S. Mandal (2019), Reconciling modern machine-learning practice and
    the classical bias-variance trade-off, PNAS 116(32).

    Examples
    --------
    >>> small = two_layer_relu(3, 5, 2, random_state=0)
    >>> large = widen(small, 7, random_state=1)
    >>> bool((large[0].weight[:5] == small[0].weight).all()), large[2].weight.shape[1]
    (True, 7)
    """
    check_two_layer(model, "model")
    first, second = model[0], model[2]
    old = first.out_features
    width = check_int(width, "width", minimum=old)
    scale = check_positive(scale, "scale", allow_zero=True)
    generator = _generator(random_state)
    dtype = first.weight.dtype
    layers = [
        empty_linear(first.in_features, width, dtype),
        empty_linear(width, second.out_features, dtype),
    ]
    with torch.no_grad():
        for tensor in (layers[0].weight, layers[0].bias, layers[1].weight):
            # Drawn in float32 whatever the type, as by two_layer_relu.
            tensor.copy_(torch.empty(tensor.shape).normal_(0, scale, generator=generator))
        layers[0].weight[:old] = first.weight
        layers[0].bias[:old] = first.bias
        layers[1].weight[:, :old] = second.weight
        layers[1].bias.copy_(second.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1])


def empty_linear(n_inputs: int, n_outputs: int, dtype: torch.dtype = torch.float32) -> nn.Linear:
    """Return a layer without values: torch's own draw would advance its global generator."""
    layer = nn.Linear(n_inputs, n_outputs, device="meta")
    layer.weight = nn.Parameter(torch.empty(n_outputs, n_inputs, dtype=dtype))
    layer.bias = nn.Parameter(torch.empty(n_outputs, dtype=dtype))
    return layer


def check_two_layer(model: nn.Module, name: str) -> None:
    """Raise an error that names the model unless it is Linear, ReLU, Linear."""
    if not (
        isinstance(model, nn.Sequential)
        and [type(layer) for layer in model] == [nn.Linear, nn.ReLU, nn.Linear]
        and model[0].bias is not None
        and model[2].bias is not None
    ):
        raise TypeError(f"{name} is {model!r}; expected a network as of two_layer_relu")


def _generator(random_state: RandomState) -> torch.Generator:
    seed = int(as_seed_sequence(random_state).generate_state(1)[0])
    return torch.Generator().manual_seed(seed)
