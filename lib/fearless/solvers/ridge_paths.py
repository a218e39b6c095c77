"""Ridge regression over a grid of model widths and penalties, from one growing Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fearless import linalg
from fearless._validation import check_matrix, check_vector, check_widths
from fearless.solvers.risk_path import PathRecorder, RiskPath, check_target_pair

__all__ = ["RidgePath", "ridge_path"]


@dataclass(frozen=True)
class RidgePath:
    """Risks on a grid: ``paths[i]`` is the curve over widths at penalty ``penalties[i]``.

    Attributes
    ----------
    penalties : ndarray of shape (l,)
    paths : tuple of RiskPath, length l
    """

    penalties: np.ndarray
    paths: tuple[RiskPath, ...]

    def column(self, name: str) -> np.ndarray:
        """One attribute of every path, as an array of shape (l, m)."""
        return np.array([getattr(path, name) for path in self.paths])


def ridge_path(
    features: ArrayLike,
    y: ArrayLike,
    features_test: ArrayLike,
    y_test: ArrayLike,
    widths: ArrayLike,
    penalties: ArrayLike,
) -> RidgePath:
    r"""Risks of ridge regression on the first ``N`` features, for every ``N`` and penalty asked.

    .. math:: \beta = \arg\min_b \|\Phi_N b - Y\|^2 + \lambda_N \|b\|^2,
              \qquad \lambda_N = \lambda \, \|\Phi_N\|_F^2 / n.

    The penalty is *relative*: ``lam`` is measured against the mean squared norm of a sample's
    feature vector, which for random features is the mean of the kernel's diagonal times ``N``.
    The same ``lam`` then means the same amount of smoothing at every width.

    Parameters
    ----------
    features : array-like of shape (n, P)
    y : array-like of shape (n,) or (n, k)
    features_test : array-like of shape (m, P)
    y_test : array-like of shape (m,) or (m, k)
    widths : array-like of int
        Feature counts, strictly increasing, from 1 to ``P``.
    penalties : array-like of shape (l,)
        Relative penalties ``lam``, each positive.

    Returns
    -------
    RidgePath

    Raises
    ------
    TypeError, ValueError
        Bad arrays or widths, as in `min_norm_path`; a penalty that is not positive.
    fearless.linalg.NotPositiveDefiniteError
        When a penalty is so small (below about ``eps``) that the regularised Gram matrix is
        still numerically singular.

    Notes
    -----
    Up to the threshold the Gram matrices ``Phi_N^H Phi_N`` are leading blocks of one matrix;
    beyond it ``Phi_N Phi_N^H`` grows by rank-``k`` updates. Each (width, penalty) costs one
    Cholesky factorisation, ``min(n, N)^3 / 3`` flops.

    The optimally tuned penalty removes the peak of the double-descent curve; see Nakkiran,
    Venkat, Kakade and Ma (2021), *Optimal regularization can mitigate double descent*, ICLR.
    """
    phi = check_matrix(features, "features")
    n, p = phi.shape
    widths = check_widths(widths, "widths", maximum=p)
    phi_test = check_matrix(features_test, "features_test", n_columns=p)
    targets, targets_test = check_target_pair(y, y_test, n, len(phi_test))
    penalties = check_vector(penalties, "penalties").astype(np.float64)
    if not np.all(penalties > 0):
        raise ValueError(f"penalties has entry {penalties.min()}; expected positive numbers")

    dtype = phi.dtype
    records = [PathRecorder(widths, np.full(len(widths), n)) for _ in penalties]
    n_primal = int(widths[widths <= n].max(initial=0))
    primal = linalg.gram_update(
        np.zeros((n_primal, n_primal), dtype=dtype, order="F"), phi[:, :n_primal]
    )
    dual = np.zeros((n, n), dtype=dtype, order="F")
    seen = 0
    squares = np.cumsum(np.sum(phi**2, axis=0, dtype=np.float64))
    for j, width in enumerate(widths):
        block = phi[:, :width]
        if width <= n:
            gram, right = primal[:width, :width], block.T @ targets
        else:
            dual = linalg.gram_update(dual, phi[:, seen:width].T)
            seen, gram, right = int(width), dual, targets
        for lam, record in zip(penalties, records, strict=True):
            shift = lam * squares[width - 1] / n
            work = linalg.as_fortran(gram, copy=True)
            work[np.diag_indices_from(work)] += shift
            solution = linalg.cholesky_solve(linalg.cholesky_in_place(work), right)
            coefficients = solution if width <= n else block.T @ solution
            record.set(
                j,
                norm=np.linalg.norm(coefficients),
                # ||Phi||_F^2 bounds the largest eigenvalue, the shift the smallest one.
                condition=np.sqrt((squares[width - 1] + shift) / shift),
                method="ridge",
                precision=dtype.name,
            )
            record.score(j, "train", block @ coefficients, targets)
            record.score(j, "test", phi_test[:, :width] @ coefficients, targets_test)
    return RidgePath(penalties, tuple(record.finish() for record in records))
