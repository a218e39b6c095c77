"""Decision forests and boosted trees of growing size (page *Every model does it*).

After Belkin, Hsu, Ma and Mandal (2019), *Reconciling modern machine-learning practice and the
classical bias-variance trade-off*, Proc. Natl. Acad. Sci. 116(32), 15849-15854. Their axis: first
one predictor grows until it fits the training data, then such predictors are averaged. All trees
are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fearless._validation import (
    check_int,
    check_positive,
    check_same_length,
    check_vector,
    check_widths,
)
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample, squared_loss, zero_one_loss

__all__ = [
    "AveragingLaw",
    "GrowthCurve",
    "averaging_law",
    "boosting_curve",
    "forest_curve",
    "line_forest",
    "tree_outputs",
]


@dataclass(frozen=True)
class GrowthCurve:
    """Risks while one predictor grows, and while such predictors are averaged; one row a seed.

    Attributes
    ----------
    sizes : ndarray of shape (a,), int
        What grows in one predictor: leaves of a tree, or rounds of boosting. The last one fits
        the training data.
    counts : ndarray of shape (b,), int
        Predictors averaged, from 1 on.
    n_samples : int
    train_mse, test_mse, train_error, test_error : ndarray of shape (seeds, a + b - 1)
        Squared loss (summed over outputs) and zero-one loss: first the a sizes of one predictor,
        then ``counts[1:]`` of them. Test labels are clean.
    """

    sizes: np.ndarray
    counts: np.ndarray
    n_samples: int
    train_mse: np.ndarray
    test_mse: np.ndarray
    train_error: np.ndarray
    test_error: np.ndarray

    @property
    def threshold(self) -> int:
        """Index of the full-grown single predictor."""
        return len(self.sizes) - 1

    @property
    def complexity(self) -> np.ndarray:
        """Size times count: leaves, or rounds, of the whole model; shape (a + b - 1,)."""
        return np.concatenate([self.sizes, self.sizes[-1] * self.counts[1:]])


@dataclass(frozen=True)
class AveragingLaw:
    """The risk of an average of T independent predictors, R(T) = limit + (single - limit) / T.

    Attributes
    ----------
    single : float
        Mean risk of one predictor, R(1).
    limit : float
        Mean over pairs of the inner product of their errors, R(infinity).
    """

    single: float
    limit: float

    def risk(self, count: int | np.ndarray) -> float | np.ndarray:
        """Compute R(T).

        Parameters
        ----------
        count : int or ndarray
            T.

        Returns
        -------
        float or ndarray
        """
        return self.limit + (self.single - self.limit) / np.asarray(count)


def averaging_law(outputs: np.ndarray, targets: np.ndarray) -> AveragingLaw:
    r"""Estimate the risk of averages of any number of predictors from some of them.

    For predictors :math:`f_1, f_2, \dots` drawn independently by the same rule,

    .. math::
        E \| \bar f_T - y \|^2 = C + \frac{R_1 - C}{T}, \quad
        R_1 = E \| f_1 - y \|^2, \quad C = E \langle f_1 - y, f_2 - y \rangle .

    Parameters
    ----------
    outputs : ndarray of shape (m, n, k)
        Of m >= 2 such predictors on n samples.
    targets : ndarray of shape (n, k)

    Returns
    -------
    AveragingLaw
        Means over the predictors and over the pairs of them: unbiased, and equal to the mean over
        all subsets of T predictors for every T <= m.

    Raises
    ------
    ValueError
        When there are fewer than two predictors or the shapes do not fit.

    Notes
    -----
    Cost O(m n k). Used in the section "Every model does it".
    """
    if outputs.ndim != 3 or len(outputs) < 2 or outputs.shape[1:] != targets.shape:
        raise ValueError(
            f"outputs has shape {outputs.shape}; expected (m, {len(targets)}, "
            f"{targets.shape[-1]}) with m >= 2, as targets"
        )
    errors = outputs - targets
    m = len(errors)
    single = float(np.mean(np.sum(errors**2, axis=2)))
    of_mean = float(np.mean(np.sum(errors.mean(axis=0) ** 2, axis=1)))
    return AveragingLaw(single, (m * of_mean - single) / (m - 1))


def forest_curve(
    data: Dataset,
    leaves: Sequence[int] | np.ndarray,
    counts: Sequence[int] | np.ndarray,
    *,
    n_train: int,
    label_noise: float = 0.0,
    max_features: int | float | str | None = "sqrt",
    n_seeds: int = 3,
    random_state: int = 0,
) -> GrowthCurve:
    """Risks of a decision tree with more and more leaves, then of more and more full-grown trees.

    Each seed draws a training set, its noise, and the trees. A tree sees all samples (no
    bootstrap), so that a full-grown one fits them exactly, and so does every average; trees differ
    by the random pixels among which each split is chosen.

    Parameters
    ----------
    data : Dataset
    leaves : sequence of int
        Largest numbers of leaves of the single tree, increasing, at least 2; a full-grown tree is
        appended.
    counts : sequence of int
        Numbers of full-grown trees, increasing, from 1 on.
    n_train : int
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    max_features : int, float, str or None
        Of `sklearn.tree.DecisionTreeClassifier`: how many pixels a split is chosen among.
    n_seeds : int
    random_state : int

    Returns
    -------
    GrowthCurve
        ``sizes[-1]`` is the mean number of leaves of the full-grown trees.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named; a full-grown tree has no more leaves than the last of ``leaves``.

    Notes
    -----
    A tree grown by the Gini index is the regression tree of the one-hot labels: the index is the
    summed variance of their components. Cost O(sqrt(d) n log^2 n) a tree. Used in the section
    "Every model does it".
    """
    leaves = check_widths(leaves, "leaves", minimum=2)
    counts = _check_counts(counts)
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    rows, full = [], []
    for X, y, rng in _draws(data, n_train, label_noise, n_seeds, random_state):
        grown = [
            _fit_tree(X, y, rng, max_leaf_nodes=int(size), max_features=max_features)
            for size in leaves
        ]
        forest = [_fit_tree(X, y, rng, max_features=max_features) for _ in range(counts[-1])]
        full.append(np.mean([tree.get_n_leaves() for tree in forest]))
        both = [
            np.stack([tree_outputs(tree, Z, data.classes) for tree in [*grown, *forest]])
            for Z in (X, data.X_test)
        ]
        rows.append(_grow_and_average(both, (y, data.y_test), data.classes, len(grown), counts))
    grown_up = round(float(np.mean(full)))
    if leaves[-1] >= grown_up:
        raise ValueError(
            f"leaves ends with {leaves[-1]}; expected fewer than a full-grown tree's {grown_up}"
        )
    sizes = np.append(leaves, grown_up)
    return GrowthCurve(sizes, counts, n_train, *np.moveaxis(np.array(rows), 1, 0))


def boosting_curve(
    data: Dataset,
    rounds: Sequence[int] | np.ndarray,
    counts: Sequence[int] | np.ndarray,
    *,
    n_train: int,
    label_noise: float = 0.0,
    max_leaves: int = 10,
    shrinkage: float = 0.85,
    max_features: int | float | str | None = "sqrt",
    n_seeds: int = 3,
    random_state: int = 0,
) -> GrowthCurve:
    r"""Risks of L2-boosting over its rounds, then of averages of boosted predictors.

    Each round fits a small regression tree to the residuals and adds ``shrinkage`` times it,

    .. math::
        f_{m+1} = f_m + \nu \, h_m, \qquad h_m \approx y - f_m .

    Parameters
    ----------
    data, n_train, label_noise, max_features, n_seeds, random_state
        As in `forest_curve`.
    rounds : sequence of int
        Numbers of trees in one boosted predictor, increasing; the last one is averaged.
    counts : sequence of int
        Numbers of boosted predictors averaged, increasing, from 1 on.
    max_leaves : int
        Leaves of each tree.
    shrinkage : float
        The factor nu in (0, 1].

    Returns
    -------
    GrowthCurve

    Notes
    -----
    Cost O(rounds counts sqrt(d) n log n) a seed. Used in the section "Every model does it".

    References
    ----------
    P. Buehlmann, B. Yu (2003), Boosting with the L2 loss: regression and classification, J. Amer.
    Statist. Assoc. 98(462).
    """
    rounds = check_widths(rounds, "rounds")
    counts = _check_counts(counts)
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    max_leaves = check_int(max_leaves, "max_leaves", minimum=2)
    shrinkage = check_positive(shrinkage, "shrinkage")
    if shrinkage > 1:
        raise ValueError(f"shrinkage is {shrinkage}; expected a number in (0, 1]")
    options = {"max_leaf_nodes": max_leaves, "max_features": max_features}
    rows = []
    for X, y, rng in _draws(data, n_train, label_noise, n_seeds, random_state):
        sets = (X, data.X_test)
        targets = one_hot(y, data.classes)
        first, finals = [[], []], [[], []]
        for j in range(counts[-1]):
            sums = [np.zeros((len(Z), targets.shape[1])) for Z in sets]
            for m in range(1, rounds[-1] + 1):
                tree = DecisionTreeRegressor(random_state=int(rng.integers(2**31)), **options)
                tree.fit(X, targets - sums[0])
                for total, Z in zip(sums, sets, strict=True):
                    total += shrinkage * tree.predict(Z)
                if j == 0 and m in rounds[:-1]:
                    for kept, total in zip(first, sums, strict=True):
                        kept.append(total.copy())
            for kept, total in zip(finals, sums, strict=True):
                kept.append(total)
        both = [np.stack(a + b) for a, b in zip(first, finals, strict=True)]
        rows.append(
            _grow_and_average(both, (y, data.y_test), data.classes, len(rounds) - 1, counts)
        )
    return GrowthCurve(rounds, counts, n_train, *np.moveaxis(np.array(rows), 1, 0))


def tree_outputs(tree: DecisionTreeClassifier, X: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Compute the shares of the classes in the leaf of each sample.

    Parameters
    ----------
    tree : DecisionTreeClassifier
        Fitted; it may not have seen all classes.
    X : ndarray of shape (m, d)
    classes : sequence of int
        All classes, increasing.

    Returns
    -------
    ndarray of shape (m, k)
    """
    outputs = np.zeros((len(X), len(classes)))
    outputs[:, np.searchsorted(classes, tree.classes_)] = tree.predict_proba(X)
    return outputs


