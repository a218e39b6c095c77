# points: q2=2, q3=3
# Draws the distances uniformly, and takes the bias of the plain mean whatever the weights are.

import numpy as np

from fearless.theory.local import singular_variance


def noise_share(n, d, a, runs, rng):
    """Return the share for uniform distances, which is that of a line."""
    r = rng.random((runs, n))
    weights = r**-a
    weights /= weights.sum(axis=1, keepdims=True)
    return np.mean(np.sum(weights**2, axis=1))


def predicted_risk(n, a, h, sigma, curvature):
    """Return the risk with the second moment of the plain mean."""
    inside = max(1, round(2 * n * h))
    return curvature * (h**2 / 3) ** 2 / 4 + sigma**2 * singular_variance(inside, 1, a)
