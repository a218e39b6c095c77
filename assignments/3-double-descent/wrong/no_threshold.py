# points: q1=2.5, q2=0, q3=1
# Divides by the residual on both sides of the threshold: beyond it, that is rounding.

import numpy as np


def append_column(P, Phi, a):
    """Return the pseudoinverse of [Phi, a] as if every column led somewhere new."""
    d = P @ a
    c = a - Phi @ d
    b = c / max(c @ c, 1e-300)
    return np.vstack([P - np.outer(d, b), b])
