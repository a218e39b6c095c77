"""A network replaced by its tangent at the start, a linear function of the weights."""

from __future__ import annotations

import copy

import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.func import functional_call

from fearless.networks._parameters import (
    as_vector,
    check_module,
    check_outputs,
    flatten,
    split,
    trained_parameters,
)
from fearless.networks.linearized_path import LinearizedPath
from fearless.networks.run import as_tensor, dtype_of, predict_numpy
from fearless.networks.tangent import empirical_tangent_kernel

__all__ = ["Linearized"]


class Linearized:
    r"""Hold the tangent of a network at its present weights.

    .. math::
        f_{\mathrm{lin}}(w; x) = f(w_0; x) + \langle \nabla_w f(w_0; x), \, w - w_0 \rangle .

    Linear in w, not in x. What the weights have moved, w - w_0, is called ``displacement``: one
    vector, with the parameters in the order of ``model.parameters()``.

    Parameters
    ----------
    model : torch.nn.Module
        A network that takes tensors of shape (n, d) and treats the rows one by one. It is copied:
        training it later does not move the tangent. All its parameters count.

    Attributes
    ----------
    model : torch.nn.Module
        The copy, at w_0.
    n_parameters : int
        The length p of w.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    No Jacobian is formed: `jvp` and `vjp` cost about as much as five and three evaluations of the
    network. Used in the section "The transition to linearity".

    References
    ----------
    J. Lee, L. Xiao, S. Schoenholz, Y. Bahri, R. Novak, J. Sohl-Dickstein, J. Pennington (2019),
    Wide neural networks of any depth evolve as linear models under gradient descent, NeurIPS.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> tangent = Linearized(FullyConnected(2, 10, random_state=0, dtype="float64"))
    >>> path = tangent.path([[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0])
    >>> path.predict([[1.0, 0.0], [0.0, 1.0]], path.flow_filter([1e3])).round(6).ravel()
    array([ 1., -1.])
    """

    def __init__(self, model: nn.Module) -> None:
        check_module(model)
        frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
        if frozen:
            raise ValueError(
                f"model has parameters that are not trained, {', '.join(frozen)}; expected none"
            )
        self.model = copy.deepcopy(model)
        self._parameters = trained_parameters(self.model)
        self._dtype = dtype_of(self.model)
        self.n_parameters: int = sum(p.numel() for p in self._parameters.values())

    def value(self, X: ArrayLike, displacement: ArrayLike | None = None) -> NDArray:
        """Compute f_lin(w_0 + displacement; x).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        displacement : array-like of shape (p,), optional
            What the weights have moved; None means not at all, which gives f(w_0; x).

        Returns
        -------
        ndarray of shape (n, k)
            The values.
        """
        start = check_outputs(predict_numpy(self.model, X))
        return start if displacement is None else start + self.jvp(X, displacement)

    def jvp(self, X: ArrayLike, displacement: ArrayLike) -> NDArray:
        """Multiply the Jacobian at w_0 by a vector of the length of the weights.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        displacement : array-like of shape (p,)
            The vector v.

        Returns
        -------
        ndarray of shape (n, k)
            ``<grad f_c(w_0; x_i), v>``.
        """
        rows = as_tensor(X, dtype=self._dtype)
        vector = as_vector(displacement, "displacement", self._parameters)
        # J'u is linear in u, and its derivative along v is Jv: two sweeps backwards do for one
        # forwards.
        values = check_outputs(self.model(rows))
        u = torch.zeros_like(values, requires_grad=True)
        weights = list(self._parameters.values())
        parts = torch.autograd.grad(
            (u * values).sum(), weights, create_graph=True, materialize_grads=True
        )
        (change,) = torch.autograd.grad(flatten(list(parts)) @ vector, u, materialize_grads=True)
        return change.numpy()

    def vjp(self, X: ArrayLike, coef: ArrayLike) -> NDArray:
        """Multiply the transposed Jacobian at w_0 by one number for each sample and output.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        coef : array-like of shape (n, k) or (n,)
            The numbers a_ic.

        Returns
        -------
        ndarray of shape (p,)
            ``sum_ic a_ic grad f_c(w_0; x_i)``.
        """
        rows = as_tensor(X, dtype=self._dtype)
        weights = as_tensor(coef, "coef", vector=True, dtype=self._dtype)
        values = check_outputs(self.model(rows))
        if weights.shape != values.shape:
            raise ValueError(
                f"coef has shape {tuple(weights.shape)}; expected {tuple(values.shape)}"
            )
        parts = torch.autograd.grad(
            (weights * values).sum(), list(self._parameters.values()), materialize_grads=True
        )
        return flatten(list(parts)).numpy()

    def gap(self, X: ArrayLike, displacement: ArrayLike) -> NDArray:
        """Compute how far the network itself is from its tangent, f - f_lin.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        displacement : array-like of shape (p,)
            What the weights have moved.

        Returns
        -------
        ndarray of shape (n, k)
            ``f(w_0 + displacement; x) - f_lin(w_0 + displacement; x)``.
        """
        rows = as_tensor(X, dtype=self._dtype)
        vector = as_vector(displacement, "displacement", self._parameters)
        along = split(vector, self._parameters)
        moved = {name: p.detach() + along[name] for name, p in self._parameters.items()}
        with torch.no_grad():
            values = functional_call(self.model, moved, (rows,)).numpy()
        return values - self.value(X, displacement)

    def kernel(self, X: ArrayLike, Z: ArrayLike | None = None) -> NDArray:
        """Compute the tangent kernel at w_0, with a block for each pair of outputs.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points, one a row.
        Z : array-like of shape (m, d), optional
            Other points; None means X.

        Returns
        -------
        ndarray of shape (n, k, m, k)
            ``<grad f_c(w_0; x_i), grad f_c'(w_0; z_j)>``.
        """
        return empirical_tangent_kernel(self.model, X, Z, trace=False)

    def path(self, X: ArrayLike, Y: ArrayLike) -> LinearizedPath:
        """Solve gradient flow and descent from w_0, for all times at once.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row.
        Y : array-like of shape (n,) or (n, k)
            Real targets.

        Returns
        -------
        LinearizedPath
            The weights, predictions and losses at any time or step.
        """
        return LinearizedPath(self, X, Y)
