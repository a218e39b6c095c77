r"""Methods of optimization on a quadratic as linear recurrences, each given by a few numbers.

Measured from a solution, the s points that a method remembers are z = (z_1, ..., z_s), the iterate
first. It asks for the gradient g at the point sum_j a_j z_j, and steps to

.. math:: z_i \leftarrow \sum_j B_{ij} z_j + c_i\, g .

Along an eigenvector of the Hessian with eigenvalue lambda a step multiplies z by the s x s matrix
B + lambda c a^T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_vector

__all__ = ["Recursion"]


class _LinearMethod(Protocol):
    """What is asked of a method: the three functions of `fearless.optimization.methods.Method`."""

    def start(self, w: Any) -> tuple[Any, ...]: ...

    def query(self, state: tuple[Any, ...], t: int) -> Any: ...

    def step(self, state: tuple[Any, ...], gradient: Any, t: int) -> tuple[Any, ...]: ...


@dataclass(frozen=True, eq=False)
class Recursion:
    r"""A method with constant parameters, as numbers.

    Attributes
    ----------
    keep : ndarray of shape (s, s)
        B: what becomes of the s points without a gradient.
    push : ndarray of shape (s,)
        c: where the gradient goes.
    ask : ndarray of shape (s,)
        a: the point where the gradient is taken.

    Notes
    -----
    Used in the section "Acceleration, and how momentum can fail".

    Examples
    --------
    >>> from fearless.optimization.methods import Nesterov
    >>> recursion = Recursion.of(Nesterov(1.0, 0.5))
    >>> recursion.matrix(0.1)
    array([[ 0.  ,  0.9 ],
           [-0.5 ,  1.35]])
    >>> round(recursion.radius([0.1, 1.0]), 4)
    0.75
    """

    keep: NDArray[np.float64]
    push: NDArray[np.float64]
    ask: NDArray[np.float64]

    @classmethod
    def of(cls, method: _LinearMethod) -> Recursion:
        """Read the numbers off a method, by letting it step from unit vectors.

        Parameters
        ----------
        method : Method
            One of `fearless.optimization.methods`, with plain numbers for hyperparameters. One
            whose parameters change with the step is taken in its limit.

        Returns
        -------
        Recursion

        Raises
        ------
        ValueError
            A hyperparameter is an array: it would be several methods at once.
        """
        for name, value in vars(method).items():
            if np.ndim(value):
                raise ValueError(
                    f"{name} of the method has shape {np.shape(value)}; expected a plain number"
                )
        late = 10**9
        size = len(method.start(0.0))
        unit = np.eye(size).tolist()
        keep = [method.step(tuple(column), 0.0, late) for column in unit]
        push = method.step((0.0,) * size, 1.0, late)
        ask = [method.query(tuple(column), late) for column in unit]
        return cls(np.array(keep, float).T, np.array(push, float), np.array(ask, float))

    @property
    def response(self) -> NDArray[np.float64]:
        """The matrix c a^T, which a step adds to B for an eigenvalue one."""
        return np.outer(self.push, self.ask)

    def matrix(self, eigenvalue: float) -> NDArray[np.float64]:
        """Return what a step multiplies z by, along one eigenvector.

        Parameters
        ----------
        eigenvalue : float
            lambda.

        Returns
        -------
        ndarray of shape (s, s)
        """
        return self.keep + eigenvalue * self.response

    def radius(self, eigenvalues: ArrayLike) -> float:
        """Compute the factor a step in the long run, on a quadratic with these eigenvalues.

        Parameters
        ----------
        eigenvalues : array-like of shape (k,)
            Of the Hessian.

        Returns
        -------
        float
            The largest spectral radius: errors go like its powers, and grow if it is above 1.

        Raises
        ------
        TypeError, ValueError
            An argument is not as described.

        Notes
        -----
        Cost O(k s^3).
        """
        values = check_vector(eigenvalues, "eigenvalues")
        steps = self.keep + values[:, None, None] * self.response
        return float(np.abs(np.linalg.eigvals(steps)).max())
