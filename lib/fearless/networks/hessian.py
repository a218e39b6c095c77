"""How far a network is from linear in its weights: the norm of its Hessian."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import RandomState, as_generator, check_int
from fearless.networks._curvature import CurvatureOperator
from fearless.networks._parameters import check_module, check_outputs
from fearless.networks.run import as_tensor, dtype_of

__all__ = ["HessianOperator", "hessian_norm"]


class HessianOperator(CurvatureOperator):
    r"""Multiply by the Hessian of one output with respect to the trained parameters.

    .. math::
        H v = \nabla_w \langle \nabla_w f(w; x), v \rangle , \qquad H = \nabla^2_w f(w; x) .

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d). Only parameters that require a gradient
        count, in the order of ``model.parameters()``.
    x : array-like of shape (d,)
        The input.
    output : int
        Which of the outputs of the network is f.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A `scipy.sparse.linalg.LinearOperator` of shape (p, p) that holds the graph of one gradient;
    parameters changed afterwards are not seen. A product costs about as much as four evaluations
    of the network, whatever p. The Hessian is that of automatic differentiation: a ReLU counts as
    linear on either side of its kink. Used in the section "The transition to linearity".

    References
    ----------
    B. A. Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6.

    Examples
    --------
    >>> class Square(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = nn.Parameter(torch.tensor([3.0, 4.0]))
    ...     def forward(self, x):
    ...         return (x @ self.w**2)[:, None]
    >>> HessianOperator(Square(), [1.0, 5.0]) @ np.array([1.0, 1.0])
    array([ 2., 10.], dtype=float32)
    """

    def __init__(self, model: nn.Module, x: ArrayLike, output: int = 0) -> None:
        check_module(model)
        row = as_tensor(np.asarray(x)[None], "x", dtype=dtype_of(model))
        values = check_outputs(model(row))
        output = check_int(output, "output", minimum=0, maximum=values.shape[1] - 1)
        super().__init__(model, values[0, output])


def hessian_norm(
    model: nn.Module,
    X: ArrayLike,
    *,
    tol: float = 1e-3,
    max_iter: int = 2000,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    r"""Compute the spectral norm of the Hessian of a network in its weights.

    .. math::
        \|H\| = \max_{\|v\| = 1} |v^\top \nabla^2_w f_j(w; x_i) \, v| .

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d). Only parameters that require a gradient
        count.
    X : array-like of shape (n, d)
        Inputs, one a row.
    tol : float
        Relative accuracy.
    max_iter : int
        Products with the Hessian at most, for each norm.
    random_state : None, int or numpy.random.Generator
        Draws the start of the iteration.

    Returns
    -------
    ndarray of shape (n, k)
        The norm for each input and output.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or a Hessian is not finite.
    RuntimeError
        No convergence within ``max_iter`` products.

    Notes
    -----
    A Lanczos iteration on products with the Hessian, which is never formed: some dozens of
    products for each norm, each at the price of four evaluations, and memory for a few vectors of
    length p. Used in the section "The transition to linearity".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2020), On the linearity of large non-linear models: when and why
    the tangent kernel is constant, NeurIPS.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> x = np.ones((1, 4))
    >>> small, large = (
    ...     FullyConnected(4, m, activation="tanh", random_state=0) for m in (100, 10000)
    ... )
    >>> bool(hessian_norm(large, x)[0, 0] < 0.2 * hessian_norm(small, x)[0, 0])
    True
    """
    check_module(model)
    X = as_tensor(X, dtype=dtype_of(model)).numpy()
    with torch.no_grad():
        n_outputs = check_outputs(model(torch.from_numpy(X[:1]))).shape[1]
    rng = as_generator(random_state)
    norms = np.empty((len(X), n_outputs))
    for i, x in enumerate(X):
        for j in range(n_outputs):
            operator = HessianOperator(model, x, j)
            value, _ = operator.top(tol=tol, max_iter=max_iter, vector=False, random_state=rng)
            norms[i, j] = abs(value)
    return norms
