"""Networks of the book as PyTorch modules, drawn from a seed."""

from __future__ import annotations

import torch
from torch import nn

from fearless._validation import RandomState, as_seed_sequence, check_int

__all__ = ["two_layer_relu"]


def two_layer_relu(
    n_inputs: int, width: int, n_outputs: int, random_state: RandomState = None
) -> nn.Sequential:
    r"""Draw a two-layer ReLU network with the initialisation of He et al.

    .. math::
        f(x) = W_2 \max(W_1 x + b_1, 0) + b_2 , \qquad
        W_1 \sim N(0, 2 / d), \quad W_2 \sim N(0, 2 / m), \quad b = 0 .

    Parameters
    ----------
    n_inputs : int
        The dimension d of x.
    width : int
        The number m of hidden units.
    n_outputs : int
        The number of outputs.
    random_state : None, int or numpy.random.Generator
        The source of randomness; the global one of torch is neither used nor changed.

    Returns
    -------
    torch.nn.Sequential
        Linear, ReLU, Linear, in float32: (d + 1) m + (m + 1) n_outputs parameters.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "What you see is not what you get".

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers, ICCV.

    Examples
    --------
    >>> model = two_layer_relu(3, 5, 2, random_state=0)
    >>> sum(p.numel() for p in model.parameters())
    32
    """
    n_inputs = check_int(n_inputs, "n_inputs")
    width = check_int(width, "width")
    n_outputs = check_int(n_outputs, "n_outputs")
    seed = int(as_seed_sequence(random_state).generate_state(1)[0])
    generator = torch.Generator().manual_seed(seed)
    # skip_init spares torch's own draw, which would advance its global generator.
    layers = [
        nn.utils.skip_init(nn.Linear, n_inputs, width),
        nn.utils.skip_init(nn.Linear, width, n_outputs),
    ]
    with torch.no_grad():
        for layer in layers:
            layer.weight.normal_(0, (2 / layer.in_features) ** 0.5, generator=generator)
            layer.bias.zero_()
    return nn.Sequential(layers[0], nn.ReLU(), layers[1])
