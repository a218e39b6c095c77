"""Side by side: ridge regression at 30 penalties from one factorisation against one fit a penalty.

Random Fourier features of MNIST (bandwidth 5, ten outputs), n = 2000 samples, p = 4000 features;
one interleaved run, two threads::

    python benchmarks/ridge_path.py                  # under a minute
    python benchmarks/ridge_path.py --n 4000 --p 2000

The peers fit only, or cross-validate only. Our time includes the coefficients and the training,
leave-one-out and GCV errors of every penalty. Ratios are what counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV
from threadpoolctl import threadpool_limits

from fearless.data import load_mnist, one_hot
from fearless.features import RandomFourierFeatures
from fearless.solvers import penalty_path

THREADS = 2


def problem(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Scaled features and targets of the benchmark."""
    data = load_mnist(n)
    phi = RandomFourierFeatures(random_state=0).fit(data.X_train)
    features = phi.scale(p) * phi.block(data.X_train, 0, p)
    return features, one_hot(data.y_train, data.classes)


def timed(function: Callable[[], object]) -> tuple[float, object]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def loop(X: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> list[np.ndarray]:
    """Coefficients of scikit-learn, one fit a penalty."""
    return [
        Ridge(alpha=len(X) * penalty, solver="cholesky", fit_intercept=False).fit(X, y).coef_.T
        for penalty in penalties
    ]


def compare(n: int, p: int, n_penalties: int, repeats: int) -> None:
    """Print the table of one problem."""
    X, y = problem(n, p)
    penalties = np.geomspace(1e-6, 1, n_penalties)
    ours, cholesky, cross = [], [], []
    for _ in range(repeats):
        seconds, path = timed(lambda: penalty_path(X, y, penalties))
        ours.append(seconds)
        seconds, coefs = timed(lambda: loop(X, y, penalties))
        cholesky.append(seconds)
        seconds, peer = timed(
            lambda: RidgeCV(n * penalties, fit_intercept=False, gcv_mode="eigen").fit(X, y)
        )
        cross.append(seconds)
    best = min(ours)
    print(f"n = {n:,}, p = {p:,}, {n_penalties} penalties, {THREADS} threads, best of {repeats}")
    rows = {
        f"penalty_path ({path.method})": best,
        "Ridge(solver='cholesky')": min(cholesky),
        "RidgeCV, leave-one-out only": min(cross),
    }
    for name, seconds in rows.items():
        print(f"  {name:36s} {seconds:8.2f} s   {seconds / best:6.1f}x")
    gap = max(
        np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(path.coef, coefs, strict=True)
    )
    print(f"  largest relative difference of coefficients from Ridge(cholesky) {gap:.1e}")
    print(f"  leave-one-out chooses {penalties[path.best()]:.1e}, RidgeCV {peer.alpha_ / n:.1e}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--p", type=int, default=4000)
    parser.add_argument("--penalties", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with threadpool_limits(THREADS):
        compare(arguments.n, arguments.p, arguments.penalties, arguments.repeats)


if __name__ == "__main__":
    main()
