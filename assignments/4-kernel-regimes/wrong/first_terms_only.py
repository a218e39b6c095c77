# points: q4=2, q5=0
"""Takes the first term for the whole: the bound at j = 0, the gradient in the output weights."""

import numpy as np


def cg_bound(values, tol):
    """Return the classical bound, which does not see that a few eigenvalues are huge."""
    root = np.sqrt(np.max(values) / np.min(values))
    if root == 1:
        return 1
    return min(len(values), int(np.ceil(np.log(2 / tol) / np.log((root + 1) / (root - 1)))))


def tangent_kernel(X, Z, W, v):
    """Return the kernel of the random features, as if only the output were trained."""
    m, d = W.shape
    HX, HZ = (np.maximum(np.sqrt(2 / d) * A @ W.T, 0) for A in (X, Z))
    return 2 / m * HX @ HZ.T
