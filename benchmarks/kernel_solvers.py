"""Side by side: the kernel solvers of this library and what a reader would otherwise call.

Laplacian kernel exp(-||x - z|| / 10) on images of digits, ten outputs; one run, every contest
interleaved, minimum of three, two threads::

    python benchmarks/kernel_solvers.py --quick            # small sizes, about a minute
    python benchmarks/kernel_solvers.py                    # full sizes, an hour, 12 GB
    python benchmarks/kernel_solvers.py --only exact32 cg  # some contests
    python benchmarks/kernel_solvers.py --save             # and store the table for the book

Peers that are not installed are skipped with a line; ``benchmarks/requirements.txt`` lists them.
All start from points and targets. Residuals are computed afterwards from fresh kernel values, test
errors on 2,000 digits; peak memory is that of a process of its own, beyond the data. The package
holds 10,000 digits: larger sets are made of them and of copies moved by a pixel or two.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

THREADS = "2"
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, THREADS)

import _kernel_peers as peers  # noqa: E402
import numpy as np  # noqa: E402
from _contest import Contest, Entry, child, columns, gemm_peak  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from fearless.data import load_mnist, one_hot  # noqa: E402
from fearless.experiments.stored import load_run, provenance, save_run  # noqa: E402
from fearless.kernels import LaplacianKernel  # noqa: E402
from fearless.solvers.cg import solve_cg  # noqa: E402
from fearless.solvers.cholesky import solve_cholesky  # noqa: E402
from fearless.solvers.eigenpro import solve_eigenpro  # noqa: E402
from fearless.solvers.many_centers import solve_many_centers  # noqa: E402
from fearless.solvers.system import KernelSystem  # noqa: E402

BANDWIDTH = 10.0
KERNEL = LaplacianKernel(BANDWIDTH)
SHIFTS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (2, 0))

# In the order of the table.
KEYS = (
    "exact32", "exact64", "large", "cg", "eigenpro", "mixture", "rfm", "entk", "ntk", "streamed",
    "stochastic",
)  # fmt: skip

FULL = {"n": 10_000, "large": 20_000, "stream": 60_000, "rfm": 5_000, "ntk": 2_000, "entk": 300}
QUICK = {"n": 1_000, "large": 1_500, "stream": 3_000, "rfm": 500, "ntk": 300, "entk": 60}


@dataclass
class Fit:
    """Coefficients, their centres where these are not all points, and a remark."""

    coef: NDArray
    centers: NDArray | None = None
    note: str = ""


@cache
def digits(n: int, dtype: str) -> tuple[NDArray, NDArray]:
    """Return n images, moved copies after the first 10,000, and their one-hot targets."""
    data = load_mnist(dtype=dtype)
    images = data.X_train.reshape(-1, 28, 28)
    copies = -(-n // len(images))
    if copies > len(SHIFTS):
        raise ValueError(f"n is {n}; expected at most {len(SHIFTS) * len(images)}")
    moved = [np.roll(images, shift, axis=(1, 2)) for shift in SHIFTS[:copies]]
    X = np.ascontiguousarray(np.concatenate(moved).reshape(-1, 784)[:n])
    Y = np.tile(one_hot(data.y_train, data.classes), (copies, 1))[:n].astype(dtype)
    return X, Y


def check_fit(X: NDArray, Y: NDArray) -> Callable[[Any], dict[str, Any]]:
    """Return what computes the true residual and the test error of coefficients."""
    test = load_mnist(1, dtype=X.dtype)

    def check(result: Any) -> dict[str, Any]:
        fit = result if isinstance(result, Fit) else Fit(np.asarray(result))
        centers = X if fit.centers is None else fit.centers
        values = KERNEL(test.X_test, centers) @ fit.coef
        found: dict[str, Any] = {
            "test_error": np.mean(values.argmax(axis=1) != test.y_test),
            "note": fit.note,
        }
        if fit.centers is None:
            found["residual"] = KernelSystem(KERNEL, X, Y).relative_residual(fit.coef)
        return found

    return check


def exact(key: str, n: int, dtype: str, memory: int | None, bars: dict[str, float]) -> Contest:
    """Interpolation by one factorisation."""
    X, Y = digits(n, dtype)
    ways = {
        "xRFM, Cholesky": peers.xrfm_solve,
        "torch, cdist and Cholesky": peers.torch_solve,
        "scipy, cho_solve": peers.scipy_solve,
        "scikit-learn, KernelRidge": peers.sklearn_solve,
    }

    def ours() -> NDArray:
        return solve_cholesky(KernelSystem(KERNEL, X, Y, memory=memory)).coef

    entries = [Entry("solve_cholesky", ours, ours=True)]
    for name, bar in bars.items():
        entries.append(Entry(name, lambda way=ways[name]: way(X, Y, BANDWIDTH), bar=bar))
    limit = "" if memory is None else f", within {memory / 1e9:g} GB"
    return Contest(
        key,
        f"exact interpolation, {dtype}, n = {n:,}{limit}",
        entries,
        check_fit(X, Y),
        memory_unit=np.dtype(dtype).itemsize * n**2,
        flops=n**2 * X.shape[1] + n**3 / 3,
        dtype=dtype,
    )


def conjugate_gradients(n: int) -> Contest:
    """Preconditioned against plain, to a true residual of 1e-4."""
    X, Y = digits(n, "float32")

    def ours() -> Fit:
        solution = solve_cg(KernelSystem(KERNEL, X, Y), tol=1e-4, random_state=0)
        return Fit(solution.coef, note=f"{solution.iterations} iterations")

    def plain() -> Fit:
        coef, iterations = peers.torch_cg(X, Y, BANDWIDTH, 1e-4)
        return Fit(coef, note=f"{iterations} iterations")

    entries = [Entry("solve_cg", ours, ours=True), Entry("torch, plain CG", plain, bar=4)]
    work = f"conjugate gradients to residual 1e-4, float32, n = {n:,}"
    return Contest("cg", work, entries, check_fit(X, Y))


def eigenpro(key: str, X: NDArray, Y: NDArray, work: str) -> Contest:
    """EigenPro to a mean squared error of 1e-6 an entry, beside our own exact solve."""
    tol = float(np.sqrt(1e-6 / np.mean(Y**2)))

    def iterate() -> Fit:
        solution = solve_eigenpro(KernelSystem(KERNEL, X, Y), tol=tol, random_state=0)
        return Fit(solution.coef, note=f"{solution.iterations} epochs")

    def factorise() -> NDArray:
        return solve_cholesky(KernelSystem(KERNEL, X, Y)).coef

    entries = [
        Entry("solve_cholesky", factorise, ours=True),
        Entry("solve_eigenpro", iterate, ours=True, bar=-2.5),
    ]
    return Contest(key, work, entries, check_fit(X, Y))


def mixture(n: int) -> Contest:
    """A Gaussian mixture, whose spectrum is flat."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((10, 784))
    labels = rng.integers(10, size=n)
    X = (centers[labels] + rng.standard_normal((n, 784))).astype(np.float32)
    Y = one_hot(labels, range(10)).astype(np.float32)
    contest = eigenpro("mixture", X, Y, f"the same on a mixture of Gaussians, n = {n:,}")

    def check(result: Any) -> dict[str, Any]:
        fit = result if isinstance(result, Fit) else Fit(result)
        return {
            "residual": KernelSystem(KERNEL, X, Y).relative_residual(fit.coef),
            "note": fit.note,
        }

    contest.check = check
    return contest


