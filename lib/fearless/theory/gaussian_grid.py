r"""The Gaussian kernel on a regular grid: what noise costs, in closed form.

For points at i h the matrix of :math:`e^{-(x - z)^2 / (2 s^2)}` is a Vandermonde matrix up to
diagonal factors, and its Cholesky factor has entries in closed form. With
:math:`p = e^{-h^2 / s^2}` the squared distance of the kernel function of the i-th point (from 0)
to the span of those before, and the coefficients of the j-th one in that difference, are

.. math::
    P_i^2 = \prod_{k=1}^{i} (1 - p^k), \qquad
    c_{ij} = (-1)^{i-j} \, p^{(i-j)/2} \binom{i}{j}_p ,

with Gauss's binomial coefficients. The matrix itself has no correct digit in double precision from
some dozens of points on; these formulas have positive terms only and lose none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from fearless._validation import check_int, check_positive

__all__ = ["gaussian_grid_noise", "gaussian_grid_power"]


def gaussian_grid_power(n: int, step: float, bandwidth: float) -> NDArray[np.float64]:
    r"""Compute the squared power function of a grid at its next point, in logarithms.

    .. math:: \ln P_i^2 = \sum_{k=1}^{i} \ln\bigl(1 - e^{-k h^2 / s^2}\bigr), \qquad i < n.

    A surprise of size one at the i-th point, given the points before, adds :math:`1 / P_i^2` to
    the squared norm of the interpolant.

    Parameters
    ----------
    n : int
        Number of points.
    step : float
        The distance h > 0 of neighbours.
    bandwidth : float
        The length s > 0 of the kernel exp(-r^2 / (2 s^2)).

    Returns
    -------
    ndarray of shape (n,)
        Natural logarithms of P_0^2 = 1, ..., P_{n-1}^2, descending.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n). Used in the section "Kernel machines interpolate".

    Examples
    --------
    >>> gaussian_grid_power(3, 1.0, 1.0).round(4)
    array([ 0.    , -0.4587, -0.6041])
    """
    k = np.arange(1, check_int(n, "n"))
    rate = _rate(step, bandwidth)
    return np.concatenate([[0.0], np.cumsum(np.log(-np.expm1(-k * rate)))])


def gaussian_grid_noise(n: int, step: float, bandwidth: float) -> NDArray[np.float64]:
    r"""Compute what fitted noise adds to the squared norm on a grid, in logarithms.

    For labels of independent noise of variance one the interpolant of m points has

    .. math::
        \operatorname{E} \|f_m\|^2 = \operatorname{tr} K_{XX}^{-1}
        = \sum_{i < m} \frac{1}{P_i^2} \sum_{j \le i} p^{i - j} \binom{i}{j}_p^2 .

    On a product grid of :math:`m^d` points the matrix is a Kronecker product, and the trace is the
    d-th power of this one.

    Parameters
    ----------
    n, step, bandwidth
        As in `gaussian_grid_power`.

    Returns
    -------
    ndarray of shape (n,)
        Natural logarithms of the trace for the first 1, ..., n points.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n^2); relative error of the logarithm about n eps. Used in the section "Kernel machines
    interpolate".

    Examples
    --------
    >>> gaussian_grid_noise(2, 1.0, 1.0).round(4)  # tr K^-1 = 2 / (1 - exp(-1))
    array([0.    , 1.1518])
    """
    power = gaussian_grid_power(n, step, bandwidth)  # also ln of the product in the binomials
    i = np.arange(len(power))
    # (i choose j)_p = prod_{k <= i} (1 - p^k) over the same up to j and up to i - j
    lag = i[:, None] - i
    binomial = power[:, None] - power - power[np.maximum(lag, 0)]
    terms = 2 * binomial - lag * _rate(step, bandwidth)
    rows = logsumexp(np.where(lag >= 0, terms, -np.inf), axis=1) - power
    return np.logaddexp.accumulate(rows)


def _rate(step: float, bandwidth: float) -> float:
    """Return h^2 / s^2 = -ln p, where its digits are left; far points are at most 1e6 apart."""
    ratio = check_positive(step, "step") / check_positive(bandwidth, "bandwidth")
    if ratio < 1e-150:
        raise ValueError(f"step / bandwidth is {ratio:.1e}; expected at least 1e-150")
    return min(ratio, 1e3) ** 2  # exp(-1e6) is zero
