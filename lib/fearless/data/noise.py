"""Label noise: a known share of labels is replaced at random, and the error this costs is exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_labels,
    check_probability,
)

__all__ = ["flip_labels", "noisy_error"]


def flip_labels(
    y: ArrayLike,
    rate: float,
    classes: Sequence[int] | None = None,
    random_state: RandomState = None,
) -> NDArray[np.intp]:
    """Replace each label, with probability rate, by a uniformly random one of the k classes.

    The random class may be the label itself, so that a share ``rate (k - 1) / k`` of the labels
    is wrong on average. One ``random_state`` couples all rates: the labels replaced at a low rate
    are among those replaced at a higher one, by the same classes.

    Parameters
    ----------
    y : array-like of int, shape (n,)
        The labels.
    rate : float
        The probability, in [0, 1].
    classes : sequence of int, optional
        The classes, at least two; None means the labels that occur in y.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of int, shape (n,)
        A new array.

    Raises
    ------
    TypeError, ValueError
        y, rate or classes is not as described, or y has a label outside classes.

    Notes
    -----
    Cost O(n). Used in the sections "What you see is not what you get" and "The double descent
    curve". The Bayes rule is unchanged by this noise as long as rate < 1; see :func:`noisy_error`.

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.
    """
    y = check_labels(y, "y")
    rate = check_probability(rate, "rate")
    palette = np.unique(y) if classes is None else check_labels(classes, "classes")
    if len(np.unique(palette)) != len(palette) or len(palette) < 2:
        raise ValueError(f"classes is {palette.tolist()}; expected at least two distinct labels")
    check_labels(y, "y", classes=palette)
    rng = as_generator(random_state)
    chance = rng.random(len(y))  # drawn for every label whatever the rate: this couples the rates
    replacement = palette[rng.integers(len(palette), size=len(y))]
    return np.where(chance < rate, replacement, y)


def noisy_error(clean_error: float, rate: float, n_classes: int) -> float:
    r"""Compute the error against noisy labels of a rule with a known error against clean ones.

    .. math::
        \Pr(c(x) \ne \tilde y) = \varepsilon \frac{k - 1}{k} + (1 - \varepsilon) \Pr(c(x) \ne y)

    for labels replaced by :func:`flip_labels` at rate epsilon, independently of the rule: test
    labels, or training labels of a rule that has not seen them.

    Parameters
    ----------
    clean_error : float
        The error Pr(c(x) != y) against clean labels, in [0, 1].
    rate : float
        The probability epsilon of a replacement, in [0, 1].
    n_classes : int
        The number k >= 2 of classes.

    Returns
    -------
    float
        The error against noisy labels. At ``clean_error=0``, that of the best rule of all.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "What you see is not what you get".
    """
    clean_error = check_probability(clean_error, "clean_error")
    rate = check_probability(rate, "rate")
    k = check_int(n_classes, "n_classes", minimum=2)
    return rate * (k - 1) / k + (1 - rate) * clean_error
