"""Kernel interpolation on a line with as many digits as it takes, and with sixteen.

The Gaussian kernel's matrices lose about one decimal digit for every sample added to an interval.
In double precision interpolation therefore fails after a few dozen samples. Here it is carried out
in software arithmetic, so that the norms the theory speaks of can be measured.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fearless._validation import check_int, check_positive, check_probability, check_vector
from fearless.exceptions import IllConditionedWarning
from fearless.kernels import GaussianKernel, Kernel, LaplacianKernel
from fearless.machines import KernelMachine

__all__ = ["ExactInterpolant", "LineFits", "exact_interpolant", "line_fits", "noisy_steps"]

_MAX_DIGITS = 2000


@dataclass(frozen=True)
class ExactInterpolant:
    """The min-norm interpolant of the first 1, 2, ..., n samples on a line.

    Attributes
    ----------
    log10_norm : ndarray of shape (n,)
        Decimal logarithm of the norm for the first 1, ..., n samples.
    values : ndarray of shape (m,)
        The interpolant of all samples at the points asked for.
    digits : int
        Decimal digits of the arithmetic. More than half of them are left in every pivot.
    """

    log10_norm: np.ndarray
    values: np.ndarray
    digits: int


@dataclass(frozen=True)
class LineFits:
    """What double precision makes of the same samples.

    Attributes
    ----------
    x, y : ndarray of shape (n,)
        The samples.
    grid : ndarray of shape (m,)
    exact, double, laplacian : ndarray of shape (m,)
        Three fits on the grid: Gaussian kernel with enough digits and in double precision,
        Laplacian kernel.
    log10_norm : ndarray of shape (n,)
        Of the exact Gaussian interpolants of the first samples.
    digits : int
        That it took.
    residual : float
        Largest ``|f(x_i) - y_i|`` of the Gaussian machine in double precision.
    double_norm, laplacian_norm : float
        Norms as those two machines report them.
    message : str
        What the Gaussian machine warned of.
    """

    x: np.ndarray
    y: np.ndarray
    grid: np.ndarray
    exact: np.ndarray
    double: np.ndarray
    laplacian: np.ndarray
    log10_norm: np.ndarray
    digits: int
    residual: float
    double_norm: float
    laplacian_norm: float
    message: str

    def error(self, name: str) -> float:
        """Share of the grid on which the sign of a fit is wrong against the clean rule.

        Parameters
        ----------
        name : {"exact", "double", "laplacian"}

        Returns
        -------
        float
        """
        return float(np.mean(np.sign(getattr(self, name)) != np.where(self.grid > 0.5, 1, -1)))


def noisy_steps(n: int, flip: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw uniform points of [0, 1], labelled +1 right of 1/2 and -1 left of it, with flips.

    Parameters
    ----------
    n : int
        How many.
    flip : float
        Probability that a label is the wrong one.
    seed : int

    Returns
    -------
    x, y : ndarray of shape (n,)
    """
    n, flip = check_int(n, "n"), check_probability(flip, "flip")
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=n)
    return x, np.where(x > 0.5, 1.0, -1.0) * np.where(rng.uniform(size=n) < flip, -1.0, 1.0)


