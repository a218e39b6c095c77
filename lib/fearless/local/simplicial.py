"""Simplicial interpolation: linear on every simplex of the Delaunay triangulation of the data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import QhullError
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fearless._validation import check_option
from fearless.exceptions import IllConditionedWarning
from fearless.local._duplicates import DUPLICATES, merge_duplicates
from fearless.local._frame import AffineFrame
from fearless.local._hull import project_to_hull
from fearless.local._lift import CERTIFICATE, FAILED, INSIDE, LiftedPoints
from fearless.local._search import NeighborSearch
from fearless.local._triangulation import (
    Intervals,
    PointLeftOut,
    Triangulation,
)
from fearless.local._walk import find_simplices

__all__ = ["Simplices", "SimplicialInterpolator"]

METHODS = ("auto", "delaunay", "direct")
OUTSIDE_RULES = ("nearest", "project", "error")

#: Up to how many points "auto" triangulates, by dimension. Beyond, the direct method is ahead
#: unless there are very many queries (``benchmarks/simplicial.py``), and needs no memory.
_TRIANGULATED = {2: 10**6, 3: 10**5, 4: 2000}

_RESOLUTION = 1e-7  # of points, relative to their radius, in the lifted heights


@dataclass(frozen=True)
class Simplices:
    """Where queries lie in the Delaunay triangulation of the training points.

    Attributes
    ----------
    indices : ndarray of shape (q, k + 1)
        The vertices of the simplex of each query, as rows of ``points_``. A vertex of weight zero
        may be repeated.
    weights : ndarray of shape (q, k + 1)
        The barycentric coordinates of the query: nonnegative, with sum 1.
    inside : ndarray of shape (q,), bool
        False where the query is outside the convex hull; then indices and weights are those of the
        training point, or of the point of the hull, that stands in for it.
    """

    indices: NDArray[np.intp]
    weights: NDArray[np.float64]
    inside: NDArray[np.bool_]


class SimplicialInterpolator(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Interpolate linearly on the Delaunay triangulation of the training points.

    .. math::
        f(x) = \sum_{i=0}^d w_i y_{(i)}, \qquad
        x = \sum_{i=0}^d w_i x_{(i)}, \quad \sum_{i=0}^d w_i = 1, \quad w \ge 0,

    where x_(0), ..., x_(d) are the vertices of the Delaunay simplex that contains x: those whose
    circumscribed ball contains no other training point. f is continuous on the convex hull, takes
    the values y_i at the x_i, and needs no parameter.

    Parameters
    ----------
    method : {"auto", "delaunay", "direct"}
        "delaunay" triangulates once (Qhull): fast in few dimensions, but the number of simplices
        grows exponentially with d. "direct" finds the simplex of each query alone, so that d = 20
        and thousands of points are no problem. "auto" triangulates where that is cheap: up to 10^5
        points for d = 3, 2000 for d = 4, never beyond. "delaunay" refuses where some 10^7 simplices
        are expected: the mean number per point of a Poisson process times n (2 n for d = 2, 7 n
        for d = 3, 190 n for d = 5, 10^5 n for d = 8; high where n is small), or the largest number
        that n points can have, if that is less.
    outside : {"nearest", "project", "error"}
        The value outside the convex hull, where linear interpolation says nothing: that of the
        nearest training point; that at the nearest point of the hull, which keeps f continuous;
        or none, a ValueError.
    duplicates : {"error", "average"}
        What to do with equal points of different targets: raise an error, or fit their mean.

    Attributes
    ----------
    points_ : ndarray of shape (n_distinct, d)
        The distinct training points.
    values_ : ndarray of shape (n_distinct,) or (n_distinct, n_outputs)
        Their targets.
    affine_dim_ : int
        The dimension k of the affine hull of the points. Where k < d the points are triangulated
        within it, and every query off it is outside.
    method_ : {"delaunay", "direct"}
        The method in use.
    n_features_in_ : int
        The dimension d.

    Warns
    -----
    IllConditionedWarning
        Two points are so close that rounding hides one of them from its neighbours; the points are
        so nearly in a hyperplane, whatever the units of the columns, that rounding spoils the
        weights; or a column varies so little beside others that it is taken for constant.

    Notes
    -----
    The direct method moves an empty ball from the query's nearest point until its surface holds a
    simplex around the query; it is a dual simplex method for the linear programme
    min sum_i w_i \|x_i - x\|^2 under the constraints above, for many queries at once. Every simplex
    is checked (weights, reproduction of x, empty ball), every query outside is separated from the
    points by a linear function, and what rounding spoiled is left to HiGHS. Weights do not depend
    on the units of columns but through the choice of the simplex, and are computed without them.
    Cost O(n d) a step, with d steps and then from none to some tens. For d = 20 and n = 1000 a
    query takes 1/40 of a call of ``scipy.optimize.linprog`` (``benchmarks/simplicial.py``).
    Triangulation costs O(n^{ceil(d/2)}) in the worst case.

    The triangulation is unique unless d + 2 points lie on one empty sphere, as on a grid. Then each
    method makes one choice; both interpolate. Points closer than about 1e-8 of the extent of the
    data cannot be told apart by the heights that define the triangulation.

    Used in the section "Simplicial interpolation and the blessing of dimensionality".

    References
    ----------
    J. H. Halton (1991), Simplicial multivariable linear interpolation.

    T. H. Chang, L. T. Watson, T. C. H. Lux, A. R. Butt, K. W. Cameron, Y. Hong (2020), Algorithm
    1012: DELAUNAYSPARSE, ACM Transactions on Mathematical Software 46(4): the same idea.

    M. Belkin, D. Hsu, P. Mitra (2018), Overfitting or perfect fitting? Risk bounds for
    classification and regression rules that interpolate, NeurIPS.

    Examples
    --------
    >>> model = SimplicialInterpolator().fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 3.0, 6.0])
    >>> model.predict([[0.0, 0.5], [1 / 3, 1 / 3]])
    array([3., 3.])
    """

    def __init__(
        self, method: str = "auto", *, outside: str = "nearest", duplicates: str = "error"
    ) -> None:
        self.method = method
        self.outside = outside
        self.duplicates = duplicates

    def fit(self, X: ArrayLike, y: ArrayLike) -> SimplicialInterpolator:
        """Store the points and prepare the search for simplices.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Training points.
        y : array-like of shape (n,) or (n, n_outputs)
            Their targets.

        Returns
        -------
        self : SimplicialInterpolator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described; equal points have different targets; or
            ``method="delaunay"`` and Qhull cannot triangulate the points, or would need too much
            memory.
        """
        check_option(self.method, "method", METHODS)
        check_option(self.outside, "outside", OUTSIDE_RULES)
        check_option(self.duplicates, "duplicates", DUPLICATES)
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = y.astype(np.float64, copy=False)
        self.points_, self.values_ = merge_duplicates(X, y, self.duplicates)
        self._search = NeighborSearch(self.points_)
        points = self._search.X  # without extreme magnitudes
        self._frame = AffineFrame(points)
        self.affine_dim_ = k = self._frame.dim
        self._triangulation: Intervals | Triangulation | None = None
        self._lifted: LiftedPoints | None = None
        self._crowded = False
        if k == 1:  # a binary search is both methods, in the column that tells most points apart
            self._column = int(np.argmax([len(np.unique(column)) for column in points.T]))
            self._triangulation = Intervals(points[:, self._column, None])
            gap, resolution = self._triangulation.smallest_gap, 8 * np.finfo(float).eps
            self._crowded = points.shape[1] > 1 and gap <= resolution
        elif k > 1:
            self._triangulate(points)
            self._lifted = LiftedPoints(points, self._frame)
            gap, resolution = self._lifted.smallest_gap, _RESOLUTION
            self._crowded = gap < resolution
        uses_qhull = isinstance(self._triangulation, Triangulation)
        self.method_ = (
            "delaunay" if uses_qhull or (k == 1 and self.method != "direct") else "direct"
        )
        messages = []
        if self._crowded:
            messages.append(
                f"X has points at a distance of {gap:.1e} times its radius; below "
                f"{resolution:.0e} what defines the simplices is lost to rounding: the fit is "
                "exact at such points and need not be continuous there; remove or merge them"
            )
        if self._frame.lost:
            messages.append(
                f"X has columns whose spread is rounding beside that of others: {self._frame.lost};"
                " they are taken for constant: drop them, or scale the columns"
            )
        if self._lifted is not None and not uses_qhull and self._lifted.rounding > CERTIFICATE:
            messages.append(
                "X is flat: its singular values, with all columns in the same unit, have ratio "
                f"{self._frame.condition:.1e}, by which rounding grows: near the boundary of the "
                "hull it is uncertain whether a query is inside, and values lose as many digits"
            )
        for message in messages:
            warnings.warn(message, IllConditionedWarning, stacklevel=2)
        return self

    def _triangulate(self, points: NDArray) -> None:
        """Let Qhull work where it is asked to, or where that is cheap."""
        most = _TRIANGULATED.get(self.affine_dim_, 0)
        if self.method == "direct" or (self.method == "auto" and len(points) > most):
            return
        try:
            self._triangulation = Triangulation(self._frame.euclidean(points))
        except (QhullError, PointLeftOut) as error:
            if self.method == "delaunay":
                raise ValueError(
                    f"X cannot be triangulated by Qhull ({str(error).splitlines()[0]}); "
                    "expected points in general position: use method='direct'"
                ) from error

    def simplices(self, X: ArrayLike) -> Simplices:
        """Find the simplex of the triangulation that contains each query.

        Parameters
        ----------
        X : array-like of shape (q, d)
            Queries.

        Returns
        -------
        Simplices
            Vertices, barycentric coordinates, and which queries are inside the hull.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described; or ``outside="error"`` and a query is outside.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        queries = self._search.prepare(X)
        inside = self._frame.contains(queries)
        indices = np.zeros((len(X), self.affine_dim_ + 1), np.intp)
        weights = np.zeros(indices.shape)
        weights[:, 0] = 1
        if self.affine_dim_ and inside.any():
            rows = np.flatnonzero(inside)
            indices[rows], weights[rows], inside[rows] = self._locate(queries[rows])
        heaviest = np.take_along_axis(indices, weights.argmax(axis=1)[:, None], axis=1)[:, 0]
        if self._crowded:
            heaviest = self._search.nearest(queries, 1)[0][:, 0]
        same = np.all(self.points_[heaviest] == X, axis=1)
        indices[same], weights[same] = heaviest[same, None], np.eye(1, weights.shape[1])
        inside |= same
        if not inside.all():
            self._stand_in(queries, np.flatnonzero(~inside), indices, weights)
        return Simplices(indices, weights, inside)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Interpolate.

        Parameters
        ----------
        X : array-like of shape (q, d)
            Queries.

        Returns
        -------
        ndarray of shape (q,) or (q, n_outputs)
            The values of f.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described; or ``outside="error"`` and a query is outside.
        """
        found = self.simplices(X)
        return np.einsum("qk,qk...->q...", found.weights, self.values_[found.indices])

    def _locate(self, queries: NDArray) -> tuple[NDArray[np.intp], NDArray, NDArray[np.bool_]]:
        if self._triangulation is None:
            found = find_simplices(self._lifted, queries)
            return found.indices, found.weights, found.status == INSIDE
        if self.affine_dim_ == 1:
            indices, weights, status = self._triangulation.locate(queries[:, [self._column]])
        else:
            indices, weights, status = self._triangulation.locate(self._frame.euclidean(queries))
        doubtful = np.flatnonzero(status == FAILED)
        if len(doubtful):  # in a flat simplex, whose coordinates are lost to rounding
            found = find_simplices(self._lifted, queries[doubtful])
            indices[doubtful], weights[doubtful] = found.indices, found.weights
            status[doubtful] = found.status
        return indices, weights, status == INSIDE

    def _stand_in(
        self,
        queries: NDArray,
        rows: NDArray[np.intp],
        indices: NDArray[np.intp],
        weights: NDArray,
    ) -> None:
        """Fill in indices and weights of the queries outside the hull, as `outside` says."""
        if self.outside == "error":
            raise ValueError(
                f"X has {len(rows)} of {len(queries)} rows outside the convex hull of the training "
                f"points, the first is row {rows[0]}; expected rows inside: set outside='nearest' "
                "or 'project' for a value there"
            )
        weights[rows] = np.eye(1, weights.shape[1])
        if self.outside == "nearest" or self.affine_dim_ == 0:
            indices[rows] = self._search.nearest(queries[rows], 1)[0]
            return
        points = self._frame.euclidean(self._search.X)
        for i, query in zip(rows, self._frame.euclidean(queries[rows]), strict=True):
            indices[i], weights[i] = project_to_hull(points, query)
        # A face of the hull with more than k points (a side of a cube) has many such combinations;
        # the triangulation's own is found at the projection.
        feet = np.einsum("qk,qkd->qd", weights[rows], self._search.X[indices[rows]])
        found, w, inside = self._locate(feet)
        indices[rows[inside]], weights[rows[inside]] = found[inside], w[inside]
