"""Ridge regression on random features of images, the penalty chosen without held-out data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_vector, check_widths
from fearless.data import Dataset, one_hot
from fearless.experiments._samples import noisy_sample
from fearless.features import RandomFourierFeatures
from fearless.kernels import GaussianKernel, Kernel
from fearless.solvers import PenaltyPath, RiskPath, min_norm_path, penalty_path

__all__ = ["LeaveOneOutCurves", "leave_one_out_curves"]


@dataclass(frozen=True)
class LeaveOneOutCurves:
    """Risks over widths and penalties, and of the penalty that leave-one-out would choose.

    Attributes
    ----------
    widths : ndarray of shape (w,), int
    n_samples : int
    penalties : ndarray of shape (l,)
        Of (1/n) ||y - Phi b||^2 + penalty ||b||^2, with features scaled to length about one.
    paths : tuple of tuples of PenaltyPath
        One row a seed, one path a width.
    ridgeless : tuple of RiskPath
        The minimum-norm fits, one a seed.
    """

    widths: NDArray[np.intp]
    n_samples: int
    penalties: NDArray
    paths: tuple[tuple[PenaltyPath, ...], ...]
    ridgeless: tuple[RiskPath, ...]

    def column(self, name: str) -> NDArray:
        """Stack one attribute of every path.

        Parameters
        ----------
        name : str
            An attribute of `PenaltyPath` with one entry a penalty.

        Returns
        -------
        ndarray of shape (seeds, w, l)
        """
        return np.array([[getattr(path, name) for path in row] for row in self.paths])

    def chosen(self, name: str, criterion: str = "loo") -> NDArray:
        """Take an attribute at the penalty that a criterion chooses.

        Parameters
        ----------
        name : str
            An attribute of `PenaltyPath` with one entry a penalty.
        criterion : str
            "loo", "gcv", "loo_error"; or "test_mse", which a practitioner cannot see.

        Returns
        -------
        ndarray of shape (seeds, w)
        """
        best = self.column(criterion).argmin(axis=2)
        return np.take_along_axis(self.column(name), best[..., None], axis=2)[..., 0]

    def without_penalty(self, name: str) -> NDArray:
        """Stack an attribute of the minimum-norm fits.

        Parameters
        ----------
        name : str
            An attribute of `RiskPath`.

        Returns
        -------
        ndarray of shape (seeds, w)
        """
        return np.array([getattr(path, name) for path in self.ridgeless])


def leave_one_out_curves(
    data: Dataset,
    widths: Sequence[int] | NDArray,
    penalties: Sequence[float] | NDArray,
    *,
    n_train: int,
    kernel: Kernel | None = None,
    label_noise: float = 0.0,
    n_seeds: int = 3,
    random_state: RandomState = 0,
) -> LeaveOneOutCurves:
    """Compute `penalty_path` and the minimum-norm fit at every width.

    Parameters
    ----------
    data : Dataset
    widths : sequence of int
        Feature counts, strictly increasing.
    penalties : sequence of float
        Penalties, each positive.
    n_train : int
    kernel : Kernel, optional
        Of the Fourier features; default ``GaussianKernel(5.0)``.
    label_noise : float
        Probability that a training label is replaced by a uniformly random one.
    n_seeds : int
    random_state : None, int or Generator

    Returns
    -------
    LeaveOneOutCurves

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    Notes
    -----
    Cost: one eigendecomposition a seed and width, for all penalties together. Used in the section
    "Taming the peak".
    """
    n_train = check_int(n_train, "n_train", maximum=len(data.X_train))
    widths, penalties = check_widths(widths), check_vector(penalties, "penalties")
    kernel = GaussianKernel(5.0) if kernel is None else kernel
    y_test, last = one_hot(data.y_test, data.classes), int(widths[-1])
    paths, ridgeless = [], []
    for seed in as_generator(random_state).integers(2**31, size=check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng(seed)
        X, labels = noisy_sample(data, n_train, label_noise, rng)
        y = one_hot(labels, data.classes)
        phi = RandomFourierFeatures(kernel=kernel, random_state=int(seed)).fit(X)
        features = phi.block(X, 0, last).astype(np.float64)
        test = phi.block(data.X_test, 0, last).astype(np.float64)
        row = []
        for p in widths:
            scale = phi.scale(int(p))
            row.append(
                penalty_path(scale * features[:, :p], y, penalties, scale * test[:, :p], y_test)
            )
        paths.append(tuple(row))
        ridgeless.append(min_norm_path(features, y, test, y_test, widths, scale=phi.scale))
    return LeaveOneOutCurves(widths, n_train, penalties, tuple(paths), tuple(ridgeless))
