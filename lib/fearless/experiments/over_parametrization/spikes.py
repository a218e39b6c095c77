r"""An interpolant that is harmless between its samples: a smooth fit and a spike at each label.

A function on the circle is a weighted sum of p waves, the first of them with weights that cost
little and the others, a long tail, with weights that cost much: eigenvalues lambda_j of which those
of the tail sum to a fixed number T. The longer the tail, the narrower its spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from fearless._validation import RandomState, as_generator, check_int, check_positive

__all__ = ["CircleSample", "SpikyFit", "circle_sample", "circle_truth", "spiky_fit"]


@dataclass(frozen=True)
class CircleSample:
    """Noisy samples of `circle_truth`.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
        Positions in [0, 1), a circle, and labels.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class SpikyFit:
    """The minimum-norm interpolant of p waves, and ridge regression on the first few of them.

    Attributes
    ----------
    n_features : int
        The number p of waves.
    grid : ndarray of shape (g,)
        Positions to draw at, dense around each sample.
    interpolant, ridge : ndarray of shape (g,)
        The two fits.
    distance : float
        Root mean square of their difference over the circle.
    spikes : float
        What it tends to: the norm of the residuals of ridge regression at the samples, over the
        square root of the effective rank R of the tail.
    error, ridge_error : float
        Root mean square distance of each to the truth.
    """

    n_features: int
    grid: NDArray[np.float64]
    interpolant: NDArray[np.float64]
    ridge: NDArray[np.float64]
    distance: float
    spikes: float
    error: float
    ridge_error: float


def circle_truth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the truth of this experiment, sin(2 pi x) + cos(4 pi x) / 2.

    Parameters
    ----------
    x : ndarray
        Positions on the circle [0, 1).

    Returns
    -------
    ndarray
    """
    return np.sin(2 * np.pi * x) + 0.5 * np.cos(4 * np.pi * x)


def circle_sample(n: int = 20, noise: float = 0.5, random_state: RandomState = 0) -> CircleSample:
    """Draw n noisy samples, one in each of n equal cells of the circle.

    Parameters
    ----------
    n : int
    noise : float
        Standard deviation of the noise.
    random_state : None, int or Generator

    Returns
    -------
    CircleSample
    """
    rng = as_generator(random_state)
    n = check_int(n, "n")
    x = (np.arange(n) + rng.random(n)) / n
    noise = check_positive(noise, "noise", allow_zero=True)
    return CircleSample(x, circle_truth(x) + noise * rng.standard_normal(n))


def spiky_fit(
    sample: CircleSample, n_features: int, *, mass: float = 2.0, n_smooth: int = 5
) -> SpikyFit:
    """Fit the minimum-norm interpolant with a tail of given mass, beside ridge regression.

    Parameters
    ----------
    sample : CircleSample
    n_features : int
        The number p of waves: the constant, then sine and cosine of each frequency; odd.
    mass : float
        The sum T of the eigenvalues of the tail. They decrease linearly to zero, which makes the
        spikes of the tail nonnegative.
    n_smooth : int
        How many waves come before the tail, each with eigenvalue 1; odd, below ``n_features``.

    Returns
    -------
    SpikyFit
        Where ridge regression uses the first ``n_smooth`` waves and the penalty
        ``mass * norm(beta)**2`` beside the *sum* of squared residuals.
    """
    n_smooth = check_int(n_smooth, "n_smooth")
    n_features = check_int(n_features, "n_features", minimum=max(n_smooth + 2, len(sample.x)))
    if n_features % 2 == 0 or n_smooth % 2 == 0:
        raise ValueError(f"n_features is {n_features}, n_smooth {n_smooth}; expected odd numbers")
    mass = check_positive(mass, "mass")
    low, high = n_smooth // 2, n_features // 2
    smooth = np.ones(low + 1)
    tail = np.concatenate([np.zeros(low + 1), np.arange(high - low, 0.0, -1)])
    tail *= mass / (2 * tail.sum())

    K = _kernel(smooth, sample.x, sample.x)
    a = cho_solve(cho_factor(K + _kernel(tail, sample.x, sample.x)), sample.y)
    a_ridge = cho_solve(cho_factor(K + mass * np.eye(len(K))), sample.y)

    near = np.linspace(-1.6, 1.6, 17)
    near = np.sign(near) * near**2 * 4 / n_features
    grid = np.concatenate([np.linspace(0, 1, 401), (sample.x[:, None] + near).ravel()])
    grid = np.unique(np.clip(grid, 0, 1))
    # Two samples of each half wave make the means over this grid exact.
    even = np.arange(4 * high + 2) / (4 * high + 2)
    at = np.concatenate([grid, even])
    base = _kernel(smooth, at, sample.x)
    ridge = base @ a_ridge
    # Residuals are mass * a_ridge, and R = mass^2 / (sum of squares of the tail).
    spikes = np.linalg.norm(a_ridge) * np.sqrt(2 * np.sum(tail**2))
    interpolant = base @ a + _kernel(tail, at, sample.x) @ a
    truth = circle_truth(even)
    g = len(grid)
    return SpikyFit(
        n_features,
        grid,
        interpolant[:g],
        ridge[:g],
        _rms(interpolant[g:] - ridge[g:]),
        float(spikes),
        _rms(interpolant[g:] - truth),
        _rms(ridge[g:] - truth),
    )


def _rms(values: NDArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _kernel(eigenvalues: NDArray, x: NDArray, z: NDArray) -> NDArray[np.float64]:
    """Sum lambda_j cos(2 pi j (x - z)) over the frequencies, those above 0 twice.

    The waves are the constant 1 and sqrt(2) cos, sqrt(2) sin, of mean square 1.
    """
    weights = np.where(np.arange(len(eigenvalues)) == 0, 1.0, 2.0) * eigenvalues
    angle = 2 * np.pi * (x[:, None] - z)
    # Clenshaw's recurrence: long sums of cosines from one cosine.
    twice = 2 * np.cos(angle)
    last, before = np.zeros_like(twice), np.zeros_like(twice)
    for weight in weights[:0:-1]:
        last, before = weight + twice * last - before, last
    return weights[0] + 0.5 * twice * last - before
