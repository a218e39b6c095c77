"""One dial, the smoothness of the kernel: on a line, and on noisy digits (part *Kernel regimes*).

The families of kernels are those of `fearless.kernels.MaternKernel`; the comparison on digits is
after M. Belkin, S. Ma, S. Mandal (2018), *To understand deep learning we need to understand kernel
learning*, ICML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.data import one_hot
from fearless.experiments._prefixes import PrefixInterpolants
from fearless.experiments.double_descent.line import LinePoints
from fearless.experiments.interpolation.tasks import Task, noisy_label_stack
from fearless.experiments.kernel_regimes.noise_norm import grid_points
from fearless.kernels import MaternKernel
from fearless.linalg import NotPositiveDefiniteError
from fearless.machines import KernelMachine

__all__ = [
    "LineErrors",
    "SmoothFit",
    "SmoothnessDial",
    "line_errors",
    "smooth_fit",
    "smoothness_dial",
]

# Beyond this mean squared norm of fitted noise a fit in double precision has few correct digits.
_LARGEST_TRACE = 1e12


@dataclass(frozen=True)
class SmoothFit:
    """A Matern interpolant of samples on a line.

    Attributes
    ----------
    points : LinePoints
    smoothness : float
    values : ndarray
        On ``points.grid``.
    norm : float
        In the space of the kernel.
    """

    points: LinePoints
    smoothness: float
    values: NDArray[np.float64]
    norm: float

    @property
    def largest(self) -> float:
        """The largest distance to the truth on the grid."""
        return float(np.abs(self.values - self.points.truth).max())

    @property
    def error(self) -> float:
        """Root mean square distance to the truth on the grid."""
        return float(np.sqrt(np.mean((self.values - self.points.truth) ** 2)))


@dataclass(frozen=True)
class LineErrors:
    """Interpolants on a regular grid of the unit interval: one row a smoothness, one column an n.

    Attributes
    ----------
    samples : ndarray of shape (m,), int
    smoothness : ndarray of shape (k,)
    clean : ndarray of shape (k, m)
        Root mean square error on [0, 1] from exact values of the target; NaN where the matrix is
        too ill-conditioned for double precision.
    gain : ndarray of shape (k, m)
        Root mean square of the interpolant of noise of variance one.
    """

    samples: NDArray[np.intp]
    smoothness: NDArray[np.float64]
    clean: NDArray[np.float64]
    gain: NDArray[np.float64]


@dataclass(frozen=True)
class SmoothnessDial:
    """Errors of interpolating machines on noisy digits.

    Attributes
    ----------
    smoothness : ndarray of shape (k,)
    bandwidths : ndarray of shape (b,)
    levels : ndarray of shape (l,)
        Probabilities that a training label was replaced by a random one.
    error : ndarray of shape (seeds, k, b, l)
        Zero-one loss on clean test labels.
    noise_norm : ndarray of shape (seeds, k, b)
        The root of tr K^-1 / n: the norm of fitted noise, over that for unrelated points.
    """

    smoothness: NDArray[np.float64]
    bandwidths: NDArray[np.float64]
    levels: NDArray[np.float64]
    error: NDArray[np.float64]
    noise_norm: NDArray[np.float64]

    def at(self, bandwidth: float) -> NDArray[np.float64]:
        """Errors at one bandwidth of the list.

        Parameters
        ----------
        bandwidth : float
            One of ``bandwidths``.

        Returns
        -------
        ndarray of shape (seeds, k, l)
        """
        return self.error[:, :, int(np.flatnonzero(self.bandwidths == bandwidth)[0])]

    @property
    def best(self) -> NDArray[np.float64]:
        """Errors at the bandwidth that is best on the test set, for each other setting."""
        return self.error.min(axis=2)


def smooth_fit(points: LinePoints, smoothness: float) -> SmoothFit:
    """Interpolate samples on a line with a Matern kernel of their bandwidth.

    Parameters
    ----------
    points : LinePoints
    smoothness : float

    Returns
    -------
    SmoothFit
    """
    machine = KernelMachine(MaternKernel(points.bandwidth, smoothness))
    machine.fit(points.x[:, None], points.y)
    values = machine.predict(points.grid[:, None])
    return SmoothFit(points, smoothness, values, float(machine.norm_))


def line_errors(
    target: Callable[[NDArray], NDArray],
    samples: Sequence[int],
    smoothness: Sequence[float],
    *,
    bandwidth: float = 0.2,
) -> LineErrors:
    """Measure errors from exact values, and the gain of noise, on regular grids of [0, 1].

    Parameters
    ----------
    target : callable
        A function of an array of points.
    samples : sequence of int
        Numbers n of samples, at the centres of n equal cells.
    smoothness : sequence of float
    bandwidth : float

    Returns
    -------
    LineErrors
    """
    x = np.linspace(0, 1, 801)
    clean, gain = np.full((2, len(smoothness), len(samples)), np.nan)
    for i, nu in enumerate(smoothness):
        kernel = MaternKernel(bandwidth, nu)
        for j, n in enumerate(samples):
            X = grid_points(n, 1)
            try:
                fits = PrefixInterpolants(kernel, X)
            except NotPositiveDefiniteError:
                continue
            if fits.noise_norms()[-1] ** 2 > _LARGEST_TRACE:
                continue
            weights = fits.coefficients(kernel(X, x[:, None]))
            clean[i, j] = np.sqrt(np.mean((target(X[:, 0]) @ weights - target(x)) ** 2))
            gain[i, j] = np.sqrt(np.mean(np.sum(weights**2, axis=0)))
    return LineErrors(np.array(samples), np.array(smoothness, dtype=float), clean, gain)


def smoothness_dial(
    task: Task,
    smoothness: ArrayLike,
    bandwidths: ArrayLike,
    levels: ArrayLike,
    *,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> SmoothnessDial:
    """Interpolate noisy labels with Matern kernels of several smoothnesses and bandwidths.

    Parameters
    ----------
    task : Task
        With more than two classes, such as `mnist_task`.
    smoothness, bandwidths, levels : array-like
        The settings; all combinations are run.
    n_seeds : int
        Draws of the training set and of the noise.
    random_state : None, int or Generator

    Returns
    -------
    SmoothnessDial

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    NotPositiveDefiniteError
        A kernel matrix is numerically singular.

    Notes
    -----
    One factorisation for each seed, smoothness and bandwidth; all noise levels share it.
    """
    rng = as_generator(random_state)
    smoothness, bandwidths, levels = (
        np.atleast_1d(np.asarray(v, dtype=float)) for v in (smoothness, bandwidths, levels)
    )
    for value in bandwidths:
        check_positive(float(value), "bandwidths")
    k = task.n_classes
    shape = check_int(n_seeds, "n_seeds"), len(smoothness), len(bandwidths)
    error, norm = np.empty((*shape, len(levels))), np.empty(shape)
    for a, seed in enumerate(rng.integers(2**31, size=n_seeds)):
        data = task.draw(int(seed))
        X, Z = data.X_train.astype(np.float64), data.X_test.astype(np.float64)
        labels = noisy_label_stack(data.y_train, levels, data.classes, [seed, 0])
        targets = np.concatenate([one_hot(y, data.classes) for y in labels], axis=1)
        for b, nu in enumerate(smoothness):
            for c, s in enumerate(bandwidths):
                kernel = MaternKernel(float(s), float(nu))
                fits = PrefixInterpolants(kernel, X)
                norm[a, b, c] = fits.noise_norms()[-1] / np.sqrt(len(X))
                values = kernel(Z, X) @ fits.coefficients(targets)
                decided = np.array(data.classes)[
                    values.reshape(len(Z), len(levels), k).argmax(axis=2)
                ]
                error[a, b, c] = np.mean(decided != data.y_test[:, None], axis=0)
    return SmoothnessDial(smoothness, bandwidths, levels, error, norm)
