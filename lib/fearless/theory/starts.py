r"""Interpolants that differ by where gradient descent started: their risks, exactly.

Gradient descent on least squares from the weights w_0 tends to X^+ y + (I - P) w_0, where P is the
orthogonal projection to the row space of X (the span of the training samples). If w_0 is normal
with mean 0 and covariance tau^2 I, and beta are the true weights, the error of the weights is

.. math::
    e = \delta + (I - P) w_0 \sim N(\delta, \tau^2 (I - P)), \qquad \delta = X^+ y - \beta,

so that predictions and risks over starts are linear and quadratic forms of a normal vector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_positive, check_vector

__all__ = ["off_span", "risk_over_starts"]


def off_span(X: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the part (I - P) x of points that is orthogonal to all samples.

    Of a start w_0 it is what gradient descent leaves as it was. Of a test point x it is what no
    sample says anything about: predictions at x of interpolants with starts N(0, tau^2 I) have the
    standard deviation tau ||(I - P) x||, tau times the distance of x to the span of the samples.

    Parameters
    ----------
    X : array-like of shape (n, p)
        The samples, one a row.
    points : array-like of shape (m, p)
        The points x.

    Returns
    -------
    ndarray of shape (m, p)
        Zero up to rounding for combinations of the samples.

    Raises
    ------
    TypeError, ValueError
        X or points is no matrix, or the numbers of columns differ.

    Notes
    -----
    Cost O(n p min(n, p) + m n p). Used in the section "Under-specification".

    Examples
    --------
    >>> off_span([[1.0, 0.0, 0.0]], [[5.0, 3.0, 4.0]])
    array([[0., 3., 4.]])
    """
    X = check_matrix(X, "X").astype(np.float64)
    points = check_matrix(points, "points", n_columns=X.shape[1]).astype(np.float64)
    return _off_span(_row_basis(X), points)


def risk_over_starts(
    X: ArrayLike, delta: ArrayLike, second_moment: ArrayLike, start_deviation: float
) -> tuple[float, float, float]:
    r"""Compute mean and variance, over starts, of the excess risk of an interpolant.

    For inputs with the second moment S = E x x^T the excess risk is e^T S e. With
    A = (I - P) S (I - P),

    .. math::
        \mathbb E R = \delta^\top S \delta + \tau^2 \operatorname{tr} A, \qquad
        \operatorname{Var} R = 4 \tau^2 \|(I - P) S \delta\|^2 + 2 \tau^4 \operatorname{tr} A^2 .

    Parameters
    ----------
    X : array-like of shape (n, p)
        Training samples.
    delta : array-like of shape (p,)
        X^+ y - beta, the error of the interpolant that started at zero.
    second_moment : array-like of shape (p, p) or (p,)
        S of the inputs on which the risk is measured, symmetric; a vector is its diagonal.
    start_deviation : float
        tau, the standard deviation of each weight at the start.

    Returns
    -------
    mean, variance : float
        Of the excess risk, over starts.
    rank : float
        (tr A)^2 / tr A^2, the effective number of open directions over which the risk averages;
        infinite if A = 0, when there is nothing to average.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(p^3). Used in the section "Under-specification". The rank is the effective rank R_0 of
    the section "When does minimum norm generalise?", of A instead of the covariance.

    Examples
    --------
    >>> mean, variance, rank = risk_over_starts([[1.0, 0.0, 0.0]], [0, 0, 0], [1, 1, 1], 1.0)
    >>> mean, variance, rank  # a chi-squared variable with 2 degrees of freedom
    (2.0, 4.0, 2.0)
    """
    X = check_matrix(X, "X").astype(np.float64)
    p = X.shape[1]
    delta = check_vector(delta, "delta", length=p).astype(np.float64)
    tau = check_positive(start_deviation, "start_deviation", allow_zero=True)
    moment = np.asarray(second_moment)
    if moment.ndim == 1:
        moment = np.diag(check_vector(moment, "second_moment", length=p).astype(np.float64))
    moment = check_matrix(moment, "second_moment", n_columns=p).astype(np.float64)
    scale = float(np.max(np.abs(moment))) or 1.0
    if len(moment) != p or np.max(np.abs(moment - moment.T)) > 1e-10 * scale:
        raise ValueError(
            f"second_moment has shape {moment.shape}; expected a symmetric matrix ({p}, {p})"
        )
    if moment.diagonal().min() < 0:
        raise ValueError(
            f"second_moment has {moment.diagonal().min():.3g} on its diagonal; expected E x x^T"
        )
    moment = moment / scale  # so that no square below underflows
    basis = _row_basis(X)
    open_part = _off_span(basis, _off_span(basis, moment).T)
    if np.max(np.abs(open_part)) <= 10 * p * np.finfo(float).eps:  # rounding, and nothing else
        open_part = np.zeros_like(open_part)
    trace, square = float(np.trace(open_part)), float(np.sum(open_part**2))
    image = moment @ delta
    mean = float(delta @ image) + tau**2 * trace
    lateral = float(np.sum(_off_span(basis, image[None]) ** 2)) if square > 0 else 0.0
    rank = trace**2 / square if square > 0 else np.inf
    return scale * mean, scale * (scale * (4 * tau**2 * lateral + 2 * tau**4 * square)), rank


def _row_basis(X: NDArray) -> NDArray:
    """Return orthonormal rows that span the rows of X."""
    _, singular_values, rows = np.linalg.svd(X, full_matrices=False)
    largest = singular_values[0]
    return rows[singular_values > max(X.shape) * np.finfo(float).eps * largest]


def _off_span(basis: NDArray, rows: NDArray) -> NDArray:
    return rows - (rows @ basis.T) @ basis
