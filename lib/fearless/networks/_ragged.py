"""Two-layer ReLU networks of different widths as one: gradients by hand, few matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import nn

from fearless.networks.models import empty_linear


class RaggedStack(nn.Module):
    """Hold two-layer ReLU networks of different widths; all see the same inputs.

    The hidden units of all members are the rows of one matrix, so that the first layer, where
    nearly all the work is, is one matrix product; the second is one batched product for each
    run of neighbours of equal width. Activations are stored unit by unit, samples in the columns,
    so that every product works on contiguous blocks.

    Parameters
    ----------
    models : sequence of nn.Sequential
        Networks as of ``two_layer_relu``, of the same input, output and type. They are copied.
    """

    def __init__(self, models: Sequence[nn.Sequential]) -> None:
        super().__init__()
        with torch.no_grad():
            layers = [(model[0], model[2]) for model in models]
            parts = (
                torch.cat([first.weight for first, _ in layers]),
                torch.cat([first.bias for first, _ in layers]),
                torch.cat([second.weight.T for _, second in layers]),
                torch.stack([second.bias for _, second in layers]),
            )
        # No autograd: the gradients are written by ``backward``.
        self.weight_1, self.bias_1, self.weight_2, self.bias_2 = (
            nn.Parameter(part.contiguous(), requires_grad=False) for part in parts
        )
        self._set_widths([first.out_features for first, _ in layers])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return all outputs, of shape (members, m, n_outputs)."""
        self._x = x
        self._hidden = torch.addmm(self.bias_1[:, None], self.weight_1, x.T).relu_()
        outputs = self.weight_1.new_empty(len(self.widths), self.bias_2.shape[1], len(x))
        for members, units, shape in self._groups:
            torch.bmm(
                self.weight_2[units].view(*shape, -1).transpose(1, 2),
                self._hidden[units].view(*shape, -1),
                out=outputs[members],
            )
        outputs += self.bias_2[:, :, None]
        return outputs.transpose(1, 2)

    def backward(self, outputs: torch.Tensor, gradient: torch.Tensor) -> None:
        """Set the gradients of all parameters from the one with respect to the last outputs.

        With G that gradient, H the hidden activations of a member and 1 the step function,
        dW_2 = G H^T, D = (W_2^T G) * 1[H > 0], dW_1 = D x, and row sums for the biases.
        """
        if self.weight_1.grad is None:
            for parameter in self.parameters():
                parameter.grad = torch.empty_like(parameter)
        hidden, gradient = self._hidden, gradient.transpose(1, 2)
        signal = torch.empty_like(hidden)
        for members, units, shape in self._groups:
            own = gradient[members]
            torch.bmm(
                hidden[units].view(*shape, -1),
                own.transpose(1, 2),
                out=self.weight_2.grad[units].view(*shape, -1),
            )
            torch.bmm(
                self.weight_2[units].view(*shape, -1), own, out=signal[units].view(*shape, -1)
            )
        torch.sum(gradient, dim=2, out=self.bias_2.grad)
        signal = torch.ops.aten.threshold_backward(signal, hidden, 0)
        torch.mm(signal, self._x, out=self.weight_1.grad)
        torch.sum(signal, dim=1, out=self.bias_1.grad)

    def keep(self, members: list[int]) -> dict[str, torch.Tensor]:
        """Return the rows of each parameter that belong to some members, and forget the others."""
        starts = self._starts()
        units = torch.cat([torch.arange(starts[i], starts[i] + self.widths[i]) for i in members])
        self._set_widths([self.widths[i] for i in members])
        return {
            "weight_1": units,
            "bias_1": units,
            "weight_2": units,
            "bias_2": torch.tensor(members),
        }

    def member(self, i: int) -> nn.Sequential:
        """Return one network by itself, as a copy."""
        start = self._starts()[i]
        units = slice(start, start + self.widths[i])
        d, k, dtype = self.weight_1.shape[1], self.bias_2.shape[1], self.weight_1.dtype
        first = empty_linear(d, self.widths[i], dtype)
        second = empty_linear(self.widths[i], k, dtype)
        with torch.no_grad():
            first.weight.copy_(self.weight_1[units])
            first.bias.copy_(self.bias_1[units])
            second.weight.copy_(self.weight_2[units].T)
            second.bias.copy_(self.bias_2[i])
        return nn.Sequential(first, nn.ReLU(), second)

    def _starts(self) -> list[int]:
        return [sum(self.widths[:i]) for i in range(len(self.widths))]

    def _set_widths(self, widths: list[int]) -> None:
        """Note where each run of neighbours of equal width has its members and units."""
        self.widths = widths
        self._groups = []
        member = unit = 0
        for width, run in groupby(widths):
            count = len(list(run))
            shape = (count, width)
            units = slice(unit, unit + count * width)
            self._groups.append((slice(member, member + count), units, shape))
            member, unit = member + count, unit + count * width
