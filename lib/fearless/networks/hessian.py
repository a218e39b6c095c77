"""How far a network is from linear in its weights: the norm of its Hessian."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator
from torch import nn

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_positive,
)
from fearless.networks._parameters import (
    as_vector,
    check_module,
    check_outputs,
    flatten,
    split,
    trained_parameters,
)
from fearless.networks.run import as_tensor, dtype_of

__all__ = ["HessianOperator", "hessian_norm"]


class HessianOperator(LinearOperator):
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
        self._parameters = trained_parameters(check_module(model))
        row = as_tensor(np.asarray(x)[None], "x", dtype=dtype_of(model))
        values = check_outputs(model(row))
        output = check_int(output, "output", minimum=0, maximum=values.shape[1] - 1)
        weights = list(self._parameters.values())
        # Kept with its graph, which every product runs through again.
        self._gradient = torch.autograd.grad(
            values[0, output], weights, create_graph=True, materialize_grads=True
        )
        count = sum(p.numel() for p in weights)
        dtype = np.float64 if dtype_of(model) == torch.float64 else np.float32
        super().__init__(dtype, (count, count))

    def _matvec(self, vector: NDArray) -> NDArray:
        weights = self._parameters
        direction = split(as_vector(np.ravel(vector), "vector", weights), weights)
        # Entries of the gradient that do not depend on the weights have no graph.
        pairs = [
            (g, v)
            for g, v in zip(self._gradient, direction.values(), strict=True)
            if g.requires_grad
        ]
        if not pairs:
            return np.zeros(self.shape[0], dtype=self.dtype)
        product = torch.autograd.grad(
            [g for g, _ in pairs],
            list(weights.values()),
            grad_outputs=[v for _, v in pairs],
            retain_graph=True,
            materialize_grads=True,
        )
        return flatten(list(product)).numpy()

    def _adjoint(self) -> HessianOperator:
        return self  # symmetric

    def top(
        self,
        *,
        tol: float = 1e-3,
        max_iter: int = 2000,
        vector: bool = True,
        random_state: RandomState = None,
    ) -> tuple[float, NDArray | None]:
        """Compute the eigenvalue of largest absolute value and its direction.

        Parameters
        ----------
        tol : float
            Relative accuracy: some eigenvalue is within tol times the result, and usually much
            closer, as the error of a Lanczos iteration is of the order of the squared residual.
        max_iter : int
            Products at most.
        vector : bool
            Whether to compute the direction too, which doubles the work.
        random_state : None, int or numpy.random.Generator
            Draws the start of the iteration.

        Returns
        -------
        value : float
            The eigenvalue, with its sign.
        direction : ndarray of shape (p,) or None
            A vector of length 1.

        Raises
        ------
        ValueError
            The Hessian is not finite.
        RuntimeError
            No convergence within ``max_iter`` products.
        """
        tol = check_positive(tol, "tol")
        max_iter = check_int(max_iter, "max_iter")
        start = as_generator(random_state).standard_normal(self.shape[0]).astype(self.dtype)
        start /= np.linalg.norm(start)
        # Squares of very small or large products would leave the range of floating point numbers.
        scale = self.dtype.type(np.abs(self @ start).max())
        if not np.isfinite(scale):
            raise ValueError(
                "the Hessian is not finite at this input and these weights; expected a network "
                "with finite second derivatives in the range of its dtype"
            )
        if scale == 0:  # the start is random: the whole matrix is zero
            return 0.0, start if vector else None
        diagonal: list[float] = []
        off: list[float] = []
        for _, along, beyond in self._lanczos(start, scale):
            diagonal.append(along)
            off.append(beyond)
            count = len(diagonal)
            # Ritz values are asked for every few products only; they cost O(count^2).
            if count % 5 and count < min(max_iter, self.shape[0]) and beyond > 0:
                continue
            values, vectors = eigh_tridiagonal(diagonal, off[:-1])
            k = -1 if abs(values[-1]) >= abs(values[0]) else 0
            value, weights = float(values[k]), vectors[:, k]
            # Spectra are often nearly symmetric: the other end must be as well known, or smaller.
            other = beyond * abs(vectors[-1, -1 - k])
            known = other <= tol * abs(value) or abs(values[-1 - k]) + other < abs(value)
            if beyond * abs(weights[-1]) <= tol * abs(value) and known:
                break
            if count >= max_iter:
                raise RuntimeError(
                    f"the Lanczos iteration did not reach tol = {tol:g} in max_iter = {max_iter} "
                    "products; raise one of them"
                )
        value *= float(scale)
        if not vector:
            return value, None
        # The basis is not kept: the same recurrence once more, to add up the direction.
        direction = np.zeros(self.shape[0], dtype=self.dtype)
        for weight, (basis, _, _) in zip(weights, self._lanczos(start, scale), strict=False):
            direction += self.dtype.type(weight) * basis
        return value, direction / np.linalg.norm(direction)

    def _lanczos(
        self, start: NDArray, scale: np.floating
    ) -> Iterator[tuple[NDArray, float, float]]:
        """Yield basis vectors, and what each adds to the diagonals of the Hessian over ``scale``.

        Three vectors are kept and none orthogonalised again: copies of converged eigenvalues may
        appear, which do no harm when only the largest one is wanted.
        """
        before, basis, beyond = np.zeros_like(start), start, 0.0
        while True:
            product = (self @ basis) / scale - self.dtype.type(beyond) * before
            along = float(basis @ product)
            product -= self.dtype.type(along) * basis
            beyond = float(np.linalg.norm(product))
            yield basis, along, beyond
            if beyond == 0:
                return
            before, basis = basis, product / self.dtype.type(beyond)


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
