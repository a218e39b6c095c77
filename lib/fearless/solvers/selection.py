"""Which solver for which kernel system: predicted operations and memory of each, compared."""

from __future__ import annotations

import functools
import math
import time
from dataclasses import dataclass

import numpy as np

from fearless._validation import check_float_dtype, check_int, check_positive
from fearless.linalg import add_product
from fearless.solvers._memory import available_memory, gibibytes
from fearless.solvers.cg import cg_memory, cg_rank
from fearless.solvers.cholesky import cholesky_memory
from fearless.solvers.falkon import falkon_memory
from fearless.solvers.many_centers import many_centers_memory
from fearless.solvers.system import default_block_size

__all__ = ["Choice", "Option", "choose_solver", "default_tol", "gemm_rate"]

# An iterative solver replaces the exact one where it is predicted to be this many times cheaper: it
# leaves a residual behind, and its number of iterations is an estimate.
_MARGIN = 2.0

# The accuracy that conjugate gradients are asked for where nothing is said; stochastic solvers are
# asked for a thousandth.
_DEFAULT_TOL = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-6}

# Below this relative residual a run in float32 stalls.
_FLOOR = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-12}

# How much dearer a stored matrix is to read batch by batch, with a correction after each.
_BATCHES = 4.0

_SUBSAMPLE = 1000  # of EigenPro


@dataclass(frozen=True)
class Option:
    """What one solver would need.

    Attributes
    ----------
    solver : str
        Its name, as of ``KernelMachine(solver=...)``.
    memory : int
        Bytes beyond X and Y.
    operations : float
        Floating-point operations, each counted at the speed of a matrix product: work that the
        memory slows down counts for more.
    iterations : int
        Predicted iterations or epochs; 1 for the exact solver.
    excluded : str
        Why it cannot be used; empty if it can.
    """

    solver: str
    memory: int
    operations: float
    iterations: int
    excluded: str = ""


@dataclass(frozen=True)
class Choice:
    """The solver chosen, why, and what the others would have cost.

    Attributes
    ----------
    solver : str
        The name of the solver.
    reason : str
        One sentence with the numbers that decided.
    memory : int
        Bytes it needs beyond X and Y.
    operations : float
        Predicted operations at the speed of a matrix product.
    options : tuple of Option
        All solvers that were considered.
    """

    solver: str
    reason: str
    memory: int
    operations: float
    options: tuple[Option, ...]

    def seconds(self, rate: float) -> float:
        """Return the predicted time.

        Parameters
        ----------
        rate : float
            Operations a second, as of `gemm_rate`.

        Returns
        -------
        float
            Seconds.
        """
        return self.operations / rate


