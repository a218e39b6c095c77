"""The Matern kernel: a dial of smoothness from the Laplacian to the Gaussian kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, kve

from fearless._validation import RandomState, as_generator, check_int, check_positive
from fearless.kernels.isotropic import GaussianKernel, IsotropicKernel

__all__ = ["MaternKernel"]

# The recurrence takes one pass for each unit of smoothness and starts from exp(-t), which must not
# vanish where the kernel does not: at smoothness 100 that is beyond 50 bandwidths.
_SMOOTHEST = 100.0

# Here exp(-t) is zero; farther out products of it with powers of t would be infinity times zero.
_FARTHEST = 1e4


@dataclass(frozen=True)
class MaternKernel(IsotropicKernel):
    r"""Compute the Matern kernel of any smoothness.

    .. math::
        K(x, z) = M_\nu\bigl(\sqrt{2\nu}\, \|x - z\| / s\bigr), \qquad
        M_\nu(t) = \frac{2^{1-\nu}}{\Gamma(\nu)} \, t^\nu K_\nu(t)

    with the modified Bessel function of the second kind. At smoothness 1/2 it is the Laplacian
    kernel exp(-r / s), at 3/2 and 5/2 a polynomial times an exponential, and in the limit of
    infinite smoothness the Gaussian kernel exp(-r^2 / (2 s^2)). Its space is the Sobolev space
    H^(nu + d/2): interpolants have about nu derivatives at the samples.

    Parameters
    ----------
    bandwidth : float
        The length s > 0.
    smoothness : float, default 1.5
        The smoothness nu, above 0 and at most 100, or ``inf``.

    Raises
    ------
    TypeError, ValueError
        A parameter is not as described.

    Notes
    -----
    The recurrence

    .. math:: M_{\nu+1}(t) = M_\nu(t) + \frac{t^2}{4 \nu (\nu - 1)} M_{\nu - 1}(t)

    has positive terms only, so that no digits are lost. It starts from exp(-t) and (1 + t) exp(-t)
    where nu is half an odd integer, else from two Bessel functions, which are some twenty times
    slower. Cost O(n m (d + nu)). Used in the section "Kernel machines interpolate".

    References
    ----------
    M. Stein (1999), Interpolation of spatial data, Springer, section 2.7. C. Rasmussen,
    C. Williams (2006), Gaussian processes for machine learning, MIT Press, section 4.2.

    Examples
    --------
    >>> K = MaternKernel(1.0, smoothness=1.5)
    >>> K([[0.0], [1.0]]).round(4)
    array([[1.    , 0.4834],
           [0.4834, 1.    ]])
    """

    bandwidth: float
    smoothness: float = 1.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", check_positive(self.bandwidth, "bandwidth"))
        if isinstance(self.smoothness, (float, np.floating)) and self.smoothness == math.inf:
            object.__setattr__(self, "smoothness", math.inf)
            return
        smoothness = check_positive(self.smoothness, "smoothness")
        if smoothness > _SMOOTHEST:
            raise ValueError(
                f"smoothness is {smoothness:g}; expected at most {_SMOOTHEST:g}, or inf for the "
                "Gaussian kernel"
            )
        object.__setattr__(self, "smoothness", smoothness)

    def _profile(self, dtype: np.dtype):
        if self.smoothness == math.inf:
            return GaussianKernel(self.bandwidth)._profile(dtype)
        with np.errstate(over="ignore"):
            factor = math.sqrt(2 * self.smoothness)
            rate = -self._rate(float(factor / np.float64(self.bandwidth)), dtype)
        start = self.smoothness - math.ceil(self.smoothness) + 1  # in (0, 1]
        steps = round(self.smoothness - start)
        first_two = _exponentials if start == 0.5 else _bessel(start)

        def matern(squared: NDArray) -> None:
            np.sqrt(squared, out=squared)
            np.multiply(squared, rate, out=squared)
            np.minimum(squared, _FARTHEST, out=squared)  # t
            below, value = first_two(squared)
            if steps == 0:
                squared[...] = below
                return
            if steps > 1:
                np.multiply(squared, squared, out=squared)
            for k in range(1, steps):
                nu = start + k
                with np.errstate(under="ignore"):
                    below *= squared
                    below *= below.dtype.type(1 / (4 * nu * (nu - 1)))
                below += value
                below, value = value, below
            np.minimum(value, 1, out=squared)  # the sum may round above it

        return matern

    def spectral_density(self, frequency: ArrayLike, n_dims: int) -> NDArray[np.float64]:
        r"""Compute the Fourier transform of the kernel, a function of the length of the frequency.

        .. math::
            S(\omega) = \int K(x, 0) e^{-i \langle \omega, x \rangle} dx
            = \frac{(4\pi)^{d/2} \, \Gamma(\nu + d/2)}{\Gamma(\nu)} \, \ell^d
              \bigl(1 + \ell^2 \|\omega\|^2\bigr)^{-(\nu + d/2)}, \qquad
            \ell = \frac{s}{\sqrt{2 \nu}},

        and :math:`(2\pi)^{d/2} s^d e^{-s^2 \|\omega\|^2 / 2}` for the Gaussian kernel. The squared
        norm of f in the space of the kernel is the integral of its squared Fourier transform over
        S, divided by (2 pi)^d.

        Parameters
        ----------
        frequency : array-like
            Lengths of frequencies, at least 0.
        n_dims : int
            The dimension d of the points.

        Returns
        -------
        ndarray
            S, in the shape of ``frequency``.

        Raises
        ------
        TypeError, ValueError
            An argument is not as described.

        Notes
        -----
        Used in the section "Kernel machines interpolate".
        """
        d = check_int(n_dims, "n_dims")
        w = np.asarray(frequency, dtype=np.float64)
        if not np.all(np.isfinite(w)) or np.any(w < 0):
            raise ValueError("frequency contains values that are not finite or below 0")
        s, nu = self.bandwidth, self.smoothness
        if nu == math.inf:
            with np.errstate(over="ignore", under="ignore"):  # far out it is zero
                return np.exp(d / 2 * np.log(2 * np.pi) + d * np.log(s) - (s * w) ** 2 / 2)
        length = s / math.sqrt(2 * nu)
        constant = (
            d / 2 * np.log(4 * np.pi) + gammaln(nu + d / 2) - gammaln(nu) + d * np.log(length)
        )
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(constant - (2 * nu + d) * np.log(np.hypot(1, length * w)))

    def sample_frequencies(
        self, n_frequencies: int, n_dims: int, random_state: RandomState = None
    ) -> NDArray[np.float64]:
        """Draw frequencies v with E exp(i <v, x - z>) = K(x, z): a multivariate Student law.

        ``v = g sqrt(2 nu / c) / s``, g ~ N(0, I) and c chi-squared of 2 nu degrees;
        the density is proportional to `spectral_density`. Cauchy at smoothness 1/2, normal at inf.

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
            Independent rows; they have moments of order below 2 nu only.
        """
        if self.smoothness == math.inf:
            gaussian = GaussianKernel(self.bandwidth)
            return gaussian.sample_frequencies(n_frequencies, n_dims, random_state)
        check_int(n_frequencies, "n_frequencies")
        check_int(n_dims, "n_dims")
        rng = as_generator(random_state)
        frequencies = rng.standard_normal((n_frequencies, n_dims))
        # For a tiny smoothness it may round to zero; such frequencies are as good as infinite.
        chi_square = np.maximum(rng.chisquare(2 * self.smoothness, (n_frequencies, 1)), 1e-200)
        frequencies *= np.sqrt(2 * self.smoothness / chi_square) / self.bandwidth
        return frequencies


def _exponentials(t: NDArray) -> tuple[NDArray, NDArray]:
    """Return M at 1/2 and 3/2: exp(-t) and (1 + t) exp(-t)."""
    below = np.exp(-t)
    value = t + 1
    value *= below
    return below, value


def _bessel(start: float):
    """Return the function that computes M at ``start`` and ``start + 1`` from Bessel functions."""

    def first_two(t: NDArray) -> tuple[NDArray, NDArray]:
        # Below this the second is 1, and the Bessel functions of order up to 2 are finite.
        wide = np.maximum(t, 1e-150, dtype=np.float64)
        result = []
        for nu in (start, start + 1):
            values = kve(nu, wide)
            values *= np.exp(nu * np.log(wide) - wide + ((1 - nu) * math.log(2) - gammaln(nu)))
            np.copyto(values, 1, where=t == 0)
            result.append(np.minimum(values, 1).astype(t.dtype))
        return result[0], result[1]

    return first_two
