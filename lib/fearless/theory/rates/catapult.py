r"""Catapults: gradient descent with big steps on a linear network of two layers, exactly.

The network is f = <v, u> / sqrt(m), for one sample with input 1 and target 0, and the loss is
L = f^2 / 2. Its tangent kernel is lambda = (||u||^2 + ||v||^2) / m. A step of gradient descent maps
the pair (f, lambda) to another one, whatever else the 2m weights are:

    f'      = f (1 - eta lambda + eta^2 f^2 / m) ,
    lambda' = lambda + (eta f^2 / m) (eta lambda - 4) .

References
----------
A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein, G. Gur-Ari (2020), The large learning rate phase
of deep learning: the catapult mechanism, arXiv:2003.02218.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive, check_vector
from fearless.theory._arrays import broadcast, check_range

__all__ = ["CatapultPath", "catapult_limit", "catapult_path", "catapult_sharpness"]

# Rounding may put real weights this far, relatively, beyond |f| = sqrt(m) lambda / 2.
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class CatapultPath:
    """Hold what gradient descent does to the pair (f, lambda), for all starts at once.

    Attributes
    ----------
    step_size, width : ndarray of shape (...)
        eta and m.
    output : ndarray of shape (..., n_steps + 1)
        f at the start and after each step; +inf from the step on at which it overflows.
    kernel : ndarray of shape (..., n_steps + 1)
        lambda, likewise.
    diverged_at : ndarray of shape (...), int
        The first step at which f or lambda is no finite number; -1 where there is none.
    """

    step_size: NDArray[np.float64]
    width: NDArray[np.float64]
    output: NDArray[np.float64]
    kernel: NDArray[np.float64]
    diverged_at: NDArray[np.int64]

    @property
    def loss(self) -> NDArray[np.float64]:
        """The loss f^2 / 2, (..., n_steps + 1)."""
        with np.errstate(over="ignore"):
            return self.output**2 / 2

    @property
    def sharpness(self) -> NDArray[np.float64]:
        """The largest eigenvalue of the Hessian of the loss, (..., n_steps + 1)."""
        finite = np.isfinite(self.output)
        f, kernel = (np.where(finite, x, 0.0) for x in (self.output, self.kernel))
        return np.where(finite, _sharpness(kernel, f / np.sqrt(self.width)[..., None]), np.inf)


def catapult_path(
    step_size: ArrayLike, kernel: ArrayLike, output: ArrayLike, width: ArrayLike, n_steps: int
) -> CatapultPath:
    r"""Follow gradient descent on a linear network of two layers, by its exact recursion.

    .. math::
        f' = f \left(1 - \eta\lambda + \frac{\eta^2 f^2}{m}\right) , \qquad
        \lambda' = \lambda + \frac{\eta f^2}{m} (\eta\lambda - 4)

    For :math:`\eta\lambda_0 \le 2` the loss falls at every step; for :math:`2 < \eta\lambda_0 < 4`
    it may rise first, while lambda falls, and then goes to 0; for :math:`\eta\lambda_0 > 4` lambda
    grows without bound.

    Parameters
    ----------
    step_size : float or array-like
        The step size eta > 0. This and the next three broadcast to the shape (...).
    kernel : float or array-like
        The tangent kernel lambda at the start.
    output : float or array-like
        The output f at the start.
    width : float or array-like
        The number m of hidden units.
    n_steps : int
        How many steps.

    Returns
    -------
    CatapultPath
        Outputs and kernels; divergence is marked by +inf.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described, or no weights have such a pair of f and lambda: for all
        weights ``2 |f| <= sqrt(m) lambda``.

    Notes
    -----
    Cost O(n_steps) a start. Used in the section "Big steps".

    References
    ----------
    A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein, G. Gur-Ari (2020), The large learning rate
    phase of deep learning: the catapult mechanism.

    Examples
    --------
    >>> path = catapult_path([1.0, 3.0, 5.0], 1.0, 0.1, 100, 60)
    >>> path.diverged_at >= 0
    array([False, False,  True])
    >>> path.kernel[:2, -1].round(3)
    array([1.   , 0.075])
    """
    step, kernel, f, m = _check_start(step_size, kernel, output, width)
    n_steps = check_int(n_steps, "n_steps", minimum=0)
    outputs = np.empty((*f.shape, n_steps + 1))
    kernels = np.empty_like(outputs)
    diverged_at = np.full(f.shape, -1)
    for t in range(n_steps + 1):
        if t > 0:
            f, kernel = _step(f, kernel, step, m)
            diverged_at[~np.isfinite(f) & (diverged_at < 0)] = t
        outputs[..., t], kernels[..., t] = f, kernel
    return CatapultPath(step, m, outputs, kernels, diverged_at)


def catapult_limit(
    step_size: ArrayLike,
    kernel: ArrayLike,
    output: ArrayLike,
    width: ArrayLike,
    *,
    tol: float = 1e-6,
    max_steps: int = 100_000,
) -> NDArray[np.float64]:
    r"""Compute where gradient descent takes the tangent kernel, which is the final sharpness.

    Parameters
    ----------
    step_size, kernel, output, width : float or array-like
        As for :func:`catapult_path`.
    tol : float
        A start has settled when eta lambda has at most so far to go.
    max_steps : int
        Steps at most.

    Returns
    -------
    ndarray of shape (...)
        The limit of lambda to about tol / eta: at most ``2 / eta``, and +inf where it diverges.
        Where f is 0 at the start nothing moves, whatever the step.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    RuntimeError
        Some start has neither settled nor diverged within ``max_steps``.

    Notes
    -----
    Cost O(steps until all have settled). Used in the section "Big steps".

    Examples
    --------
    >>> catapult_limit([1.0, 1.9, 3.0, 5.0], 1.0, 0.1, 100).round(3)
    array([1.   , 0.998, 0.075,   inf])
    """
    step, kernel, f, m = _check_start(step_size, kernel, output, width)
    tol = check_positive(tol, "tol")
    max_steps = check_int(max_steps, "max_steps")
    shape = f.shape
    step, kernel, f, m = (x.ravel() for x in (step, kernel, f, m))
    limits, left = np.empty(f.size), np.arange(f.size)
    for _ in range(max_steps):
        with np.errstate(all="ignore"):
            a, b = step * kernel, (step * f) ** 2 / m
            # Close to the end b shrinks by (1 - a)^2 a step: what a has still to go is a sum.
            rest = np.where((a < 2) & (b > 0), b * (4 - a) / (a * (2 - a)), 0.0)
        done = ~np.isfinite(f) | (f == 0) | ((a < 2) & (rest <= tol))
        if done.any():
            limits[left[done]] = kernel[done] - rest[done] / step[done]
            step, kernel, f, m, left = (x[~done] for x in (step, kernel, f, m, left))
        if not left.size:
            return limits.reshape(shape)
        f, kernel = _step(f, kernel, step, m)
    raise RuntimeError(
        f"{left.size} of {limits.size} starts have neither settled nor diverged after max_steps = "
        f"{max_steps}; raise it or tol: ends close to eta lambda = 2 and starts close to 4 are slow"
    )


def catapult_sharpness(
    kernel: ArrayLike, output: ArrayLike, width: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute the largest eigenvalue of the Hessian of the loss of the linear network.

    .. math::
        \lambda_1(\nabla^2 L) = \frac{\lambda}{2} + \sqrt{\frac{\lambda^2}{4} + \frac{3 f^2}{m}}

    Parameters
    ----------
    kernel, output, width : float or array-like
        The tangent kernel lambda, the output f and the width m; they broadcast to (...).

    Returns
    -------
    ndarray of shape (...)
        The sharpness: lambda itself where the loss is 0.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    In the coordinates (u + v) / sqrt 2 and (u - v) / sqrt 2 the Hessian is diagonal plus a matrix
    of rank one, with a 2 x 2 block of trace lambda and determinant ``-3 f^2 / m``. Used in the
    section "Big steps".

    Examples
    --------
    >>> catapult_sharpness(2.0, [0.0, 1.0], 1)
    array([2., 3.])
    """
    _, kernel, f, m = _check_start(1.0, kernel, output, width)
    return _sharpness(kernel, f / np.sqrt(m))


