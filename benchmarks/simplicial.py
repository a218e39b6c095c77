"""Side by side: the direct method for simplicial interpolation against its peers.

Uniform points of a simplex and its corners, so that every query is inside the hull; one interleaved
run on one thread::

    python benchmarks/simplicial.py                  # a minute
    python benchmarks/simplicial.py --queries 2000

The peers: ``scipy.optimize.linprog`` (HiGHS), one linear programme a query, in any dimension; and
``scipy.interpolate.LinearNDInterpolator`` (Qhull), which triangulates first, in few. Ratios are
what counts; the last column is the largest difference of two predictions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

from fearless.experiments.interpolation.simplices import simplex_sample
from fearless.local import SimplicialInterpolator

SIZES = ((2, 1000), (3, 1000), (4, 1000), (5, 500), (10, 1000), (20, 1000), (20, 4000))
TRIANGULATED = 5  # up to this dimension Qhull is asked too


def timed(function: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def by_linear_programmes(X: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Predict by one call of ``linprog`` a query."""
    constraints = np.vstack([X.T, np.ones(len(X))])
    squares = np.sum(X**2, axis=1)
    return np.array(
        [y @ linprog(squares, A_eq=constraints, b_eq=np.append(z, 1), method="highs").x for z in Z]
    )


def compare(d: int, n: int, n_queries: int, n_peer: int, repeats: int) -> None:
    """Print one line of the table."""
    rng = np.random.default_rng(d)
    X, Z = simplex_sample(n, d, rng), simplex_sample(n_queries, d, rng)[:n_queries]
    y = rng.standard_normal(len(X))
    ours, programmes, qhull = [], [], []
    for _ in range(repeats):
        seconds, fit = timed(lambda: SimplicialInterpolator("direct").fit(X, y).predict(Z))
        ours.append(seconds / n_queries)
        seconds, peer = timed(lambda: by_linear_programmes(X, y, Z[:n_peer]))
        programmes.append(seconds / n_peer)
        gap = np.abs(peer - fit[:n_peer]).max()
        if d <= TRIANGULATED:
            seconds, peer = timed(lambda: LinearNDInterpolator(X, y)(Z))
            qhull.append(seconds / n_queries)
            gap = max(gap, np.nanmax(np.abs(peer - fit)))
    best = min(ours)
    line = f"{d:4d} {n:6d} {1e3 * best:11.3f} {1e3 * min(programmes):11.2f}"
    line += f" {min(programmes) / best:8.0f}x"
    line += (
        f" {1e3 * min(qhull):11.3f} {min(qhull) / best:8.1f}x" if qhull else f"{'-':>12s} {'':9s}"
    )
    print(f"{line} {gap:10.1e}")


def main() -> None:
    """Parse arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--peer-queries", type=int, default=20, help="solved by linprog")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"milliseconds a query, fit included, {options.queries} queries, one thread")
    print("   d      n      direct     linprog    ratio       Qhull     ratio        gap")
    with threadpool_limits(1):
        for d, n in SIZES:
            compare(d, n, options.queries, options.peer_queries, options.repeats)


if __name__ == "__main__":
    main()
