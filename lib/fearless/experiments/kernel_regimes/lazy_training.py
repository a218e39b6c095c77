"""Wide networks trained by gradient descent, beside their tangents at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_positive, check_widths
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import (
    W_STD,
    Pair,
    digit_pair,
    draw_network,
)
from fearless.theory.linearity import linearization_bound, two_layer_hessian_bound

__all__ = ["TrainingRuns", "training_runs"]


@dataclass(frozen=True)
class TrainingRuns:
    """Networks trained to the same loss: one row a seed, one column a width.

    Attributes
    ----------
    kind : str
        See ``draw_network``.
    widths : ndarray of shape (m,)
    tol : float
        The training error at which all stop.
    steps : ndarray of shape (seeds, m), int
        Steps of gradient descent until then.
    final_loss : ndarray of shape (seeds, m)
        The training error reached.
    losses : tuple of ndarray
        The training errors along the way of the widest networks, one curve a seed.
    kernel_change : ndarray of shape (seeds, m)
        The largest ||K_t - K_0|| / ||K_0|| seen on the way, for the tangent kernel matrix of the
        training images (Frobenius norms).
    final_change : ndarray of shape (seeds, m)
        The same at the end.
    predicted_change : ndarray of shape (seeds, m)
        For the kind "curved output": the same at the end, if only the slopes of the output moved.
    distance : ndarray of shape (seeds, m)
        How far the weights moved, ||w - w_0||.
    linear_distance : ndarray of shape (seeds, m)
        How far those of the linearised network move in as many steps.
    gap : ndarray of shape (seeds, m)
        The largest difference between the trained network and the tangent trained for as many
        steps, on the test images: f at its weights less f_lin at its own.
    off_tangent : ndarray of shape (seeds, m)
        The largest |f(w) - f_lin(w)| on the test images, both at the weights of the trained
        network.
    worst : ndarray of shape (seeds, m)
        |f(w) - f_lin(w)| at the first test image when the weights go the same distance straight
        along the direction in which the function curves most. One hidden layer only; else NaN.
    bound : ndarray of shape (seeds, m)
        The bound ``sup ||H|| R^2 / 2`` on ``off_tangent`` and ``worst``, for the ball of radius
        ``distance``. One hidden layer only; else NaN.
    """

    kind: str
    widths: NDArray[np.int64]
    tol: float
    steps: NDArray[np.int64]
    final_loss: NDArray[np.float64]
    losses: tuple[NDArray[np.float64], ...]
    kernel_change: NDArray[np.float64]
    final_change: NDArray[np.float64]
    predicted_change: NDArray[np.float64]
    distance: NDArray[np.float64]
    linear_distance: NDArray[np.float64]
    gap: NDArray[np.float64]
    off_tangent: NDArray[np.float64]
    worst: NDArray[np.float64]
    bound: NDArray[np.float64]


def training_runs(
    kind: str,
    data: Dataset,
    widths: Sequence[int],
    *,
    n_seeds: int = 5,
    tol: float = 0.01,
    n_train: int = 20,
    target: float = 1.0,
    step_size: float = 0.5,
    random_state: int = 0,
) -> TrainingRuns:
    """Train networks of several widths on two digits by full-batch gradient descent.

    Each seed draws its own images and weights.

    Parameters
    ----------
    kind : {"one layer", "bottleneck", "curved output"}
        See ``draw_network``.
    data : Dataset
    widths : sequence of int
    n_seeds : int
    tol : float
        The training error at which to stop.
    n_train : int
        Training images; as many others are predicted.
    target : float
        The targets are ``target`` and ``-target``.
    step_size : float
        The same for all networks. At the start 1 / lambda_1 is about 1, for the largest eigenvalue
        of the tangent kernel matrix over n, and a narrow layer can raise it later.
    random_state : int

    Returns
    -------
    TrainingRuns
        What moved, and how far.
    """
    widths = check_widths(widths, "widths")
    n_seeds = check_int(n_seeds, "n_seeds")
    target = check_positive(target, "target")
    random_state = check_int(random_state, "random_state", minimum=0)
    columns: dict[str, list[float]] = {}
    curves = []
    with one_thread():
        for i in range(n_seeds):
            pair = digit_pair(
                data, n_train=n_train, n_test=n_train, random_state=_rng(random_state, i)
            )
            for width in widths:
                model = draw_network(
                    kind, pair.X.shape[1], int(width), _rng(random_state, i, int(width))
                )
                values, losses = _train(kind, model, pair, target, tol, step_size)
                for name, value in values.items():
                    columns.setdefault(name, []).append(value)
            curves.append(losses)  # of the last, the widest one
    shape = (n_seeds, len(widths))
    arrays = {name: np.array(values).reshape(shape) for name, values in columns.items()}
    return TrainingRuns(kind=kind, widths=widths, tol=tol, losses=tuple(curves), **arrays)


def _rng(*entropy: int) -> np.random.Generator:
    return np.random.default_rng(entropy)


def _train(
    kind: str, model: Any, pair: Pair, target: float, tol: float, step_size: float
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Train one network, and return one number for each column of the result."""
    from fearless.networks import (
        Linearized,
        descend,
        empirical_tangent_kernel,
        parameter_vector,
        predict_numpy,
    )

    y = target * pair.y
    tangent = Linearized(model)
    path = tangent.path(pair.X, y)
    K0 = empirical_tangent_kernel(model, pair.X)
    start = predict_numpy(model, pair.X)[:, 0]
    changes = []

    def look(step: int) -> None:
        K = empirical_tangent_kernel(model, pair.X)
        changes.append(np.linalg.norm(K - K0) / np.linalg.norm(K0))

    run = descend(model, pair.X, y, step_size=step_size, tol=tol, observe=look)
    filters = path.descent_filter([run.steps], step_size)
    moved = parameter_vector(model) - parameter_vector(tangent.model)
    distance = float(np.linalg.norm(moved))
    gap = predict_numpy(model, pair.X_test) - path.predict(pair.X_test, filters)[0]
    values = {
        "steps": run.steps,
        "final_loss": float(run.losses[-1]),
        "kernel_change": float(max(changes)),
        "final_change": float(changes[-1]),
        "predicted_change": np.nan,
        "distance": distance,
        "linear_distance": float(path.distance(filters)[0]),
        "gap": float(np.abs(gap).max()),
        "off_tangent": float(np.abs(tangent.gap(pair.X_test, moved)).max()),
        "worst": np.nan,
        "bound": np.nan,
    }
    if kind == "one layer":
        values["worst"] = _worst_gap(tangent, pair.X_test[0], distance)
        outer = tangent.model.weights[1].detach().numpy()[0]
        hessian = two_layer_hessian_bound(outer, pair.X_test, distance, w_std=W_STD)
        values["bound"] = float(linearization_bound(hessian, distance).max())
    elif kind == "curved output":
        end = predict_numpy(model, pair.X)[:, 0]
        ratio = (1 - end**2) / (1 - start**2)
        values["predicted_change"] = float(
            np.linalg.norm((np.outer(ratio, ratio) - 1) * K0) / np.linalg.norm(K0)
        )
    return values, run.losses


def _worst_gap(tangent: Any, x: NDArray, distance: float) -> float:
    """Return |f - f_lin| at x, after a walk along the top direction of its Hessian."""
    from fearless.networks import HessianOperator

    _, direction = HessianOperator(tangent.model, x).top(random_state=0)
    return max(
        float(np.abs(tangent.gap(x[None], sign * distance * direction)).max()) for sign in (1, -1)
    )
