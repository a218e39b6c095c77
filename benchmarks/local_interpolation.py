"""Side by side: interpolating neighbours and singular kernels against scikit-learn's neighbours.

10^5 queries on n = 10^4 points in d = 10, the same number of neighbours, one interleaved run::

    python benchmarks/local_interpolation.py
    python benchmarks/local_interpolation.py --queries 20000 --dims 2 10 50

Every line is the best of the repeats. The ratio is to ``KNeighborsRegressor`` as it comes, whose
time for its other algorithms is listed too. The Hilbert kernel weighs all n points for each query,
so its peer is a Gaussian Nadaraya-Watson smoother written with NumPy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import threadpool_limits

from fearless.kernels import GaussianKernel
from fearless.local import InterpolatedNeighborsRegressor, SingularKernelRegressor

THREADS = 2


def gaussian_smoother(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Nadaraya-Watson with the library's Gaussian kernel, in blocks of rows."""
    kernel = GaussianKernel(0.5)

    def predict(Q: np.ndarray) -> np.ndarray:
        out = np.empty(len(Q))
        for start in range(0, len(Q), 200):
            K = kernel(Q[start : start + 200], X)
            out[start : start + 200] = K @ y / K.sum(axis=1)
        return out

    return predict


def compare(n: int, m: int, d: int, k: int, repeats: int) -> None:
    """Print the table of one dimension."""
    rng = np.random.default_rng(0)
    X, y, Q = rng.random((n, d)), rng.standard_normal(n), rng.random((m, d))
    few = Q[: max(1, m // 10)]
    models = {
        "KNeighborsRegressor": KNeighborsRegressor(k),
        "  algorithm='kd_tree'": KNeighborsRegressor(k, algorithm="kd_tree"),
        "  algorithm='brute'": KNeighborsRegressor(k, algorithm="brute"),
        "wiNN, log weights": InterpolatedNeighborsRegressor(k),
        "wiNN, power weights": InterpolatedNeighborsRegressor(k, weights="power"),
    }
    predictors = {name: model.fit(X, y).predict for name, model in models.items()}
    all_points = {
        "Gaussian smoother, all points": gaussian_smoother(X, y),
        "Hilbert kernel": SingularKernelRegressor().fit(X, y).predict,
        "  exponent 2.5": SingularKernelRegressor(exponent=2.5).fit(X, y).predict,
    }
    best = dict.fromkeys([*predictors, *all_points], np.inf)
    for _ in range(repeats):
        for name, predict in [*predictors.items(), *all_points.items()]:
            queries = Q if name in predictors else few
            start = time.perf_counter()
            predict(queries)
            seconds = (time.perf_counter() - start) * len(Q) / len(queries)
            best[name] = min(best[name], seconds)
    print(f"\nn = {n:,}, {m:,} queries, d = {d}, k = {k}, {THREADS} threads, best of {repeats}")
    for group, peer in (
        (predictors, "KNeighborsRegressor"),
        (all_points, "Gaussian smoother, all points"),
    ):
        for name in group:
            print(f"  {name:32s} {best[name]:9.2f} s   {best[name] / best[peer]:6.2f}x")
    print(f"  (the lower three estimated from {len(few):,} queries)")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--dims", type=int, nargs="+", default=[10])
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with threadpool_limits(THREADS):
        for d in arguments.dims:
            compare(arguments.n, arguments.queries, d, arguments.k, arguments.repeats)


if __name__ == "__main__":
    main()
