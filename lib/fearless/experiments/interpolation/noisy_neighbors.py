"""What nearest neighbours do with label noise: pass it on, or average it and still interpolate.

After T. M. Cover and P. E. Hart (1967), *Nearest neighbor pattern classification*, and M. Belkin,
D. Hsu and P. Mitra (2018), *Overfitting or perfect fitting?*
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, check_int, check_probability
from fearless.data import Dataset, flip_labels, gaussian_pair, noisy_error, one_hot
from fearless.local import InterpolatedNeighborsRegressor, SingularKernelRegressor

__all__ = [
    "DigitExponents",
    "DigitNoise",
    "digit_exponents",
    "digit_noise",
    "flipped_pair_errors",
    "nearest_indices",
    "overlapping_pair_errors",
]


@dataclass(frozen=True)
class DigitNoise:
    """Errors of two interpolating rules on clean test digits, against the label noise in training.

    Attributes
    ----------
    rates : ndarray of shape (r,)
        The shares of training labels replaced by random ones.
    n_neighbors : int
        The neighbours averaged by the second rule.
    nearest : ndarray of shape (seeds, r)
        Test error of one nearest neighbour.
    predicted : ndarray of shape (seeds, r)
        What it must be on average over the noise, from the error without noise.
    weighted : ndarray of shape (seeds, r)
        Test error of weighted interpolated nearest neighbours.
    training : ndarray of shape (seeds, r)
        Error of the latter on noisy labels it was fitted to.
    """

    rates: NDArray
    n_neighbors: int
    nearest: NDArray
    predicted: NDArray
    weighted: NDArray
    training: NDArray


@dataclass(frozen=True)
class DigitExponents:
    """Errors of the untruncated singular kernel on test digits, against its exponent.

    Attributes
    ----------
    exponents : ndarray of shape (e,)
    rate : float
        The share of training labels replaced by random ones.
    errors : ndarray of shape (seeds, e)
        Test error.
    nearest : ndarray of shape (seeds,)
        Test error of one nearest neighbour.
    agreement : ndarray of shape (seeds, e)
        The share of test digits read as one nearest neighbour reads them.
    """

    exponents: NDArray
    rate: float
    errors: NDArray
    nearest: NDArray
    agreement: NDArray


def nearest_indices(X: ArrayLike, Q: ArrayLike) -> NDArray[np.intp]:
    """Find the nearest row of X for each row of Q.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Points, all distinct, at least two.
    Q : array-like of shape (m, d)
        Queries.

    Returns
    -------
    ndarray of int, shape (m,)
        With the row numbers as targets, one nearest neighbour predicts the row number.
    """
    rows = np.arange(len(X), dtype=float)
    return np.rint(InterpolatedNeighborsRegressor(1).fit(X, rows).predict(Q)).astype(np.intp)


def digit_noise(
    data: Dataset,
    rates: Sequence[float],
    *,
    n_train: int = 5000,
    n_test: int = 1000,
    n_neighbors: int = 40,
    n_seeds: int = 3,
    seed: int = 0,
) -> DigitNoise:
    """Measure two interpolating rules over noise levels.

    Parameters
    ----------
    data : Dataset
        Images; all noise levels share one neighbour search.
    rates : sequence of float
        Shares of random labels.
    n_train, n_test : int
        Sizes; each seed draws its own training set and noise.
    n_neighbors : int
        Neighbours of the averaging rule.
    n_seeds : int
        Repetitions.
    seed : int
        The first seed.

    Returns
    -------
    DigitNoise
    """
    rates = np.array([check_probability(rate, "an entry of rates") for rate in rates])
    shape = (check_int(n_seeds, "n_seeds"), len(rates))
    nearest, predicted, weighted, training = (np.empty(shape) for _ in range(4))
    k = len(data.classes)
    truth = data.y_test[:n_test]
    for i in range(n_seeds):
        rng = np.random.default_rng([seed, i])
        rows = rng.choice(len(data.X_train), n_train, replace=False)
        X, y = data.X_train[rows], data.y_train[rows]
        noise = int(rng.integers(2**31))  # the same for all rates: they are coupled
        noisy = np.array([flip_labels(y, rate, data.classes, noise) for rate in rates])

        found = nearest_indices(X, data.X_test[:n_test])
        clean_error = float(np.mean(y[found] != truth))
        nearest[i] = np.mean(noisy[:, found] != truth, axis=1)
        predicted[i] = [noisy_error(clean_error, rate, k) for rate in rates]

        targets = np.hstack([one_hot(labels, data.classes) for labels in noisy])
        model = InterpolatedNeighborsRegressor(n_neighbors).fit(X, targets)
        check = min(500, n_train)
        votes = model.predict(np.vstack([data.X_test[:n_test], X[:check]]))
        read = np.argmax(votes.reshape(-1, len(rates), k), axis=2).T
        weighted[i] = np.mean(read[:, :n_test] != truth, axis=1)
        training[i] = np.mean(read[:, n_test:] != noisy[:, :check], axis=1)
    return DigitNoise(rates, n_neighbors, nearest, predicted, weighted, training)


def digit_exponents(
    data: Dataset,
    exponents: Sequence[float],
    *,
    rate: float = 0.4,
    n_train: int = 4000,
    n_test: int = 500,
    n_seeds: int = 3,
    seed: int = 0,
) -> DigitExponents:
    """Measure the kernel ||u||^{-a} without a bandwidth over exponents a.

    Parameters
    ----------
    data : Dataset
        Images.
    exponents : sequence of float
        The exponents.
    rate : float
        The share of random labels.
    n_train, n_test : int
        Sizes; each seed draws its own training set, test set and noise.
    n_seeds : int
        Repetitions.
    seed : int
        The first seed.

    Returns
    -------
    DigitExponents
    """
    errors = np.empty((check_int(n_seeds, "n_seeds"), len(exponents)))
    agreement, nearest = np.empty_like(errors), np.empty(n_seeds)
    for i in range(n_seeds):
        rng = np.random.default_rng([seed, i])
        rows = rng.choice(len(data.X_train), n_train, replace=False)
        X = data.X_train[rows]
        noisy = flip_labels(data.y_train[rows], rate, data.classes, rng)
        chosen = rng.choice(len(data.X_test), n_test, replace=False)
        Q, truth = data.X_test[chosen], data.y_test[chosen]
        one = noisy[nearest_indices(X, Q)]
        nearest[i] = np.mean(one != truth)
        targets = one_hot(noisy, data.classes)
        for j, exponent in enumerate(exponents):
            model = SingularKernelRegressor(exponent=exponent).fit(X, targets)
            read = np.argmax(model.predict(Q), axis=1)
            errors[i, j] = np.mean(read != truth)
            agreement[i, j] = np.mean(read == one)
    return DigitExponents(np.array(exponents, dtype=float), rate, errors, nearest, agreement)


def flipped_pair_errors(
    rate: float,
    *,
    n: int = 2000,
    d: int = 2,
    repeats: int = 20,
    random_state: RandomState = None,
) -> tuple[NDArray, NDArray]:
    """Errors of one nearest neighbour on two far Gaussians, each label flipped at a rate q.

    Parameters
    ----------
    rate : float
        The probability q that a label, of training or of test, is flipped.
    n : int
        Training samples, and test samples.
    d : int
        The dimension.
    repeats : int
        Independent repetitions.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    noisy, clean : ndarray of shape (repeats,)
        Errors against flipped test labels (2 q (1 - q) in the mean), and against the clean ones
        (q), but for the error of 3e-7 of the best rule.
    """
    check_probability(rate, "rate")
    rng = as_generator(random_state)
    noisy, clean = np.empty(repeats), np.empty(repeats)
    for i in range(repeats):
        X, y = gaussian_pair(2 * n, distance=10.0, d=d, random_state=rng)
        flipped = y ^ (rng.random(2 * n) < rate)
        predicted = flipped[:n][nearest_indices(X[:n], X[n:])]
        noisy[i] = np.mean(predicted != flipped[n:])
        clean[i] = np.mean(predicted != y[n:])
    return noisy, clean


def overlapping_pair_errors(
    *, n: int = 2000, distance: float = 2.0, repeats: int = 20, random_state: RandomState = None
) -> NDArray:
    """Errors of one nearest neighbour on two overlapping Gaussians on a line.

    Parameters
    ----------
    n : int
        Training samples, and test samples.
    distance : float
        The distance of the means.
    repeats : int
        Independent repetitions.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of shape (repeats,)
        Test errors.
    """
    rng = as_generator(random_state)
    errors = np.empty(repeats)
    for i in range(repeats):
        X, y = gaussian_pair(2 * n, distance=distance, d=1, random_state=rng)
        errors[i] = np.mean(y[:n][nearest_indices(X[:n], X[n:])] != y[n:])
    return errors
