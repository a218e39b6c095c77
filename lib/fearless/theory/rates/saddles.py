r"""How long it takes to leave a saddle point, and how many samples to arrive at a minimum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from fearless._validation import check_int, check_matrix, check_option, check_positive
from fearless.theory._arrays import check_range

__all__ = [
    "escape_steps",
    "perturbed_escape_share",
    "perturbed_escape_steps",
    "stated_exponent",
    "strong_growth_bound",
    "valley_exponent",
]

_METHODS = ("gradient", "cubic")


def strong_growth_bound(X: ArrayLike) -> float:
    r"""Compute a constant of the strong growth condition that only depends on the inputs.

    .. math:: \frac1n \sum_i \|\nabla \ell_i\|^2 \le \rho \|\nabla L\|^2, \qquad
        \rho = \frac{\max_i \|x_i\|^2}{\lambda_n(X X^\top / n)} .

    It holds at all weights, saddle points included, for every loss whose samples depend on the
    weights W through W x_i only: linear models, and networks of which the first layer is trained.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Inputs, one a row.

    Returns
    -------
    float
        rho; infinite for linearly dependent inputs, as for all n > d.

    Raises
    ------
    TypeError, ValueError
        X is not as described.

    Notes
    -----
    Cost O(n^2 d). Smallest eigenvalues below ``eps n`` times the largest are taken for zeros. Used
    in the section "Escaping saddle points".

    References
    ----------
    S. Vaswani, F. Bach, M. Schmidt (2019), Fast and faster convergence of SGD for
    over-parameterized models and an accelerated perceptron, AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> strong_growth_bound(np.eye(3))
    3.0
    """
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    lengths = np.array([math.hypot(*row) for row in X])
    if not lengths.any():
        return math.inf
    X = X / lengths.max()  # the constant does not depend on the unit of the inputs
    values = np.linalg.eigvalsh(X @ X.T)
    if values[0] <= np.finfo(float).eps * len(X) * values[-1]:
        return math.inf
    return float(len(X) * np.max(np.sum(X**2, axis=1)) / values[0])


def escape_steps(
    curvature: ArrayLike, step_size: ArrayLike, start: ArrayLike, end: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute the steps of gradient descent from one distance from a saddle to another.

    .. math:: T = \frac{\log(\Delta / \Delta_0)}{\log(1 + \eta |\lambda_{\min}|)} .

    Parameters
    ----------
    curvature : array-like
        :math:`|\lambda_{\min}|`, of the Hessian at the saddle.
    step_size : array-like
        eta.
    start, end : array-like
        Components of w - saddle along the lowest eigenvector, Delta_0 <= Delta.

    Returns
    -------
    ndarray
        T, not rounded; exact for a quadratic loss.

    Raises
    ------
    ValueError
        An argument is not positive, or the end is nearer than the start.

    Notes
    -----
    Cost O(1) each. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> float(escape_steps(1.0, 1.0, 1.0, 8.0))
    3.0
    """
    curvature, step_size, start, end = _positive(
        curvature=curvature, step_size=step_size, start=start, end=end
    )
    if (end < start).any():
        raise ValueError(f"end is {end!r}, less than start = {start!r}; expected a longer distance")
    return (np.log(end) - np.log(start)) / np.log1p(_growth(curvature, step_size))


def perturbed_escape_steps(
    curvature: ArrayLike,
    step_size: ArrayLike,
    radius: ArrayLike,
    n_parameters: int,
    end: ArrayLike,
    quantile: float = 0.5,
) -> NDArray[np.float64]:
    r"""Compute the steps of perturbed gradient descent from a saddle point to a distance from it.

    The component along the lowest eigenvector is a sum of perturbations, each grown since, and
    normal with mean zero and variance

    .. math:: \frac{\eta^2 \tau^2}{p} \, \frac{a^{2T} - 1}{a^2 - 1}, \qquad
        a = 1 + \eta |\lambda_{\min}| .

    Parameters
    ----------
    curvature : array-like
        :math:`|\lambda_{\min}|`.
    step_size : array-like
        eta.
    radius : array-like
        tau, the root mean square length of a perturbation.
    n_parameters : int
        p.
    end : array-like
        The distance Delta along the lowest eigenvector.
    quantile : float
        The share of runs, between 0 and 1.

    Returns
    -------
    ndarray
        The T at which this share of runs is further away than Delta; exact for a quadratic loss.
        About :math:`\log(1/\tau) / \log a` for small tau.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1) each. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> round(float(perturbed_escape_steps(1.0, 0.1, 1e-6, 1, 1.0)), 1)
    165.1
    """
    curvature, step_size, radius, end = _positive(
        curvature=curvature, step_size=step_size, radius=radius, end=end
    )
    p = check_int(n_parameters, "n_parameters")
    quantile = check_positive(quantile, "quantile")
    if quantile >= 1:
        raise ValueError(f"quantile is {quantile}; expected a number between 0 and 1")
    normal = -float(ndtri(quantile / 2))  # exceeded by the modulus with this probability
    x = _growth(curvature, step_size)
    kicks = np.log(end) + np.log(p) / 2 - np.log(normal) - np.log(step_size) - np.log(radius)
    return np.logaddexp(0, 2 * kicks + np.log(x * (2 + x))) / (2 * np.log1p(x))


