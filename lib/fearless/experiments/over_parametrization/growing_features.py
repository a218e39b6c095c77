"""Random features that grow in number: how fast their least interpolant becomes the kernel's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, check_int, check_widths
from fearless.experiments.double_descent.line import LinePoints, fit_line_points
from fearless.experiments.over_parametrization._least_norm import least_norm_weights
from fearless.experiments.over_parametrization.interpolants import line_kernel_interpolant
from fearless.features import RandomFourierFeatures
from fearless.solvers import min_norm_path

__all__ = [
    "FeatureDraws",
    "feature_fits",
    "fourier_constant",
    "fourier_distances",
    "gaussian_draws",
]


@dataclass(frozen=True)
class FeatureDraws:
    """Interpolants with N features for many draws of them, beside the kernel's.

    Attributes
    ----------
    n_samples : int
    widths : ndarray of shape (w,)
        Numbers N of features.
    square_norm : ndarray of shape (draws, w)
        Squared norms of the weights.
    deviation : ndarray of shape (draws, w)
        ``f_N(x) - f_inf(x)`` at one place.
    norm, power : float
        Norm of the kernel's interpolant, and the power function at that place.
    """

    n_samples: int
    widths: NDArray
    square_norm: NDArray
    deviation: NDArray
    norm: float
    power: float


def feature_fits(points: LinePoints, n_features: int, n_draws: int) -> NDArray:
    """Interpolate samples on a line with several draws of the random cosines.

    Parameters
    ----------
    points : LinePoints
    n_features : int
        Number N of cosines, at least as many as samples.
    n_draws : int
        The features of draw ``i`` have the seed ``points.seed + i``.

    Returns
    -------
    ndarray of shape (n_draws, m)
        The fits of least norm on ``points.grid``.
    """
    n_features = check_int(n_features, "n_features", minimum=len(points.x))
    return np.array(
        [
            fit_line_points(replace(points, seed=points.seed + i), n_features)[0]
            for i in range(check_int(n_draws, "n_draws"))
        ]
    )


def gaussian_draws(
    points: LinePoints,
    widths: ArrayLike,
    at: float,
    *,
    n_draws: int = 2000,
    random_state: RandomState = 0,
) -> FeatureDraws:
    """Interpolate with Gaussian random functions for features, many times over.

    The features are nested: a draw has the same first features at every width.

    Parameters
    ----------
    points : LinePoints
        The samples; the covariance is the Gaussian kernel of its bandwidth.
    widths : array-like of int
        Numbers N of features, increasing, at least as many as samples.
    at : float
        Where to compare the interpolants.
    n_draws : int
    random_state : None, int or Generator

    Returns
    -------
    FeatureDraws

    Raises
    ------
    TypeError, ValueError
        An argument out of range.

    Notes
    -----
    Cost O(n_draws n^2 sum(widths)): one QR factorisation a draw and width.
    """
    n, rng = len(points.x), as_generator(random_state)
    widths = check_widths(widths, minimum=n)
    n_draws = check_int(n_draws, "n_draws", minimum=2)
    model = line_kernel_interpolant(points)
    place = np.array([[float(at)]])
    # A Gaussian function at the samples and at one more place: the Cholesky factor of the kernel
    # matrix there, times independent normal numbers.
    power = float(model.power(place)[0])
    root = np.tril(model.factor)
    last = np.linalg.solve(root, model.kernel(model.X, place))[:, 0]
    square_norm, deviation = np.empty((2, n_draws, len(widths)))
    normal = rng.standard_normal((n_draws, n + 1, widths[-1]))
    for k, N in enumerate(widths):
        features = root @ normal[:, :n, :N]
        weights, _ = least_norm_weights(features, points.y)
        at_place = last @ normal[:, :n, :N] + power * normal[:, n, :N]
        square_norm[:, k] = N * np.sum(weights**2, axis=1)
        deviation[:, k] = np.sum(at_place * weights, axis=1)
    deviation -= model.values(place)[0]
    return FeatureDraws(n, widths, square_norm, deviation, model.norm, power)


def fourier_distances(
    points: LinePoints,
    widths: ArrayLike,
    *,
    n_draws: int = 100,
    random_state: RandomState = 0,
) -> NDArray:
    """Measure the distance of interpolants with random cosines to the kernel's, on a line.

    Parameters
    ----------
    points : LinePoints
    widths : array-like of int
        Numbers N of features, increasing, at least as many as samples.
    n_draws : int
        Draws of the features.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (n_draws, w)
        Mean over [0, 1] of the squared distance.

    Raises
    ------
    TypeError, ValueError
        An argument out of range.
    """
    widths = check_widths(widths, minimum=len(points.x))
    model, grid = line_kernel_interpolant(points), _coarse(points)
    limit = model.values(grid)
    seeds = as_generator(random_state).integers(2**31, size=check_int(n_draws, "n_draws"))
    distances = []
    for seed in seeds:
        phi = RandomFourierFeatures(kernel=model.kernel, random_state=int(seed)).fit(model.X)
        features, on_grid = (phi.block(Z, 0, int(widths[-1])) for Z in (model.X, grid))
        path = min_norm_path(features, points.y, on_grid, limit, widths)
        distances.append(path.test_mse)
    return np.array(distances)


def fourier_constant(points: LinePoints) -> float:
    r"""Compute the variance that the deviation of random cosines has, times N, in the limit.

    To first order in the deviation of the kernel matrix of N features from its limit,

    .. math:: f_N(x) - f_\infty(x) \approx \frac1N \sum_k r_k(x) \, g_k , \qquad
              r_k = \varphi_k - K_{xX} K_{XX}^{-1} \varphi_k(X) , \quad
              g_k = \varphi_k(X)^\top K_{XX}^{-1} y ,

    a mean of independent terms of mean zero. So :math:`\sqrt N (f_N(x) - f_\infty(x))` tends to a
    normal variable with the variance :math:`E \, r_1(x)^2 g_1^2`, a sum of fourth moments of
    :math:`\varphi = \sqrt 2 \cos(v x + b)`. Averaged over the phase b these are

    .. math:: E \, \varphi(x_1) \cdots \varphi(x_4) = \tfrac12 \big( k(x_1 + x_2 - x_3 - x_4)
              + k(x_1 + x_3 - x_2 - x_4) + k(x_1 + x_4 - x_2 - x_3) \big) .

    Parameters
    ----------
    points : LinePoints

    Returns
    -------
    float
        Mean over [0, 1] of the variance; `fourier_distances` is about that over N.

    Notes
    -----
    Cost O(n^4) a place of evaluation.
    """
    model, grid = line_kernel_interpolant(points), _coarse(points)
    x, alpha = model.X[:, 0], model.dual

    def k(differences: NDArray) -> NDArray:
        flat = model.kernel(differences.reshape(-1, 1), np.zeros((1, 1)))
        return flat.reshape(differences.shape)

    inverse = np.linalg.solve(model.kernel(model.X), model.kernel(model.X, grid))
    total = 0.0
    for z, shares in zip(grid[:, 0], inverse.T, strict=True):
        places, c = np.append(z, x), np.append(1.0, -shares)
        # r is the combination c of the feature at z and at the samples, g the combination alpha.
        cc, aa, ca = np.outer(c, c).ravel(), np.outer(alpha, alpha).ravel(), np.outer(c, alpha)
        sums = np.add.outer(places, places).ravel()
        sums_x = np.add.outer(x, x).ravel()
        differences = np.subtract.outer(places, x).ravel()
        together = cc @ k(np.subtract.outer(sums, sums_x)) @ aa
        crossed = ca.ravel() @ k(np.subtract.outer(differences, differences)) @ ca.ravel()
        total += 0.5 * (together + 2 * crossed)
    return total / len(grid)


def _coarse(points: LinePoints) -> NDArray:
    """Every fourth place of the grid, as a column: enough for a mean over [0, 1]."""
    return points.grid[::4, None]
