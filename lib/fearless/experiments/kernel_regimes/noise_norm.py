"""What noise costs an interpolating kernel machine, in norm (part *Kernel regimes*).

For labels of independent noise of variance one E ||f||^2 = tr K^-1, and one factorisation gives it
for every sample size.

After M. Belkin, S. Ma, S. Mandal (2018), *To understand deep learning we need to understand kernel
learning*, ICML; grids and sizes are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_probability,
    check_widths,
)
from fearless.experiments._prefixes import PrefixInterpolants
from fearless.experiments.interpolation.tasks import Task, noisy_label_stack
from fearless.kernels import Kernel

__all__ = ["SampleGrowth", "grid_points", "growing_samples", "kernel_spectrum", "noise_norm"]


@dataclass(frozen=True)
class SampleGrowth:
    """Interpolants of the first n samples: one row a seed, one column a number of samples.

    Attributes
    ----------
    task : Task
    level : float
        Probability that a training label was replaced by a random one.
    samples : ndarray of shape (m,), int
    error : ndarray of shape (seeds, m)
        Zero-one loss on test labels with the same noise.
    norm : ndarray of shape (seeds, m)
        Norm in the space of the kernel.
    noise_norm : ndarray of shape (seeds, m)
        Root mean square norm of interpolants of pure noise of variance one at the same inputs.
    """

    task: Task
    level: float
    samples: NDArray[np.intp]
    error: NDArray[np.float64]
    norm: NDArray[np.float64]
    noise_norm: NDArray[np.float64]

    @property
    def bayes_error(self) -> float:
        """The least possible error on labels with this noise."""
        return self.task.bayes_error(self.level)


def grid_points(m: int, d: int) -> NDArray[np.float64]:
    """Return the centres of the m^d equal cells of the unit cube.

    Parameters
    ----------
    m, d : int
        Cells along an edge, and the dimension.

    Returns
    -------
    ndarray of shape (m^d, d)
    """
    ticks = (np.arange(check_int(m, "m")) + 0.5) / m
    axes = np.meshgrid(*[ticks] * check_int(d, "d"), indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, d)


def kernel_spectrum(kernel: Kernel, X: ArrayLike) -> NDArray[np.float64]:
    """Compute the eigenvalues of K_XX / n, those of the kernel's integral operator, descending.

    Parameters
    ----------
    kernel : Kernel
    X : array-like of shape (n, d)

    Returns
    -------
    ndarray of shape (n,)
        Values below about eps times the first are rounding errors.
    """
    X = check_matrix(X, "X").astype(np.float64)
    return np.linalg.eigvalsh(kernel(X))[::-1] / len(X)


def noise_norm(kernel: Kernel, X: ArrayLike) -> NDArray[np.float64]:
    """Compute the root mean square norm of interpolants of noise, for the first 1, ..., n points.

    Parameters
    ----------
    kernel : Kernel
    X : array-like of shape (n, d)
        Distinct points.

    Returns
    -------
    ndarray of shape (n,)
        The square roots of tr K^-1 of the leading blocks.

    Raises
    ------
    NotPositiveDefiniteError
        The kernel matrix is numerically singular.

    Notes
    -----
    Cost: 2 n^3 / 3.
    """
    return PrefixInterpolants(kernel, X).noise_norms()


def growing_samples(
    task: Task,
    kernel: Kernel,
    level: float,
    samples: Sequence[int],
    *,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> SampleGrowth:
    """Interpolate the first n noisy samples of a task of two classes, for every n.

    All of them come from one factorisation of the kernel matrix of the largest n.

    Parameters
    ----------
    task : Task
        With two classes, and ``max(samples)`` training samples or more a draw.
    kernel : Kernel
    level : float
        Probability that a training label is replaced by a random one.
    samples : sequence of int
        Numbers of samples, increasing.
    n_seeds : int
        Draws of the task and of the noise.
    random_state : None, int or Generator

    Returns
    -------
    SampleGrowth

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    NotPositiveDefiniteError
        The kernel matrix is numerically singular.

    Notes
    -----
    Cost of a seed: ``2 n^3 / 3 + n^2 n_test`` for the largest n.
    """
    level = check_probability(level, "level")
    if task.n_classes != 2:
        raise ValueError(f"task has {task.n_classes} classes; expected two")
    rng = as_generator(random_state)
    rows = []
    for seed in rng.integers(2**31, size=check_int(n_seeds, "n_seeds")):
        data = task.draw(int(seed))
        samples = check_widths(samples, "samples", maximum=len(data.y_train))
        n = int(samples[-1])
        labels = noisy_label_stack(data.y_train, np.array([level]), data.classes, [seed, 0])[0, :n]
        y = np.where(labels == data.classes[1], 1.0, -1.0)
        fits = PrefixInterpolants(kernel, data.X_train[:n])
        truth = data.y_test == data.classes[1]
        clean = [np.mean((f > 0) != truth) for f in fits.predict(data.X_test, y, samples)]
        norms = np.sqrt(fits.squared_norms(y[:, None])[samples - 1, 0])
        rows.append((clean, norms, fits.noise_norms()[samples - 1]))
    clean, norm, noise = np.moveaxis(np.array(rows), 1, 0)
    error = task.test_error(clean, np.full(len(samples), level))
    return SampleGrowth(task, level, samples, error, norm, noise)
