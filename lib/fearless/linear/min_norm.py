"""Minimum-norm least squares: of all the best linear fits, the one of smallest norm."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless.linalg import reflect_constant
from fearless.linear._rank import rank_tolerance, warn_of_rank

__all__ = ["MinNormRegressor"]


class MinNormRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Fit the least-squares solution of minimum norm.

    .. math::
        \hat w = \arg\min \{ \|w\|_2 : w \text{ minimises } \|X w - y\|_2 \} = X^+ y .

    With at least as many coefficients as samples it interpolates (X w = y); gradient descent from
    zero has the same limit; a vanishing ridge penalty too. The rank is never cut silently.

    Parameters
    ----------
    fit_intercept : bool
        Add an intercept, which the norm does not count. It takes one degree of freedom: n samples
        are then interpolated from n - 1 coefficients on.
    rank_tol : float in [0, 1), optional
        Singular values up to ``rank_tol`` times the largest are taken for zeros. None means
        ``eps max(n, p)``, the size of rounding errors, with a warning if any is cut. 0 keeps all
        nonzero ones.

    Attributes
    ----------
    coef_ : ndarray of shape (p,) or (n_outputs, p)
        The coefficients w.
    intercept_ : float or ndarray of shape (n_outputs,)
        The intercept; 0 without one.
    rank_ : int
        The number of singular values kept.
    singular_values_ : ndarray
        Those of X (of X projected to the complement of the constant vector, if an intercept is
        fitted), in decreasing order, before any is cut.
    condition_ : float
        The largest over the smallest of them, infinite if the smallest is 0. Relative errors of
        the data enter the coefficients of an interpolating fit magnified by up to this factor.
    n_features_in_ : int
        The number p of columns.

    Warns
    -----
    IllConditionedWarning
        ``rank_tol`` is None and X is numerically rank-deficient; or the singular values kept have
        a condition number beyond 1 / eps.

    Notes
    -----
    Cost O(n p min(n, p)): LAPACK's ``gelsd``, in the precision of X. For many widths of one nested
    map, a path solver (``fearless.solvers.paths``) gives all fits for little more than the price
    of one. Used in the section "The double descent curve".

    References
    ----------
    M. Belkin, D. Hsu, J. Xu (2020), Two models of double descent for weak features, SIAM Journal
    on Mathematics of Data Science 2(4).

    Examples
    --------
    >>> import numpy as np
    >>> model = MinNormRegressor().fit(np.array([[1.0, 1.0]]), [2.0])
    >>> model.coef_  # of all w with w_1 + w_2 = 2, the shortest
    array([1., 1.])
    """

    def __init__(self, fit_intercept: bool = False, rank_tol: float | None = None) -> None:
        self.fit_intercept = fit_intercept
        self.rank_tol = rank_tol

    def fit(self, X: ArrayLike, y: ArrayLike) -> MinNormRegressor:
        """Compute the coefficients.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        self : MinNormRegressor
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described.
        """
        X, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True
        )
        y = y.astype(X.dtype, copy=False)
        if self.fit_intercept:
            mean_x, mean_y = X.mean(axis=0), y.mean(axis=0)
            A, b = reflect_constant(X - mean_x)[1:], reflect_constant(y - mean_y)[1:]
        else:
            mean_x, mean_y = None, None
            A, b = X, y
        solution = self._solve(A, b)
        self.coef_ = solution.T
        if mean_x is None:
            self.intercept_ = np.zeros(y.shape[1:], X.dtype)[()]
        else:
            self.intercept_ = mean_y - mean_x @ solution
        return self

    def _solve(self, A: NDArray, b: NDArray) -> NDArray:
        n, p = A.shape
        tolerance = rank_tolerance(self.rank_tol, (n, p), A.dtype)
        if n == 0:  # a single sample and an intercept
            self.singular_values_ = np.zeros(0, A.dtype)
            self.rank_, self.condition_ = 0, 1.0
            return np.zeros((p, *b.shape[1:]), A.dtype)
        # gelsd reads a tolerance of 0 as "machine precision": a cut nobody asked for.
        cond = max(tolerance, float(np.finfo(A.dtype).tiny))
        solution, _, rank, singular_values = lstsq(
            A, b, cond=cond, lapack_driver="gelsd", check_finite=False
        )
        self.singular_values_ = singular_values
        self.rank_ = int(rank)
        largest, smallest = float(singular_values[0]), float(singular_values[-1])
        self.condition_ = largest / smallest if smallest > 0 else np.inf
        warn_of_rank(singular_values, self.rank_, self.rank_tol, tolerance, stacklevel=3)
        return solution

    def predict(self, X: ArrayLike) -> NDArray:
        """Compute X w + intercept.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            The predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return X @ self.coef_.T + self.intercept_
