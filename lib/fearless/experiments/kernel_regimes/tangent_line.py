"""A network on a line and its tangent, trained side by side on a few points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, check_int
from fearless.experiments._threads import one_thread

__all__ = ["LineFit", "line_fit"]

#: The samples: five points of no particular function.
POINTS = ((-2.4, 0.3), (-1.2, 1.0), (0.0, -0.6), (1.1, -0.2), (2.3, 0.9))


@dataclass(frozen=True)
class LineFit:
    """A trained network, and its linearisation after as many steps.

    Attributes
    ----------
    width : int
    x, y : ndarray of shape (n,)
        The samples.
    grid : ndarray of shape (g,)
        Where the functions are drawn.
    start, network, linear : ndarray of shape (g,)
        The network at the start, the trained one, and the trained tangent.
    steps : int
        Steps of gradient descent.
    distance : float
        How far the weights of the network moved.
    gap : float
        The largest difference of the last two functions on the grid.
    """

    width: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    grid: NDArray[np.float64]
    start: NDArray[np.float64]
    network: NDArray[np.float64]
    linear: NDArray[np.float64]
    steps: int
    distance: float
    gap: float


def line_fit(
    width: int, *, random_state: RandomState = 0, tol: float = 1e-3, step_size: float = 0.1
) -> LineFit:
    """Train a tanh network with one hidden layer and biases on five points of a line.

    Parameters
    ----------
    width : int
        Hidden units.
    random_state : None, int or numpy.random.Generator
        Draws the weights.
    tol : float
        The training error at which to stop.
    step_size : float
        Of gradient descent.

    Returns
    -------
    LineFit
        The two functions.
    """
    from fearless.networks import (
        FullyConnected,
        Linearized,
        descend,
        parameter_vector,
        predict_numpy,
    )

    width = check_int(width, "width")
    x, y = np.array(POINTS).T
    grid = np.linspace(-3, 3, 121)
    model = FullyConnected(
        1,
        width,
        activation="tanh",
        w_std=1.5,
        b_std=1.0,
        random_state=random_state,
        dtype=np.float64,
    )
    with one_thread():
        tangent = Linearized(model)
        run = descend(model, x[:, None], y, step_size=step_size, tol=tol, max_steps=50_000)
        path = tangent.path(x[:, None], y)
        filters = path.descent_filter([run.steps], step_size)
        start = tangent.value(grid[:, None])[:, 0]
        network = predict_numpy(model, grid[:, None])[:, 0]
        linear = path.predict(grid[:, None], filters)[0, :, 0]
    moved = parameter_vector(model) - parameter_vector(tangent.model)
    return LineFit(
        width,
        x,
        y,
        grid,
        start,
        network,
        linear,
        run.steps,
        float(np.linalg.norm(moved)),
        float(np.abs(network - linear).max()),
    )
