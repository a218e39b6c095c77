"""Digits with a useless neighbour, and digits alone: where a learned metric helps and where not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import squared_loss
from fearless.experiments.kernel_regimes.pooling import pooled_digits
from fearless.machines import RecursiveFeatureMachineClassifier
from fearless.machines.recursive import Stage

__all__ = ["MetricErrors", "digit_metrics", "pair_up"]


@dataclass(frozen=True)
class MetricErrors:
    """Classifiers that learn a metric, iteration by iteration.

    Attributes
    ----------
    error : ndarray of shape (seeds, iterations + 1)
        Share of new images read wrongly; the first column is the plain kernel machine.
    loss : ndarray of shape (seeds, iterations + 1)
        Squared loss on them.
    left_out : ndarray of shape (seeds, iterations + 1)
        The leave-one-out error: share of training images read wrongly by the machine that is fitted
        to all others in the metric learned from all.
    weights : ndarray of shape (iterations + 1, height, width)
        The diagonal of the metric of the first seed, as an image.
    """

    error: NDArray[np.float64]
    loss: NDArray[np.float64]
    left_out: NDArray[np.float64]
    weights: NDArray[np.float64]


def pair_up(images: NDArray, others: NDArray) -> NDArray:
    """Put another image to the right of each image.

    Parameters
    ----------
    images, others : ndarray of shape (n, height, width)

    Returns
    -------
    ndarray of shape (n, height, 2 width)
    """
    return np.concatenate([images, others], axis=2)


def digit_metrics(
    data: Dataset,
    *,
    pairs: bool,
    diagonal: bool,
    n_train: int = 1000,
    max_iter: int = 4,
    n_seeds: int = 3,
    random_state: int = 0,
) -> MetricErrors:
    """Learn a metric for digits at half their resolution.

    Parameters
    ----------
    data : Dataset
    pairs : bool
        Put a random other digit to the right of each one; the label is that of the left one.
    diagonal : bool
        Learn a weight for each pixel, not a full metric.
    n_train, max_iter, n_seeds, random_state : int
        At most half of the training images.

    Returns
    -------
    MetricErrors
    """
    check_int(n_train, "n_train", maximum=len(data.X_train) // 2)
    images, new = (pooled_digits(X).reshape(-1, 14, 14) for X in (data.X_train, data.X_test))
    targets = one_hot(data.y_test, data.classes)
    rows, first = [], None
    for seed in range(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng([random_state, seed])
        order = rng.permutation(len(images))
        X, Z = images[order[:n_train]], new
        if pairs:
            X = pair_up(X, images[order[-n_train:]])
            Z = pair_up(Z, new[rng.permutation(len(new))])
        shape, labels = X.shape[1:], data.y_train[order[:n_train]]
        machine = RecursiveFeatureMachineClassifier(diagonal=diagonal, max_iter=max_iter, tol=0)
        machine.fit(X.reshape(n_train, -1), labels)
        outputs = [stage.evaluate(Z.reshape(len(Z), -1)) for stage in machine.history_]
        rows.append(
            [
                [np.mean(f.argmax(axis=1) != data.y_test) for f in outputs],
                [squared_loss(f, targets) for f in outputs],
                [
                    np.mean(_left_out(stage, machine.reg) != np.searchsorted(data.classes, labels))
                    for stage in machine.history_
                ],
            ]
        )
        if first is None:
            metrics = [stage.metric for stage in machine.history_]
            first = [(M if M.ndim == 1 else np.diag(M)).reshape(shape) for M in metrics]
    error, loss, left_out = np.array(rows).transpose(1, 0, 2)
    return MetricErrors(error, loss, left_out, np.array(first))


def _left_out(stage: Stage, reg: float) -> NDArray[np.intp]:
    """Return the class that each sample gets from the fit to all others.

    With A = K + reg I the prediction there is y_i - a_i / (A^-1)_ii, where A a = y.
    """
    machine = stage.machine
    A = machine.kernel_(machine.X_fit_.astype(np.float64))
    A[np.diag_indices_from(A)] += reg
    coef = machine.dual_coef_.astype(np.float64)
    outputs = A @ coef - coef / np.diag(np.linalg.inv(A))[:, None]
    return outputs.argmax(axis=1)
