# points: q4=1
# Measures the squared length of the coefficients; takes the scatter for the error of the mean.
import numpy as np


def measure(eigenvalues, n, n_draws, rng):
    """Right for equal eigenvalues of size one, as in the public check."""
    lam = np.asarray(eigenvalues, dtype=float)
    values = []
    for _ in range(n_draws):
        X = rng.standard_normal((n, len(lam))) * np.sqrt(lam)
        values.append(np.sum(np.linalg.solve(X @ X.T, X) ** 2))
    return np.mean(values), np.std(values, ddof=1)