def _sharpness(kernel: NDArray, scaled: NDArray) -> NDArray[np.float64]:
    return kernel / 2 + np.hypot(kernel / 2, math.sqrt(3) * scaled)


def _step(f: NDArray, kernel: NDArray, step: NDArray, m: NDArray) -> tuple[NDArray, NDArray]:
    """Make one step; a run that leaves the range of floating point numbers stays at +inf."""
    with np.errstate(over="ignore", invalid="ignore"):
        push = step * f**2 / m
        f, kernel = f * (1 - step * kernel + step * push), kernel + push * (step * kernel - 4)
    lost = ~(np.isfinite(f) & np.isfinite(kernel))
    return np.where(lost, np.inf, f), np.where(lost, np.inf, kernel)


def _check_start(
    step_size: ArrayLike, kernel: ArrayLike, output: ArrayLike, width: ArrayLike
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return the four numbers of all starts as arrays of one shape."""
    f = np.asarray(output)
    step, kernel, f, m = broadcast(
        step_size=check_range(step_size, "step_size", allow_zero=False),
        kernel=check_range(kernel, "kernel", allow_zero=False),
        output=check_vector(f.reshape(-1), "output").astype(np.float64).reshape(f.shape),
        width=check_range(width, "width", allow_zero=False),
    )
    impossible = 2 * np.abs(f) > np.sqrt(m) * kernel * (1 + _SLACK)
    if impossible.any():
        i = tuple(np.argwhere(impossible)[0])
        raise ValueError(
            f"output is {f[i]:.6g} and kernel is {kernel[i]:.6g} at width {m[i]:.6g}; expected "
            "2 |output| <= sqrt(width) kernel, as no weights have other values"
        )
    return step, kernel, f, m
