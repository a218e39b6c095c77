"""Recursive feature machines: kernel machines that learn the metric of their kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from fearless.machines._base import FLOATS
from fearless.machines._classes import OutputClassifierMixin, largest_output
from fearless.machines._recursion import RecursiveFeatureMachineBase, Stage, square_loss

__all__ = ["RecursiveFeatureMachine", "RecursiveFeatureMachineClassifier", "Stage"]


class RecursiveFeatureMachine(MultiOutputMixin, RegressorMixin, RecursiveFeatureMachineBase):
    r"""Fit a kernel machine and the metric of its kernel in turn.

    The kernel is a function of the distance :math:`\|x - z\|_M = ((x-z)^\top M (x-z))^{1/2}`. From
    M = I on, repeat: solve (K_M + lam I) alpha = y; then replace M by the average gradient outer
    product of the machine f so found,

    .. math:: M \leftarrow \frac1n \sum_{i=1}^n \sum_c \nabla f_c(x_i) \, \nabla f_c(x_i)^\top .

    Directions along which f varies grow long, those it does not depend on vanish.

    Parameters
    ----------
    kernel : LaplacianKernel, GaussianKernel or MaternKernel, optional
        The kernel for M = I. None means ``LaplacianKernel(s)``, s the root mean square distance
        between two training points.
    reg : float
        The penalty lam >= 0 in (K_M + lam I) alpha = y.
    max_iter : int
        How many times the metric is replaced at most; 0 is a plain kernel machine.
    tol : float
        Stop when a metric differs from the one before by at most this: one minus their cosine.
        No label is looked at for it.
    diagonal : bool
        Learn a diagonal metric: a weight for each coordinate.
    outputs : {"exact", "signs"}
        How to sum over outputs, see Notes.
    rescale : bool
        Multiply each new metric by the number that keeps the mean squared distance between
        training points, so that the bandwidth keeps its meaning. False is the iteration as
        published, in which gradients of small functions make short distances; where they make
        squared distances overflow, an error says so.
    max_points : int, optional
        Average the gradients over this many random samples instead of all.
    held_out : float in [0, 1)
        Share of the samples to hold out while the metric is learned. The iteration with the least
        loss on them is taken, and its metric used for a fit to all samples.
    solver, n_centers, memory, device
        As of :class:`KernelMachine`, for the machine of each iteration.
    callback : callable, optional
        Called with a :class:`Stage` after each iteration; the iteration ends if it returns True.
    random_state : None, int or numpy.random.Generator
        The source of signs, of the points and of the samples to hold out.

    Attributes
    ----------
    metric_ : ndarray of shape (d, d), or (d,) for a diagonal one, float64
        The metric M.
    factor_ : ndarray of shape (d, r), or (d,)
        B with M = B B^T, r the numerical rank of M.
    machine_ : KernelMachine
        The machine; f(x) is its prediction at B^T x.
    history_ : list of Stage
        All iterations, beginning with the plain kernel machine.
    n_iter_ : int
        How many times the metric was replaced.
    best_iteration_ : int
        The iteration that was taken: the last one, unless samples were held out.
    kernel_ : Kernel
        The kernel in use.
    n_features_in_ : int
        The number d of columns.

    Notes
    -----
    An iteration costs a kernel machine, O(n^2 d + n^3 / 3), and an average gradient outer product,
    at most ``n^3 + 3 n^2 d`` operations for "exact" however many outputs there are, and 2 n^2 d for
    "signs", which replaces the sum over outputs by a random combination at each point. Add O(d^3)
    for a full metric. A factor B makes K_M the given kernel on the rows of X B. The history keeps a
    machine an iteration, n r numbers each. Used in the section "Beyond the kernel regime".

    A full metric commutes with rotations: rotating all inputs changes no prediction. A diagonal
    one depends on the coordinates.

    References
    ----------
    A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin (2024), Mechanism for feature learning in
    neural networks and backpropagation-free machine learning models, Science 383.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 10))
    >>> machine = RecursiveFeatureMachine().fit(X, X[:, 0] * X[:, 1])
    >>> bool(np.diag(machine.metric_)[:2].sum() > 0.95 * np.trace(machine.metric_))
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> RecursiveFeatureMachine:
        """Learn the metric and the coefficients.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.

        Returns
        -------
        self : RecursiveFeatureMachine
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described.
        """
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        self._fit(X, y)
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Compute f at the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, d)
            Samples, one a row.

        Returns
        -------
        ndarray of shape (m,) or (m, n_outputs)
            The predictions, in the precision of the training points.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        ValueError
            X is not as described.
        """
        return self._evaluate(X)

    def _loss(self, outputs: NDArray, targets: NDArray) -> float:
        return square_loss(outputs - targets)


class RecursiveFeatureMachineClassifier(OutputClassifierMixin, RecursiveFeatureMachineBase):
    """Classify by a kernel machine that learns the metric of its kernel.

    Two classes are fitted as -1 and 1, more than two as the unit vectors.

    Parameters
    ----------
    kernel, reg, max_iter, tol, diagonal, outputs, rescale, max_points
        As of :class:`RecursiveFeatureMachine`.
    held_out : float in [0, 1)
        As there; the iteration is chosen by the share of misclassified samples.
    solver, n_centers, memory, device, callback, random_state
        As of :class:`RecursiveFeatureMachine`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    metric_, factor_, machine_, history_, n_iter_, best_iteration_, kernel_, n_features_in_
        As of :class:`RecursiveFeatureMachine`.

    Notes
    -----
    Cost as of :class:`RecursiveFeatureMachine`. Used in the section "Beyond the kernel regime".

    References
    ----------
    A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin (2024), Mechanism for feature learning in
    neural networks and backpropagation-free machine learning models, Science 383.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((200, 10))
    >>> y = np.where(X[:, 0] > 0, "right", "left")
    >>> machine = RecursiveFeatureMachineClassifier(diagonal=True).fit(X, y)
    >>> int(machine.metric_.argmax()), machine.predict([[3.0] + 9 * [0.0]]).tolist()
    (0, ['right'])
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> RecursiveFeatureMachineClassifier:
        """Learn the metric and the coefficients.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Samples, one a row; float32 is computed in float32.
        y : array-like of shape (n,)
            Labels of at least two classes.

        Returns
        -------
        self : RecursiveFeatureMachineClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            X, y or a parameter is not as described.
        """
        X, y = validate_data(self, X, y, dtype=FLOATS)
        self._fit(X, self._targets(y, X.dtype))
        return self

    def _loss(self, outputs: NDArray, targets: NDArray) -> float:
        return float(np.mean(largest_output(outputs) != largest_output(targets)))