def recursive(n: int) -> Contest:
    """One iteration of a recursive feature machine: a solve and the gradients."""
    from fearless.machines._agop import average_gradient_outer_product

    X, Y = digits(n, "float32")
    first: list[NDArray] = []

    def iteration(outputs: str) -> NDArray:
        coef = solve_cholesky(KernelSystem(KERNEL, X, Y)).coef
        return average_gradient_outer_product(KERNEL, X, coef, outputs=outputs, random_state=0)

    def check(metric: NDArray) -> dict[str, Any]:
        first.append(np.asarray(metric, dtype=float).ravel())
        return {"note": f"correlation {np.corrcoef(first[0], first[-1])[0, 1]:.6f}"}

    return Contest(
        "rfm",
        f"an iteration of a recursive feature machine, float32, n = {n:,}",
        [
            Entry("average_gradient_outer_product", lambda: iteration("exact"), ours=True),
            Entry("the same with random signs", lambda: iteration("signs"), ours=True),
            Entry("xRFM", lambda: peers.xrfm_iteration(X, Y, BANDWIDTH), bar=1.6),
        ],
        check,
    )


def on_disk(n: int, folder: Path) -> tuple[NDArray, NDArray, int]:
    """Digits in a file, their targets, and a memory in which their kernel matrix does not fit."""
    X, Y = digits(n, "float32")
    path = folder / f"points-{n}.npy"
    if not path.exists():
        np.save(path, X)
    # In proportion to the kernel matrix, of which it is a quarter; small n need room for blocks.
    memory = max(int(4e9 * (n / 60_000) ** 2), 35_500_000)
    return np.load(path, mmap_mode="r"), Y, memory


