"""Interpolating kernel machines on noisy labels: errors, norms and bounds (part *Interpolation*).

After M. Belkin, S. Ma, S. Mandal (2018), *To understand deep learning we need to understand kernel
learning*, ICML. The sample sizes, the bandwidths and the seeds are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fearless._validation import RandomState, as_generator, check_int, check_widths
from fearless.data import one_hot
from fearless.experiments._prefixes import PrefixInterpolants
from fearless.experiments.interpolation.tasks import Task, noisy_label_stack
from fearless.kernels import Kernel
from fearless.machines import KernelMachine
from fearless.theory.bounds import interpolant_norm_floor, margin_bound

__all__ = ["NoisyFits", "NormGrowth", "fit_noisy", "norm_growth"]


@dataclass(frozen=True)
class NoisyFits:
    """Interpolating machines at several noise levels: one row a seed, one column a level.

    Attributes
    ----------
    task : Task
    levels : ndarray of shape (m,)
        Probabilities that a training label was replaced by a random one.
    n_samples : int
    train_error : ndarray of shape (seeds, m)
        Zero-one loss on the noisy training labels.
    residual : ndarray of shape (seeds,)
        Largest ``|f(x_i) - y_i|`` over all levels.
    clean_error : ndarray of shape (seeds, m)
        Zero-one loss on test points with their true labels.
    sampled_error : ndarray of shape (seeds, m)
        The same on test labels that carry the noise of the training labels.
    norm : ndarray of shape (seeds, m)
        Norm in the space of the kernel; for k classes the root of the sum of squares.
    n_test : int
        Test points a seed.
    """

    task: Task
    levels: np.ndarray
    n_samples: int
    train_error: np.ndarray
    residual: np.ndarray
    clean_error: np.ndarray
    sampled_error: np.ndarray
    norm: np.ndarray
    n_test: int

    @property
    def test_error(self) -> np.ndarray:
        """Error against noisy test labels, by the formula of label noise: (seeds, m)."""
        return self.task.test_error(self.clean_error, self.levels)

    @property
    def bayes_error(self) -> np.ndarray:
        """Error of the best rule at each level: (m,)."""
        return np.array([self.task.bayes_error(rate) for rate in self.levels])

    @property
    def norm_floor(self) -> np.ndarray:
        """Least root-mean-square norm of any interpolant, whatever the kernel: (m,)."""
        variances = [self.task.variance(rate) for rate in self.levels]
        return np.array([interpolant_norm_floor(self.n_samples, v) for v in variances])

    def bound(self, delta: float = 0.05) -> np.ndarray:
        """Margin bound on the error against noisy labels, at margin 1.

        Parameters
        ----------
        delta : float
            The probability that the bound fails, for one fit.

        Returns
        -------
        ndarray of shape (seeds, m)
        """
        k = self.task.n_classes
        return np.array(
            [
                [
                    margin_bound(
                        self.n_samples, norm, margin_error=loss, n_classes=k, delta=delta
                    ).value
                    for norm in row
                ]
                # A margin falls short of 1 by rounding only: at most twice the residual.
                for row, loss in zip(self.norm, np.minimum(2 * self.residual, 1), strict=True)
            ]
        )


@dataclass(frozen=True)
class NormGrowth:
    """Norm of the interpolant against the number of samples.

    Attributes
    ----------
    task : Task
    sizes : ndarray of shape (s,)
        Numbers ``n`` of samples; smaller sets are the first samples of larger ones.
    levels : ndarray of shape (m,)
        Noise levels.
    norm : ndarray of shape (seeds, m, s)
    """

    task: Task
    sizes: np.ndarray
    levels: np.ndarray
    norm: np.ndarray


def fit_noisy(
    task: Task,
    kernel: Kernel,
    levels: Sequence[float],
    *,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> NoisyFits:
    """Interpolate the labels of a task at several noise levels with one kernel machine.

    The noisy label vectors of all levels are the outputs of one machine: one kernel matrix and
    one factorisation a seed. A label replaced at a low level is replaced at all higher ones.

    Parameters
    ----------
    task : Task
    kernel : Kernel
    levels : sequence of float
        Probabilities that a training label is replaced by a uniformly random one.
    n_seeds : int
        Draws of the task and of the noise.
    random_state : None, int or Generator

    Returns
    -------
    NoisyFits

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost of a seed: ``O(n^2 d + n^3 / 3)`` and ``O(n (n + n_test))`` for each output, in float64.
    """
    rng = as_generator(random_state)
    levels = np.asarray(levels, dtype=float)
    columns: dict[str, list] = {
        name: [] for name in ("train", "residual", "clean", "noisy", "norm")
    }
    for seed in rng.integers(2**31, size=check_int(n_seeds, "n_seeds")):
        data = task.draw(int(seed))
        labels, labels_test = (
            noisy_label_stack(y, levels, data.classes, [seed, i])
            for i, y in enumerate((data.y_train, data.y_test))
        )
        targets = _targets(labels, data.classes)
        # Interpolation is to be exact: images in single precision are raised to double here.
        machine = KernelMachine(kernel).fit(data.X_train.astype(np.float64), targets)
        decided = _decide(machine.predict(data.X_test), data.classes)
        fitted = _decide(machine.predict(data.X_train), data.classes)
        columns["train"].append(np.mean(fitted != labels, axis=1))
        columns["residual"].append(machine.residual_)
        columns["clean"].append(np.mean(decided != data.y_test, axis=1))
        columns["noisy"].append(np.mean(decided != labels_test, axis=1))
        norms = machine.norm_.reshape(len(levels), -1)
        columns["norm"].append(np.sqrt(np.sum(norms**2, axis=1)))
    train, residual, clean, noisy, norm = map(np.array, columns.values())
    n, n_test = len(data.y_train), len(data.y_test)
    return NoisyFits(task, levels, n, train, residual, clean, noisy, norm, n_test)


def norm_growth(
    task: Task,
    kernel: Kernel,
    levels: Sequence[float],
    sizes: Sequence[int],
    *,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> NormGrowth:
    """Norms of the interpolants of the first n samples, for every n from one factorisation.

    Parameters
    ----------
    task : Task
        Its draws must have ``max(sizes)`` training samples or more.
    kernel : Kernel
    levels : sequence of float
        Noise levels.
    sizes : sequence of int
        Numbers of samples, increasing.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    NormGrowth

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost of a seed: ``n^3 / 3`` for the largest ``n``, all sizes included.
    """
    rng = as_generator(random_state)
    levels = np.asarray(levels, dtype=float)
    norms = []
    for seed in rng.integers(2**31, size=check_int(n_seeds, "n_seeds")):
        data = task.draw(int(seed))
        sizes = check_widths(sizes, "sizes", maximum=len(data.y_train))
        last = int(sizes[-1])
        labels = noisy_label_stack(data.y_train, levels, data.classes, [seed, 0])[:, :last]
        fits = PrefixInterpolants(kernel, data.X_train[:last])
        squares = fits.squared_norms(_targets(labels, data.classes))[sizes - 1]
        norms.append(np.sqrt(squares.reshape(len(sizes), len(levels), -1).sum(axis=2)).T)
    return NormGrowth(task, sizes, levels, np.array(norms))


def _targets(labels: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Return the targets of label vectors (m, n) as columns: +-1, or blocks of one-hot columns."""
    if len(classes) == 2:
        return np.where(labels == classes[1], 1.0, -1.0).T
    return np.concatenate([one_hot(y, classes) for y in labels], axis=1)


def _decide(values: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Return the labels (m, n) that the outputs (n, columns) of a machine stand for."""
    names = np.asarray(classes)
    if len(names) == 2:
        return names[(values > 0).astype(int)].T
    return names[values.reshape(len(values), -1, len(names)).argmax(axis=2)].T
