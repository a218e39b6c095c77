"""Noise under simplicial interpolation as the dimension grows: the page *Simplicial interpolation*.

To measure in twenty dimensions what a theorem says about the convex hull, the hull has to be known.
Here the inputs are uniform in a standard simplex, and its d + 1 corners are training points too:
every fresh input is then inside the hull, uniformly, in every dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay

from fearless._validation import (
    RandomState,
    as_generator,
    as_seed_sequence,
    check_int,
    check_option,
    check_positive,
    check_probability,
    check_widths,
)
from fearless.experiments.statistics import mean_and_error
from fearless.local import SimplicialInterpolator

__all__ = [
    "DimensionSweep",
    "count_simplices",
    "dimension_sweep",
    "hull_coverage",
    "simplex_sample",
]


def simplex_sample(n: int, d: int, random_state: RandomState = None) -> NDArray[np.float64]:
    """Draw n uniform points of the standard simplex and add its d + 1 corners.

    Parameters
    ----------
    n : int
        How many, besides the corners.
    d : int
        The dimension.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of shape (n + d + 1, d)
        The corners are last.
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    inner = as_generator(random_state).dirichlet(np.ones(d + 1), n)[:, :d]
    return np.vstack([inner, np.eye(d), np.zeros((1, d))])


@dataclass(frozen=True)
class DimensionSweep:
    """Errors of simplicial interpolation and of one nearest neighbour, for each seed and dimension.

    All arrays but `dims` have shape (n_seeds, n_dims) and hold means over fresh inputs.

    Attributes
    ----------
    dims : ndarray of shape (n_dims,)
        The dimensions.
    n_points : int
        The number of training points besides the corners.
    noise_share : ndarray
        Mean of sum_i w_i^2: the share of the label variance that reaches the prediction.
    alone : ndarray
        How often a given vertex has more weight than all the others together.
    excess, nearest_excess : ndarray
        Mean of (f - f*)^2 / sigma^2 with labels f* + sigma eps; the truth f* is linear with the
        variance sigma^2.
    flip_error, nearest_flip_error : ndarray
        How often the sign is wrong when the true label is 1 everywhere and a share of the training
        labels are flipped.
    bias : ndarray
        Mean of (f - f*)^2 / Var f* without noise, for the curved truth f* = sin(2 z), where z is
        the first coordinate in units of its standard deviation.
    """

    dims: NDArray[np.intp]
    n_points: int
    noise_share: NDArray[np.float64]
    alone: NDArray[np.float64]
    excess: NDArray[np.float64]
    nearest_excess: NDArray[np.float64]
    flip_error: NDArray[np.float64]
    nearest_flip_error: NDArray[np.float64]
    bias: NDArray[np.float64]

    def stderr(self, name: str) -> NDArray[np.float64]:
        """Standard errors of the mean over seeds.

        Parameters
        ----------
        name : str
            One of the attributes with a row a seed.

        Returns
        -------
        ndarray of shape (n_dims,)
        """
        return mean_and_error(getattr(self, name))[1]


def dimension_sweep(
    dims: ArrayLike,
    n_points: int,
    *,
    n_queries: int = 200,
    n_seeds: int = 20,
    n_labels: int = 40,
    flip_rate: float = 0.2,
    method: str = "auto",
    random_state: RandomState = None,
) -> DimensionSweep:
    """Interpolate noisy labels in growing dimension, everything else fixed.

    Parameters
    ----------
    dims : array-like of int
        The dimensions, increasing.
    n_points : int
        Training points besides the corners.
    n_queries : int
        Fresh inputs for each seed.
    n_seeds : int
        Each draws its own points, labels and fresh inputs.
    n_labels : int
        How often each seed draws labels for its points; the errors are means over them.
    flip_rate : float
        The share of flipped labels in the classification task.
    method : {"auto", "delaunay", "direct"}
        Of `SimplicialInterpolator`.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    DimensionSweep
    """
    dims = check_widths(dims, "dims")
    n_points, n_queries = check_int(n_points, "n_points"), check_int(n_queries, "n_queries")
    n_seeds, n_labels = check_int(n_seeds, "n_seeds"), check_int(n_labels, "n_labels")
    check_probability(flip_rate, "flip_rate")
    check_option(method, "method", ("auto", "delaunay", "direct"))
    columns = [
        "noise_share",
        "alone",
        "excess",
        "nearest_excess",
        "flip_error",
        "nearest_flip_error",
        "bias",
    ]
    results = {name: np.zeros((n_seeds, len(dims))) for name in columns}
    streams = as_seed_sequence(random_state).spawn(n_seeds * len(dims))
    for k, stream in enumerate(streams):
        s, j = divmod(k, len(dims))
        rng = np.random.default_rng(stream)
        one = _one_dimension(int(dims[j]), n_points, n_queries, n_labels, flip_rate, method, rng)
        for name in columns:
            results[name][s, j] = one[name]
    return DimensionSweep(dims, n_points, **results)


