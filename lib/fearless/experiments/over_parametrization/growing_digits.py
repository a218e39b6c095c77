"""Digits and random features that grow in number, beside the kernel machine they tend to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fearless._validation import RandomState, as_generator, check_int, check_positive, check_widths
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import squared_loss, zero_one_loss
from fearless.experiments.over_parametrization.kernel_interpolant import KernelInterpolant
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel, LaplacianKernel
from fearless.linalg import cholesky_solve
from fearless.solvers import min_norm_path
from fearless.theory.random_interpolants import feature_distance

__all__ = ["DigitGrowth", "digit_growth", "mixture_factor"]


@dataclass(frozen=True)
class DigitGrowth:
    """Min-norm interpolants of digits against the number of features, one row a seed.

    A seed draws the training set and the features.

    Attributes
    ----------
    n_samples : int
    widths : ndarray of shape (w,)
        Numbers N of features.
    distance : ndarray of shape (seeds, w)
        Mean squared distance to the kernel machine on the test set, summed over the outputs.
    square_norm : ndarray of shape (seeds, w)
        Squared norm of the weights.
    test_mse, test_error : ndarray of shape (seeds, w)
        Squared and zero-one loss on the test set.
    kernel_norm, power : ndarray of shape (seeds,)
        Norm of the kernel machine; root mean square of its power function on the test set.
    kernel_mse, kernel_error : ndarray of shape (seeds,)
        Its losses.
    """

    n_samples: int
    widths: NDArray
    distance: NDArray
    square_norm: NDArray
    test_mse: NDArray
    test_error: NDArray
    kernel_norm: NDArray
    power: NDArray
    kernel_mse: NDArray
    kernel_error: NDArray

    def predicted(self) -> NDArray:
        """Return what Gaussian features would have for `distance`, on average.

        Returns
        -------
        ndarray of shape (seeds, w)
            Infinite where the mean is, for N = n and n + 1.
        """
        return feature_distance(
            self.n_samples,
            self.widths,
            norm=self.kernel_norm[:, None],
            power=self.power[:, None],
        )


def digit_growth(
    data: Dataset,
    widths: Sequence[int] | NDArray,
    *,
    n_train: int,
    kernel: Kernel | None = None,
    n_seeds: int = 5,
    random_state: RandomState = 0,
) -> DigitGrowth:
    """Interpolate digits with N random Fourier features and compare with the kernel machine.

    Parameters
    ----------
    data : Dataset
    widths : sequence of int
        Numbers N of features, increasing, at least ``n_train``.
    n_train : int
        Training samples n, drawn without replacement.
    kernel : Kernel, optional
        By default ``GaussianKernel(5.0)``.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    DigitGrowth

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost a seed: that of two calls of `fearless.solvers.min_norm_path`; memory for the features of
    the test set at the largest width.
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    widths = check_widths(widths, minimum=n_train)
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    seeds = as_generator(random_state).integers(2**31, size=check_int(n_seeds, "n_seeds"))
    y_test = one_hot(data.y_test, data.classes)
    rows = []
    for seed in seeds:
        chosen = np.random.default_rng([int(seed), 1]).permutation(len(data.X_train))[:n_train]
        X, y = data.X_train[chosen], one_hot(data.y_train[chosen], data.classes)
        model = KernelInterpolant.through(kernel, X, y)
        limit = model.values(data.X_test)
        phi = RandomFourierFeatures(kernel=kernel, random_state=int(seed)).fit(X)
        features, test = (phi.block(Z, 0, int(widths[-1])) for Z in (X, data.X_test))
        to_limit = min_norm_path(features, y, test, limit, widths, scale=phi.scale)
        to_labels = min_norm_path(features, y, test, y_test, widths)
        rows.append(
            (
                to_limit.test_mse,
                to_limit.norm**2,
                to_labels.test_mse,
                to_labels.test_error,
                model.norm,
                np.sqrt(np.mean(model.power(data.X_test) ** 2)),
                squared_loss(limit, y_test),
                zero_one_loss(limit, y_test),
            )
        )
    return DigitGrowth(n_train, widths, *(np.array(column) for column in zip(*rows, strict=True)))


def mixture_factor(
    data: Dataset,
    *,
    n_train: int,
    length: float = 10.0,
    n_test: int = 200,
    n_speeds: int = 100,
    random_state: RandomState = 0,
) -> float:
    r"""Compare features of many speeds with Gaussian features, for the Laplacian kernel.

    A random cosine of the kernel :math:`e^{-\|x - z\| / s}` has the frequency
    :math:`g / (s |g_0|)` with normal g and :math:`g_0`: given :math:`g_0` it is one of the Gaussian
    kernel of bandwidth :math:`s |g_0|`. If it were a Gaussian function then, with the residual r
    and the weight g of the first-order law,

    .. math:: E \, r^2 g^2 = E_{g_0} \big( E[r^2] \, E[g^2] + 2 \, E[r g]^2 \big) ,

    inner means given :math:`g_0`. For Gaussian features it would be P(x)^2 times the squared norm.

    Parameters
    ----------
    data : Dataset
    n_train, n_test : int
        Training samples, and test samples to average over.
    length : float
        The length s of the kernel.
    n_speeds : int
        Quantiles of :math:`|g_0|` over which the outer mean is taken.
    random_state : None, int or Generator
        Draws the training set.

    Returns
    -------
    float
        The mean of :math:`E \, r^2 g^2` over that of Gaussian features.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost O(n_speeds n_train^2 d).
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    n_test = check_int(n_test, "n_test", maximum=len(data.X_test))
    n_speeds = check_int(n_speeds, "n_speeds")
    length = check_positive(length, "length")
    chosen = as_generator(random_state).permutation(len(data.X_train))[:n_train]
    X, Z = data.X_train[chosen], data.X_test[:n_test]
    model = KernelInterpolant.through(
        LaplacianKernel(length), X, one_hot(data.y_train[chosen], data.classes)
    )
    shares = cholesky_solve(model.factor, model.kernel(model.X, Z))
    total = 0.0
    for g0 in ndtri((1 + (np.arange(n_speeds) + 0.5) / n_speeds) / 2):
        kernel = GaussianKernel(length * g0)
        gram, cross = kernel(X), kernel(X, Z)
        rr = 1 - 2 * np.sum(shares * cross, axis=0) + np.sum(shares * (gram @ shares), axis=0)
        gg = np.sum(model.dual * (gram @ model.dual))
        rg = (cross - gram @ shares).T @ model.dual
        total += np.mean(rr) * gg + 2 * np.mean(np.sum(rg**2, axis=1))
    gaussian = np.mean(model.power(Z) ** 2) * model.norm**2
    return float(total / n_speeds / gaussian)
