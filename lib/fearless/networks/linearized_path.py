"""The training of a linearised network, solved by linear algebra at all times at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from fearless._validation import check_matrix, check_same_length, check_targets
from fearless.linear import GradientPath

if TYPE_CHECKING:
    from fearless.networks.linearization import Linearized

__all__ = ["LinearizedPath"]


class LinearizedPath:
    r"""Solve the training of a linearised network by linear algebra.

    The loss :math:`L(w) = \frac{1}{2n} \sum_i \|f_{\mathrm{lin}}(w; x_i) - y_i\|^2` is a
    least-squares loss. With :math:`K_{XX} = \sum_i n \lambda_i u_i u_i^\top`, the tangent kernel
    at w_0, gradient descent and gradient flow are

    .. math::
        w - w_0 = \sum_i \nabla f(w_0; x_i)\, a_i , \qquad
        a = \sum_i \frac{f_i}{n \lambda_i} \, u_i u_i^\top (y - f(w_0; X)) ,

    with the filter factors :math:`f_i = 1 - (1 - \eta\lambda_i)^t` or :math:`1 - e^{-t\lambda_i}`
    of :class:`fearless.linear.GradientPath`. Directions with :math:`\lambda_i = 0`, up to
    rounding, never move.

    Parameters
    ----------
    tangent : Linearized
        The network at w_0.
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.

    Attributes
    ----------
    curvatures : ndarray of shape (r,)
        The eigenvalues :math:`\lambda_i > 0` of :math:`K_{XX}/n`, in decreasing order.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or the tangent kernel of X is zero or not finite.

    Notes
    -----
    Cost O((n k)^3) once, whatever the number of weights and of steps. Used in the section "The
    transition to linearity".
    """

    def __init__(self, tangent: Linearized, X: ArrayLike, Y: ArrayLike) -> None:
        self._tangent = tangent
        self._X = check_matrix(X, "X")
        Y = check_targets(Y, "Y")
        n = check_same_length(X=self._X, Y=Y)
        start = tangent.value(self._X).astype(np.float64)
        k = start.shape[1]
        Y = Y[:, None] if Y.ndim == 1 else Y
        if Y.shape[1] != k:
            raise ValueError(f"Y has {Y.shape[1]} columns; expected {k}, one an output")
        self._shape = (n, k)
        K = tangent.kernel(self._X).reshape(n * k, n * k)
        if not np.isfinite(K).all():
            raise ValueError("the tangent kernel of X is not finite; expected smaller inputs")
        tolerance = n * k * np.finfo(K.dtype).eps
        values, vectors = eigh(K.astype(np.float64))
        kept = values > tolerance * values[-1]
        if not kept.any():
            raise ValueError("the tangent kernel of X is zero: no step changes any output")
        # A matrix S with S S' = K has the same least-squares problem as the Jacobian, in few
        # coordinates. The path's loss is a mean over its n k rows, ours a mean over n: hence k.
        self._vectors, self._roots = vectors[:, kept], np.sqrt(values[kept])
        S = self._vectors * self._roots
        residual = (Y - start).ravel()
        self._path = GradientPath(k**0.5 * S, k**0.5 * residual, rank_tol=0.0)
        self.curvatures: NDArray[np.float64] = self._path.curvatures

    def flow_filter(self, times: ArrayLike) -> NDArray:
        """Compute the filter factors of gradient flow.

        Parameters
        ----------
        times : array-like of shape (t,)
            Times, each >= 0.

        Returns
        -------
        ndarray of shape (t, r)
            ``1 - exp(-t lambda_i)``.
        """
        return self._path.flow_filter(times)

    def descent_filter(self, steps: ArrayLike, step_size: float | None = None) -> NDArray:
        """Compute the filter factors of gradient descent.

        Parameters
        ----------
        steps : array-like of shape (t,)
            Numbers of steps.
        step_size : float, optional
            The step size, at most 2 / lambda_1 (beyond it a ValueError says so); by default
            1 / lambda_1.

        Returns
        -------
        ndarray of shape (t, r)
            ``1 - (1 - step_size lambda_i)^t``.
        """
        return self._path.descent_filter(steps, step_size)

    def predict(self, Z: ArrayLike, filters: ArrayLike) -> NDArray[np.float64]:
        """Compute the outputs of the trained linearised network.

        Parameters
        ----------
        Z : array-like of shape (m, d)
            Points, one a row.
        filters : array-like of shape (t, r)
            From `flow_filter` or `descent_filter`.

        Returns
        -------
        ndarray of shape (t, m, k)
            f_lin at each of the times.
        """
        start = self._tangent.value(Z).astype(np.float64)
        K = self._tangent.kernel(Z, self._X).reshape(start.size, -1).astype(np.float64)
        change = self.dual(filters).reshape(-1, K.shape[1]) @ K.T
        return start + change.reshape(-1, *start.shape)

    def dual(self, filters: ArrayLike) -> NDArray[np.float64]:
        """Compute the coefficients a of the gradients in w - w_0.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t, n, k)
            The coefficients.
        """
        coordinates = self._path.coef(filters) / self._roots
        return (coordinates @ self._vectors.T).reshape(-1, *self._shape)

    def displacement(self, filters: ArrayLike) -> NDArray:
        """Compute w - w_0.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t, p)
            The weights less those at the start; t p numbers.
        """
        return np.stack([self._tangent.vjp(self._X, a) for a in self.dual(filters)])

    def distance(self, filters: ArrayLike) -> NDArray[np.float64]:
        """Compute the Euclidean length of w - w_0, without forming it.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t,)
            ``sqrt(a' K a)``.
        """
        return self._path.norm(filters)

    def train_mse(self, filters: ArrayLike) -> NDArray[np.float64]:
        """Compute the training errors (1/n) sum_i ||f_lin(x_i) - y_i||^2.

        Parameters
        ----------
        filters : array-like of shape (t, r)
            Filter factors.

        Returns
        -------
        ndarray of shape (t,)
            The errors.
        """
        return self._path.train_mse(filters)
