r"""How much a batch is worth: mini-batch SGD on a quadratic loss that can be fitted exactly.

The loss is L(w) = (1/2n) sum_i (<w, x_i> - y_i)^2, with solutions that fit every sample. Its
Hessian has eigenvalues lambda_1 >= ... >= lambda_n (the last one is the smallest above zero), and
beta = max_i ||x_i||^2. For a kernel machine the x_i are the functions K(x_i, .), the lambdas are
eigenvalues of K_XX / n, and beta = max_x K(x, x).

References
----------
S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation: understanding the effectiveness of
SGD in modern over-parametrized learning, ICML.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_positive, check_vector

__all__ = [
    "batch_speedup",
    "critical_batch_size",
    "optimal_step_size",
    "sgd_rate",
]


def critical_batch_size(norm: float, largest: float, smallest: float = 0.0) -> float:
    r"""Compute the batch size up to which one more sample is worth as much as the first.

    .. math:: m^* = \frac{\beta}{\lambda_1 - \lambda_n} + 1

    Parameters
    ----------
    norm : float
        The largest squared norm beta of a sample.
    largest, smallest : float
        The eigenvalues lambda_1 and lambda_n; lambda_n may be 0, its limit.

    Returns
    -------
    float
        m*, infinite where all eigenvalues are equal.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Solving a million equations fast".

    References
    ----------
    S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation, ICML.

    Examples
    --------
    >>> critical_batch_size(1.0, 0.25)
    5.0
    """
    norm, largest, smallest = _check_spectrum(norm, largest, smallest)
    return norm / (largest - smallest) + 1 if largest > smallest else math.inf


def optimal_step_size(
    batch_size: float, norm: float, largest: float, smallest: float = 0.0
) -> float:
    r"""Compute the step size at which mini-batch SGD converges fastest, in the worst case.

    .. math::

        \eta^*(m) = \frac{m}{\beta + (m - 1) \lambda_n} \quad (m \le m^*), \qquad
        \eta^*(m) = \frac{2 m}{\beta + (m - 1)(\lambda_1 + \lambda_n)} \quad (m > m^*)

    Parameters
    ----------
    batch_size : float
        The number m >= 1 of samples in a batch; infinity gives gradient descent.
    norm : float
        The largest squared norm beta of a sample.
    largest, smallest : float
        The eigenvalues lambda_1 and lambda_n.

    Returns
    -------
    float
        eta, for steps along the mean gradient of the batch.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Solving a million equations fast".

    References
    ----------
    S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation, ICML.

    Examples
    --------
    >>> optimal_step_size(4, 1.0, 0.25)
    4.0
    >>> optimal_step_size(float("inf"), 1.0, 0.25)
    8.0
    """
    norm, largest, smallest = _check_spectrum(norm, largest, smallest)
    m = _check_batch(batch_size)
    small = m <= critical_batch_size(norm, largest, smallest)
    numerator, slope = (1, smallest) if small else (2, largest + smallest)
    if math.isinf(m):
        return numerator / slope if slope > 0 else math.inf
    return numerator * m / (norm + (m - 1) * slope)


def sgd_rate(
    batch_size: float,
    norm: float,
    largest: float,
    smallest: float,
    step_size: float | None = None,
) -> float:
    r"""Compute the factor by which a step of mini-batch SGD shrinks the mean squared distance.

    .. math::

        g(m, \eta) = \max_{\lambda \in \{\lambda_1, \lambda_n\}}
        (1 - \eta \lambda)^2 + \frac{\eta^2 \lambda}{m} (\beta - \lambda)

    Parameters
    ----------
    batch_size : float
        The number m >= 1 of samples in a batch, drawn with replacement.
    norm : float
        The largest squared norm beta of a sample.
    largest, smallest : float
        The eigenvalues lambda_1 and lambda_n.
    step_size : float, optional
        eta; the best one by default.

    Returns
    -------
    float
        The worst case over all samples with these three numbers; attained along eigenvectors when
        all samples have the norm beta.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Solving a million equations fast".

    References
    ----------
    S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation, ICML.

    Examples
    --------
    >>> round(sgd_rate(1, 1.0, 0.25, 0.01), 6)
    0.99
    """
    norm, largest, smallest = _check_spectrum(norm, largest, smallest)
    m = _check_batch(batch_size)
    eta = None if step_size is None else check_positive(step_size, "step_size")
    return 1 + _change(m, norm, largest, smallest, eta)


def batch_speedup(
    batch_size: ArrayLike, norm: float, largest: float, smallest: float
) -> NDArray[np.float64]:
    r"""Compute how many steps with one sample a step with a batch is worth.

    .. math:: s(m) = \frac{\log g^*(m)}{\log g^*(1)}, \qquad g^*(m) = \min_\eta g(m, \eta)

    It is close to m up to the critical batch size m*, and never much more than 4 m*.

    Parameters
    ----------
    batch_size : array-like of shape (j,)
        Batch sizes m.
    norm : float
        The largest squared norm beta of a sample.
    largest, smallest : float
        The eigenvalues lambda_1 > lambda_n > 0.

    Returns
    -------
    ndarray of shape (j,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(j). Used in the section "Solving a million equations fast".

    References
    ----------
    S. Ma, R. Bassily, M. Belkin (2018), The power of interpolation, ICML.

    Examples
    --------
    >>> batch_speedup([1, 4, 1000], 1.0, 0.25, 1e-4).round(2)
    array([ 1.  ,  4.  , 15.89])
    """
    check_positive(smallest, "smallest")
    norm, largest, smallest = _check_spectrum(norm, largest, smallest)
    sizes = [_check_batch(float(m)) for m in check_vector(batch_size, "batch_size")]
    changes = np.array([_change(m, norm, largest, smallest) for m in [1.0, *sizes]])
    if changes[0] <= -1:
        raise ValueError(
            f"norm and smallest are both {norm!r}: one step with one sample solves the problem, so "
            "that there is nothing to speed up; expected smallest < norm"
        )
    with np.errstate(divide="ignore"):  # infinite where a step with a batch is the last one
        logs = np.log1p(np.maximum(changes, -1))
    return logs[1:] / logs[0]


def _change(
    m: float, norm: float, largest: float, smallest: float, eta: float | None = None
) -> float:
    """Return g - 1, which keeps its digits where g is close to 1."""
    values = [largest, smallest]
    if eta is None:
        eta = optimal_step_size(m, norm, largest, smallest)
        values = [smallest]  # the slowest at the best step, alone or together with the largest
    return max(eta * value * (eta * (value + (norm - value) / m) - 2) for value in values)


def _check_spectrum(norm: float, largest: float, smallest: float) -> tuple[float, float, float]:
    norm = check_positive(norm, "norm")
    largest = check_positive(largest, "largest")
    smallest = check_positive(smallest, "smallest", allow_zero=True)
    if not smallest <= largest <= norm * (1 + 1e-6):
        raise ValueError(
            f"smallest, largest and norm are {smallest!r}, {largest!r} and {norm!r}; expected "
            "smallest <= largest <= norm"
        )
    return norm, largest, smallest


def _check_batch(batch_size: float) -> float:
    if isinstance(batch_size, float | np.floating) and math.isinf(batch_size) and batch_size > 0:
        return math.inf
    batch_size = check_positive(batch_size, "batch_size")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; expected at least 1")
    return batch_size
