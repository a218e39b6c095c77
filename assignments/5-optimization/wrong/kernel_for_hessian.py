# points: q1=1, q2=4, q3=4, q4=4, q5=2
# The eigenvalues of K in place of those of H = X^T X / n: a factor of n is missing.

import numpy as np


def numbers(K):
    """Return the numbers of the sum of all losses, not of their mean."""
    values = np.linalg.eigvalsh(K)
    above = values[values > 1e-10 * values[-1]]
    return float(np.max(np.diag(K))), float(above[-1]), float(above[0])