def exact_interpolant(
    kernel: Kernel, x: ArrayLike, y: ArrayLike, at: ArrayLike = (), *, digits: int = 50
) -> ExactInterpolant:
    """Interpolate samples on a line in arithmetic with enough decimal digits.

    A Cholesky factorisation ``K = L L^T`` row by row; with ``z = L^{-1} y`` the squared norm for
    the first n samples is ``z_1^2 + ... + z_n^2``, and ``f(t) = (L^{-1} k(t)) . z``. The number of
    digits doubles until more than half of them are left in the smallest pivot.

    Parameters
    ----------
    kernel : GaussianKernel or LaplacianKernel
    x, y : array-like of shape (n,)
        Distinct points and their targets.
    at : array-like of shape (m,)
        Where to evaluate the interpolant.
    digits : int
        With how many to begin.

    Returns
    -------
    ExactInterpolant

    Raises
    ------
    TypeError, ValueError
        A bad argument, named, or points that coincide.

    Notes
    -----
    Cost: ``n^3 / 6 + m n^2 / 2`` multiplications in software, about a microsecond each; seconds for
    n = 200.
    """
    import mpmath

    if not isinstance(kernel, GaussianKernel | LaplacianKernel):
        raise TypeError(f"kernel is {kernel!r}; expected a GaussianKernel or a LaplacianKernel")
    x = check_vector(x, "x").astype(float)
    y = check_vector(y, "y", length=len(x)).astype(float)
    if len(np.unique(x)) < len(x):
        raise ValueError("x contains a point twice; expected distinct points")
    at = check_vector(at, "at").astype(float) if np.size(at) else np.empty(0)
    digits = check_int(digits, "digits", minimum=15)
    while digits <= _MAX_DIGITS:
        with mpmath.workdps(digits):
            rows = _factor_rows(mpmath, kernel, x, digits)
            if rows is not None:
                z = _forward(mpmath, rows, [mpmath.mpf(v) for v in y])
                norms = np.array([float(mpmath.log10(s) / 2) for s in _running_squares(mpmath, z)])
                points = [mpmath.mpf(v) for v in x]
                values = [
                    float(
                        mpmath.fdot(
                            _forward(
                                mpmath,
                                rows,
                                [_value(mpmath, kernel, p - mpmath.mpf(t)) for p in points],
                            ),
                            z,
                        )
                    )
                    for t in at
                ]
                return ExactInterpolant(norms, np.array(values), digits)
        digits *= 2
    raise ValueError(f"x has points too close for {_MAX_DIGITS} digits; expected a larger distance")


def line_fits(
    n: int = 40,
    *,
    flip: float = 0.1,
    bandwidth: float = 0.2,
    n_grid: int = 400,
    seed: int = 0,
) -> LineFits:
    """Fit the same noisy samples exactly and in double precision.

    Parameters
    ----------
    n : int
        Samples, from `noisy_steps`.
    flip : float
        Probability of a wrong label.
    bandwidth : float
        Of both kernels.
    n_grid : int
        Points at which the fits are evaluated.
    seed : int

    Returns
    -------
    LineFits

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.
    """
    bandwidth = check_positive(bandwidth, "bandwidth")
    x, y = noisy_steps(n, flip, seed)
    grid = (np.arange(check_int(n_grid, "n_grid")) + 0.5) / n_grid
    exact = exact_interpolant(GaussianKernel(bandwidth), x, y, grid)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", IllConditionedWarning)
        gaussian = KernelMachine(GaussianKernel(bandwidth)).fit(x[:, None], y)
    laplacian = KernelMachine(LaplacianKernel(bandwidth)).fit(x[:, None], y)
    return LineFits(
        x,
        y,
        grid,
        exact.values,
        gaussian.predict(grid[:, None]),
        laplacian.predict(grid[:, None]),
        exact.log10_norm,
        exact.digits,
        gaussian.residual_ * float(np.abs(y).max()),
        gaussian.norm_,
        laplacian.norm_,
        str(caught[0].message) if caught else "",
    )


def _value(mpmath, kernel, difference):
    scale = mpmath.mpf(kernel.bandwidth)
    if isinstance(kernel, GaussianKernel):
        return mpmath.exp(-((difference / scale) ** 2) / 2)
    return mpmath.exp(-abs(difference) / scale)


def _factor_rows(mpmath, kernel, x, digits):
    """Return the rows of L, or None when a pivot has lost more than half of the digits."""
    points = [mpmath.mpf(v) for v in x]
    least = mpmath.mpf(10) ** (-digits // 2)
    rows = []
    for i, point in enumerate(points):
        column = [_value(mpmath, kernel, point - other) for other in points[:i]]
        row = _forward(mpmath, rows, column)
        pivot = 1 - mpmath.fdot(row, row)
        if pivot < least:
            return None
        rows.append([*row, mpmath.sqrt(pivot)])
    return rows


def _forward(mpmath, rows, right):
    """Solve L v = right for the leading block of L that fits."""
    v = []
    for row, value in zip(rows, right, strict=True):
        v.append((value - mpmath.fdot(row[:-1], v)) / row[-1])
    return v


def _running_squares(mpmath, z):
    total = mpmath.mpf(0)
    for value in z:
        total += value**2
        yield total
