"""The Hessian of a network in its weights against the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_vector, check_widths
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import (
    W_STD,
    bottleneck_hessian,
    draw_network,
    trained_kernel,
)
from fearless.experiments.statistics import loglog_slopes
from fearless.theory.linearity import two_layer_hessian_norm

__all__ = ["HessianNorms", "hessian_by_width", "loglog_slopes"]


@dataclass(frozen=True)
class HessianNorms:
    """Hessians of networks of several widths at one input: one row a seed, one column a width.

    Attributes
    ----------
    kind : str
        See ``draw_network``.
    widths : ndarray of shape (m,)
    norm : ndarray of shape (seeds, m)
        The spectral norm ||H|| of the Hessian.
    gradient : ndarray of shape (seeds, m)
        The squared length ||grad f||^2 of the gradient.
    predicted : ndarray of shape (seeds, m)
        Of an exception: the norm of the part of H that does not vanish with the width. Of one
        hidden layer: ||H|| in closed form. NaN for two.
    """

    kind: str
    widths: NDArray[np.int64]
    norm: NDArray[np.float64]
    gradient: NDArray[np.float64]
    predicted: NDArray[np.float64]


def hessian_by_width(
    kind: str,
    widths: Sequence[int],
    x: ArrayLike,
    *,
    n_seeds: int = 5,
    random_state: int = 0,
) -> HessianNorms:
    """Compute Hessian norms of fresh networks by Lanczos iterations.

    Parameters
    ----------
    kind : str
        See ``draw_network``.
    widths : sequence of int
    x : array-like of shape (d,)
        The input.
    n_seeds : int
        Networks drawn at each width.
    random_state : int

    Returns
    -------
    HessianNorms
        Norms of Hessian and gradient, and the prediction where there is one.
    """
    from fearless.networks import hessian_norm, predict_numpy

    widths = check_widths(widths, "widths")
    x = check_vector(x, "x")
    n_seeds = check_int(n_seeds, "n_seeds")
    random_state = check_int(random_state, "random_state", minimum=0)
    shape = (n_seeds, len(widths))
    norm, gradient, predicted = np.empty(shape), np.empty(shape), np.full(shape, np.nan)
    with one_thread():
        for i, j in np.ndindex(shape):
            rng = np.random.default_rng([random_state, i, int(widths[j])])
            model = draw_network(kind, len(x), int(widths[j]), rng)
            norm[i, j] = hessian_norm(model, x[None], tol=3e-4, random_state=0)[0, 0]
            gradient[i, j] = trained_kernel(model, x[None])[0, 0]
            if kind == "bottleneck":
                predicted[i, j] = bottleneck_hessian(model, x).norm
            elif kind == "curved output":
                # psi = tanh has psi'' = -2 psi psi', and the gradient is psi' grad f.
                value = predict_numpy(model, x[None])[0, 0]
                predicted[i, j] = 2 * abs(value) / (1 - value**2) * gradient[i, j]
            elif kind != "two layers":
                inner, outer = (W.detach().numpy() for W in model.weights)
                predicted[i, j] = two_layer_hessian_norm(
                    inner, outer[0], x[None], w_std=W_STD, train_outer=kind == "one layer"
                )[0]
    return HessianNorms(kind, widths, norm, gradient, predicted)
