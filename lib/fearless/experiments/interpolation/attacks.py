"""Search for adversarial examples: walks to mislabelled samples, and a proof that there are none.

An adversarial example of a classifier for a point x is a point near x with another label. The
searches here find upper bounds on the distance to the nearest one, `certified_radius` a lower one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.metrics.pairwise import euclidean_distances

from fearless._validation import check_int
from fearless.experiments.interpolation.noisy_samples import NoisySample
from fearless.kernels import LaplacianKernel
from fearless.machines import KernelMachineClassifier

__all__ = ["certified_radius", "first_flip", "gradient_attack", "walk_distance"]


def first_flip(
    predict: Callable[[NDArray], NDArray],
    starts: NDArray,
    ends: NDArray,
    labels: NDArray,
    *,
    n_steps: int = 16,
    n_halvings: int = 20,
) -> NDArray[np.float64]:
    """Walk along segments until the label changes.

    Parameters
    ----------
    predict : callable
        Labels of the rows of a matrix.
    starts, ends : ndarray of shape (m, d)
        The segments.
    labels : ndarray of int, shape (m,)
        The labels at the starts.
    n_steps : int
        Equal steps of the walk; a change undone within one step is not seen.
    n_halvings : int
        Bisections of the step where the label first changed.

    Returns
    -------
    ndarray of shape (m,)
        The share of the way at which the label has changed; NaN where it never did. The label at
        that very point differs from the one at the start.

    Notes
    -----
    Cost: ``m (n_steps + n_halvings)`` predictions. Used in the section "Adversarial examples are
    the price".
    """
    n_steps, n_halvings = check_int(n_steps, "n_steps"), check_int(n_halvings, "n_halvings")
    shares = np.arange(1, n_steps + 1) / n_steps
    path = (1 - shares)[:, None, None] * starts + shares[:, None, None] * ends
    flipped = predict(path.reshape(-1, starts.shape[1])).reshape(n_steps, -1) != labels
    found = flipped.any(axis=0)
    high = shares[np.argmax(flipped, axis=0)]
    low = high - 1 / n_steps
    for _ in range(n_halvings):
        middle = (low + high) / 2
        point = (1 - middle)[:, None] * starts + middle[:, None] * ends
        changed = predict(point) != labels
        high, low = np.where(changed, middle, high), np.where(changed, low, middle)
    return np.where(found, high, np.nan)


def walk_distance(
    predict: Callable[[NDArray], NDArray],
    queries: NDArray,
    sample: NoisySample,
    *,
    n_ends: int = 3,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the nearest change of label on walks to the nearest mislabelled samples of each class.

    Parameters
    ----------
    predict : callable
        Labels of the rows of a matrix.
    queries : ndarray of shape (m, d)
    sample : NoisySample
        Walks go to the ``n_ends`` nearest samples whose clean label is that of the query.
    n_ends : int

    Returns
    -------
    distance : ndarray of shape (m,)
        Infinite where no walk changed the label.
    point : ndarray of shape (m, d)
        Where (NaN when there is none).
    """
    labels = predict(queries)
    distance, point = np.full(len(queries), np.inf), np.full(queries.shape, np.nan)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        ends = sample.X[sample.wrong & (sample.clean == label)]
        if len(ends) == 0:
            continue
        k = min(n_ends, len(ends))
        _, index = cKDTree(ends).query(queries[mine], k=range(1, k + 1))
        starts, targets = np.repeat(queries[mine], k, axis=0), ends[index.ravel()]
        shares = first_flip(predict, starts, targets, np.full(len(starts), label))
        stops = (1 - shares)[:, None] * starts + shares[:, None] * targets
        lengths = np.linalg.norm(stops - starts, axis=1).reshape(-1, k)
        lengths = np.where(np.isnan(lengths), np.inf, lengths)
        best = np.argmin(lengths, axis=1)
        distance[mine] = lengths[np.arange(len(mine)), best]
        point[mine] = stops.reshape(len(mine), k, -1)[np.arange(len(mine)), best]
    return distance, point


def certified_radius(
    sample: NoisySample, queries: NDArray, n_neighbors: int
) -> NDArray[np.float64]:
    r"""Bound from below the distance to a point where the majority of k neighbours is wrong.

    .. math:: \rho(x) = \tfrac12 \bigl(D_{q, (k+1)/2}(x) - r_k(x)\bigr)

    with r_k the distance to the k-th nearest sample and D_{q,m} to the m-th nearest mislabelled
    one. Inside a class (all clean labels the same) the rule is right within rho of the query.

    Parameters
    ----------
    sample : NoisySample
    queries : ndarray of shape (m, d)
    n_neighbors : int
        An odd number k.

    Returns
    -------
    ndarray of shape (m,)
        0 where nothing is certified, infinite where fewer than (k + 1)/2 labels are wrong.
    """
    k = check_int(n_neighbors, "n_neighbors", maximum=len(sample.X))
    need = (k + 1) // 2
    radius = cKDTree(sample.X).query(queries, k=[k])[0][:, 0]
    wrong = sample.X[sample.wrong]
    if len(wrong) < need:
        return np.full(len(queries), np.inf)
    distance = cKDTree(wrong).query(queries, k=[need])[0][:, 0]
    return np.maximum(0.0, (distance - radius) / 2)