def line_forest(
    x: np.ndarray,
    y: np.ndarray,
    grid: np.ndarray,
    *,
    n_leaves: int | None = None,
    n_trees: int = 1,
    random_state: int = 0,
) -> np.ndarray:
    """Fit trees with random splits to samples on a line.

    A split cuts the interval of a node at a uniformly random place. The mean of all full-grown
    trees is the polygon through the samples: whatever cuts between two neighbours is uniform there.

    Parameters
    ----------
    x, y : ndarrays of shape (n,)
        Samples, all places different.
    grid : ndarray of shape (m,)
        Where to evaluate.
    n_leaves : int, optional
        At most so many leaves a tree, at least 2; by default full-grown trees.
    n_trees : int
        Trees; those of one ``random_state`` are nested.
    random_state : int

    Returns
    -------
    ndarray of shape (n_trees, m)
        One tree a row.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named; two places are the same in float32, the type of the trees.

    References
    ----------
    P. Geurts, D. Ernst, L. Wehenkel (2006), Extremely randomized trees, Machine Learning 63.

    Notes
    -----
    Used in the section "Every model does it".
    """
    n_trees = check_int(n_trees, "n_trees")
    x, y, grid = check_vector(x, "x"), check_vector(y, "y"), check_vector(grid, "grid")
    check_same_length(x=x, y=y)
    if len(np.unique(x.astype(np.float32))) < len(x):
        raise ValueError("x has equal entries (in float32); expected all places different")
    return np.array(
        [
            DecisionTreeRegressor(
                splitter="random", max_leaf_nodes=n_leaves, random_state=random_state + i
            )
            .fit(x[:, None], y)
            .predict(grid[:, None])
            for i in range(n_trees)
        ]
    )


