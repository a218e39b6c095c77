"""Three rules through the same noisy samples on a line, and what one of the labels costs each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector
from fearless.experiments.interpolation.line_picture import line_sample, wave
from fearless.local import (
    InterpolatedNeighborsRegressor,
    SimplicialInterpolator,
    SingularKernelRegressor,
)

__all__ = ["RULES", "HeldPoints", "held_sample"]

#: The rules, in the order of all results.
RULES = ("one nearest neighbour", "joined dots", "singular kernel")

_PLACES = (np.arange(1024) + 0.5) / 1024  # of the mean squared distance
_STEPS = np.array([1e-7, 1e-3, 4e-3])  # beside a sample, where the singular kernel has a spike
_EVEN = np.linspace(0, 1, 161)


@dataclass(frozen=True, eq=False)
class HeldPoints:
    """Samples of f(x) = sin(2 pi x) on [0, 1], one of them held.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
        Positions, in increasing order, and labels.
    held : int
        Which sample is held.
    exponent, bandwidth : float
        Of the singular kernel.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    held: int = 0
    exponent: float = 0.3
    bandwidth: float = 0.2

    def __post_init__(self) -> None:
        x = check_vector(self.x, "x").astype(float)
        y = check_vector(self.y, "y", length=len(x)).astype(float)
        if x.min() < 0 or x.max() > 1 or np.any(np.diff(x) <= 0):
            raise ValueError(f"x is {x.tolist()}; expected increasing numbers in [0, 1]")
        held = check_int(self.held, "held", minimum=0)
        if held >= len(x):
            raise ValueError(f"held is {held}; expected less than {len(x)}, the number of points")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)
        check_positive(self.exponent, "exponent")
        check_positive(self.bandwidth, "bandwidth")

    def moved(self, label: float, position: float | None = None) -> HeldPoints:
        """Give the held point another label.

        Parameters
        ----------
        label : float
            The label.
        position : float, optional
            Another position, between the neighbours.

        Returns
        -------
        HeldPoints
        """
        x, y = self.x.copy(), self.y.copy()
        y[self.held] = label
        x[self.held] = x[self.held] if position is None else position
        return replace(self, x=x, y=y)

    @property
    def deviation(self) -> float:
        """How far the held label is above the truth."""
        return float(self.y[self.held] - wave(self.x[self.held]))

    def predict(self, queries: ArrayLike) -> NDArray[np.float64]:
        """Predict with all rules.

        Parameters
        ----------
        queries : array-like of shape (m,)
            Places.

        Returns
        -------
        ndarray of shape (3, m)
            A row for each of `RULES`.
        """
        X, places = self.x[:, None], check_vector(queries, "queries")[:, None]
        models = (
            InterpolatedNeighborsRegressor(1),
            SimplicialInterpolator(),
            SingularKernelRegressor("power", exponent=self.exponent, bandwidth=self.bandwidth),
        )
        return np.stack([model.fit(X, self.y).predict(places) for model in models])

    def risks(self) -> NDArray[np.float64]:
        """Compute the mean squared distances to the truth.

        Returns
        -------
        ndarray of shape (3,)
            The mean over 1024 even places; a number for each of `RULES`.
        """
        return np.mean((self.predict(_PLACES) - wave(_PLACES)) ** 2, axis=1)

    def costs(self) -> NDArray[np.float64]:
        """Compute by how much the risks would fall if the held label were on the truth.

        Returns
        -------
        ndarray of shape (3,)
            A number for each of `RULES`; negative where errors happen to cancel.
        """
        return self.risks() - self.moved(float(wave(self.x[self.held]))).risks()

    def curves(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Trace the fits from 0 to 1 as polygons.

        Returns
        -------
        list of (x, y)
            Corners, for each of `RULES`; the singular kernel has many close to each sample.
        """
        middles = np.repeat((self.x[1:] + self.x[:-1]) / 2, 2)
        spikes = (self.x[:, None] + np.concatenate([-_STEPS, [0], _STEPS])).ravel()
        dense = np.unique(np.concatenate([_EVEN, spikes[(spikes >= 0) & (spikes <= 1)]]))
        return [
            (np.concatenate([[0], middles, [1]]), np.repeat(self.y, 2)),
            (
                np.concatenate([[0], self.x, [1]]),
                np.concatenate([self.y[:1], self.y, self.y[-1:]]),
            ),
            (dense, self.predict(dense)[2]),
        ]


def held_sample(n: int = 12, noise: float = 0.5, held: int = 6, seed: int = 0) -> HeldPoints:
    """Draw noisy samples, one in each of n equal cells, and hold one.

    Parameters
    ----------
    n : int
        The number of samples.
    noise : float
        The standard deviation of the noise.
    held : int
        Which sample is held.
    seed : int
        The seed.

    Returns
    -------
    HeldPoints
        Rounded to three digits behind the point, what a hand can do.
    """
    sample = line_sample(n, noise, seed)
    return HeldPoints(sample.x.round(3), sample.y.round(3), held)
