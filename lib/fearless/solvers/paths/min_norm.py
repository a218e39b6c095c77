"""The whole double-descent curve in one pass: min-norm least squares for every model width.

For nested feature matrices ``Phi_N = Phi[:, :N]`` the usual way to draw the curve solves one
least-squares problem a width. Here all widths share their work:

* ``N <= n``: one Householder QR. ``R_N = R[:N, :N]`` and ``(Q^H Y)[:N]`` are nested, so that with
  ``T = Phi_test R^{-1}`` the test predictions of *every* width are prefix sums of
  ``T[:, k] (Q^H Y)[k]``; so are the coefficients, with ``R^{-1}`` in place of ``T``, and the
  predictions on the training set, with ``Q``.
* ``N > n``: the min-norm solution is ``Phi^H K^{-1} Y`` with ``K = Phi Phi^H``, and each new
  feature adds a row to ``Phi^H``. `GrowingFactor` appends them, by QR close to the threshold,
  where the condition number must not be squared, by Gram updates further out.
* A second pass over the features evaluates all widths ``N > n`` together, in products that are
  wide enough to run at full speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fearless import linalg
from fearless._validation import check_widths
from fearless.solvers.paths.feature_columns import (
    DeadColumns,
    FeatureColumns,
    FeatureSource,
    LiveColumns,
    pieces,
)
from fearless.solvers.paths.growing import GrowingFactor
from fearless.solvers.paths.risk_path import PathRecorder, RiskPath, check_target_pair

__all__ = ["min_norm_path", "min_norm_paths", "scan"]

# Largest condition number (Frobenius) for which float32 is kept: the relative error of the test
# risk is then below about 1e-4 and interpolants miss the targets by less than 1e-3 (measured).
_SINGLE_CONDITION_LIMIT = 2e4


def min_norm_path(
    features: FeatureSource,
    y: ArrayLike,
    features_test: FeatureSource,
    y_test: ArrayLike,
    widths: ArrayLike,
    *,
    scale: Callable[[int], float] | None = None,
    dtype: np.dtype | type | None = None,
    singular_values: bool = False,
) -> RiskPath:
    r"""Risks of the min-norm least-squares fit on the first ``N`` features, for every ``N`` asked.

    For each width ``N`` the model is :math:`f(x) = \sum_{k \le N} \beta_k \phi_k(x)` with

    .. math:: \beta = \Phi_N^+ Y
              = \arg\min \{ \|b\| : b \text{ minimises } \|\Phi_N b - Y\| \},

    the least-squares solution for ``N <= n`` and the minimum-norm interpolant for ``N > n``.
    No singular value is ever cut off; see ``RiskPath.condition``. Features that are exactly zero on
    the training set have weight zero, and do not count towards the threshold.

    Parameters
    ----------
    features : array-like of shape (n, P) or callable
        Feature matrix of the training set, columns nested in the model width, or a function
        ``(start, stop) -> (n, stop - start)`` that computes columns ``start`` to ``stop``
        (`fearless.features`: ``lambda a, b: phi.block(X, a, b)``). It is called twice for
        every column, so that memory does not grow with ``P``.
    y : array-like of shape (n,) or (n, k)
        Targets; one-hot rows for classification.
    features_test : array-like of shape (m, P) or callable
        The same features on the test set.
    y_test : array-like of shape (m,) or (m, k)
        Test targets.
    widths : array-like of int
        Feature counts ``N``, strictly increasing, each at least 1. ``range(1, n + 1)`` is fine:
        all of them cost about one factorisation.
    scale : callable, optional
        ``scale(N)`` is the factor that a model of width ``N`` applies to the features (for
        instance ``N ** -0.5``). Predictions do not depend on it; ``RiskPath.norm`` is then that
        of the coefficients of the scaled features, ``||beta|| / scale(N)``.
    dtype : {float32, float64}, optional
        Working precision, by default that of ``features``. float32 is used for those widths
        whose condition number allows it, float64 for the others: see ``RiskPath.precision``.
    singular_values : bool
        Also compute the extreme singular values of every ``Phi_N`` (some ten per cent more time).

    Returns
    -------
    RiskPath

    Raises
    ------
    TypeError, ValueError
        Arrays that are not finite, empty or of mismatched lengths; widths that are not strictly
        increasing, below 1 or beyond the number of features.

    Warns
    -----
    IllConditionedWarning
        When ``||Phi_N||_F ||Phi_N^+||_F`` exceeds ``1 / eps`` for some width.

    Notes
    -----
    Cost for ``m = n``, ``P = 10 n`` and 30 widths beyond the threshold: about ``22 n^3`` flops,
    nearly all of them in matrix products, against ``O(W P n^2)`` for ``W`` separate problems.
    Memory beyond the features: four ``n x n`` arrays and the predictions of all widths.

    The error against an SVD solution grows with the condition number ``kappa``, not with
    ``kappa^2``, up to the threshold and just beyond; see `GrowingFactor.try_gram` for the rest.

    Used in the chapter *The double-descent curve*. The phenomenon is that of Belkin, Hsu, Ma and
    Mandal (2019), *Proc. Natl. Acad. Sci.* 116(32), 15849-15854.

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.solvers import min_norm_path
    >>> rng = np.random.default_rng(0)
    >>> phi, phi_test = rng.standard_normal((40, 200)), rng.standard_normal((500, 200))
    >>> beta = rng.standard_normal(200) / 200**0.5
    >>> path = min_norm_path(phi, phi @ beta, phi_test, phi_test @ beta, range(1, 201))
    >>> path.peak[0] in range(38, 43)
    True
    """
    targets, targets_test = check_target_pair(y, y_test)
    (path,) = min_norm_paths(
        features,
        targets[:, None, :],
        features_test,
        targets_test,
        widths,
        scale=scale,
        dtype=dtype,
        singular_values=singular_values,
    )
    return path


def min_norm_paths(
    features: FeatureSource,
    y: ArrayLike,
    features_test: FeatureSource,
    y_test: ArrayLike,
    widths: ArrayLike,
    *,
    scale: Callable[[int], float] | None = None,
    dtype: np.dtype | type | None = None,
    singular_values: bool = False,
) -> tuple[RiskPath, ...]:
    """Several `min_norm_path` s that differ in their training targets, for the price of one.

    The factorisations depend on the features alone. Label noise at many levels, or many draws of
    it, cost little more than one.

    Parameters
    ----------
    features, features_test, widths, scale, dtype, singular_values
        As in `min_norm_path`.
    y : array-like of shape (n, s, k)
        ``s`` sets of targets with ``k`` outputs each.
    y_test : array-like of shape (m,) or (m, k)
        Test targets, the same for all sets.

    Returns
    -------
    tuple of RiskPath, of length s

    Raises
    ------
    TypeError, ValueError
        As `min_norm_path`.
    """
    widths = check_widths(widths, "widths")
    y = np.asarray(y)
    if y.ndim != 3 or y.shape[1] == 0:
        raise ValueError(f"y has shape {y.shape}; expected (n, n_sets, n_outputs)")
    n_sets = y.shape[1]
    targets, targets_test = check_target_pair(y.reshape(len(y), -1), y_test, n_outputs=y.shape[2])
    train = FeatureColumns(features, "features", len(targets), "y", int(widths[-1]))
    test = FeatureColumns(
        features_test, "features_test", len(targets_test), "y_test", int(widths[-1])
    )
    wanted = _working_dtype(train.dtype, dtype)
    problem = _Problem(train, targets, test, targets_test, wanted, singular_values)
    record = _record(problem, widths, n_sets)
    if scale is not None:
        factors = np.array([scale(int(width)) for width in widths])
        record.set(slice(None), norm=record.column("norm") / factors)
    return record.finish()


def scan(
    columns: np.ndarray, weights: np.ndarray, widths: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield ``j, columns[:, :N_j] @ weights[:N_j]`` for increasing widths ``N_j``.

    Each width adds its own columns to a running sum, so that all widths together cost what the
    last one alone would. The array yielded is overwritten by the next step.

    Parameters
    ----------
    columns : ndarray of shape (m, P)
    weights : ndarray of shape (P, k)
    widths : ndarray of int, strictly increasing

    Yields
    ------
    j : int
    total : ndarray of shape (m, k)
    """
    dtype = np.result_type(columns, weights)
    total = np.zeros((columns.shape[0], weights.shape[1]), dtype=dtype, order="F")
    previous = 0
    for j, width in enumerate(widths):
        linalg.add_product(total, columns[:, previous:width], weights[previous:width])
        previous = int(width)
        yield j, total


