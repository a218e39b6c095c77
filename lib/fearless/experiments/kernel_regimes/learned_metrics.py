"""Kernel machines that learn their metric, on targets of few coordinates and of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fearless._validation import RandomState, as_generator, check_int, check_option
from fearless.kernels import IsotropicKernel
from fearless.machines import RecursiveFeatureMachine

__all__ = [
    "PUBLISHED_LOSS",
    "TASKS",
    "MetricPath",
    "SampleSizes",
    "draw_task",
    "fixed_kernel_losses",
    "growth_exponent",
    "metric_path",
    "sample_sizes",
]

#: Test loss of the low-rank task after each iteration, n = 4000, d = 20, Laplacian kernel of
#: bandwidth 10, reg 1e-3: one run, in the notebook low_rank.ipynb of the authors' code.
PUBLISHED_LOSS = (0.012285, 0.006296, 0.003174, 0.002353, 0.002091, 0.001997)

Task = tuple[float, Callable[[NDArray], NDArray]]

#: Name -> standard deviation of the normal inputs, target. All but the first have variance one.
TASKS: dict[str, Task] = {
    # The task of the notebook that accompanies Radhakrishnan et al. (2024), with its coordinates.
    "low rank": (0.5, lambda X: X[:, 0] * X[:, 1] * (X[:, 5] > 0)),
    "product": (1.0, lambda X: X[:, 0] * X[:, 1]),
    "radial": (1.0, lambda X: (np.sum(X**2, axis=1) - X.shape[1]) / np.sqrt(2 * X.shape[1])),
}


@dataclass(frozen=True)
class MetricPath:
    """Recursive feature machines on samples of one size, iteration by iteration.

    Attributes
    ----------
    n_samples, n_dims : int
    loss : ndarray of shape (seeds, iterations + 1)
        Squared loss on new inputs; the first column is the plain kernel machine.
    metrics : ndarray of shape (iterations + 1, d, d)
        The metrics of the first seed.
    shares : ndarray of shape (seeds, iterations + 1)
        Share of the metric's trace on the coordinates that the target depends on (of "radial": 1).
    """

    n_samples: int
    n_dims: int
    loss: NDArray[np.float64]
    metrics: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class SampleSizes:
    """Loss of a fixed and of a learned metric on the product of two coordinates, against n.

    Attributes
    ----------
    n_dims : int
    sizes : ndarray of shape (s,)
        Numbers n of samples.
    fixed, learned : ndarray of shape (seeds, s)
        Squared loss on new inputs, in units of the target's variance.
    """

    n_dims: int
    sizes: NDArray[np.intp]
    fixed: NDArray[np.float64]
    learned: NDArray[np.float64]

    @property
    def bound(self) -> NDArray[np.float64]:
        """The least mean loss of any fixed kernel, 1 - n / N, on all N products (at least 0)."""
        return np.maximum(0.0, 1 - self.sizes / (self.n_dims * (self.n_dims - 1) / 2))

    def needed(self, level: float = 0.5) -> NDArray[np.float64]:
        """Interpolate the number of samples at which the learned metric reaches a loss.

        Parameters
        ----------
        level : float
            The loss.

        Returns
        -------
        ndarray of shape (seeds,)
            Linear in log n between the sizes; nan where the loss is not reached, or at the first.
        """
        return np.array([_crossing(self.sizes, loss, level) for loss in self.learned])


def draw_task(
    name: str, n: int, d: int, random_state: RandomState = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw samples of a task.

    Parameters
    ----------
    name : {"low rank", "product", "radial"}
        x_1 x_2 where x_6 > 0 and 0 elsewhere, for x_k ~ N(0, 1/4); x_1 x_2; or
        (|x|^2 - d) / (2 d)^(1/2), both for x_k ~ N(0, 1).
    n, d : int
        Samples and dimensions.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
    """
    spread, target = TASKS[check_option(name, "name", tuple(TASKS))]
    check_int(d, "d", minimum=6)
    X = spread * as_generator(random_state).standard_normal((check_int(n, "n"), d))
    return X, target(X)


