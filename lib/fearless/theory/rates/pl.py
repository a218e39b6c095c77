r"""Rates and radii of gradient descent under the PL* condition.

The loss is the *mean* :math:`L(w) = \frac{1}{2n} \|F(w) - y\|^2` of n squared residuals. It is
mu-PL* on a set when :math:`\frac12 \|\nabla L\|^2 \ge \mu L` there, and beta-smooth when its
gradient has the Lipschitz constant beta. Radii do not change when the loss is a sum instead.
"""

from __future__ import annotations

import math

from fearless._validation import check_int, check_positive

__all__ = [
    "descent_length",
    "flow_length",
    "pl_iterations",
    "pl_radius",
    "pl_rate",
    "system_radius",
    "system_smoothness",
]


def pl_rate(constant: float, smoothness: float, step_size: float | None = None) -> float:
    r"""Bound the factor by which a step of gradient descent shrinks a PL* loss.

    .. math:: L(w_{t+1}) \le \bigl( 1 - 2 \eta \mu (1 - \eta \beta / 2) \bigr) L(w_t)

    It is least at :math:`\eta = 1/\beta`, where it is :math:`1 - \mu / \beta`.

    Parameters
    ----------
    constant : float
        mu > 0.
    smoothness : float
        beta >= mu.
    step_size : float, optional
        eta, between 0 and 2 / beta; default 1 / beta.

    Returns
    -------
    float
        The factor, in [0, 1).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described. With a step of 2 / beta or more, PL* promises nothing.

    Notes
    -----
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2022), Loss landscapes and optimization in over-parameterized
    non-linear systems and neural networks, Applied and Computational Harmonic Analysis 59.

    Examples
    --------
    >>> pl_rate(0.25, 1.0), pl_rate(0.25, 1.0, step_size=0.5)
    (0.75, 0.8125)
    """
    mu, beta = _check_constants(constant, smoothness)
    if step_size is None:
        return 1 - mu / beta
    eta = check_positive(step_size, "step_size")
    if eta * beta >= 2:
        raise ValueError(
            f"step_size is {eta!r}; expected less than 2 / smoothness = {2 / beta:.4g}, beyond "
            "which a step may raise the loss"
        )
    return 1 - 2 * eta * mu * (1 - eta * beta / 2)


def pl_iterations(constant: float, smoothness: float, tol: float) -> int:
    r"""Bound the steps after which gradient descent has shrunk a PL* loss by the factor tol.

    .. math:: t = \lceil \log \epsilon / \log(1 - \mu / \beta) \rceil

    Parameters
    ----------
    constant, smoothness : float
        mu and beta, 0 < mu <= beta. The step size is 1 / beta.
    tol : float
        epsilon, between 0 and 1.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "From convexity to PL*".

    Examples
    --------
    >>> pl_iterations(0.25, 1.0, 1e-3)
    25
    """
    mu, beta = _check_constants(constant, smoothness)
    tol = check_positive(tol, "tol")
    if tol >= 1:
        raise ValueError(f"tol is {tol!r}; expected less than 1")
    if mu == beta:
        return 1
    if mu / beta < 1e-300:
        raise ValueError(
            f"constant is {mu!r} and smoothness {beta!r}; expected a condition number up to 1e300"
        )
    return max(1, math.ceil(math.log(tol) / math.log1p(-mu / beta) * (1 - 1e-12)))


def pl_radius(loss: float, smoothness: float, constant: float) -> float:
    r"""Compute the radius of the ball in which the classical theorem needs PL*.

    .. math:: R = \frac{2 \sqrt{2 \beta L(w_0)}}{\mu}

    If the loss is mu-PL* and beta-smooth in the ball of this radius around the start, gradient
    descent with the step size 1 / beta stays in it and converges to a solution.

    Parameters
    ----------
    loss : float
        L(w_0) >= 0, a mean over samples.
    smoothness, constant : float
        beta and mu, 0 < mu <= beta.

    Returns
    -------
    float
        R.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A step is at most :math:`\sqrt{2 L_t / \beta}` long, and a geometric series does the rest. It is
    :math:`\sqrt{\beta/\mu}` times as large as `descent_length`, which suffices.
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2022), Loss landscapes and optimization in over-parameterized
    non-linear systems and neural networks, Applied and Computational Harmonic Analysis 59.

    Examples
    --------
    >>> pl_radius(0.5, 4.0, 1.0)
    4.0
    """
    mu, beta = _check_constants(constant, smoothness)
    return descent_length(loss, mu) * (math.sqrt(beta) / math.sqrt(mu))


