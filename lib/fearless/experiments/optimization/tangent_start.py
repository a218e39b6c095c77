"""A few digits, a network with fixed output signs, and where its PL* constant starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, check_int, check_widths
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import Pair, digit_pair, trained_kernel

__all__ = [
    "W_STD",
    "LeastEigenvalues",
    "closest_gradients",
    "draw_signs",
    "least_eigenvalues",
    "parity_digits",
    "signs_limit",
]

#: The factor sigma_w of the weights on this page.
W_STD = 1.0


def parity_digits(data: Dataset, n_train: int, random_state: RandomState = None) -> Pair:
    """Draw images of all digits; the targets are 1 for even and -1 for odd ones.

    Parameters
    ----------
    data : Dataset
        With labels that are digits.
    n_train : int
        The number n of images.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    Pair
        Images in coordinates of the space that they span, of norm sqrt(d).
    """
    parity = replace(data, y_train=data.y_train % 2)
    return digit_pair(parity, (0, 1), n_train=n_train, n_test=1, random_state=random_state)


def draw_signs(n_inputs: int, width: int, random_state: RandomState = None) -> Any:
    """Draw a network with one hidden layer of erf units and output weights +-1, not trained.

    Parameters
    ----------
    n_inputs, width : int
        The dimension d and the number m of units.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    FullyConnected
        The network, in float64. On inputs of norm sqrt(d) its Hessian norm is at most
        ``ERF_CURVATURE / sqrt(m)`` for all weights.
    """
    from fearless.networks import FullyConnected

    model = FullyConnected(
        n_inputs,
        width,
        activation="erf",
        w_std=W_STD,
        random_state=random_state,
        dtype=np.float64,
    )
    model.weights[1].requires_grad_(False).sign_()
    return model


def signs_limit(X: NDArray) -> NDArray[np.float64]:
    """Compute the tangent kernel matrix of such networks of infinite width.

    Parameters
    ----------
    X : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (n, n)
        The kernel of all weights less that of the output weights, which is the covariance of the
        outputs. It is also the mean over draws of the kernel at any width.
    """
    from fearless.kernels import NTKernel

    outputs, both = NTKernel(activation="erf", w_std=W_STD).kernel_and_ntk(X)
    return both - outputs


@dataclass(frozen=True)
class LeastEigenvalues:
    """Least eigenvalues of tangent kernel matrices at the start.

    Attributes
    ----------
    sizes : ndarray of shape (s,)
        Numbers n of images.
    widths : ndarray of shape (m,)
    finite : ndarray of shape (seeds, s, m)
        lambda_n of K(w_0) for networks of these widths.
    limit : ndarray of shape (seeds, s)
        lambda_n of the matrix of infinite width.
    closest : ndarray of shape (seeds, s)
        Half the squared distance of the two closest gradients, in the limit: an upper bound.
    """

    sizes: NDArray[np.intp]
    widths: NDArray[np.intp]
    finite: NDArray[np.float64]
    limit: NDArray[np.float64]
    closest: NDArray[np.float64]


def least_eigenvalues(
    data: Dataset,
    sizes: Sequence[int],
    widths: Sequence[int],
    *,
    n_seeds: int = 5,
    random_state: int = 0,
) -> LeastEigenvalues:
    """Draw networks and compare their tangent kernels with that of infinite width.

    Parameters
    ----------
    data : Dataset
    sizes : sequence of int
        Numbers of images.
    widths : sequence of int
        Numbers of hidden units; may be empty if only limits are asked for.
    n_seeds : int
        Each draws its own images, and its own weights for every size and width.
    random_state : int

    Returns
    -------
    LeastEigenvalues
    """
    sizes = check_widths(sizes, "sizes")
    widths = check_widths(widths, "widths") if len(widths) else np.empty(0, dtype=np.intp)
    n_seeds = check_int(n_seeds, "n_seeds")
    random_state = check_int(random_state, "random_state", minimum=0)
    finite = np.empty((n_seeds, len(sizes), len(widths)))
    limit, closest = np.empty((2, n_seeds, len(sizes)))
    for i, j in np.ndindex(limit.shape):
        n = int(sizes[j])
        pair = parity_digits(data, n, np.random.default_rng([random_state, i, n]))
        K = signs_limit(pair.X)
        limit[i, j] = np.linalg.eigvalsh(K)[0]
        closest[i, j] = closest_gradients(K)
        for k, width in enumerate(widths):
            rng = np.random.default_rng([random_state, i, n, int(width)])
            with one_thread():
                drawn = trained_kernel(draw_signs(pair.X.shape[1], int(width), rng), pair.X)
            finite[i, j, k] = np.linalg.eigvalsh(drawn)[0]
    return LeastEigenvalues(sizes, widths, finite, limit, closest)


def closest_gradients(K: NDArray) -> float:
    """Compute half the least squared distance of two gradients from their inner products.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        A tangent kernel matrix, n >= 2.

    Returns
    -------
    float
        An upper bound on its least eigenvalue.
    """
    diagonal = np.diag(K)
    half = (diagonal[:, None] + diagonal) / 2 - K
    return float(half[~np.eye(len(K), dtype=bool)].min())
