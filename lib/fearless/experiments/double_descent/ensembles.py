r"""Averages of interpolants that differ in their random features, or in their samples.

Let :math:`f_1, \dots, f_M` be fits to the same training set with independent features. The mean
risk of an average of k of them, over all choices of the k, is

.. math:: R_k = \frac1k R_{\mathrm{own}} + \Bigl(1 - \frac1k\Bigr) R_{\mathrm{cross}} ,

where :math:`R_{\mathrm{own}}` is the mean risk of one and :math:`R_{\mathrm{cross}}` the mean of
:math:`(f_i - y)(f_j - y)` over pairs. The second is what remains when k is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless import linalg
from fearless._validation import (
    RandomState,
    as_generator,
    check_int,
    check_matrix,
    check_probability,
    check_vector,
    check_widths,
)
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel
from fearless.solvers.paths.min_norm import scan
from fearless.theory.proportional import effective_penalty

__all__ = ["EnsembleCurves", "ensemble_curves", "threshold_deviations"]


@dataclass(frozen=True)
class EnsembleCurves:
    """Squared loss on the test set of averages of interpolants; one row a seed.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
    n_samples : int
        Training samples in all.
    member_samples : int
        Training samples that each member sees.
    n_members : int
        M.
    own : ndarray of shape (seeds, w)
        Mean over the members of their risks.
    typical : ndarray of shape (seeds, w)
        Median over the members of their risks. Near N = n it is far below the mean, which there is
        that of the worst member.
    together : ndarray of shape (seeds, w)
        Risk of the average of all members.
    kernel_ridge : ndarray of shape (seeds, w)
        Risk of kernel ridge regression on the whole training set with as many degrees of freedom
        as there are features; of the kernel interpolant from N = n on.
    """

    widths: NDArray[np.intp]
    n_samples: int
    member_samples: int
    n_members: int
    own: NDArray
    typical: NDArray
    together: NDArray
    kernel_ridge: NDArray

    @property
    def cross(self) -> NDArray:
        """Mean product of the errors of two members, an estimate of the risk of infinitely many."""
        m = self.n_members
        return (m * self.together - self.own) / (m - 1)

    def of(self, k: int) -> NDArray:
        """Compute the mean risk of an average of ``k`` members, over all choices of them.

        Parameters
        ----------
        k : int
            At most M for an average that was there; beyond, an extrapolation.

        Returns
        -------
        ndarray of shape (seeds, w)
        """
        k = check_int(k, "k")
        return self.own / k + (1 - 1 / k) * self.cross


def ensemble_curves(
    data: Dataset,
    widths: Sequence[int] | NDArray,
    *,
    n_train: int,
    shares: Sequence[float] = (1.0,),
    n_members: int = 20,
    label_noise: float = 0.0,
    kernel: Kernel | None = None,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> tuple[EnsembleCurves, ...]:
    """Average minimum-norm fits on independent random features, at every width.

    Parameters
    ----------
    data : Dataset
    widths : sequence of int
        Feature counts, strictly increasing.
    n_train : int
    shares : sequence of float
        Each member is fitted to a random subset of this share of the training set, drawn without
        replacement; 1 is the whole set. One result a share, with the same features.
    n_members : int
        At least 2.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    kernel : Kernel, optional
        Of the Fourier features; default ``GaussianKernel(5.0)``.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    tuple of EnsembleCurves, one a share

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost of a member and share: about that of `fearless.solvers.min_norm_path`. Used in the section
    "Taming the peak".
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    widths, last = check_widths(widths), int(np.max(widths))
    n_members = check_int(n_members, "n_members", minimum=2)
    counts = [max(1, round(check_probability(share, "shares") * n_train)) for share in shares]
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    y_test = one_hot(data.y_test, data.classes)
    seeds = as_generator(random_state).integers(2**31, size=check_int(n_seeds, "n_seeds"))
    risks = np.zeros((len(counts), len(seeds), n_members, len(widths)))
    together = np.zeros((len(counts), len(seeds), len(widths)))
    limits = []
    for s, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        X, labels = noisy_sample(data, n_train, label_noise, rng)
        y = one_hot(labels, data.classes)
        sums = np.zeros((len(counts), len(widths), *y_test.shape))
        for member in range(n_members):
            phi = RandomFourierFeatures(kernel=kernel, random_state=int(rng.integers(2**31))).fit(X)
            features = phi.block(X, 0, last).astype(np.float64)
            test = phi.block(data.X_test, 0, last).astype(np.float64)
            for c, count in enumerate(counts):
                seen = rng.permutation(n_train)[:count] if count < n_train else slice(None)
                fits = _min_norm_predictions(features[seen], y[seen], test, widths)
                for j, predictions in fits:
                    difference = predictions - y_test
                    sums[c, j] += difference
                    risks[c, s, member, j] = np.sum(difference**2) / len(y_test)
        together[:, s] = np.sum((sums / n_members) ** 2, axis=(2, 3)) / len(y_test)
        limits.append(_kernel_ridge_risks(kernel, X, y, data.X_test, y_test, widths))
    own, typical, limit = risks.mean(axis=2), np.median(risks, axis=2), np.array(limits)
    return tuple(
        EnsembleCurves(widths, n_train, count, n_members, own[c], typical[c], together[c], limit)
        for c, count in enumerate(counts)
    )


