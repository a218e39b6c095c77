"""Potentials of mirror descent: geometries of the space of weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_positive

__all__ = ["HypentropyPotential", "Potential", "PowerPotential"]


class Potential(ABC):
    r"""A strictly convex potential :math:`\psi(w) = \sum_j \psi(w_j)`, the geometry of a descent.

    Its derivative, the *mirror map*, takes weights w to mirrored weights z, in which steps are
    taken; its inverse takes them back. Subclasses give the scalar functions, applied to arrays
    entry by entry.
    """

    @abstractmethod
    def value(self, w: NDArray) -> float:
        """Compute the sum of psi over the entries.

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        float
            The potential.
        """

    @abstractmethod
    def mirror(self, w: NDArray) -> NDArray:
        """Compute the derivative z of psi at each entry.

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        ndarray
            Mirrored weights.
        """

    @abstractmethod
    def inverse(self, z: NDArray) -> NDArray:
        """Compute the weights of mirrored weights.

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Weights.
        """

    @abstractmethod
    def inverse_slope(self, z: NDArray) -> NDArray:
        """Compute the derivative of the inverse at each entry.

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Slopes, >= 0, possibly infinite.
        """

    def divergence(self, w: NDArray, start: NDArray) -> float:
        r"""Compute the Bregman divergence, how far w is from the start in this geometry.

        .. math:: D(w, w_0) = \psi(w) - \psi(w_0) - \nabla \psi(w_0)^\top (w - w_0)

        Parameters
        ----------
        w, start : ndarray
            Weights.

        Returns
        -------
        float
            D, >= 0.
        """
        w, start = np.asarray(w, float), np.asarray(start, float)
        return self.value(w) - self.value(start) - float(self.mirror(start) @ (w - start))


@dataclass(frozen=True)
class PowerPotential(Potential):
    r"""The potential :math:`\psi(w) = |w|^q / q`: from zero, the norm :math:`l_q` is made small.

    Attributes
    ----------
    exponent : float
        q > 1. At 2 mirror descent is gradient descent; towards 1 solutions become sparse, for
        large q their entries become equal in size.
    """

    exponent: float

    def __post_init__(self) -> None:
        if check_positive(self.exponent, "exponent") <= 1:
            raise ValueError(f"exponent is {self.exponent}; expected a number above 1")

    def value(self, w: NDArray) -> float:
        """Compute sum |w|^q / q.

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        float
            The potential.
        """
        return float(np.sum(np.abs(w) ** self.exponent)) / self.exponent

    def mirror(self, w: NDArray) -> NDArray:
        """Compute sign(w) |w|^(q - 1).

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        ndarray
            Mirrored weights.
        """
        return np.sign(w) * np.abs(w) ** (self.exponent - 1)

    def inverse(self, z: NDArray) -> NDArray:
        """Compute sign(z) |z|^(1 / (q - 1)).

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Weights.
        """
        return np.sign(z) * np.abs(z) ** (1 / (self.exponent - 1))

    def inverse_slope(self, z: NDArray) -> NDArray:
        """Compute the derivative of the inverse.

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Slopes.
        """
        power = 1 / (self.exponent - 1)
        with np.errstate(divide="ignore"):  # for q > 2 it is infinite at zero
            return power * np.abs(z) ** (power - 1)


@dataclass(frozen=True)
class HypentropyPotential(Potential):
    r"""The potential :math:`\psi(w) = w \,\mathrm{arsinh}(w / \beta) - \sqrt{w^2 + \beta^2}`.

    Mirror flow with it is gradient flow on :math:`w = u^2 - v^2` (entry by entry, begun at
    :math:`u^2 = v^2 = \beta / 2`), a linear network of depth two.

    Attributes
    ----------
    scale : float
        :math:`\beta > 0`. From zero, solutions of small :math:`l_2` norm are picked for large
        scales and of small :math:`l_1` norm for scales that are tiny against the weights.
    """

    scale: float

    def __post_init__(self) -> None:
        check_positive(self.scale, "scale")

    def value(self, w: NDArray) -> float:
        """Compute the hypentropy.

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        float
            The potential.
        """
        b = self.scale
        return float(np.sum(w * np.arcsinh(w / b) - np.hypot(w, b)))

    def mirror(self, w: NDArray) -> NDArray:
        """Compute arsinh(w / beta).

        Parameters
        ----------
        w : ndarray
            Weights.

        Returns
        -------
        ndarray
            Mirrored weights.
        """
        return np.arcsinh(w / self.scale)

    def inverse(self, z: NDArray) -> NDArray:
        """Compute beta sinh(z).

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Weights.
        """
        return self.scale * np.sinh(z)

    def inverse_slope(self, z: NDArray) -> NDArray:
        """Compute beta cosh(z).

        Parameters
        ----------
        z : ndarray
            Mirrored weights.

        Returns
        -------
        ndarray
            Slopes.
        """
        return self.scale * np.cosh(z)
