"""A small network trained far beyond the epoch at which it fits its noisy labels.

The epoch-wise curve of Nakkiran et al. (2020), *Deep double descent*, at a size that runs on a
page: a two-layer network on a few hundred digits, looked at through its test error at many epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample, squared_loss, zero_one_loss
from fearless.experiments._threads import one_thread

__all__ = ["EpochCurves", "epoch_curves"]


@dataclass(frozen=True)
class EpochCurves:
    """Errors of a network at some epochs of its training, one row a seed.

    Attributes
    ----------
    epochs : ndarray of shape (m,), int
        The epochs looked at, from 1 to the last one.
    train_error, test_error : ndarray of shape (seeds, m)
        Zero-one loss on the (noisy) training labels and on clean test labels.
    train_mse, test_mse : ndarray of shape (seeds, m)
        Mean squared error, summed over the outputs, against the same labels.
    moved : ndarray of shape (seeds,)
        Distance between the weights at the first look with all training labels fitted and at the
        end, over the norm of the former; NaN if they never were fitted.
    """

    epochs: NDArray[np.intp]
    train_error: NDArray[np.float64]
    test_error: NDArray[np.float64]
    train_mse: NDArray[np.float64]
    test_mse: NDArray[np.float64]
    moved: NDArray[np.float64]

    @property
    def fitted(self) -> NDArray[np.intp]:
        """For each seed, the index of the first look with zero training error; -1 if none."""
        zero = self.train_error == 0
        return np.where(zero.any(axis=1), zero.argmax(axis=1), -1)

    def landmarks(self, name: str = "test_mse") -> NDArray[np.float64]:
        """First minimum, later peak and last value of a curve, for each seed.

        The first minimum is that up to the first look with zero training error (up to the end if
        there is none); the peak is the largest value after it.

        Parameters
        ----------
        name : str
            "test_mse" or "test_error".

        Returns
        -------
        ndarray of shape (seeds, 3)
        """
        marks = []
        for curve, fitted in zip(getattr(self, name), self.fitted, strict=True):
            low = int(np.argmin(curve[: fitted + 1] if fitted >= 0 else curve))
            marks.append([curve[low], curve[low:].max(), curve[-1]])
        return np.array(marks)


def epoch_curves(
    data: Dataset,
    *,
    n_train: int = 300,
    width: int = 200,
    label_noise: float = 0.3,
    optimizer: str = "adam",
    learning_rate: float = 1e-3,
    batch_size: int = 30,
    max_epochs: int = 400,
    n_looks: int = 28,
    n_seeds: int = 3,
    n_jobs: int | None = None,
    random_state: RandomState = 0,
) -> EpochCurves:
    """Train two-layer ReLU networks on noisy labels with the square loss, testing as they go.

    A seed draws the training samples, the labels replaced, the initial weights and the order of the
    batches.

    Parameters
    ----------
    data : Dataset
    n_train : int
        Training samples.
    width : int
        Hidden units.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    optimizer : {"adam", "sgd"}
        Adam, or gradient descent with momentum 0.9.
    learning_rate, batch_size, max_epochs
        As of `fearless.networks.train`; training goes on to the last epoch.
    n_looks : int
        At about how many epochs, evenly spaced in their logarithms, to test.
    n_seeds : int
    n_jobs : int, optional
        Seeds trained at the same time, as of `joblib.Parallel`; each uses one thread.
    random_state : None, int or Generator

    Returns
    -------
    EpochCurves

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost O(n_train width d) an epoch. Needs torch. Used in the section "More data can hurt; more
    training can hurt".
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    max_epochs = check_int(max_epochs, "max_epochs", minimum=2)
    n_looks = check_int(n_looks, "n_looks", minimum=2)
    epochs = np.unique(np.rint(np.geomspace(1, max_epochs, n_looks)).astype(np.intp))
    seeds = as_generator(random_state).integers(2**31, size=check_int(n_seeds, "n_seeds"))
    options = {
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "max_epochs": max_epochs,
    }
    with one_thread():
        runs = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(_run)(data, n_train, width, label_noise, epochs, int(seed), options)
            for seed in seeds
        )
    rows, moved = zip(*runs, strict=True)
    train_error, train_mse, test_error, test_mse = np.moveaxis(np.array(rows), 2, 0)
    return EpochCurves(epochs, train_error, test_error, train_mse, test_mse, np.array(moved))


def _run(
    data: Dataset,
    n_train: int,
    width: int,
    label_noise: float,
    epochs: NDArray[np.intp],
    seed: int,
    options: dict[str, Any],
) -> tuple[list[tuple[float, ...]], float]:
    """Return the losses at each look, and how far the weights moved after the first fit."""
    from fearless.networks import predict_numpy, train, two_layer_relu

    rng = np.random.default_rng(seed)
    X, labels = noisy_sample(data, n_train, label_noise, rng)
    y = one_hot(labels, data.classes)
    y_test = one_hot(data.y_test, data.classes)
    model = two_layer_relu(X.shape[1], width, y.shape[1], seed)
    looks: list[tuple[float, ...]] = []
    weights: list[NDArray[np.float64]] = []

    def look(epoch: int, loss: float, error: float) -> bool:
        if epoch in epochs:
            on_train = _losses(predict_numpy(model, X), y)
            looks.append(on_train + _losses(predict_numpy(model, data.X_test), y_test))
            if on_train[0] == 0 and not weights:
                weights.append(_flat(model))
        return epoch == options["max_epochs"]

    train(model, X, y, stop=look, random_state=seed, **options)
    if not weights:
        return looks, np.nan
    way = np.linalg.norm(_flat(model) - weights[0])
    return looks, float(way / np.linalg.norm(weights[0]))


def _losses(outputs: NDArray, y: NDArray) -> tuple[float, float]:
    return zero_one_loss(outputs, y), squared_loss(outputs, y)


def _flat(model: object) -> NDArray[np.float64]:
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]).astype(float)
