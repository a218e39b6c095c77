"""The factorisations behind `solve_cholesky`: in place, or rounded and refined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fearless.linalg import (
    NotPositiveDefiniteError,
    cholesky_in_place,
    cholesky_solve,
    inverse_one_norm,
)
from fearless.solvers._monitor import Monitor
from fearless.solvers._progress import ProgressLine
from fearless.solvers._symmetric import (
    HalfMatrix,
    half_block_size,
    one_norm,
    restore_lower,
    upper_product,
)
from fearless.solvers.system import KernelSystem

__all__ = ["CholeskyRun", "solve_in"]

# A system solved less accurately than this share of the largest target is taken for singular.
_SOLVED = 0.01

# A refinement has to divide the residual by this; else the factor is too coarse for the matrix.
_GAIN = 4.0

Product = Callable[[NDArray], NDArray]


@dataclass
class CholeskyRun:
    """One solve: where it stands, and whom to tell.

    Attributes
    ----------
    system : KernelSystem
        The problem.
    monitor : Monitor
        Who keeps the history and the checkpoint.
    goal : float
        The relative residual to refine to; 0 means all that the precision gives.
    line : ProgressLine or None
        Where to draw.
    coef, residual : ndarray of shape (n, k)
        Coefficients and the residual of the system without jitter.
    jitter : float
        What was added to the diagonal.
    condition : float or None
        The estimate of LAPACK.
    precision : str
        In use.
    """

    system: KernelSystem
    monitor: Monitor
    goal: float
    line: ProgressLine | None
    coef: NDArray = field(init=False)
    residual: NDArray = field(init=False)
    jitter: float = 0.0
    condition: float | None = None
    precision: str = ""

    def say(self, text: str) -> None:
        if self.line is not None:
            self.line.update(f"{self.system.n_samples} points, {text}", force=True)

    def begin(self, precision: str) -> None:
        self.precision = precision
        self.coef = np.zeros_like(self.system.Y)
        self.residual = self.system.Y.copy()
        self.monitor.start(self.system.relative(self.residual), self.coef)

    def update_residual(self, product: Product) -> None:
        """Compute the residual of the coefficients, given a product with the kernel matrix."""
        reg = self.system.dtype.type(self.system.reg)
        self.residual = self.system.Y - product(self.coef) - reg * self.coef

    def record(self, *, done: bool) -> bool:
        """Tell the monitor; return whether the callback asks to stop, or the work is done."""
        state = {
            "coef": self.coef,
            "residual": self.residual,
            "jitter": self.jitter,
            "condition": self.condition,
            "precision": self.precision,
            "done": done,
        }
        relative = self.system.relative(self.residual)
        self.say(f"relative residual {relative:.1e} ({self.precision} precision)")
        self.monitor.record(relative, self.coef, state)
        return done or self.monitor.interrupted


def solve_in(run: CholeskyRun, precision: str, *, last: bool) -> bool:
    """Solve in one of the precisions of `solve_cholesky`.

    Parameters
    ----------
    run : CholeskyRun
        Where coefficients, residual, jitter and condition go.
    precision : str
        Which.
    last : bool
        There is nothing else to try: what is reached is the answer.

    Returns
    -------
    bool
        Whether the precision was good enough.
    """
    if precision in ("mixed", "streamed"):
        return _solve_mixed(run, precision, last=last)
    _solve_in_place(run, precision)
    return True


# -- one precision throughout -----------------------------------------------------------------


def _solve_in_place(run: CholeskyRun, precision: str) -> None:
    """Factorise the lower triangle, measure with the upper one, and add jitter where needed."""
    system = run.system
    run.begin(precision)
    run.say("kernel matrix")
    K = system.matrix() if system.stored else _new_matrix(system)
    diagonal = K.diagonal().copy()
    try:
        _factorise_and_solve(run, K, diagonal)
    finally:
        if system.stored:
            np.fill_diagonal(K, diagonal)
            restore_lower(K)


def _new_matrix(system: KernelSystem) -> NDArray:
    """Return K in an array that is free to be destroyed."""
    n = system.n_samples
    K = np.empty((n, n), system.dtype, order="F")
    system.kernel._fill(system.X, None, K, None)
    system.kernel_values += n * (n + 1) // 2
    return K


def _factorise_and_solve(run: CholeskyRun, K: NDArray, diagonal: NDArray) -> None:
    system, number = run.system, run.system.dtype.type
    size = one_norm(K)
    for jitter, last in _jitters(system, diagonal):
        np.fill_diagonal(K, diagonal + number(system.reg + jitter))
        run.say("factorising" + (f" with jitter {jitter:.1e}" if jitter else ""))
        try:
            cholesky_in_place(K)
        except NotPositiveDefiniteError:
            if last:
                raise
            restore_lower(K)
            continue
        run.condition = _condition(K, size + system.reg + jitter)
        run.coef, run.jitter = cholesky_solve(K, system.Y), jitter
        np.fill_diagonal(K, diagonal)  # the upper triangle is that of K again
        run.update_residual(lambda A: upper_product(K, A))
        # The system with jitter has to be solved, however well that makes the one without it.
        missed = float(np.abs(run.residual - number(jitter) * run.coef).max())
        if missed <= _SOLVED * (float(np.abs(system.Y).max()) or 1.0) or last:
            run.record(done=True)
            return
        restore_lower(K)


def _jitters(system: KernelSystem, diagonal: NDArray) -> Iterator[tuple[float, bool]]:
    """Yield what to add to the diagonal, and whether there is nothing left to try after it."""
    largest = max(float(diagonal.mean(dtype=np.float64)), system.reg)
    jitter = 0.0
    while True:
        last = not jitter < largest
        yield jitter, last
        if last:
            return
        jitter = 10 * jitter or float(np.finfo(system.dtype).eps) * largest


def _condition(factor: NDArray, size: float) -> float:
    """Estimate the condition number in the 1-norm from a factor and the norm of the matrix."""
    inverse = inverse_one_norm(factor)
    return size * inverse if np.isfinite(inverse) else np.inf


# -- a factor in float32, residuals in float64 --------------------------------------------------


def _solve_mixed(run: CholeskyRun, precision: str, *, last: bool) -> bool:
    """Refine the solution of a float32 factor; return whether that was good enough.

    With ``last`` there is nothing better to try, and what was reached is the answer.
    """
    system = run.system
    if run.precision != precision:  # not resumed
        run.begin(precision)
    run.say("kernel matrix")
    n = system.n_samples
    factor = np.empty((n, n), np.float32, order="F")
    if precision == "mixed" and not system.stored:
        half = HalfMatrix(system.kernel, system.X, half_block_size(n), copy=factor)
        system.kernel_values += n * (n + 1) // 2
        product, size = half.product, half.one_norm
    else:
        product, size = system.product, _coarse_matrix(system, factor)
    diagonal = factor.diagonal() + np.float32(system.reg)
    np.fill_diagonal(factor, diagonal)
    run.say("factorising")
    try:
        cholesky_in_place(factor)
    except NotPositiveDefiniteError:
        if last:
            raise
        return False
    run.condition = _condition(factor, size + system.reg)
    eps = float(np.finfo(system.dtype).eps)
    while True:
        before = run.monitor.residual
        run.coef = run.coef + _coarse_solve(factor, run.residual)
        run.update_residual(product)
        relative = system.relative(run.residual)
        # The rounding errors of the residual itself: below this no step improves anything.
        floor = 4 * eps * (1 + (size + system.reg) * system.relative(run.coef))
        good = relative <= max(run.goal, floor)
        stuck = not relative <= before / _GAIN
        if stuck and not good and not last:
            return False
        if run.record(done=good or stuck):
            return True


def _coarse_matrix(system: KernelSystem, out: NDArray) -> float:
    """Write K in float32 and return its 1-norm."""
    if system.stored:
        np.copyto(out, system.matrix(), casting="same_kind")
    else:
        system.kernel._fill(system.X.astype(np.float32), None, out, None)
        system.kernel_values += len(out) * (len(out) + 1) // 2
    return one_norm(out)


def _coarse_solve(factor: NDArray, residual: NDArray) -> NDArray:
    """Solve with a float32 factor for a residual of any size."""
    scale = np.abs(residual).max(axis=0)
    scale[scale == 0] = 1.0
    return cholesky_solve(factor, residual / scale).astype(np.float64) * scale