def fit_from_disk(
    points: NDArray, Y: NDArray, memory: int, solver: Callable[..., Any], **arguments: Any
) -> Fit:
    """Solve to a residual of 1e-3 and note when it was at 1e-2."""
    reached: list[float] = []

    def watch(progress: Any) -> bool:
        if progress.residual <= 1e-2 and not reached:
            reached.append(progress.seconds)
        return False

    system = KernelSystem(KERNEL, points, Y, memory=memory)
    solution = solver(system, tol=1e-3, callback=watch, random_state=0, **arguments)
    first = f"1e-2 after {reached[0]:.0f} s, " if reached else ""
    return Fit(solution.coef, solution.centers, f"{first}{solution.iterations} passes")


def streamed(n: int, folder: Path) -> Contest:
    """Points on disk, a kernel matrix that does not fit in 4 GB."""
    points, Y, memory = on_disk(n, folder)
    taken: list[float] = []

    def ours() -> Fit:
        start = time.perf_counter()
        fit = fit_from_disk(points, Y, memory, solve_cg, store=False)
        taken.append(time.perf_counter() - start)
        return fit

    def plain() -> Fit:
        # Twice our time is asked: no need to wait for much longer than that.
        *_, (residual, _, coef) = found = peers.matrix_free_cg(
            points, Y, BANDWIDTH, (1e-2, 1e-3), 2.1 * taken[0]
        )
        note = f"1e-2 after {found[0][1]:.0f} s" if found[0][0] <= 1e-2 else "never at 1e-2"
        return Fit(coef, note=note + ("" if residual <= 1e-3 else ", stopped before 1e-3"))

    return Contest(
        "streamed",
        f"beyond memory: n = {n:,} on disk, within {memory / 1e9:.2g} GB, to residual 1e-3",
        [
            Entry("solve_cg", ours, ours=True, once=True),
            Entry("plain matrix-free CG", plain, bar=2, once=True),
        ],
        check_fit(points, Y),
        memory_unit=1e9,
        memory_name="GB",
    )


def stochastic(n: int, folder: Path) -> Contest:
    """The same by stochastic gradients, which read the points in batches."""
    points, Y, memory = on_disk(n, folder)
    few = n // 10
    return Contest(
        "stochastic",
        f"beyond memory by stochastic gradients: n = {n:,} on disk, within {memory / 1e9:.2g} GB",
        [
            Entry(
                "solve_eigenpro",
                lambda: fit_from_disk(points, Y, memory, solve_eigenpro),
                ours=True,
                once=True,
            ),
            Entry(
                f"solve_many_centers, {few:,} centres",
                lambda: fit_from_disk(points, Y, memory, solve_many_centers, centers=few),
                ours=True,
                once=True,
            ),
        ],
        check_fit(points, Y),
        memory_unit=1e9,
        memory_name="GB",
    )


