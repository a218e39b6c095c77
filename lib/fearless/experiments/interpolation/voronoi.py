"""The exact distance from a point to the nearest one that 1-NN labels otherwise.

The rule of the nearest neighbour is constant on the Voronoi cells of the training points, and
a cell is an intersection of half-spaces, one bisector a neighbour. The nearest point of a cell is
therefore a quadratic programme. After Yang, Rashtchian, Wang and Chaudhuri (2020), *Robustness
for non-parametric classification: a generic attack and defense*, AISTATS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from fearless._validation import check_int, check_labels, check_matrix, check_same_length

__all__ = ["cell_distance", "nearest_other_label"]

_ROUNDING = 1e-9  # relative; a point this close to a bisector counts as on it


def cell_distance(
    X: ArrayLike, index: int, query: ArrayLike, *, tree: cKDTree | None = None
) -> tuple[float, NDArray[np.float64]]:
    r"""Compute the distance from a query to the Voronoi cell of one training point.

    .. math::
        \min_z \norm{z - x} \quad\text{subject to}\quad
        \norm{z - x_j} \le \norm{z - x_i} \text{ for all } i

    Parameters
    ----------
    X : array-like of shape (n, d)
        The training points.
    index : int
        The row j of the training point whose cell is meant.
    query : array-like of shape (d,)
        The query x.
    tree : scipy.spatial.cKDTree, optional
        A tree of X, when there is one already.

    Returns
    -------
    distance : float
        The distance, 0 when the query is in the cell.
    point : ndarray of shape (d,)
        The nearest point of the cell.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.
    RuntimeError
        Rounding kept the point found out of the cell (points that nearly coincide).

    Notes
    -----
    Bisectors are added until none is violated, so that a few dozen of the n enter. Each round is
    a least-distance programme, solved through non-negative least squares as by Lawson and Hanson
    (1974), Solving least squares problems, chapter 23. Used in the section "Adversarial examples
    are the price".

    Examples
    --------
    >>> distance, point = cell_distance([[0.0], [1.0]], 1, [0.2])
    >>> round(distance, 12), point.round(12)
    (0.3, array([0.5]))
    """
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    x = check_matrix(np.reshape(query, (1, -1)), "query", n_columns=X.shape[1])[0]
    index = check_int(index, "index", minimum=0, maximum=len(X) - 1)
    tree = cKDTree(X) if tree is None else tree
    # Bisectors as a u <= c for the step u = z - x; c < 0 where another point is nearer to x.
    start = min(len(X), 3 * X.shape[1] + 2)
    active = set(tree.query(x, k=start)[1].ravel()) | set(tree.query(X[index], k=start)[1].ravel())
    own = np.sum((X[index] - x) ** 2)
    for _ in range(len(X)):
        rows = np.array(sorted(active - {index}), dtype=np.intp)
        normals = 2 * (X[rows] - X[index])
        offsets = np.sum((X[rows] - x) ** 2, axis=1) - own
        step = _shortest_step(normals, offsets)
        distances, nearest = tree.query(x + step, k=min(len(X), 4))
        to_cell = np.linalg.norm(x + step - X[index])
        violated = np.atleast_1d(nearest)[np.atleast_1d(distances) < to_cell * (1 - _ROUNDING)]
        if not len(set(violated) - active):
            if len(set(violated) - {index}):
                break
            return float(np.linalg.norm(step)), x + step
        active |= set(violated)
    raise RuntimeError(
        f"the nearest point of the cell of X[{index}] was not found to rounding; expected training "
        "points that are further apart"
    )


def nearest_other_label(
    X: ArrayLike, y: ArrayLike, queries: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the distance from queries to the nearest point that 1-NN labels otherwise.

    Parameters
    ----------
    X : array-like of shape (n, d)
        The training points.
    y : array-like of int, shape (n,)
        Their labels.
    queries : array-like of shape (m, d)
        The points to start from; each has the label of its nearest training point.

    Returns
    -------
    distance : ndarray of shape (m,)
        The exact distances, infinite when all labels are the same.
    point : ndarray of shape (m, d)
        Where: on the boundary of a cell with another label (NaN when there is none).

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    A point z of the cell of x_j has ||z - x|| >= (||x_j - x|| - min_i ||x_i - x||) / 2, so that
    cells are tried in the order of this bound until it exceeds the best found. Cost: a handful of
    small quadratic programmes a query in low dimension. Used in the section "Adversarial examples
    are the price".

    Examples
    --------
    >>> nearest_other_label([[0.0], [1.0], [4.0]], [0, 0, 1], [[0.5]])[0]
    array([2.])
    """
    X = check_matrix(X, "X").astype(np.float64, copy=False)
    y = check_labels(y, "y")
    check_same_length(X=X, y=y)
    queries = check_matrix(queries, "queries", n_columns=X.shape[1]).astype(np.float64, copy=False)
    tree = cKDTree(X)
    best = np.full(len(queries), np.inf)
    points = np.full(queries.shape, np.nan)
    for row, x in enumerate(queries):
        nearest, home = tree.query(x)
        others = np.flatnonzero(y != y[home])
        distances = np.linalg.norm(X[others] - x, axis=1)
        for j in np.argsort(distances):
            if (distances[j] - nearest) / 2 >= best[row]:
                break
            distance, point = cell_distance(X, int(others[j]), x, tree=tree)
            if distance < best[row]:
                best[row], points[row] = distance, point
    return best, points


def _shortest_step(normals: NDArray, offsets: NDArray) -> NDArray:
    """Return the u of least norm with normals @ u <= offsets."""
    d = normals.shape[1]
    if len(normals) == 0 or np.all(offsets >= 0):
        return np.zeros(d)
    scale = np.linalg.norm(normals, axis=1)
    system = np.vstack([-(normals / scale[:, None]).T, -(offsets / scale)])
    target = np.zeros(d + 1)
    target[-1] = 1.0
    solution, _ = nnls(system, target)
    residual = system @ solution - target
    return -residual[:d] / residual[d]
