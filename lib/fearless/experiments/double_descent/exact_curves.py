"""Simulations of least squares of minimum norm at finite size, beside their exact curves.

The Gaussian and the Fourier model of Belkin, Hsu and Xu (`fearless.theory.least_squares`), and what
happens when the rows of the Gaussian one are stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import fft
from scipy.stats import unitary_group

from fearless._validation import (
    as_generator,
    check_int,
    check_option,
    check_positive,
    check_vector,
    check_widths,
)
from fearless.experiments.statistics import mean_and_error

__all__ = [
    "GaussianCurves",
    "TailSample",
    "decaying_signal",
    "fourier_curves",
    "gaussian_curves",
    "hill_exponent",
    "mean_and_error",
    "radii_ratio",
    "variance_tails",
]


@dataclass(frozen=True)
class GaussianCurves:
    """Fits of the Gaussian model with p = 0, ..., d coordinates, for any level of the noise.

    A fit is linear in its targets, so that every square is ``a + 2 s b + s^2 c`` in the standard
    deviation s of the noise. The arrays have shape (draws, sizes, 3), with a, b, c last.

    Attributes
    ----------
    n_samples : int
    sizes : ndarray of int
        The numbers p of fitted coordinates.
    fitted : ndarray of shape (draws, sizes)
        Share of the signal's energy in the fitted coordinates.
    distances : ndarray
        Squared distance of the coefficients to the truth, all d coordinates.
    square_norms : ndarray
        Squared norm of the coefficients.
    residuals : ndarray
        Mean squared residual on the training set.
    """

    n_samples: int
    sizes: np.ndarray
    fitted: np.ndarray
    distances: np.ndarray
    square_norms: np.ndarray
    residuals: np.ndarray

    def risk(self, noise: float) -> np.ndarray:
        """Squared error on new samples, exact for each training set.

        Parameters
        ----------
        noise : float
            The variance of the noise.

        Returns
        -------
        ndarray of shape (draws, sizes)
        """
        return self.at(noise, "distances") + noise

    def at(self, noise: float, name: str) -> np.ndarray:
        """One of the three squares at a level of the noise.

        Parameters
        ----------
        noise : float
            The variance of the noise.
        name : {"distances", "square_norms", "residuals"}

        Returns
        -------
        ndarray of shape (draws, sizes)
        """
        s = check_positive(noise, "noise", allow_zero=True) ** 0.5
        check_option(name, "name", ("distances", "square_norms", "residuals"))
        return getattr(self, name) @ np.array([1.0, 2 * s, s * s])

    def away(self, distance: int) -> np.ndarray:
        """Mask of the sizes at least so far from the threshold p = n.

        Parameters
        ----------
        distance : int

        Returns
        -------
        ndarray of bool
        """
        return np.abs(self.sizes - self.n_samples) >= distance


@dataclass(frozen=True)
class TailSample:
    """Variances of minimum-norm fits near the threshold, one row a number of coordinates.

    Attributes
    ----------
    n_samples : int
    sizes : ndarray of int
    values : ndarray of shape (sizes, draws)
        ``tr (X X^T)^+``, the risk per unit of noise variance, sorted.
    """

    n_samples: int
    sizes: np.ndarray
    values: np.ndarray


def decaying_signal(d: int) -> np.ndarray:
    """Coefficients proportional to 1, 1/2, ..., 1/d, of length one.

    Parameters
    ----------
    d : int

    Returns
    -------
    ndarray of shape (d,)
    """
    beta = 1 / np.arange(1, check_int(d, "d") + 1)
    return beta / np.linalg.norm(beta)


def gaussian_curves(
    n: int,
    beta: np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    *,
    order: str = "random",
    n_draws: int = 400,
    random_state: int | np.random.Generator | None = 0,
) -> GaussianCurves:
    """Fit least squares of minimum norm on p of d Gaussian inputs, for every p asked.

    Parameters
    ----------
    n : int
        Samples.
    beta : array-like of shape (d,)
        The true coefficients.
    sizes : sequence of int
        The numbers p >= 1 of fitted coordinates, increasing, at most d.
    order : {"random", "given"}
        Whether a draw fits a random set of coordinates or the first p of them.
    n_draws : int
        Training sets.
    random_state : None, int or Generator

    Returns
    -------
    GaussianCurves

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    n, n_draws = check_int(n, "n"), check_int(n_draws, "n_draws")
    beta = check_vector(beta, "beta")
    sizes = check_widths(sizes, "sizes", maximum=len(beta))
    check_option(order, "order", ("random", "given"))
    rng = as_generator(random_state)
    d = len(beta)
    truth = np.tile(beta, (n_draws, 1))
    if order == "random":
        truth = rng.permuted(truth, axis=1)
    X = rng.standard_normal((n_draws, n, d))
    targets = np.stack(
        [np.einsum("rnd,rd->rn", X, truth), rng.standard_normal((n_draws, n))], axis=2
    )
    columns: dict[str, list[np.ndarray]] = {"distances": [], "square_norms": [], "residuals": []}
    for p in sizes:
        coefficients = min_norm_stack(X[:, :, :p], targets)
        errors = coefficients.copy()
        errors[:, :, 0] -= truth[:, :p]
        left_out = np.sum(truth[:, p:] ** 2, axis=1)
        distances = _squares(errors)
        distances[:, 0] += left_out
        columns["distances"].append(distances)
        columns["square_norms"].append(_squares(coefficients))
        columns["residuals"].append(_squares(targets - X[:, :, :p] @ coefficients) / n)
    fitted = np.cumsum(truth**2, axis=1)[:, sizes - 1]
    return GaussianCurves(
        n, sizes, fitted, **{name: np.stack(rows, axis=1) for name, rows in columns.items()}
    )


