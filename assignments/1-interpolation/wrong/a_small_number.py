# points: q1=1, q4=2.5
# Adds a small number to distances instead of treating zero, and lets neighbours just vote.

import numpy as np
from scipy.spatial.distance import cdist


def smooth(X, y, Z, a, h):
    """Return averages that fit the labels nearly, as no distance is zero."""
    r = cdist(Z, X) + 1e-10
    weights = np.where(r <= h, (r / h) ** -a, 0.0)
    total = weights.sum(axis=1)
    nearest = y[r.argmin(axis=1)]
    return np.where(total > 0, weights @ y / np.maximum(total, 1e-300), nearest)


def fit_reader(X, y):
    """Return a majority vote that looks the training images up, and fits nothing beside them."""

    def read(Z):
        r = cdist(Z, X)
        near = y[np.argsort(r, axis=1)[:, :15]]
        votes = np.argmax([np.sum(near == c, axis=1) for c in range(10)], axis=0)
        return np.where(r.min(axis=1) == 0, y[r.argmin(axis=1)], votes)

    return read
