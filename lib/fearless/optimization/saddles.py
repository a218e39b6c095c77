r"""Losses with saddle points: quadratic units, whose every sample is stationary at zero.

A loss here depends on the weights W (m units, one a row, over d inputs) through the outputs
:math:`F_i(W) = \|W x_i\|^2` of a network with m quadratic units. With one unit and squared loss
that is phase retrieval, with more the symmetric factorisation of the matrix :math:`W^\top W`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    check_int,
    check_matrix,
    check_positive,
    check_same_length,
    check_vector,
)

__all__ = ["FlatValley", "QuadraticNetwork", "UnitLosses"]


class UnitLosses(ABC):
    r"""Losses of a network with quadratic units.

    .. math:: L(W) = \frac1n \sum_i \psi_i \bigl( \|W x_i\|^2 \bigr) .

    A subclass defines ``_profile``, the :math:`\psi_i` and their derivatives. Weights are vectors w
    of length p = m d, the rows of W one after the other; every method takes one of them or an array
    (..., p) of many.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Inputs, one a row.
    n_units : int
        m.

    Attributes
    ----------
    n_samples, n_parameters : int
        n, and p = m d.
    """

    def __init__(self, X: ArrayLike, n_units: int = 1) -> None:
        self.X = check_matrix(X, "X").astype(np.float64, copy=False)
        self.n_units = check_int(n_units, "n_units")
        self.n_samples, self.n_inputs = self.X.shape
        self.n_parameters = self.n_units * self.n_inputs

    @abstractmethod
    def _profile(self, outputs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return psi_i and its first two derivatives at outputs (..., n)."""

    def loss(self, w: ArrayLike) -> NDArray[np.float64]:
        """Compute L, at a cost of O(n p).

        Parameters
        ----------
        w : array-like of shape (..., p)
            Weights.

        Returns
        -------
        ndarray of shape (...)
        """
        return self._profile(self._outputs(self._units(w)))[0].mean(axis=-1)

    def gradient(
        self, w: ArrayLike, samples: ArrayLike | None = None, *, weights: NDArray | None = None
    ) -> NDArray[np.float64]:
        """Compute a mean of sample gradients, at a cost of O(n p).

        Parameters
        ----------
        w : array-like of shape (..., p)
            Weights.
        samples : array-like of int, optional
            Their indices, repeated ones counting as often; all of them by default.
        weights : array-like of shape (..., n), optional
            Or the weight of every sample, instead of `samples`.

        Returns
        -------
        ndarray of shape (..., p)
        """
        slopes = self.unit_gradients(w) * self._weights(samples, weights)[..., None]
        gradient = np.matmul(np.swapaxes(slopes, -1, -2), self.X)
        return gradient.reshape(*gradient.shape[:-2], self.n_parameters)

    def hessian(
        self, w: ArrayLike, samples: ArrayLike | None = None, *, weights: NDArray | None = None
    ) -> NDArray[np.float64]:
        """Compute a mean of sample Hessians, at a cost of O(n p^2).

        Parameters
        ----------
        w, samples, weights
            As for `gradient`.

        Returns
        -------
        ndarray of shape (..., p, p)
        """
        v = self._units(w)
        _, slope, bend = self._profile(self._outputs(v))
        weight = self._weights(samples, weights)
        rows = (v[..., :, None] * self.X[:, None, :]).reshape(*v.shape[:-1], self.n_parameters)
        curved = np.matmul(np.swapaxes(rows * (4 * weight * bend)[..., None], -1, -2), rows)
        flat = np.matmul(self.X.T * (2 * weight * slope)[..., None, :], self.X)
        d = self.n_inputs
        for j in range(self.n_units):
            curved[..., j * d : (j + 1) * d, j * d : (j + 1) * d] += flat
        return curved

    def sample_gradient_norms(self, w: ArrayLike) -> NDArray[np.float64]:
        """Compute the squared lengths of all sample gradients, at a cost of O(n p).

        Parameters
        ----------
        w : array-like of shape (..., p)
            Weights.

        Returns
        -------
        ndarray of shape (..., n)
        """
        return np.sum(self.unit_gradients(w) ** 2, axis=-1) * np.sum(self.X**2, axis=1)

    def unit_gradients(self, w: ArrayLike) -> NDArray[np.float64]:
        r"""Compute the gradients of all sample losses in :math:`W x_i`, at a cost of O(n p).

        The gradient of sample i in W is this vector times :math:`x_i^\top`.

        Parameters
        ----------
        w : array-like of shape (..., p)
            Weights.

        Returns
        -------
        ndarray of shape (..., n, m)
        """
        v = self._units(w)
        return 2 * self._profile(self._outputs(v))[1][..., None] * v

    def _units(self, w: ArrayLike) -> NDArray:
        """Return the W x_i, shape (..., n, m)."""
        w = np.asarray(w, dtype=np.float64)
        if w.ndim == 0 or w.shape[-1] != self.n_parameters:
            raise ValueError(f"w has shape {w.shape}; expected (..., {self.n_parameters})")
        W = w.reshape(*w.shape[:-1], self.n_units, self.n_inputs)
        return np.matmul(self.X, np.swapaxes(W, -1, -2))

    @staticmethod
    def _outputs(units: NDArray) -> NDArray:
        return np.sum(units**2, axis=-1)

    def _weights(self, samples: ArrayLike | None, weights: NDArray | None) -> NDArray:
        if weights is not None:
            if samples is not None:
                raise ValueError("samples and weights are both given; expected one of them")
            weights = np.asarray(weights, dtype=np.float64)
            if weights.ndim == 0 or weights.shape[-1] != self.n_samples:
                raise ValueError(
                    f"weights has shape {weights.shape}; expected (..., {self.n_samples})"
                )
            if not np.isfinite(weights).all():
                raise ValueError("weights contains non-finite values; expected finite numbers")
            return weights
        if samples is None:
            return np.full(self.n_samples, 1 / self.n_samples)
        chosen = np.asarray(samples)
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or chosen.size == 0:
            raise ValueError(f"samples is {samples!r}; expected a non-empty vector of integers")
        if chosen.min() < 0 or chosen.max() >= self.n_samples:
            raise ValueError(f"samples reaches beyond 0 to {self.n_samples - 1}, the samples")
        return np.bincount(chosen, minlength=self.n_samples) / chosen.size


