"""Random systems of quadratic equations: the curvature of the loss next to its solutions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_positive
from fearless.optimization.solution_set import nearby_solution, tangent_curvature
from fearless.optimization.systems import QuadraticSystem

__all__ = ["bends", "random_quadratics"]


def random_quadratics(n: int, p: int, rng: np.random.Generator) -> QuadraticSystem:
    r"""Draw the system :math:`\frac12 w^\top A_i w = \frac12` with Gaussian A_i.

    Parameters
    ----------
    n, p : int
        Equations and unknowns.
    rng : numpy.random.Generator

    Returns
    -------
    QuadraticSystem
        With symmetric A_i whose entries off the diagonal have the variance 1 / p.
    """
    n, p = check_int(n, "n"), check_int(p, "p")
    A = rng.standard_normal((n, p, p)) / (2 * p) ** 0.5
    return QuadraticSystem(A + A.transpose(0, 2, 1), np.full(n, 0.5))


def bends(
    n: int, p: int, *, epsilon: float, n_systems: int, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare the least eigenvalue of the Hessian next to solutions with its prediction.

    Parameters
    ----------
    n, p : int
        Equations and unknowns, n < p.
    epsilon : float
        The length of the step, in a random direction.
    n_systems : int
        Independent systems, with a solution each.
    random_state : int

    Returns
    -------
    measured : ndarray of shape (n_systems,)
        The least eigenvalue of the Hessian of L at w* + epsilon v.
    predicted : ndarray of shape (n_systems,)
        epsilon min nu_j.
    """
    epsilon = check_positive(epsilon, "epsilon")
    measured, predicted = np.empty((2, check_int(n_systems, "n_systems")))
    for i in range(len(measured)):
        rng = np.random.default_rng([random_state, i])
        system = random_quadratics(n, p, rng)
        w = nearby_solution(system, rng.standard_normal(p))
        v = rng.standard_normal(p)
        v /= np.linalg.norm(v)
        measured[i] = np.linalg.eigvalsh(system.hessian(w + epsilon * v))[0]
        predicted[i] = epsilon * tangent_curvature(system, w, v)[0]
    return measured, predicted