def threshold_deviations(
    kernel: Kernel,
    X: ArrayLike,
    y: ArrayLike,
    x: ArrayLike,
    members: Sequence[int],
    *,
    n_runs: int = 1000,
    random_state: RandomState = 0,
) -> NDArray:
    r"""Draw how far averages of interpolants with N = n Gaussian features are from the kernel's.

    .. math:: \Bigl( \frac1M \sum_{j=1}^{M} f_j(x) - f_\infty(x) \Bigr)
              \Big/ \bigl( P(x) \, \|f_\infty\| \bigr) ,

    with the power function P and the norm of the kernel's space. Each has Cauchy's law, whatever M.

    Parameters
    ----------
    kernel : Kernel
        The covariance of the features.
    X : array-like of shape (n, d)
    y : array-like of shape (n,)
        Not all zero.
    x : array-like of shape (d,)
        A place other than those of `X`.
    members : sequence of int
        The numbers M; the averages of one run share their members.
    n_runs : int
    random_state : None, int or Generator

    Returns
    -------
    ndarray of shape (n_runs, len(members))

    Raises
    ------
    TypeError, ValueError
        A bad argument, named; samples or a place that coincide, or targets that are all zero.

    Notes
    -----
    Cost O(r M n^3) for r runs and the largest M. Used in the section "Taming the peak".
    """
    X, y = check_matrix(X, "X"), check_vector(y, "y")
    if len(y) != len(X):
        raise ValueError(f"y must have one value for each of the {len(X)} rows of X, got {len(y)}")
    counts = [check_int(m, "members", minimum=1) for m in members]
    n_runs, rng = check_int(n_runs, "n_runs"), as_generator(random_state)
    places = np.vstack([X, check_matrix(np.atleast_2d(x), "x")])
    n = len(X)
    gram = kernel(places)
    # Of places that coincide rounding may leave a pivot that is only nearly zero.
    values = np.linalg.eigvalsh(gram)
    if values[0] <= 1e-12 * values[-1]:
        raise ValueError("X and x must be places that differ: the kernel matrix is singular")
    # The last row of the factor is (values predicted at x, P(x)): features at x are both parts.
    root = np.linalg.cholesky(gram)
    norm = np.linalg.norm(np.linalg.solve(root[:n, :n], y))
    if norm == 0:
        raise ValueError("y must not be zero everywhere: then all interpolants are zero")
    limit = root[n, :n] @ np.linalg.solve(root[:n, :n], y)
    found = np.empty((n_runs, len(counts)))
    for run in range(n_runs):
        phi = root @ rng.standard_normal((max(counts), n + 1, n))
        weights = np.linalg.solve(phi[:, :n], np.broadcast_to(y[:, None], (len(phi), n, 1)))
        fits = (phi[:, n:] @ weights)[:, 0, 0]
        found[run] = [fits[:m].mean() - limit for m in counts]
    return found / (root[n, n] * norm)


def _min_norm_predictions(
    features: NDArray, y: NDArray, test: NDArray, widths: NDArray
) -> Iterator[tuple[int, NDArray]]:
    """Yield the index of each width and the predictions on the test set, overwritten each time.

    Up to the threshold one QR for all widths, as in `min_norm_path`; beyond it a growing Gram
    matrix, whose squared condition number double precision can bear a few per cent from N = n.
    """
    n = len(y)
    below = widths[widths <= n]
    if len(below):
        packed, tau = linalg.qr_in_place(linalg.as_fortran(features[:, : below[-1]], copy=True))
        weights = linalg.apply_q(packed, tau, y, adjoint=True)[: below[-1]]
        adjoint = linalg.as_fortran(test[:, : below[-1]].T, copy=True)
        triangle = np.asfortranarray(packed[: below[-1]])
        basis = linalg.solve_triangle(triangle, adjoint, adjoint=True, overwrite=True).T
        yield from scan(basis, weights, below)
    gram, seen = np.zeros((n, n), order="F"), 0
    for j in range(len(below), len(widths)):
        width = int(widths[j])
        linalg.gram_update(gram, features[:, seen:width].T)
        seen = width
        factor = linalg.cholesky_in_place(linalg.as_fortran(gram, copy=True))
        dual = linalg.cholesky_solve(factor, y)
        yield j, test[:, :width] @ (features[:, :width].T @ dual)


def _kernel_ridge_risks(
    kernel: Kernel, X: NDArray, y: NDArray, X_test: NDArray, y_test: NDArray, widths: NDArray
) -> NDArray:
    """Risks of kernel ridge regression with N degrees of freedom, for each width N."""
    X, X_test = np.asarray(X, dtype=np.float64), np.asarray(X_test, dtype=np.float64)
    values, vectors = np.linalg.eigh(kernel(X))
    basis, rotated = kernel(X_test, X) @ vectors, vectors.T @ y
    risks = []
    for shift in np.atleast_1d(effective_penalty(values, widths)):
        predictions = basis @ (rotated / (values + shift)[:, None])
        risks.append(np.sum((predictions - y_test) ** 2) / len(y_test))
    return np.array(risks)
