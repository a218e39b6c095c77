"""Singular kernel smoothers over sample sizes and exponents: rates, and when they fail.

After M. Belkin, A. Rakhlin and A. B. Tsybakov (2019), *Does data interpolation contradict
statistical optimality?*, AISTATS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive
from fearless.experiments.interpolation.line_picture import box_average, wave
from fearless.experiments.interpolation.noisy_samples import uniform_ball
from fearless.experiments.statistics import loglog_slopes
from fearless.local import SingularKernelRegressor
from fearless.theory.local import singular_variance
from fearless.theory.minimax import minimax_bandwidth

__all__ = [
    "ExponentSweep",
    "RateCurves",
    "exponent_sweep",
    "measured_noise_shares",
    "rate_curves",
    "untruncated_limit",
]

#: Errors are measured here, away from the ends of [0, 1], where every local average is lopsided.
_INTERIOR = (0.25, 0.75)


def measured_noise_shares(
    sizes: Sequence[int], exponent: float, *, d: int = 1, repeats: int = 200, seed: int = 0
) -> NDArray:
    """Measure sum_i w_i^2 at the centre of a ball of n uniform points, weights r_i^{-a}.

    Parameters
    ----------
    sizes : sequence of int
        Numbers n of points.
    exponent : float
        The exponent a.
    d : int
        The dimension.
    repeats : int
        Repetitions.
    seed : int
        The seed.

    Returns
    -------
    ndarray of shape (repeats, len(sizes))
        The noise shares; see :func:`fearless.theory.local.singular_variance`.

    Notes
    -----
    With the columns of the identity as targets the prediction is the vector of the weights.
    """
    rng = np.random.default_rng(seed)
    shares = np.empty((repeats, len(sizes)))
    for i in range(repeats):
        for j, n in enumerate(sizes):
            points = uniform_ball(n, d, rng)
            model = SingularKernelRegressor("power", exponent=exponent, bandwidth=1.0)
            shares[i, j] = np.sum(model.fit(points, np.eye(n)).predict(np.zeros((1, d))) ** 2)
    return shares


@dataclass(frozen=True)
class RateCurves:
    """Mean squared errors over sample sizes, one row a repetition.

    Attributes
    ----------
    sizes : ndarray of shape (s,), int
        Numbers n of samples.
    bandwidths : ndarray of shape (s,)
        The bandwidths h = c n^{-1/5}.
    noise : float
        The standard deviation of the noise.
    errors : dict of float to ndarray of shape (repeats, s)
        Exponent a to mean squared errors in the interior; 0 is the box kernel.
    hilbert : ndarray of shape (repeats, s)
        Those of the Hilbert kernel, which has no bandwidth.
    residuals : dict of float to float
        Exponent to the largest distance of the fit to a target at a sample.
    """

    sizes: NDArray
    bandwidths: NDArray
    noise: float
    errors: dict[float, NDArray]
    hilbert: NDArray
    residuals: dict[float, float]

    def slope(self, exponent: float) -> float:
        """Fit the power of n in the mean error by least squares on logarithms.

        Parameters
        ----------
        exponent : float
            A key of `errors`.

        Returns
        -------
        float
        """
        means = self.errors[exponent].mean(axis=0)
        return float(loglog_slopes(self.sizes, means))

    def prediction(self, exponent: float) -> NDArray:
        r"""Bias and variance from theory, to first order in h: no fit.

        .. math::
            \frac{h^4}{4} \mu_a^2 \, \overline{f''^2} + \sigma^2 V_a(2 n h),
            \qquad \mu_a = \frac{1 - a}{3 - a}

        with the exact noise share V_a of the expected number of points in the window.

        Parameters
        ----------
        exponent : float
            The exponent a.

        Returns
        -------
        ndarray of shape (s,)
        """
        x = np.linspace(*_INTERIOR, 400)
        curvature = np.mean((4 * np.pi**2 * wave(x)) ** 2)
        h = self.bandwidths
        bias = h**4 / 4 * ((1 - exponent) / (3 - exponent)) ** 2 * curvature
        inside = np.maximum(1, np.rint(2 * self.sizes * h)).astype(int)
        share = [1 / k if exponent == 0 else singular_variance(int(k), 1, exponent) for k in inside]
        return bias + self.noise**2 * np.array(share)


def rate_curves(
    sizes: Sequence[int],
    exponents: Sequence[float] = (0.0, 0.25),
    *,
    noise: float = 0.5,
    scale: float = 0.3,
    repeats: int = 40,
    n_test: int = 100,
    seed: int = 0,
) -> RateCurves:
    """Measure errors with the bandwidth h = c n^{-1/5} that is optimal for a smooth truth.

    Parameters
    ----------
    sizes : sequence of int
        Numbers n of samples, uniform on [0, 1].
    exponents : sequence of float
        The exponents; 0 is the box kernel.
    noise : float
        The standard deviation of the noise.
    scale : float
        The factor c.
    repeats : int
        Repetitions, each with its own samples and test points.
    n_test : int
        Test points, uniform in the interior.
    seed : int
        The seed.

    Returns
    -------
    RateCurves
    """
    check_positive(noise, "noise", allow_zero=True)
    sizes = np.asarray(sizes)
    bandwidths = np.array([minimax_bandwidth(int(n), 2, 1, scale=scale) for n in sizes])
    errors = {a: np.empty((check_int(repeats, "repeats"), len(sizes))) for a in exponents}
    hilbert = np.empty((repeats, len(sizes)))
    residuals = dict.fromkeys(exponents, 0.0)
    for i in range(repeats):
        rng = np.random.default_rng([seed, i])
        for j, (n, h) in enumerate(zip(sizes, bandwidths, strict=True)):
            x = rng.random(n)
            y = wave(x) + noise * rng.standard_normal(n)
            queries = rng.uniform(*_INTERIOR, n_test)
            probe = np.concatenate([queries, x[:n_test]])
            truth, targets = wave(queries), y[:n_test]
            for a in exponents:
                if a == 0:
                    found = box_average(x, y, probe, h)
                else:
                    model = SingularKernelRegressor("power", exponent=a, bandwidth=h)
                    found = model.fit(x[:, None], y).predict(probe[:, None])
                errors[a][i, j] = np.mean((found[:n_test] - truth) ** 2)
                worst = float(np.max(np.abs(found[n_test:] - targets)))
                residuals[a] = max(residuals[a], worst)
            model = SingularKernelRegressor().fit(x[:, None], y)
            hilbert[i, j] = np.mean((model.predict(queries[:, None]) - truth) ** 2)
    return RateCurves(sizes, bandwidths, noise, errors, hilbert, residuals)


@dataclass(frozen=True)
class ExponentSweep:
    """Mean squared errors of the kernel ||u||^{-a} without a bandwidth.

    Attributes
    ----------
    exponents : ndarray of shape (e,)
    sizes : tuple of int
        Numbers n of samples.
    errors : ndarray of shape (sizes, repeats, e)
        Mean squared errors in the interior.
    limit : ndarray of shape (e,)
        What they tend to as n grows.
    """

    exponents: NDArray
    sizes: tuple[int, ...]
    errors: NDArray
    limit: NDArray


def exponent_sweep(
    sizes: Sequence[int],
    exponents: Sequence[float],
    *,
    noise: float = 0.5,
    repeats: int = 20,
    n_test: int = 60,
    seed: int = 0,
) -> ExponentSweep:
    """Measure the error of the untruncated power kernel on a line over exponents.

    Parameters
    ----------
    sizes : sequence of int
        Numbers n of samples, uniform on [0, 1].
    exponents : sequence of float
        The exponents; 1 is the Hilbert kernel.
    noise : float
        The standard deviation of the noise.
    repeats : int
        Repetitions.
    n_test : int
        Test points, uniform in the interior.
    seed : int
        The seed.

    Returns
    -------
    ExponentSweep
    """
    exponents = np.asarray(exponents, dtype=float)
    errors = np.empty((len(sizes), check_int(repeats, "repeats"), len(exponents)))
    for s, n in enumerate(sizes):
        for i in range(repeats):
            rng = np.random.default_rng([seed, n, i])
            x, queries = rng.random((n, 1)), rng.uniform(*_INTERIOR, (n_test, 1))
            y = wave(x[:, 0]) + noise * rng.standard_normal(n)
            for j, exponent in enumerate(exponents):
                found = SingularKernelRegressor(exponent=exponent).fit(x, y).predict(queries)
                errors[s, i, j] = np.mean((found - wave(queries[:, 0])) ** 2)
    return ExponentSweep(exponents, tuple(sizes), errors, untruncated_limit(exponents, noise))


def untruncated_limit(exponents: ArrayLike, noise: float) -> NDArray:
    r"""Compute the limit of the error of the untruncated kernel on [0, 1] as n grows.

    For a < 1 the law of large numbers makes of it the average of f with density proportional to
    :math:`|x - z|^{-a}`, noise-free and blurred; for a > 1 only a few nearest points count, without
    bias but with the share 1 - 1/a of the noise; at a = 1 both vanish.

    Parameters
    ----------
    exponents : array-like of shape (e,)
        The exponents a > 0.
    noise : float
        The standard deviation of the noise.

    Returns
    -------
    ndarray of shape (e,)
        Mean squared errors in the interior.
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    x = np.linspace(*_INTERIOR, 101)
    limits = []
    for a in np.asarray(exponents, dtype=float):
        if a >= 1:
            limits.append(noise**2 * (1 - 1 / a))
            continue
        # |x - z| = s^{1/(1-a)} takes the singularity away.
        total, mass = np.zeros_like(x), np.zeros_like(x)
        for side, length in ((-1, x), (1, 1 - x)):
            top = length ** (1 - a)
            s = (nodes + 1) / 2 * top[:, None]
            values = wave(x[:, None] + side * s ** (1 / (1 - a)))
            total += values @ weights * top / 2
            mass += top
        limits.append(float(np.mean((total / mass - wave(x)) ** 2)))
    return np.array(limits)