def _record(problem: _Problem, widths: np.ndarray, n_sets: int) -> PathRecorder:
    """Solve for all widths; features that are zero on the training set are left out."""
    n = len(problem.targets)
    record = PathRecorder(widths, np.full(len(widths), n), n_sets)
    n_below = int(np.searchsorted(widths, n, side="right"))
    try:
        if n_below:
            _up_to_threshold(problem, widths[:n_below], record)
        if n_below < len(widths):
            _beyond_threshold(problem, widths[n_below:], n_below, record)
    except DeadColumns as dead:
        train, test = (LiveColumns(columns, dead.live) for columns in (problem.train, problem.test))
        # Two widths between which all features are dead have the same model.
        counts, index = np.unique(train.count(widths), return_inverse=True)
        if counts[0] == 0:
            raise ValueError(
                f"the first {widths[0]} features are zero on all samples; expected wider models"
            ) from None
        live = replace(problem, train=train, test=test)
        return _record(live, counts, n_sets).spread(index, widths)
    return record


@dataclass(frozen=True)
class _Problem:
    """Both data sets and the options of one call."""

    train: FeatureColumns
    targets: np.ndarray
    test: FeatureColumns
    targets_test: np.ndarray
    dtype: np.dtype
    singular_values: bool

    @property
    def double(self) -> np.dtype:
        return np.result_type(self.dtype, np.float64)

    def allows(self, dtype: np.dtype, condition: float) -> bool:
        return dtype == self.double or condition <= _SINGLE_CONDITION_LIMIT


