"""Methods with momentum on a quadratic of two variables, at every step size and momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_option, check_positive
from fearless.optimization.methods import HeavyBall, Nesterov
from fearless.theory.rates.momentum import tuned_momentum

__all__ = ["METHODS", "MomentumSetting", "momentum_factor"]

#: The methods of the plane.
METHODS = ("heavy ball", "Nesterov")


def momentum_factor(
    method: str, step_size: ArrayLike, momentum: ArrayLike, eigenvalues: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute the factor a step by which errors shrink or grow in the long run.

    A step multiplies the last two errors along an eigenvector by a 2 x 2 matrix, whose eigenvalues
    solve :math:`z^2 - b z + c = 0` with

    .. math:: b = 1 + \gamma - \eta\lambda, \quad c = \gamma \qquad \text{(heavy ball)}, \qquad
        b = (1 + \gamma)(1 - \eta\lambda), \quad c = \gamma (1 - \eta\lambda)
        \qquad \text{(Nesterov)} .

    Parameters
    ----------
    method : {"heavy ball", "Nesterov"}
        Which one.
    step_size, momentum : array-like
        eta and gamma; broadcast against each other.
    eigenvalues : array-like of shape (k,)
        Of the Hessian.

    Returns
    -------
    ndarray
        The largest modulus over all eigenvalues; below 1 the method converges.

    Notes
    -----
    Cost O(k) a setting.

    Examples
    --------
    >>> momentum_factor("heavy ball", [0.5, 2.0], 0.25, [1.0])
    array([0.5, 0.5])
    """
    check_option(method, "method", METHODS)
    eta = np.asarray(step_size, dtype=float)[..., None]
    gamma = np.asarray(momentum, dtype=float)[..., None]
    left = 1 - eta * np.asarray(eigenvalues, dtype=float)
    if method == "heavy ball":
        b, c = left + gamma, gamma + 0 * left
    else:
        b, c = (1 + gamma) * left, gamma * left
    discriminant = b * b - 4 * c
    real = (np.abs(b) + np.sqrt(np.maximum(discriminant, 0))) / 2
    return np.max(np.where(discriminant < 0, np.sqrt(np.abs(c)), real), axis=-1)


@dataclass(frozen=True)
class MomentumSetting:
    """A method with a step size and a momentum, on eigenvalues 1 and 1/condition.

    Attributes
    ----------
    method : str
        One of `METHODS`.
    step_size, momentum : float
        eta, in units of 1 / lambda_1, and gamma.
    condition : float
        kappa.
    """

    method: str
    step_size: float
    momentum: float
    condition: float = 20.0

    def __post_init__(self) -> None:
        check_option(self.method, "method", METHODS)
        check_positive(self.step_size, "step_size")
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"momentum is {self.momentum}; expected a number in [0, 1]")
        if check_positive(self.condition, "condition") < 1:
            raise ValueError(f"condition is {self.condition}; expected a number >= 1")

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Of the Hessian: along the first axis 1/kappa, along the second 1."""
        return np.array([1 / self.condition, 1.0])

    @property
    def factor(self) -> float:
        """The factor a step in the long run."""
        return float(momentum_factor(self.method, self.step_size, self.momentum, self.eigenvalues))

    def best(self, with_momentum: bool = True) -> MomentumSetting:
        """Find the setting of this method with the least factor.

        Parameters
        ----------
        with_momentum : bool
            Whether momentum is allowed; without, it is gradient descent at its best.

        Returns
        -------
        MomentumSetting
        """
        name = "heavy ball" if self.method == "heavy ball" else "tuned Nesterov"
        if not with_momentum:
            name = "gradient descent"
        step_size, momentum = tuned_momentum(name, 1.0, 1 / self.condition)
        return MomentumSetting(self.method, step_size, momentum, self.condition)

    def path(self, start: ArrayLike, steps: int = 60) -> NDArray[np.float64]:
        """Run the method.

        Parameters
        ----------
        start : array-like of shape (2,)
            The first point; the solution is zero.
        steps : int
            The number of steps.

        Returns
        -------
        ndarray of shape (steps + 1, 2)
        """
        steps = check_int(steps, "steps")
        kind = HeavyBall if self.method == "heavy ball" else Nesterov
        method = kind(self.step_size, self.momentum)
        points = [np.asarray(start, dtype=float)]
        state = method.start(points[0])
        for t in range(steps):
            state = method.step(state, self.eigenvalues * method.query(state, t), t)
            points.append(state[0])
        return np.array(points)
