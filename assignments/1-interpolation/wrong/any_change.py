# points: q4=1, q5=3
# Halves the whole way, which finds some change and not the first; reads with one neighbour.

import numpy as np
from scipy.spatial.distance import cdist


def first_change(rule, x, z):
    """Return the place of some change, found by halving the whole way."""
    start = rule(x[None])[0]
    if rule(z[None])[0] == start:
        return np.nan
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if rule(((1 - middle) * x + middle * z)[None])[0] == start:
            low = middle
        else:
            high = middle
    return high


def fit_reader(X, y):
    """Return one nearest neighbour, which fits and passes the noise on."""
    return lambda Z: y[cdist(Z, X).argmin(axis=1)]
