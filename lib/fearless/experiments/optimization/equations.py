"""Linear equations for SGD: synthetic samples of equal norm, and a kernel machine on digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int
from fearless.data import Dataset
from fearless.kernels import LaplacianKernel
from fearless.theory.rates.batch_size import critical_batch_size, optimal_step_size
from fearless.theory.rates.sample_moments import SampleMoments

__all__ = ["Equations", "digit_machine", "equal_norms"]


@dataclass(frozen=True)
class Equations:
    """Linear equations that SGD is to solve from w = 0, and what theory needs to know of them.

    Attributes
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
    moments : SampleMoments
        The exact mean loss for batches drawn with replacement.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    moments: SampleMoments

    @property
    def spectrum(self) -> tuple[float, float, float]:
        """The largest squared norm beta, and lambda_1 and lambda_n of X^T X / n."""
        values = self.moments.eigenvalues
        return self.moments.norm, float(values[0]), float(values[-1])

    @property
    def critical(self) -> float:
        """The critical batch size m*."""
        return critical_batch_size(*self.spectrum)

    def step_size(self, batch_size: float) -> float:
        """Compute the best step in the worst case, eta*(m).

        Parameters
        ----------
        batch_size : float
            m.

        Returns
        -------
        float
            eta*(m).
        """
        return optimal_step_size(batch_size, *self.spectrum)


def equal_norms(
    n_samples: int = 128,
    dimension: int = 512,
    decay: float = 0.5,
    *,
    random_state: RandomState = 0,
) -> Equations:
    """Draw samples of norm 1, whose coordinates shrink like a power of their index.

    Parameters
    ----------
    n_samples, dimension : int
    decay : float
        Coordinate j has standard deviation j^-decay, before all samples are scaled to norm 1.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Equations
        With targets X w for a standard normal w.
    """
    rng = as_generator(random_state)
    n, d = check_int(n_samples, "n_samples"), check_int(dimension, "dimension")
    X = rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -float(decay)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return Equations(X, X @ rng.standard_normal(d), SampleMoments.from_data(X))


def digit_machine(
    data: Dataset, n_samples: int = 128, bandwidth: float = 10.0, *, random_state: RandomState = 0
) -> Equations:
    """Write a kernel machine that tells even digits from odd ones as linear equations.

    Parameters
    ----------
    data : Dataset
        Ten classes of images.
    n_samples : int
        Images drawn.
    bandwidth : float
        Of the Laplacian kernel.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Equations
        X is a Cholesky factor of the kernel matrix, X X^T = K: the coordinates of the functions
        K(x_i, .) in an orthonormal basis of their span.
    """
    n = check_int(n_samples, "n_samples", maximum=len(data.X_train))
    rows = as_generator(random_state).permutation(len(data.X_train))[:n]
    images = data.X_train[rows].astype(np.float64)
    K = LaplacianKernel(bandwidth)(images, images)
    y = np.where(data.y_train[rows] % 2 == 0, 1.0, -1.0)
    return Equations(np.linalg.cholesky(K), y, SampleMoments(K))
