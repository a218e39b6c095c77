"""Many functions through the same points, and the one of least norm among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BarycentricInterpolator

from fearless._validation import RandomState, as_generator, check_int, check_positive, check_vector
from fearless.experiments.double_descent.line import LinePoints, fit_line_points, line_truth
from fearless.experiments.over_parametrization._least_norm import least_norm_weights
from fearless.experiments.over_parametrization.kernel_interpolant import KernelInterpolant
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel

__all__ = [
    "FeatureInterpolants",
    "NormBudget",
    "gallery",
    "line_kernel_interpolant",
    "norm_budget",
    "random_interpolants",
    "scattered_points",
]


def scattered_points(
    n: int = 10, *, noise: float = 0.1, bandwidth: float = 0.06, random_state: RandomState = 18
) -> LinePoints:
    """Draw noisy samples of ``sin(2 pi x) + x`` at uniform points of [0, 1], gaps and all.

    Parameters
    ----------
    n : int
        Number of samples.
    noise : float
        Standard deviation of the normal errors.
    bandwidth : float
        Of the Gaussian kernel and its random features.
    random_state : None, int or Generator
        The default is a draw with a wide gap, on which no interpolant is hopeless by chance.

    Returns
    -------
    LinePoints
        With ``seed`` 0 for the features.

    Raises
    ------
    TypeError, ValueError
        An argument out of range.
    """
    n = check_int(n, "n", minimum=2)
    check_positive(noise, "noise", allow_zero=True)
    check_positive(bandwidth, "bandwidth")
    rng = as_generator(random_state)
    x, grid = np.sort(rng.uniform(size=n)), np.linspace(0, 1, 401)
    y = line_truth(x) + noise * rng.standard_normal(n)
    return LinePoints(x, y, grid, line_truth(grid), bandwidth, seed=0)


def line_kernel_interpolant(points: LinePoints) -> KernelInterpolant:
    """Return the interpolant of the Gaussian kernel whose features fit the samples.

    Parameters
    ----------
    points : LinePoints

    Returns
    -------
    KernelInterpolant
    """
    return KernelInterpolant.through(GaussianKernel(points.bandwidth), points.x[:, None], points.y)


@dataclass(frozen=True)
class FeatureInterpolants:
    """Interpolants drawn at random from all those of one feature map.

    Attributes
    ----------
    least : ndarray of shape (N,)
        Weights of the interpolant of least norm.
    weights : ndarray of shape (k, N)
        Those drawn, one a row.
    least_curve : ndarray of shape (m,)
        The interpolant of least norm on the grid.
    curves : ndarray of shape (k, m)
        Those drawn.
    misfit : float
        Largest distance of any of them to a sample.
    """

    least: NDArray
    weights: NDArray
    least_curve: NDArray
    curves: NDArray
    misfit: float


def random_interpolants(
    points: LinePoints,
    n_features: int,
    ratios: Sequence[float],
    *,
    random_state: RandomState = 0,
) -> FeatureInterpolants:
    """Draw interpolants of given norms: the least one plus a random member of the null space.

    Parameters
    ----------
    points : LinePoints
    n_features : int
        Number ``N`` of random Fourier features, more than there are samples.
    ratios : sequence of float
        Norms of the weights over the least one, each at least 1; one interpolant is drawn for each.
    random_state : None, int or Generator
        Of the directions in the null space.

    Returns
    -------
    FeatureInterpolants

    Raises
    ------
    TypeError, ValueError
        Too few features, or a ratio below 1.
    """
    n_features = check_int(n_features, "n_features", minimum=len(points.x) + 1)
    ratios = check_vector(ratios, "ratios").astype(np.float64)
    if ratios.min() < 1:
        raise ValueError(
            f"ratios contains {ratios.min():g}; no interpolant has less than the least"
        )
    phi = RandomFourierFeatures(
        n_features, kernel=GaussianKernel(points.bandwidth), random_state=points.seed
    )
    features = phi.fit_transform(points.x[:, None])
    on_grid = phi.transform(points.grid[:, None])
    least, rows = least_norm_weights(features, points.y)
    directions = as_generator(random_state).standard_normal((len(ratios), n_features))
    for _ in range(2):  # the second projection removes what rounding left of the first
        directions -= directions @ rows @ rows.T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    size = np.linalg.norm(least) * np.sqrt((ratios - 1) * (ratios + 1))
    weights = least + size[:, None] * directions
    every = np.vstack([least, weights])
    misfit = float(np.abs(every @ features.T - points.y).max())
    return FeatureInterpolants(least, weights, on_grid @ least, weights @ on_grid.T, misfit)


def gallery(points: LinePoints) -> dict[str, NDArray]:
    """Evaluate six interpolants of the same samples on the grid.

    Parameters
    ----------
    points : LinePoints

    Returns
    -------
    dict of str to ndarray of shape (m,)
        In the order of the figure: names and values on ``points.grid``.
    """
    n, grid = len(points.x), points.grid
    nearest = np.abs(grid[:, None] - points.x).argmin(axis=1)
    random = random_interpolants(points, 1000, [10.0], random_state=1)
    return {
        "nearest neighbour": points.y[nearest],
        "straight lines": np.interp(grid, points.x, points.y),
        f"polynomial, degree {n - 1}": BarycentricInterpolator(points.x, points.y, rng=0)(grid),
        f"{n} random cosines": fit_line_points(points, n)[0],
        "1,000 cosines, large weights": random.curves[0],
        "1,000 cosines, least norm": random.least_curve,
    }


@dataclass(frozen=True)
class NormBudget:
    r"""All interpolants in the space of a kernel whose norm is at most ``ratio`` times the least.

    Attributes
    ----------
    ratio : float
    curve : ndarray of shape (m,)
        The interpolant of least norm on the grid.
    half_width : ndarray of shape (m,)
        The largest distance to it, :math:`\sqrt{r^2 - 1} \, \|f_\infty\| \, P(x)`.
    extremes : ndarray of shape (k, m)
        Interpolants of norm ``ratio`` times the least that go as far up as possible at one place.
    norm : float
        The least norm.
    """

    ratio: float
    curve: NDArray
    half_width: NDArray
    extremes: NDArray
    norm: float


def norm_budget(points: LinePoints, ratio: float, at: ArrayLike) -> NormBudget:
    """Compute how far an interpolant can stray when its norm is bounded.

    Parameters
    ----------
    points : LinePoints
    ratio : float
        Norm allowed over the least one, at least 1.
    at : array-like of shape (k,)
        Places in [0, 1], none of them a sample, at which one interpolant each exhausts the bound.

    Returns
    -------
    NormBudget

    Raises
    ------
    TypeError, ValueError
        A ratio below 1; a place that is a sample.

    Notes
    -----
    The set is that of optimal recovery (Golomb and Weinberger, 1959): the interpolant of least norm
    is its centre at every x.
    """
    ratio = check_positive(ratio, "ratio")
    if ratio < 1:
        raise ValueError(f"ratio is {ratio:g}; no interpolant has less than the least norm")
    model, grid = line_kernel_interpolant(points), points.grid[:, None]
    at = check_vector(at, "at").astype(np.float64)[:, None]
    if np.isin(at, points.x).any():
        raise ValueError("at contains a sample; expected places where interpolants can differ")
    beyond = np.sqrt((ratio - 1) * (ratio + 1)) * model.norm
    shapes = model.residual_kernel(grid, at) / model.power(at)
    curve = model.values(grid)
    return NormBudget(
        ratio, curve, beyond * model.power(grid), curve + beyond * shapes.T, model.norm
    )
