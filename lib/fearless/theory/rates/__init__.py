"""Closed forms of how fast optimization goes, one method or phenomenon a module.

``batch_size``
    How much a batch is worth: mini-batch descent on a loss that can be fitted.
``iterations``
    How many iterations a spectrum costs gradient descent and conjugate gradients.
"""

from fearless.theory.rates.batch_size import (
    batch_speedup,
    critical_batch_size,
    optimal_step_size,
    sgd_rate,
)
from fearless.theory.rates.iterations import (
    conjugate_gradient_iterations,
    gradient_descent_iterations,
    gradient_descent_residuals,
)

__all__ = [
    "batch_speedup",
    "conjugate_gradient_iterations",
    "critical_batch_size",
    "gradient_descent_iterations",
    "gradient_descent_residuals",
    "optimal_step_size",
    "sgd_rate",
]
