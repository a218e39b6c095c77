# points: q2=4
"""One step length and one delta for all columns of Y, from Frobenius inner products."""

import numpy as np


def cg(product, Y, tol=1e-6, max_iter=1000, precondition=None):
    """Solve all columns as one long system: right in the end, and slower for each."""
    apply = precondition or (lambda R: R)
    A, R = np.zeros_like(Y, dtype=float), np.array(Y, dtype=float)
    Z = apply(R)
    P, rz = Z.copy(), np.sum(R * Z)
    norms = [1.0]
    while norms[-1] > tol and len(norms) <= max_iter:
        KP = product(P)
        step = rz / np.sum(P * KP)
        A += step * P
        R -= step * KP
        Z = apply(R)
        before, rz = rz, np.sum(R * Z)
        P = Z + rz / before * P
        norms.append(np.linalg.norm(R) / np.linalg.norm(Y))
    return A, norms
