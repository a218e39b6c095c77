"""Kernels of the distance alone: all they give is a profile, a function of its square."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fearless._distances import fill_from_squared_distances
from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.kernels.base import Kernel

__all__ = ["GaussianKernel", "IsotropicKernel", "LaplacianKernel"]


class IsotropicKernel(Kernel):
    """Compute K(x, z) = phi(||x - z||^2): the base of kernels that depend on the distance alone.

    A subclass implements ``_profile(dtype)``, which returns a function that maps an array of
    squared distances to kernel values in place. Distances keep their digits however close two
    points are, equal points are at distance exactly 0, and the diagonal is exactly phi(0).

    Cost O(n m d), half of that for ``K(X)``, most of it in matrix products.

    Attributes
    ----------
    on_tensors : bool
        Whether the profile also works on tensors of torch, in place, as those do that call only
        functions which NumPy and torch share (`array_library`). A kernel that does not say so is
        computed on the CPU.
    """

    on_tensors: ClassVar[bool] = False

    @abstractmethod
    def _profile(self, dtype: np.dtype):
        """Return phi as a function that works in place on arrays of this dtype."""

    def _fill(self, X: NDArray, Z: NDArray | None, out: NDArray, block_size: int | None) -> None:
        fill_from_squared_distances(X, Z, out, self._profile(X.dtype), block_size)

    def _diag(self, X: NDArray) -> NDArray:
        values = np.zeros(len(X), X.dtype)
        self._profile(X.dtype)(values)
        return values

    def _rate(self, rate: float, dtype: np.dtype) -> float:
        """Round a factor of the distance to dtype; a rate that overflows would give 0 * inf."""
        if rate > np.finfo(dtype).max:
            raise ValueError(
                f"bandwidth of {self} is too small for {dtype}; expected one whose inverse square "
                "is finite: rescale the data"
            )
        return float(dtype.type(-rate))


def array_library(array: Any) -> ModuleType:
    """Return the module that an array is of, so that a profile is written once for both.

    Parameters
    ----------
    array : ndarray or torch.Tensor
        The array.

    Returns
    -------
    module
        ``numpy`` or ``torch``, which is not imported for it.
    """
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def _normal(n_rows: int, n_columns: int, rng: np.random.Generator) -> NDArray:
    return rng.standard_normal((n_rows, n_columns))


@dataclass(frozen=True)
class GaussianKernel(IsotropicKernel):
    r"""Compute the Gaussian kernel K(x, z) = exp(-||x - z||^2 / (2 s^2)).

    Its unit ball holds very smooth functions only: interpolating noisy labels with it takes a
    norm that grows exponentially in n^(1/d), and its matrices are numerically singular already for
    a few hundred points in low dimension.

    Parameters
    ----------
    bandwidth : float
        The length s > 0.

    Raises
    ------
    TypeError, ValueError
        bandwidth is no positive finite number.

    Notes
    -----
    Used in the section "The double descent curve", where it is the limit of random Fourier
    features. Bandwidth 5 suits images of 28 x 28 pixels in [0, 1].

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> K = GaussianKernel(1.0)
    >>> K([[0.0], [1.0]]).round(4)
    array([[1.    , 0.6065],
           [0.6065, 1.    ]])
    """

    bandwidth: float
    on_tensors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", check_positive(self.bandwidth, "bandwidth"))

    def _profile(self, dtype: np.dtype):
        with np.errstate(over="ignore", divide="ignore"):
            rate = self._rate(float(0.5 / np.float64(self.bandwidth) / self.bandwidth), dtype)

        def gaussian(squared: NDArray) -> None:
            xp = array_library(squared)
            squared *= rate
            xp.exp(squared, out=squared)

        return gaussian

    def sample_frequencies(
        self, n_frequencies: int, n_dims: int, random_state: RandomState = None
    ) -> NDArray[np.float64]:
        """Draw frequencies v with E exp(i <v, x - z>) = K(x, z): v ~ N(0, s^-2 I).

        Parameters
        ----------
        n_frequencies : int
            How many.
        n_dims : int
            The dimension d of the points.
        random_state : None, int or numpy.random.Generator
            The source of randomness.

        Returns
        -------
        ndarray of shape (n_frequencies, n_dims)
            Independent rows.
        """
        check_int(n_frequencies, "n_frequencies")
        check_int(n_dims, "n_dims")
        return _normal(n_frequencies, n_dims, as_generator(random_state)) / self.bandwidth


@dataclass(frozen=True)
class LaplacianKernel(IsotropicKernel):
    r"""Compute the Laplacian kernel K(x, z) = exp(-||x - z|| / s), with the Euclidean norm.

    The kernel has a kink at zero, its space is the Sobolev space H^((d+1)/2), and its matrices are
    well-conditioned enough to interpolate real data in float32. It is the Matern kernel of
    smoothness 1/2; scikit-learn's ``laplacian`` is another one, with the l1 norm.

    Parameters
    ----------
    bandwidth : float
        The length s > 0.

    Raises
    ------
    TypeError, ValueError
        bandwidth is no positive finite number.

    Notes
    -----
    Used in the section "What you see is not what you get", where it interpolates noisy labels and
    stays near the Bayes risk.

    References
    ----------
    M. Belkin, S. Ma, S. Mandal (2018), To understand deep learning we need to understand kernel
    learning, ICML.

    Examples
    --------
    >>> K = LaplacianKernel(1.0)
    >>> K([[0.0], [1.0]]).round(4)
    array([[1.    , 0.3679],
           [0.3679, 1.    ]])
    """

    bandwidth: float
    on_tensors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", check_positive(self.bandwidth, "bandwidth"))

    def _profile(self, dtype: np.dtype):
        with np.errstate(over="ignore"):
            rate = self._rate(float(1.0 / np.float64(self.bandwidth)), dtype)

        def laplacian(squared: NDArray) -> None:
            xp = array_library(squared)
            xp.sqrt(squared, out=squared)
            squared *= rate
            xp.exp(squared, out=squared)

        return laplacian

    def sample_frequencies(
        self, n_frequencies: int, n_dims: int, random_state: RandomState = None
    ) -> NDArray[np.float64]:
        """Draw frequencies v with E exp(i <v, x - z>) = K(x, z): v multivariate Cauchy.

        ``v = g / (s |g_0|)`` with g ~ N(0, I) and g_0 ~ N(0, 1) independent: the density is
        proportional to ``(1 + s^2 ||v||^2)^(-(d + 1) / 2)``, the Fourier transform of the kernel.

        Parameters
        ----------
        n_frequencies : int
            How many.
        n_dims : int
            The dimension d of the points.
        random_state : None, int or numpy.random.Generator
            The source of randomness.

        Returns
        -------
        ndarray of shape (n_frequencies, n_dims)
            Independent rows; they have no mean, and a few are huge.
        """
        check_int(n_frequencies, "n_frequencies")
        check_int(n_dims, "n_dims")
        rng = as_generator(random_state)
        frequencies = _normal(n_frequencies, n_dims, rng)
        frequencies /= self.bandwidth * np.abs(_normal(n_frequencies, 1, rng))
        return frequencies
