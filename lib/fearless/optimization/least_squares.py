"""Hundreds of runs on one least-squares problem, side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigvalsh

from fearless._validation import RandomState, check_int, check_positive, check_vector
from fearless.optimization._problem import check_problem, check_starts
from fearless.optimization._sampling import (
    BatchStream,
    check_batch_sizes,
    count_runs,
    gradients_seen,
    run_seeds,
)
from fearless.optimization._spaces import Draws, RowSpace, Space, SpectralSpace
from fearless.optimization.methods import GradientDescent, Method
from fearless.optimization.trace import Trace, divergence_limit, recorded_steps

__all__ = ["least_squares_runs"]

# Below this share of its largest value the loss of a recurrence may be rounding errors.
_FLOOR = 1e-24
_REFRESH = 256


def least_squares_runs(
    X: ArrayLike,
    y: ArrayLike,
    method: Method,
    *,
    n_steps: int,
    batch_size: ArrayLike | None = None,
    replacement: bool = True,
    probabilities: ArrayLike | None = None,
    start: ArrayLike | None = None,
    solution: ArrayLike | None = None,
    record: int | ArrayLike = 100,
    random_state: RandomState | ArrayLike = None,
    n_runs: int = 1,
    divergence: float = 1e12,
) -> Trace:
    r"""Run a method on :math:`L(w) = \frac{1}{2n} \|X w - y\|^2`, many runs at once.

    The runs may differ in step size, momentum, batch size, start and random stream: arrays of
    length R, and numbers that hold for all. Batches give the method the gradient

    .. math:: g(w) = \frac1b \sum_{i \in B} (x_i^\top w - y_i) \, x_i .

    Parameters
    ----------
    X : array-like of shape (n, p)
        Samples, one a row. A row of zeros pulls at no weight; its loss stays.
    y : array-like of shape (n,)
        Targets.
    method : Method
        The method, for example ``GradientDescent(step_sizes)``.
    n_steps : int
        The number of steps.
    batch_size : int, array-like of int of shape (R,), optional
        Samples b a step; all n by default, and then nothing is random.
    replacement : bool
        Draw batches with replacement, when they may be larger than n; otherwise in epochs, each in
        a new order, whose last batch is what is left.
    probabilities : array-like of shape (n,), optional
        Chances p_i of the samples, up to a factor, for draws with replacement: 0 only for rows of
        zeros. Gradients are weighted by 1 / (n p_i), which keeps their mean. Uniform by default.
    start : array-like of shape (p,) or (R, p), optional
        The start, zero by default, or one for each run.
    solution : array-like of shape (p,), optional
        The point w* to which distances are measured; by default the least-squares solution nearest
        to the start.
    record : int or array-like of int
        Look at the runs this many times, evenly, after the start; or after these numbers of steps.
    random_state : int, Generator, None, or one int a run
        Draws the batches. Every run has a stream of its own: the first ones do not depend on how
        many there are, and a run of the seed s is the same alone and in company. Runs of the same
        seed and batch size see the same samples.
    n_runs : int
        The number R of runs, where nothing else says it.
    divergence : float
        A run has diverged when its loss is not finite or above this many times that at its start.

    Returns
    -------
    Trace
        The runs in the order of the arguments; ``explain()`` says which diverged, and which step
        sizes are stable.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described; a batch without replacement is larger than n.

    Notes
    -----
    No run leaves the start's translate of the row space of X. Where p > n / 2 the runs are hence
    followed there, by their residuals and the coefficients of samples: :math:`2 n^2` operations a
    step and run in one matrix product for all runs, :math:`2 b n` where b < n / 6; the number of
    weights does not matter after :math:`O(n^2 p)` at the start. Full gradients cost O(rank) a step
    in the coordinates of the singular vectors, where p <= n / 2 is treated, too. A look at the runs
    costs one more product; the smaller of n^2 and n p numbers are kept beside the data.

    Results are those of a plain loop up to rounding errors. On data of deficient rank the runs
    converge on the row space, to the solution nearest to the start. Used in the sections "SGD under
    interpolation" and "Acceleration".

    Examples
    --------
    Of three step sizes the last is beyond 2 / lambda_1 = 2:

    >>> import numpy as np
    >>> from fearless.optimization import GradientDescent
    >>> X, y = np.diag([2**0.5, 1.0]), [1.0, 1.0]
    >>> method = GradientDescent(np.array([0.5, 1.0, 2.5]))
    >>> run = least_squares_runs(X, y, method, n_steps=100)
    >>> (run.loss[:, -1] / run.loss[:, 0]).round(6)
    array([ 0.,  0., inf])
    >>> print(run.explain().splitlines()[1])
    run 2 (step_size 2.5, batch_size 2) diverged at step 35; stable below step size 2
    """
    X, y, _ = check_problem(X, y, None)
    _check_range(X)
    n, p = X.shape
    if not isinstance(method, Method):
        raise TypeError(f"method is {type(method).__name__}; expected a Method")
    n_steps = check_int(n_steps, "n_steps", minimum=0)
    divergence = check_positive(divergence, "divergence")
    starts = np.zeros((1, p)) if start is None else check_starts(start, p)
    n_runs = count_runs(
        method, batch_size, random_state, start=len(starts), n_runs=check_int(n_runs, "n_runs")
    )
    sizes = check_batch_sizes(batch_size, n, n_runs, replacement)
    chances = _check_probabilities(probabilities, X, replacement)
    if chances is not None and not sizes.all():
        raise ValueError("probabilities are given, but batch_size is None: nothing is drawn")
    seeds = run_seeds(random_state, n_runs)
    steps = recorded_steps(record, n_steps)
    w_star = None if solution is None else check_vector(solution, "solution", length=p)

    # Full gradients first, then the largest batches.
    order = np.argsort(np.where(sizes, -sizes, -np.inf), kind="stable")
    sizes, runs = sizes[order], method.spread(n_runs).take(order)
    starts = starts if len(starts) == 1 else starts[order]
    drawn = np.flatnonzero(sizes)
    stream = None
    if drawn.size:
        stream = BatchStream(
            n, sizes[drawn], replacement, [seeds[order[i]] for i in drawn], chances
        )
    space: Space
    with np.errstate(over="ignore", invalid="ignore"):
        if stream is None or 2 * p <= n:
            space = SpectralSpace(X, y, starts, n_runs, w_star)
        else:
            plain = runs.step_size if isinstance(runs, GradientDescent) else None
            space = RowSpace(X, y, starts, n_runs, w_star, plain)
        if not np.isfinite(space.loss(space.start)).all():
            raise ValueError("the loss at the start overflows; expected smaller y or start")
        driver = _Driver(space, runs, Draws(n, sizes, stream), steps, float(y @ y) / (2 * n))
        driver.run(n_steps, divergence)

    back = np.argsort(order)
    diverged_at = driver.diverged_at[back]
    coef = driver.coef[back]
    coef[diverged_at >= 0] = np.inf
    limits, words = None, ""
    if np.any(diverged_at >= 0):
        limits, words = _stability(X, method, sizes[back], replacement, chances)
    settings = {k: np.broadcast_to(v, n_runs) for k, v in method.hyperparameters.items()}
    return Trace(
        steps=steps,
        loss=driver.loss[back],
        distance=driver.distance[back],
        norm=driver.norm[back],
        oracle_calls=gradients_seen(steps, sizes[back], n, replacement),
        coef=coef,
        diverged_at=diverged_at,
        settings={**settings, "batch_size": np.where(sizes, sizes, n)[back]},
        stable_step_size=limits,
        stability=words,
    )


class _Driver:
    """The loop over the steps and what it records; +inf from where a run diverges."""

    def __init__(
        self, space: Space, method: Method, draws: Draws, steps: NDArray, scale: float
    ) -> None:
        self.space, self.method, self.draws, self.steps = space, method, draws, steps
        self.scale = scale
        n_runs = space.start.shape[-2]
        self.loss, self.distance, self.norm = np.full((3, n_runs, len(steps)), np.inf)
        self.diverged_at = np.full(n_runs, -1, dtype=np.intp)
        self.coef = np.empty(0)

    def run(self, n_steps: int, divergence: float) -> None:
        """Make all steps."""
        space, method = self.space, self.method
        # Methods see the runs along the last axis; space sees the memory as it lies.
        state = method.start(_swap(space.start.copy()))
        first = space.loss(space.start)
        limit = divergence_limit(first, divergence, self.scale)
        # Rounding errors are those of the largest residuals on the way.
        peak = np.maximum(first, self.scale)
        record = 0
        for t in range(n_steps + 1):
            loss = space.loss(_swap(state[0]))
            fine = loss <= limit  # False for NaN
            # A run that has diverged goes on, to infinity and NaN, which no other run sees.
            self.diverged_at[~fine & (self.diverged_at < 0)] = t
            np.fmax(peak, loss, out=peak)
            looked_at = record < len(self.steps) and t == self.steps[record]
            if looked_at or t % _REFRESH == 0:
                tiny = (loss < _FLOOR * peak) & (self.diverged_at < 0)
                if tiny.any():
                    space.refresh(tuple(map(_swap, state)), np.flatnonzero(tiny))
                    loss = space.loss(_swap(state[0]))
            if looked_at:
                self._look(record, _swap(state[0]), loss)
                record += 1
            if t < n_steps:
                self.draws.next()
                gradient = space.gradient(_swap(method.query(state, t)), self.draws)
                state = method.step(state, _swap(gradient), t)
        self.coef = space.coef(_swap(state[0]))

    def _look(self, record: int, point: NDArray, loss: NDArray) -> None:
        fine = self.diverged_at < 0
        distance, norm = self.space.distance_and_norm(point)
        for values, target in (
            (loss, self.loss),
            (distance, self.distance),
            (norm, self.norm),
        ):
            target[fine, record] = values[fine]


def _swap(point: NDArray) -> NDArray:
    return np.swapaxes(point, -1, -2)


def _check_range(X: NDArray) -> None:
    """Refuse samples whose squares overflow or vanish: all products would be wrong."""
    largest = float(np.abs(X).max())
    with np.errstate(over="ignore", under="ignore"):
        square = np.prod([largest, largest, X.size])
    if largest > 0 and not np.finfo(np.float64).tiny < square < np.inf:
        raise ValueError(
            f"X has entries up to {largest:.3g}, whose squares leave the range of float64; "
            "expected numbers nearer to 1: rescale X, start and step size"
        )


def _check_probabilities(
    probabilities: ArrayLike | None, X: NDArray, replacement: bool
) -> NDArray | None:
    if probabilities is None:
        return None
    if not replacement:
        raise ValueError("probabilities are given, but replacement is False; expected True")
    chances = check_vector(probabilities, "probabilities", length=len(X)).astype(np.float64)
    if chances.min() < 0 or not chances.any():
        raise ValueError("probabilities has negative entries or zeros only; expected chances >= 0")
    chances /= chances.max()  # or their sum might overflow
    missing = np.flatnonzero((chances == 0) & X.any(axis=1))
    if missing.size:
        raise ValueError(
            f"probabilities is 0 at index {missing[0]}; expected chances > 0 for all samples but "
            "rows of zeros: the gradient of this one would be missing from the mean"
        )
    return chances / chances.sum()


def _stability(
    X: NDArray, method: Method, sizes: NDArray, replacement: bool, chances: NDArray | None
) -> tuple[NDArray, str]:
    """Return the step sizes below which runs are stable, NaN where unknown, and why in words."""
    n = len(X)
    gram = X @ X.T if n <= X.shape[1] else X.T @ X
    m = len(gram)
    largest = float(eigvalsh(gram / n, subset_by_index=[m - 1, m - 1])[0])
    limits = np.full(len(sizes), np.nan)
    words = [f"lambda_1 = {largest:.4g}"]
    full = method.stable_step_size(largest)
    if full is None:
        words.append("the method has no step size: its interval has to reach up to lambda_1")
    else:
        limits[:] = np.where(sizes == 0, full, np.nan)
        if np.any(sizes == 0):
            words.append("with full gradients the limit is that of the method on a quadratic")
    if np.any(sizes):
        if isinstance(method, GradientDescent):
            squares = np.sum(X**2, axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                beta = np.nanmax(squares if chances is None else squares / (n * chances))
            # Within an epoch draws depend on each other: what holds for each batch is stated.
            b = np.maximum(sizes, 1) if replacement else 1
            limits = np.where(sizes == 0, limits, 2 * b / (beta + (b - 1) * largest))
            words.append(
                (
                    "with batches of b the mean squared distance to a common solution shrinks "
                    "below 2 b / (beta + (b - 1) lambda_1)"
                    if replacement
                    else "with epochs no batch moves away from a common solution below 2 / beta"
                )
                + f", beta = {beta:.4g}"
            )
        else:
            words.append(
                "with batches no limit is known in closed form; it may be far below that of full "
                "gradients"
            )
    return limits, "; ".join(words)
