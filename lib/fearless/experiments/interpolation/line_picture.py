"""A singular kernel smoother through noisy samples on a line, beside one without singularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless.local import SingularKernelRegressor

__all__ = ["LineSample", "box_average", "line_fit", "line_sample", "wave"]


def wave(x: ArrayLike) -> NDArray:
    """Compute the truth of these experiments, f(x) = sin(2 pi x).

    Parameters
    ----------
    x : array-like
        Positions.

    Returns
    -------
    ndarray
        The values.
    """
    return np.sin(2 * np.pi * np.asarray(x))


@dataclass(frozen=True)
class LineSample:
    """Noisy samples of the truth on a line, and where to draw a fit.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
        The samples.
    grid : ndarray of shape (g,)
        Positions, dense around each sample, which a spike needs.
    even : ndarray
        Evenly spaced positions, for averages over the line.
    """

    x: NDArray
    y: NDArray
    grid: NDArray
    even: NDArray


def line_sample(n: int = 30, noise: float = 0.4, seed: int = 0) -> LineSample:
    """Draw samples, one in each of n equal cells.

    Parameters
    ----------
    n : int
        The number of samples.
    noise : float
        The standard deviation of the noise.
    seed : int
        The seed.

    Returns
    -------
    LineSample
    """
    rng = np.random.default_rng(seed)
    x = (np.arange(n) + 0.2 + 0.6 * rng.random(n)) / n
    y = wave(x) + noise * rng.standard_normal(n)
    steps = np.array([1e-7, 4e-4, 3e-3])
    spikes = [x + step for step in (*-steps, 0.0, *steps)]
    grid = np.unique(np.concatenate([np.linspace(0, 1, 81), *spikes]))
    return LineSample(x, y, grid[(grid >= 0) & (grid <= 1)], np.linspace(0, 1, 1000))


def line_fit(sample: LineSample, exponent: float, bandwidth: float) -> tuple[NDArray, float, float]:
    """Fit the truncated power kernel.

    Parameters
    ----------
    sample : LineSample
        The samples.
    exponent : float
        The exponent a; 0 is the box kernel, which does not interpolate.
    bandwidth : float
        The bandwidth h.

    Returns
    -------
    curve : ndarray
        The fit on ``sample.grid``.
    error : float
        Its root-mean-square distance to the truth on [0, 1].
    residual : float
        The largest distance to a target at a sample.
    """

    def predict(x: NDArray) -> NDArray:
        if exponent == 0:
            return box_average(sample.x, sample.y, x, bandwidth)
        model = SingularKernelRegressor("power", exponent=exponent, bandwidth=bandwidth)
        return model.fit(sample.x[:, None], sample.y).predict(x[:, None])

    error = float(np.sqrt(np.mean((predict(sample.even) - wave(sample.even)) ** 2)))
    residual = float(np.max(np.abs(predict(sample.x) - sample.y)))
    return predict(sample.grid), error, residual


def box_average(x: NDArray, y: NDArray, queries: NDArray, bandwidth: float) -> NDArray:
    """Average the targets within a bandwidth: the smoother without a singularity.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Samples on a line.
    queries : ndarray of shape (m,)
        Where to average.
    bandwidth : float
        The bandwidth h.

    Returns
    -------
    ndarray of shape (m,)
        The means; where there is no sample, the target of the nearest one.

    Notes
    -----
    Cost O((n + m) log n), by running sums.
    """
    order = np.argsort(x)
    x, y = x[order], y[order]
    sums = np.concatenate([[0.0], np.cumsum(y)])
    first = np.searchsorted(x, queries - bandwidth, side="left")
    last = np.searchsorted(x, queries + bandwidth, side="right")
    count = last - first
    means = (sums[last] - sums[first]) / np.maximum(count, 1)
    empty = count == 0
    if empty.any():
        nearest = np.argmin(np.abs(queries[empty, None] - x), axis=1)
        means[empty] = y[nearest]
    return means