def _up_to_threshold(problem: _Problem, widths: np.ndarray, record: PathRecorder) -> None:
    """All widths ``N <= n`` from one QR."""
    targets, n_max = problem.targets, int(widths[-1])
    dtype = problem.dtype
    while True:
        packed, tau = linalg.qr_in_place(problem.train.leading(n_max, dtype, live=True))
        r = np.asfortranarray(packed[:n_max])
        inverse = linalg.invert_triangle(r)
        # ||R_N||_F and ||R_N^{-1}||_F of all widths at once: both are nested.
        condition = np.sqrt(
            np.cumsum(_column_squares(np.triu(r))) * np.cumsum(_column_squares(inverse))
        )[widths - 1]
        if problem.allows(dtype, condition.max()):
            break
        dtype = problem.double
    record.set(
        slice(0, len(widths)), condition=condition, method="qr", precision=np.dtype(dtype).name
    )
    weights = linalg.apply_q(packed, tau, targets.astype(dtype), adjoint=True)[:n_max]
    for j, coefficients in scan(inverse, weights, widths):
        record.set_norm(j, _column_squares(coefficients))
    for j, predictions in _train_predictions(packed, tau, weights, widths):
        record.score(j, "train", predictions, targets)
    # T = Phi_test R^{-1}: solving with R, instead of multiplying by the inverse, keeps the
    # error of a prediction proportional to kappa at the threshold.
    adjoint = problem.test.leading(n_max, dtype).conj().T
    t = linalg.solve_triangle(r, adjoint, adjoint=True, overwrite=True).conj().T
    for j, predictions in scan(t, weights, widths):
        record.score(j, "test", predictions, problem.targets_test)
    if problem.singular_values:
        for j, width in enumerate(widths):
            low, high = linalg.extreme_singular_values(np.asfortranarray(r[:width, :width]))
            record.set(j, singular_min=low, singular_max=high)


