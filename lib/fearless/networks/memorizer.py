"""A two-layer network that fits any labels exactly, written down rather than trained."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless._validation import RandomState, as_seed_sequence, check_int
from fearless.exceptions import IllConditionedWarning

__all__ = ["ReLUMemorizer"]

_BLOCK_ENTRIES = 2**22


class ReLUMemorizer(RegressorMixin, BaseEstimator):
    r"""Fit any targets exactly by a two-layer ReLU network with 2 n + d weights.

    .. math::
        c(x) = \sum_{j=1}^n w_j \max(\langle a, x \rangle - b_j, 0) .

    All units look along one direction a. In the order of the projections z_j = <a, x_j>, unit j
    switches on at b_j = z_{j-1} (b_1 somewhat before z_1), so that it acts on x_j and on the
    points behind it only: the system for w is lower triangular, and its solution is the change of
    slope at b_j of the polygon through the points (z_j, y_j).

    Parameters
    ----------
    n_directions : int
        Random directions tried; the one with the best separated projections is kept.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        The source of randomness.

    Attributes
    ----------
    direction_ : ndarray of shape (d,)
        The direction a, of length 1.
    biases_ : ndarray of shape (n,)
        The b_j, increasing.
    weights_ : ndarray of shape (n,)
        The w_j.
    n_parameters_ : int
        2 n + d; points whose projections and targets are equal share a unit, and n counts units.
    residual_ : float
        The largest ``|c(x_i) - y_i|`` over the largest ``|y_i|``, as computed.
    n_features_in_ : int
        The number d of columns.

    Warns
    -----
    IllConditionedWarning
        The residual exceeds 1e-6: projections of points with different targets are so close that
        rounding errors of the steep slopes between them show.

    Notes
    -----
    Cost O(n_directions n d + n log n) for the fit, O(d + n) a point for a prediction. The slopes
    grow with 1 / gap, and the smallest of n gaps is about 1 / n^2 of the range, so rounding errors
    grow like n^2 eps: the residual is about 1e-10 for n = 1000 and 1e-8 for n = 10^4. Used in the
    section "What you see is not what you get".

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals (2017), Understanding deep learning
    requires rethinking generalization, ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((50, 3)), rng.choice([-1.0, 1.0], size=50)
    >>> network = ReLUMemorizer(random_state=0).fit(X, y)
    >>> network.n_parameters_, bool(np.abs(network.predict(X) - y).max() < 1e-10)
    (103, True)
    """

    def __init__(self, n_directions: int = 256, *, random_state: RandomState = None) -> None:
        self.n_directions = n_directions
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> ReLUMemorizer:
        """Write the weights down.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; computed in float64.
        y : array-like of shape (n,)
            Targets.

        Returns
        -------
        self : ReLUMemorizer
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; or the projections of two points with
            different targets coincide; or X and y are so large or small that the weights over- or
            underflow.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        y = y.astype(np.float64, copy=False)
        n_directions = check_int(self.n_directions, "n_directions")
        rng = np.random.default_rng(as_seed_sequence(self.random_state))
        directions = rng.standard_normal((n_directions, X.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported below
            return self._write(X, y, directions)

    def _write(self, X: NDArray, y: NDArray, directions: NDArray) -> ReLUMemorizer:
        """Choose a direction, set the attributes and check what they give."""
        n_directions = len(directions)
        gaps = [_smallest_gap(X @ a, y) for a in directions]
        best = int(np.argmax(gaps))
        if gaps[best] <= 8 * np.finfo(float).eps:
            raise ValueError(
                "two points of X with different targets in y have projections that coincide, in "
                f"all {n_directions} directions tried; expected distinct points: no function fits "
                "one point twice"
            )
        self.direction_ = directions[best]
        z = X @ self.direction_
        order = np.lexsort((y, z))
        z, values = z[order], y[order]
        # Points that coincide but for rounding have equal targets (checked above): one unit each.
        new = np.append(True, ~((np.diff(z) <= _rounding(z)) & (np.diff(values) == 0)))
        z, values = z[new], values[new]
        # One unit alone has no gap; its bias must differ from z_1 however large that is.
        first_gap = (z[-1] - z[0]) / (len(z) - 1) if len(z) > 1 else max(abs(z[0]), 1.0)
        self.biases_ = np.append(z[0] - first_gap, z[:-1])
        steps = np.diff(values, prepend=0.0)
        slopes = steps / (z - self.biases_)
        self.weights_ = np.diff(slopes, prepend=0.0)
        self.n_parameters_ = 2 * len(z) + X.shape[1]
        scale = float(np.abs(y).max()) or 1.0
        self.residual_ = float(np.abs(self._evaluate(X) - y).max()) / scale
        if not np.isfinite(self.residual_) or np.any((slopes == 0) & (steps != 0)):
            raise ValueError(
                f"X with entries up to {np.abs(X).max():.1e} and y up to {scale:.1e} need weights "
                "beyond float64; expected both on a moderate scale"
            )
        if self.residual_ > 1e-6:
            warnings.warn(
                f"the fit does not interpolate: the largest residual is {self.residual_:.1e} of "
                "the largest target, since projections of points with different targets are "
                f"{gaps[best]:.1e} of the range apart; raise n_directions",
                IllConditionedWarning,
                stacklevel=3,
            )
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute c(x) for the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,)
            The predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        check_is_fitted(self)
        return self._evaluate(validate_data(self, X, dtype=np.float64, reset=False))

    def _evaluate(self, X: NDArray) -> NDArray:
        """Return the sum over all units, for a block of rows at a time."""
        z = X @ self.direction_
        result = np.empty(len(X))
        step = max(1, _BLOCK_ENTRIES // len(self.biases_))
        for start in range(0, len(X), step):
            units = np.maximum(z[start : start + step, None] - self.biases_, 0)
            units *= self.weights_
            # Neighbouring units nearly cancel: NumPy's pairwise sum adds them first and loses
            # several times less than a matrix product, which adds in sequence.
            result[start : start + step] = units.sum(axis=1)
        return result


def _rounding(z: NDArray) -> float:
    """Return a bound for differences of projections that are rounding errors only."""
    return 8 * float(np.finfo(float).eps * np.abs(z).max())


def _smallest_gap(z: NDArray, y: NDArray) -> float:
    """Return the smallest gap between neighbours with different targets, relative to max |z|."""
    order = np.lexsort((y, z))
    gaps = np.diff(z[order])[np.diff(y[order]) != 0]
    size = float(np.abs(z).max())
    if gaps.size == 0:
        return 1.0
    return float(gaps.min()) / size if size > 0 else 0.0