def metric_path(
    name: str,
    n: int,
    d: int,
    *,
    kernel: IsotropicKernel | None = None,
    rescale: bool = True,
    max_iter: int = 5,
    n_test: int = 2000,
    n_seeds: int = 3,
    random_state: int = 0,
) -> MetricPath:
    """Fit recursive feature machines to samples of a task.

    Parameters
    ----------
    name : {"low rank", "product", "radial"}
    n, d : int
        Samples and dimensions.
    kernel : IsotropicKernel, optional
    rescale : bool
    max_iter : int
        Iterations, all of them done.
    n_test : int
        New inputs for the loss.
    n_seeds : int
    random_state : int

    Returns
    -------
    MetricPath
    """
    loss, shares, metrics = [], [], []
    used = {"low rank": [0, 1, 5], "product": [0, 1], "radial": slice(None)}[name]
    for seed in range(check_int(n_seeds, "n_seeds")):
        rng = np.random.default_rng([random_state, seed])
        X, y = draw_task(name, n, d, rng)
        X_new, y_new = draw_task(name, n_test, d, rng)
        machine = RecursiveFeatureMachine(kernel, max_iter=max_iter, tol=0, rescale=rescale)
        stages = machine.fit(X, y).history_
        loss.append([np.mean((stage.evaluate(X_new) - y_new) ** 2) for stage in stages])
        diagonals = np.array([np.diag(stage.metric) for stage in stages])
        shares.append(diagonals[:, used].sum(axis=1) / diagonals.sum(axis=1))
        if not metrics:
            metrics = [stage.metric for stage in stages]
    return MetricPath(n, d, np.array(loss), np.array(metrics), np.array(shares))


def sample_sizes(
    d: int,
    sizes: Sequence[int],
    *,
    max_iter: int = 4,
    n_test: int = 1000,
    n_seeds: int = 4,
    random_state: int = 0,
) -> SampleSizes:
    """Measure how many samples the product of two coordinates out of d takes.

    Parameters
    ----------
    d : int
    sizes : sequence of int
        Numbers of samples, increasing.
    max_iter, n_test, n_seeds, random_state : int

    Returns
    -------
    SampleSizes
    """
    runs = [
        metric_path(
            "product",
            n,
            d,
            max_iter=max_iter,
            n_test=n_test,
            n_seeds=n_seeds,
            random_state=random_state + i,
        ).loss
        for i, n in enumerate(sizes)
    ]
    loss = np.array(runs)  # (sizes, seeds, iterations + 1)
    return SampleSizes(d, np.array(sizes), loss[:, :, 0].T, loss[:, :, -1].T)


def fixed_kernel_losses(
    kernel: Callable[[NDArray, NDArray], NDArray],
    n: int,
    d: int,
    *,
    n_test: int = 2000,
    random_state: RandomState = 0,
) -> tuple[float, float]:
    """Fit every product of two coordinates out of d with one kernel and the same n inputs.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, Z)``, the matrix of its values.
    n, d : int
        Samples and dimensions.
    n_test : int
        New inputs, more than n.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    fitted, best : float
        Mean squared loss over all products, on new inputs and in units of their mean square there
        (one in the mean): of the interpolants of their values on the n samples; and of the weighted
        sums of the same n kernel functions that fit best, by least squares on ``10 n_test`` further
        inputs, where the values of the products are given.
    """
    rng = as_generator(random_state)
    first, second = np.triu_indices(check_int(d, "d", minimum=2), 1)

    def draw(m: int) -> tuple[NDArray, NDArray]:
        X = rng.standard_normal((m, d))
        return X, X[:, first] * X[:, second]

    (X, y), (Z, y_new), (many, y_many) = draw(n), draw(n_test), draw(10 * n_test)
    features, values = kernel(Z, X), kernel(many, X)
    fits = (
        np.linalg.lstsq(kernel(X, X), y)[0],
        # Normal equations of n unknowns and many more samples.
        np.linalg.lstsq(values.T @ values, values.T @ y_many)[0],
    )
    # On the same inputs, for the mean square of many products moves far on a few of them.
    size = np.mean(y_new**2)
    fitted, best = (float(np.mean((features @ a - y_new) ** 2) / size) for a in fits)
    return fitted, best


def growth_exponent(runs: Sequence[SampleSizes], level: float = 0.5) -> tuple[float, float]:
    """Fit log(samples needed) = a + b log(d) and return b with its standard error.

    Parameters
    ----------
    runs : sequence of SampleSizes
        One for each dimension.
    level : float
        The loss to reach.

    Returns
    -------
    exponent, error : float
        By least squares over all seeds.

    Raises
    ------
    ValueError
        A seed reaches the loss before the first size or not at all: leaving it out would bias b.
    """
    x = np.concatenate([np.full(len(run.learned), np.log(run.n_dims)) for run in runs])
    y = np.log(np.concatenate([run.needed(level) for run in runs]))
    if not np.isfinite(y).all():
        dims = sorted({run.n_dims for run in runs if not np.isfinite(run.needed(level)).all()})
        raise ValueError(f"in {dims} dimensions the sizes do not bracket the loss {level}")
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    error = np.sqrt(np.sum((y - slope * x) ** 2) / (len(x) - 2) / (x @ x))
    return slope, float(error)


def _crossing(sizes: NDArray, loss: NDArray, level: float) -> float:
    below = np.flatnonzero(loss <= level)
    if not len(below) or below[0] == 0:
        return np.nan
    i = below[0]
    share = (loss[i - 1] - level) / (loss[i - 1] - loss[i])
    return float(np.exp(np.log(sizes[i - 1]) + share * np.log(sizes[i] / sizes[i - 1])))
