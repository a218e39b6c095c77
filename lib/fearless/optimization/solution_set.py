"""The solutions of an over-parametrised system: finding one, and how the loss bends beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    check_int,
    check_positive,
    check_vector,
)
from fearless.optimization.systems import NonlinearSystem

__all__ = ["nearby_solution", "tangent_curvature"]


def nearby_solution(
    system: NonlinearSystem, start: ArrayLike, *, tol: float = 1e-12, max_steps: int = 50
) -> NDArray[np.float64]:
    r"""Find a solution near a start by Gauss-Newton steps of least length.

    .. math:: w_{t+1} = w_t - DF(w_t)^+ (F(w_t) - y)

    Parameters
    ----------
    system : NonlinearSystem
        Over-parametrised, n <= p.
    start : array-like of shape (p,)
    tol : float
        Stop when no residual is larger than so many times the largest |y_i|, or 1 if they are
        smaller.
    max_steps : int

    Returns
    -------
    ndarray of shape (p,)
        A solution.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or no solution was found.

    Notes
    -----
    Converges quadratically near a solution where DF has full rank. Cost O(n^2 p) a step. Used in
    the section "From convexity to PL*".

    Examples
    --------
    >>> from fearless.optimization.systems import ProductSystem
    >>> nearby_solution(ProductSystem([[1.0]], [1.0]), [1.2, 1.2]).round(9).tolist()
    [1.0, 1.0]
    """
    w = check_vector(start, "start", length=system.n_parameters).astype(np.float64)
    tol = check_positive(tol, "tol") * max(1.0, float(np.abs(system.y).max()))
    for _ in range(check_int(max_steps, "max_steps") + 1):
        r = system.residual(w)
        if np.abs(r).max() <= tol:
            return w
        if not np.isfinite(r).all():
            break
        w = w - np.linalg.lstsq(system.jacobian(w), r, rcond=None)[0]
    raise ValueError(
        f"start: no solution within {max_steps} Gauss-Newton steps, the largest residual is "
        f"{np.abs(r).max():.3g}; expected a start nearer to a solution"
    )


def tangent_curvature(
    system: NonlinearSystem, solution: ArrayLike, direction: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute how fast the flat directions of the loss bend when a solution is left.

    Along the manifold of solutions the Hessian of L has p - n zero eigenvalues. At
    :math:`w^* + \epsilon v` they are :math:`\epsilon \nu_j + O(\epsilon^2)`, with the eigenvalues

    .. math:: \nu_j \quad \text{of} \quad
        \frac1n P \sum_i (DF(w^*) v)_i \nabla^2 F_i(w^*) P

    on the tangent space of the manifold, the kernel of DF(w*), onto which P projects.

    Parameters
    ----------
    system : NonlinearSystem
        With second derivatives.
    solution : array-like of shape (p,)
        w*, F(w*) = y, where DF has full rank n < p.
    direction : array-like of shape (p,)
        v.

    Returns
    -------
    ndarray of shape (p - n,)
        The rates, ascending. A negative one: the loss is not convex next to w*.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, such as a point that does not solve the system.

    Notes
    -----
    First-order perturbation theory of a multiple eigenvalue. Cost O(p^3). Used in the section
    "From convexity to PL*".

    Examples
    --------
    >>> from fearless.optimization.systems import ProductSystem
    >>> tangent_curvature(ProductSystem([[1.0]], [1.0]), [1.0, 1.0], [1.0, 1.0]).round(9).tolist()
    [-2.0]
    """
    w = check_vector(solution, "solution", length=system.n_parameters).astype(np.float64)
    v = check_vector(direction, "direction", length=system.n_parameters)
    n, p = system.n_samples, system.n_parameters
    left = float(np.abs(system.residual(w)).max())
    if not left <= 1e-6 * max(1.0, float(np.abs(system.y).max())):
        raise ValueError(
            f"solution has a residual of {left:.3g}; expected a point that solves the system, such "
            "as one from nearby_solution"
        )
    J = system.jacobian(w)
    _, values, rows = np.linalg.svd(J)
    if n >= p or values[-1] <= values[0] * p * np.finfo(float).eps:
        raise ValueError(
            f"solution: the Jacobian there has shape {(n, p)} and the least singular value "
            f"{values[-1]:.3g}; expected n < p and full rank"
        )
    flat = rows[n:]
    return np.linalg.eigvalsh(flat @ system.curvature(w, J @ v) @ flat.T) / n
