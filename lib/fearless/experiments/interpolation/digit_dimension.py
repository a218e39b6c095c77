"""How fast the nearest image comes nearer with more images: the dimension of a set of digits.

Part *Interpolation*, page *Adversarial examples are the price*.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances

from fearless._validation import RandomState, as_generator, check_int, check_widths
from fearless.data import Dataset

__all__ = ["nearest_digit_distances"]


def nearest_digit_distances(
    data: Dataset,
    counts: Sequence[int],
    *,
    n_queries: int = 300,
    n_repeats: int = 5,
    random_state: RandomState = 0,
) -> NDArray[np.float64]:
    """Measure the distance from test digits to the nearest of m random training images.

    Only images of the same digit count, as if a random share of the training set was mislabelled.

    Parameters
    ----------
    data : Dataset
    counts : sequence of int
        Numbers ``m`` of random training images of all digits.
    n_queries : int
        Test digits.
    n_repeats : int
        Random choices for each ``m``.
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (n_repeats, counts)
        Medians over the test digits.
    """
    rng = as_generator(random_state)
    counts = check_widths(counts, "counts", maximum=len(data.X_train))
    queries = rng.permutation(len(data.X_test))[: check_int(n_queries, "n_queries")]
    distances = euclidean_distances(data.X_test[queries], data.X_train)
    distances[data.y_test[queries][:, None] != data.y_train] = np.inf
    result = np.empty((check_int(n_repeats, "n_repeats"), len(counts)))
    for row in result:
        order = rng.permutation(len(data.X_train))
        row[:] = [np.median(np.min(distances[:, order[:m]], axis=1)) for m in counts]
    return result
