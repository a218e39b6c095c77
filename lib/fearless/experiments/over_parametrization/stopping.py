"""Gradient descent stopped early, beside ridge regression: on a line, and on noisy digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import as_seed_sequence, check_int
from fearless.data import Dataset, flip_labels, one_hot
from fearless.experiments.double_descent.line import LinePoints
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel
from fearless.linear import GradientPath

__all__ = ["EarlyStopping", "LinePath", "early_stopping", "line_path"]


@dataclass(frozen=True)
class EarlyStopping:
    """Gradient flow stopped at time t, and ridge regression with penalty 1 / t, on digits.

    Attributes
    ----------
    times : ndarray of shape (t,)
        The times.
    flow, ridge : ndarray of shape (seeds, t)
        Squared losses on test digits with clean labels.
    flow_error, ridge_error : ndarray of shape (seeds, t)
        Zero-one losses on them.
    train : ndarray of shape (seeds, t)
        Squared loss of gradient flow on the training digits with their noisy labels.
    end : ndarray of shape (seeds,)
        Test loss of the limit, the interpolant of minimum norm.
    """

    times: NDArray
    flow: NDArray
    ridge: NDArray
    flow_error: NDArray
    ridge_error: NDArray
    train: NDArray
    end: NDArray


def early_stopping(
    data: Dataset,
    times: ArrayLike,
    *,
    n_train: int = 500,
    n_features: int = 2000,
    noise: float = 0.2,
    bandwidth: float = 5.0,
    n_seeds: int = 3,
    random_state: int | None = 0,
) -> EarlyStopping:
    """Train random features on digits with noisy labels by gradient flow, and by ridge.

    Parameters
    ----------
    data : Dataset
        Digits.
    times : array-like of shape (t,)
        Times of the flow; the penalties are their inverses.
    n_train : int
        Training samples.
    n_features : int
        Random Fourier features, scaled such that a sample's features have length about one.
    noise : float
        Share of training labels replaced by random ones.
    bandwidth : float
        Of the kernel of the features.
    n_seeds : int
        Number of draws of samples, noise and features.
    random_state : int or None
        Seed.

    Returns
    -------
    EarlyStopping
        The losses.
    """
    times = np.asarray(times, float)
    Y_test = one_hot(data.y_test, data.classes)
    losses: dict[str, list] = {key: [] for key in EarlyStopping.__dataclass_fields__}
    losses.pop("times")
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(data.X_train), n_train, replace=False)
        labels = flip_labels(data.y_train[rows], noise, data.classes, random_state=rng)
        phi = RandomFourierFeatures(
            n_features, kernel=GaussianKernel(bandwidth), random_state=int(rng.integers(2**31))
        )
        features = phi.fit_transform(data.X_train[rows])
        test = phi.transform(data.X_test)
        path = GradientPath(features, one_hot(labels, data.classes))
        for name, filters in (
            ("flow", path.flow_filter(times)),
            ("ridge", path.ridge_filter(1 / times)),
        ):
            predictions = path.predict(test, filters)
            losses[name].append(np.mean(np.sum((predictions - Y_test) ** 2, axis=2), axis=1))
            wrong = np.asarray(data.classes)[predictions.argmax(axis=2)] != data.y_test
            losses[f"{name}_error"].append(wrong.mean(axis=1))
        losses["train"].append(path.train_mse(path.flow_filter(times)))
        losses["end"].append(np.mean(np.sum((test @ path.limit - Y_test) ** 2, axis=1)))
    return EarlyStopping(times, **{key: np.array(rows) for key, rows in losses.items()})


@dataclass(frozen=True)
class LinePath:
    """The gradient path of a wide model on samples of a function of one variable.

    Attributes
    ----------
    path : GradientPath
        Of the features' weights.
    grid : ndarray of shape (m, N)
        The features on the grid of the points.
    """

    path: GradientPath
    grid: NDArray

    def curves(self, time: float) -> tuple[NDArray, NDArray]:
        """Compute the function at a time of gradient flow, and with ridge penalty 1 / time.

        Parameters
        ----------
        time : float
            The time t > 0.

        Returns
        -------
        flow, ridge : ndarray of shape (m,)
            Values on the grid.
        """
        filters = np.r_[self.path.flow_filter([time]), self.path.ridge_filter([1 / time])]
        flow, ridge = self.path.predict(self.grid, filters)
        return flow, ridge


def line_path(points: LinePoints, n_features: int = 1000) -> LinePath:
    """Set up gradient descent on random features for samples on a line.

    Parameters
    ----------
    points : LinePoints
        From `fearless.experiments.double_descent.line`.
    n_features : int
        Random Fourier features, scaled such that a sample's features have length about one.

    Returns
    -------
    LinePath
        The path, and the features on the grid.
    """
    phi = RandomFourierFeatures(
        n_features, kernel=GaussianKernel(points.bandwidth), random_state=points.seed
    )
    features = phi.fit_transform(points.x[:, None])
    return LinePath(GradientPath(features, points.y), phi.transform(points.grid[:, None]))
