"""The leading eigenvectors of a dense symmetric matrix, computed directly and then checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from fearless.linalg import (
    NotPositiveDefiniteError,
    cholesky_in_place,
    extreme_singular_values,
)

__all__ = ["top_eigenspace"]


def top_eigenspace(K: NDArray, rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Compute the largest eigenvalues and eigenvectors of a kernel matrix of moderate size.

    Parameters
    ----------
    K : ndarray of shape (s, s)
        Symmetric and positive semi-definite up to rounding errors of its dtype. Not modified.
    rank : int
        How many eigenvectors, 0 <= rank < s.

    Returns
    -------
    values : ndarray of shape (rank + 1,)
        The largest eigenvalues in descending order, and the one after them.
    vectors : ndarray of shape (s, rank)
        Orthonormal eigenvectors of the first ``rank``.
    smallest : float
        An estimate of the smallest eigenvalue, good to a few per cent; 0 where it is lost in
        rounding errors.

    Raises
    ------
    NotPositiveDefiniteError
        K has an eigenvalue that is negative beyond rounding errors.
    ArithmeticError
        The computed eigenvectors are not orthonormal.

    Notes
    -----
    A direct method in float64, whatever the dtype of K: iterative ones (block Lanczos, LOBPCG) lose
    orthogonality where the spectrum is flat, and a preconditioner built on such vectors makes a
    convergent iteration diverge. Cost (5/3) s^3 + O(s^2 rank) operations and three arrays of s^2.
    """
    s = len(K)
    exact = np.array(K, dtype=np.float64, order="F")
    values, vectors = eigh(exact, subset_by_index=[s - 1 - rank, s - 1], check_finite=False)
    values, vectors = values[::-1], np.ascontiguousarray(vectors[:, ::-1][:, :rank])
    # A factorisation costs a quarter of the other half of the spectrum.
    rounding = 10 * s * float(np.finfo(K.dtype).eps) * abs(float(values[0]))
    exact[np.diag_indices(s)] += rounding
    try:
        smallest, _ = extreme_singular_values(cholesky_in_place(exact), lower=True)
    except NotPositiveDefiniteError:
        raise NotPositiveDefiniteError(
            f"the kernel matrix of {s} of the points has negative eigenvalues beyond rounding "
            "errors; expected a positive semi-definite kernel"
        ) from None
    skew = float(np.abs(vectors.T @ vectors - np.eye(rank)).max(initial=0.0))
    if not skew <= 1e-9:
        raise ArithmeticError(f"eigenvectors are orthonormal only to {skew:.1e}; expected 1e-9")
    return values, vectors, max(0.0, smallest**2 - rounding)
