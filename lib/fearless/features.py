r"""Random features: nested maps whose inner products approximate a kernel.

A map is an endless sequence of features f_0, f_1, ... of which ``transform`` takes the first N and
multiplies them by ``scale(N)``. Feature j depends on the data, on j and on ``random_state`` only,
bit for bit, so the maps of all widths are nested, and ``block`` computes any range of columns
without the others: a whole curve over N needs each feature once.

===============================  =====================  ==========================================
map                              feature j              width at which n points are interpolated
===============================  =====================  ==========================================
:class:`ComplexFourierFeatures`  e^{i<v_j, x>}          N = n complex features
:class:`RandomFourierFeatures`   cos(<v_j, x> + b_j)    N = n
:class:`PairedFourierFeatures`   cos and sin in turn    N = n, that is n / 2 frequencies
:class:`RandomReLUFeatures`      max(<v_j, x>, 0)       N = n
===============================  =====================  ==========================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._random_features import BLOCK, RandomFeatures
from fearless._validation import RandomState, check_int
from fearless.kernels import GaussianKernel, Kernel

__all__ = [
    "ComplexFourierFeatures",
    "PairedFourierFeatures",
    "RandomFourierFeatures",
    "RandomReLUFeatures",
]


def _tangent_of_half(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overwrite angles by tan(angles / 2).

    NumPy evaluates the float64 tangent in SIMD where the processor allows it, cosine and sine
    never. With t = tan(a / 2), cos a = (1 - t^2) / (1 + t^2) and sin a = 2 t / (1 + t^2), whose
    derivatives times t are at most 1: a relative error in t enters as an absolute one, never more.
    """
    angles *= 0.5
    return np.tan(angles, out=angles)


def _cosine(angles: NDArray, out: NDArray) -> None:
    if angles.dtype == np.float32:
        np.cos(angles, out=out)
        return
    t = _tangent_of_half(angles)
    t *= t
    np.divide(1 - t, 1 + t, out=out)


def _cosine_and_sine(angles: NDArray, cosine: NDArray, sine: NDArray) -> None:
    if angles.dtype == np.float32:
        np.cos(angles, out=cosine)
        np.sin(angles, out=sine)
        return
    t = _tangent_of_half(angles)
    square = t * t
    denominator = 1 + square
    np.divide(1 - square, denominator, out=cosine)
    t += t
    np.divide(t, denominator, out=sine)


class _FourierFeatures(RandomFeatures):
    """Base of the maps whose frequencies are drawn from the spectral measure of a kernel."""

    def __init__(
        self,
        n_features: int = 100,
        kernel: Kernel = GaussianKernel(5.0),  # noqa: B008 - immutable
        random_state: RandomState = None,
    ) -> None:
        self.n_features = n_features
        self.kernel = kernel
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not hasattr(self.kernel, "sample_frequencies"):
            raise TypeError(
                f"kernel is {self.kernel!r}; expected a kernel with sample_frequencies, such as "
                "GaussianKernel(5.0)"
            )

    def _draw(self, n_dims: int, rng: np.random.Generator) -> tuple:
        return (self.kernel.sample_frequencies(BLOCK, n_dims, rng),)


class ComplexFourierFeatures(_FourierFeatures):
    r"""Compute complex random Fourier features N^{-1/2} e^{i <v_j, x>}.

    With v_j from the spectral measure of the kernel, E phi(x) phi(z)^* = K(x, z). N counts complex
    features: n points in general position are interpolated from **N = n** on, being n complex
    equations in N complex unknowns (also where the targets are real).

    Parameters
    ----------
    n_features : int
        The number N of complex features.
    kernel : Kernel
        A kernel with ``sample_frequencies``: the limit as N grows.
    random_state : None, int or numpy.random.Generator
        The source of randomness. The same integer gives the same frequencies for every N, and for
        the other Fourier maps.

    Attributes
    ----------
    n_features_in_ : int
        The dimension d of the data.

    Notes
    -----
    This is the model of the double descent experiment on MNIST: section "The double descent curve".
    The output is complex, which scikit-learn's own estimators do not take.

    References
    ----------
    A. Rahimi, B. Recht (2007), Random features for large-scale kernel machines, NeurIPS.
    M. Belkin, D. Hsu, S. Ma, S. Mandal (2019), Reconciling modern machine-learning practice and the
    classical bias-variance trade-off, PNAS 116(32).
    """

    _complex = True

    def scale(self, n_features: int) -> float:
        """Return N^{-1/2}, the factor that ``transform`` applies.

        Parameters
        ----------
        n_features : int
            The width N.

        Returns
        -------
        float
            The factor.
        """
        return check_int(n_features, "n_features") ** -0.5

    def _activate(self, angles: NDArray, parameters: tuple, out: NDArray) -> None:
        _cosine_and_sine(angles, out.real, out.imag)


