"""Small fitting problems with saddle points, and descents that begin at one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import (
    RandomState,
    as_generator,
    as_seed_sequence,
    check_int,
    check_positive,
    check_vector,
)
from fearless.optimization.growth import label_twice, strong_growth
from fearless.optimization.perturbed import perturbed_descent
from fearless.optimization.saddles import QuadraticNetwork
from fearless.theory.rates.saddles import strong_growth_bound

__all__ = [
    "GrowthCloud",
    "Landscape",
    "circle_of_inputs",
    "few_inputs",
    "growth_cloud",
    "landscape",
    "partial_saddle",
]


def few_inputs(
    n: int = 10, d: int = 20, *, noise: float = 0.0, random_state: RandomState = 0
) -> QuadraticNetwork:
    """Draw a problem that can be fitted: fewer inputs than dimensions, positive labels.

    Parameters
    ----------
    n, d : int
        Normal inputs, d of them or fewer, of squared length 1 on average.
    noise : float
        sigma: where it is not 0, every input comes twice, with labels y + sigma and y - sigma, and
        nothing can be fitted any more.
    random_state : int, Generator or None
        Draws the inputs, and the y between 1/2 and 3/2.

    Returns
    -------
    QuadraticNetwork
        With one unit.
    """
    n, d = check_int(n, "n"), check_int(d, "d")
    if n > d:
        raise ValueError(f"n is {n}; expected at most d = {d} inputs, for them to be independent")
    rng = as_generator(random_state)
    X = rng.standard_normal((n, d)) / np.sqrt(d)
    y = rng.uniform(0.5, 1.5, n)
    return QuadraticNetwork(*(label_twice(X, y, noise) if noise else (X, y)))


def circle_of_inputs(n: int = 12) -> QuadraticNetwork:
    """Place more inputs than dimensions on a circle, with labels that w* = (1, 0) fits.

    Parameters
    ----------
    n : int
        5 or more: all fourth moments are those of the circle then.

    Returns
    -------
    QuadraticNetwork
        With one unit. Its saddles are (0, 1/sqrt 3) and (0, -1/sqrt 3).
    """
    angles = 2 * np.pi * (np.arange(check_int(n, "n", minimum=5)) + 0.5) / n
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    return QuadraticNetwork(X, X[:, 0] ** 2)


def partial_saddle(objective: QuadraticNetwork, zeros: ArrayLike) -> NDArray[np.float64]:
    """Find weights that fit all labels but some, at which the output is zero.

    Parameters
    ----------
    objective : QuadraticNetwork
        With one unit, n <= d independent inputs and positive labels.
    zeros : array-like of int
        The inputs with output zero.

    Returns
    -------
    ndarray of shape (d,)
        The shortest such weights: a strict saddle.
    """
    roots = np.sqrt(objective.y)
    roots[np.asarray(zeros, dtype=np.intp)] = 0
    return np.linalg.lstsq(objective.X, roots, rcond=None)[0]


@dataclass(frozen=True)
class Landscape:
    """A loss of two weights, its stationary points, and descents from one of them.

    Attributes
    ----------
    grid : ndarray of shape (g,)
        Of both weights.
    loss : ndarray of shape (g, g)
        The second weight along the first axis.
    minima, saddles : ndarray of shape (k, 2)
    start : ndarray of shape (2,)
        A saddle.
    paths : ndarray of shape (runs, T, 2)
    """

    grid: NDArray[np.float64]
    loss: NDArray[np.float64]
    minima: NDArray[np.float64]
    saddles: NDArray[np.float64]
    start: NDArray[np.float64]
    paths: NDArray[np.float64]


def landscape(
    kind: str,
    *,
    radius: float = 0.0,
    n_runs: int = 6,
    n_steps: int = 400,
    step_size: float = 0.1,
    n_grid: int = 121,
    random_state: RandomState = 0,
) -> Landscape:
    """Run SGD with batches of one from a saddle of a loss of two weights.

    Parameters
    ----------
    kind : {"few", "many"}
        Two independent inputs, or twelve on a circle.
    radius : float
        tau, of the perturbations.
    n_runs, n_steps : int
    step_size : float
    n_grid : int
    random_state : int, Generator or None

    Returns
    -------
    Landscape
        The loss on a grid and the paths.
    """
    if kind == "few":
        objective = QuadraticNetwork([[1.0, 0.25], [0.0, 1.0]], [1.0, 0.5])
        signs = np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
        points = np.linalg.solve(objective.X, (signs * np.sqrt(objective.y)).T).T
        kinds = np.abs(signs).sum(axis=1)
        minima, saddles = points[kinds == 2], points[kinds == 1]
        # The first input has output 0, and an exact one, so that rounding does not push.
        start = np.array([0.25 * np.sqrt(0.5), -np.sqrt(0.5)])
    elif kind == "many":
        objective = circle_of_inputs()
        minima = np.array([[-1.0, 0.0], [1.0, 0.0]])
        saddles = np.array([[0.0, -1.0], [0.0, 1.0]]) / np.sqrt(3)
        start = saddles[1]
    else:
        raise ValueError(f"kind is {kind!r}; expected 'few' or 'many'")
    n_grid = check_int(n_grid, "n_grid", minimum=2)
    grid = np.linspace(-1.5, 1.5, n_grid)
    w = np.stack(np.meshgrid(grid, grid), axis=-1)
    # A trace keeps the last iterate only: runs of one step, joined, make the path.
    paths = [np.repeat(start[None], check_int(n_runs, "n_runs"), axis=0)]
    seeds = as_seed_sequence(random_state).generate_state(n_steps)
    for seed in seeds:
        run = perturbed_descent(
            objective,
            paths[-1],
            step_size=step_size,
            radius=radius,
            batch_size=1,
            n_steps=1,
            record=1,
            random_state=int(seed),
        )
        paths.append(run.coef)
    return Landscape(grid, objective.loss(w), minima, saddles, start, np.stack(paths, axis=1))


@dataclass(frozen=True)
class GrowthCloud:
    """Sample gradients against the mean gradient, at many weights.

    Attributes
    ----------
    names : tuple of str
    mean : ndarray of shape (kinds, points)
        ||grad L||^2.
    samples : ndarray of shape (kinds, points)
        The mean of the ||grad l_i||^2.
    ratio : ndarray of shape (kinds, points)
        The second over the first.
    bound : float
        rho, where labels can be fitted.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    samples: NDArray[np.float64]
    ratio: NDArray[np.float64]
    bound: float


