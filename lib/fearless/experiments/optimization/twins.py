"""Two images that are nearly equal and have different labels: PL* with a constant near zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_vector
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import trained_kernel
from fearless.experiments.optimization.tangent_start import (
    closest_gradients,
    draw_signs,
    parity_digits,
    signs_limit,
)

__all__ = ["TwinRuns", "twin_constants", "twin_images", "twin_runs"]


@dataclass(frozen=True)
class TwinRuns:
    """Networks trained on a few images and the twin of one of them.

    Attributes
    ----------
    n_train : int
        Images, the twin included.
    angles : ndarray of shape (a,)
        Between the twins, in radians; 0 is an exact copy.
    losses : tuple of ndarray
        L(w_t) after each step, one run an angle.
    constant : ndarray of shape (a,)
        lambda_n(K(w_0)) / n.
    second : ndarray of shape (a,)
        lambda_{n-1}(K(w_0)) / n.
    step_size : ndarray of shape (a,)
    relaxed : float
        For an exact copy: the least ratio of ||grad L||^2 / 2 over L - 1/n to the second least
        eigenvalue over n of the present kernel; infinity if no angle is 0.
    """

    n_train: int
    angles: NDArray[np.float64]
    losses: tuple[NDArray[np.float64], ...]
    constant: NDArray[np.float64]
    second: NDArray[np.float64]
    step_size: NDArray[np.float64]
    relaxed: float


def twin_images(X: NDArray, y: NDArray, angle: float) -> tuple[NDArray, NDArray]:
    """Add the first image once more, turned a little towards the second, with the other label.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Images of equal norms, n >= 2.
    y : ndarray of shape (n,)
        Targets 1 and -1.
    angle : float
        In radians; with 0 the copy is exact.

    Returns
    -------
    X, y : ndarray of shape (n + 1, d), (n + 1,)
    """
    first = X[0]
    aside = X[1] - (X[1] @ first) / (first @ first) * first
    if not np.linalg.norm(aside) > 1e-9 * np.linalg.norm(first):
        raise ValueError("the first two rows of X are parallel; expected two directions")
    aside *= np.linalg.norm(first) / np.linalg.norm(aside)
    twin = first if angle == 0 else np.cos(angle) * first + np.sin(angle) * aside
    return np.vstack([X, twin]), np.append(y, -y[0])


def twin_constants(
    data: Dataset,
    angles: Sequence[float],
    *,
    n_train: int = 6,
    n_seeds: int = 5,
    random_state: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the PL* constant of infinite width against the angle between two twins.

    Parameters
    ----------
    data : Dataset
    angles : sequence of float
        In radians, positive.
    n_train : int
        Images, the twin included.
    n_seeds : int
    random_state : int

    Returns
    -------
    constant, bound : ndarray of shape (seeds, angles)
        lambda_n / n, and the bound by the two closest gradients.
    """
    angles = check_vector(angles, "angles")
    constant, bound = np.empty((2, check_int(n_seeds, "n_seeds"), len(angles)))
    for i, j in np.ndindex(constant.shape):
        pair = parity_digits(data, n_train - 1, np.random.default_rng([random_state, i]))
        K = signs_limit(twin_images(pair.X, pair.y, angles[j])[0])
        constant[i, j] = np.linalg.eigvalsh(K)[0] / n_train
        bound[i, j] = closest_gradients(K) / n_train
    return constant, bound


def twin_runs(
    data: Dataset,
    angles: Sequence[float],
    *,
    width: int = 1024,
    n_train: int = 6,
    max_steps: int = 6000,
    tol: float = 1e-3,
    random_state: int = 0,
) -> TwinRuns:
    """Train one network for each angle between the twins, from the same weights.

    Parameters
    ----------
    data : Dataset
    angles : sequence of float
        In radians.
    width : int
    n_train : int
        Images, the twin included.
    max_steps : int
    tol : float
        The mean squared residual to stop at.
    random_state : int

    Returns
    -------
    TwinRuns
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    from fearless.networks.pl_run import pl_path

    angles = check_vector(angles, "angles")
    pair = parity_digits(data, n_train - 1, np.random.default_rng([random_state]))
    losses, rows, relaxed = [], [], np.inf
    for angle in angles:
        X, y = twin_images(pair.X, pair.y, float(angle))
        model = draw_signs(X.shape[1], width, np.random.default_rng([random_state, width]))
        values: list[NDArray] = []

        def kernel(model: Any, X: NDArray, values: list = values) -> NDArray:
            K = trained_kernel(model, X)
            values.append(np.linalg.eigvalsh(K) / len(K))
            return K

        with one_thread(), warnings.catch_warnings():
            # An exact copy never gets there, and near ones not in time.
            warnings.simplefilter("ignore", ConvergenceWarning)
            path = pl_path(model, X, y, tol=tol, max_steps=max_steps, kernel=kernel)
        losses.append(path.losses)
        rows.append((values[0][0], values[0][1], path.step_size))
        if angle == 0:
            loss = path.losses[path.steps]
            excess = loss - 1 / n_train
            # Rounding decides what is left of the excess at the end.
            seen = excess > 1e-6
            ratio = path.ratio[seen] * loss[seen] / excess[seen]
            relaxed = float((ratio / np.array(values)[seen, 1]).min())
    return TwinRuns(n_train, angles, tuple(losses), *np.array(rows).T, relaxed)
