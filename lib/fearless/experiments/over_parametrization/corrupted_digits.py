"""Networks that differ by their seed alone, on held-out digits and on corrupted ones.

After the image experiments of A. D'Amour et al. (2022), *Underspecification presents challenges for
credibility in modern machine learning*, JMLR 23(226), who tested large networks on corrupted
photographs. Small networks, digits and the removal of the weights that training never reaches are
our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_labels,
    check_matrix,
    check_same_length,
)
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.over_parametrization.spread import SeedSpread, paired_spread
from fearless.theory.starts import off_span

__all__ = ["NetworkSeeds", "StressTests", "stress_tests", "train_seeds"]

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class NetworkSeeds:
    """Two-layer ReLU networks of one width, trained on the same samples; one a seed.

    Attributes
    ----------
    weight_1, bias_1 : ndarray of shape (S, m, d) and (S, m)
        The first layers after training.
    weight_2, bias_2 : ndarray of shape (S, k, m) and (S, k)
        The second layers.
    start : ndarray of shape (S, m, d)
        The first layers before training.
    train_error : ndarray of shape (S,)
        Share of the training samples read wrongly.
    """

    weight_1: np.ndarray
    bias_1: np.ndarray
    weight_2: np.ndarray
    bias_2: np.ndarray
    start: np.ndarray
    train_error: np.ndarray

    def outputs(self, X: ArrayLike) -> np.ndarray:
        """Compute the outputs of all networks.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (S, n, k)
        """
        n_seeds, width, d = self.weight_1.shape
        X = check_matrix(X, "X", n_columns=d).astype(self.weight_1.dtype, copy=False)
        first = self.weight_1.reshape(-1, d).T
        blocks = []
        for rows in range(0, len(X), _ROWS_AT_ONCE):  # one product for the first layers of all
            hidden = X[rows : rows + _ROWS_AT_ONCE] @ first
            hidden += self.bias_1.ravel()
            hidden = np.maximum(hidden, 0, out=hidden).reshape(-1, n_seeds, width)
            blocks.append(hidden.transpose(1, 0, 2) @ self.weight_2.transpose(0, 2, 1))
        return np.concatenate(blocks, axis=1) + self.bias_2[:, None]

    def without_unseen(self, X: ArrayLike) -> NetworkSeeds:
        """Erase from the first layers what is orthogonal to samples, and was never trained.

        Parameters
        ----------
        X : array-like of shape (n, d)
            The training samples.

        Returns
        -------
        NetworkSeeds
            The same functions on the span of X; outside, an input counts only by its part in the
            span.
        """
        weights = self.weight_1
        unseen = off_span(X, weights.reshape(-1, weights.shape[2])).reshape(weights.shape)
        return replace(self, weight_1=(weights - unseen).astype(weights.dtype))


@dataclass(frozen=True, eq=False)
class StressTests:
    """Which digits each network reads correctly, on each test.

    Attributes
    ----------
    names : tuple of str
        The tests.
    correct : ndarray of bool, shape (tests, S, n)
        All tests show the same digits in the same order.
    """

    names: tuple[str, ...]
    correct: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Shares of digits read correctly, of shape (tests, S)."""
        return self.correct.mean(axis=2)

    def spread(self, name: str) -> SeedSpread:
        """Split the spread over seeds on one test (see `paired_spread`).

        Parameters
        ----------
        name : str

        Returns
        -------
        SeedSpread
        """
        return paired_spread(self.correct[self.index(name)])

    def index(self, name: str) -> int:
        """Find a test by its name.

        Parameters
        ----------
        name : str

        Returns
        -------
        int
        """
        if name not in self.names:
            raise ValueError(f"name is {name!r}; expected one of {', '.join(self.names)}")
        return self.names.index(name)


def train_seeds(
    data: Dataset,
    n_seeds: int,
    *,
    width: int = 64,
    learning_rate: float = 0.1,
    max_epochs: int = 200,
    random_state: RandomState = 0,
) -> NetworkSeeds:
    """Train networks on the same samples from different seeds, until each makes no error on them.

    A seed decides the initial weights and nothing else; all networks see the samples in the same
    order. Training is gradient descent on the cross-entropy with momentum, in mini-batches of 100,
    so that every step of a first-layer weight is a combination of training samples.

    Parameters
    ----------
    data : Dataset
        Of which the training samples are used.
    n_seeds : int
    width : int
        Hidden units.
    learning_rate : float
    max_epochs : int
        A network that needs more has a ``train_error`` that is not zero.
    random_state : None, int or Generator
        The source of the seeds and of the order of the samples.

    Returns
    -------
    NetworkSeeds

    See Also
    --------
    fearless.networks.train_sweep : which trains them, side by side.
    """
    from fearless.networks import train_sweep, two_layer_relu

    d, k = data.X_train.shape[1], len(data.classes)
    rng = as_generator(random_state)
    seeds = rng.integers(2**31, size=check_int(n_seeds, "n_seeds")).tolist()
    with one_thread():
        runs = train_sweep(
            data.X_train,
            data.y_train,
            [width],
            seeds,
            loss="cross-entropy",
            optimizer="sgd",
            learning_rate=learning_rate,
            max_epochs=max_epochs,
            random_state=int(rng.integers(2**31)),
        )
    layers = [[p.detach().numpy() for p in run.model.parameters()] for run in runs.values()]
    starts = [two_layer_relu(d, width, k, seed)[0].weight.detach().numpy() for seed in seeds]
    errors = [run.error for run in runs.values()]
    return NetworkSeeds(
        *(np.array(parts) for parts in zip(*layers, strict=True)),
        start=np.array(starts),
        train_error=np.array(errors),
    )


def stress_tests(
    networks: NetworkSeeds, tests: Mapping[str, ArrayLike], labels: ArrayLike
) -> StressTests:
    """Let all networks read several versions of the same digits.

    Parameters
    ----------
    networks : NetworkSeeds
    tests : mapping of str to array-like of shape (n, d)
        The images of each test, by its name.
    labels : array-like of int, shape (n,)
        The digits 0, 1, ... on them: the index of the right output.

    Returns
    -------
    StressTests

    Raises
    ------
    TypeError, ValueError
        No test, labels that are no integers, or other numbers of images than of labels.
    """
    labels = check_labels(labels, "labels")
    if not tests:
        raise ValueError("tests is empty; expected one test or more")
    for name, X in tests.items():
        check_same_length(labels=labels, **{f"tests[{name!r}]": X})
    correct = [networks.outputs(X).argmax(axis=2) == labels for X in tests.values()]
    return StressTests(tuple(tests), np.array(correct))
