r"""What momentum is worth on a quadratic: best parameters, rates, and where it stops being stable.

The eigenvalues of the Hessian lie between lambda_n = ``smallest`` and lambda_1 = ``largest``, and
kappa = lambda_1 / lambda_n. A rate is the factor a step by which the distance to the solution
shrinks in the long run.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_option, check_positive, check_vector

__all__ = [
    "chebyshev_bound",
    "mass_time",
    "momentum_limit",
    "momentum_rate",
    "tuned_momentum",
]

_METHODS = ("gradient descent", "Nesterov", "tuned Nesterov", "heavy ball")


def tuned_momentum(method: str, largest: float, smallest: float) -> tuple[float, float]:
    r"""Return the step size and the momentum that suit a spectrum.

    ==================  ===========================  ===========================================
    method              eta                          gamma
    ==================  ===========================  ===========================================
    "gradient descent"  2 / (lambda_1 + lambda_n)    0
    "Nesterov"          1 / lambda_1                 (sqrt(kappa) - 1) / (sqrt(kappa) + 1)
    "tuned Nesterov"    4 / (3 lambda_1 + lambda_n)  (sqrt(3 kappa + 1) - 2)/(sqrt(3 kappa + 1) + 2)
    "heavy ball"        (2 / (sqrt(lambda_1)         ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^2
                        + sqrt(lambda_n)))^2
    ==================  ===========================  ===========================================

    Parameters
    ----------
    method : str
        One of the four.
    largest, smallest : float
        lambda_1 >= lambda_n > 0.

    Returns
    -------
    step_size, momentum : float

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    All but "Nesterov" have the best rate that their two parameters can give on this interval.
    Cost O(1). Used in the section "Acceleration, and how momentum can fail".

    References
    ----------
    L. Lessard, B. Recht, A. Packard (2016), Analysis and design of optimization algorithms via
    integral quadratic constraints, SIAM Journal on Optimization 26.

    Examples
    --------
    >>> tuned_momentum("Nesterov", 1.0, 0.25)
    (1.0, 0.3333333333333333)
    """
    check_option(method, "method", _METHODS)
    largest, smallest = _check_ends(largest, smallest)
    root = math.sqrt(largest / smallest)
    if method == "gradient descent":
        return 2 / (largest + smallest), 0.0
    if method == "Nesterov":
        return 1 / largest, (root - 1) / (root + 1)
    if method == "tuned Nesterov":
        wide = math.sqrt(3 * largest / smallest + 1)
        return 4 / (3 * largest + smallest), (wide - 2) / (wide + 2)
    return 4 / (math.sqrt(largest) + math.sqrt(smallest)) ** 2, ((root - 1) / (root + 1)) ** 2


def momentum_rate(method: str, condition: float) -> float:
    r"""Compute the rate that `tuned_momentum` achieves.

    .. math:: \frac{\kappa - 1}{\kappa + 1}, \qquad 1 - \frac{1}{\sqrt\kappa}, \qquad
        1 - \frac{2}{\sqrt{3 \kappa + 1}}, \qquad \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}

    for the methods in their order.

    Parameters
    ----------
    method : {"gradient descent", "Nesterov", "tuned Nesterov", "heavy ball"}
        Which one.
    condition : float
        kappa >= 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The last one is also the rate of the Chebyshev iteration, and the worst case of conjugate
    gradients. Cost O(1). Used in the section "Acceleration, and how momentum can fail".

    References
    ----------
    L. Lessard, B. Recht, A. Packard (2016), Analysis and design of optimization algorithms via
    integral quadratic constraints, SIAM Journal on Optimization 26.

    Examples
    --------
    >>> round(momentum_rate("heavy ball", 100.0), 6)
    0.818182
    """
    check_option(method, "method", _METHODS)
    kappa = _check_condition(condition)
    root = math.sqrt(kappa)
    return {
        "gradient descent": (kappa - 1) / (kappa + 1),
        "Nesterov": 1 - 1 / root,
        "tuned Nesterov": 1 - 2 / math.sqrt(3 * kappa + 1),
        "heavy ball": (root - 1) / (root + 1),
    }[method]


def chebyshev_bound(steps: ArrayLike, condition: float) -> NDArray[np.float64]:
    r"""Compute how far the best polynomial of degree t can bring the error down.

    .. math:: \frac{1}{T_t\bigl(\frac{\kappa + 1}{\kappa - 1}\bigr)} = \frac{2 q^t}{1 + q^{2t}},
        \qquad q = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}

    It bounds the error of the Chebyshev iteration, and of conjugate gradients in the energy norm,
    relative to that at the start. No method that only takes gradients is better on all quadratics.

    Parameters
    ----------
    steps : array-like of shape (j,)
        Numbers t of gradients.
    condition : float
        kappa >= 1.

    Returns
    -------
    ndarray of shape (j,)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(j). Used in the section "Acceleration, and how momentum can fail".

    References
    ----------
    G. H. Golub, R. S. Varga (1961), Chebyshev semi-iterative methods, Numerische Mathematik 3.

    Examples
    --------
    >>> chebyshev_bound([0, 20], 100.0).round(6)
    array([1.      , 0.036131])
    """
    times = check_vector(steps, "steps").astype(float)
    if times.min() < 0:
        raise ValueError(f"steps contains {times.min():g}; expected numbers >= 0")
    root = math.sqrt(_check_condition(condition))
    power = ((root - 1) / (root + 1)) ** times
    return 2 * power / (1 + power**2)


def momentum_limit(method: str, momentum: float, noise: float = 1.0) -> float:
    r"""Compute eta lambda at which a method stops being stable along an eigenvector.

    With the exact gradient the limits are 2, 2 (1 + gamma), and 2 (1 + gamma) / (1 + 2 gamma). With
    a random gradient h u, E h = lambda and E h^2 = q lambda^2, second moments are bounded up to

    .. math:: \eta\lambda = \frac{2}{q}, \qquad
        \eta\lambda = \frac{2 (1 - \gamma)}{q - 1 + (1 - \gamma)/(1 + \gamma)}

    for gradient descent and the heavy ball, and for Nesterov's method up to the positive root of

    .. math:: q \gamma (1 + 2\gamma) x^2 + (q (1 + \gamma) - 2 \gamma (1 + 2\gamma)) x
        - 2 (1 - \gamma^2) = 0 .

    Parameters
    ----------
    method : {"gradient descent", "heavy ball", "Nesterov"}
        Which one.
    momentum : float
        gamma, at least 0 and below 1; 0 for gradient descent.
    noise : float
        q >= 1; one is the exact gradient.

    Returns
    -------
    float
        The limit: smaller steps are stable, in the largest eigenvalue and then in all.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The second moments of z are multiplied by a matrix that maps non-negative matrices to
    non-negative ones. Its spectral radius is therefore an eigenvalue, and stability ends where 1
    becomes one. Cost O(1). Used in the sections "Acceleration, and how momentum can fail" and "Big
    steps".

    Examples
    --------
    >>> round(momentum_limit("heavy ball", 0.9), 6), round(momentum_limit("Nesterov", 0.9), 4)
    (3.8, 1.3571)
    >>> round(momentum_limit("Nesterov", 0.9, noise=6), 4)
    0.0531
    """
    check_option(method, "method", ("gradient descent", "heavy ball", "Nesterov"))
    gamma = check_positive(momentum, "momentum", allow_zero=True)
    if gamma >= 1 or (gamma > 0 and method == "gradient descent"):
        raise ValueError(
            f"momentum is {momentum}; expected a number in [0, 1), and 0 for gradient descent"
        )
    q = check_positive(noise, "noise")
    if q < 1:
        raise ValueError(f"noise is {noise}; expected E h^2 / (E h)^2, at least 1")
    if method == "gradient descent":
        return 2 / q
    if method == "heavy ball":
        return 2 * (1 - gamma) / (q - 1 + (1 - gamma) / (1 + gamma))
    a = q * gamma * (1 + 2 * gamma)
    b = q * (1 + gamma) - 2 * gamma * (1 + 2 * gamma)
    c = 2 * (1 - gamma**2)
    root = math.sqrt(b * b + 4 * a * c)
    # Of the two forms of the root, the one that does not cancel.
    return 2 * c / (b + root) if b >= 0 else (root - b) / (2 * a)


def mass_time(
    norm: float, largest: float, smallest: float, statistical: float, batch_size: float = 1
) -> float:
    r"""Compute the number S of steps in which MaSS reduces the mean squared error e-fold, at most.

    .. math:: S = \sqrt{\frac{\beta_b \, \tilde\kappa_b}{\lambda_n}}, \qquad
        \beta_b = \frac{\beta}{b} + \frac{b - 1}{b} \lambda_1, \qquad
        \tilde\kappa_b = \frac{\tilde\kappa}{b} + \frac{b - 1}{b}

    The factor a step is at most 1 - 1/S, with the parameters of
    `fearless.optimization.methods.MaSS.tuned`.

    Parameters
    ----------
    norm : float
        beta, with E ||x||^2 x x^T <= beta H: the largest squared norm of a sample, or less.
    largest, smallest : float
        Eigenvalues lambda_1 >= lambda_n > 0 of H = E x x^T.
    statistical : float
        kappa~ >= 1, with E <x, H^-1 x> x x^T <= kappa~ H: the number n of samples when these are
        independent vectors.
    batch_size : float
        The number b of samples in a batch, drawn with replacement; may be infinite.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "Acceleration, and how momentum can fail".

    References
    ----------
    C. Liu, M. Belkin (2020), Accelerating SGD with momentum for over-parameterized learning, ICLR.

    Examples
    --------
    >>> round(mass_time(6.0, 1.0, 0.01, 6.0))
    60
    """
    norm = check_positive(norm, "norm")
    largest, smallest = _check_ends(largest, smallest)
    statistical = check_positive(statistical, "statistical")
    if statistical < 1 - 1e-9 or norm < largest * (1 - 1e-9):
        raise ValueError(
            f"statistical is {statistical} and norm is {norm}; expected statistical >= 1 and "
            f"norm >= largest = {largest}"
        )
    if batch_size == math.inf:
        return math.sqrt(largest / smallest)
    b = check_positive(batch_size, "batch_size")
    if b < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    smooth, spread = (norm - largest) / b + largest, (statistical - 1) / b + 1
    return max(math.sqrt(smooth / smallest * spread), 1.0)


def _check_ends(largest: float, smallest: float) -> tuple[float, float]:
    largest = check_positive(largest, "largest")
    smallest = check_positive(smallest, "smallest")
    if smallest > largest:
        raise ValueError(
            f"smallest is {smallest} and largest is {largest}; expected smallest <= largest"
        )
    return largest, smallest


def _check_condition(condition: float) -> float:
    kappa = check_positive(condition, "condition")
    if kappa < 1:
        raise ValueError(f"condition is {condition}; expected a number >= 1")
    return kappa
