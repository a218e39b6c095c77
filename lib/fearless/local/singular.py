"""Kernel smoothers whose kernel is infinite at zero: they smooth, and they interpolate."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_option, check_positive
from fearless.local._base import LocalAverage, LocalClassifier, LocalRegressor
from fearless.local._search import row_blocks

__all__ = ["SingularKernelClassifier", "SingularKernelRegressor"]

_KERNELS = ("hilbert", "power", "smooth-power", "log")
_OUTSIDE = ("nearest", "error")

#: Up to this dimension the pairs within the bandwidth come from a k-d tree, unless they are more
#: than this share of all pairs, when going through all of them is faster.
_TREE_DIMENSIONS = 8
_DENSE_SHARE = 0.05
_BLOCK_PAIRS = 2**18

#: Radii (in the unit of the search) that lie between the distances whose squares float64 resolves,
#: and those that no query exceeds; and radii with room for every quotient in float32.
_RADII = (2 * float(np.sqrt(np.finfo(float).tiny)), float(np.sqrt(np.finfo(float).max)) / 2)
_RADII_32 = (1e-18, 1e18)

_MODERATE = 2.0**64  # sums of as large targets are finite in float32
_LARGEST_EXPONENT = 1e30  # only the nearest counts long before; finite in float32


class _SingularKernel(LocalAverage):
    """The weights, shared by regression and classification."""

    def __init__(
        self,
        kernel: str = "hilbert",
        *,
        exponent: float | None = None,
        bandwidth: float | None = None,
        duplicates: str = "error",
        outside: str = "nearest",
    ) -> None:
        self.kernel = kernel
        self.exponent = exponent
        self.bandwidth = bandwidth
        self.duplicates = duplicates
        self.outside = outside

    def _check_parameters(self, n: int, d: int) -> None:
        kernel = check_option(self.kernel, "kernel", _KERNELS)
        # Predictions use the parameters of the fit, whatever is set afterwards.
        self.kernel_ = kernel
        self.outside_ = check_option(self.outside, "outside", _OUTSIDE)
        self.bandwidth_ = None
        if kernel == "hilbert":
            if self.bandwidth is not None:
                raise ValueError(
                    f"bandwidth is {self.bandwidth}; expected None: the Hilbert kernel has no "
                    "scale and averages over all points"
                )
        elif self.bandwidth is None:
            raise ValueError(f"bandwidth is None; expected a number > 0 with kernel={kernel!r}")
        else:
            self.bandwidth_ = float(check_positive(self.bandwidth, "bandwidth"))
        if kernel == "log":
            if self.exponent is not None:
                raise ValueError(f"exponent is {self.exponent}; expected None with kernel='log'")
            return
        default = d if kernel == "hilbert" else d / 4
        given = default if self.exponent is None else self.exponent
        self.exponent_ = check_positive(given, "exponent")

    def _average(self, Q: NDArray, targets: NDArray) -> NDArray:
        n = len(self._search.X)
        out = np.empty((len(Q), targets.shape[1]), targets.dtype)
        if self.kernel_ != "hilbert" and not _RADII_32[0] < self._radius() < _RADII_32[1]:
            Q = Q.astype(np.float64, copy=False)
        if self.kernel_ != "hilbert" and Q.shape[1] <= _TREE_DIMENSIONS:
            counts = self._search.tree.query_ball_point(Q, self._radius(), return_length=True)
            if counts.sum() <= _DENSE_SHARE * n * len(Q):
                for block in _pair_blocks(counts):
                    out[block] = self._average_over_pairs(Q[block], targets, block.start)
                return out
        if Q.dtype == np.float32 and np.abs(targets).max() < _MODERATE:
            # Labels and other targets that float32 holds exactly: products take half the time.
            rounded = targets.astype(np.float32)
            targets = rounded if np.array_equal(rounded, targets) else targets
        for block in row_blocks(len(Q), n):
            out[block] = self._average_over_all(Q[block], targets, block.start)
        return out

    def _average_over_all(self, Q: NDArray, targets: NDArray, start: int) -> NDArray:
        squared = self._search.squared_distances(Q)
        nearest = np.argmin(squared, axis=1)
        smallest = np.take_along_axis(squared, nearest[:, None], axis=1)
        hit = smallest[:, 0] == 0
        # Rows of coincidence are set at the end: any positive scale will do for them.
        smallest[hit] = 1.0
        weights = self._weights(squared, smallest)
        total = weights.sum(axis=1)
        outside = (total == 0) & ~hit
        self._check_inside(outside, start)
        total[outside] = 1.0
        if self._huge_targets:
            weights /= total[:, None]
            total[:] = 1.0
        # In the wider of the two dtypes: digits of the targets are not given up.
        dtype = np.result_type(weights, targets)
        values = weights.astype(dtype, copy=False) @ targets.astype(dtype, copy=False)
        values /= total[:, None]
        values = values.astype(targets.dtype, copy=False)
        hit |= outside
        values[hit] = targets[nearest[hit]]
        return values

    def _average_over_pairs(self, Q: NDArray, targets: NDArray, start: int) -> NDArray:
        m = len(Q)
        rows, columns, distances = self._search.within(Q, self._radius())
        zero = distances == 0
        squared = np.maximum(distances**2, np.finfo(float).tiny)  # rows of zero are set at the end
        smallest = np.full(m, np.inf)
        np.minimum.at(smallest, rows, squared)
        weights = self._weights(squared, smallest[rows])
        total = np.bincount(rows, weights, minlength=m)
        values = np.empty((m, targets.shape[1]), targets.dtype)
        covered = total > 0
        if self._huge_targets:
            weights /= np.where(covered, total, 1.0)[rows]
            total[:] = 1.0
        for j in range(targets.shape[1]):
            sums = np.bincount(rows, weights * targets[columns, j], minlength=m)
            values[covered, j] = sums[covered] / total[covered]
        values[rows[zero]] = targets[columns[zero]]
        outside = ~covered
        outside[rows[zero]] = False
        self._check_inside(outside, start)
        if outside.any():
            values[outside] = targets[self._search.nearest(Q[outside], 1)[0][:, 0]]
        return values

    def _check_inside(self, outside: NDArray[np.bool_], start: int) -> None:
        if self.outside_ == "error" and outside.any():
            raise ValueError(
                f"X has {int(outside.sum())} row(s) with no training point within the bandwidth "
                f"{self.bandwidth_}, the first is row {start + int(np.argmax(outside))}; expected "
                "queries near the data, a larger bandwidth, or outside='nearest'"
            )

    def _radius(self) -> float:
        """The bandwidth in the unit of the search, within the range of distances."""
        return min(max(self.bandwidth_ * self._search.scale, _RADII[0]), _RADII[1])

    def _weights(self, squared: NDArray, smallest: NDArray) -> NDArray:
        """Weights from squared distances (overwritten), relative to the smallest of each query."""
        if self.kernel_ == "hilbert":
            return _negative_power(squared, smallest, self.exponent_)
        radius = self._radius()
        if self.kernel_ == "log":
            np.maximum(squared, np.finfo(squared.dtype).tiny, out=squared)
            weights = np.sqrt(squared, out=squared)
            weights /= radius
            np.log(weights, out=weights)
            weights *= -1.0
            if radius == _RADII[1]:  # what the bandwidth is beyond this, in which all points are
                weights += math.log(self.bandwidth_ / radius) + math.log(self._search.scale)
            return np.maximum(weights, 0.0, out=weights)  # negative outside the bandwidth
        if self.kernel_ == "power":
            outside = squared > radius * radius
            weights = _negative_power(squared, smallest, self.exponent_)
            np.copyto(weights, 0.0, where=outside)
            return weights
        factor = np.sqrt(squared)
        factor /= radius
        np.minimum(factor, 1.0, out=factor)
        weights = _negative_power(squared, smallest, self.exponent_)
        weights *= (1 - factor) ** 2
        return weights


def _pair_blocks(counts: NDArray[np.intp]) -> list[slice]:
    """Cut rows into slices of about equally many pairs, given the pairs of each row."""
    number = np.cumsum(counts) // _BLOCK_PAIRS
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(counts)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _negative_power(squared: NDArray, smallest: NDArray, exponent: float) -> NDArray:
    """Overwrite r^2 >= 0 by (r / r_smallest)^{-a}.

    Ratios below one stand for rows of coincidence, which are set elsewhere; they are raised to
    one so that nothing overflows. Powers are kept above the smallest normal number, far below
    what a sum can notice: arithmetic beyond is many times slower.
    """
    with np.errstate(over="ignore"):  # infinitely far, in relation
        squared /= smallest
    np.maximum(squared, 1.0, out=squared)
    np.log(squared, out=squared)
    squared *= -min(exponent, _LARGEST_EXPONENT) / 2
    np.maximum(squared, np.log(np.finfo(squared.dtype).tiny) + 1, out=squared)
    return np.exp(squared, out=squared)


class SingularKernelRegressor(LocalRegressor, _SingularKernel):
    r"""Regress by a Nadaraya-Watson average with a kernel that is infinite at zero.

    .. math::
        f(x) = \frac{\sum_i K((x - x_i)/h) \, y_i}{\sum_i K((x - x_i)/h)}

    At a training point f equals the target exactly, which is also the limit there.

    ============= ======================================== ==========================
    kernel        K(u)                                     exponent by default
    ============= ======================================== ==========================
    hilbert       ``||u||^{-a}``, no bandwidth             a = d
    power         ``||u||^{-a} for ||u|| <= 1``, else 0    a = d / 4
    smooth-power  ``||u||^{-a} (1 - ||u||)^2``, likewise   a = d / 4
    log           ``-ln ||u||``, likewise                  none
    ============= ======================================== ==========================

    Parameters
    ----------
    kernel : {"hilbert", "power", "smooth-power", "log"}
        The kernel K.
    exponent : float, optional
        The exponent a > 0. The Hilbert kernel is consistent for a = d only; the others attain the
        minimax rate for a < d/2. Must be None for kernel="log".
    bandwidth : float, optional
        The bandwidth h > 0; required by all kernels but "hilbert", for which it must be None.
    duplicates : {"error", "average"}
        Equal training points with different targets: raise, or fit their mean.
    outside : {"nearest", "error"}
        A query with no training point within the bandwidth, where f is 0/0: take the target of the
        nearest training point, or raise.

    Attributes
    ----------
    X_fit_ : ndarray of shape (n, d)
        The distinct training points.
    kernel_, outside_ : str
        The kernel used, and the rule outside its bandwidth.
    bandwidth_ : float or None
        The bandwidth used.
    exponent_ : float
        The exponent used, unless kernel="log".
    n_features_in_ : int
        The dimension d.

    Notes
    -----
    Weights are computed relative to that of the nearest point, so that no exponent and no scale of
    the data over- or underflows. Cost of m predictions: O(m n (d + n_outputs)) in blocks of bounded
    memory; with a bandwidth and d <= 8 a k-d tree finds the pairs within it, O(m log n + pairs).
    Used in the section "Nearest neighbours and singular kernels".

    References
    ----------
    D. Shepard (1968), A two-dimensional interpolation function for irregularly-spaced data.
    L. Devroye, L. Györfi, A. Krzyżak (1998), The Hilbert kernel regression estimate, Journal of
    Multivariate Analysis 65(2).
    M. Belkin, A. Rakhlin, A. B. Tsybakov (2019), Does data interpolation contradict statistical
    optimality?, AISTATS.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [3.0]], [0.0, 1.0, 0.0]
    >>> SingularKernelRegressor().fit(X, y).predict([[1.0], [2.0]])  # weights 1/2, 1, 1 at x = 2
    array([1. , 0.4])
    >>> model = SingularKernelRegressor("power", exponent=0.25, bandwidth=1.5).fit(X, y)
    >>> model.predict([[2.0]])  # two points at distance 1 within 1.5
    array([0.5])
    """


class SingularKernelClassifier(LocalClassifier, _SingularKernel):
    r"""Classify by a Nadaraya-Watson average with a kernel that is infinite at zero.

    The class with the largest total weight, with the weights of :class:`SingularKernelRegressor`.
    It makes no error on its training set.

    Parameters
    ----------
    kernel : {"hilbert", "power", "smooth-power", "log"}
        The kernel K.
    exponent : float, optional
        The exponent a > 0; None means d for the Hilbert kernel and d / 4 otherwise. Must be None
        for kernel="log".
    bandwidth : float, optional
        The bandwidth h > 0; required by all kernels but "hilbert", for which it must be None.
    duplicates : {"error", "average"}
        Equal training points with different labels: raise, or fit the shares of the classes.
    outside : {"nearest", "error"}
        A query with no training point within the bandwidth: take the label of the nearest
        training point, or raise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    X_fit_ : ndarray of shape (n, d)
        The distinct training points.
    kernel_, outside_ : str
        The kernel used, and the rule outside its bandwidth.
    bandwidth_ : float or None
        The bandwidth used.
    exponent_ : float
        The exponent used, unless kernel="log".
    n_features_in_ : int
        The dimension d.

    Notes
    -----
    Cost as for :class:`SingularKernelRegressor` with n_classes outputs. Used in the sections
    "Nearest neighbours and singular kernels" and "Adversarial examples are the price".

    References
    ----------
    L. Devroye, L. Györfi, A. Krzyżak (1998), The Hilbert kernel regression estimate, Journal of
    Multivariate Analysis 65(2).

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["a", "b", "a", "a"]
    >>> SingularKernelClassifier().fit(X, y).predict([[1.0], [1.9]])
    array(['b', 'a'], dtype='<U1')
    """
