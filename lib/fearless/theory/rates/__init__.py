"""Closed forms of how fast optimization goes, one method or phenomenon a module.

Full gradients on a quadratic:

``iterations``
    How many iterations a spectrum costs gradient descent and conjugate gradients.
``momentum``
    What momentum is worth: best parameters, rates, stability limits.
``recursions``
    Methods as linear recurrences, each given by a few numbers.

Batches:

``batch_size``
    How much a batch is worth on a loss that can be fitted: one step, worst case.
``noise_floor``
    Where a constant step stalls on noisy labels: Gaussian inputs, fresh samples.
``sample_moments``, ``second_moments``
    Mean squared errors of whole runs, exactly: SGD on given data; methods with momentum.

Beyond quadratics:

``pl``, ``pl_batches``
    Rates and radii under the PL* condition, with full gradients and with batches.
``hessian_control``
    How far the PL* constant can fall when second derivatives are small.
``random_systems``
    Condition numbers of random systems: over-parametrisation is preconditioning.
``catapult``
    Big steps on a linear network of two layers.
``saddles``
    How long it takes to leave a saddle point.
``scale_invariant``
    Weights whose length does not matter, under weight decay.
"""

__all__: list[str] = []
