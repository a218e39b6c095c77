"""The tangent kernel of a network of finite width: inner products of gradients in the weights."""

from __future__ import annotations

import math

import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless.networks.fully_connected import ACTIVATIONS, FullyConnected
from fearless.networks.run import as_tensor, dtype_of

__all__ = ["empirical_tangent_kernel", "jacobian"]


def empirical_tangent_kernel(
    model: nn.Module, X: ArrayLike, Z: ArrayLike | None = None, *, trace: bool = True
) -> NDArray:
    r"""Compute the tangent kernel of a network at its present weights.

    .. math::
        \hat\Theta_{cc'}(x, z)
        = \langle \nabla_w f_c(w; x), \, \nabla_w f_{c'}(w; z) \rangle .

    The gradient in the weights of one layer is the outer product of what the layer takes in, a,
    and of how the output moves with what it gives out, d = df / dh. Inner products of outer
    products factor, so that no gradient is ever formed:

    .. math::
        \hat\Theta(x, z) = \sum_{l=1}^{L+1} \langle d^l(x), d^l(z) \rangle \,
        \bigl( s_l^2 \langle a^{l-1}(x), a^{l-1}(z) \rangle + s_b^2 \bigr) ,

    where s_l and s_b are the factors of the parametrisation (``model.scales``, ``bias_scale``).

    Parameters
    ----------
    model : FullyConnected
        The network; any other module, subclasses included, goes through its :func:`jacobian`, in
        blocks of rows. All parameters count, also those that do not require a gradient.
    X : array-like of shape (n, d)
        Points, one a row; computed in the type of the model's parameters.
    Z : array-like of shape (n', d), optional
        Other points; None means X, and the result is then exactly symmetric.
    trace : bool
        Whether to return the mean of the diagonal over the k outputs, (1/k) sum_c Theta_cc, which
        has the same limit of large width as each of them.

    Returns
    -------
    ndarray of shape (n, n'), or (n, k, n', k) when ``trace`` is False
        The kernel; ``result[i, c, j, c']`` belongs to outputs c at x_i and c' at z_j.

    Raises
    ------
    TypeError, ValueError
        X, Z or the model is not as described.

    Notes
    -----
    Cost O(n p k) to get all d for p weights, and O(n n' k sum_l m_l) for the sum, where the
    Jacobian takes O(n n' k p): for two hidden layers of width 512 about 250 times more. Used in
    the sections "Infinitely wide networks are kernels" and "The transition to linearity".

    References
    ----------
    R. Novak, J. Sohl-Dickstein, S. Schoenholz (2022), Fast finite width neural tangent kernel,
    ICML.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> model = FullyConnected(3, 1000, random_state=0)
    >>> K = empirical_tangent_kernel(model, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> K.shape, bool((K == K.T).all())
    ((2, 2), True)
    """
    _check_model(model)
    x = as_tensor(X, "X", dtype=dtype_of(model))
    z = None if Z is None else as_tensor(Z, "Z", dtype=x.dtype)
    if z is not None and z.shape[1] != x.shape[1]:
        raise ValueError(f"Z has {z.shape[1]} columns; expected {x.shape[1]}")
    # What a subclass computes may be something else.
    compute = _layerwise if type(model) is FullyConnected else _from_jacobians
    with torch.no_grad():
        K = compute(model, x, x if z is None else z, trace)
        if z is None:  # matrix products need not round (i, j) and (j, i) alike
            flat = K if trace else K.flatten(0, 1).flatten(1)
            flat += flat.T.clone()
            flat /= 2
    return K.numpy()


def jacobian(model: nn.Module, X: ArrayLike) -> NDArray:
    r"""Compute the gradients of all outputs in all weights, at every sample.

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d) to tensors of shape (n, k) and treats the rows
        one by one.
    X : array-like of shape (n, d)
        Points, one a row; computed in the type of the model's parameters.

    Returns
    -------
    ndarray of shape (n, k, p)
        ``df_c(x_i) / dw_j``, the weights in the order of ``model.parameters()``, each flattened.

    Raises
    ------
    TypeError, ValueError
        X or the model is not as described.

    Notes
    -----
    Vectorised over samples and outputs by ``torch.func``; cost O(n p k) and as much memory, which
    is what :func:`empirical_tangent_kernel` avoids. Used in the section "Infinitely wide networks
    are kernels" for the size of the gain.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> jacobian(FullyConnected(3, 50, random_state=0), [[1.0, 2.0, 3.0]]).shape
    (1, 1, 200)
    """
    _check_model(model)
    x = as_tensor(X, "X", dtype=dtype_of(model))
    _n_outputs(model, x)
    return _jacobian(model, x).numpy()


