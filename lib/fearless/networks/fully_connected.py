"""Fully connected networks of any depth, in the parametrisation that has a limit of large width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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

__all__ = ["ACTIVATIONS", "Activation", "FullyConnected"]

TensorMap = Callable[[torch.Tensor], torch.Tensor]


class Activation(NamedTuple):
    """Hold an activation and its derivative, both applied entry by entry."""

    function: TensorMap
    derivative: TensorMap


def _erf_derivative(h: torch.Tensor) -> torch.Tensor:
    return (2 / math.sqrt(math.pi)) * torch.exp(-h * h)


def _sigmoid_derivative(h: torch.Tensor) -> torch.Tensor:
    s = torch.sigmoid(h)
    return s * (1 - s)


#: The activations by name. The derivative of the ReLU at 0 is 0, as in torch.
ACTIVATIONS = {
    "relu": Activation(torch.relu, lambda h: (h > 0).to(h.dtype)),
    "erf": Activation(torch.erf, _erf_derivative),
    "tanh": Activation(torch.tanh, lambda h: 1 - torch.tanh(h) ** 2),
    "sigmoid": Activation(torch.sigmoid, _sigmoid_derivative),
    "identity": Activation(lambda h: h, torch.ones_like),
}


class FullyConnected(nn.Module):
    r"""Draw a fully connected network with L hidden layers, from a seed.

    .. math::
        h^{l} = \frac{\sigma_w}{\sqrt{m_{l-1}}} W^{l} a^{l-1} + \sigma_b b^{l}, \qquad
        a^{l} = \varphi(h^{l}), \qquad a^0 = x, \quad f(x) = h^{L+1} ,

    with all entries of all W and b standard normal: the NTK parametrisation. The input layer and
    the output layer (l = 1 and l = L + 1) are layers like the others, with the same factors. In
    the standard parametrisation the factors are inside the draw, W ~ N(0, w_std^2 / m_{l-1}) and
    b ~ N(0, b_std^2), so that one seed gives the same function in both; their gradients differ.

    Parameters
    ----------
    n_inputs : int
        The dimension d = m_0 of x.
    width : int or sequence of int
        The number m of units of each hidden layer, or one number a layer.
    n_outputs : int
        The number k of outputs.
    depth : int, optional
        The number L of hidden layers; by default 1, or the length of ``width``.
    activation : {"relu", "erf", "tanh", "sigmoid", "identity"}
        The function phi. "erf" is the error function of ``math.erf``.
    parametrization : {"ntk", "standard"}
        Whether the factors stand before normal weights, or are the scales that these are drawn at.
    w_std : float
        The factor sigma_w > 0 of the weights, in all layers. The default, sqrt(2), keeps the mean
        square of a ReLU layer.
    b_std : float
        The factor sigma_b >= 0 of the biases. With 0 there are no biases at all.
    bottleneck : int, optional
        The width of the middle hidden layer, number L // 2 + 1 of L >= 2, whatever ``width`` says.
    output : callable, optional
        A smooth function of tensors, applied to the outputs entry by entry: f(x) = psi(h^{L+1}).
    random_state : None, int or numpy.random.Generator
        The source of randomness; the global one of torch is neither used nor changed.
    dtype : float32 or float64
        The type of the parameters; the draw is the same up to rounding.

    Attributes
    ----------
    weights : torch.nn.ParameterList
        The L + 1 matrices W, W^l of shape (m_l, m_{l-1}).
    biases : torch.nn.ParameterList
        The L + 1 vectors b; empty when ``b_std`` is 0.
    widths : tuple of int
        (m_0, ..., m_{L+1}): inputs, hidden layers, outputs.
    scales : tuple of float
        The L + 1 factors that stand before the matrices: w_std / sqrt(m_{l-1}), or 1 in the
        standard parametrisation.
    bias_scale : float
        The factor before the biases: b_std, or 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost of an evaluation O(sum_l m_l m_{l-1}) a sample. Used in the sections "Infinitely wide
    networks are kernels" and "The transition to linearity".

    References
    ----------
    A. Jacot, F. Gabriel, C. Hongler (2018), Neural tangent kernel: convergence and generalization
    in neural networks, NeurIPS.

    Examples
    --------
    >>> model = FullyConnected(3, 50, depth=2, b_std=0.1, random_state=0)
    >>> model.widths, sum(p.numel() for p in model.parameters())
    ((3, 50, 50, 1), 2801)
    >>> model(torch.zeros(4, 3)).shape
    torch.Size([4, 1])
    """

    def __init__(
        self,
        n_inputs: int,
        width: int | Sequence[int],
        n_outputs: int = 1,
        depth: int | None = None,
        activation: str = "relu",
        parametrization: str = "ntk",
        *,
        w_std: float = 2**0.5,
        b_std: float = 0.0,
        bottleneck: int | None = None,
        output: TensorMap | None = None,
        random_state: RandomState = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        hidden = _hidden_widths(width, depth, bottleneck)
        self.widths = (check_int(n_inputs, "n_inputs"), *hidden, check_int(n_outputs, "n_outputs"))
        self.activation = check_option(activation, "activation", tuple(ACTIVATIONS))
        self.parametrization = check_option(parametrization, "parametrization", ("ntk", "standard"))
        self.w_std = check_positive(w_std, "w_std")
        self.b_std = check_positive(b_std, "b_std", allow_zero=True)
        if output is not None and not callable(output):
            raise TypeError(f"output is {output!r}; expected None or a function of tensors")
        self.output = output
        double = check_float_dtype(dtype) == np.float64

        factors = tuple(self.w_std / math.sqrt(fan_in) for fan_in in self.widths[:-1])
        inside = self.parametrization == "standard"
        self.scales = (1.0,) * len(factors) if inside else factors
        self.bias_scale = 1.0 if inside else self.b_std
        seed = int(as_seed_sequence(random_state).generate_state(1)[0])
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int, scale: float) -> nn.Parameter:
            values = torch.empty(shape).normal_(generator=generator)
            values = values.double() if double else values
            return nn.Parameter(values * scale if inside else values)

        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out, factor in zip(self.widths[:-1], self.widths[1:], factors, strict=True):
            self.weights.append(draw(fan_out, fan_in, scale=factor))
            if self.b_std > 0:
                self.biases.append(draw(fan_out, scale=self.b_std))

    @property
    def depth(self) -> int:
        """The number L of hidden layers."""
        return len(self.widths) - 2

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Compute the outputs.

        Parameters
        ----------
        X : torch.Tensor of shape (n, d)
            Samples, one a row, in the type of the parameters.

        Returns
        -------
        torch.Tensor of shape (n, k)
            The values f(x_i).
        """
        last = self.forward_layers(X)[0][-1]
        return last if self.output is None else self.output(last)

    def forward_layers(self, X: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Compute what every layer takes in and gives out.

        Parameters
        ----------
        X : torch.Tensor of shape (n, d)
            Samples, one a row, in the type of the parameters.

        Returns
        -------
        preactivations : list of L + 1 tensors
            h^1, ..., h^{L+1}, of shapes (n, m_l); the last one is before ``output``.
        activations : list of L + 1 tensors
            What the layers act on: a^0 = X, a^1, ..., a^L.
        """
        if X.ndim != 2 or X.shape[1] != self.widths[0]:
            raise ValueError(
                f"X has shape {tuple(X.shape)}; expected (n_samples, {self.widths[0]})"
            )
        phi = ACTIVATIONS[self.activation].function
        preactivations: list[torch.Tensor] = []
        activations = [X]
        for layer, (W, scale) in enumerate(zip(self.weights, self.scales, strict=True)):
            h = activations[-1] @ W.T
            if scale != 1:
                h = h * scale
            if self.biases:
                h = h + self.bias_scale * self.biases[layer]
            preactivations.append(h)
            if layer < self.depth:
                activations.append(phi(h))
        return preactivations, activations

    def extra_repr(self) -> str:
        """Describe the network in one line, for ``repr``.

        Returns
        -------
        str
            Widths, activation, parametrisation and factors.
        """
        return (
            f"widths={self.widths}, activation={self.activation!r}, "
            f"parametrization={self.parametrization!r}, "
            f"w_std={self.w_std:.4g}, b_std={self.b_std:.4g}"
        )


def _hidden_widths(
    width: int | Sequence[int], depth: int | None, bottleneck: int | None
) -> tuple[int, ...]:
    """Return the widths of the hidden layers."""
    if depth is not None:
        depth = check_int(depth, "depth")
    if isinstance(width, Sequence | np.ndarray) and not isinstance(width, str):
        hidden = [check_int(m, "an entry of width") for m in width]
        if not hidden:
            raise ValueError("width is empty; expected at least one hidden layer")
        if depth is not None and depth != len(hidden):
            raise ValueError(f"depth is {depth}, but width has {len(hidden)} entries")
    else:
        hidden = [check_int(width, "width")] * (1 if depth is None else depth)
    if bottleneck is not None:
        narrow = check_int(bottleneck, "bottleneck")
        if len(hidden) < 2:
            raise ValueError("bottleneck needs at least 2 hidden layers; got depth 1")
        hidden[len(hidden) // 2] = narrow
    return tuple(hidden)
