"""The PL* constant along training: the least eigenvalue of the tangent kernel, step after step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import check_targets
from fearless.networks._parameters import check_module, parameter_vector
from fearless.networks.descent import descend
from fearless.networks.run import dtype_of, predict_numpy
from fearless.networks.tangent import empirical_tangent_kernel, jacobian

__all__ = ["PLPath", "pl_path"]


@dataclass(frozen=True, eq=False)
class PLPath:
    r"""Hold what was seen along a run of gradient descent.

    Attributes
    ----------
    step_size : float
        The step size of the run.
    losses : ndarray of shape (steps + 1,)
        :math:`L(w_t) = \frac{1}{2n} \sum_i \|f(w_t; x_i) - y_i\|^2` after every step.
    steps : ndarray of shape (T,), int
        The steps t after which the network was looked at: 0, 1, 2, 4, 8, ... and the last one.
    constant : ndarray of shape (T,)
        The PL* constant there, :math:`\mu_t = \lambda_n(K(w_t)) / n`.
    largest : ndarray of shape (T,)
        :math:`\lambda_1(K(w_t)) / n`.
    ratio : ndarray of shape (T,)
        What descent makes use of, :math:`\|\nabla L\|^2 / (2 L)`, at least the constant.
    distance : ndarray of shape (T,)
        :math:`\|w_t - w_0\|`.
    kernel_change : ndarray of shape (T,)
        :math:`\|K(w_t) - K(w_0)\| / \|K(w_0)\|`, Frobenius norms.
    converged : bool
        Whether the training error was reached.
    """

    step_size: float
    losses: NDArray[np.float64]
    steps: NDArray[np.int64]
    constant: NDArray[np.float64]
    largest: NDArray[np.float64]
    ratio: NDArray[np.float64]
    distance: NDArray[np.float64]
    kernel_change: NDArray[np.float64]
    converged: bool

    @property
    def kept(self) -> float:
        """The least constant that was seen, as a share of that at the start.

        0 if there was none at the start, up to rounding in double precision.
        """
        if self.constant[0] <= 1e-14 * self.largest[0]:
            return 0.0
        return float(max(self.constant.min() / self.constant[0], 0.0))


def pl_path(
    model: nn.Module,
    X: ArrayLike,
    Y: ArrayLike,
    *,
    step_size: float | None = None,
    tol: float = 1e-3,
    max_steps: int = 10000,
    kernel: Callable[[nn.Module, ArrayLike], NDArray] | None = None,
    observe: Callable[[int], None] | None = None,
) -> PLPath:
    r"""Train a network by gradient descent and watch its PL* constant.

    .. math::
        \tfrac12 \|\nabla L(w)\|^2 = \frac{1}{2n^2}\, r^\top K(w)\, r \ge \mu(w) L(w) , \qquad
        \mu(w) = \lambda_n(K(w)) / n ,

    with the tangent kernel matrix K on the training samples and the residuals r.

    Parameters
    ----------
    model : torch.nn.Module
        The network, trained in place.
    X : array-like of shape (n, d)
        Samples, one a row.
    Y : array-like of shape (n,) or (n, k)
        Real targets.
    step_size : float, optional
        By default 1 / (2 lambda_1), a quarter of the largest stable one at the start, for the
        largest eigenvalue of K(w_0) / n.
    tol : float
        Stop when the mean of ``||f(x_i) - y_i||^2`` is at most this.
    max_steps : int
        Steps at most.
    kernel : callable, optional
        ``kernel(model, X)`` returns the matrix K over the trained weights, of shape (n, n) or
        (n, k, n, k). By default it is computed layer by layer when all weights are trained, and
        from Jacobians when some are not.
    observe : callable, optional
        Called as ``observe(t)`` after each look at the network.

    Returns
    -------
    PLPath
        Losses, and the constant where the network was looked at.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    DivergenceError
        The training error is not finite any more, or ten thousand times that at the start.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        ``max_steps`` did not suffice.

    Notes
    -----
    Cost that of :func:`fearless.networks.descend`, and log2(steps) eigenvalue problems of size
    n k. The rank of K is at most the number of weights, so that narrow networks have the constant
    0 up to rounding. Used in the section "Keeping PL* along the way".

    References
    ----------
    C. Liu, L. Zhu, M. Belkin (2022), Loss landscapes and optimization in over-parameterized
    non-linear systems and neural networks, Applied and Computational Harmonic Analysis 59.

    Examples
    --------
    >>> from fearless.networks import FullyConnected
    >>> model = FullyConnected(2, 500, activation="tanh", random_state=0, dtype="float64")
    >>> path = pl_path(model, [[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0], tol=0.01)
    >>> path.converged, bool((path.ratio >= path.constant).all()), path.kept > 0.9
    (True, True, True)
    """
    check_module(model)
    double = dtype_of(model) == torch.float64
    targets = check_targets(Y, "Y").astype(np.float64 if double else np.float32)
    targets = targets.reshape(len(targets), -1)
    compute = _trained_kernel if kernel is None else kernel
    start = parameter_vector(model)
    first = _as_matrix(compute(model, X), targets.size)
    size = float(np.linalg.norm(first))
    if step_size is None:
        top = float(np.linalg.eigvalsh(first)[-1]) / len(targets)
        if not top > 0:
            raise ValueError(
                "the tangent kernel of the model is zero on X, so that there is no default of "
                "step_size; expected a network that its weights can change"
            )
        step_size = 1 / (2 * top)
    seen: list[tuple[float, ...]] = []

    def look(step: int) -> None:
        K = first if step == 0 else _as_matrix(compute(model, X), targets.size)
        n = len(targets)
        values = np.linalg.eigvalsh(K) / n
        residual = (predict_numpy(model, X) - targets).astype(np.float64).ravel()
        square = float(residual @ residual)
        ratio = float(residual @ K @ residual) / (n * square) if square > 0 else values[0]
        change = float(np.linalg.norm(K - first))
        change = change / size if size > 0 else (np.inf if change > 0 else 0.0)
        distance = float(np.linalg.norm(parameter_vector(model) - start))
        seen.append((step, values[0], values[-1], ratio, distance, change))
        if observe is not None:
            observe(step)

    run = descend(model, X, Y, step_size=step_size, tol=tol, max_steps=max_steps, observe=look)
    steps, *columns = (np.array(column) for column in zip(*seen, strict=True))
    return PLPath(step_size, run.losses / 2, steps.astype(np.int64), *columns, run.converged)


def _trained_kernel(model: nn.Module, X: ArrayLike) -> NDArray:
    if all(p.requires_grad for p in model.parameters()):
        return empirical_tangent_kernel(model, X, trace=False)
    trained = np.concatenate([np.full(p.numel(), p.requires_grad) for p in model.parameters()])
    J = jacobian(model, X)[:, :, trained]
    return np.einsum("icp,jdp->icjd", J, J)


def _as_matrix(K: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return a kernel of n samples and k outputs as one matrix, in double precision."""
    K = np.asarray(K, dtype=np.float64)
    if K.size != size**2:
        raise ValueError(
            f"kernel gave an array of shape {K.shape}; expected the entries of a matrix with a row "
            f"for each of the {size} entries of Y"
        )
    if not np.all(np.isfinite(K)):
        raise ValueError("kernel gave an array with entries that are not finite")
    return K.reshape(size, size)
