# points: q1=3, q2=4, q3=4, q4=1, q5=2
# Draws batches without replacement, as programs mostly do; the theory is for draws with it.

import numpy as np


def run(K, y, step, b, n_steps, n_runs, rng):
    """Return the losses of runs that take a random subset of b samples in each step."""
    n = len(K)
    losses = np.empty((n_runs, n_steps + 1))
    for j in range(n_runs):
        r = -np.asarray(y, float)
        for t in range(n_steps + 1):
            losses[j, t] = r @ r / (2 * n)
            counts = np.zeros(n)
            counts[rng.permutation(n)[:b]] = 1
            r = r - step / b * K @ (counts * r)
    return losses
