"""Ten points and a model that grows: the double-descent curve where it can be drawn.

The one-dimensional illustration of the part *Double descent*; the parameters are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fearless._validation import check_int, check_positive
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel
from fearless.linear import MinNormRegressor

__all__ = ["LinePoints", "fit_line_points", "line_points", "line_truth"]


@dataclass(frozen=True)
class LinePoints:
    """Noisy samples of a smooth function on [0, 1], and a grid to draw on.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
        The samples.
    grid, truth : ndarray of shape (m,)
        A fine grid and the function on it.
    bandwidth : float
        Of the Gaussian kernel whose random features fit the samples.
    seed : int
        Of the features.
    """

    x: np.ndarray
    y: np.ndarray
    grid: np.ndarray
    truth: np.ndarray
    bandwidth: float
    seed: int


def line_points(
    n: int = 10, *, noise: float = 0.1, bandwidth: float = 0.12, seed: int = 0
) -> LinePoints:
    """Draw samples ``y_i = f(x_i) + noise * eps_i`` of ``f(x) = sin(2 pi x) + x``.

    Parameters
    ----------
    n : int
        Number of samples; they are jittered about a regular grid.
    noise : float
        Standard deviation of the normal errors.
    bandwidth : float
        Of the kernel used by `fit_line_points`.
    seed : int

    Returns
    -------
    LinePoints
    """
    n = check_int(n, "n", minimum=2)
    check_positive(noise, "noise", allow_zero=True)
    check_positive(bandwidth, "bandwidth")
    rng = np.random.default_rng(seed)
    x = (np.arange(n) + rng.uniform(0.2, 0.8, n)) / n
    grid = np.linspace(0, 1, 400)
    return LinePoints(
        x, line_truth(x) + noise * rng.standard_normal(n), grid, line_truth(grid), bandwidth, seed
    )


def fit_line_points(points: LinePoints, n_features: int) -> tuple[np.ndarray, float]:
    """Fit ``n_features`` random Fourier features to the samples, with the least norm.

    Parameters
    ----------
    points : LinePoints
    n_features : int
        Width ``N``; features are nested in it.

    Returns
    -------
    curve : ndarray of shape (m,)
        The fit on ``points.grid``.
    norm : float
        Norm of its coefficients.
    """
    phi = RandomFourierFeatures(
        n_features, kernel=GaussianKernel(points.bandwidth), random_state=points.seed
    )
    features = phi.fit_transform(points.x[:, None])
    model = MinNormRegressor().fit(features, points.y)
    return model.predict(phi.transform(points.grid[:, None])), float(np.linalg.norm(model.coef_))


def line_truth(x: np.ndarray) -> np.ndarray:
    """Evaluate the function behind the samples, ``sin(2 pi x) + x``.

    Parameters
    ----------
    x : ndarray

    Returns
    -------
    ndarray of the shape of ``x``
    """
    return np.sin(2 * np.pi * x) + x
