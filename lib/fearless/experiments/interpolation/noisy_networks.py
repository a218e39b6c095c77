"""A ReLU network trained until it has fitted noisy labels, beside kernel machines.

After C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals (2017), *Understanding deep learning
requires rethinking generalization*, ICLR, who trained image networks on random labels. Two layers
and a thousand digits are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fearless._validation import RandomState, as_generator, check_int
from fearless.experiments.interpolation.tasks import Task, noisy_label_stack

__all__ = ["NetworkFits", "fit_networks"]


@dataclass(frozen=True)
class NetworkFits:
    """Networks trained at several noise levels: one row a seed, one column a level.

    Attributes
    ----------
    task : Task
    levels : ndarray of shape (m,)
    n_samples : int
    n_weights : int
        Trained parameters of one network.
    train_error : ndarray of shape (seeds, m)
        Zero-one loss on the noisy training labels.
    clean_error : ndarray of shape (seeds, m)
        Zero-one loss on test points with their true labels.
    epochs : ndarray of shape (seeds, m), int
        Passes over the data until no training label was missed.
    """

    task: Task
    levels: np.ndarray
    n_samples: int
    n_weights: int
    train_error: np.ndarray
    clean_error: np.ndarray
    epochs: np.ndarray

    @property
    def test_error(self) -> np.ndarray:
        """Error against noisy test labels, by the formula of label noise: (seeds, m)."""
        return self.task.test_error(self.clean_error, self.levels)


def fit_networks(
    task: Task,
    levels: Sequence[float],
    *,
    width: int = 512,
    n_seeds: int = 2,
    max_epochs: int = 200,
    random_state: RandomState = 0,
) -> NetworkFits:
    """Train a two-layer ReLU network at every noise level until it fits its training labels.

    The networks of one seed are trained side by side (`fearless.networks.train_stack`): the same
    images, start and order, different labels.

    Parameters
    ----------
    task : Task
    levels : sequence of float
        Probabilities that a training label is replaced by a uniformly random one.
    width : int
        Hidden units.
    n_seeds : int
        Draws of the task, the noise and the initial weights.
    max_epochs : int
        Passes over the data at most; a network that needs more warns and is not at zero error.
    random_state : None, int or Generator

    Returns
    -------
    NetworkFits

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    from fearless.networks import train_stack

    rng = as_generator(random_state)
    levels = np.asarray(levels, dtype=float)
    train, clean, epochs = [], [], []
    for seed in map(int, rng.integers(2**31, size=check_int(n_seeds, "n_seeds"))):
        data = task.draw(seed)
        labels = noisy_label_stack(data.y_train, levels, data.classes, [seed, 0])
        runs = train_stack(data.X_train, labels, width, max_epochs=max_epochs, random_state=seed)
        train.append([run.error for run in runs])
        clean.append([float(np.mean(run.predict(data.X_test) != data.y_test)) for run in runs])
        epochs.append([run.epochs for run in runs])
    n_weights = sum(p.numel() for p in runs[0].model.parameters())
    return NetworkFits(
        task, levels, len(data.y_train), n_weights, *map(np.array, (train, clean, epochs))
    )
