"""Networks with random weights: their graphs, the law of their outputs, and their scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int
from fearless.kernels import NNGPKernel, NTKernel

__all__ = [
    "Kurtosis",
    "RandomFunctions",
    "kernel_profiles",
    "kurtosis",
    "log_scales",
    "output_draws",
    "random_functions",
]


@dataclass(frozen=True, eq=False)
class RandomFunctions:
    """Hold random networks as functions on a circle.

    Attributes
    ----------
    angles : ndarray of shape (n_points,)
        Positions on the circle of radius sqrt(2), from -pi to pi.
    values : ndarray of shape (n_functions, n_points)
        One network a row.
    scale : float
        The standard deviation of all values in the limit of large width.
    """

    angles: NDArray[np.float64]
    values: NDArray[np.float64]
    scale: float


def random_functions(
    width: int, *, depth: int = 2, n_functions: int = 6, n_points: int = 181, random_state: int = 0
) -> RandomFunctions:
    """Draw ReLU networks without biases, as functions on a circle.

    Parameters
    ----------
    width, depth : int
    n_functions, n_points : int
    random_state : int
        Seed of the first network; the others follow.

    Returns
    -------
    RandomFunctions
    """
    from fearless.networks import FullyConnected, predict_numpy

    angles = np.linspace(-np.pi, np.pi, n_points)
    X = 2**0.5 * np.column_stack([np.cos(angles), np.sin(angles)])
    networks = [
        FullyConnected(2, width, depth=depth, random_state=random_state + i)
        for i in range(n_functions)
    ]
    values = np.array([predict_numpy(model, X)[:, 0] for model in networks], dtype=float)
    return RandomFunctions(angles, values, float(np.sqrt(NNGPKernel(depth).diag(X[:1])[0])))


def _log_scale_steps(
    width: int, depth: int, n_draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw log(||a^l||^2 / ||a^(l-1)||^2), l = 1, ..., L, up to its constant: (depth, n_draws).

    Given a^(l-1) the m units of layer l are independent normal numbers of one variance. Those that
    are positive, N ~ Binomial(m, 1/2), have a sum of squares chi^2 with N degrees of freedom, so
    that no network need be evaluated. A layer without a positive unit gives -inf.
    """
    positive = rng.binomial(width, 0.5, size=(depth, n_draws))
    with np.errstate(divide="ignore"):
        sums = np.where(positive > 0, rng.chisquare(np.maximum(positive, 1)), 0.0)
        return np.log(2 * sums / width)


def output_draws(
    width: int, *, depth: int = 1, n_draws: int = 20_000, random_state: RandomState = None
) -> NDArray[np.float64]:
    """Draw the output of random ReLU networks at one input, over its standard deviation.

    Parameters
    ----------
    width, depth, n_draws : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_draws,)
        ``f(x) / K(x, x)^(1/2)`` for networks without biases, in distribution exactly: a normal
        number times the length of the last hidden layer.
    """
    rng = as_generator(random_state)
    steps = _log_scale_steps(check_int(width, "width"), check_int(depth, "depth"), n_draws, rng)
    return np.exp(steps.sum(axis=0) / 2) * rng.standard_normal(n_draws)


@dataclass(frozen=True)
class Kurtosis:
    """Hold E f^4 / (E f^2)^2 of the outputs of random networks, 3 for a Gaussian.

    Attributes
    ----------
    estimate, stderr : float
        From simulations.
    exact : float
        3 (1 + 5 / m)^L.
    """

    estimate: float
    stderr: float
    exact: float


def kurtosis(
    width: int, depth: int, *, n_draws: int = 100_000, random_state: RandomState = None
) -> Kurtosis:
    """Estimate the fourth moment of the output of random ReLU networks without biases.

    Given the last hidden layer, of squared length q, the output is normal, so that the fourth
    moment is 3 E q^2; E q = 1 is known.

    Parameters
    ----------
    width, depth, n_draws : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Kurtosis
    """
    steps = _log_scale_steps(width, depth, n_draws, as_generator(random_state))
    fourth = 3 * np.exp(2 * steps.sum(axis=0))
    return Kurtosis(
        float(fourth.mean()),
        float(fourth.std(ddof=1) / n_draws**0.5),
        3 * (1 + 5 / width) ** depth,
    )


def log_scales(
    width: int, depths: Sequence[int], *, n_draws: int = 4000, random_state: RandomState = None
) -> NDArray[np.float64]:
    """Compute quantiles of log(||a^L||^2), relative to its mean square, over random networks.

    Parameters
    ----------
    width : int
    depths : sequence of int
    n_draws : int
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    ndarray of shape (3, n_depths)
        The quantiles 0.159, 0.5 and 0.841: for a normal law the mean and one standard deviation
        on both sides.
    """
    steps = _log_scale_steps(width, max(depths), n_draws, as_generator(random_state))
    totals = np.cumsum(steps, axis=0)[np.asarray(depths) - 1]
    return np.quantile(totals, [0.1587, 0.5, 0.8413], axis=1)


def kernel_profiles(angles: NDArray, depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute both ReLU kernels as functions of the angle, over their values at 0.

    Parameters
    ----------
    angles : ndarray
    depth : int

    Returns
    -------
    nngp, ntk : ndarray, like angles
    """
    Z = np.column_stack([np.cos(angles), np.sin(angles)])
    kernel = NTKernel(depth)
    nngp, ntk = kernel.kernel_and_ntk([[1.0, 0.0]], Z)
    return nngp[0] / NNGPKernel(depth).diag(Z[:1]), ntk[0] / kernel.diag(Z[:1])
