"""How much of the space four rules label wrongly, and how near that is, against the sample size.

Part *Interpolation*, page *Adversarial examples are the price*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.neighbors import KNeighborsClassifier

from fearless._validation import RandomState, as_seed_sequence, check_int, check_widths
from fearless.experiments.interpolation.adversarial import CENTRE, odd
from fearless.experiments.interpolation.attacks import certified_radius, walk_distance
from fearless.experiments.interpolation.noisy_samples import ball_sample, uniform_ball
from fearless.experiments.interpolation.voronoi import nearest_other_label
from fearless.local import InterpolatedNeighborsClassifier, SingularKernelClassifier

__all__ = ["RULES", "RadiusStudy", "radius_study"]

#: The rules that `radius_study` compares.
RULES = ("nearest", "hilbert", "interpolating", "majority")


@dataclass(frozen=True)
class RadiusStudy:
    """How much of the space is labelled wrongly, and how near that is: one row a seed.

    Attributes
    ----------
    sizes : ndarray of shape (s,), int
        Training samples ``n``.
    neighbors : ndarray of shape (s,), int
        Neighbours ``k`` of the rules "interpolating" and "majority".
    rate : float
        The probability ``q`` that a label is wrong.
    measure : dict of str to ndarray of shape (seeds, s)
        For each of `RULES`, the share of random points labelled wrongly.
    distance : dict of str to ndarray of shape (seeds, s)
        Mean distance from points labelled correctly to the nearest one found that is not:
        "nearest" exact, "interpolating" and "hilbert" along walks to mislabelled samples, and
        "majority" a lower bound, proved by `certified_radius` (infinite where too few labels are
        wrong); and, as "mislabeled", to the nearest mislabelled sample.
    longest_walk : float
        The largest ratio, over all points and interpolating rules, of the distance found to the
        distance of the nearest mislabelled sample.
    """

    sizes: NDArray[np.intp]
    neighbors: NDArray[np.intp]
    rate: float
    measure: dict[str, NDArray[np.float64]]
    distance: dict[str, NDArray[np.float64]]
    longest_walk: float


def radius_study(
    sizes: Sequence[int],
    rate: float,
    *,
    d: int = 2,
    n_queries: int = 25,
    n_points: int = 2000,
    n_seeds: int = 10,
    random_state: RandomState = 0,
) -> RadiusStudy:
    """Measure basins and distances of four rules deep inside a class, against the sample size.

    Parameters
    ----------
    sizes : sequence of int
        Training samples ``n``; the rules with neighbours use the odd number next below sqrt(n).
    rate : float
        The probability ``q`` that a label is wrong.
    d : int
        The dimension of the ball that the samples fill.
    n_queries, n_points : int
        Points to start walks from, and points to measure the basins with.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    RadiusStudy
    """
    sizes = check_widths(sizes, "sizes")
    neighbors = np.array([odd(np.sqrt(n)) for n in sizes])
    shape = (check_int(n_seeds, "n_seeds"), len(sizes))
    measure = {rule: np.empty(shape) for rule in RULES}
    distance = {rule: np.empty(shape) for rule in (*RULES, "mislabeled")}
    longest = 0.0
    for i, seed in enumerate(as_seed_sequence(random_state).spawn(n_seeds)):
        rng = np.random.default_rng(seed)
        queries, points = (CENTRE * uniform_ball(count, d, rng) for count in (n_queries, n_points))
        for j, (n, k) in enumerate(zip(sizes, neighbors, strict=True)):
            sample = ball_sample(int(n), d, rate, rng)
            if not sample.wrong.any():
                raise ValueError(f"no label of {n} is wrong; expected a larger n or rate")
            nearest_wrong = cKDTree(sample.X[sample.wrong]).query(queries)[0]
            distance["mislabeled"][i, j] = nearest_wrong.mean()
            for rule, model in _rules(int(k)).items():
                model.fit(sample.X, sample.y)
                measure[rule][i, j] = np.mean(model.predict(points))
                right = model.predict(queries) == 0
                if rule == "majority":
                    found = certified_radius(sample, queries[right], int(k))
                elif rule == "nearest":
                    found = nearest_other_label(sample.X, sample.y, queries[right])[0]
                else:
                    found = walk_distance(model.predict, queries[right], sample)[0]
                distance[rule][i, j] = found.mean()
                if rule != "majority":
                    longest = max(longest, float(np.max(found / nearest_wrong[right])))
    return RadiusStudy(sizes, neighbors, rate, measure, distance, longest)


def _rules(k: int) -> dict[str, object]:
    return {
        "nearest": KNeighborsClassifier(1),
        "hilbert": SingularKernelClassifier(kernel="hilbert"),
        "interpolating": InterpolatedNeighborsClassifier(k, weights="log"),
        "majority": KNeighborsClassifier(k),
    }
