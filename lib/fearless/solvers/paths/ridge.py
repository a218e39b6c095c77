"""Ridge regression over a grid of model widths and penalties, from one growing Gram matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fearless import linalg
from fearless._validation import check_matrix, check_vector, check_widths
from fearless.solvers.paths.risk_path import PathRecorder, RiskPath, check_target_pair

__all__ = ["RidgePath", "ridge_path", "ridge_solutions"]


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
        """Stack one attribute of every path.

        Parameters
        ----------
        name : str
            An attribute of `RiskPath`.

        Returns
        -------
        ndarray of shape (l, m)
        """
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

    See Also
    --------
    penalty_path : one width, many penalties, with leave-one-out and GCV errors.

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

    records = [PathRecorder(widths, np.full(len(widths), n)) for _ in penalties]
    k = targets.shape[1]
    for j, coefficients, condition in ridge_solutions(phi, targets, widths, penalties):
        width = widths[j]
        train = phi[:, :width] @ coefficients
        test = phi_test[:, :width] @ coefficients
        for i, record in enumerate(records):
            own = slice(i * k, (i + 1) * k)
            record.set(j, condition=condition[i], method="ridge", precision=phi.dtype.name)
            record.set_norm(j, np.sum(coefficients[:, own] ** 2, axis=0, dtype=np.float64))
            record.score(j, "train", train[:, own], targets)
            record.score(j, "test", test[:, own], targets_test)
    return RidgePath(penalties, tuple(path for record in records for path in record.finish()))


def ridge_solutions(
    phi: np.ndarray, targets: np.ndarray, widths: np.ndarray, penalties: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Coefficients of `ridge_path`, one width after another.

    Parameters
    ----------
    phi : ndarray of shape (n, P)
    targets : ndarray of shape (n, k)
    widths : ndarray of int, strictly increasing
    penalties : ndarray of shape (l,)

    Yields
    ------
    j : int
        Index of the width.
    coefficients : ndarray of shape (widths[j], l * k)
        The outputs of the first penalty, then those of the second, and so on.
    condition : ndarray of shape (l,)
        Bound on the condition number of the regularised problem.
    """
    n = len(phi)
    n_primal = int(widths[widths <= n].max(initial=0))
    primal = linalg.gram_update(
        np.zeros((n_primal, n_primal), dtype=phi.dtype, order="F"), phi[:, :n_primal]
    )
    dual = np.zeros((n, n), dtype=phi.dtype, order="F")
    seen = 0
    squares = np.cumsum(np.sum(phi**2, axis=0, dtype=np.float64))
    for j, width in enumerate(widths):
        block = phi[:, :width]
        if width <= n:
            gram, right = primal[:width, :width], block.T @ targets
        else:
            dual = linalg.gram_update(dual, phi[:, seen:width].T)
            seen, gram, right = int(width), dual, targets
        shifts = penalties * squares[width - 1] / n
        solutions = []
        for shift in shifts:
            work = linalg.as_fortran(gram, copy=True)
            np.einsum("ii->i", work)[...] += shift
            solutions.append(linalg.cholesky_solve(linalg.cholesky_in_place(work), right))
        stacked = np.hstack(solutions)
        # ||Phi||_F^2 bounds the largest eigenvalue, the shift the smallest one.
        condition = np.sqrt((squares[width - 1] + shifts) / shifts)
        yield j, stacked if width <= n else block.T @ stacked, condition
