"""Ridge regression at every penalty, with leave-one-out and GCV errors, from one factorisation.

With the singular values ``s_j`` of ``X`` and its left singular vectors ``U``, every penalty has the
same smoother ``H = U diag(s^2 / (s^2 + n lam)) U^T``, so that residuals, degrees of freedom and
leverages of all penalties are matrix products with ``U`` and ``U * U``. How ``U`` is computed, and
to what accuracy, is in ``_penalty_factors``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_option, check_targets, check_vector
from fearless.linalg import reflect_constant
from fearless.solvers.paths._penalty_factors import Tall, Wide
from fearless.solvers.paths.risk_path import check_target_pair

__all__ = ["PenaltyPath", "penalty_path"]


@dataclass(frozen=True, repr=False)
class PenaltyPath:
    """Ridge regression along a path of penalties; entry ``j`` of every array is penalty ``j``.

    Squared errors are means over samples of ``||y_i - f(x_i)||^2``, summed over outputs; zero-one
    losses say how often the largest output is not the largest target, and are NaN for a single
    output, where they have no meaning.

    Attributes
    ----------
    penalties : ndarray of shape (l,)
        The penalties of ``(1/n) ||y - X b||^2 + lam ||b||^2``.
    coef : ndarray of shape (l, p) or (l, p, k)
        Coefficients.
    intercept : ndarray of shape (l,) or (l, k)
        Intercepts; zeros without one.
    norm : ndarray of shape (l,)
        Euclidean (Frobenius) norm of the coefficients.
    df : ndarray of shape (l,)
        Degrees of freedom: the trace of the matrix that takes the targets to the fitted values.
    train_mse, train_error : ndarray of shape (l,)
        Squared error and zero-one loss on the training set.
    loo, loo_error : ndarray of shape (l,)
        Leave-one-out squared error and zero-one loss: of sample i predicted by the fit to the
        n - 1 others, with ``n lam`` held fixed.
    gcv : ndarray of shape (l,)
        The generalised cross-validation score ``train_mse / (1 - df / n)^2``, in the limit of a
        vanishing penalty where both vanish.
    test_mse, test_error : ndarray of shape (l,) or None
        Squared error and zero-one loss on the test set; None without one.
    method : str
        "gram" (eigendecomposition of the smaller Gram matrix) or "svd" (QR and the singular values
        of the triangle, where the Gram matrix is too badly conditioned).
    """

    penalties: NDArray
    coef: NDArray
    intercept: NDArray
    norm: NDArray
    df: NDArray
    train_mse: NDArray
    train_error: NDArray
    loo: NDArray
    loo_error: NDArray
    gcv: NDArray
    test_mse: NDArray | None
    test_error: NDArray | None
    method: str

    def __len__(self) -> int:
        return len(self.penalties)

    def __repr__(self) -> str:
        j = self.best()
        return (
            f"PenaltyPath({len(self)} penalties, {self.penalties.min():.3g}.."
            f"{self.penalties.max():.3g}; best by leave-one-out: {self.penalties[j]:.3g}, with "
            f"{self.df[j]:.1f} degrees of freedom and error {self.loo[j]:.4g})"
        )

    def best(self, criterion: str = "loo") -> int:
        """Index of the penalty that a criterion computed on the training set would choose.

        Parameters
        ----------
        criterion : {"loo", "gcv", "loo_error"}
            Of equal scores the first wins.

        Returns
        -------
        int
        """
        check_option(criterion, "criterion", ("loo", "gcv", "loo_error"))
        scores = getattr(self, criterion)
        if np.isnan(scores).all():
            raise ValueError(f"criterion is {criterion!r}, which needs more than one output")
        return int(np.argmin(scores))

    def predict(self, X: ArrayLike) -> NDArray:
        """Compute the predictions of every penalty.

        Parameters
        ----------
        X : array-like of shape (m, p)

        Returns
        -------
        ndarray of shape (l, m) or (l, m, k)
        """
        X = check_matrix(X, "X", n_columns=self.coef.shape[1])
        if self.coef.ndim == 2:
            return self.coef @ X.T + self.intercept[:, None]
        return X @ self.coef + self.intercept[:, None]


def penalty_path(
    X: ArrayLike,
    y: ArrayLike,
    penalties: ArrayLike,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    *,
    fit_intercept: bool = False,
) -> PenaltyPath:
    r"""Ridge regression at every penalty asked, with its leave-one-out and GCV errors.

    .. math:: \beta_\lambda = \arg\min_b \tfrac1n \|y - X b\|^2 + \lambda \|b\|^2 .

    With the smoother :math:`H` (fitted values :math:`H y`) and the residuals :math:`r = y - H y`,
    the residual of sample i in the fit to all the *others* is :math:`r_i / (1 - H_{ii})`. Where X
    has independent rows both vanish with the penalty, and their ratio tends to
    :math:`(K^{-1} y)_i / (K^{-1})_{ii}`, :math:`K = X X^\top`: the leave-one-out residual of the
    minimum-norm interpolant. The path computes the ratio in the form that does not cancel.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples or their features, one a row. Computed in float64.
    y : array-like of shape (n,) or (n, k)
        Targets; one-hot rows for classification.
    penalties : array-like of shape (l,)
        Penalties ``lam >= 0``, in any order; `sklearn.linear_model.Ridge` calls ``n lam`` alpha.
        Zero is allowed where X has full rank: least squares, or the min-norm interpolant.
    X_test : array-like of shape (m, p), optional
    y_test : array-like of shape (m,) or (m, k), optional
        A test set; both or neither.
    fit_intercept : bool
        Add an intercept, which is not penalised.

    Returns
    -------
    PenaltyPath

    Raises
    ------
    TypeError, ValueError
        Arrays that are not finite, empty or of mismatched shapes; a negative penalty; penalty zero
        where X is numerically rank-deficient; a sample of leverage one, without which its own
        prediction is not determined to working precision.

    See Also
    --------
    ridge_path : several model widths, a few penalties.
    fearless.linear.GradientPath : the ridge path beside those of gradient descent.

    Notes
    -----
    Cost with :math:`a = \min(n, p)`, :math:`b = \max(n, p)`: :math:`a^2 b` flops for the Gram
    matrix, about :math:`9 a^3` for its eigenvectors (:math:`4 a^2 b + 20 a^3` where singular values
    are needed), then :math:`2 n p k` a penalty. A separate fit costs :math:`a^2 b + a^3 / 3` a
    penalty, and leave-one-out by refitting ``n`` times that.

    Used in the section "Taming the peak".

    References
    ----------
    G. H. Golub, M. Heath, G. Wahba (1979), Generalized cross-validation as a method for choosing a
    good ridge parameter, Technometrics 21(2), 215-223.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, noise = rng.standard_normal((40, 40)), rng.standard_normal(40)
    >>> path = penalty_path(X, X[:, 0] + 0.3 * noise, [0.0, 0.01, 0.1, 1.0])
    >>> path.train_mse.round(3)
    array([0.   , 0.002, 0.03 , 0.204])
    >>> path.loo.round(3)  # the interpolant is not the best
    array([0.32 , 0.266, 0.419, 0.548])
    """
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    n, p = X.shape
    given = check_targets(y, "y", n_rows=n).astype(np.float64, copy=False)
    penalties = check_vector(penalties, "penalties").astype(np.float64)
    if np.any(penalties < 0):
        raise ValueError(f"penalties has entry {penalties.min()}; expected numbers >= 0")
    if penalties.max() > np.finfo(float).max / n:
        raise ValueError(f"penalties has entry {penalties.max():.3g}; too large, n lam overflows")
    if (X_test is None) != (y_test is None):
        missing = "X_test" if X_test is None else "y_test"
        raise ValueError(f"{missing} is missing; expected both X_test and y_test or neither")
    if fit_intercept and n == 1:
        raise ValueError("X has one sample; expected at least 2 with fit_intercept=True")
    test = None
    if X_test is not None:
        inputs = check_matrix(X_test, "X_test", n_columns=p)
        test = inputs, check_target_pair(given, y_test, n, len(inputs))[1]

    targets = given.reshape(n, -1)
    k, shifts = targets.shape[1], n * penalties
    if fit_intercept:
        mean_x, mean_y = X.mean(axis=0), targets.mean(axis=0)
        A, b = reflect_constant(X - mean_x)[1:], reflect_constant(targets - mean_y)[1:]
    else:
        mean_x, mean_y = np.zeros(p), np.zeros(k)
        A, b = X, targets
    factor = (Wide if len(A) <= p else Tall)(A, b, shifts)
    if np.min(factor.squares[0] + shifts) < 1e-300:
        raise ValueError("X and penalties are so small that their inverses overflow; rescale X")
    # Outputs of the first penalty, then those of the second, and so on.
    gains = np.hstack([factor.rotated / (factor.squares + shift)[:, None] for shift in shifts])
    inverses = 1 / (factor.squares[:, None] + shifts)

    def restore(rows: NDArray) -> NDArray:
        if not fit_intercept:
            return rows
        return reflect_constant(np.vstack([np.zeros((1, rows.shape[1])), rows]))

    coef = np.ascontiguousarray(np.moveaxis(factor.coef(gains).reshape(p, -1, k), 1, 0))
    df = np.sum(factor.squares[:, None] * inverses, axis=0) + fit_intercept
    residuals, left_out, gcv = factor.errors(gains, inverses, shifts, restore)
    square = np.einsum("ilk,ilk->l", residuals, residuals) / n
    intercept = mean_y - mean_x @ coef
    outside = (None, None)
    if test is not None:
        predictions = (test[0] @ coef + intercept[:, None]).swapaxes(0, 1)
        outside = _losses(predictions - test[1][:, None], test[1])
    loo, loo_error = _losses(-left_out, targets)
    return PenaltyPath(
        penalties=penalties,
        coef=coef[..., 0] if given.ndim == 1 else coef,
        intercept=intercept[:, 0] if given.ndim == 1 else intercept,
        norm=np.sqrt(np.einsum("lpk,lpk->l", coef, coef)),
        df=df,
        train_mse=square,
        train_error=_losses(-residuals, targets)[1],
        loo=loo,
        loo_error=loo_error,
        gcv=gcv,
        test_mse=outside[0],
        test_error=outside[1],
        method=factor.method,
    )


def _losses(differences: NDArray, targets: NDArray) -> tuple[NDArray, NDArray]:
    """Return squared and zero-one losses of predictions minus targets, of shape (n, l, k)."""
    n, _, k = differences.shape
    square = np.einsum("ilk,ilk->l", differences, differences) / n
    if k == 1:
        return square, np.full_like(square, np.nan)
    predicted = (differences + targets[:, None]).argmax(axis=2)
    return square, np.mean(predicted != targets.argmax(axis=1)[:, None], axis=0)