def perturbed_escape_share(
    steps: ArrayLike,
    curvature: ArrayLike,
    step_size: ArrayLike,
    radius: ArrayLike,
    n_parameters: int,
    end: ArrayLike,
) -> NDArray[np.float64]:
    r"""Compute the share of perturbed runs that are further than a distance from their saddle.

    Parameters
    ----------
    steps : array-like
        T >= 0.
    curvature, step_size, radius, n_parameters, end
        As for `perturbed_escape_steps`, of which this is the inverse.

    Returns
    -------
    ndarray
        The probability that a normal number of the variance given there exceeds Delta in modulus.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1) each. Used in the section "Escaping saddle points".

    Examples
    --------
    >>> round(float(perturbed_escape_share(165.1, 1.0, 0.1, 1e-6, 1, 1.0)), 2)
    0.5
    """
    curvature, step_size, radius, end = _positive(
        curvature=curvature, step_size=step_size, radius=radius, end=end
    )
    p = check_int(n_parameters, "n_parameters")
    steps = check_range(steps, "steps")
    x = _growth(curvature, step_size)
    with np.errstate(divide="ignore", over="ignore"):
        variance = np.expm1(2 * steps * np.log1p(x)) / (x * (2 + x))
        return 2 * ndtr(-end * np.sqrt(p) / (step_size * radius * np.sqrt(variance)))


def stated_exponent(method: str, *, strong_growth: bool) -> float:
    r"""Return the k in the bound :math:`\tilde O(\epsilon^{-k})` on the samples to be looked at.

    Parameters
    ----------
    method : {"gradient", "cubic"}
        Perturbed SGD, or Newton's method with cubic regularisation on batches.
    strong_growth : bool
        Under the strong growth condition, or only with noise of bounded variance.

    Returns
    -------
    float
        2 and 4 for gradients, 2.5 and 3.5 for the cubic method.

    Raises
    ------
    ValueError
        There is no such method.

    Notes
    -----
    Steps times batch: :math:`\epsilon^{-2}` steps for gradients and :math:`\epsilon^{-3/2}` for
    the cubic method; batches of order one under strong growth and of order
    :math:`\epsilon^{-2}` without it, and :math:`\epsilon^{-1}` for Hessians, always. Used in the
    section "Escaping saddle points".

    References
    ----------
    A. Roy, K. Balasubramanian, S. Ghadimi, P. Mohapatra (2020), Escaping saddle-point faster under
    interpolation-like conditions, NeurIPS; C. Jin et al. (2021), Journal of the ACM 68(2), and
    N. Tripuraneni et al. (2018), NeurIPS, without strong growth.

    Examples
    --------
    >>> stated_exponent("gradient", strong_growth=True)
    2.0
    """
    method = check_option(method, "method", _METHODS)
    return _with_batch(2.0 if method == "gradient" else 1.5, method, strong_growth)


def valley_exponent(method: str, power: float, *, strong_growth: bool) -> float:
    r"""Compute the same exponent for a valley where the loss falls like :math:`\|w\|^{-q}`.

    With z the distance from the start, steps of gradient descent are of length
    :math:`z^{-q-1}`, and those of the cubic method, which takes the square root of the gradient,
    of length :math:`z^{-(q+1)/2}`. Until the gradient is :math:`z^{-q-1} = \epsilon` that makes
    :math:`\epsilon^{-k}` steps with

    .. math:: k = \frac{q + 2}{q + 1}, \qquad k = \frac{q + 3}{2 (q + 1)} .

    Parameters
    ----------
    method : {"gradient", "cubic"}
        As for `stated_exponent`.
    power : float
        q > 0.
    strong_growth : bool
        As for `stated_exponent`, with the same batches.

    Returns
    -------
    float
        The exponent; that of `stated_exponent` in the limit q = 0.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Escaping saddle points".

    Examples
    --------
    >>> valley_exponent("gradient", 1.0, strong_growth=True)
    1.5
    """
    method = check_option(method, "method", _METHODS)
    q = check_positive(power, "power")
    steps = (q + 2) / (q + 1) if method == "gradient" else (q + 3) / (2 * (q + 1))
    return _with_batch(steps, method, strong_growth)


def _with_batch(steps: float, method: str, strong_growth: bool) -> float:
    """Add the exponent of the larger batch."""
    if not strong_growth:
        return steps + 2
    return steps if method == "gradient" else steps + 1


def _growth(curvature: NDArray, step_size: NDArray) -> NDArray[np.float64]:
    """Return a - 1 = eta |lambda_min|, which keeps its digits where a is close to 1."""
    x = np.asarray(step_size * curvature)
    if not ((x > 0) & (x < 1e100)).all():
        raise ValueError(f"step_size * curvature is {x!r}; expected numbers above 0, below 1e100")
    return x


def _positive(**values: ArrayLike) -> list[NDArray[np.float64]]:
    return [check_range(value, name, allow_zero=False) for name, value in values.items()]