def _check_counts(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    counts = check_widths(counts, "counts")
    if counts[0] != 1:
        raise ValueError(f"counts starts with {counts[0]}; expected 1, the single predictor")
    return counts


def _draws(
    data: Dataset, n_train: int, label_noise: float, n_seeds: int, random_state: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.random.Generator]]:
    """Yield training set and source of randomness of each seed."""
    random_state = check_int(random_state, "random_state", minimum=0)
    for seed in range(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng([random_state, seed])
        yield (*noisy_sample(data, n_train, label_noise, rng), rng)


def _fit_tree(
    X: np.ndarray, y: np.ndarray, rng: np.random.Generator, **options: object
) -> DecisionTreeClassifier:
    seed = int(rng.integers(2**31))
    return DecisionTreeClassifier(random_state=seed, **options).fit(X, y)


def _grow_and_average(
    outputs: list[np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    classes: Sequence[int],
    n_grown: int,
    counts: np.ndarray,
) -> np.ndarray:
    """Risks of the growing predictor and of averages: (4, sizes + counts - 1), train first.

    ``outputs`` holds, for the training and the test set, the ``n_grown`` smaller predictors and
    then the full-grown ones.
    """
    columns: dict[str, Callable] = {"mse": squared_loss, "error": zero_one_loss}
    table = []
    for values, y in zip(outputs, labels, strict=True):
        targets = one_hot(y, classes)
        sums = np.cumsum(values[n_grown:], axis=0)
        models = [*values[:n_grown], *(sums[count - 1] / count for count in counts)]
        table.append([[risk(f, targets) for f in models] for risk in columns.values()])
    (train_mse, train_error), (test_mse, test_error) = table
    return np.array([train_mse, test_mse, train_error, test_error])
