"""One model, one set of points, many rulers: cosines that cost more the faster they swing.

The model is ``f(x) = sum_j a_j cos(pi j x)`` with ``j = 0, ..., N - 1``; of all its interpolants
the one is taken that minimises ``sum_j w_j^2 a_j^2`` with ``w_j = max(1, j)^q``. The exponent q
says what simplicity is. With q = 0 all cosines cost the same; as q grows the n slowest ones are
nearly free compared with the others, and counting them becomes the measure.
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
from fearless.experiments.double_descent.line import LinePoints
from fearless.experiments.over_parametrization._least_norm import least_norm_weights
from fearless.experiments.over_parametrization.interpolants import scattered_points

__all__ = ["CosineSweep", "cosine_growth", "exponent_sweep", "weighted_cosines"]

# Beyond it the weights span more digits than a double has.
_LARGEST_EXPONENT = 8.0


@dataclass(frozen=True)
class CosineSweep:
    """Distances to the truth over draws of the samples, one row a draw.

    Attributes
    ----------
    settings : ndarray of shape (s,)
        The exponents q, or the numbers N of cosines.
    distance : ndarray of shape (draws, s)
        Root-mean-square distance to the truth on [0, 1].
    norm : ndarray of shape (draws, s)
        Weighted norm of the coefficients.
    size_of_truth : float
        Root mean square of the truth: the distance of the function zero.
    """

    settings: NDArray
    distance: NDArray
    norm: NDArray
    size_of_truth: float

    def quartiles(self, name: str) -> NDArray:
        """Return the three quartiles over draws.

        Parameters
        ----------
        name : {"distance", "norm"}

        Returns
        -------
        ndarray of shape (3, s)
        """
        return np.quantile(getattr(self, name), [0.25, 0.5, 0.75], axis=0)


def weighted_cosines(points: LinePoints, n_terms: int, exponent: float) -> tuple[NDArray, float]:
    """Interpolate samples by cosines, with the least weighted norm.

    Parameters
    ----------
    points : LinePoints
    n_terms : int
        Number N of cosines, at least as many as samples.
    exponent : float
        The exponent q of the weights, from 0 to 8.

    Returns
    -------
    curve : ndarray of shape (m,)
        The interpolant on ``points.grid``.
    norm : float
        Its weighted norm.

    Raises
    ------
    TypeError, ValueError
        Too few terms, or an exponent out of range.
    """
    n_terms = check_int(n_terms, "n_terms", minimum=len(points.x))
    return _fit(points, _cosines(points.grid, n_terms), _check_exponent(exponent))


def exponent_sweep(
    exponents: Sequence[float] | NDArray,
    *,
    n_terms: int = 1000,
    n_samples: int = 10,
    n_draws: int = 40,
    random_state: RandomState = 0,
) -> CosineSweep:
    """Measure the distance to the truth against the exponent q.

    Parameters
    ----------
    exponents : sequence of float
    n_terms, n_samples : int
        Cosines and samples.
    n_draws : int
        Draws of the samples, shared by all exponents.
    random_state : None, int or Generator

    Returns
    -------
    CosineSweep

    Raises
    ------
    TypeError, ValueError
        An argument out of range.
    """
    n_terms = check_int(n_terms, "n_terms", minimum=n_samples)
    models = [(n_terms, _check_exponent(float(q))) for q in check_vector(exponents, "exponents")]
    settings = np.array([q for _, q in models])
    return _sweep(settings, models, n_samples, n_draws, random_state)


def cosine_growth(
    widths: ArrayLike,
    exponent: float,
    *,
    n_samples: int = 10,
    n_draws: int = 40,
    random_state: RandomState = 0,
) -> CosineSweep:
    """Measure the distance to the truth, and the norm, against the number N of cosines.

    Parameters
    ----------
    widths : array-like of int
        Numbers of cosines, increasing, from ``n_samples`` on.
    exponent : float
        The exponent q.
    n_samples, n_draws, random_state
        As in `exponent_sweep`.

    Returns
    -------
    CosineSweep

    Raises
    ------
    TypeError, ValueError
        An argument out of range.
    """
    widths = check_widths(widths, minimum=n_samples)
    models = [(int(N), _check_exponent(exponent)) for N in widths]
    return _sweep(widths, models, n_samples, n_draws, random_state)


def _sweep(
    settings: NDArray,
    models: list[tuple[int, float]],
    n_samples: int,
    n_draws: int,
    random_state: RandomState,
) -> CosineSweep:
    rng = as_generator(random_state)
    on_grid = _cosines(scattered_points(n_samples).grid, max(n_terms for n_terms, _ in models))
    distance = np.empty((check_int(n_draws, "n_draws"), len(models)))
    norm = np.empty_like(distance)
    for i in range(n_draws):
        points = scattered_points(n_samples, random_state=rng)
        for k, (n_terms, exponent) in enumerate(models):
            curve, norm[i, k] = _fit(points, on_grid[:, :n_terms], exponent)
            distance[i, k] = np.sqrt(np.mean((curve - points.truth) ** 2))
    return CosineSweep(settings, distance, norm, float(np.sqrt(np.mean(points.truth**2))))


def _fit(points: LinePoints, on_grid: NDArray, exponent: float) -> tuple[NDArray, float]:
    n_terms = on_grid.shape[1]
    weights = np.maximum(1.0, np.arange(n_terms)) ** exponent
    # In the coordinates w_j a_j the weighted norm is the plain one.
    scaled, _ = least_norm_weights(_cosines(points.x, n_terms) / weights, points.y)
    return on_grid @ (scaled / weights), float(np.linalg.norm(scaled))


def _cosines(x: NDArray, n_terms: int) -> NDArray:
    return np.cos(np.pi * np.outer(x, np.arange(n_terms)))


def _check_exponent(exponent: float) -> float:
    exponent = check_positive(exponent, "exponent", allow_zero=True)
    if exponent > _LARGEST_EXPONENT:
        raise ValueError(f"exponent is {exponent:g}; expected at most {_LARGEST_EXPONENT:g}")
    return exponent
