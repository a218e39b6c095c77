r"""Systems of nonlinear equations F(w) = y and the loss that solves them.

Fitting n samples exactly means solving n equations in the p weights. A system knows F and its
Jacobian DF; loss, gradient, Hessian and tangent kernel follow from the two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_matrix, check_same_length, check_vector

__all__ = ["FunctionSystem", "LinearSystem", "NonlinearSystem", "ProductSystem", "QuadraticSystem"]


class NonlinearSystem(ABC):
    r"""Hold n equations F_i(w) = y_i in p unknowns.

    The loss is :math:`L(w) = \frac{1}{2n} \|F(w) - y\|^2`.

    Parameters
    ----------
    y : array-like of shape (n,)
        The right-hand sides.
    n_parameters : int
        p.

    Attributes
    ----------
    y : ndarray of shape (n,)
    n_samples, n_parameters : int
        n and p.

    Notes
    -----
    A subclass defines `outputs` and `jacobian`, and `curvature` where Hessians are wanted. The
    methods are those that minimisers ask of an objective. Used in the section "From convexity to
    PL*".
    """

    def __init__(self, y: ArrayLike, n_parameters: int) -> None:
        self.y = check_vector(y, "y").astype(np.float64)
        self.n_samples = len(self.y)
        self.n_parameters = check_int(n_parameters, "n_parameters")

    @abstractmethod
    def outputs(self, w: NDArray) -> NDArray[np.float64]:
        """Compute F(w).

        Parameters
        ----------
        w : ndarray of shape (p,)

        Returns
        -------
        ndarray of shape (n,)
        """

    @abstractmethod
    def jacobian(self, w: NDArray) -> NDArray[np.float64]:
        """Compute the Jacobian DF(w).

        Parameters
        ----------
        w : ndarray of shape (p,)

        Returns
        -------
        ndarray of shape (n, p)
        """

    def curvature(self, w: NDArray, weights: NDArray) -> NDArray[np.float64]:
        """Compute the sum of the Hessians of the F_i, each with a weight.

        Parameters
        ----------
        w : ndarray of shape (p,)
        weights : ndarray of shape (n,)

        Returns
        -------
        ndarray of shape (p, p)

        Raises
        ------
        NotImplementedError
            The system has no second derivatives.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no second derivatives; expected a system with curvature"
        )

    def residual(self, w: NDArray) -> NDArray[np.float64]:
        """Compute r = F(w) - y.

        Parameters
        ----------
        w : ndarray of shape (p,)

        Returns
        -------
        ndarray of shape (n,)
        """
        return self.outputs(w) - self.y

    def loss(self, w: NDArray) -> float:
        """Compute the loss L(w).

        Parameters
        ----------
        w : ndarray of shape (p,)

        Returns
        -------
        float
        """
        r = self.residual(w)
        return float(r @ r) / (2 * self.n_samples)

    def gradient(self, w: NDArray, samples: NDArray | None = None) -> NDArray[np.float64]:
        """Compute the gradient DF^T r / n, or the mean over some of the samples.

        Parameters
        ----------
        w : ndarray of shape (p,)
        samples : ndarray of int, optional
            Some of the samples, possibly repeated; by default all of them.

        Returns
        -------
        ndarray of shape (p,)
        """
        J, r = self.jacobian(w), self.residual(w)
        if samples is not None:
            samples = _check_samples(samples)
            J, r = J[samples], r[samples]
        return J.T @ r / len(r)

    def hessian(self, w: NDArray, samples: NDArray | None = None) -> NDArray[np.float64]:
        """Compute the Hessian of L, or of the mean loss of some samples.

        It is DF^T DF / n plus the Hessians of the F_i weighted by r_i / n.

        Parameters
        ----------
        w : ndarray of shape (p,)
        samples : ndarray of int, optional
            Some of the samples, possibly repeated; by default all of them.

        Returns
        -------
        ndarray of shape (p, p)
        """
        counts = np.ones(self.n_samples)
        if samples is not None:
            counts = np.bincount(_check_samples(samples), minlength=self.n_samples).astype(float)
        J, r = self.jacobian(w), self.residual(w)
        return ((J.T * counts) @ J + self.curvature(w, counts * r)) / counts.sum()

    def tangent_kernel(self, w: NDArray) -> NDArray[np.float64]:
        """Compute the tangent kernel matrix K(w) = DF DF^T.

        Parameters
        ----------
        w : ndarray of shape (p,)

        Returns
        -------
        ndarray of shape (n, n)
        """
        J = self.jacobian(w)
        return J @ J.T