def fourier_curves(
    n: int,
    d: int,
    sizes: Sequence[int] | np.ndarray,
    *,
    ensemble: str = "fourier",
    n_draws: int = 100,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Squared distance to the signal when p columns of a unitary matrix are fitted on n rows.

    Every draw has a signal in a random direction of C^d, of mean square length one, and its own
    rows and columns.

    Parameters
    ----------
    n : int
        Rows seen, at most d.
    d : int
        Size of the matrix. For the Fourier matrix take a prime: then all its square submatrices
        are invertible.
    sizes : sequence of int
        Numbers p >= 1 of fitted columns, increasing, at most d.
    ensemble : {"fourier", "haar"}
        The discrete Fourier transform, or a uniformly random unitary matrix a draw.
    n_draws : int
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (draws, sizes)

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    d = check_int(d, "d")
    n, n_draws = check_int(n, "n", maximum=d), check_int(n_draws, "n_draws")
    sizes = check_widths(sizes, "sizes", maximum=d)
    check_option(ensemble, "ensemble", ("fourier", "haar"))
    rng = as_generator(random_state)
    transform = fft(np.eye(d), norm="ortho")
    rows = np.empty((n_draws, n, d), dtype=complex)
    for row in rows:
        matrix = transform if ensemble == "fourier" else unitary_group.rvs(d, random_state=rng)
        row[:] = matrix[rng.permutation(d)[:n]][:, rng.permutation(d)]
    shape = (n_draws, d, 1)
    beta = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2 * d)
    targets = rows @ beta
    risks = []
    for p in sizes:
        errors = -beta
        errors[:, :p] += min_norm_stack(rows[:, :, :p], targets)
        risks.append(np.sum(np.abs(errors[:, :, 0]) ** 2, axis=1))
    return np.stack(risks, axis=1)


