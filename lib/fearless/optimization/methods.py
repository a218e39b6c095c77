"""Gradient descent, the methods with momentum, and Chebyshev's, as linear recurrences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_positive, check_vector
from fearless.optimization.method import Hyperparameter, Method, State

__all__ = ["Chebyshev", "GradientDescent", "HeavyBall", "MaSS", "Method", "Nesterov"]


# Only what is new is written to: for hundreds of runs at once memory is what steps cost.
def _descend(point: Any, step_size: Hyperparameter, gradient: Any) -> Any:
    """Return point - step_size * gradient."""
    moved = -step_size * gradient
    moved += point
    return moved


def _look_ahead(new: Any, old: Any, momentum: Hyperparameter) -> Any:
    """Return new + momentum * (new - old)."""
    ahead = momentum * (new - old)
    ahead += new
    return ahead


@dataclass(frozen=True, eq=False)
class GradientDescent(Method):
    r"""Gradient descent, :math:`w_{t+1} = w_t - \eta g(w_t)`; with batches, SGD.

    Attributes
    ----------
    step_size : float or ndarray of shape (R,)
        The step size eta.

    Notes
    -----
    Stable below :math:`2 / \lambda_1`. Used in the section "SGD under interpolation".
    """

    step_size: Hyperparameter

    def step(self, state: State, gradient: Any, t: int) -> State:
        return (_descend(state[0], self.step_size, gradient),)

    def stable_step_size(self, largest: float) -> Hyperparameter:
        return 2 / largest


@dataclass(frozen=True, eq=False)
class _Momentum(Method):
    """What the methods with a step size and momentum share."""

    step_size: Hyperparameter
    momentum: Hyperparameter

    @staticmethod
    def _check(name: str, value: ArrayLike) -> Hyperparameter:
        if name == "step_size":
            return Method._check(name, value)
        values = np.asarray(check_vector(np.atleast_1d(value), name), dtype=np.float64)
        low, high = values.min(), values.max()
        if low < 0 or (name == "momentum" and high > 1):
            expected = "numbers in [0, 1]" if name == "momentum" else "numbers >= 0"
            raise ValueError(f"{name} is {low if low < 0 else high}; expected {expected}")
        return values if np.ndim(value) else float(values[0])

    def start(self, w: Any) -> State:
        return (w, w)


@dataclass(frozen=True, eq=False)
class HeavyBall(_Momentum):
    r"""Heavy ball: :math:`w_{t+1} = w_t - \eta g(w_t) + \gamma (w_t - w_{t-1})`.

    Attributes
    ----------
    step_size, momentum : float or ndarray of shape (R,)
        eta and gamma.

    Notes
    -----
    Stable below :math:`2 (1 + \gamma) / \lambda_1`. Used in the section "Acceleration".

    References
    ----------
    B. T. Polyak (1964), Some methods of speeding up the convergence of iteration methods, USSR
    Computational Mathematics and Mathematical Physics 4(5), 1-17.
    """

    def step(self, state: State, gradient: Any, t: int) -> State:
        w, previous = state
        new = _descend(w, self.step_size, gradient)
        new += self.momentum * (w - previous)
        return (new, w)

    def stable_step_size(self, largest: float) -> Hyperparameter:
        return 2 * (1 + self.momentum) / largest


@dataclass(frozen=True, eq=False)
class Nesterov(_Momentum):
    r"""Nesterov's method with constant momentum.

    .. math:: w_{t+1} = u_t - \eta g(u_t), \qquad
        u_{t+1} = w_{t+1} + \gamma (w_{t+1} - w_t), \qquad u_0 = w_0

    Attributes
    ----------
    step_size, momentum : float or ndarray of shape (R,)
        eta and gamma.

    Notes
    -----
    With full gradients stable below :math:`2 (1 + \gamma) / ((1 + 2 \gamma) \lambda_1)`; with
    batches only far below. Used in the section "Acceleration".

    References
    ----------
    Y. Nesterov (2004), Introductory lectures on convex optimization: a basic course, Kluwer,
    section 2.2.
    """

    def query(self, state: State, t: int) -> Any:
        return state[1]

    def step(self, state: State, gradient: Any, t: int) -> State:
        w, u = state
        new = _descend(u, self.step_size, gradient)
        return (new, _look_ahead(new, w, self.momentum))

    def stable_step_size(self, largest: float) -> Hyperparameter:
        return 2 * (1 + self.momentum) / ((1 + 2 * self.momentum) * largest)


@dataclass(frozen=True, eq=False)
class MaSS(_Momentum):
    r"""Momentum-added stochastic solver: Nesterov's method with a term that compensates.

    .. math:: w_{t+1} = u_t - \eta g(u_t), \qquad
        u_{t+1} = (1 + \gamma) w_{t+1} - \gamma w_t + \eta_2 g(u_t), \qquad u_0 = w_0

    Attributes
    ----------
    step_size, momentum : float or ndarray of shape (R,)
        eta and gamma.
    compensation : float or ndarray of shape (R,)
        eta_2; 0 is Nesterov's method.

    Notes
    -----
    On a quadratic with full gradients stable for :math:`\eta_2 < \eta` and
    :math:`(1 + 2 \gamma) \eta - \eta_2 < 2 (1 + \gamma) / \lambda_1`. Used in the section
    "Acceleration".

    References
    ----------
    C. Liu, M. Belkin (2020), Accelerating SGD with momentum for over-parameterized learning, ICLR.
    """

    compensation: Hyperparameter

    @classmethod
    def tuned(
        cls,
        L1: float,
        largest: float,
        smallest: float,
        kappa_tilde: float,
        batch_size: float = 1,
    ) -> MaSS:
        r"""Choose the hyperparameters from the moments of the samples x.

        .. math::
            L_b = \tfrac{1}{b} L_1 + \tfrac{b-1}{b} \lambda_1, \quad
            \kappa_b = L_b / \lambda_n, \quad
            \tilde\kappa_b = \tfrac{1}{b} \tilde\kappa + \tfrac{b-1}{b}, \quad
            S = \sqrt{\kappa_b \tilde\kappa_b},

        .. math::
            \eta = \frac{1}{L_b}, \quad \gamma = \frac{S - 1}{S + 1}, \quad
            \eta_2 = \eta \, \frac{S}{S + 1} \Bigl(1 - \frac{1}{\tilde\kappa_b}\Bigr).

        Parameters
        ----------
        L1 : float
            The least number with E[||x||^2 x x^T] <= L1 H, for H = E[x x^T].
        largest, smallest : float
            The eigenvalues lambda_1 and lambda_n > 0 of H, the last one the smallest above zero.
        kappa_tilde : float
            The least number with E[<x, H^+ x> x x^T] <= kappa_tilde H.
        batch_size : float
            The number b of samples in a batch.

        Returns
        -------
        MaSS
            The method, whose mean-square error shrinks by 1 - 1/S a step or faster.

        Raises
        ------
        TypeError, ValueError
            An argument is not as described.

        Notes
        -----
        Cost O(1).

        References
        ----------
        C. Liu, M. Belkin (2020), Accelerating SGD with momentum for over-parameterized learning,
        ICLR.
        """
        L1, largest = check_positive(L1, "L1"), check_positive(largest, "largest")
        smallest = check_positive(smallest, "smallest")
        kappa_tilde = check_positive(kappa_tilde, "kappa_tilde")
        b = check_positive(batch_size, "batch_size")
        if b < 1:
            raise ValueError(f"batch_size is {batch_size}; expected at least 1")
        if smallest > largest:
            raise ValueError(f"smallest is {smallest}; expected at most largest = {largest}")
        if largest > L1 * (1 + 1e-9):
            raise ValueError(f"L1 is {L1}; expected at least largest = {largest}")
        if kappa_tilde < 1 - 1e-9:
            raise ValueError(f"kappa_tilde is {kappa_tilde}; expected at least 1")
        smooth = (L1 + (b - 1) * largest) / b
        kappa_tilde = max((kappa_tilde + b - 1) / b, 1.0)
        S = max(np.sqrt(smooth / smallest * kappa_tilde), 1.0)
        eta = 1 / smooth
        return cls(eta, (S - 1) / (S + 1), eta * S / (S + 1) * (1 - 1 / kappa_tilde))

    def query(self, state: State, t: int) -> Any:
        return state[1]

    def step(self, state: State, gradient: Any, t: int) -> State:
        w, u = state
        new = _descend(u, self.step_size, gradient)
        ahead = _look_ahead(new, w, self.momentum)
        ahead += self.compensation * gradient
        return (new, ahead)

    def stable_step_size(self, largest: float) -> Hyperparameter:
        ratio = self.compensation / self.step_size
        curbed = np.where(ratio < 1, ratio, 0.0)  # whatever the others are: no step is stable
        limit = 2 * (1 + self.momentum) / (1 + 2 * self.momentum - curbed) / largest
        stable = np.where(ratio < 1, limit, 0.0)
        return stable if np.ndim(stable) else float(stable)


@dataclass(frozen=True, eq=False)
class Chebyshev(Method):
    r"""Chebyshev's method: no polynomial of degree t is smaller on an interval of eigenvalues.

    .. math:: w_{t+1} = w_t - \eta_t g(w_t) + \gamma_t (w_t - w_{t-1})

    with, for the interval from :math:`\lambda_n` to :math:`\lambda_1` and
    :math:`q = (\sqrt{\lambda_1} - \sqrt{\lambda_n}) / (\sqrt{\lambda_1} + \sqrt{\lambda_n})`,

    .. math::
        \eta_t = \frac{4}{(\sqrt{\lambda_1} + \sqrt{\lambda_n})^2} \,
            \frac{1 + q^{2t}}{1 + q^{2t+2}}, \qquad
        \gamma_t = q^2 \, \frac{1 + q^{2t-2}}{1 + q^{2t+2}} \qquad (t \ge 1)

    and :math:`\eta_0 = 2 / (\lambda_1 + \lambda_n)`, :math:`\gamma_0 = 0`. In the long run that is
    heavy ball with its best hyperparameters. The number of steps need not be known beforehand.

    Attributes
    ----------
    largest, smallest : float or ndarray of shape (R,)
        lambda_1 and lambda_n > 0: all nonzero eigenvalues of the Hessian lie between them.

    Notes
    -----
    After t steps the error is at most :math:`2 q^t / (1 + q^{2t})` times that at the start. For
    full gradients; stable as long as no eigenvalue is above lambda_1. Used in the section
    "Acceleration".

    References
    ----------
    G. H. Golub, R. S. Varga (1961), Chebyshev semi-iterative methods, successive overrelaxation
    iterative methods, and second order Richardson iterative methods, Numerische Mathematik 3.
    """

    largest: Hyperparameter
    smallest: Hyperparameter

    def __post_init__(self) -> None:
        """Check that the interval is one."""
        super().__post_init__()
        if np.any(np.asarray(self.smallest) > np.asarray(self.largest)):
            raise ValueError(
                f"smallest is {self.smallest}; expected at most largest = {self.largest}"
            )

    def coefficients(self, t: int) -> tuple[Hyperparameter, Hyperparameter]:
        """Compute the step size and the momentum of a step.

        Parameters
        ----------
        t : int
            The number of steps made before.

        Returns
        -------
        tuple of float or ndarray
            eta_t and gamma_t.
        """
        if t == 0:
            return 2 / (self.largest + self.smallest), 0.0 * self.largest
        low, high = self.smallest**0.5, self.largest**0.5
        q = ((high - low) / (high + low)) ** 2  # the square is all that is needed
        below = 1 + q ** (t + 1)
        return 4 / (high + low) ** 2 * (1 + q**t) / below, (q + q**t) / below

    def start(self, w: Any) -> State:
        return (w, w)

    def step(self, state: State, gradient: Any, t: int) -> State:
        w, previous = state
        eta, gamma = self.coefficients(t)
        new = _descend(w, eta, gradient)
        new += gamma * (w - previous)
        return (new, w)
