"""Blocks of inputs on different scales: as many peaks, along n or along time, as one likes.

A model whose inputs come in blocks, each with its own variance and its own share of the signal.
When the scales are far apart, every block has an interpolation threshold of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import find_peaks

from fearless._validation import check_int, check_positive, check_vector
from fearless.theory.proportional import LinearRisk, general_risk

__all__ = ["BlockModel", "count_peaks", "geometric_blocks"]


@dataclass(frozen=True)
class BlockModel:
    r"""Linear regression y = <x, beta> + noise, x ~ N(0, Sigma), with Sigma diagonal in blocks.

    Attributes
    ----------
    sizes : tuple of int
        Coordinates p_b of each block.
    scales : tuple of float
        Variance of each coordinate of block b, an eigenvalue of Sigma, > 0.
    energies : tuple of float
        Signal variance of block b, :math:`\sum_i \lambda_i \beta_i^2 \ge 0` over its coordinates,
        which all have the same share.
    noise : float
        The variance sigma^2 >= 0 of the noise.

    Raises
    ------
    TypeError, ValueError
        An attribute is not as described, or lengths differ.
    """

    sizes: tuple[int, ...]
    scales: tuple[float, ...]
    energies: tuple[float, ...]
    noise: float

    def __post_init__(self) -> None:
        sizes = [check_int(size, "an entry of sizes") for size in self.sizes]
        scales = check_vector(self.scales, "scales", length=len(sizes))
        energies = check_vector(self.energies, "energies", length=len(sizes))
        if scales.min() <= 0:
            raise ValueError(f"scales contains {scales.min()}; expected numbers > 0")
        if energies.min() < 0:
            raise ValueError(f"energies contains {energies.min()}; expected numbers >= 0")
        check_positive(self.noise, "noise", allow_zero=True)

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """The variance of every coordinate, of shape (p,)."""
        return np.repeat(np.asarray(self.scales, dtype=float), self.sizes)

    @property
    def coef(self) -> NDArray[np.float64]:
        """The coefficients beta, of shape (p,)."""
        shares = np.asarray(self.energies, dtype=float) / np.asarray(self.sizes)
        return np.sqrt(np.repeat(shares, self.sizes) / self.eigenvalues)

    @property
    def thresholds(self) -> NDArray[np.intp]:
        """p_1, p_1 + p_2, ...: the sample counts at which one more block can be fitted exactly."""
        return np.cumsum(self.sizes)

    def risk(self, n: ArrayLike) -> LinearRisk:
        """Compute the risk of minimum-norm least squares in theory.

        Parameters
        ----------
        n : array-like
            Numbers of samples.

        Returns
        -------
        LinearRisk
            From `fearless.theory.proportional.general_risk`: exact for large blocks.
        """
        return general_risk(self.eigenvalues, n, signal=self.coef**2, noise=self.noise)

    def sample(
        self, n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw n samples.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator

        Returns
        -------
        X : ndarray of shape (n, p)
        y : ndarray of shape (n,)
        """
        X = rng.standard_normal((n, int(np.sum(self.sizes)))) * np.sqrt(self.eigenvalues)
        return X, X @ self.coef + self.noise**0.5 * rng.standard_normal(n)


def geometric_blocks(
    sizes: Sequence[int], gap: float, *, energies: Sequence[float], noise: float
) -> BlockModel:
    """Build blocks whose scales are 1, 1 / gap, 1 / gap^2, ...

    Parameters
    ----------
    sizes : sequence of int
        Coordinates of each block.
    gap : float
        How many times larger the variance of a block is than that of the next one, >= 1.
    energies : sequence of float
        Signal variance of each block.
    noise : float
        The variance of the noise.

    Returns
    -------
    BlockModel

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Used in the section "More data can hurt; more training can hurt".

    Examples
    --------
    >>> model = geometric_blocks((2, 1), 100, energies=(1, 1), noise=0.1)
    >>> model.eigenvalues, model.thresholds
    (array([1.  , 1.  , 0.01]), array([2, 3]))
    """
    gap = check_positive(gap, "gap")
    if gap < 1:
        raise ValueError(f"gap is {gap}; expected at least 1")
    scales = tuple(gap ** -float(b) for b in range(len(sizes)))
    return BlockModel(tuple(sizes), scales, tuple(energies), noise)


def count_peaks(risk: ArrayLike, *, rise: float = 1.05) -> int:
    """Count the peaks of a curve: local maxima that stand out by a factor on both sides.

    Parameters
    ----------
    risk : array-like of shape (m,)
        Positive values in the order of the axis; an infinite one is a peak.
    rise : float
        The curve must rise to a peak, and fall from it, by at least this factor, > 1.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        ``rise`` is not above 1, or a risk is not positive.

    Notes
    -----
    Cost O(m). Used in the section "More data can hurt; more training can hurt".

    Examples
    --------
    >>> count_peaks([3, 2, 4, 1, 2, 1]), count_peaks([3, 2, 1])
    (2, 0)
    """
    if check_positive(rise, "rise") <= 1:
        raise ValueError(f"rise is {rise}; expected a factor > 1")
    risk = np.asarray(risk, dtype=float)
    if risk.ndim != 1 or not np.all(risk > 0):
        raise ValueError("risk has an entry that is not positive, or is no vector")
    levels = np.log(np.minimum(risk, np.finfo(float).max))
    return len(find_peaks(levels, prominence=np.log(rise))[0])
