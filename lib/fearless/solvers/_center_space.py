"""A preconditioner inside the space that is spanned by the centres.

The operator

.. math:: P = I - \\sum_{i \\le q} (1 - \\lambda_{q+1} / \\lambda_i)\\; e_i \\otimes e_i

flattens the q largest eigenvalues of the covariance operator of the data. Its eigenfunctions are
Ritz vectors: the best ones in the span of a subset S of the centres, for a sample of the data,
``e_i = sum_s V_si K(., z_s)``. Taking them inside the span makes P commute with the projection, so
that preconditioning does not move the solution, whatever the centres are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int
from fearless.linalg import NotPositiveDefiniteError

__all__ = ["Preconditioner", "RitzPairs", "build_preconditioner", "ritz_pairs"]


@dataclass(frozen=True)
class RitzPairs:
    """Approximate eigenpairs of the covariance operator of the data, in the span of a few centres.

    Attributes
    ----------
    values : ndarray of shape (r,)
        Decreasing.
    vectors : ndarray of shape (s, r)
        Coefficients of the eigenfunctions, orthonormal in the space of the kernel.
    basis : ndarray of shape (s, r)
        An orthonormal basis of the span, its principal directions first.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    basis: NDArray[np.float64]


def ritz_pairs(K_SS: NDArray, K_DS: NDArray, eps: float) -> RitzPairs:
    """Find Ritz pairs of the operator (1/m) sum_i K(., x_i) (x) K(., x_i) in span K(., S).

    Parameters
    ----------
    K_SS : ndarray of shape (s, s)
        Kernel matrix of the points S.
    K_DS : ndarray of shape (m, s)
        Kernel values between a sample of the data and S.
    eps : float
        Precision of these values.

    Returns
    -------
    RitzPairs

    Raises
    ------
    NotPositiveDefiniteError
        K_SS is zero or not positive semi-definite.

    Notes
    -----
    Directions of K_SS whose eigenvalues are rounding errors are left out. Cost O(s^2 (s + m)).
    """
    sizes, U = np.linalg.eigh(K_SS.astype(np.float64))
    sizes, U = sizes[::-1], U[:, ::-1]
    noise = len(sizes) * eps * sizes[0]
    if sizes[0] <= 0 or sizes[-1] < -10 * noise:
        raise NotPositiveDefiniteError(
            f"the kernel matrix of {len(sizes)} centres has the eigenvalue {sizes[-1]:.2g}, the "
            f"largest being {sizes[0]:.2g}: not the matrix of a positive definite kernel"
        )
    kept = sizes > noise
    basis = U[:, kept] / np.sqrt(sizes[kept])
    features = K_DS.astype(np.float64) @ basis
    values, rotation = np.linalg.eigh(features.T @ features / len(K_DS))
    return RitzPairs(np.maximum(values[::-1], 0), basis @ rotation[:, ::-1], basis)


@dataclass(frozen=True)
class Preconditioner:
    """The operator P for batches of a given size, and the step that goes with them.

    Attributes
    ----------
    vectors : ndarray of shape (s, q)
        Coefficients V of the eigenfunctions on the subset.
    damping : ndarray of shape (q,)
        1 - (lambda_{q+1} + reg/n) / (lambda_i + reg/n).
    beta : float
        max K_q(x, x) over a sample of the data: the paper's beta(K_q).
    top : float
        The largest eigenvalue of the preconditioned covariance operator.
    shift : float
        reg / n.
    """

    vectors: NDArray[np.float64]
    damping: NDArray[np.float64]
    beta: float
    top: float
    shift: float

    @property
    def rank(self) -> int:
        """The number q of eigendirections."""
        return len(self.damping)

    @property
    def critical_batch(self) -> float:
        """The batch size m* beyond which steps cannot grow with the batch: beta / top + 1."""
        return self.beta / (self.top + self.shift) + 1

    def step(self, batch: int) -> float:
        """Return the step for the mean gradient of a batch: 1 / its smoothness."""
        return 1 / ((self.beta + (batch - 1) * self.top) / batch + self.shift)

    def stretch(self, step: float) -> float:
        """Return how far a step would go without P, in units of the error: step x lambda_1."""
        kept = 1 - self.damping[0] if self.rank else 1.0
        return step * (self.top + self.shift) / max(kept, 1e-300)

    def amounts(self, values: NDArray) -> NDArray:
        """Return c with (P - I) g = -sum_i c_i e_i, from the values g(S)."""
        return self.damping[:, None] * (self.vectors.T @ values)


def build_preconditioner(
    pairs: RitzPairs,
    K_DS: NDArray,
    K_DD: NDArray,
    shift: float,
    target_batch: int,
    rank: int | None,
    most_rank: int,
) -> Preconditioner:
    """Choose how many directions to correct, and measure what is left.

    Parameters
    ----------
    pairs : RitzPairs
        The eigenpairs.
    K_DS, K_DD : ndarrays of shape (m, s) and (m, m)
        Kernel values of another sample of the data: what fits one sample may not fit another.
    shift : float
        reg / n.
    target_batch : int
        The fewest directions are taken whose critical batch reaches this.
    rank : int, optional
        So many instead.
    most_rank : int
        No more than this, whatever the target.

    Returns
    -------
    Preconditioner
    """
    m, r = len(K_DS), len(pairs.values)
    # Beyond half of the subset Ritz values say more about the subset than about the data.
    most = max(0, min(r - 1, len(pairs.vectors) // 2, most_rank))
    if rank is not None:
        most = check_int(rank, "rank", minimum=0, maximum=max(r - 1, 0))
    lam = pairs.values + shift
    lam = np.maximum(lam, 1e-300)
    features = K_DS.astype(np.float64) @ pairs.vectors[:, :most]
    diagonal = np.diagonal(K_DD).astype(np.float64)
    squares = features**2
    if rank is None:
        # beta(K_q) for all q at once: K(x,x) - sum_i (1 - lam_q / lam_i) e_i(x)^2.
        plain, weighted = np.cumsum(squares, axis=1), np.cumsum(squares / lam[:most], axis=1)
        q = 0
        if most:
            betas = (diagonal[:, None] - plain + lam[1 : most + 1] * weighted).max(axis=0)
            reached = np.flatnonzero(betas / lam[1 : most + 1] + 1 >= target_batch)
            q = int(reached[0]) + 1 if len(reached) else most
            if diagonal.max() / lam[0] + 1 >= target_batch:
                q = 0
    else:
        q = most
    damping = 1 - lam[q] / lam[:q] if q else np.zeros(0)
    left = diagonal - squares[:, :q] @ damping
    beta = float(max(left.max(), np.finfo(np.float64).tiny))
    # The largest eigenvalue of K_q on the sample: m times that of the operator, plus at most beta.
    K_q = K_DD.astype(np.float64) - (features[:, :q] * damping) @ features[:, :q].T
    measured = (float(_largest_eigenvalue(K_q)) - beta) / max(m - 1, 1)
    top = max(float(lam[q] - shift) if q < r else 0.0, measured)
    return Preconditioner(pairs.vectors[:, :q], damping, beta, top, shift)


def _largest_eigenvalue(K: NDArray, iterations: int = 30) -> float:
    """Power iteration with a margin of 5 %: a few hundred rows, accuracy of a step."""
    x = np.random.default_rng(0).standard_normal(len(K))
    value = 0.0
    for _ in range(iterations):
        norm = np.linalg.norm(x)
        if norm == 0:
            return 0.0
        x = K @ (x / norm)
        value = float(np.linalg.norm(x))
    return 1.05 * value
