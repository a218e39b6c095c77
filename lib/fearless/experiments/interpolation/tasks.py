"""Tasks of the part *Interpolation*: two Gaussians and MNIST, and what is known of their noise.

After M. Belkin, S. Ma, S. Mandal (2018), *To understand deep learning we need to understand kernel
learning*, ICML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fearless._validation import check_int
from fearless.data import Dataset, flip_labels, gaussian_pair, load_mnist, noisy_error
from fearless.theory.risk import gaussian_pair_error, gaussian_pair_variance, uniform_noise_variance

__all__ = [
    "LabelledDigits",
    "Task",
    "gaussian_task",
    "labelled_digits",
    "mnist_task",
    "noisy_label_stack",
]


@dataclass(frozen=True)
class Task:
    """A classification task, its Bayes error and the noise of its labels.

    Attributes
    ----------
    name : str
        What figures call it.
    n_classes : int
        The number k of classes.
    bayes : float
        The Bayes error on clean labels. For real data 0, a lower bound.
    variance : callable
        ``rate -> E Var(y | x)`` of labels +-1 (two classes) or one-hot ones (more) at a noise
        level; for real data a lower bound.
    draw : callable
        ``seed -> Dataset`` with clean labels, independent for different seeds.
    """

    name: str
    n_classes: int
    bayes: float
    variance: Callable[[float], float]
    draw: Callable[[int], Dataset]

    def bayes_error(self, rate: float) -> float:
        """Error of the best rule against labels with noise; on real data a lower bound.

        Parameters
        ----------
        rate : float
            The noise level.

        Returns
        -------
        float
        """
        return noisy_error(self.bayes, rate, self.n_classes)

    def test_error(self, clean_error: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Error against labels with noise of rules whose error on clean ones is known.

        Parameters
        ----------
        clean_error : ndarray of shape (seeds, m)
            One column a noise level.
        levels : ndarray of shape (m,)

        Returns
        -------
        ndarray of shape (seeds, m)
        """
        k = self.n_classes
        return np.array(
            [
                [noisy_error(e, r, k) for e, r in zip(row, levels, strict=True)]
                for row in clean_error
            ]
        )


@dataclass(frozen=True)
class LabelledDigits:
    """A few training images as a machine gets to see them.

    Attributes
    ----------
    images : ndarray of shape (n, 28, 28)
    truth : ndarray of shape (n,), int
        What they show.
    given : ndarray of shape (n,), int
        The labels given.
    """

    images: np.ndarray
    truth: np.ndarray
    given: np.ndarray


def gaussian_task(distance: float, n_train: int, *, n_test: int = 4000, d: int = 50) -> Task:
    """Two Gaussians in one coordinate out of ``d``, as `fearless.data.gaussian_pair` draws them.

    Parameters
    ----------
    distance : float
        Distance of the means; Bayes error 0.159 at 2 and almost 0 at 10.
    n_train, n_test : int
        Samples of a draw.
    d : int
        The dimension.

    Returns
    -------
    Task
    """
    check_int(n_train, "n_train")
    check_int(n_test, "n_test")

    def draw(seed: int) -> Dataset:
        rng = np.random.default_rng([seed, 7])
        train = gaussian_pair(n_train, distance, d, rng)
        test = gaussian_pair(n_test, distance, d, rng)
        return Dataset("gaussian_pair", *train, *test, (0, 1))

    return Task(
        name=f"two Gaussians, distance {distance:g}",
        n_classes=2,
        bayes=gaussian_pair_error(distance),
        variance=lambda rate: gaussian_pair_variance(distance, rate),
        draw=draw,
    )


def mnist_task(n_train: int, *, n_test: int | None = None) -> Task:
    """The ten digits of MNIST; a seed chooses the training set out of 10,000 images.

    Parameters
    ----------
    n_train : int
        Training samples of a draw.
    n_test : int, optional
        Test samples, the same for every seed; None means all 2,000.

    Returns
    -------
    Task
    """
    full = load_mnist(n_test=n_test, dtype=np.float32)
    check_int(n_train, "n_train", maximum=len(full.X_train))

    def draw(seed: int) -> Dataset:
        rows = np.random.default_rng([seed, 8]).permutation(len(full.X_train))[:n_train]
        train = full.X_train[rows], full.y_train[rows]
        return Dataset("mnist", *train, full.X_test, full.y_test, full.classes)

    return Task("MNIST", 10, 0.0, lambda rate: uniform_noise_variance(rate, 10), draw)


def noisy_label_stack(
    y: np.ndarray, levels: Sequence[float], classes: Sequence[int], seed: Sequence[int]
) -> np.ndarray:
    """Replace labels at several noise levels, which are coupled.

    Parameters
    ----------
    y : ndarray of int, shape (n,)
        The clean labels.
    levels : sequence of float
        Probabilities that a label is replaced; one replaced at a low level is at all higher ones.
    classes : sequence of int
        What it is replaced by, uniformly.
    seed : sequence of int
        Of the generator that every level starts anew.

    Returns
    -------
    ndarray of int, shape (m, n)
        One row a level.
    """
    return np.stack([flip_labels(y, r, classes, np.random.default_rng(seed)) for r in levels])


def labelled_digits(rate: float, *, n: int = 24, seed: int = 0) -> LabelledDigits:
    """Take training images of MNIST and replace a share of their labels.

    Parameters
    ----------
    rate : float
        Probability that a label is replaced by a uniformly random digit. Labels replaced at a low
        rate are replaced at all higher ones.
    n : int
        How many images.
    seed : int

    Returns
    -------
    LabelledDigits
    """
    data = load_mnist(n_train=check_int(n, "n"), n_test=1, dtype=np.float32, random_state=seed)
    given = flip_labels(data.y_train, rate, data.classes, seed)
    return LabelledDigits(data.X_train.reshape(-1, 28, 28), data.y_train, given)
