r"""Linear regression on inputs that matter less and less: one model to compare all remedies in.

There are D independent Gaussian inputs, the i-th of variance 1/i, and

.. math:: y = \sum_{i=1}^{D} \beta_i x_i + \varepsilon ,

with independent coefficients of mean zero and the same variance, such that the signal has variance
one. A model of width p sees the first p inputs; what the others contribute acts on it as noise.
The risk without a penalty falls, peaks at p = n and falls again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_positive,
    check_vector,
    check_widths,
)
from fearless.linear import GradientPath
from fearless.theory.proportional import general_risk

__all__ = ["FadingFeatures", "SimulatedRisks"]


@dataclass(frozen=True)
class SimulatedRisks:
    """Simulated risks of `FadingFeatures`, one row a seed.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
    ridge : ndarray of shape (seeds, penalties, w)
        Risk at each fixed penalty.
    best_ridge : ndarray of shape (seeds, w)
        Risk at the best penalty of each width, ``FadingFeatures.best_penalty``.
    flow : ndarray of shape (seeds, times, w)
        Risk of gradient flow from zero at each fixed time.
    best_flow : ndarray of shape (seeds, w)
        Risk of gradient flow at the time ``1 / best_penalty`` of each width.
    """

    widths: NDArray[np.intp]
    ridge: NDArray
    best_ridge: NDArray
    flow: NDArray
    best_flow: NDArray


@dataclass(frozen=True)
class FadingFeatures:
    """The model, and the risks of several estimators in it, as functions of the width p.

    Attributes
    ----------
    n_samples : int
    n_inputs : int
        D, the largest width.
    noise : float
        The variance of the noise; that of the signal is 1.
    decay : float
        Input i has variance ``i ** -decay``.
    """

    n_samples: int = 100
    n_inputs: int = 400
    noise: float = 0.1
    decay: float = 1.0

    def __post_init__(self) -> None:
        check_int(self.n_samples, "n_samples")
        check_int(self.n_inputs, "n_inputs")
        check_positive(self.noise, "noise")
        check_positive(self.decay, "decay", allow_zero=True)

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Variances of the inputs, of shape (D,)."""
        return np.arange(1.0, self.n_inputs + 1) ** -self.decay

    @property
    def energy(self) -> float:
        """The variance of each coefficient."""
        return float(1 / self.eigenvalues.sum())

    def noise_at(self, width: int) -> float:
        """Compute the noise that a model of width p sees: the true one, and the unseen inputs.

        Parameters
        ----------
        width : int

        Returns
        -------
        float
            Also the least risk possible at this width.
        """
        width = check_int(width, "width", minimum=0, maximum=self.n_inputs)
        return self.noise + self.energy * float(self.eigenvalues[width:].sum())

    def best_penalty(self, width: int) -> float:
        """Compute the penalty of least mean risk: noise seen over n times ``energy``.

        Parameters
        ----------
        width : int

        Returns
        -------
        float
        """
        return self.noise_at(width) / (self.n_samples * self.energy)

    def ridge_risk(self, widths: ArrayLike, penalty: float | None = None) -> NDArray[np.float64]:
        """Compute the risk of ridge regression by the deterministic equivalent `general_risk`.

        Parameters
        ----------
        widths : array-like of int
        penalty : float, optional
            Of (1/n) ||y - X b||^2 + penalty ||b||^2; by default the best at each width. Zero is
            the minimum-norm fit, whose risk is infinite at p = n.

        Returns
        -------
        ndarray of shape (w,)
        """
        return self.preconditioned_risk(widths, 0.0, penalty)

    def preconditioned_risk(
        self, widths: ArrayLike, power: float, penalty: float | None = 0.0
    ) -> NDArray[np.float64]:
        """Compute the risk of a fit to inputs divided by ``standard deviation ** power``.

        Parameters
        ----------
        widths : array-like of int
        power : float
            0 leaves the inputs as they are, 1 whitens them; below 0 large ones become larger.
        penalty : float, optional
            Of the rescaled coefficients; None is the best for the inputs as they are.

        Returns
        -------
        ndarray of shape (w,)
        """
        widths = check_widths(widths, maximum=self.n_inputs)
        risks = []
        for p in widths:
            values, noise = self.eigenvalues[:p], self.noise_at(p)
            risk = general_risk(
                values ** (1 - power),
                self.n_samples,
                signal=self.energy * values**power,
                noise=noise,
                penalty=self.best_penalty(p) if penalty is None else penalty,
            )
            risks.append(float(risk.total))
        return np.array(risks)

    def simulate(
        self,
        widths: Sequence[int] | NDArray,
        *,
        penalties: ArrayLike = (0.0,),
        times: ArrayLike = (1.0,),
        n_seeds: int = 20,
        random_state: RandomState = 0,
    ) -> SimulatedRisks:
        """Draw inputs and compute the mean risk given them, over the noise, in closed form.

        Parameters
        ----------
        widths : sequence of int
        penalties : array-like of shape (l,)
        times : array-like of shape (t,)
        n_seeds : int
        random_state : None, int or Generator

        Returns
        -------
        SimulatedRisks

        Notes
        -----
        Cost: one singular value decomposition of an n x p matrix a seed and width. Used in the
        section "Taming the peak".
        """
        widths = check_widths(widths, maximum=self.n_inputs)
        penalties, times = check_vector(penalties, "penalties"), check_vector(times, "times")
        rng = as_generator(random_state)
        n, deviations = self.n_samples, np.sqrt(self.eigenvalues)
        rows = np.empty(
            (check_int(n_seeds, "n_seeds"), len(widths), len(penalties) + len(times) + 2)
        )
        for row in rows:
            X = rng.standard_normal((n, self.n_inputs)) * deviations
            # Signs at random, sizes at their mean: the risk is quadratic in the coefficients.
            truth = rng.choice([-1.0, 1.0], self.n_inputs) * self.energy**0.5
            for j, p in enumerate(widths):
                path, best = GradientPath(X[:, :p], np.zeros(n)), self.best_penalty(p)
                filters = np.vstack(
                    [
                        path.ridge_filter(np.append(penalties, best)),
                        path.flow_filter(np.append(times, 1 / best)),
                    ]
                )
                row[j] = path.expected_risk(
                    filters,
                    truth[:p],
                    noise=self.noise_at(p),
                    covariance=self.eigenvalues[:p],
                ).total
        rows = np.moveaxis(rows, 2, 1)
        cut = len(penalties)
        return SimulatedRisks(
            widths, rows[:, :cut], rows[:, cut], rows[:, cut + 1 : -1], rows[:, -1]
        )