def _check_model(model: nn.Module) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {model!r}; expected a torch.nn.Module")
    if next(model.parameters(), None) is None:
        raise ValueError(f"model is {model!r}, which has no parameters to differentiate in")


def _n_outputs(model: nn.Module, x: torch.Tensor) -> int:
    with torch.no_grad():
        shape = tuple(model(x[:1]).shape)
    if len(shape) != 2 or shape[0] != 1:
        raise ValueError(
            f"model maps X of shape (1, {x.shape[1]}) to shape {shape}; expected (1, n_outputs)"
        )
    return shape[1]


def _layerwise(
    model: FullyConnected, x: torch.Tensor, z: torch.Tensor, trace: bool
) -> torch.Tensor:
    """Sum over layers; arrays of shape (n, k, m_l) are written as (n, k m_l) or (n k, m_l)."""
    k = model.widths[-1]
    left = _inputs_and_derivatives(model, x)
    right = left if z is x else _inputs_and_derivatives(model, z)
    shape = (len(x), len(z)) if trace else (len(x) * k, len(z) * k)
    K = torch.zeros(shape, dtype=x.dtype)
    bias = model.bias_scale**2 if model.biases else 0.0
    for (a, d), (b, e), scale in zip(left, right, model.scales, strict=True):
        inputs = (a @ b.T).mul_(scale**2).add_(bias)
        if trace:
            K.addcmul_((d.flatten(1) @ e.flatten(1).T), inputs, value=1 / k)
        else:
            blocks = (d.flatten(0, 1) @ e.flatten(0, 1).T).view(len(x), k, len(z), k)
            K.view(len(x), k, len(z), k).addcmul_(blocks, inputs[:, None, :, None])
    return K if trace else K.view(len(x), k, len(z), k)


def _inputs_and_derivatives(
    model: FullyConnected, x: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return for each layer what it takes in, (n, m_{l-1}), and df / dh^l, (n, k, m_l)."""
    preactivations, activations = model.forward_layers(x)
    k = model.widths[-1]
    slope = ACTIVATIONS[model.activation].derivative
    d = torch.eye(k, dtype=x.dtype).expand(len(x), k, k)
    if model.output is not None:
        # A matrix for each sample, diagonal if the function acts entry by entry; a softmax, say,
        # does not.
        outer = torch.func.jacrev(lambda row: model.output(row[None])[0])
        d = torch.func.vmap(outer)(preactivations[-1])
    derivatives = [d]
    for layer in range(model.depth, 0, -1):
        # One matrix product for all samples and outputs: (n k, m_{l+1}) times (m_{l+1}, m_l).
        d = (d.reshape(-1, d.shape[2]) @ model.weights[layer]).view(len(x), k, -1)
        d *= (slope(preactivations[layer - 1]) * model.scales[layer])[:, None, :]
        derivatives.append(d)
    return list(zip(activations, reversed(derivatives), strict=True))


def _jacobian(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def outputs(weights: dict[str, torch.Tensor], row: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, weights, (row[None],))[0]

    by_name = torch.func.vmap(torch.func.jacrev(outputs), in_dims=(None, 0))(parameters, x)
    return torch.cat([by_name[name].flatten(2) for name in parameters], dim=2)


_JACOBIAN_ENTRIES = 2**24


def _from_jacobians(
    model: nn.Module, x: torch.Tensor, z: torch.Tensor, trace: bool
) -> torch.Tensor:
    n_weights = sum(p.numel() for p in model.parameters())
    n_outputs = _n_outputs(model, x)
    rows = max(1, math.floor(_JACOBIAN_ENTRIES / (n_weights * n_outputs)))
    strips = []
    for i in range(0, len(x), rows):
        left = _jacobian(model, x[i : i + rows])
        strip = []
        for j in range(0, len(z), rows):
            right = left if z is x and i == j else _jacobian(model, z[j : j + rows])
            if trace:
                strip.append(torch.einsum("icp,jcp->ij", left, right) / n_outputs)
            else:
                strip.append(torch.einsum("icp,jdp->icjd", left, right))
        strips.append(torch.cat(strip, dim=1 if trace else 2))
    return torch.cat(strips)
