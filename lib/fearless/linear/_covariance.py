"""Covariances of new samples, given as a diagonal or as a matrix, and their quadratic forms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_matrix, check_vector


def check_covariance(covariance: ArrayLike | None, p: int) -> NDArray:
    """Return a covariance as its diagonal (p,) or as a matrix (p, p); None is the identity."""
    if covariance is None:
        return np.ones(p)
    if np.ndim(covariance) == 1:
        covariance = variances = check_vector(covariance, "covariance", length=p)
    else:
        covariance = check_matrix(covariance, "covariance", n_columns=p)
        if len(covariance) != p:
            raise ValueError(f"covariance has shape {covariance.shape}; expected {(p, p)}")
        variances = np.diag(covariance)
    if np.any(variances < 0):
        raise ValueError(f"covariance has variance {variances.min()}; expected numbers >= 0")
    return covariance


def quadratic(vectors: NDArray, covariance: NDArray) -> NDArray:
    """Return v^T Sigma v for vectors along the second axis; covariance a diagonal or a matrix."""
    if covariance.ndim == 1:
        return np.einsum("tp...,tp...,p->t...", vectors, vectors, covariance)
    image = np.tensordot(vectors, covariance, axes=(1, 0))  # the contracted axis moves to the end
    return np.sum(vectors * np.moveaxis(image, -1, 1), axis=1)
