"""How far the tangent kernel of a random network of finite width is from its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless.experiments.statistics import loglog_slopes
from fearless.kernels import NTKernel

__all__ = ["TangentDeviation", "one_layer_constant", "tangent_deviation"]


@dataclass(frozen=True, eq=False)
class TangentDeviation:
    """Hold relative distances of tangent kernels to their limit.

    Attributes
    ----------
    widths : ndarray of shape (n_widths,)
    depth : int
    distance : ndarray of shape (n_seeds, n_widths)
        ``||K_m - Theta||_F / ||Theta||_F`` for the kernel matrices on the same points.
    """

    widths: NDArray[np.intp]
    depth: int
    distance: NDArray[np.float64]

    @property
    def slopes(self) -> NDArray[np.float64]:
        """Slope of log distance against log width, for each seed."""
        return loglog_slopes(self.widths, self.distance)


def tangent_deviation(
    X: NDArray,
    widths: Sequence[int],
    *,
    depth: int = 1,
    n_seeds: int = 10,
    random_state: int = 0,
) -> TangentDeviation:
    """Compare tangent kernels of random ReLU networks without biases with the infinite one.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    widths : sequence of int
    depth, n_seeds : int
    random_state : int
        Seed of the first network; the others follow.

    Returns
    -------
    TangentDeviation
    """
    from fearless.networks import FullyConnected, empirical_tangent_kernel

    limit = NTKernel(depth)(np.asarray(X, float))
    distance = np.empty((n_seeds, len(widths)))
    for seed in range(n_seeds):
        for j, width in enumerate(widths):
            model = FullyConnected(
                X.shape[1], width, depth=depth, random_state=random_state + 1000 * seed + j
            )
            gap = empirical_tangent_kernel(model, X) - limit
            distance[seed, j] = np.linalg.norm(gap) / np.linalg.norm(limit)
    return TangentDeviation(np.asarray(widths), depth, distance)


def one_layer_constant(X: NDArray) -> float:
    """Compute m E ||K_m - Theta||_F^2 / ||Theta||_F^2 for one hidden layer, which is no limit.

    The kernel is a mean of m independent terms, one a unit: with a, b the inputs to the unit at x
    and z and v its output weight, ``2 (relu(a) relu(b) + v^2 1{a > 0} 1{b > 0} k)``,
    k = 2 <x, z> / d. Its second moment needs the arc-cosine kernels of orders 0, 1 and 2.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points other than 0.

    Returns
    -------
    float
    """
    X = np.asarray(X, float)
    lengths = np.linalg.norm(X, axis=1)
    cosine = np.clip(X @ X.T / np.outer(lengths, lengths), -1, 1)
    angle, sine = np.arccos(cosine), np.sqrt(1 - cosine**2)
    scale = 2 * np.outer(lengths, lengths) / X.shape[1]
    order_0 = (np.pi - angle) / (2 * np.pi)
    order_1 = (sine + (np.pi - angle) * cosine) / (2 * np.pi)
    order_2 = (3 * sine * cosine + (np.pi - angle) * (1 + 2 * cosine**2)) / (2 * np.pi)
    # E v^2 = 1 and E v^4 = 3.
    square = order_2 + 2 * cosine * order_1 + 3 * cosine**2 * order_0
    limit = 2 * scale * (order_1 + cosine * order_0)
    variance = 4 * scale**2 * square - limit**2
    return float(variance.sum() / (limit**2).sum())
