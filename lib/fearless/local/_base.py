"""What all local averages share: fitting is remembering, predicting is averaging with weights."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless.local._duplicates import merge_duplicates
from fearless.local._search import NeighborSearch

__all__ = ["LocalAverage", "LocalClassifier", "LocalRegressor"]

_DTYPES = (np.float64, np.float32)

_LARGEST_WEIGHT = 2.0**11  # -ln of the smallest ratio of distances, before normalization


class LocalAverage(BaseEstimator, metaclass=ABCMeta):
    """Base of the estimators that predict sum_i w_i(x) y_i with weights from distances."""

    @abstractmethod
    def _check_parameters(self, n: int, d: int) -> None:
        """Check the parameters against the number of distinct points and the dimension."""

    @abstractmethod
    def _average(self, Q: NDArray, targets: NDArray) -> NDArray:
        """Average targets (n, m) at prepared queries, shape (len(Q), m).

        Where `_huge_targets` is set the weights must be normalized before they are used.
        """

    def _fit(self, X: NDArray, targets: NDArray) -> None:
        X, targets = merge_duplicates(X, targets, self.duplicates)
        self._check_parameters(*X.shape)
        self.X_fit_ = X
        self._search = NeighborSearch(X)
        self._targets = targets.reshape(len(targets), -1)
        limit = float(np.finfo(targets.dtype).max) / (_LARGEST_WEIGHT * len(targets))
        self._huge_targets = bool(np.abs(targets).max() > limit)

    def _predict_average(self, X: ArrayLike) -> NDArray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_DTYPES, reset=False)
        queries = self._search.prepare(X)
        if not self._huge_targets:
            return self._average(queries, self._targets)
        # An average of finite numbers is finite, yet rounding may carry it over the largest one.
        most = np.finfo(self._targets.dtype).max
        with np.errstate(over="ignore"):
            return np.clip(self._average(queries, self._targets), -most, most)


class LocalRegressor(MultiOutputMixin, RegressorMixin, LocalAverage):
    """Regression by a local average."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> LocalRegressor:
        """Store the samples.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 stays float32.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        self : LocalRegressor
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; or equal points have different targets and
            ``duplicates="error"``.
        """
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, y_numeric=True)
        y = y if y.dtype in _DTYPES else y.astype(np.float64)
        self._fit(X, y)
        self._n_outputs = None if y.ndim == 1 else y.shape[1]
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Average the targets at each query; at a training point, exactly its target.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Queries, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The predictions, in the dtype of the targets.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described, or so far from the training points that distances overflow.
        """
        values = self._predict_average(X)
        return values[:, 0] if self._n_outputs is None else values


class LocalClassifier(ClassifierMixin, LocalAverage):
    """Classification by the largest local average of the classes' indicators."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> LocalClassifier:
        """Store the samples.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 stays float32.
        y : array-like of shape (n,)
            Labels.

        Returns
        -------
        self : LocalClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; or equal points have different labels and
            ``duplicates="error"``.
        """
        X, y = validate_data(self, X, y, dtype=_DTYPES)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._fit(X, np.eye(len(self.classes_))[codes])
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Average the indicators of the classes; at a training point, that of its label.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Queries, one a row.

        Returns
        -------
        ndarray of shape (m, n_classes)
            The total weight of each class, in the order of ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described, or so far from the training points that distances overflow.
        """
        return self._predict_average(X)

    def predict(self, X: ArrayLike) -> NDArray:
        """Choose the class of the largest total weight; of equal ones the first.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Queries, one a row.

        Returns
        -------
        ndarray of shape (m,)
            The labels.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described, or so far from the training points that distances overflow.
        """
        # "Not fitted" before an attribute that is not there.
        shares = self.predict_proba(X)
        return self.classes_[np.argmax(shares, axis=1)]