def _one_dimension(
    d: int,
    n_points: int,
    n_queries: int,
    n_labels: int,
    flip_rate: float,
    method: str,
    rng: np.random.Generator,
) -> dict[str, float]:
    X = simplex_sample(n_points, d, rng)
    Z = rng.dirichlet(np.ones(d + 1), n_queries)[:, :d]
    # The first coordinate of a uniform point is Beta(1, d).
    mean, deviation = 1 / (d + 1), (d / (d + 2)) ** 0.5 / (d + 1)
    linear_x, linear_z = ((points[:, 0] - mean) / deviation for points in (X, Z))
    curved_x, curved_z = np.sin(2 * linear_x), np.sin(2 * linear_z)
    noisy = linear_x[:, None] + rng.standard_normal((len(X), n_labels))
    signs = np.where(rng.random((len(X), n_labels)) < flip_rate, -1.0, 1.0)
    model = SimplicialInterpolator(method, outside="error")
    found = model.fit(X, np.column_stack([noisy, signs, curved_x])).simplices(Z)
    weights = found.weights
    fits = np.einsum("qk,qkm->qm", weights, model.values_[found.indices])
    fit_noisy, fit_signs, fit_curved = np.split(fits, [n_labels, 2 * n_labels], axis=1)
    # Distances from differences, in blocks: a matrix of a few hundred queries is small.
    nearest = np.argmin(
        np.einsum("ij,ij->i", X, X) - 2 * Z @ X.T + np.einsum("ij,ij->i", Z, Z)[:, None], axis=1
    )
    return {
        "noise_share": np.mean(np.sum(weights**2, axis=1)),
        "alone": np.mean(weights.max(axis=1) > 0.5) / (d + 1),
        "excess": np.mean((fit_noisy - linear_z[:, None]) ** 2),
        "nearest_excess": np.mean((noisy[nearest] - linear_z[:, None]) ** 2),
        "flip_error": np.mean(fit_signs < 0),
        "nearest_flip_error": np.mean(signs[nearest] < 0),
        "bias": np.mean((fit_curved[:, 0] - curved_z) ** 2) / np.var(curved_z),
    }


def hull_coverage(
    dims: ArrayLike,
    n_points: int,
    *,
    n_queries: int = 300,
    n_seeds: int = 5,
    random_state: RandomState = None,
) -> NDArray[np.float64]:
    """Measure how often a fresh normal input lies in the convex hull of the training inputs.

    Parameters
    ----------
    dims : array-like of int
        The dimensions, increasing.
    n_points : int
        Training points, standard normal.
    n_queries : int
        Fresh inputs for each seed, from the same distribution.
    n_seeds : int
        Each draws its own points and inputs.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of shape (n_seeds, n_dims)
        The share inside.
    """
    dims = check_widths(dims, "dims")
    n_points, n_queries = check_int(n_points, "n_points"), check_int(n_queries, "n_queries")
    streams = as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds") * len(dims))
    shares = np.zeros((n_seeds, len(dims)))
    for k, stream in enumerate(streams):
        s, j = divmod(k, len(dims))
        rng = np.random.default_rng(stream)
        X = rng.standard_normal((n_points, dims[j]))
        model = SimplicialInterpolator("direct" if dims[j] > 1 else "auto")
        found = model.fit(X, X[:, 0]).simplices(rng.standard_normal((n_queries, dims[j])))
        shares[s, j] = found.inside.mean()
    return shares


def count_simplices(d: int, n_points: int, random_state: RandomState = None) -> int:
    """Count the simplices of the whole Delaunay triangulation of uniform points in a cube.

    Parameters
    ----------
    d : int
        The dimension, at least 2.
    n_points : int
        How many points.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    int
    """
    d, n_points = check_int(d, "d", minimum=2), check_int(n_points, "n_points")
    check_positive(n_points - d, "n_points - d")
    return len(Delaunay(as_generator(random_state).uniform(size=(n_points, d))).simplices)
