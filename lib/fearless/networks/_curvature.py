"""Second derivatives in the weights by products alone, and the ends of their spectra."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator
from torch import nn

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_positive,
)
from fearless.networks._parameters import as_vector, flatten, split, trained_parameters
from fearless.networks.run import dtype_of

__all__ = ["CurvatureOperator"]


class CurvatureOperator(LinearOperator):
    """Multiply by the Hessian of a number with respect to the trained parameters of a network.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    value : torch.Tensor of shape ()
        The number, with the graph that leads to it from the parameters.
    """

    def __init__(self, model: nn.Module, value: torch.Tensor) -> None:
        self._parameters = trained_parameters(model)
        weights = list(self._parameters.values())
        # Kept with its graph, which every product runs through again.
        self._gradient = torch.autograd.grad(
            value, weights, create_graph=True, materialize_grads=True
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

    def _adjoint(self) -> CurvatureOperator:
        return self  # symmetric

    def top(
        self,
        *,
        tol: float = 1e-3,
        max_iter: int = 2000,
        vector: bool = True,
        signed: bool = False,
        random_state: RandomState = None,
    ) -> tuple[float, NDArray | None]:
        """Compute the eigenvalue of largest absolute value, or the largest, and its direction.

        Parameters
        ----------
        tol : float
            Relative accuracy: some eigenvalue is within tol times the result, and usually much
            closer, as the error of a Lanczos iteration is of the order of the squared residual.
        max_iter : int
            Products at most.
        vector : bool
            Whether to compute the direction too, which doubles the work.
        signed : bool
            Whether to compare eigenvalues with their signs: the largest one, even if a negative
            one is larger in absolute value.
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
            The Hessian is not finite, or an argument is not as described.
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
            k = -1 if signed or abs(values[-1]) >= abs(values[0]) else 0
            value, weights = float(values[k]), vectors[:, k]
            # Spectra are often nearly symmetric: the other end must be as well known, or smaller.
            other = beyond * abs(vectors[-1, -1 - k])
            known = signed or other <= tol * abs(value)
            known = known or abs(values[-1 - k]) + other < abs(value)
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
