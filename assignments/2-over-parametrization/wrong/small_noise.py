# points: q2=2.5, q5=3
# Takes df2 / n for the noise: it forgets that an interpolant has n - df2 left to divide by.
import numpy as np


def noise_kept(eigenvalues, n):
    """Nearly right where little noise stays, and never above one."""
    eigenvalues = np.asarray(eigenvalues, dtype=float)
    kept = eigenvalues / (eigenvalues + effective_penalty(eigenvalues, n))  # noqa: F821
    return np.sum(kept**2) / n


def floor_for(n, level):
    """The same mistake by hand: n / p is at most the level."""
    return max(n + 1, int(np.ceil(n / level - 1e-9)))