def descent_length(loss: float, constant: float) -> float:
    r"""Bound the length of the path of gradient descent under PL*.

    .. math:: \sum_t \|w_{t+1} - w_t\| \le 2 \sqrt{2 L(w_0) / \mu}

    for step sizes up to 1 / beta, whatever beta is: it suffices that the loss is mu-PL* and
    beta-smooth in the ball of this radius.

    Parameters
    ----------
    loss : float
        L(w_0) >= 0, a mean over samples.
    constant : float
        mu > 0.

    Returns
    -------
    float
        The bound.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Each step shortens :math:`\sqrt L` by its length times :math:`\sqrt{\mu / 8}` at least.
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    S. Oymak, M. Soltanolkotabi (2019), Overparameterized nonlinear learning: gradient descent
    takes the shortest path?, ICML.

    Examples
    --------
    >>> descent_length(0.5, 1.0)
    2.0
    """
    return 2 * flow_length(loss, constant)


def flow_length(loss: float, constant: float) -> float:
    r"""Bound the length of the path of gradient flow under PL*.

    .. math:: \int_0^\infty \|\dot w\| \, dt \le \sqrt{2 L(w_0) / \mu}

    A linear system attains it when its residual is along the last eigenvector of its kernel.

    Parameters
    ----------
    loss : float
        L(w_0) >= 0, a mean over samples.
    constant : float
        mu > 0.

    Returns
    -------
    float
        The bound; also one on the distance of the start to the nearest solution.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    H. Karimi, J. Nutini, M. Schmidt (2016), Linear convergence of gradient and proximal-gradient
    methods under the Polyak-Lojasiewicz condition, ECML PKDD.

    Examples
    --------
    >>> flow_length(0.5, 1.0)
    1.0
    """
    mu = check_positive(constant, "constant")
    # One root each: neither 2 L / mu nor 2 beta L can overflow.
    return math.sqrt(check_positive(loss, "loss", allow_zero=True)) / math.sqrt(mu / 2)


def system_smoothness(
    lipschitz: float, jacobian_lipschitz: float, residual: float, n_samples: int
) -> float:
    r"""Bound the smoothness of the loss of a nonlinear system where it is below its start.

    .. math:: \beta \le \frac{L_F^2 + \beta_F \|F(w_0) - y\|}{n}

    Parameters
    ----------
    lipschitz : float
        L_F, a bound on the spectral norm of DF(w).
    jacobian_lipschitz : float
        beta_F >= 0, the Lipschitz constant of DF in the spectral norm; 0 for linear systems.
    residual : float
        The norm of F(w_0) - y.
    n_samples : int
        n, the number of equations.

    Returns
    -------
    float
        beta. For gradient descent on the sum of squares the best step is 1 / (n beta).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The Hessian is :math:`(DF^\top DF + \sum_i r_i \nabla^2 F_i)/n`.
    Cost O(1). Used in the section "From convexity to PL*".

    Examples
    --------
    >>> system_smoothness(3.0, 0.5, 2.0, 5)
    2.0
    """
    n = check_int(n_samples, "n_samples")
    lipschitz = check_positive(lipschitz, "lipschitz")
    curved = check_positive(jacobian_lipschitz, "jacobian_lipschitz", allow_zero=True)
    return (lipschitz**2 + curved * check_positive(residual, "residual", allow_zero=True)) / n


def system_radius(lipschitz: float, residual: float, smallest: float) -> float:
    r"""Compute the radius of the ball in which the theorem for systems needs its constants.

    .. math:: R = \frac{2 L_F \|F(w_0) - y\|}{\lambda_n}

    Parameters
    ----------
    lipschitz : float
        L_F, a bound on the spectral norm of DF(w).
    residual : float
        The norm of F(w_0) - y.
    smallest : float
        A lower bound lambda_n > 0 on the smallest eigenvalue of the tangent kernel matrix DF DF^T.

    Returns
    -------
    float
        R.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(1). Used in the section "From convexity to PL*".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2022), Loss landscapes and optimization in over-parameterized
    non-linear systems and neural networks, Applied and Computational Harmonic Analysis 59.

    Examples
    --------
    >>> system_radius(2.0, 1.0, 4.0)
    1.0
    """
    smallest = check_positive(smallest, "smallest")
    lipschitz = check_positive(lipschitz, "lipschitz")
    if smallest > lipschitz**2 * (1 + 1e-9):
        raise ValueError(
            f"smallest is {smallest!r}; expected at most lipschitz**2 = {lipschitz**2!r}, which "
            "bounds all eigenvalues"
        )
    return 2 * lipschitz * check_positive(residual, "residual", allow_zero=True) / smallest


def _check_constants(constant: float, smoothness: float) -> tuple[float, float]:
    mu, beta = check_positive(constant, "constant"), check_positive(smoothness, "smoothness")
    if mu > beta * (1 + 1e-12):
        raise ValueError(
            f"constant is {mu!r} and smoothness {beta!r}; expected constant <= smoothness: where "
            "the loss is positive, 2 mu L <= |grad L|^2 <= 2 beta L"
        )
    return min(mu, beta), beta
