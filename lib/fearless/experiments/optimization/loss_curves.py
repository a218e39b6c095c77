"""The two losses along gradient descent on one linear model: a straight fall, and one over t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fearless._validation import check_int
from fearless.data import Dataset
from fearless.experiments.statistics import loglog_slopes
from fearless.features import RandomReLUFeatures

__all__ = ["LossCurves", "loss_curves"]


@dataclass(frozen=True, eq=False)
class LossCurves:
    """Gradient descent from zero on D draws of two digits.

    Attributes
    ----------
    steps : ndarray of shape (t,), int
        The recorded steps.
    square, cross_entropy : ndarray of shape (D, t)
        The losses, (f - y)^2 / 2 and log(1 + exp(-y f)), means over the samples.
    gradient_ratio : ndarray of shape (D, t)
        Of the cross-entropy: the length of its gradient over B times the loss.
    """

    steps: NDArray[np.int64]
    square: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    gradient_ratio: NDArray[np.float64]

    @property
    def exponent(self) -> NDArray[np.float64]:
        """Slope of the logarithm of the cross-entropy in log t, last tenfold of steps, (D,)."""
        last = self.steps >= self.steps[-1] / 10
        return loglog_slopes(self.steps[last], self.cross_entropy[:, last])


def loss_curves(
    data: Dataset,
    *,
    n_train: int = 50,
    n_features: int = 1000,
    n_steps: int = 20_000,
    n_draws: int = 5,
    random_state: int = 0,
) -> LossCurves:
    """Fit labels 1 and -1 of two digits by a linear model in random ReLU features.

    Each loss has the step size 1 / beta for its own smoothness beta.

    Parameters
    ----------
    data : Dataset
        Of two classes.
    n_train, n_features, n_steps, n_draws : int
    random_state : int

    Returns
    -------
    LossCurves
    """
    n_steps, n_draws = check_int(n_steps, "n_steps"), check_int(n_draws, "n_draws")
    kernels, labels = [], []
    for i in range(n_draws):
        rng = np.random.default_rng((random_state, i))
        rows = rng.permutation(len(data.X_train))[:n_train]
        features = RandomReLUFeatures(n_features, random_state=rng)
        Phi = features.fit_transform(data.X_train[rows])
        K = Phi @ Phi.T
        kernels.append(K / np.diag(K).max())  # B = 1
        labels.append(np.where(data.y_train[rows] == max(data.classes), 1.0, -1.0))
    K, y = np.array(kernels) / n_train, np.array(labels)
    eigenvalues, vectors = np.linalg.eigh(K)
    step = 1 / eigenvalues[:, -1]
    steps = np.unique(np.concatenate([[0], np.geomspace(1, n_steps, 150).astype(int)]))
    # The square loss along the eigenvectors: every step at once.
    part = np.einsum("dij,di->dj", vectors, y) ** 2 / (2 * n_train)
    factors = np.clip(1 - step[:, None] * eigenvalues, 0, None)[:, :, None]
    square = np.einsum("dj,djt->dt", part, factors ** (2 * steps))
    cross, ratios = _cross_entropy(K, y, 4 * step, steps)
    return LossCurves(
        steps=steps,
        square=square,
        cross_entropy=cross,
        gradient_ratio=ratios,
    )


def _cross_entropy(
    K: NDArray, y: NDArray, step: NDArray, steps: NDArray
) -> tuple[NDArray, NDArray]:
    """Return loss and gradient ratio at the steps; K is over n, and B = 1."""
    margin = np.zeros_like(y)
    recorded = set(steps.tolist())
    losses, ratios = [], []
    for t in range(int(steps[-1]) + 1):
        slope = -expit(-margin) * y
        move = np.einsum("dij,dj->di", K, slope)  # what the outputs lose in a step of size one
        if t in recorded:
            loss = np.logaddexp(0, -margin).mean(axis=1)
            gradient = np.sqrt((slope * move).mean(axis=1))
            losses.append(loss)
            ratios.append(gradient / loss)
        margin -= step[:, None] * move * y
    return np.array(losses).T, np.array(ratios).T