class QuadraticNetwork(UnitLosses):
    r"""The square loss of a network with quadratic units.

    .. math:: L(W) = \frac{1}{2n} \sum_i \bigl( \|W x_i\|^2 - y_i \bigr)^2 .

    Parameters
    ----------
    X : array-like of shape (n, d)
        Inputs.
    y : array-like of shape (n,)
        Labels. Those with y_i < 0 cannot be fitted, and are allowed.
    n_units : int
        m; 1 for phase retrieval.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost of everything: O(n p) for losses and gradients, O(n p^2) for Hessians, p = m d. Used in
    the section "Escaping saddle points".

    References
    ----------
    E. J. Candes, X. Li, M. Soltanolkotabi (2015), Phase retrieval via Wirtinger flow, IEEE
    Transactions on Information Theory 61, 1985-2007.

    Examples
    --------
    >>> import numpy as np
    >>> objective = QuadraticNetwork(np.eye(2), [1.0, 4.0])
    >>> objective.gradient([1.0, 1.0])
    array([ 0., -3.])
    >>> float(objective.loss([1.0, -2.0]))
    0.0
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, n_units: int = 1) -> None:
        super().__init__(X, n_units)
        self.y = check_vector(y, "y").astype(np.float64, copy=False)
        check_same_length(X=self.X, y=self.y)

    def _profile(self, outputs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return (f - y)^2 / 2 and its derivatives."""
        residual = outputs - self.y
        return residual**2 / 2, residual, np.ones_like(residual)


class FlatValley(UnitLosses):
    r"""A loss that keeps falling, ever more slowly, the further the outputs grow.

    .. math:: \psi_i(f) = (1 + f)^{-q/2} + s_i \sqrt{1 + f} .

    The maximum over w is at 0, there is no minimum, and along the valley the gradient decays like
    :math:`\|w\|^{-q-1}`. The *tilts* s_i have mean zero: they leave L as it is when every x_i
    comes twice, with opposite tilts, and give the sample gradients a noise of bounded size.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Inputs.
    power : float
        q > 0.
    tilt : array-like of shape (n,), optional
        The s_i, zero by default.
    n_units : int
        m.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Costs as for `QuadraticNetwork`. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> objective = FlatValley([[1.0]], power=2.0)
    >>> objective.loss([[0.0], [1.0], [3.0]])
    array([1. , 0.5, 0.1])
    """

    def __init__(
        self, X: ArrayLike, power: float, tilt: ArrayLike | None = None, n_units: int = 1
    ) -> None:
        super().__init__(X, n_units)
        self.power = check_positive(power, "power")
        self.tilt = np.zeros(self.n_samples) if tilt is None else check_vector(tilt, "tilt")
        check_same_length(X=self.X, tilt=self.tilt)

    def _profile(self, outputs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return psi_i and its derivatives."""
        base, half = 1 + outputs, self.power / 2
        fall, tilt = base**-half, self.tilt * np.sqrt(base)
        return (
            fall + tilt,
            (tilt / 2 - half * fall) / base,
            (half * (half + 1) * fall - tilt / 4) / base**2,
        )
