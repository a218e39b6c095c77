"""The sample-wise curve in one pass: a fixed feature map, every training-set size.

The mirror image of `min_norm_path`. For ``n <= P`` samples the QR of ``Phi^H`` is nested in the
*samples*: with ``Phi^H = Q R`` and ``Z = R^{-H} Y`` (nested forward substitution) the min-norm
interpolant of the first ``n`` samples is ``Q[:, :n] Z[:n]``, so that the predictions of every
``n`` are prefix sums and its squared norm is ``sum_{i <= n} ||Z_i||^2``. For ``n > P`` each new
sample adds a row to a least-squares problem, and `GrowingFactor` takes it in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fearless import linalg
from fearless._validation import check_matrix, check_widths
from fearless.solvers.paths.growing import GrowingFactor
from fearless.solvers.paths.min_norm import scan
from fearless.solvers.paths.risk_path import PathRecorder, RiskPath, check_target_pair

__all__ = ["sample_path"]


def sample_path(
    features: ArrayLike,
    y: ArrayLike,
    features_test: ArrayLike,
    y_test: ArrayLike,
    sizes: ArrayLike,
) -> RiskPath:
    r"""Risks of the min-norm least-squares fit to the first ``n`` samples, for every ``n`` asked.

    .. math:: \beta_n = \Phi_{[n]}^+ Y_{[n]},

    with the first ``n`` rows of ``Phi`` and ``Y``: the curve of *sample-wise* double descent, on
    which more data can hurt. No singular value is cut off. Features that are zero on all samples
    have weight zero, and do not count towards the threshold.

    Parameters
    ----------
    features : array-like of shape (n_max, P)
        Feature matrix; samples are added in the order of its rows.
    y : array-like of shape (n_max,) or (n_max, k)
        Targets; one-hot rows for classification.
    features_test : array-like of shape (m, P)
    y_test : array-like of shape (m,) or (m, k)
    sizes : array-like of int
        Sample counts ``n``, strictly increasing, from 1 to ``n_max``. All sizes up to ``P``
        together cost about one factorisation.

    Returns
    -------
    RiskPath
        ``RiskPath.train_mse`` of entry ``j`` is over its own ``n`` training samples.

    Raises
    ------
    TypeError, ValueError
        Arrays that are not finite, empty or of mismatched lengths; sizes that are not strictly
        increasing, below 1 or beyond ``n_max``.

    Warns
    -----
    IllConditionedWarning
        When the condition number exceeds ``1 / eps`` for some size.

    Notes
    -----
    Cost: ``4 P^3 / 3`` flops for the factorisation and ``2 P^2 m`` for the test set up to
    ``n = P``; beyond it at most ``2 P^2`` a sample, and ``P^3 / 3`` a size once the problem is
    well conditioned. Memory: three ``P x P`` arrays. Used in the section "More data can hurt; more
    training can hurt".

    See Also
    --------
    min_norm_path : the same for a growing number of features.

    References
    ----------
    Nakkiran et al. (2020), *Deep double descent*, ICLR: sample-wise non-monotonicity.
    """
    phi = check_matrix(features, "features", allow_complex=True)
    n_max, p = phi.shape
    sizes = check_widths(sizes, "sizes", maximum=n_max)
    phi_test = check_matrix(features_test, "features_test", n_columns=p, allow_complex=True)
    targets, targets_test = check_target_pair(y, y_test, n_max, len(phi_test))
    record = PathRecorder(np.full(len(sizes), p), sizes)
    record.set(slice(None), precision=phi.dtype.name)
    live = phi[: sizes[-1]].any(axis=0)
    if not live.all():  # least norm gives them weight zero; they would make the factor singular
        phi, phi_test = phi[:, live], phi_test[:, live]
        p = phi.shape[1]
    if p == 0:
        raise ValueError("features is zero on all samples; expected some that are not")
    n_below = int(np.searchsorted(sizes, p, side="right"))
    if n_below:
        _interpolating(phi, targets, phi_test, targets_test, sizes[:n_below], record)
    if n_below < len(sizes):
        _overdetermined(phi, targets, phi_test, targets_test, sizes, n_below, record)
    (path,) = record.finish()
    return path


def _interpolating(
    phi: np.ndarray,
    targets: np.ndarray,
    phi_test: np.ndarray,
    targets_test: np.ndarray,
    sizes: np.ndarray,
    record: PathRecorder,
) -> None:
    n_max = int(sizes[-1])
    packed, tau = linalg.qr_in_place(linalg.as_fortran(phi[:n_max].conj().T, copy=True))
    r = np.asfortranarray(np.triu(packed[:n_max]))
    z = linalg.solve_triangle(r, targets[:n_max].astype(r.dtype), adjoint=True)
    inverse = linalg.invert_triangle(r)
    # Row i of R^H Z predicts sample i, the same for every size that includes it.
    fitted = r.conj().T @ z
    test_basis = linalg.apply_q(packed, tau, phi_test.conj().T, adjoint=True)[:n_max].conj().T
    norms = np.sqrt(np.cumsum(np.sum(np.abs(z) ** 2, axis=1, dtype=np.float64)))
    squares = [np.cumsum(np.sum(np.abs(a) ** 2, axis=0, dtype=np.float64)) for a in (r, inverse)]
    record.set(
        slice(0, len(sizes)),
        norm=norms[sizes - 1],
        condition=np.sqrt(squares[0] * squares[1])[sizes - 1],
        method="qr",
    )
    for j, predictions in scan(test_basis, z, sizes):
        record.score(j, "train", fitted[: sizes[j]], targets[: sizes[j]])
        record.score(j, "test", predictions, targets_test)


def _overdetermined(
    phi: np.ndarray,
    targets: np.ndarray,
    phi_test: np.ndarray,
    targets_test: np.ndarray,
    sizes: np.ndarray,
    offset: int,
    record: PathRecorder,
) -> None:
    first = int(sizes[offset])
    typed = targets.astype(phi.dtype, copy=False)
    factor = GrowingFactor(phi[:first], typed[:first])
    previous = first
    for j in range(offset, len(sizes)):
        size = int(sizes[j])
        factor.append(phi[previous:size], typed[previous:size])
        previous = size
        coefficients = factor.least_squares()
        record.set(
            j,
            norm=np.linalg.norm(coefficients),
            condition=factor.condition,
            method="gram" if factor.method == "gram" else "qr-update",
        )
        record.score(j, "train", phi[:size] @ coefficients, targets[:size])
        record.score(j, "test", phi_test @ coefficients, targets_test)
        if factor.wants_gram() and j + 1 < len(sizes):
            factor.try_gram([(phi[:size], typed[:size])], coefficients)
