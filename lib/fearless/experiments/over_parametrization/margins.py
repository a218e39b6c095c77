"""Gradient flow of the logistic loss on separable data, on a logarithmic clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import RandomState, as_generator, as_seed_sequence, check_int
from fearless.optimization import logistic_flow, max_margin

__all__ = ["MarginRuns", "PlaneMargin", "margin_runs", "plane_margin", "separable_data"]


def separable_data(
    n: int, p: int, *, gap: float = 0.0, random_state: RandomState = None
) -> tuple[NDArray, NDArray]:
    """Draw normal samples with labels by the sign of their first coordinate.

    Parameters
    ----------
    n, p : int
        Numbers of samples and of coordinates.
    gap : float
        By how much the classes are pushed apart, each from the plane between them.
    random_state : int, Generator or None
        Draws the samples.

    Returns
    -------
    X : ndarray of shape (n, p)
        Samples.
    labels : ndarray of shape (n,)
        -1 or 1.
    """
    n, p = check_int(n, "n"), check_int(p, "p")
    X = as_generator(random_state).standard_normal((n, p))
    labels = np.where(X[:, 0] > 0, 1.0, -1.0)
    X[:, 0] += gap * labels
    return X, labels


@dataclass(frozen=True)
class MarginRuns:
    """Several problems, each followed to a very late time.

    Attributes
    ----------
    times : ndarray of shape (t,)
        Times.
    margins : ndarray of shape (seeds, t)
        The margin of w(t), relative to the largest possible one.
    angles : ndarray of shape (seeds, t)
        The angle between w(t) and the max-margin direction, in degrees.
    scaled_losses : ndarray of shape (seeds, t)
        t L(w(t)) / ||w_hat||^2, which tends to one.
    """

    times: NDArray
    margins: NDArray
    angles: NDArray
    scaled_losses: NDArray


def margin_runs(
    times: ArrayLike,
    *,
    n: int = 40,
    p: int = 50,
    n_seeds: int = 10,
    random_state: int | None = 0,
) -> MarginRuns:
    """Follow gradient flow of the logistic loss on separable data.

    Parameters
    ----------
    times : array-like of shape (t,)
        Increasing times > 0.
    n, p : int
        Samples and coordinates; with p >= n all labels are separable.
    n_seeds : int
        Number of problems.
    random_state : int or None
        Seed.

    Returns
    -------
    MarginRuns
        Margins, angles and losses.
    """
    margins, angles, losses = [], [], []
    for seed in as_seed_sequence(random_state).spawn(check_int(n_seeds, "n_seeds")):
        X, labels = separable_data(n, p, random_state=np.random.default_rng(seed))
        run, best = logistic_flow(X, labels, times), max_margin(X, labels)
        size = float(np.linalg.norm(best))
        margins.append(run.margins * size)
        angles.append(_angles(run.coef, best))
        losses.append(run.times * run.losses / size**2)
    return MarginRuns(run.times, np.array(margins), np.array(angles), np.array(losses))


@dataclass(frozen=True)
class PlaneMargin:
    """A problem in the plane, and the boundary at several times.

    Attributes
    ----------
    X, labels : ndarray of shape (n, 2) and (n,)
        The data.
    times : ndarray of shape (t,)
        Times.
    coef : ndarray of shape (t, 2)
        Weights at these times; the boundary is orthogonal to them.
    best : ndarray of shape (2,)
        The max-margin solution.
    angles : ndarray of shape (t,)
        Angles to it, in degrees.
    """

    X: NDArray
    labels: NDArray
    times: NDArray
    coef: NDArray
    best: NDArray
    angles: NDArray


def plane_margin(
    times: ArrayLike, *, n: int = 40, gap: float = 0.25, random_state: RandomState = 0
) -> PlaneMargin:
    """Follow gradient flow of the logistic loss in the plane.

    Parameters
    ----------
    times : array-like of shape (t,)
        Increasing times > 0.
    n : int
        Samples.
    gap : float
        As in `separable_data`.
    random_state : int, Generator or None
        Draws the samples.

    Returns
    -------
    PlaneMargin
        Data and boundaries.
    """
    X, labels = separable_data(n, 2, gap=gap, random_state=random_state)
    run, best = logistic_flow(X, labels, times), max_margin(X, labels)
    return PlaneMargin(X, labels, run.times, run.coef, best, _angles(run.coef, best))


def _angles(coef: NDArray, best: NDArray) -> NDArray:
    """Return angles in degrees, accurate for small ones (an arc cosine is not)."""
    unit = best / np.linalg.norm(best)
    along = coef @ unit
    across = np.linalg.norm(coef - along[:, None] * unit, axis=1)
    return np.degrees(np.arctan2(across, along))
