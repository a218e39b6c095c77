# points: q1=2, q3=1
# Thinks of more coefficients than samples only, and divides by the eigenvalue before.
import numpy as np


def min_norm(X, y):
    """X^T (X X^T)^{-1} y: right for n < p, and for n > p the inverse of a singular matrix."""
    return X.T @ np.linalg.solve(X @ X.T, y)


def effective_ranks(eigenvalues):
    """Sums over i > k, divided by lambda_k in the place of lambda_{k+1}."""
    lam = np.asarray(eigenvalues, dtype=float)
    sums = np.cumsum(lam[::-1])[::-1]
    squares = np.cumsum(lam[::-1] ** 2)[::-1]
    before = np.concatenate([lam[:1], lam[:-1]])
    return sums / before, sums**2 / squares
