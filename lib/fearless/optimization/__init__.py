"""Methods that minimise a training loss, and where each of them ends.

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
from fearless.optimization.logistic import (
    SeparableRun,
    logistic_descent,
    logistic_flow,
    max_margin,
)
from fearless.optimization.mirror import MirrorRun, bregman_projection, mirror_descent
from fearless.optimization.potentials import HypentropyPotential, Potential, PowerPotential
from fearless.optimization.steepest import SteepestRun, steepest_descent

__all__ = [
    "HypentropyPotential",
    "MirrorRun",
    "Potential",
    "PowerPotential",
    "SeparableRun",
    "SteepestRun",
    "bregman_projection",
    "kaczmarz",
    "kaczmarz_rate",
    "logistic_descent",
    "logistic_flow",
    "max_margin",
    "mirror_descent",
    "steepest_descent",
]
