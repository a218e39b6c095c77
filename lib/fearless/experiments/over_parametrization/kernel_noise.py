"""What a kernel machine does with noise in the labels of real images, without any fit to noise.

The interpolant at x of labels y is K_xX K_XX^-1 y, so that for labels of pure noise of variance one
its mean square is ||K_XX^-1 K_Xx||^2. The same solve gives the squared distance of the feature of x
to the span of those of the training images, K(x, x) - K_xX K_XX^-1 K_Xx.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless import linalg
from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_int,
    check_matrix,
    check_widths,
)
from fearless.kernels import Kernel

__all__ = ["KernelNoise", "kernel_noise"]


@dataclass(frozen=True)
class KernelNoise:
    """Fitted noise and unexplained distance over the number of samples, one row a training set.

    Attributes
    ----------
    samples : ndarray of shape (m,), int
        Numbers of training images n.
    noise : ndarray of shape (seeds, m)
        Mean square of the interpolant of pure noise of variance one, on the test images.
    distance : ndarray of shape (seeds, m)
        Mean squared distance of the feature of a test image to the span of the training ones.
    """

    samples: NDArray[np.intp]
    noise: NDArray[np.float64]
    distance: NDArray[np.float64]

    @property
    def rate(self) -> NDArray[np.float64]:
        """Decrease of ln distance per ln n between neighbouring n, shape (seeds, m - 1)."""
        return -np.diff(np.log(self.distance), axis=1) / np.diff(np.log(self.samples))

    @property
    def between(self) -> NDArray[np.float64]:
        """Geometric mean of the noise at neighbouring n, shape (seeds, m - 1)."""
        return np.sqrt(self.noise[:, 1:] * self.noise[:, :-1])

    @property
    def midpoints(self) -> NDArray[np.float64]:
        """Geometric means of neighbouring n, where `rate` and `between` belong."""
        return np.sqrt(self.samples[1:] * self.samples[:-1].astype(float))


def kernel_noise(
    kernel: Kernel,
    images: ArrayLike,
    test: ArrayLike,
    samples: ArrayLike,
    *,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> KernelNoise:
    """Measure what the interpolant of a kernel does with noise, for nested training sets.

    Parameters
    ----------
    kernel : Kernel
    images : array-like of shape (m, d)
        A pool that each seed draws its training images from, all different.
    test : array-like of shape (t, d)
        Fresh images.
    samples : array-like of int
        Numbers of training images, increasing.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    KernelNoise

    Raises
    ------
    NotPositiveDefiniteError
        The kernel matrix is numerically singular.

    Notes
    -----
    One Cholesky factorisation a seed, whose leading blocks serve every n: O(n^3 + n^2 t).
    """
    images = check_matrix(images, "images")
    test = check_matrix(test, "test", n_columns=images.shape[1])
    samples = check_widths(samples, "samples", maximum=len(images))
    n = int(samples[-1])
    own = kernel.diag(test)
    rows = []
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        chosen = np.random.default_rng(seed).choice(len(images), n, replace=False)
        X = images[chosen]
        factor = linalg.cholesky_in_place(linalg.as_fortran(kernel(X), copy=True))
        upper = linalg.as_fortran(factor.T)
        along = linalg.solve_triangle(upper, kernel(X, test), adjoint=True)
        row = []
        for m in samples:
            weights = linalg.solve_triangle(linalg.as_fortran(upper[:m, :m]), along[:m])
            distance = own - np.sum(along[:m] ** 2, axis=0)
            row.append((np.mean(np.sum(weights**2, axis=0)), np.mean(distance)))
        rows.append(row)
    noise, distance = np.moveaxis(np.array(rows), 2, 0)
    return KernelNoise(samples, noise, distance)