def _train_predictions(
    packed: np.ndarray, tau: np.ndarray, weights: np.ndarray, widths: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Predictions ``Q_N (Q^H Y)_N`` on the training set; ``Q`` is formed only for many widths."""
    n, k = packed.shape[0], weights.shape[1]
    if len(widths) * k > len(weights):
        identity = np.eye(n, len(weights), dtype=packed.dtype, order="F")
        yield from scan(linalg.apply_q(packed, tau, identity), weights, widths)
        return
    stacked = np.zeros((n, k, len(widths)), dtype=packed.dtype, order="F")
    for j, width in enumerate(widths):
        stacked[:width, :, j] = weights[:width]
    fitted = linalg.apply_q(packed, tau, stacked.reshape(n, -1, order="F"))
    for j in range(len(widths)):
        yield j, fitted[:, j * k : (j + 1) * k]


def _beyond_threshold(
    problem: _Problem, widths: np.ndarray, offset: int, record: PathRecorder
) -> None:
    """All widths ``N > n``: dual solutions while the factor grows, then one evaluation."""
    targets = problem.targets
    n, k = targets.shape
    dual = np.empty((n, k * len(widths)), dtype=problem.double, order="F")
    dtype = problem.dtype
    factor = _start(problem, int(widths[0]), dtype)
    factor.solve(targets[:, :1])
    if not problem.allows(dtype, factor.condition):
        dtype = problem.double
        factor = _start(problem, int(widths[0]), dtype)
    previous = int(widths[0])
    for j, width in enumerate(widths):
        for start, stop in pieces(previous, int(width)):
            factor.append(problem.train.block(start, stop).conj().T)
        previous = int(width)
        solution, square_norms = factor.solve(targets)
        dual[:, j * k : (j + 1) * k] = solution
        record.set(
            offset + j,
            condition=factor.condition,
            method="gram" if factor.method == "gram" else "qr-update",
            precision=factor.dtype.name,
        )
        record.set_norm(offset + j, square_norms)
        if problem.singular_values:
            low, high = factor.extreme_singular_values()
            record.set(offset + j, singular_min=low, singular_max=high)
        if factor.wants_gram() and j + 1 < len(widths):
            blocks = (
                (problem.train.block(start, stop).conj().T,) for start, stop in pieces(0, previous)
            )
            factor.try_gram(blocks, solution, targets)
        elif factor.wants_single():
            factor.try_single(solution, targets)
    _evaluate_duals(problem, dual, widths, offset, record)


def _start(problem: _Problem, width: int, dtype: np.dtype) -> GrowingFactor:
    rows = problem.train.leading(width, dtype, live=True).conj().T
    return GrowingFactor(rows, dtype=dtype, single=problem.dtype != problem.double)


def _evaluate_duals(
    problem: _Problem, dual: np.ndarray, widths: np.ndarray, offset: int, record: PathRecorder
) -> None:
    """Predictions of every width from its dual solution, in one pass over the features.

    The columns between two consecutive widths enter all wider models at once.
    """
    k = problem.targets.shape[1]
    dtype = problem.dtype
    if np.any(record.column("precision")[offset:] == problem.double.name):
        dtype = problem.double
    dual = linalg.as_fortran(dual, dtype)
    sums = {
        "train": np.zeros((len(problem.targets), dual.shape[1]), dtype=dtype, order="F"),
        "test": np.zeros((len(problem.targets_test), dual.shape[1]), dtype=dtype, order="F"),
    }
    previous = 0
    for j, width in enumerate(widths):
        for start, stop in pieces(previous, int(width)):
            block = linalg.as_fortran(problem.train.block(start, stop), dtype)
            coefficients = np.zeros((stop - start, dual.shape[1] - j * k), dtype=dtype, order="F")
            linalg.add_product(coefficients, block, dual[:, j * k :], adjoint=True)
            linalg.add_product(sums["train"][:, j * k :], block, coefficients)
            test = problem.test.block(start, stop)
            linalg.add_product(sums["test"][:, j * k :], test, coefficients)
        previous = int(width)
    for which, targets in (("train", problem.targets), ("test", problem.targets_test)):
        for j in range(len(widths)):
            record.score(offset + j, which, sums[which][:, j * k : (j + 1) * k], targets)


def _column_squares(a: np.ndarray) -> np.ndarray:
    return np.sum(np.abs(a) ** 2, axis=0, dtype=np.float64)


def _working_dtype(features: np.dtype, dtype: np.dtype | type | None) -> np.dtype:
    """The precision asked for, made complex when the features are."""
    if dtype is None:
        return np.dtype(features)
    real = np.dtype(dtype)
    if real not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype is {dtype!r}; expected float32 or float64")
    if np.dtype(features).kind != "c":
        return real
    return np.dtype(np.complex64 if real == np.float32 else np.complex128)