def variance_tails(
    n: int,
    sizes: Sequence[int] | np.ndarray,
    *,
    n_draws: int = 20_000,
    random_state: int | np.random.Generator | None = 0,
) -> TailSample:
    """Sample the risk per unit of noise variance of Gaussian fits close to the threshold.

    Parameters
    ----------
    n : int
        Samples.
    sizes : sequence of int
        Numbers p of fitted coordinates, increasing.
    n_draws : int
    random_state : None, int or Generator

    Returns
    -------
    TailSample

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    n, n_draws = check_int(n, "n"), check_int(n_draws, "n_draws")
    sizes = check_widths(sizes, "sizes")
    rng = as_generator(random_state)
    values = np.empty((len(sizes), n_draws))
    for row, p in zip(values, sizes, strict=True):
        singular = np.linalg.svd(rng.standard_normal((n_draws, n, p)), compute_uv=False)
        row[:] = np.sort(np.sum(singular**-2.0, axis=1))
    return TailSample(n, sizes, values)


def hill_exponent(values: np.ndarray, n_largest: int) -> tuple[float, float]:
    r"""Estimate the exponent of a tail :math:`\Pr(v > t) \sim c t^{-\alpha}` by Hill's estimator.

    The reciprocal of the mean logarithm of the largest values over the next one.

    Parameters
    ----------
    values : array-like of shape (m,)
        Positive numbers.
    n_largest : int
        How many of them are in the tail.

    Returns
    -------
    exponent, stderr : float
        The estimate and its asymptotic standard error, the estimate over ``sqrt(n_largest)``.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    ordered = np.sort(check_vector(values, "values"))
    k = check_int(n_largest, "n_largest", maximum=len(ordered) - 1)
    check_positive(float(ordered[-k - 1]), "values")
    if ordered[-1] == ordered[-k - 1]:
        raise ValueError(f"values has its {k + 1} largest entries tied; expected a spread tail")
    exponent = 1 / np.mean(np.log(ordered[-k:] / ordered[-k - 1]))
    return float(exponent), float(exponent / k**0.5)


def radii_ratio(
    n: int,
    p: int,
    square_radii: Sequence[float],
    *,
    n_draws: int = 200,
    random_state: int | np.random.Generator | None = 0,
) -> np.ndarray:
    """Variance of the interpolant when each Gaussian row is stretched, over the one when not.

    A stretch multiplies a whole row by the root of one of ``square_radii``, chosen at random. If
    these have mean one, the covariance of the inputs stays the identity.

    Parameters
    ----------
    n, p : int
        Samples and coordinates, p > n.
    square_radii : sequence of float
        Positive numbers.
    n_draws : int
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (draws,)
        ``tr (X X^T)^{-1}`` over its mean n / (p - n - 1) for Gaussian rows.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    n = check_int(n, "n")
    p = check_int(p, "p", minimum=n + 2)
    radii = check_vector(square_radii, "square_radii")
    if radii.min() <= 0:
        raise ValueError(f"square_radii contains {radii.min():g}; expected numbers > 0")
    rng = as_generator(random_state)
    X = rng.standard_normal((check_int(n_draws, "n_draws"), n, p))
    X *= np.sqrt(rng.choice(radii, size=X.shape[:2]))[:, :, None]
    singular = np.linalg.svd(X, compute_uv=False)
    return np.sum(singular**-2.0, axis=1) * (p - n - 1) / n


def min_norm_stack(A: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Solve a stack of full-rank least-squares problems for the solutions of least norm.

    One QR factorisation each, several times cheaper than the singular values of ``pinv``.

    Parameters
    ----------
    A : ndarray of shape (draws, n, p)
    targets : ndarray of shape (draws, n, k)

    Returns
    -------
    ndarray of shape (draws, p, k)
    """
    n, p = A.shape[1:]
    if p <= n:
        q, r = np.linalg.qr(A)
        return np.linalg.solve(r, np.swapaxes(q, 1, 2).conj() @ targets)
    q, r = np.linalg.qr(np.swapaxes(A, 1, 2).conj())
    return q @ np.linalg.solve(np.swapaxes(r, 1, 2).conj(), targets)


def _squares(vectors: np.ndarray) -> np.ndarray:
    """Inner products (a a, a b, b b) of the two columns of each of a stack of matrices."""
    gram = np.swapaxes(vectors, 1, 2) @ vectors
    return np.stack([gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]], axis=1)
