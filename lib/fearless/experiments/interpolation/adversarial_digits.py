"""Adversarial digits: walks from a digit read correctly to a mislabelled training image.

Part *Interpolation*, page *Adversarial examples are the price*. The walk stays between two images
of the same digit; the machine that fits the wrong label of the second must change its mind on the
way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances

from fearless._validation import (
    RandomState,
    as_seed_sequence,
    check_int,
    check_option,
)
from fearless.data import Dataset, flip_labels
from fearless.experiments.interpolation.attacks import first_flip
from fearless.kernels import LaplacianKernel
from fearless.machines import KernelMachineClassifier

__all__ = [
    "DigitMachines",
    "DigitWalks",
    "WalkScores",
    "digit_walks",
    "fit_digit_machines",
    "walk_scores",
]

#: The machines that are compared: which labels they are given, and whether they fit them.
MACHINES = ("noisy", "clean", "ridge")


@dataclass(frozen=True)
class DigitMachines:
    """Three kernel machines on the same training images.

    Attributes
    ----------
    X : ndarray of shape (n, 784)
    clean, y : ndarray of int, shape (n,)
        The true digits, and the labels with noise.
    machines : mapping of str to KernelMachineClassifier
        "noisy" fits ``y`` exactly, "clean" fits the true digits exactly, "ridge" is given ``y``
        and does not fit it.
    test_error : mapping of str to float
        Share of the test digits read wrongly.
    """

    X: NDArray
    clean: NDArray[np.intp]
    y: NDArray[np.intp]
    machines: Mapping[str, KernelMachineClassifier]
    test_error: Mapping[str, float]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Mask of the mislabelled training images."""
        return self.clean != self.y

    def disagreement(self, machine: str) -> float:
        """Share of the training labels with noise that a machine does not reproduce.

        Parameters
        ----------
        machine : {"noisy", "clean", "ridge"}

        Returns
        -------
        float
        """
        check_option(machine, "machine", MACHINES)
        return float(np.mean(self.machines[machine].predict(self.X) != self.y))


@dataclass(frozen=True)
class DigitWalks:
    """Straight walks from test digits to mislabelled training images of the same digit.

    Attributes
    ----------
    images : ndarray of shape (m, 784)
        Test digits that all three machines read correctly.
    digits : ndarray of int, shape (m,)
    ends : ndarray of int, shape (m, c)
        Rows of the training set: the nearest mislabelled images of the same digit, nearest first.
    lengths : ndarray of shape (m, c)
        Their distances.
    shares : mapping of str to ndarray of shape (m, c)
        For each machine the share of the way at which its reading first changes; NaN for never.
    same, other : ndarray of shape (m,)
        Distance to the nearest training image of the same, and of another digit.
    """

    images: NDArray
    digits: NDArray[np.intp]
    ends: NDArray[np.intp]
    lengths: NDArray
    shares: Mapping[str, NDArray]
    same: NDArray
    other: NDArray

    def nearest(self, machine: str) -> NDArray[np.float64]:
        """Distance to the nearest change of reading found, over the walks of each digit.

        Parameters
        ----------
        machine : {"noisy", "clean", "ridge"}

        Returns
        -------
        ndarray of shape (m,)
            Infinite where no walk changed the reading.
        """
        check_option(machine, "machine", MACHINES)
        found = self.shares[machine] * self.lengths
        return np.min(np.where(np.isnan(found), np.inf, found), axis=1)

    def best(self, row: int) -> int:
        """Which walk of a digit has the nearest change of reading of the machine "noisy".

        Parameters
        ----------
        row : int

        Returns
        -------
        int
        """
        return int(np.nanargmin(self.shares["noisy"][row] * self.lengths[row]))


@dataclass(frozen=True)
class WalkScores:
    """The outputs of all machines along one walk.

    Attributes
    ----------
    start, end : ndarray of shape (784,)
        A test digit and a mislabelled training image of the same digit.
    digit, label : int
        The digit that both show, and the label of the second.
    length : float
        The distance between them.
    shares : ndarray of shape (p,)
        Shares of the way, from 0 to 1.
    scores : mapping of str to ndarray of shape (p, 10)
        For each machine, one output a digit; the largest decides.
    """

    start: NDArray
    end: NDArray
    digit: int
    label: int
    length: float
    shares: NDArray
    scores: Mapping[str, NDArray]

    def reading(self, machine: str, share: float) -> int:
        """Return the digit that a machine reads at a share of the way, to the nearest point.

        Parameters
        ----------
        machine : {"noisy", "clean", "ridge"}
        share : float

        Returns
        -------
        int
        """
        check_option(machine, "machine", MACHINES)
        at = int(np.argmin(np.abs(self.shares - share)))
        return int(np.argmax(self.scores[machine][at]))