def choose_solver(
    n: int,
    d: int,
    k: int = 1,
    *,
    dtype: np.dtype | type = np.float64,
    memory: int | None = None,
    tol: float | None = None,
    n_centers: int | None = None,
) -> Choice:
    """Choose a solver of (K + reg I) alpha = Y by size, memory and accuracy.

    Parameters
    ----------
    n, d, k : int
        Numbers of points, of their coordinates and of outputs.
    dtype : dtype
        float32 or float64.
    memory : int, optional
        Bytes that the solver may use; default: 80 % of what is available now.
    tol : float, optional
        The relative residual asked for; None means as accurate as the precision allows.
    n_centers : int, optional
        Solve for coefficients of so many centres only.

    Returns
    -------
    Choice

    Raises
    ------
    MemoryError
        No solver fits; the message says what the smallest one needs.
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    The exact solver takes n^2 d + n^3 / 3 operations and n^2 numbers. An iteration of conjugate
    gradients takes n^2 (20 + 6 k) from a stored matrix, whose reading is what costs, and n^2 d more
    where kernel values are computed anew: half of the matrix in memory saves that. Its
    preconditioned iterations grow slowly with n and like log(1 / tol), as measured on digits with
    the Laplacian kernel (17 at n = 2000 and 19 at 6000 to 10^-4). An epoch of EigenPro costs four
    such readings, or 2 n^2 d where the matrix does not fit; its epochs hardly depend on n, but the
    last digits are slow: 7 to 10^-2, 14 to 17 to 10^-3. The exact solver is taken unless another
    one is predicted to be twice as cheap. Used in the section "Solving a million equations fast",
    which measures these numbers.

    Examples
    --------
    >>> choose_solver(10_000, 784, 10, memory=2**34).solver
    'cholesky'
    >>> choose_solver(60_000, 784, 10, memory=2**33, tol=1e-4).solver
    'cg'
    """
    n, d, k = check_int(n, "n"), check_int(d, "d"), check_int(k, "k")
    kind = check_float_dtype(dtype)
    allowed = available_memory() if memory is None else check_int(memory, "memory")
    if tol is not None:
        tol = check_positive(tol, "tol", allow_zero=True)
    if n_centers is not None:
        m = check_int(n_centers, "n_centers", maximum=n)
        options = _with_centers(n, d, k, kind, m, allowed, tol)
    else:
        options = _with_all_points(n, d, k, kind, allowed, tol)
    options = tuple(_within(option, allowed) for option in options)
    possible = [option for option in options if not option.excluded]
    if not possible:
        least = min(options, key=lambda option: option.memory)
        remedies = ["n_centers"] * (n_centers is None) + ["float32"] * (kind == np.float64)
        raise MemoryError(
            f"no solver for {n} points fits {gibibytes(allowed)} of memory; the smallest, "
            f"{least.solver!r}, needs {gibibytes(least.memory)}"
            + (": use " + " or ".join(remedies) if remedies else "")
        )
    best = min(possible, key=lambda option: option.operations)
    exact = next((option for option in possible if option.solver == "cholesky"), None)
    if exact is not None and exact.operations <= _MARGIN * best.operations:
        best = exact
    reason = _reason(best, options, n, k, kind, allowed, tol, n_centers)
    return Choice(best.solver, reason, best.memory, best.operations, options)


def _with_all_points(
    n: int, d: int, k: int, kind: np.dtype, allowed: int, tol: float | None
) -> list[Option]:
    size = kind.itemsize
    modes = ("single",) if kind == np.float32 else ("double", "streamed")
    needs = [cholesky_memory(n, k, kind, mode) for mode in modes]
    fits = [need for need in needs if need <= allowed]
    # A factor in float32 serves both precisions; kernel values and residuals are in that of X.
    exact = n**2 * (d + 15.0) + n**3 / 3
    if kind == np.float64:
        exact += 3 * n**2 * (20.0 + 6 * k) + (0 if needs[0] in fits else 3 * n**2 * (d + 60.0))
    options = [Option("cholesky", fits[0] if fits else min(needs), exact, 1)]
    goal = _DEFAULT_TOL[kind] if tol is None else tol
    # Full accuracy, or more than an iteration can give, is for the exact solver, unless it does not
    # fit.
    excluded = ""
    if tol is None and fits:
        excluded = "is not exact"
    elif goal < _FLOOR[kind] and fits:
        excluded = f"does not reach {goal:.0e} in {kind}"
    # Conjugate gradients keep all of K if it fits, else half of it, which serves as well, or what
    # fits of that half; the rest is computed in each product.
    rank = cg_rank(n, d, kind, allowed, store=None)
    needed = cg_memory(n, k, rank, kind)
    block = min(default_block_size(n, kind), n)
    share = 1.0
    if needed + n * n * size <= allowed:
        needed += n * n * size
    else:
        half = n * (n + block) // 2 * size
        share = float(np.clip((allowed - needed) / half, 0, 1))
        needed += max(int(share * half), block * n * size)
    steps = _cg_steps(n, k, rank, goal)
    work = n**2 * (d + 15.0) + 2.0 * n * rank**2
    work += steps * n**2 * (20.0 + 6 * k + (1 - share) * (d + 40))
    options.append(Option("cg", needed, work, steps, excluded))

    epochs = _epochs(goal)
    s = min(n, _SUBSAMPLE)
    needed = s**2 * (size + 40) + n * s // 8 * size + 9 * n * k * size
    work = 10.0 * s**3
    if needed + n * n * size <= allowed:
        needed += n * n * size
        work += n**2 * (d + 15.0) + epochs * n**2 * _BATCHES * (20.0 + 6 * k)
    else:
        needed += min(n, 32) * n * size
        work += epochs * n**2 * (2.0 * d + 40 + 6 * k)
    options.append(Option("eigenpro", needed, work, epochs, excluded))
    return options


