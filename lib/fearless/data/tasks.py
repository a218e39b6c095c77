"""Classification tasks whose Bayes error is known: two Gaussians among useless coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_positive

__all__ = ["gaussian_pair"]


def gaussian_pair(
    n: int, distance: float = 2.0, d: int = 50, random_state: RandomState = None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    r"""Draw from two Gaussians that differ in one coordinate out of d.

    The label y is a fair coin, x_1 ~ N(distance * y, 1), and x_2, ..., x_d are uniform on [-1, 1].
    The best rule compares x_1 with distance / 2; its error is
    ``gaussian_pair_error(distance)``.

    Parameters
    ----------
    n : int
        How many samples.
    distance : float
        The distance of the means, >= 0: 10 for classes that hardly overlap, 2 for classes with
        Bayes error 0.159.
    d : int
        The dimension.
    random_state : None, int or numpy.random.Generator
        The source of randomness.

    Returns
    -------
    X : ndarray of shape (n, d)
        The inputs.
    y : ndarray of shape (n,), int
        The labels, 0 or 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n d). One ``random_state`` gives the same labels and noise at every distance. Used in the
    section "What you see is not what you get".

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML: the two synthetic data sets, with distances 10 and 2 in dimension 50.

    Examples
    --------
    >>> X, y = gaussian_pair(4, distance=10.0, d=3, random_state=0)
    >>> X.shape, y.shape, bool(np.all((X[:, 0] > 5) == y))
    ((4, 3), (4,), True)
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    distance = check_positive(distance, "distance", allow_zero=True)
    rng = as_generator(random_state)
    y = rng.integers(2, size=n).astype(np.intp)
    X = np.empty((n, d))
    X[:, 0] = rng.standard_normal(n) + distance * y
    X[:, 1:] = rng.uniform(-1, 1, size=(n, d - 1))
    return X, y
