"""Weighted nearest neighbours that interpolate: the weight of a neighbour grows without bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_option, check_positive
from fearless.local._base import LocalAverage, LocalClassifier, LocalRegressor
from fearless.local._search import row_blocks

__all__ = ["InterpolatedNeighborsClassifier", "InterpolatedNeighborsRegressor"]


class _InterpolatedNeighbors(LocalAverage):
    """The weights, shared by regression and classification."""

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: str = "log",
        exponent: float | None = None,
        duplicates: str = "error",
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.exponent = exponent
        self.duplicates = duplicates

    def _check_parameters(self, n: int, d: int) -> None:
        k = check_int(self.n_neighbors, "n_neighbors")
        if k >= n:
            raise ValueError(
                f"n_neighbors is {k} and there are n_samples = {n} distinct training points; "
                "expected at least one point more than neighbours, the one that sets the scale"
            )
        # Predictions use the parameters of the fit, whatever is set afterwards.
        self.n_neighbors_ = k
        self.weights_ = check_option(self.weights, "weights", ("log", "power"))
        if self.weights_ == "power":
            given = d / 4 if self.exponent is None else self.exponent
            self.exponent_ = check_positive(given, "exponent")
        elif self.exponent is not None:
            raise ValueError(f"exponent is {self.exponent}; expected None with weights='log'")

    def _average(self, Q: NDArray, targets: NDArray) -> NDArray:
        k = self.n_neighbors_
        out = np.empty((len(Q), targets.shape[1]), targets.dtype)
        for block in row_blocks(len(Q), (k + 1) * max(targets.shape[1], 4)):
            indices, distances = self._search.nearest(Q[block], k + 1)
            weights = self._weights(distances)
            total = weights.sum(axis=1)
            # All of the k + 1 equally far: no distance is preferred, take the mean.
            even = total == 0
            weights[even], total[even] = 1.0, k
            weights /= total[:, None]  # first, for targets near the largest number
            near = indices[:, :k]
            if targets.shape[1] == 1:
                values = np.einsum("mk,mk->m", weights, targets[near, 0])[:, None]
            else:
                values = np.einsum("mk,mko->mo", weights, targets[near])
            hit = distances[:, 0] == 0
            values[hit] = targets[indices[hit, 0]]
            out[block] = values
        return out

    def _weights(self, distances: NDArray) -> NDArray:
        """Weights of the k nearest from the k + 1 distances; rows of coincidence are set later."""
        near, last = distances[:, :-1], distances[:, -1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.weights_ == "log":
                weights = -np.log(near / last)
            else:  # relative to the nearest: no overflow, however close it is
                weights = (near[:, :1] / near) ** self.exponent_
        weights[distances[:, 0] == 0] = 1.0
        return weights


class InterpolatedNeighborsRegressor(LocalRegressor, _InterpolatedNeighbors):
    r"""Regress by k nearest neighbours with weights that are infinite at distance zero (wiNN).

    .. math::
        f(x) = \frac{\sum_{i=1}^k w_i \, y_{(i)}}{\sum_{i=1}^k w_i}, \qquad
        w_i = \phi\left( \frac{\|x - x_{(i)}\|}{\|x - x_{(k+1)}\|} \right), \qquad
        \phi(t) = -\ln t \;\text{ or }\; t^{-\delta},

    with the training points ordered by their distance to x. At a training point f equals the
    target exactly; elsewhere the noise of about k labels is averaged.

    Parameters
    ----------
    n_neighbors : int
        The number k of neighbours, less than the number of distinct training points.
    weights : {"log", "power"}
        phi(t) = -ln t, or t^{-delta}.
    exponent : float, optional
        The exponent delta > 0 of the power weights; None means d / 4. The variance falls like 1/k
        for delta < d/2 only. Must be None for weights="log".
    duplicates : {"error", "average"}
        Equal training points with different targets: raise, or fit their mean.

    Attributes
    ----------
    X_fit_ : ndarray of shape (n, d)
        The distinct training points.
    n_neighbors_ : int
        The number of neighbours used.
    weights_ : str
        The kind of weights used.
    exponent_ : float
        The exponent used, with power weights.
    n_features_in_ : int
        The dimension d.

    Notes
    -----
    Distances are exact in relative terms (see ``fearless.local._search``), and weights are taken
    relative to the nearest, so that no scale of the data over- or underflows. Where all k + 1
    distances are equal, log weights are all zero and the mean is returned. With power weights two
    points that share the (k + 1)-th distance are ordered arbitrarily.

    Cost of m predictions: the search, O(m k log n) by a k-d tree in few dimensions or O(m n d) by
    brute force otherwise, and O(m k (d + n_outputs)). Used in the section "Nearest neighbours and
    singular kernels".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting? Risk bounds for
    classification and regression rules that interpolate, NeurIPS.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [2.0], [4.0]], [0.0, 1.0, 0.0, 5.0]
    >>> model = InterpolatedNeighborsRegressor(2).fit(X, y)
    >>> model.predict([[1.0], [0.5]])  # at a training point, and half way between two
    array([1. , 0.5])
    """


class InterpolatedNeighborsClassifier(LocalClassifier, _InterpolatedNeighbors):
    r"""Classify by k nearest neighbours with weights that are infinite at distance zero (wiNN).

    The class with the largest total weight among the k nearest neighbours, with the weights of
    :class:`InterpolatedNeighborsRegressor`. It makes no error on its training set.

    Parameters
    ----------
    n_neighbors : int
        The number k of neighbours, less than the number of distinct training points.
    weights : {"log", "power"}
        phi(t) = -ln t, or t^{-delta}.
    exponent : float, optional
        The exponent delta > 0 of the power weights; None means d / 4. Must be None for
        weights="log".
    duplicates : {"error", "average"}
        Equal training points with different labels: raise, or fit the shares of the classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    X_fit_ : ndarray of shape (n, d)
        The distinct training points.
    n_neighbors_ : int
        The number of neighbours used.
    weights_ : str
        The kind of weights used.
    exponent_ : float
        The exponent used, with power weights.
    n_features_in_ : int
        The dimension d.

    Notes
    -----
    Cost as for :class:`InterpolatedNeighborsRegressor` with n_classes outputs. Used in the sections
    "Nearest neighbours and singular kernels" and "Adversarial examples are the price".

    References
    ----------
    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting?, NeurIPS.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["a", "b", "a", "a"]
    >>> InterpolatedNeighborsClassifier(3).fit(X, y).predict([[1.0], [1.6]])
    array(['b', 'a'], dtype='<U1')
    """