def growth_cloud(
    *,
    noises: ArrayLike = (0.0, 0.01, 0.1),
    n_runs: int = 8,
    n_steps: int = 800,
    n_points: int = 80,
    random_state: RandomState = 0,
) -> GrowthCloud:
    """Follow gradient descent from near the saddle to a minimum; compare gradients on the way.

    Parameters
    ----------
    noises : array-like of shape (kinds,)
        sigma of the labels; 0 for labels that can be fitted.
    n_runs, n_steps, n_points : int
        Runs, their steps, and how often each is looked at.
    random_state : int, Generator or None

    Returns
    -------
    GrowthCloud
        One row a noise.
    """
    noises = check_vector(noises, "noises")
    problem, begin = as_seed_sequence(random_state).generate_state(2)
    clean = few_inputs(random_state=int(problem))
    start = 1e-3 * np.random.default_rng(begin).standard_normal((n_runs, clean.n_parameters))
    w, points = start, []
    every = max(check_int(n_steps, "n_steps") // check_int(n_points, "n_points"), 1)
    for _ in range(n_points):  # the mean gradient does not know of the noise: one path for all
        points.append(w)
        w = perturbed_descent(clean, w, step_size=0.5, radius=0.0, n_steps=every, record=1).coef
    w = np.concatenate(points)
    mean, samples, ratio = [], [], []
    for noise in noises:
        objective = few_inputs(
            noise=check_positive(float(noise), "noise", allow_zero=True),
            random_state=int(problem),
        )
        mean.append(np.sum(objective.gradient(w) ** 2, axis=-1))
        samples.append(objective.sample_gradient_norms(w).mean(axis=-1))
        ratio.append(strong_growth(objective, w))
    bound = strong_growth_bound(clean.X)
    names = tuple(f"{noise:g}" for noise in noises)
    return GrowthCloud(names, np.array(mean), np.array(samples), np.array(ratio), bound)