class RandomFourierFeatures(_FourierFeatures):
    r"""Compute random Fourier features (2 / N)^{1/2} cos(<v_j, x> + b_j), b_j uniform on [0, 2 pi].

    E phi(x)^T phi(z) = K(x, z), and for the average over N features of a kernel k(x - z)

    .. math:: N \operatorname{Var} = 1 + k(2 (x - z)) / 2 - k(x - z)^2 .

    n points in general position are interpolated from **N = n** on.

    Parameters
    ----------
    n_features : int
        The number N of features.
    kernel : Kernel
        A kernel with ``sample_frequencies``: the limit as N grows.
    random_state : None, int or numpy.random.Generator
        The source of randomness. The same integer gives the same frequencies and phases for every
        N, and the same frequencies as the other Fourier maps.

    Attributes
    ----------
    n_features_in_ : int
        The dimension d of the data.

    Notes
    -----
    Used in the section "The double descent curve".

    References
    ----------
    A. Rahimi, B. Recht (2007), Random features for large-scale kernel machines, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.eye(3)
    >>> Phi = RandomFourierFeatures(4, random_state=0).fit_transform(X)
    >>> wider = RandomFourierFeatures(9, random_state=0).fit(X).block(X, 0, 4)
    >>> bool(np.array_equal(Phi, wider * (2 / 4) ** 0.5))
    True
    """

    def _draw(self, n_dims: int, rng: np.random.Generator) -> tuple:
        (frequencies,) = super()._draw(n_dims, rng)
        return frequencies, rng.uniform(0, 2 * np.pi, BLOCK)

    def phases(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the phases b_start, ..., b_{stop - 1} of the map.

        Parameters
        ----------
        start, stop : int
            The range of features, 0 <= start < stop.

        Returns
        -------
        ndarray of shape (stop - start,)
            Uniform on [0, 2 pi].
        """
        return self._parameters(1, start, stop)

    def scale(self, n_features: int) -> float:
        """Return (2 / N)^{1/2}, the factor that ``transform`` applies.

        Parameters
        ----------
        n_features : int
            The width N.

        Returns
        -------
        float
            The factor.
        """
        return (2 / check_int(n_features, "n_features")) ** 0.5

    def _activate(self, angles: NDArray, parameters: tuple, out: NDArray) -> None:
        angles += parameters[0]
        _cosine(angles, out)


class PairedFourierFeatures(_FourierFeatures):
    r"""Compute random Fourier features in pairs, (2 / N)^{1/2} (cos <v_j, x>, sin <v_j, x>).

    Column 2 j holds the cosine and column 2 j + 1 the sine of frequency j: N is even, and N / 2
    frequencies are drawn. E phi(x)^T phi(z) = K(x, z), and for the estimate of k(x - z)

    .. math:: N \operatorname{Var} = 1 + k(2 (x - z)) - 2 k(x - z)^2 ,

    which vanishes at x = z and is below that of :class:`RandomFourierFeatures` for the Gaussian
    and the Laplacian kernel.

    n points in general position are interpolated from **N = n** on, that is from n / 2 frequencies:
    as real functions the N columns span what N / 2 complex features and their conjugates span.

    Parameters
    ----------
    n_features : int
        The number N of columns, even.
    kernel : Kernel
        A kernel with ``sample_frequencies``: the limit as N grows.
    random_state : None, int or numpy.random.Generator
        The source of randomness. The same integer gives the same frequencies for every N, and for
        the other Fourier maps.

    Attributes
    ----------
    n_features_in_ : int
        The dimension d of the data.

    Notes
    -----
    Used in the section "The double descent curve", to compare thresholds.

    References
    ----------
    A. Rahimi, B. Recht (2007), Random features for large-scale kernel machines, NeurIPS.
    D. Sutherland, J. Schneider (2015), On the error of random Fourier features, UAI.
    """

    _columns_per_frequency = 2

    def scale(self, n_features: int) -> float:
        """Return (2 / N)^{1/2}, the factor that ``transform`` applies.

        Parameters
        ----------
        n_features : int
            The width N, even.

        Returns
        -------
        float
            The factor.
        """
        if check_int(n_features, "n_features") % 2:
            raise ValueError(
                f"n_features is {n_features}; expected an even number: features come in pairs"
            )
        return (2 / n_features) ** 0.5

    def _activate(self, angles: NDArray, parameters: tuple, out: NDArray) -> None:
        _cosine_and_sine(angles, out[:, 0::2], out[:, 1::2])


class RandomReLUFeatures(RandomFeatures):
    r"""Compute random ReLU features N^{-1/2} max(<v_j, x>, 0), v_j uniform on the unit sphere.

    The limit of phi(x)^T phi(z) is the arc-cosine kernel of order 1, divided by 2 d:

    .. math::
        K(x, z) = \frac{\|x\| \|z\|}{2 \pi d}
        \bigl( \sin \theta + (\pi - \theta) \cos \theta \bigr), \qquad
        \theta = \angle(x, z) .

    n points in general position are interpolated from **N = n** on. There is no bias: append a
    constant column to the data to have one. In one dimension without it the features span
    two functions only.

    Parameters
    ----------
    n_features : int
        The number N of features.
    random_state : None, int or numpy.random.Generator
        The source of randomness. The same integer gives the same vectors for every N.

    Attributes
    ----------
    n_features_in_ : int
        The dimension d of the data.

    Notes
    -----
    Used in the section "The double descent curve". In float64 v_j is a normalised Gaussian vector.

    References
    ----------
    Y. Cho, L. Saul (2009), Kernel methods for deep learning, NeurIPS.
    M. Belkin, D. Hsu, S. Ma, S. Mandal (2019), Reconciling modern machine-learning practice and the
    classical bias-variance trade-off, PNAS 116(32).
    """

    def __init__(self, n_features: int = 100, random_state: RandomState = None) -> None:
        self.n_features = n_features
        self.random_state = random_state

    def _draw(self, n_dims: int, rng: np.random.Generator) -> tuple:
        vectors = rng.standard_normal((BLOCK, n_dims))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors,)

    def scale(self, n_features: int) -> float:
        """Return N^{-1/2}, the factor that ``transform`` applies.

        Parameters
        ----------
        n_features : int
            The width N.

        Returns
        -------
        float
            The factor.
        """
        return check_int(n_features, "n_features") ** -0.5

    def _activate(self, angles: NDArray, parameters: tuple, out: NDArray) -> None:
        np.maximum(angles, 0, out=out)
