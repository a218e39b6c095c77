"""Raisin bread: where rules that fit noisy labels disagree with the clean rule.

Part *Interpolation*, page *Adversarial examples are the price*. The picture of basins that become
dense while their measure vanishes is that of Belkin, Hsu and Mitra (2018), *Overfitting or
perfect fitting? Risk bounds for classification and regression rules that interpolate*, NeurIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_option,
    check_widths,
)
from fearless.experiments.interpolation.attacks import walk_distance
from fearless.experiments.interpolation.noisy_samples import (
    NoisySample,
    ball_sample,
    uniform_ball,
    wavy_rule,
)
from fearless.local import InterpolatedNeighborsClassifier

__all__ = ["CENTRE", "RaisinBread", "basin_shares", "mislabeled_distances", "odd", "raisin_bread"]

#: Points of interest are within this distance of the centre of the unit ball.
CENTRE = 0.5


@dataclass(frozen=True)
class RaisinBread:
    """Two rules with the same neighbours on a grid, and where each disagrees with the clean one.

    Attributes
    ----------
    sample : NoisySample
        In the unit square, with the clean rule `wavy_rule`.
    n_neighbors : int
        The number k of neighbours of both rules.
    clean, interpolating, majority : ndarray of int, shape (m, m)
        Labels on the centres of an m by m grid; rows are the second coordinate, from below.
    query : ndarray of shape (2,)
        A point that the interpolating rule labels correctly.
    end : ndarray of shape (2,)
        The nearest point found, on a walk to a mislabelled sample, where it does not.
    distances : ndarray
        Lengths of such steps from many points of the square that are labelled correctly.
    """

    sample: NoisySample
    n_neighbors: int
    clean: NDArray[np.intp]
    interpolating: NDArray[np.intp]
    majority: NDArray[np.intp]
    query: NDArray[np.float64]
    end: NDArray[np.float64]
    distances: NDArray[np.float64]

    @property
    def distance(self) -> float:
        """Mean of ``distances``."""
        return float(self.distances.mean())

    def share(self, rule: str) -> float:
        """Share of the square where a rule disagrees with the clean one.

        Parameters
        ----------
        rule : {"interpolating", "majority"}

        Returns
        -------
        float
        """
        check_option(rule, "rule", ("interpolating", "majority"))
        return float(np.mean(getattr(self, rule) != self.clean))


def odd(value: float) -> int:
    """Return the largest odd integer up to a value, at least 1: majorities without ties.

    Parameters
    ----------
    value : float

    Returns
    -------
    int
    """
    return 2 * ((max(1, int(value)) - 1) // 2) + 1


def raisin_bread(
    sample: NoisySample, n_neighbors: int, *, query: Sequence[float], resolution: int = 280
) -> RaisinBread:
    """Map where two rules with the same neighbours disagree with the clean one.

    Parameters
    ----------
    sample : NoisySample
        From `wavy_sample`.
    n_neighbors : int
        The number k of neighbours of both rules.
    query : sequence of two floats
        A point to start a walk from.
    resolution : int
        Edge m of the grid.

    Returns
    -------
    RaisinBread
    """
    ticks = (np.arange(check_int(resolution, "resolution")) + 0.5) / resolution
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    interpolating = InterpolatedNeighborsClassifier(n_neighbors, weights="log")
    interpolating.fit(sample.X, sample.y)
    majority = KNeighborsClassifier(n_neighbors).fit(sample.X, sample.y)
    start = np.array([query], dtype=np.float64)
    _, end = walk_distance(interpolating.predict, start, sample)
    points = np.random.default_rng(0).random((300, 2))
    points = points[interpolating.predict(points) == wavy_rule(points)]
    distances, _ = walk_distance(interpolating.predict, points, sample)
    shape = (resolution, resolution)
    return RaisinBread(
        sample=sample,
        n_neighbors=n_neighbors,
        clean=wavy_rule(grid).reshape(shape),
        interpolating=interpolating.predict(grid).reshape(shape),
        majority=majority.predict(grid).reshape(shape),
        query=start[0],
        end=end[0],
        distances=distances[np.isfinite(distances)],
    )


def mislabeled_distances(
    dims: Sequence[int],
    sizes: Sequence[int],
    rate: float,
    *,
    n_repeats: int = 200,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    """Measure the distance from the centre of a ball to the nearest mislabelled of n samples.

    Parameters
    ----------
    dims, sizes : sequence of int
        Dimensions ``d`` and training samples ``n``.
    rate : float
        The probability ``q`` that a label is wrong.
    n_repeats : int
        Independent samples for each pair; every one gives one distance.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (dims, sizes, n_repeats)
        1 where no sample was mislabelled.
    """
    rng = as_generator(random_state)
    sizes = check_widths(sizes, "sizes")
    result = np.ones((len(dims), len(sizes), check_int(n_repeats, "n_repeats")))
    for i, d in enumerate(dims):
        for j, n in enumerate(sizes):
            for repeat in range(n_repeats):
                sample = ball_sample(int(n), d, rate, rng)
                squares = np.sum(sample.X[sample.wrong] ** 2, axis=1)
                result[i, j, repeat] = np.sqrt(squares.min(initial=1.0))
    return result


def basin_shares(
    n: int,
    d: int,
    n_neighbors: int,
    rate: float,
    *,
    n_repeats: int = 200,
    n_points: int = 400,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    """Measure the share of points that weighted interpolated neighbours label wrongly.

    Parameters
    ----------
    n, d : int
        Training samples, uniform in the unit ball of dimension ``d``, all of one class.
    n_neighbors : int
        The number k of neighbours, with weights "log".
    rate : float
        The probability ``q`` that a label is wrong.
    n_repeats, n_points : int
        Independent samples, and points near the centre that are labelled with each.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (n_repeats,)
        The mean is that of `fearless.theory.adversarial.wrong_vote_probability`.
    """
    rng = as_generator(random_state)
    shares = np.empty(check_int(n_repeats, "n_repeats"))
    for repeat in range(n_repeats):
        sample = ball_sample(n, d, rate, rng)
        model = InterpolatedNeighborsClassifier(n_neighbors, weights="log")
        points = CENTRE * uniform_ball(n_points, d, rng)
        shares[repeat] = np.mean(model.fit(sample.X, sample.y).predict(points))
    return shares