class FunctionSystem(NonlinearSystem):
    """Hold a system given by functions.

    Parameters
    ----------
    outputs, jacobian : callable
        F(w) of shape (n,), and DF(w) of shape (n, p).
    y : array-like of shape (n,)
    n_parameters : int
        p.
    curvature : callable, optional
        ``curvature(w, weights)``: the weighted sum of the Hessians of the F_i, of shape (p, p).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Used in the section "From convexity to PL*".

    Examples
    --------
    >>> circle = FunctionSystem(lambda w: np.array([w @ w]), lambda w: 2 * w[None], [1.0], 2)
    >>> circle.loss(np.array([2.0, 0.0])), circle.gradient(np.array([2.0, 0.0])).tolist()
    (4.5, [12.0, 0.0])
    """

    def __init__(
        self,
        outputs: Callable[[NDArray], NDArray],
        jacobian: Callable[[NDArray], NDArray],
        y: ArrayLike,
        n_parameters: int,
        curvature: Callable[[NDArray, NDArray], NDArray] | None = None,
    ) -> None:
        super().__init__(y, n_parameters)
        for name, function in (("outputs", outputs), ("jacobian", jacobian)):
            if not callable(function):
                raise TypeError(f"{name} is a {type(function).__name__}; expected a function of w")
        if curvature is not None and not callable(curvature):
            raise TypeError(
                f"curvature is a {type(curvature).__name__}; expected a function of w and weights"
            )
        self._outputs, self._jacobian, self._curvature = outputs, jacobian, curvature

    def outputs(self, w: NDArray) -> NDArray[np.float64]:
        return check_vector(self._outputs(w), "the value of outputs", length=self.n_samples)

    def jacobian(self, w: NDArray) -> NDArray[np.float64]:
        J = check_matrix(self._jacobian(w), "the value of jacobian", n_columns=self.n_parameters)
        check_same_length(jacobian=J, y=self.y)
        return J

    def curvature(self, w: NDArray, weights: NDArray) -> NDArray[np.float64]:
        return (
            super().curvature(w, weights)
            if self._curvature is None
            else self._curvature(w, weights)
        )


