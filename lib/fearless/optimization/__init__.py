"""Methods that minimise a training loss, how fast they go and where each of them ends.

``method``
    What a first-order method is: a linear recurrence for any coordinates.
``methods``
    Gradient descent, heavy ball, Nesterov, MaSS, Chebyshev.
``trace``
    What a run leaves behind.
``least_squares``
    Hundreds of runs on least squares side by side.
``objective``
    Runs on any mean of losses.
``kaczmarz``
    Least squares one sample at a time: stochastic gradient descent with batches of one.
``logistic``
    Gradient descent and flow of the logistic loss on separable data; the maximum margin.
``mirror``
    Mirror descent on least squares, and the interpolant that each geometry picks.
``potentials``
    The geometries.
``steepest``
    Steepest descent on least squares in other norms: signs of the gradient, single coordinates.
"""

from fearless.optimization.kaczmarz import kaczmarz, kaczmarz_rate
from fearless.optimization.least_squares import least_squares_runs
from fearless.optimization.logistic import (
    SeparableRun,
    logistic_descent,
    logistic_flow,
    max_margin,
)
from fearless.optimization.methods import (
    Chebyshev,
    GradientDescent,
    HeavyBall,
    MaSS,
    Method,
    Nesterov,
)
from fearless.optimization.mirror import MirrorRun, bregman_projection, mirror_descent
from fearless.optimization.objective import Objective, minimize
from fearless.optimization.potentials import HypentropyPotential, Potential, PowerPotential
from fearless.optimization.steepest import SteepestRun, steepest_descent
from fearless.optimization.trace import Trace

__all__ = [
    "Chebyshev",
    "GradientDescent",
    "HeavyBall",
    "HypentropyPotential",
    "MaSS",
    "Method",
    "MirrorRun",
    "Nesterov",
    "Objective",
    "Potential",
    "PowerPotential",
    "SeparableRun",
    "SteepestRun",
    "Trace",
    "bregman_projection",
    "kaczmarz",
    "kaczmarz_rate",
    "least_squares_runs",
    "logistic_descent",
    "logistic_flow",
    "max_margin",
    "minimize",
    "mirror_descent",
    "steepest_descent",
]
