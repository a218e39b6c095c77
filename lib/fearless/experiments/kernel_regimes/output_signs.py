"""One hidden layer with fixed signs at its output: signs that are random, and signs that agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_widths
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import (
    Pair,
    digit_pair,
    draw_network,
    trained_kernel,
)

__all__ = ["SignRuns", "sign_runs"]


@dataclass(frozen=True)
class SignRuns:
    """What the signs make of the change of the kernel: one row a seed, one column a width.

    Attributes
    ----------
    widths : ndarray of shape (m,)
    random : ndarray of shape (seeds, m)
        ||K - K_0|| / ||K_0|| after training, for random signs v_i (Frobenius norms).
    agreeing : ndarray of shape (seeds, m)
        The same with the signs of <w_i, u>, for the mean image u.
    """

    widths: NDArray[np.int64]
    random: NDArray[np.float64]
    agreeing: NDArray[np.float64]


def sign_runs(
    data: Dataset,
    widths: Sequence[int],
    *,
    n_seeds: int = 5,
    n_train: int = 20,
    tol: float = 0.01,
    step_size: float = 0.5,
    random_state: int = 0,
) -> SignRuns:
    """Train pairs of networks that differ in nothing but the signs of their output weights.

    Neither the tangent kernel at the start nor the norm of the Hessian depends on these signs.
    The output at the start does, and is subtracted: f - f_0 is trained.

    Parameters
    ----------
    data : Dataset
    widths : sequence of int
    n_seeds : int
        Each draws its own images and weights.
    n_train : int
        Images of two digits.
    tol : float
        The training error at which to stop.
    step_size : float
    random_state : int

    Returns
    -------
    SignRuns
        How far the kernels moved.
    """
    widths = check_widths(widths, "widths")
    n_seeds = check_int(n_seeds, "n_seeds")
    random_state = check_int(random_state, "random_state", minimum=0)
    changes = np.empty((2, n_seeds, len(widths)))
    with one_thread():
        for i in range(n_seeds):
            pair = digit_pair(
                data, n_train=n_train, random_state=np.random.default_rng([random_state, i])
            )
            for j, width in enumerate(widths):
                for k, agree in enumerate((False, True)):
                    rng = np.random.default_rng([random_state, i, int(width)])
                    model = draw_network("fixed signs", pair.X.shape[1], int(width), rng)
                    changes[k, i, j] = _change(model, pair, agree, tol, step_size)
    return SignRuns(widths, *changes)


def _change(model: Any, pair: Pair, agree: bool, tol: float, step_size: float) -> float:
    """Train a network and return the relative change of its kernel."""
    from fearless.networks import descend, predict_numpy

    if agree:
        inner, outer = model.weights
        outer.data[0] = (inner.data @ inner.new_tensor(pair.X.mean(axis=0))).sign()
    before = trained_kernel(model, pair.X)
    targets = pair.y + predict_numpy(model, pair.X)[:, 0]
    descend(model, pair.X, targets, step_size=step_size, tol=tol)
    after = trained_kernel(model, pair.X)
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))
