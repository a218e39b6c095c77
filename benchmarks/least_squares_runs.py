"""Side by side: hundreds of runs of SGD on least squares at once against one loop a run.

n = 200 samples of d = 2000 features that can be fitted; eight batch sizes, eight step sizes, ten
seeds: 640 runs of 500 steps, whose losses are looked at 20 times; one interleaved run::

    python benchmarks/least_squares_runs.py                  # under a minute
    python benchmarks/least_squares_runs.py --threads 2 --method nesterov

The loop is plain NumPy, of one run after the other: draw, gather the rows, two products with them.
It is run for one seed and step size in each batch size and scaled up, unless ``--whole``. Both
draw the same samples, so that the weights at the end can be compared. On one thread CPU time is
measured, which other processes disturb less; ratios are what counts.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from fearless.optimization import GradientDescent, MaSS, Method, Nesterov, least_squares_runs
from fearless.theory.rates.batch_size import optimal_step_size

SEEDS = 10


def problem(n: int, d: int, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Data, and the batch size, step size and seed of every run."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)) / d**0.5
    y = X @ rng.standard_normal(d)
    largest, norm = np.linalg.norm(X, 2) ** 2 / n, np.sum(X**2, axis=1).max()
    best = {b: optimal_step_size(b, norm, largest) for b in sizes}
    grid = np.meshgrid(sizes, np.linspace(0.2, 1.2, 8), np.arange(SEEDS), indexing="ij")
    batch, factor, _ = (axis.ravel() for axis in grid)
    step = factor * np.array([best[int(b)] for b in batch])
    return X, y, [batch, step, np.arange(len(batch))]


def loop(
    X: np.ndarray, y: np.ndarray, method: Method, batch: int, seed: int, steps: np.ndarray
) -> np.ndarray:
    """One run as one would write it."""
    rng = np.random.default_rng(seed)
    state = method.start(np.zeros(X.shape[1]))
    for t in range(int(steps[-1])):
        drawn = rng.integers(len(X), size=batch, dtype=np.int32)
        w = method.query(state, t)
        rows = X[drawn]
        gradient = (rows @ w - y[drawn]) @ rows / batch
        state = method.step(state, gradient, t)
        if t + 1 in steps:
            np.mean((X @ state[0] - y) ** 2)
    return state[0]


def make(name: str, step: np.ndarray) -> Method:
    """The method for all runs, with a momentum that is stable in every batch size."""
    if name == "sgd":
        return GradientDescent(step)
    return Nesterov(step / 4, 0.5) if name == "nesterov" else MaSS(step / 4, 0.5, step / 16)


def compare(arguments: argparse.Namespace) -> None:
    """Print the table."""
    X, y, (batch, step, seeds) = problem(arguments.n, arguments.d, arguments.batch_sizes)
    method, steps = make(arguments.method, step), np.linspace(0, arguments.steps, 21).astype(int)
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    # The middle step size of the first seed stands for its batch size.
    some = np.arange(len(batch)) if arguments.whole else np.arange(4 * SEEDS, len(batch), 8 * SEEDS)
    ours, theirs, gap = [], [], 0.0
    for _ in range(arguments.repeats):
        start = clock()
        run = least_squares_runs(
            X,
            y,
            method,
            n_steps=arguments.steps,
            batch_size=batch,
            record=steps,
            random_state=seeds,
        )
        ours.append(clock() - start)
        seconds = 0.0
        for i in some:
            start = clock()
            w = loop(X, y, method.take(int(i)), int(batch[i]), int(seeds[i]), steps)
            seconds += clock() - start
            if not run.diverged[i]:
                gap = max(gap, float(np.linalg.norm(run.coef[i] - w) / np.linalg.norm(w)))
        theirs.append(seconds * len(batch) / len(some))
    best, count = min(ours), len(batch) * arguments.steps
    print(
        f"{arguments.method}: n = {arguments.n}, d = {arguments.d}, {len(batch)} runs of "
        f"{arguments.steps} steps, batches of {arguments.batch_sizes}, {arguments.threads} "
        f"thread(s), best of {arguments.repeats}"
    )
    for name, seconds in (
        ("least_squares_runs", best),
        ("NumPy loop" + ("" if arguments.whole else ", scaled up"), min(theirs)),
    ):
        print(
            f"  {name:24s} {seconds:8.2f} s   {1e6 * seconds / count:7.2f} us a step and run   "
            f"{seconds / best:6.1f}x"
        )
    print(f"  largest relative difference of weights {gap:.1e}; {run.explain().splitlines()[0]}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--d", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--method", choices=("sgd", "nesterov", "mass"), default="sgd")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="run the loop for all runs")
    arguments = parser.parse_args()
    with threadpool_limits(arguments.threads):
        compare(arguments)


if __name__ == "__main__":
    main()
