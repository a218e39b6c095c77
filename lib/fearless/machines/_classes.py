"""What classifiers by real outputs share: labels to targets, outputs back to labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

__all__ = ["OutputClassifierMixin", "largest_output"]


def largest_output(outputs: NDArray) -> NDArray[np.intp]:
    """Return the class that outputs decide for: the sign of one, the largest of several.

    Parameters
    ----------
    outputs : ndarray of shape (m,) or (m, n_classes)
        Values of f.

    Returns
    -------
    ndarray of int of shape (m,)
        Indices of classes.
    """
    return (outputs > 0).astype(np.intp) if outputs.ndim == 1 else outputs.argmax(axis=1)


class OutputClassifierMixin(ClassifierMixin):
    """Classify by the sign of an output, or by the largest of several.

    The class it is mixed into has ``_evaluate``, which returns outputs for rows of X.
    """

    def _targets(self, y: NDArray, dtype: np.dtype) -> NDArray:
        """Set ``classes_``; return -1 and 1 for two of them, unit vectors for more."""
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"y has {n_classes} class; expected labels of at least two classes")
        if n_classes == 2:
            return (2.0 * codes - 1).astype(dtype)
        return (codes[:, None] == np.arange(n_classes)).astype(dtype)

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Compute the value of f that ``predict`` decides by.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_classes)
            Of two classes, positive for the second one; of more, the largest wins.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        return self._evaluate(X)

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the label of each row of X.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,)
            Labels out of ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        codes = largest_output(self._evaluate(X))
        return self.classes_[codes]
