"""Methods that minimise a training loss, how fast they go and where each of them ends.

Any method on any loss: a `Method` says what a step is, `minimize` and `least_squares_runs` make the
steps, a `Trace` is what they return; `fearless.networks.optimizer` trains networks by the same.

``method``, ``methods``
    What a first-order method is: a linear recurrence for any coordinates. Then gradient descent,
    heavy ball, Nesterov, MaSS and Chebyshev.
``objective``
    Runs on any mean of losses.
``least_squares``
    Hundreds of runs on least squares side by side.
``trace``
    What a run leaves behind.

Methods for one purpose, each with a loop of its own:

``kaczmarz``
    Least squares one sample at a time: stochastic gradient descent with batches of one.
``logistic``
    Gradient descent and flow of the logistic loss on separable data; the maximum margin.
``mirror``, ``potentials``
    Mirror descent on least squares, the interpolant that each geometry picks; the geometries.
``steepest``
    Steepest descent on least squares in other norms: signs of the gradient, single coordinates.

What losses look like, and saddle points; these are imported by module:

``systems``, ``landscape``, ``solution_set``
    Nonlinear systems of equations; PL constants and conditioning along a path; solutions and how
    the loss bends beside them.
``saddles``, ``growth``
    Losses with saddle points; how far the gradients of single samples outgrow their mean.
``perturbed``, ``cubic``, ``escape``
    Perturbed SGD and cubic-regularised Newton, which leave saddle points; what such runs record.
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