def fit_digit_machines(
    data: Dataset,
    n_train: int,
    rate: float,
    *,
    bandwidth: float = 10.0,
    penalty: float = 1.0,
    random_state: RandomState = 0,
) -> DigitMachines:
    """Fit Laplacian kernel machines to digits with and without label noise.

    Parameters
    ----------
    data : Dataset
    n_train : int
        Training images, drawn from those of ``data``.
    rate : float
        Probability that a training label is replaced by a uniformly random digit.
    bandwidth : float
        Of the kernel.
    penalty : float
        Of the machine "ridge".
    random_state : None, int or Generator

    Returns
    -------
    DigitMachines

    Notes
    -----
    Cost: three Cholesky factorisations of an ``n_train`` by ``n_train`` matrix, one at a time.
    """
    draw, noise = (np.random.default_rng(s) for s in as_seed_sequence(random_state).spawn(2))
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    rows = draw.permutation(len(data.X_train))[:n_train]
    X, clean = data.X_train[rows], data.y_train[rows]
    y = flip_labels(clean, rate, data.classes, noise)
    kernel = LaplacianKernel(bandwidth)
    machines = {
        "noisy": KernelMachineClassifier(kernel).fit(X, y),
        "clean": KernelMachineClassifier(kernel).fit(X, clean),
        "ridge": KernelMachineClassifier(kernel, reg=penalty).fit(X, y),
    }
    errors = {
        name: float(np.mean(machine.predict(data.X_test) != data.y_test))
        for name, machine in machines.items()
    }
    return DigitMachines(X, clean, y, machines, errors)


def digit_walks(
    fitted: DigitMachines,
    images: NDArray,
    digits: NDArray,
    *,
    n_digits: int = 60,
    n_ends: int = 3,
) -> DigitWalks:
    """Walk from test digits to the nearest mislabelled training images of the same digit.

    Parameters
    ----------
    fitted : DigitMachines
    images : ndarray of shape (m, 784)
        Test digits; the first ``n_digits`` that all machines read correctly are used.
    digits : ndarray of int, shape (m,)
    n_digits, n_ends : int

    Returns
    -------
    DigitWalks

    Notes
    -----
    Cost: about ``30 n_digits n_ends`` predictions for each machine.
    """
    right = np.ones(len(images), dtype=bool)
    for machine in fitted.machines.values():
        right &= machine.predict(images) == digits
    chosen = np.flatnonzero(right)[: check_int(n_digits, "n_digits")]
    images, digits = images[chosen], digits[chosen]
    distances = euclidean_distances(images, fitted.X)
    same = fitted.clean == digits[:, None]
    candidates = np.where(same & fitted.wrong, distances, np.inf)
    ends = np.argsort(candidates, axis=1)[:, : check_int(n_ends, "n_ends")]
    lengths = np.take_along_axis(candidates, ends, axis=1)
    if not np.isfinite(lengths).all():
        raise ValueError(f"n_ends is {n_ends}; expected at most the mislabelled images of a digit")
    starts = np.repeat(images, n_ends, axis=0)
    labels = np.repeat(digits, n_ends)
    shares = {
        name: first_flip(
            machine.predict, starts, fitted.X[ends.ravel()], labels, n_steps=16, n_halvings=7
        ).reshape(ends.shape)
        for name, machine in fitted.machines.items()
    }
    return DigitWalks(
        images=images,
        digits=digits,
        ends=ends,
        lengths=lengths,
        shares=shares,
        same=np.min(np.where(same, distances, np.inf), axis=1),
        other=np.min(np.where(same, np.inf, distances), axis=1),
    )


def walk_scores(
    fitted: DigitMachines, walks: DigitWalks, row: int, n_points: int = 101
) -> WalkScores:
    """Evaluate the ten outputs of all machines along the best walk of a digit.

    Parameters
    ----------
    fitted : DigitMachines
    walks : DigitWalks
    row : int
        Which digit of ``walks``.
    n_points : int
        Points of the walk, both ends included.

    Returns
    -------
    WalkScores
    """
    walk = walks.best(row)
    start, end = walks.images[row], fitted.X[walks.ends[row, walk]]
    shares = np.linspace(0, 1, check_int(n_points, "n_points", minimum=2))
    path = (1 - shares)[:, None] * start + shares[:, None] * end
    return WalkScores(
        start=start,
        end=end,
        digit=int(walks.digits[row]),
        label=int(fitted.y[walks.ends[row, walk]]),
        length=float(walks.lengths[row, walk]),
        shares=shares,
        scores={name: m.decision_function(path) for name, m in fitted.machines.items()},
    )