def contests(sizes: dict[str, int], folder: Path) -> dict[str, Callable[[], Contest]]:
    """All rows of the table by name."""
    import _tangent_contests as tangent

    n = sizes["n"]
    exact32 = {"xRFM, Cholesky": 1.4, "scikit-learn, KernelRidge": 2.5}
    exact64 = {
        "scipy, cho_solve": 1.5,
        "torch, cdist and Cholesky": 1.7,
        "scikit-learn, KernelRidge": 2.3,
    }
    large = {
        "xRFM, Cholesky": 1.6,
        "torch, cdist and Cholesky": 1.6,
        "scikit-learn, KernelRidge": 1.6,
    }
    allowed = int(2e9 * (sizes["large"] / 20_000) ** 2)
    return {
        "exact32": lambda: exact("exact32", n, "float32", None, exact32),
        "exact64": lambda: exact("exact64", n, "float64", None, exact64),
        "large": lambda: exact("large", sizes["large"], "float32", allowed, large),
        "cg": lambda: conjugate_gradients(sizes["large"]),
        "eigenpro": lambda: eigenpro(
            "eigenpro",
            *digits(n, "float32"),
            f"EigenPro to training error 1e-6 (mean square), n = {n:,}",
        ),
        "mixture": lambda: mixture(n // 2),
        "rfm": lambda: recursive(sizes["rfm"]),
        "entk": lambda: tangent.empirical(sizes["entk"]),
        "ntk": lambda: tangent.analytic(sizes["ntk"], digits(sizes["ntk"], "float32")[0]),
        "streamed": lambda: streamed(sizes["stream"], folder),
        "stochastic": lambda: stochastic(sizes["stream"], folder),
    }  # one for each of KEYS


def main() -> None:
    """Parse the command line, hold the contests, store the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="some contests")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true", help="do not measure peak memory")
    parser.add_argument("--save", action="store_true", help="store the table for the book")
    parser.add_argument("--to", type=Path, default=None, help="folder to save to")
    parser.add_argument("--child", nargs=2, metavar=("KEY", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    peers.preload()
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(int(THREADS)):
        table = contests(sizes, Path(folder))
        unknown = set(arguments.only) - set(table)
        if unknown:
            parser.error(f"--only is {sorted(unknown)}; expected some of {sorted(table)}")
        if arguments.child:
            key, method = arguments.child
            child(table[key](), method)
            return
        start = time.perf_counter()
        peak = {dtype: gemm_peak(dtype) for dtype in ("float32", "float64")}
        for dtype, value in peak.items():
            print(f"GEMM of this machine, {dtype}, {THREADS} threads: {value / 1e9:.0f} GFLOP/s")
        held = []
        command = [sys.executable, __file__, *(["--quick"] if arguments.quick else [])]
        for key in arguments.only or KEYS:
            contest = table[key]()
            contest.hold(arguments.repeats)
            if not arguments.no_memory:
                contest.measure_memory(command)
            contest.report(peak)
            held.append(contest)
            digits.cache_clear()
        seconds = time.perf_counter() - start
    if arguments.save:
        store(sizes, arguments, held, peak, seconds)


def store(
    sizes: dict[str, int],
    arguments: argparse.Namespace,
    held: list[Contest],
    peak: dict[str, float],
    seconds: float,
) -> None:
    """Write the table beside the other stored runs.

    With ``--only`` the other contests of a stored table of the same sizes stay as they are: all
    methods of one contest ran in one session, which is what makes its ratios comparable.
    """
    settings = {**sizes, "repeats": arguments.repeats, "quick": arguments.quick}
    options = " --quick" if arguments.quick else ""
    if arguments.only:
        options += f" --only {' '.join(arguments.only)}"
    facts = provenance(
        __file__,
        seconds,
        command=f"python benchmarks/kernel_solvers.py{options} --save",
        peers=peers.versions(),
        contests=[contest.key for contest in held],
        gemm={dtype: value / 1e9 for dtype, value in peak.items()},
    )
    where = {} if arguments.to is None else {"folder": arguments.to}
    results: dict[str, Any] = columns(held)
    if arguments.only:
        results, facts["earlier"] = join_stored(results, settings, facts["contests"], where)
    results |= {f"gemm_{dtype}": value / 1e9 for dtype, value in peak.items()}
    print(f"\nwritten to {save_run('kernel_solvers', settings, results, facts, **where)}")


def join_stored(
    results: dict[str, list], settings: dict[str, Any], held: list[str], where: dict[str, Path]
) -> tuple[dict[str, list], list[dict[str, Any]]]:
    """Add the stored rows of other contests; return the columns and the sessions they are from."""
    try:
        stored = load_run("kernel_solvers", **where)
    except ValueError:  # nothing stored yet
        return results, []
    if stored.settings != settings:
        return results, []
    kept = [i for i, key in enumerate(stored.results["key"]) if key not in held]
    joined = {
        name: [stored.results[name][i].item() for i in kept] + values
        for name, values in results.items()
    }
    rows = sorted(range(len(joined["key"])), key=lambda i: KEYS.index(joined["key"][i]))
    joined = {name: [values[i] for i in rows] for name, values in joined.items()}
    facts = stored.provenance
    sessions = [{k: v for k, v in facts.items() if k != "earlier"}, *facts.get("earlier", [])]
    for session in sessions:
        session["contests"] = [key for key in session["contests"] if key not in held]
        held = [*held, *session["contests"]]
    return joined, [session for session in sessions if session["contests"]]


if __name__ == "__main__":
    main()