def gradient_attack(
    machine: KernelMachineClassifier,
    images: NDArray,
    digits: NDArray,
    *,
    n_steps: int = 20,
    overshoot: float = 0.02,
    box: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Push images over the nearest boundary of the linearised machine, until the reading changes.

    The method DeepFool of Moosavi-Dezfooli, Fawzi and Frossard (2016). It looks in all directions
    and knows nothing of mislabelled images. The last image is pulled back to the first change on
    the straight line from the start.

    Parameters
    ----------
    machine : KernelMachineClassifier
        With a Laplacian kernel and at least three classes.
    images : ndarray of shape (m, d)
    digits : ndarray of int, shape (m,)
        Their labels, as the machine reads them.
    n_steps : int
        At most so many linearisations.
    overshoot : float
        Share added to each step.
    box : tuple of two floats, optional
        Smallest and largest value of a pixel. The way found is then followed, longer if need be,
        with pixels beyond set to these values.

    Returns
    -------
    ndarray of shape (m, d)
        Images that the machine reads otherwise; NaN where it still reads them correctly.

    Raises
    ------
    TypeError
        The machine has another kernel.

    Notes
    -----
    Cost: at most ``n_steps`` times O(n_classes m n d).
    """
    if not isinstance(machine.kernel_, LaplacianKernel):
        raise TypeError(f"kernel is {machine.kernel_!r}; expected a LaplacianKernel")
    starts = np.asarray(images, dtype=np.float64)
    current = starts.copy()
    home = np.searchsorted(machine.classes_, digits)
    active = np.flatnonzero(machine.predict(current) == digits)
    for _ in range(check_int(n_steps, "n_steps")):
        if not len(active):
            break
        step = _linear_step(machine, current[active], home[active])
        current[active] += (1 + overshoot) * step
        active = active[machine.predict(current[active]) == digits[active]]
    if box is not None:
        current = _follow_in_box(machine, starts, current - starts, digits, box)
    share = first_flip(machine.predict, starts, current, digits, n_steps=10, n_halvings=7)
    moved = (1 - share)[:, None] * starts + share[:, None] * current
    # In single precision a reading so near the boundary may depend on the other rows of a batch.
    doubtful = machine.predict(np.nan_to_num(moved)) == digits
    moved[doubtful & ~np.isnan(share)] = current[doubtful & ~np.isnan(share)]
    return moved


def _follow_in_box(
    machine: KernelMachineClassifier,
    starts: NDArray,
    ways: NDArray,
    digits: NDArray,
    box: tuple[float, float],
) -> NDArray:
    """Go along ways, clipped to the box, which is convex, until the reading changes."""
    current = np.clip(starts + ways, *box)
    active = np.arange(len(starts))
    for scale in np.geomspace(1, 8, 13):
        active = active[machine.predict(current[active]) == digits[active]]
        if not len(active):
            break
        current[active] = np.clip(starts[active] + scale * ways[active], *box)
    return current


def _linear_step(machine: KernelMachineClassifier, points: NDArray, home: NDArray) -> NDArray:
    """Return the shortest steps to the boundary of the linearised machine."""
    X = machine.X_fit_.astype(np.float64)
    scores = machine.decision_function(points).astype(np.float64)
    radii = np.maximum(euclidean_distances(points, X), 1e-12)
    # The gradient of exp(-r / s) is -exp(-r / s) / (s r) times the difference of the points.
    weights = machine.kernel_(points, X) / (machine.kernel_.bandwidth * radii)
    rows = np.arange(len(points))
    gradients = np.empty((machine.dual_coef_.shape[1], *points.shape))
    for gradient, column in zip(gradients, machine.dual_coef_.T, strict=True):
        pull = weights * column
        gradient[:] = pull @ X - pull.sum(axis=1)[:, None] * points
    slopes = gradients - gradients[home, rows]
    gaps = scores[rows, home] - scores.T
    sizes = np.linalg.norm(slopes, axis=2)
    lengths = np.where(sizes > 0, gaps / np.maximum(sizes, 1e-300), np.inf)
    target = np.argmin(lengths, axis=0)
    scale = lengths[target, rows] / sizes[target, rows]
    return scale[:, None] * slopes[target, rows]
