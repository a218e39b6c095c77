# points: q3=0
"""Inverts the low-rank part alone: what the columns do not know gets lost."""

import numpy as np


def nystrom(C, W, mu):
    """Return the pseudo-inverse of C W^-1 C', without mu I."""
    inverse = np.linalg.pinv(C)
    return lambda R: inverse.T @ (W @ (inverse @ R))
