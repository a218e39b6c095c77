"""Training sets drawn from real data, their labels noisy, and the losses they are judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless.data import Dataset, flip_labels

__all__ = ["noisy_sample", "squared_loss", "zero_one_loss"]


def noisy_sample(
    data: Dataset, n_train: int, label_noise: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Draw training samples without replacement, then replace labels at random.

    Parameters
    ----------
    data : Dataset
    n_train : int
    label_noise : float
        Probability that a label is replaced by a uniformly random one.
    rng : numpy.random.Generator
        Of the choice, then of the noise.

    Returns
    -------
    X : ndarray of shape (n_train, d)
    labels : ndarray of shape (n_train,)
    """
    chosen = rng.permutation(len(data.X_train))[:n_train]
    return data.X_train[chosen], flip_labels(data.y_train[chosen], label_noise, data.classes, rng)


def squared_loss(outputs: NDArray, targets: NDArray) -> float:
    """Compute the mean over samples of ``||f(x) - y||^2``.

    Parameters
    ----------
    outputs, targets : ndarrays of shape (n, k)

    Returns
    -------
    float
    """
    return float(np.mean(np.sum((outputs - targets) ** 2, axis=1)))


def zero_one_loss(outputs: NDArray, targets: NDArray) -> float:
    """Compute the share of samples whose largest output is not at the largest target.

    Parameters
    ----------
    outputs, targets : ndarrays of shape (n, k)

    Returns
    -------
    float
    """
    return float(np.mean(outputs.argmax(axis=1) != targets.argmax(axis=1)))
