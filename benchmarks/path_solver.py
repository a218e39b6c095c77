"""Side by side: the whole min-norm path against one least-squares solve a width.

Same data (random Fourier features of MNIST, bandwidth 5, ten outputs), same widths, one
interleaved run, two threads::

    python benchmarks/path_solver.py                 # n = 1000 and 2000, a few minutes
    python benchmarks/path_solver.py --n 4000 --every 6   # estimates from every sixth width
    python benchmarks/path_solver.py --memory        # peak memory, one process a method

Every peer gets the training problem only, prepared outside its clock; the path solver's time
includes the risks of all widths on both sets. Where all peers in full would take too long, they
are screened on every tenth width and the fastest alone runs in full. Ratios are what counts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy.linalg
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_limits

from fearless.data import load_mnist, one_hot
from fearless.experiments.double_descent import width_grid
from fearless.features import RandomFourierFeatures
from fearless.solvers import min_norm_path

THREADS = 2
N_WIDTHS = 60

PEERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "numpy.linalg.lstsq": lambda a, y: np.linalg.lstsq(a, y, rcond=None)[0],
    "scipy lstsq gelsd": lambda a, y: scipy.linalg.lstsq(a, y, lapack_driver="gelsd")[0],
    "scipy lstsq gelsy": lambda a, y: scipy.linalg.lstsq(a, y, lapack_driver="gelsy")[0],
    "sklearn LinearRegression": lambda a, y: (
        LinearRegression(fit_intercept=False).fit(a, y).coef_.T
    ),
}


def problem(n: int, n_test: int = 2000):
    """Features, targets and widths of the benchmark."""
    data = load_mnist(n, n_test)
    widths = width_grid(n, N_WIDTHS, max_ratio=10, resolution=max(1 / n, 5e-4))
    phi = RandomFourierFeatures(random_state=0).fit(data.X_train)
    last = int(widths[-1])
    return (
        phi.block(data.X_train, 0, last),
        one_hot(data.y_train, data.classes),
        phi.block(data.X_test, 0, last),
        one_hot(data.y_test, data.classes),
        widths,
    )


def timed(function: Callable[[], object]) -> tuple[float, object]:
    """Seconds and result of one call."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def solve_widths(solve, a, y, widths) -> float:
    """Seconds of one peer over some widths, the slicing of columns not counted."""
    seconds = 0.0
    for width in widths:
        columns = np.ascontiguousarray(a[:, :width])
        seconds += timed(lambda columns=columns: solve(columns, y))[0]
    return seconds


def compare(n: int, repeats: int, every: int) -> None:
    """Print the table for one n."""
    a, y, a_test, y_test, widths = problem(n)
    print(f"\nn = {n}, {len(widths)} widths {widths[0]}..{widths[-1]}, float64, {THREADS} threads")
    ours: list[float] = []
    path = None

    def run_ours() -> None:
        nonlocal path
        seconds, path = timed(lambda: min_norm_path(a, y, a_test, y_test, widths))
        ours.append(seconds)

    run_ours()
    screen = widths[4::10]
    estimates = {}
    for name, solve in PEERS.items():
        estimates[name] = solve_widths(solve, a, y, screen)
        run_ours()
    fastest = min(estimates, key=estimates.get)
    chosen = widths[every // 2 :: every]
    full = solve_widths(PEERS[fastest], a, y, chosen) * len(widths) / len(chosen)
    coverage = "all widths" if every == 1 else f"estimated from {len(chosen)} widths"
    for _ in range(repeats):
        run_ours()
    best = min(ours)
    print(
        f"  {'path solver':28s} {best:9.2f} s   (min of {len(ours)}, median {np.median(ours):.2f})"
    )
    for name, seconds in estimates.items():
        if name == fastest:
            print(f"  {name:28s} {full:9.2f} s   {full / best:6.1f}x   ({coverage})")
        else:
            slower = seconds / estimates[fastest]
            print(
                f"  {name:28s} {full * slower:9.2f} s   {full * slower / best:6.1f}x   "
                f"(from {len(screen)} widths: {slower:.2f} times the fastest)"
            )

    square, square_test = np.ascontiguousarray(a[:, :n]), a_test[:, :n]
    pairs = [
        (
            timed(lambda: min_norm_path(square, y, square_test, y_test, range(1, n + 1)))[0],
            timed(lambda: np.linalg.lstsq(square, y, rcond=None))[0],
        )
        for _ in range(3)
    ]
    seconds, one = min(p[0] for p in pairs), min(p[1] for p in pairs)
    print(
        f"  every width 1..{n}: {seconds:.2f} s, "
        f"{seconds / one:.2f} calls of numpy.linalg.lstsq at N = n ({one:.2f} s)"
    )

    single = timed(
        lambda: min_norm_path(a.astype(np.float32), y, a_test.astype(np.float32), y_test, widths)
    )
    kept = np.mean(single[1].precision == "float32")
    difference = np.max(np.abs(single[1].test_mse / path.test_mse - 1))
    print(
        f"  float32 asked: {single[0]:.2f} s, kept for {kept:.0%} of the widths, "
        f"largest relative difference in test MSE {difference:.1e}"
    )
    accuracy(a, y, a_test, y_test, widths, path, full_check=n <= 1000)


def accuracy(a, y, a_test, y_test, widths, path, full_check: bool) -> None:
    """Print the largest relative error against LAPACK's SVD solution."""
    chosen = (
        np.arange(len(widths))
        if full_check
        else np.flatnonzero((np.arange(len(widths)) % 6 == 0) | (np.abs(widths - len(y)) <= 2))
    )
    errors = []
    for j in chosen:
        beta = np.linalg.lstsq(a[:, : widths[j]], y, rcond=0)[0]
        mse = np.mean(np.sum((a_test[:, : widths[j]] @ beta - y_test) ** 2, axis=1))
        errors.append(abs(path.test_mse[j] / mse - 1))
    worst = chosen[int(np.argmax(errors))]
    print(
        f"  error in test MSE against the SVD solution: at most {max(errors):.1e} "
        f"(N = {widths[worst]}, {len(chosen)} widths checked); "
        f"condition number (Frobenius) up to {path.condition.max():.1e}, at N = "
        f"{widths[np.argmax(path.condition)]}"
    )


def memory(n: int) -> None:
    """Print peak memory of each method, in a process of its own."""
    print(f"\npeak memory beyond the data, n = {n}, {N_WIDTHS} widths up to 10 n")
    for name in ["path solver", *PEERS]:
        command = [sys.executable, __file__, "--one", name, "--n", str(n)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"  {name:28s} {float(out):8.0f} MB")


def one(name: str, n: int) -> None:
    """Print the memory, in MB, that one method adds to its data; peers run the widest model."""
    a, y, a_test, y_test, widths = problem(n)
    if name == "path solver":
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        min_norm_path(a, y, a_test, y_test, widths)
    else:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        PEERS[name](a, y)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 2000])
    parser.add_argument("--every", type=int, default=1, help="time the fastest on every k-th width")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="peak memory instead of time")
    parser.add_argument("--one", choices=["path solver", *PEERS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with threadpool_limits(THREADS):
        for n in arguments.n:
            if arguments.one:
                one(arguments.one, n)
            elif arguments.memory:
                memory(n)
            else:
                compare(n, arguments.repeats, arguments.every)


if __name__ == "__main__":
    main()
