"""What single models of a double-descent curve read: their answers, not only their risks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless import linalg
from fearless._validation import RandomState, as_generator, check_int
from fearless.data import Dataset
from fearless.experiments.double_descent.curve import _training_set
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel

__all__ = ["CurveModels", "curve_models"]


@dataclass(frozen=True)
class CurveModels:
    """The models of all widths that one seed of a double-descent curve stands for.

    Attributes
    ----------
    X, targets : ndarrays of shape (n, d) and (n, k)
        The training set, labels one-hot.
    X_test, y_test : ndarrays of shape (m, d) and (m,)
        New samples and their labels.
    features : RandomFourierFeatures
        The nested feature map, fitted.
    """

    X: NDArray
    targets: NDArray
    X_test: NDArray
    y_test: NDArray
    features: RandomFourierFeatures

    def coefficients(self, width: int) -> NDArray[np.float64]:
        """Coefficients of the least-squares fit of minimum norm.

        One QR decomposition, of the feature matrix or of its transpose, whichever is tall; the
        normal equations, which square the condition number, are of no use at the threshold.

        Parameters
        ----------
        width : int
            The number of features N.

        Returns
        -------
        ndarray of shape (N, k)

        Notes
        -----
        Cost O(n N min(n, N)).
        """
        width = check_int(width, "width")
        n, k = self.targets.shape
        phi = self.features.block(self.X, 0, width)
        tall = linalg.as_fortran(phi if width < n else phi.T, np.float64, copy=True)
        qr, tau = linalg.qr_in_place(tall)
        size = min(n, width)
        if width < n:
            right = linalg.as_fortran(self.targets, np.float64, copy=True)
            return linalg.solve_triangle(
                qr[:size, :size], linalg.apply_q(qr, tau, right, adjoint=True)[:size]
            )
        left = np.zeros((width, k), order="F")
        left[:size] = linalg.solve_triangle(
            qr[:size, :size], np.asarray(self.targets, dtype=np.float64), adjoint=True
        )
        return linalg.apply_q(qr, tau, left)

    def read(self, width: int) -> NDArray[np.int64]:
        """Return the class that the model of a width gives to each new sample.

        Parameters
        ----------
        width : int
            The number of features N.

        Returns
        -------
        ndarray of shape (m,)
        """
        phi = self.features.block(self.X_test, 0, check_int(width, "width"))
        return np.argmax(phi @ self.coefficients(width), axis=1)


def curve_models(
    data: Dataset,
    *,
    n_train: int,
    kernel: Kernel | None = None,
    random_state: RandomState = 0,
) -> CurveModels:
    """Models of the first seed of `double_descent_curve` with the same arguments.

    Parameters
    ----------
    data : Dataset
    n_train : int
        Training samples n.
    kernel : Kernel, optional
        Of the random Fourier features; default ``GaussianKernel(5.0)``.
    random_state : None, int or Generator

    Returns
    -------
    CurveModels

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    seed = int(as_generator(random_state).integers(2**31))
    X, targets = _training_set(data, n_train, 0.0, seed)
    features = RandomFourierFeatures(kernel=kernel, random_state=seed).fit(X)
    return CurveModels(X, targets, data.X_test, data.y_test, features)