def _with_centers(
    n: int, d: int, k: int, kind: np.dtype, m: int, allowed: int, tol: float | None
) -> list[Option]:
    goal = max(1e-3 if tol is None else tol, 1e-16)
    values, products = n * m * (2.0 * d + 40), 2.0 * n * m * (20 + 6 * k)
    steps = max(5, math.ceil(3 * math.log(1 / goal)))
    needed, stored = falkon_memory(n, m, d, k, kind), n * m * kind.itemsize
    keeps = needed + stored <= allowed  # K_nM, as the solver does
    needed += stored if keeps else 0
    work = (1 if keeps else steps) * values + steps * products + float(m) ** 3
    direct = Option("falkon", needed, work, steps)
    epochs = _epochs(goal)
    needed = min(
        many_centers_memory(n, d, k, m, kind.itemsize, factor=factor) for factor in (True, False)
    )
    streamed = Option("many_centers", needed, 1.5 * epochs * (values + products), epochs)
    return [direct, streamed]


def _cg_steps(n: int, k: int, rank: int, goal: float) -> int:
    """Return how many iterations conjugate gradients take to a relative residual.

    As measured on digits with the Laplacian kernel and ten outputs: to 1e-4 14, 17, 18, 19 at
    n = 1000, 2000, 4000, 6000 with n / 20 columns, 14 with twice and 19 with half of them at 2000;
    one output takes a third more.
    """
    steps = 17 * (n / 2000) ** 0.1 * (n / (20 * rank)) ** 0.2 * (10 / min(k, 10)) ** 0.12
    return min(max(1, math.ceil(steps * math.log(2 / max(goal, 1e-16)) / math.log(2e4))), n)


def _epochs(goal: float) -> int:
    """Return how many epochs EigenPro takes: 7 to 1e-2, 14 to 17 to 1e-3, as measured on digits."""
    return max(2, math.ceil(15 * (1e-3 / max(goal, 1e-16)) ** 0.32))


def _within(option: Option, allowed: int) -> Option:
    if option.excluded or option.memory <= allowed:
        return option
    excluded = f"needs {gibibytes(option.memory)} of {gibibytes(allowed)}"
    return Option(option.solver, option.memory, option.operations, option.iterations, excluded)


def _reason(
    best: Option,
    options: tuple[Option, ...],
    n: int,
    k: int,
    kind: np.dtype,
    allowed: int,
    tol: float | None,
    n_centers: int | None,
) -> str:
    accuracy = "full accuracy" if tol is None else f"a relative residual of {tol:.0e}"
    centers = "" if n_centers is None else f", {n_centers} centres"
    text = (
        f"{n} points{centers}, {k} output{'s' if k > 1 else ''}, {kind}, {accuracy}: "
        f"{best.solver} needs {gibibytes(best.memory)} of the {gibibytes(allowed)} allowed and "
        f"about {best.operations:.1e} operations"
    )
    if best.iterations > 1:
        text += f" in {best.iterations} iterations"
    others = [
        f"{option.solver} {option.excluded or f'about {option.operations:.1e}'}"
        for option in options
        if option.solver != best.solver
    ]
    return text + (f" ({'; '.join(others)})" if others else "")


def default_tol(solver: str, dtype: np.dtype) -> float:
    """Return the relative residual that an iterative solver is asked for by default.

    Parameters
    ----------
    solver : str
        Its name.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    float
    """
    return _DEFAULT_TOL[np.dtype(dtype)] if solver in ("cg", "falkon") else 1e-3


@functools.cache
def gemm_rate(dtype: str = "float64", size: int = 768) -> float:
    """Measure how many operations a second a matrix product makes here, once a process.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        The precision.
    size : int
        Edge of the matrices that are multiplied.

    Returns
    -------
    float
        The best of three, some 10 ms each.
    """
    A = np.ones((size, size), check_float_dtype(dtype), order="F")
    C = np.zeros_like(A, order="F")
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        add_product(C, A, A)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best
