"""The exact path of gradient descent on least squares: all times from one factorisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svd

from fearless._validation import (
    check_matrix,
    check_positive,
    check_same_length,
    check_targets,
)
from fearless.linear._covariance import check_covariance, quadratic
from fearless.linear._filters import SpectralFilters
from fearless.linear._rank import rank_tolerance, warn_of_rank
from fearless.theory.proportional import LinearRisk

__all__ = ["GradientPath"]


class GradientPath(SpectralFilters):
    r"""Solve gradient flow, gradient descent and ridge for one least-squares problem.

    The loss is :math:`L(w) = \frac{1}{2n} \|y - X w\|^2`, its curvatures are the
    :math:`h_i = s_i^2 / n` of the singular value decomposition :math:`X = \sum_i s_i u_i v_i^\top`,
    and each of the three methods, begun at :math:`w_0`, has the same form,

    .. math::
        w = w_0 + \sum_i \frac{f_i}{s_i} \, v_i \, u_i^\top (y - X w_0) ,

    with *filter factors* :math:`f_i` between 0 (untouched) and 1 (fitted):

    ==================  ================================  ===================================
    method              filter :math:`f_i`                what it does
    ==================  ================================  ===================================
    gradient flow       :math:`1 - e^{-t h_i}`            :math:`\dot w = -\nabla L(w)`
    gradient descent    :math:`1 - (1 - \eta h_i)^k`      ``k`` steps of size :math:`\eta`
    ridge               :math:`h_i / (h_i + \lambda)`     :math:`\min \frac1n \|y - X w\|^2
                                                          + \lambda \|w - w_0\|^2`
    ==================  ================================  ===================================

    The limit of all three is the least-squares solution nearest to the start: :math:`X^+ y` plus
    what :math:`w_0` has in the null space of X. Started at zero, it is the one of minimum norm.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples or features, one a row; float32 is factorised in float32.
    y : array-like of shape (n,) or (n, k)
        Targets.
    start : array-like of shape (p,) or (p, k), optional
        The start w_0, zero by default; a single column serves all outputs.
    rank_tol : float in [0, 1), optional
        Singular values up to ``rank_tol`` times the largest are taken for zeros, as in
        `MinNormRegressor`: None means ``eps max(n, p)``, with a warning if any is cut.

    Attributes
    ----------
    singular_values : ndarray of shape (r,)
        Those kept, in decreasing order.
    curvatures : ndarray of shape (r,)
        The :math:`h_i`. Direction i is fitted after a time of about :math:`1 / h_i`.
    start : ndarray of shape (p,) or (p, k)
        The start.
    limit : ndarray of shape (p,) or (p, k)
        The limit.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Warns
    -----
    IllConditionedWarning
        ``rank_tol`` is None and X is numerically rank-deficient; or the singular values kept have
        a condition number beyond 1 / eps.

    Notes
    -----
    Cost O(n p min(n, p)) once, by LAPACK's ``gesdd``; then O(r p k) for each time asked, and
    O(r m k) for predictions at m points. Used in the sections "The optimiser picks for you", "More
    data can hurt; more training can hurt" and "Taming the peak".

    References
    ----------
    A. Ali, J. Z. Kolter, R. J. Tibshirani (2019), A continuous-time view of early stopping for
    least squares regression, AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> path = GradientPath(np.array([[1.0, 1.0]]), [2.0])
    >>> path.limit  # of all w with w_1 + w_2 = 2, the shortest
    array([1., 1.])
    >>> path.flow([0.0, 1.0, 100.0])[:, 0].round(3)
    array([0.   , 0.865, 1.   ])
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        start: ArrayLike | None = None,
        rank_tol: float | None = None,
    ) -> None:
        X = check_matrix(X, "X")
        n, p = X.shape
        y = _cast(check_targets(y, "y"), X.dtype, "y")
        check_same_length(X=X, y=y)
        shape = (p, *y.shape[1:])
        tolerance = rank_tolerance(rank_tol, X.shape, X.dtype)
        U, s, Vt = svd(X, full_matrices=False, check_finite=False)
        rank = int(np.sum(s > max(tolerance, float(np.finfo(s.dtype).tiny)) * s[0]))
        warn_of_rank(s, rank, rank_tol, tolerance, stacklevel=2)
        s = s[:rank].astype(np.float64)
        with np.errstate(over="ignore"):
            self.curvatures: NDArray = (s / n**0.5) ** 2
        if not np.all(np.isfinite(self.curvatures)):
            raise ValueError(f"X has norm {s[0]:.1e}, whose square overflows; rescale X")
        if rank and self.curvatures[0] < np.finfo(np.float64).tiny:
            raise ValueError(f"X has norm {s[0]:.1e}, whose square underflows; rescale X")
        self.singular_values: NDArray = s
        self.start: NDArray = _check_start(start, shape, X.dtype)
        self._directions = Vt[:rank]
        residual = y - X @ self.start
        self._residuals = U[:, :rank].T @ residual  # along each u_i
        # What no w can fit; formed as a vector, since a difference of squares would cancel.
        unfitted = residual - U[:, :rank] @ self._residuals
        self._unfitted = np.sum(unfitted.astype(np.float64) ** 2, axis=0)
        self._n_samples = n
        self.limit: NDArray = self.coef(np.ones((1, rank)))[0]

    def flow(self, times: ArrayLike) -> NDArray:
        """Compute the coefficients on the path of gradient flow.

        Parameters
        ----------
        times : array-like of shape (t,)
            Times, each >= 0.

        Returns
        -------
        ndarray of shape (t, p) or (t, p, k)
            w(t).
        """
        return self.coef(self.flow_filter(times))

    def descent(self, steps: ArrayLike, step_size: float | None = None) -> NDArray:
        """Compute the iterates of gradient descent, any of them at the same price.

        Parameters
        ----------
        steps : array-like of shape (t,)
            Numbers of steps, integers >= 0.
        step_size : float, optional
            The step size, at most 2 / h_1; by default 1 / h_1.

        Returns
        -------
        ndarray of shape (t, p) or (t, p, k)
            w_k for each number k of steps.
        """
        return self.coef(self.descent_filter(steps, step_size))

    def ridge(self, penalties: ArrayLike) -> NDArray:
        """Compute the ridge solutions, shrunk towards the start.

        Parameters
        ----------
        penalties : array-like of shape (t,)
            Penalties lambda >= 0; 0 gives the limit.

        Returns
        -------
        ndarray of shape (t, p) or (t, p, k)
            w for each penalty.
        """
        return self.coef(self.ridge_filter(penalties))

    def coef(self, filters: ArrayLike) -> NDArray:
        """Compute the coefficients that filter factors stand for.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            From `flow_filter`, `descent_filter`, `ridge_filter`, or any others.

        Returns
        -------
        ndarray of shape (t, p) or (t, p, k)
            The coefficients, in the precision of X.
        """
        return self.start + self._combine(self._moves(filters), self._directions)

    def predict(self, X: ArrayLike, filters: ArrayLike) -> NDArray:
        """Compute predictions at new points for many times, without forming the coefficients.

        Parameters
        ----------
        X : array-like of shape (m, p)
            New points.
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t, m) or (t, m, k)
            X w for each w.
        """
        X = check_matrix(X, "X", n_columns=len(self.start))
        X = X.astype(self._directions.dtype, copy=False)
        return X @ self.start + self._combine(self._moves(filters), (X @ self._directions.T).T)

    def norm(self, filters: ArrayLike) -> NDArray:
        """Compute the Euclidean (Frobenius) norms of the coefficients.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t,)
            The norms.
        """
        V = self._directions
        inside = V @ self.start
        outside = np.sum((self.start - V.T @ inside) ** 2, dtype=np.float64)
        moved = (inside + self._moves(filters)).astype(np.float64)
        return np.sqrt(outside + np.sum(moved**2, axis=tuple(range(1, moved.ndim))))

    def train_mse(self, filters: ArrayLike) -> NDArray:
        """Compute the training errors (1/n) ||y - X w||^2, summed over the outputs.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t,)
            The errors.
        """
        left = self._along_outputs(1 - self._check_filters(filters)) * self._residuals
        left = np.sum(left.astype(np.float64) ** 2, axis=1) + self._unfitted
        return left.reshape(len(left), -1).sum(axis=1) / self._n_samples

    def risk(
        self, filters: ArrayLike, truth: ArrayLike, covariance: ArrayLike | None = None
    ) -> NDArray:
        r"""Compute the exact excess risks :math:`(w - \beta^*)^\top \Sigma (w - \beta^*)`.

        For these very targets; the mean over their noise is `expected_risk`.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.
        truth : array-like of shape (p,) or (p, k)
            The true coefficients.
        covariance : array-like of shape (p,) or (p, p), optional
            :math:`\Sigma = E\, x x^\top` of a new sample: a diagonal, a matrix, or the identity.

        Returns
        -------
        ndarray of shape (t,) or (t, k)
            The excess risks.
        """
        truth = _check_start(truth, self.start.shape, np.float64, "truth")
        return quadratic(self.coef(filters) - truth, check_covariance(covariance, len(self.start)))

    def expected_risk(
        self,
        filters: ArrayLike,
        truth: ArrayLike,
        *,
        noise: float,
        covariance: ArrayLike | None = None,
    ) -> LinearRisk:
        r"""Compute the mean excess risks over the noise of the targets, as bias and variance.

        For :math:`y = X \beta^* + \varepsilon` with uncorrelated noise of variance
        :math:`\sigma^2`, given X,

        .. math::
            B = \| \Sigma^{1/2} (I - \textstyle\sum_i f_i v_i v_i^\top)(\beta^* - w_0) \|^2 ,
            \qquad V = \sigma^2 \sum_i \frac{f_i^2}{s_i^2} \, v_i^\top \Sigma v_i .

        The targets of the path do not enter.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.
        truth : array-like of shape (p,) or (p, k)
            The true coefficients.
        noise : float
            The variance :math:`\sigma^2` of the noise, the same for each output.
        covariance : array-like of shape (p,) or (p, p), optional
            :math:`\Sigma`, as in `risk`.

        Returns
        -------
        LinearRisk
            ``bias`` (the excess risk without noise), ``variance`` and ``excess``, their sum, of
            shape (t,) or (t, k).
        """
        truth = _check_start(truth, self.start.shape, np.float64, "truth")
        noise = check_positive(noise, "noise", allow_zero=True)
        covariance = check_covariance(covariance, len(self.start))
        filters = self._check_filters(filters)
        V = self._directions.astype(np.float64)
        away = truth - self.start
        fitted = self._along_outputs(filters) * (V @ away)
        bias = quadratic(away - self._combine(fitted, V), covariance)
        variance = (filters / self.singular_values) ** 2 @ quadratic(V, covariance)
        variance = noise * variance.reshape(-1, *(1,) * (bias.ndim - 1))
        return LinearRisk(bias, *np.broadcast_arrays(variance, noise, bias)[:2])

    def _check_filters(self, filters: ArrayLike) -> NDArray:
        if self.singular_values.size == 0:  # X is zero: nothing ever moves
            return np.zeros((len(np.asarray(filters)), 0))
        return check_matrix(filters, "filters", n_columns=len(self.singular_values))

    def _along_outputs(self, filters: NDArray) -> NDArray:
        return filters[..., None] if self.start.ndim == 2 else filters

    def _moves(self, filters: ArrayLike) -> NDArray:
        """Return the coordinates of w - w_0 along each v_i, of shape (t, r) or (t, r, k)."""
        gains = self._along_outputs(self._check_filters(filters) / self.singular_values)
        return (gains * self._residuals).astype(self._directions.dtype, copy=False)

    def _combine(self, coordinates: NDArray, basis: NDArray) -> NDArray:
        """Return sums over i of coordinates (t, i[, k]) times the rows of basis (i, p)."""
        if coordinates.ndim == 2:
            return coordinates @ basis
        return (coordinates.swapaxes(1, 2) @ basis).swapaxes(1, 2)


def _cast(values: NDArray, dtype: np.dtype | type, name: str) -> NDArray:
    """Return values in a precision, which may be too narrow for them."""
    with np.errstate(over="ignore"):
        cast = values.astype(dtype, copy=False)
    if not np.all(np.isfinite(cast)):
        largest = np.abs(values).max()
        raise ValueError(f"{name} has entry of size {largest:.1e}, too large for {cast.dtype}")
    return cast


def _check_start(
    start: ArrayLike | None, shape: tuple[int, ...], dtype: np.dtype | type, name: str = "start"
) -> NDArray:
    if start is None:
        return np.zeros(shape, dtype)
    start = _cast(check_targets(start, name, n_rows=shape[0]), dtype, name)
    if start.ndim < len(shape):
        start = start[:, None]
    if start.ndim > len(shape) or (start.ndim == 2 and start.shape[1] not in (1, shape[1])):
        raise ValueError(f"{name} has shape {start.shape}; expected {shape}")
    return np.broadcast_to(start, shape)
