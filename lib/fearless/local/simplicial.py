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
from fearless.local._lift import FAILED, INSIDE, LiftedPoints
from fearless.local._search import NeighborSearch
from fearless.local._triangulation import (
    INSIDE_TOLERANCE,
    Intervals,
    PointLeftOut,
    Triangulation,
    project_to_hull,
)
from fearless.local._walk import find_simplices

__all__ = ["Simplices", "SimplicialInterpolator"]

METHODS = ("auto", "delaunay", "direct")
OUTSIDE_RULES = ("nearest", "project", "error")

#: Up to how many points "auto" triangulates, by dimension: about 50 MB of simplices.
_TRIANGULATED = {1: 10**9, 2: 10**6, 3: 10**5, 4: 10**4, 5: 1000, 6: 100}

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
        points for d = 3, 1000 for d = 5, never beyond d = 6.
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
        Two points are so close that rounding hides one of them from its neighbours.

    Notes
    -----
    The direct method moves an empty ball from the query's nearest point until its surface holds a
    simplex around the query; it is a dual simplex method for the linear programme
    min sum_i w_i \|x_i - x\|^2 under the constraints above, for many queries at once. Every simplex
    is checked (weights, reproduction of x, empty ball) and left to HiGHS if rounding spoiled it.
    Cost O(n d) a step, with d steps and then from none to some tens; d = 20, n = 1000: some 50
    times less than one call of ``scipy.optimize.linprog``. Triangulation costs
    O(n^{ceil(d/2)}) in the worst case.

    The triangulation is unique unless d + 2 points lie on one empty sphere, as on a grid. Then each
    method makes one choice; both interpolate. Points closer than about 1e-8 of the extent of the
    data cannot be told apart by the heights that define the triangulation.

    Used in the section "Simplicial interpolation and the blessing of dimensionality".

    References
    ----------
    J. H. Halton (1991), Simplicial multivariable linear interpolation.

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
            ``method="delaunay"`` and Qhull cannot triangulate the points.
        """
        check_option(self.method, "method", METHODS)
        check_option(self.outside, "outside", OUTSIDE_RULES)
        check_option(self.duplicates, "duplicates", DUPLICATES)
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = y.astype(np.float64, copy=False)
        self.points_, self.values_ = merge_duplicates(X, y, self.duplicates)
        self._search = NeighborSearch(self.points_)
        self._set_coordinates()
        self._triangulation: Intervals | Triangulation | None = None
        self._lifted: LiftedPoints | None = None
        self._crowded = False
        k = self.affine_dim_
        if k == 0:
            self.method_ = "direct"
            return self
        coordinates = self._coordinates(self.points_)[0]
        if k == 1:  # a binary search is both methods
            self._triangulation = Intervals(coordinates)
        elif self.method == "delaunay" or (
            self.method == "auto" and len(coordinates) <= _TRIANGULATED.get(k, 0)
        ):
            try:
                self._triangulation = Triangulation(coordinates)
            except (QhullError, PointLeftOut) as error:
                if self.method == "delaunay":
                    raise ValueError(
                        f"X cannot be triangulated by Qhull ({str(error).splitlines()[0]}); "
                        "expected points in general position: use method='direct'"
                    ) from error
        self.method_ = "direct" if self._triangulation is None else "delaunay"
        if k == 1 and self.method == "direct":
            self.method_ = "direct"
        if not isinstance(self._triangulation, Intervals):
            self._lifted = LiftedPoints(coordinates)
            self._crowded = self._lifted.smallest_gap < _RESOLUTION
            if self._crowded:
                warnings.warn(
                    f"X has points at a distance of {self._lifted.smallest_gap:.1e} times its "
                    f"radius; below {_RESOLUTION:.0e} the squared distances that define the "
                    "simplices are lost to rounding: the fit is exact at such points and need not "
                    "be continuous there; remove or merge them",
                    IllConditionedWarning,
                    stacklevel=2,
                )
        return self

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
        coordinates, inside = self._coordinates(X)
        indices = np.zeros((len(X), self.affine_dim_ + 1), np.intp)
        weights = np.zeros(indices.shape)
        weights[:, 0] = 1
        if self.affine_dim_ and inside.any():
            rows = np.flatnonzero(inside)
            indices[rows], weights[rows], inside[rows] = self._locate(coordinates[rows])
        heaviest = np.take_along_axis(indices, weights.argmax(axis=1)[:, None], axis=1)[:, 0]
        if self._crowded:
            heaviest = self._search.nearest(self._search.prepare(X), 1)[0][:, 0]
        same = np.all(self.points_[heaviest] == X, axis=1)
        indices[same], weights[same] = heaviest[same, None], np.eye(1, weights.shape[1])
        inside |= same
        if not inside.all():
            self._stand_in(X, coordinates, np.flatnonzero(~inside), indices, weights)
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

    def _set_coordinates(self) -> None:
        """Choose coordinates in the affine hull of the points: their own where it is everything."""
        self._origin = self.points_.mean(axis=0)
        centred = self.points_ - self._origin
        radius = float(np.abs(centred).max())
        eps = np.finfo(float).eps
        self._off_hull = INSIDE_TOLERANCE * radius + 8 * eps * float(np.abs(self._origin).max())
        _, singular_values, directions = np.linalg.svd(centred, full_matrices=False)
        threshold = 10 * max(centred.shape) * eps * radius
        self.affine_dim_ = int(np.sum(singular_values > threshold * len(centred) ** 0.5))
        full = self.affine_dim_ == centred.shape[1]
        self._directions = None if full else directions[: self.affine_dim_]

    def _coordinates(self, X: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
        """Coordinates in the affine hull, and which queries lie in it."""
        centred = X - self._origin
        if self._directions is None:
            return centred, np.ones(len(X), bool)
        coordinates = centred @ self._directions.T
        off = np.abs(centred - coordinates @ self._directions).max(axis=1)
        return coordinates, off <= self._off_hull

    def _locate(self, queries: NDArray) -> tuple[NDArray[np.intp], NDArray, NDArray[np.bool_]]:
        if self._triangulation is None:
            found = find_simplices(self._lifted, queries)
            return found.indices, found.weights, found.status == INSIDE
        indices, weights, status = self._triangulation.locate(queries)
        doubtful = np.flatnonzero(status == FAILED)
        if len(doubtful):  # in a flat simplex, whose coordinates are lost to rounding
            found = find_simplices(self._lifted, queries[doubtful])
            indices[doubtful], weights[doubtful] = found.indices, found.weights
            status[doubtful] = found.status
        return indices, weights, status == INSIDE

    def _stand_in(
        self,
        X: NDArray,
        coordinates: NDArray,
        rows: NDArray[np.intp],
        indices: NDArray[np.intp],
        weights: NDArray,
    ) -> None:
        """Fill in indices and weights of the queries outside the hull, as `outside` says."""
        if self.outside == "error":
            raise ValueError(
                f"X has {len(rows)} of {len(X)} rows outside the convex hull of the training "
                f"points, the first is row {rows[0]}; expected rows inside: set outside='nearest' "
                "or 'project' for a value there"
            )
        weights[rows] = np.eye(1, weights.shape[1])
        if self.outside == "nearest" or self.affine_dim_ == 0:
            queries = self._search.prepare(X[rows])
            indices[rows] = self._search.nearest(queries, 1)[0]
            return
        points = self._coordinates(self.points_)[0]
        for i in rows:
            indices[i], weights[i] = project_to_hull(points, coordinates[i])
        # A face of the hull with more than k points (a side of a cube) has many such combinations;
        # the triangulation's own is found at the projection.
        feet = np.einsum("qk,qkd->qd", weights[rows], points[indices[rows]])
        found, w, inside = self._locate(feet)
        indices[rows[inside]], weights[rows[inside]] = found[inside], w[inside]