class LinearSystem(NonlinearSystem):
    """Hold the system X w = y.

    Parameters
    ----------
    X : array-like of shape (n, p)
    y : array-like of shape (n,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Its tangent kernel is XX^T everywhere. Used in the section "From convexity to PL*".

    Examples
    --------
    >>> LinearSystem([[1.0, 2.0]], [3.0]).loss(np.zeros(2))
    4.5
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        self.X = check_matrix(X, "X").astype(np.float64)
        check_same_length(X=self.X, y=np.atleast_1d(y))
        super().__init__(y, self.X.shape[1])

    def outputs(self, w: NDArray) -> NDArray[np.float64]:
        return self.X @ w

    def jacobian(self, w: NDArray) -> NDArray[np.float64]:
        return self.X

    def curvature(self, w: NDArray, weights: NDArray) -> NDArray[np.float64]:
        return np.zeros((self.n_parameters, self.n_parameters))


class ProductSystem(NonlinearSystem):
    r"""Hold the system X (a * b) = y in the weights w = (a, b): a linear network of depth two.

    Each of the d coefficients of a linear model is a product of two weights, so that p = 2d. For
    n = d = 1 it is the single equation a b = y.

    Parameters
    ----------
    X : array-like of shape (n, d)
    y : array-like of shape (n,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The tangent kernel is :math:`X \operatorname{diag}(a_j^2 + b_j^2) X^\top`. A gradient costs
    O(n d). Used in the section "From convexity to PL*".

    References
    ----------
    B. Woodworth et al. (2020), Kernel and rich regimes in overparametrized models, COLT.

    Examples
    --------
    >>> hyperbola = ProductSystem([[1.0]], [1.0])
    >>> hyperbola.loss(np.array([2.0, 0.5])), hyperbola.loss(np.array([1.0, -1.0]))
    (0.0, 2.0)
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        self.X = check_matrix(X, "X").astype(np.float64)
        check_same_length(X=self.X, y=np.atleast_1d(y))
        super().__init__(y, 2 * self.X.shape[1])

    def outputs(self, w: NDArray) -> NDArray[np.float64]:
        a, b = self._halves(w)
        return self.X @ (a * b)

    def jacobian(self, w: NDArray) -> NDArray[np.float64]:
        a, b = self._halves(w)
        return np.hstack([self.X * b, self.X * a])

    def gradient(self, w: NDArray, samples: NDArray | None = None) -> NDArray[np.float64]:
        a, b = self._halves(w)
        X, y = self.X, self.y
        if samples is not None:
            samples = _check_samples(samples)
            X, y = X[samples], y[samples]
        g = X.T @ (X @ (a * b) - y) / len(y)
        return np.concatenate([b * g, a * g])

    def curvature(self, w: NDArray, weights: NDArray) -> NDArray[np.float64]:
        block, zero = np.diag(self.X.T @ weights), np.zeros((self.X.shape[1],) * 2)
        return np.block([[zero, block], [block, zero]])

    def tangent_kernel(self, w: NDArray) -> NDArray[np.float64]:
        a, b = self._halves(w)
        return (self.X * (a**2 + b**2)) @ self.X.T

    def _halves(self, w: NDArray) -> tuple[NDArray, NDArray]:
        d = self.X.shape[1]
        if np.shape(w) != (2 * d,):
            # Halves of unequal lengths might broadcast.
            raise ValueError(f"w has shape {np.shape(w)}; expected ({2 * d},)")
        return w[:d], w[d:]


class QuadraticSystem(NonlinearSystem):
    r"""Hold the system :math:`\frac12 w^\top A_i w = y_i`.

    Parameters
    ----------
    A : array-like of shape (n, p, p)
        Symmetric matrices.
    y : array-like of shape (n,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described; a matrix is not symmetric.

    Notes
    -----
    A gradient costs O(n p^2). Used in the section "From convexity to PL*".

    Examples
    --------
    >>> QuadraticSystem([np.eye(2)], [0.5]).loss(np.array([0.6, 0.8]))
    0.0
    """

    def __init__(self, A: ArrayLike, y: ArrayLike) -> None:
        array = np.asarray(A, dtype=np.float64)
        if array.ndim != 3 or array.shape[1] != array.shape[2]:
            raise ValueError(f"A has shape {array.shape}; expected (n, p, p)")
        if not np.isfinite(array).all() or not np.allclose(
            array, array.transpose(0, 2, 1), atol=1e-8 * np.abs(array).max(initial=0.0)
        ):
            raise ValueError("A has a matrix that is not finite and symmetric")
        self.A = array
        check_same_length(A=self.A, y=np.atleast_1d(y))
        super().__init__(y, array.shape[1])

    def outputs(self, w: NDArray) -> NDArray[np.float64]:
        return self.A @ w @ w / 2

    def jacobian(self, w: NDArray) -> NDArray[np.float64]:
        return self.A @ w

    def curvature(self, w: NDArray, weights: NDArray) -> NDArray[np.float64]:
        return np.tensordot(weights, self.A, axes=1)


def _check_samples(samples: ArrayLike) -> NDArray[np.intp]:
    """Return the numbers of samples, one at least; a mask would be taken for zeros and ones."""
    array = np.asarray(samples)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"samples has shape {array.shape}; expected one index or more in a vector")
    if array.dtype.kind not in "iu":
        raise TypeError(f"samples has dtype {array.dtype}; expected integer indices")
    return array
