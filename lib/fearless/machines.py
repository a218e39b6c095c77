"""Kernel machines: the function of smallest norm through the data, labels and noise alike."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless._rows import group_rows
from fearless._validation import check_positive
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import Kernel, LaplacianKernel
from fearless.linalg import add_product, as_fortran
from fearless.solvers.cholesky import solve_by_cholesky

__all__ = ["KernelMachine", "KernelMachineClassifier"]

_FLOATS = (np.float64, np.float32)

# Numbers in a block of kernel values at prediction: 32 MiB in float64.
_BLOCK_ENTRIES = 2**22


class _KernelMachineBase(BaseEstimator):
    """Fit and evaluate f = sum_i a_i K(x_i, .), for a regressor and a classifier."""

    def __init__(self, kernel: Kernel | None = None, *, reg: float = 0.0) -> None:
        self.kernel = kernel
        self.reg = reg

    def _fit(self, X: NDArray, targets: NDArray) -> None:
        """Solve (K + reg I) a = targets; every attribute but the classes is set here."""
        reg = check_positive(self.reg, "reg", allow_zero=True)
        _check_range(reg, "reg is", X.dtype)
        if self.kernel is not None and not isinstance(self.kernel, Kernel):
            raise TypeError(
                f"kernel is {self.kernel!r}; expected a Kernel of fearless.kernels, or None"
            )
        self.kernel_ = _default_kernel(X) if self.kernel is None else self.kernel
        Y, exponents = _scaled(targets.reshape(len(targets), -1), X.dtype)
        if reg == 0:
            rows = _distinct(X, Y)
            if len(rows) < len(X):
                X, Y = X[rows], Y[rows]
        # Each column was scaled by itself; residuals are relative to the largest target of all.
        shares = np.ldexp(1.0, exponents - exponents.max())
        scale = float((np.abs(Y).max(axis=0) * shares).max()) or 1.0

        def worst(misfits: NDArray) -> float:
            return float((np.abs(misfits).max(axis=0) * shares).max()) / scale

        K = self.kernel_(X).T
        mean = float(K.diagonal().mean(dtype=np.float64))
        solution = solve_by_cholesky(K, Y, reg, shares=shares)
        coef, values = solution.coef, solution.values

        with np.errstate(over="ignore", under="ignore"):
            norms = np.ldexp(_norms(coef, values, float(np.finfo(X.dtype).eps) * mean), exponents)
            dual = np.ldexp(coef, exponents)
        if not (np.isfinite(norms).all() and np.isfinite(dual).all()):
            raise ValueError(
                f"y is too large: coefficients or norm overflow {X.dtype}; expected y scaled down"
            )
        self.X_fit_ = X
        self.dual_coef_ = np.ascontiguousarray(dual).reshape(len(X), *targets.shape[1:])
        self.norm_ = norms if targets.ndim == 2 else float(norms[0])
        self.residual_ = worst(values - Y)
        self.jitter_ = solution.jitter
        self.condition_ = solution.condition
        self._warn(worst(values + reg * coef - Y), reg)

    def _warn(self, residual: float, reg: float) -> None:
        """Say so when the system was not solved, by the residual that was measured."""
        eps = float(np.finfo(self.dual_coef_.dtype).eps)
        goal = "(K + reg I) a = y is not solved" if reg else "the fit does not interpolate"
        matrix = "K + reg I" if reg else "the kernel matrix"
        remedy = "use float64, a rougher kernel or a shorter bandwidth, or set reg"
        if self.jitter_ > 0:
            message = (
                f"{matrix} is singular to {self.dual_coef_.dtype} precision: {self.jitter_:.1e} "
                f"was added to its diagonal, and {goal}: the largest residual is {residual:.1e} "
                f"of the largest target; {remedy}"
            )
        elif residual > np.sqrt(eps):
            message = (
                f"{goal}: the largest residual is {residual:.1e} of the largest target, more than "
                f"sqrt(eps) = {np.sqrt(eps):.1e}; {matrix} has condition number "
                f"{self.condition_:.1e}; {remedy}"
            )
        elif self.condition_ > 1 / eps:
            message = (
                f"{matrix} has condition number {self.condition_:.1e}, beyond 1 / eps = "
                f"{1 / eps:.1e}: coefficients and norm may have no correct digit; {remedy}"
            )
        else:
            return
        warnings.warn(message, IllConditionedWarning, stacklevel=4)

    def _evaluate(self, X: ArrayLike) -> NDArray:
        """Return f at the rows of X, a block of rows at a time."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_FLOATS, reset=False)
        X = X.astype(self.X_fit_.dtype, copy=False)
        n = len(self.X_fit_)
        coef = as_fortran(self.dual_coef_.reshape(n, -1))
        result = np.empty((len(X), coef.shape[1]), X.dtype)
        step = min(len(X), max(1, _BLOCK_ENTRIES // n))
        buffer = np.empty((step, n), X.dtype)
        for start in range(0, len(X), step):
            block = X[start : start + step]
            K = self.kernel_(block, self.X_fit_, out=buffer[: len(block)])
            values = np.zeros((len(block), coef.shape[1]), X.dtype, order="F")
            result[start : start + step] = add_product(values, K, coef)
        return result.reshape(len(X), *self.dual_coef_.shape[1:])


class KernelMachine(MultiOutputMixin, RegressorMixin, _KernelMachineBase):
    r"""Interpolate the data by the function of smallest norm in the space of a kernel.

    .. math::
        f = \arg\min \{ \|f\|_{\mathcal H} : f(x_i) = y_i \}
          = \sum_i \alpha_i K(x_i, \cdot), \qquad K \alpha = y .

    With ``reg`` = lam > 0 it is kernel ridge regression, which minimises
    ``sum_i (f(x_i) - y_i)^2 + lam ||f||^2``: the coefficients solve (K + lam I) alpha = y.

    Parameters
    ----------
    kernel : Kernel, optional
        A kernel of ``fearless.kernels``. None means ``LaplacianKernel(s)``, s the root mean square
        distance between two training points.
    reg : float
        The penalty lam >= 0; 0 interpolates.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n,) or (n, n_outputs)
        The coefficients alpha.
    X_fit_ : ndarray of shape (n, d)
        The training points; with ``reg`` = 0 a point that occurs twice is kept once.
    norm_ : float or ndarray of shape (n_outputs,)
        The norm of f in the space of the kernel, (alpha^T K alpha)^(1/2), of each output. The form
        is not reported below the size of its rounding errors, eps |alpha|^2 times the mean diagonal
        of K: an ill-conditioned fit, of which a warning was issued, may reach it.
    residual_ : float
        The largest ``|f(x_i) - y_i|`` over the largest ``|y_i|``, computed with the kernel matrix:
        how far the fit is from interpolating.
    condition_ : float
        An estimate (LAPACK ``pocon``) of the condition number of the matrix that was factorised,
        in the 1-norm.
    jitter_ : float
        What had to be added to the diagonal beyond ``reg`` for the factorisation to exist: 0,
        unless a warning was issued.
    kernel_ : Kernel
        The kernel in use.
    n_features_in_ : int
        The number d of columns.

    Warns
    -----
    IllConditionedWarning
        The kernel matrix is singular in the precision of X, and the smallest jitter was added
        (within a factor of 10, from eps times the mean diagonal up) with which its factorisation
        exists and solves the system to 1 %; or the residual exceeds the square root of eps; or
        the condition number exceeds 1 / eps.

    Notes
    -----
    Cost O(n^2 d + n^3 / 3 + n^2 n_outputs) and one array of n^2 numbers, in the precision of X:
    float32 costs half. A singular matrix is factorised once for each jitter tried. The
    factorisation is shared by all outputs, so that the targets of many noise levels are best
    stacked as columns of one y. Prediction costs O(n d + n n_outputs) a point, in blocks of
    bounded memory. Used in the sections "What you see is not what you get"
    and "Adversarial examples are the price".

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> from fearless.kernels import LaplacianKernel
    >>> machine = KernelMachine(LaplacianKernel(1.0)).fit([[0.0], [1.0]], [1.0, -1.0])
    >>> machine.predict([[0.0], [0.5], [1.0]]).round(12) + 0.0
    array([ 1.,  0., -1.])
    >>> round(machine.norm_, 4)  # y^T K^-1 y = 2 / (1 - 1 / e)
    1.7788
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelMachine:
        """Compute the coefficients by one Cholesky factorisation.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        self : KernelMachine
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described, or out of range of the precision of X; or
            ``reg`` is 0 and a point occurs twice with different targets, so that no function
            interpolates.
        NotPositiveDefiniteError
            The kernel is not positive definite, far beyond rounding errors.
        """
        X, y = validate_data(self, X, y, dtype=_FLOATS, multi_output=True, y_numeric=True)
        self._fit(X, y)
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Compute f at the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The predictions, in the precision of the training points.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        return self._evaluate(X)


class KernelMachineClassifier(ClassifierMixin, _KernelMachineBase):
    """Classify by the sign of an interpolating kernel machine, or the largest of several.

    Two classes are fitted as -1 and 1, more than two as the unit vectors.

    Parameters
    ----------
    kernel : Kernel, optional
        A kernel of ``fearless.kernels``. None means ``LaplacianKernel(s)``, s the root mean square
        distance between two training points.
    reg : float
        The penalty lam >= 0; 0 interpolates, noisy labels too.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    dual_coef_, X_fit_, norm_, residual_, condition_, jitter_, kernel_, n_features_in_
        As of :class:`KernelMachine`; two classes are one output, more are an output each.

    Warns
    -----
    IllConditionedWarning
        As :class:`KernelMachine`.

    Notes
    -----
    Cost as of :class:`KernelMachine`. Used in the sections "What you see is not what you get" and
    "Adversarial examples are the price".

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> machine = KernelMachineClassifier().fit([[0.0], [1.0], [4.0]], ["a", "b", "a"])
    >>> machine.predict([[0.0], [1.2], [4.0]]).tolist()
    ['a', 'b', 'a']
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> KernelMachineClassifier:
        """Compute the coefficients by one Cholesky factorisation.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,)
            Labels of at least two classes.

        Returns
        -------
        self : KernelMachineClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; or ``reg`` is 0 and a point occurs twice with
            different labels, so that no function interpolates.
        NotPositiveDefiniteError
            The kernel is not positive definite, far beyond rounding errors.
        """
        X, y = validate_data(self, X, y, dtype=_FLOATS)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"y has {n_classes} class; expected labels of at least two classes")
        if n_classes == 2:
            targets = 2.0 * codes - 1
        else:
            targets = (codes[:, None] == np.arange(n_classes)).astype(X.dtype)
        self._fit(X, targets)
        return self

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
        values = self._evaluate(X)
        codes = (values > 0).astype(np.intp) if values.ndim == 1 else values.argmax(axis=1)
        return self.classes_[codes]


def _default_kernel(X: NDArray) -> LaplacianKernel:
    if (X == X[0]).all():
        return LaplacianKernel(1.0)
    exponent = int(np.frexp(np.abs(X).max())[1])
    spread = np.sqrt(2 * np.ldexp(X, -exponent).var(axis=0, dtype=np.float64).sum())
    with np.errstate(over="ignore", under="ignore"):
        spread = float(np.ldexp(spread, exponent))
    # Kernels square the distances; one beyond 2^10 spreads may overflow, for the value is 0.
    if not np.finfo(X.dtype).tiny <= spread * spread <= np.finfo(X.dtype).max * 2.0**-20:
        raise ValueError(
            f"X has points at a root mean square distance of {spread:.1e}, whose square is out of "
            f"the range of {X.dtype}; expected X on another scale"
        )
    return LaplacianKernel(spread)


def _check_range(value: float, what: str, dtype: np.dtype) -> None:
    low, high = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if value > high or 0 < value < low:
        raise ValueError(
            f"{what} {value}; expected a number in the range of X, {dtype}: {low:.1e} to {high:.1e}"
        )


def _scaled(Y: NDArray, dtype: np.dtype) -> tuple[NDArray, NDArray]:
    """Return the columns of Y over powers of two, exact and below one, and the exponents."""
    _check_range(float(np.abs(Y).max()), "y has the largest entry", dtype)
    Y = Y.astype(dtype, copy=False)
    exponents = np.frexp(np.abs(Y).max(axis=0))[1]
    return np.ldexp(Y, -exponents), exponents


def _norms(coef: NDArray, values: NDArray, rounding: float) -> NDArray:
    """Return (a^T K a)^(1/2) of each column, K a in values, but at least rounding^(1/2) |a|."""
    exponents = np.frexp(np.abs(coef).max(axis=0))[1]
    coef, values = np.ldexp(coef, -exponents), np.ldexp(values, -exponents)
    forms = np.einsum("ij,ij->j", coef, values, dtype=np.float64)
    squares = np.einsum("ij,ij->j", coef, coef, dtype=np.float64)
    return np.ldexp(np.sqrt(np.maximum(forms, rounding * squares)), exponents)


def _distinct(X: NDArray, Y: NDArray) -> NDArray[np.intp]:
    """Return the first row of each distinct point; a repeated point must repeat its targets."""
    first, group = group_rows(X)
    differs = np.any(Y != Y[first[group]], axis=1)
    if differs.any():
        i = int(np.argmax(differs))
        raise ValueError(
            f"X has the same point in rows {first[group[i]]} and {i}, and y differs there: no "
            "interpolant exists; remove or average such points, or set reg > 0"
        )
    return first
