"""The iteration of `solve_many_centers`: steps of a batch, projections, the table of residuals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fearless.solvers._backend import get_backend
from fearless.solvers._center_plan import FEWEST_ROWS, MOST_RANK, TARGET_BATCH, Plan
from fearless.solvers._center_space import Preconditioner, build_preconditioner, ritz_pairs
from fearless.solvers._projections import CholeskyProjection, IterativeProjection
from fearless.solvers.distributed import DistributedSystem
from fearless.solvers.system import KernelSystem

__all__ = ["CenterIteration"]

_PLAIN_EPOCHS = 2  # before residuals are worth remembering
_PIECE_BYTES = 2**16  # read in one go from a file
_GROWN = 1e4  # residuals larger than the targets by this factor are divergence


@dataclass
class CenterIteration:
    """One solve: its fixed parts are made in `__post_init__`, its state moves in `epoch`."""

    system: KernelSystem
    plan: Plan
    points: NDArray | None
    rank: int | None
    batch_size: int | None
    step_size: float | None
    reduce: bool
    entropy: list[int]
    epochs: int = field(default=0, init=False)
    fresh: bool = field(default=False, init=False)  # the table was made by a pass of its own

    def __post_init__(self) -> None:
        system, plan = self.system, self.plan
        setup, order = np.random.SeedSequence(self.entropy).spawn(2)
        rng, self.rng = np.random.default_rng(setup), np.random.default_rng(order)
        n, k = system.n_samples, system.n_outputs
        if self.points is None:
            chosen = np.sort(rng.choice(n, plan.n_centers, replace=False))
            self.points = np.ascontiguousarray(system.X[chosen])
        self.Z = self.points
        self.backend = get_backend(system.backend)
        self.team = system if isinstance(system, DistributedSystem) else _Alone()
        self._Z = self.backend.put(self.Z)
        self._buffer: NDArray | None = None
        self.subset = np.sort(rng.choice(plan.n_centers, plan.subset, replace=False))
        self.preconditioner, basis, mean = self._measure(rng)
        eps = float(np.finfo(system.dtype).eps)
        if plan.factor:
            self.projection: CholeskyProjection | IterativeProjection = CholeskyProjection(
                self.backend, system.kernel, self._Z, mean, eps
            )
            system.kernel_values += plan.n_centers * (plan.n_centers + 1) // 2
        else:
            self.projection = IterativeProjection(
                self.backend,
                system,
                self._Z,
                basis,
                self.backend.put(self.Z[self.subset]),
                plan.most_rows,
                mean,
            )
        rows = self.batch_size or int(
            np.clip(self.preconditioner.critical_batch, FEWEST_ROWS, plan.most_rows)
        )
        self.n_batches = -(-n // min(n, rows))
        self.rows = -(-n // self.n_batches)
        if isinstance(self.projection, IterativeProjection):
            step = self.step_size or self.preconditioner.step(self.rows)
            self.projection.allow_for(self.preconditioner.stretch(step))
        self.shape = (plan.n_centers, k)
        self.coef = np.zeros(self.shape)
        self.table = np.zeros((n, k), system.dtype)
        self.gradient = np.zeros(self.shape)  # K_Zn times the table
        self.reference: float | None = None  # size of the gradient at zero
        self.training_residual = 1.0 if np.any(system.Y) else 0.0  # of f = 0
        self.shift = system.reg / n
        self._at_centers: NDArray | None = None  # K_ZZ coef, for the penalty
        if self.shift > 0:
            subset = self.backend.put(self.Z[self.subset])
            self._responses = self._at_all_centers(subset, self.preconditioner.vectors)

    def _measure(self, rng: np.random.Generator) -> tuple[Preconditioner, NDArray, float]:
        """Find eigenfunctions on one sample of the data, and the step on another."""
        system, plan, eps = self.system, self.plan, float(np.finfo(self.system.dtype).eps)
        subset = self.backend.put(self.Z[self.subset])
        n = system.n_samples
        draws = [np.sort(rng.choice(n, plan.sample, replace=False)) for _ in range(2)]
        first, second = (self.backend.put(np.asarray(system.X[rows])) for rows in draws)
        K_SS = self.backend.get(self._block(subset))
        pairs = ritz_pairs(K_SS, self.backend.get(self._block(first, subset)), eps)
        preconditioner = build_preconditioner(
            pairs,
            self.backend.get(self._block(second, subset)),
            self.backend.get(self._block(second)),
            system.reg / system.n_samples,
            min(TARGET_BATCH, max(1, n // 8)),
            self.rank,
            MOST_RANK,
        )
        few = pairs.basis[:, : max(1, min(plan.subset // 2, MOST_RANK))]
        return preconditioner, few, float(np.mean(np.diagonal(K_SS)))

    def _block(self, X: NDArray, Z: NDArray | None = None) -> NDArray:
        size = len(X)
        self.system.kernel_values += size * (size + 1) // 2 if Z is None else size * len(Z)
        if Z is not self._Z:
            return self.backend.kernel_block(self.system.kernel, X, Z)
        # The large block of a batch is written to the same memory every time: new pages cost as
        # much as a pass over them.
        out = None
        if self._buffer is not None and size <= len(self._buffer):
            out = self._buffer[:size]
        block = self.backend.kernel_block(self.system.kernel, X, Z, out)
        if out is None:
            self._buffer = block
        return block

    # -- one epoch -------------------------------------------------------------------------------

    def epoch(self) -> float:
        """Go through the data once; return an estimate of the size of the gradient."""
        reduce = self.reduce and (self.epochs >= _PLAIN_EPOCHS or self.fresh)
        self.fresh = False
        if not reduce:
            self.table[...] = 0
            self.gradient[...] = 0
        right = np.zeros(self.shape) if self.reference is None else None
        values = self._values().copy() if self.shift > 0 else None
        self._at_centers = None
        squares, limit = 0.0, (_GROWN * max(1.0, self.training_residual)) ** 2
        batches = list(self._batches())
        size = self.plan.batches(self.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(batches), size):
                window = batches[first : first + size]
                squares += self._window(window, reduce, right, values)
                if not squares <= limit:
                    return np.inf
        self.epochs += 1
        if right is not None:
            self.reference = self._size(right) or 1.0
        self.training_residual = float(np.sqrt(squares))
        return self._size(self._total()) / self._reference()

    def _window(
        self,
        window: list[NDArray],
        reduce: bool,
        right: NDArray | None,
        values: NDArray | None,
    ) -> float:
        """Take the steps of a few batches, then project.

        ``values``, those of f at the centres where there is a penalty, move along. Returned is the
        sum of squared residuals, over that of Y.
        """
        system, backend, dtype = self.system, self.backend, self.system.dtype
        n, apply = system.n_samples, self.preconditioner
        shared = self.gradient / n if reduce else np.zeros(self.shape)  # by all batches
        if values is not None:
            shared += self.shift * values
            before, drift = self.coef.copy(), np.zeros(self.shape)  # values less those before
        descent = self.projection.solve(shared) if shared.any() else shared
        h = np.zeros(self.shape)
        news = np.zeros(self.shape)
        points: list[NDArray] = []
        weights: list[NDArray] = []
        squares = 0.0
        for rows in window:
            X = backend.put(np.asarray(system.X[rows]))
            Y = np.asarray(system.Y[rows])
            own = self.team.share(len(rows))  # of several processes
            block = self._block(X[own], self._Z)
            residual = backend.times(block, self.coef.astype(dtype)) - Y[own]
            for old, weight in zip(points, weights, strict=True):
                residual += backend.times(self._block(X[own], old), weight)
            residual = self.team.gather(residual, len(rows))
            squares += system.relative(residual) ** 2
            if right is not None:
                right += self.team.total(backend.transposed_times(block, Y[own]))
            step = self.step_size or self.preconditioner.step(len(rows))
            change = residual - self.table[rows]
            g = self.team.total(backend.transposed_times(block, change[own])).astype(np.float64)
            self.table[rows] = residual
            news += g
            g *= -step / len(rows)
            moved = g - step * shared
            if values is not None:
                # `shared` has the penalty of f as it was at the last projection. What was added
                # since, temporary centres included, shrinks at each batch: left out, the penalty
                # would be subtracted several times from the same f.
                moved -= step * self.shift * drift
                decay = 1 - step * self.shift
                self.coef = before + decay * (self.coef - before)
                h *= decay
                for weight in weights:
                    weight *= dtype.type(decay)
            h += g
            points.append(X)
            weights.append(change * dtype.type(-step / len(rows)))
            amounts = apply.amounts(moved[self.subset])
            self.coef -= step * descent
            self.coef[self.subset] -= apply.vectors @ amounts
            if values is not None:
                drift += moved - self._responses @ amounts
        if values is not None:
            values += drift
        self.coef += self.projection.solve(h)
        self.gradient += news
        return squares

    def _values(self) -> NDArray:
        """Return f at the centres, computed once for the same coefficients."""
        if self._at_centers is None:
            self._at_centers = self._at_all_centers(self._Z, self.coef)
        return self._at_centers

    def _at_all_centers(self, points: NDArray, weights: NDArray) -> NDArray:
        """Return the values at the centres of a function on some points."""
        result = np.empty((self.plan.n_centers, weights.shape[1]))
        weights = weights.astype(self.system.dtype)
        for rows in self._slices(self.plan.n_centers):
            result[rows] = self.backend.times(self._block(self._Z[rows], points), weights)
        return result

    def _batches(self) -> Iterator[NDArray]:
        """Return the rows of each batch: contiguous pieces, in random order."""
        n = self.system.n_samples
        row_bytes = self.system.X.shape[1] * self.system.dtype.itemsize
        piece = int(np.clip(_PIECE_BYTES // row_bytes, 1, max(1, self.rows // 8)))
        offset = int(self.rng.integers(piece))  # pieces differ from epoch to epoch
        starts = np.arange(-offset, n, piece)
        self.rng.shuffle(starts)
        order = (starts[:, None] + np.arange(piece)).ravel()
        order = order[(order >= 0) & (order < n)]
        return iter(np.array_split(order, self.n_batches))

    def _slices(self, stop: int) -> Iterator[slice]:
        for start in range(0, stop, self.rows):
            yield slice(start, min(start + self.rows, stop))

    # -- the gradient ----------------------------------------------------------------------------

    def verify(self) -> float:
        """Compute the gradient in a pass of its own; fill the table with it."""
        system, backend, dtype = self.system, self.backend, self.system.dtype
        self.coef = self.result().astype(np.float64)  # what will be returned
        self._at_centers = None
        right = np.zeros(self.shape) if self.reference is None else None
        self.gradient[...] = 0
        squares = 0.0
        for rows in self._slices(system.n_samples):
            Y = np.asarray(system.Y[rows])
            own = self.team.share(len(Y))
            block = self._block(backend.put(np.asarray(system.X[rows][own])), self._Z)
            part = backend.times(block, self.coef.astype(dtype)) - Y[own]
            residual = self.team.gather(part, len(Y))
            squares += system.relative(residual) ** 2
            self.table[rows] = residual
            self.gradient += self.team.total(backend.transposed_times(block, part))
            if right is not None:
                right += self.team.total(backend.transposed_times(block, Y[own]))
        if right is not None:
            self.reference = self._size(right) or 1.0
        self.training_residual = float(np.sqrt(squares))
        self.fresh = True
        return self._size(self._total()) / self._reference()

    def _total(self) -> NDArray:
        """Return the gradient with that of the penalty, by its values at the centres."""
        if self.system.reg == 0:
            return self.gradient
        return self.gradient + self.system.reg * self._values()

    def _size(self, values: NDArray) -> float:
        """Return the norm of a function in the span, from its values at the centres."""
        if not np.all(np.isfinite(values)):
            return np.inf
        largest = float(np.abs(values).max()) or 1.0  # no square under- or overflows
        values = values / largest
        square = float(np.sum(values * self.projection.solve(values)))
        return largest * float(np.sqrt(max(0.0, square)))

    def _reference(self) -> float:
        return 1.0 if self.reference is None else self.reference

    # -- state and result ------------------------------------------------------------------------

    def result(self) -> NDArray:
        """Return the coefficients in the dtype of the system."""
        return self.coef.astype(self.system.dtype)

    def state(self) -> dict:
        """Return all that the next epoch needs."""
        return {
            "coef": self.coef,
            "table": self.table,
            "gradient": self.gradient,
            "reference": self.reference,
            "training_residual": self.training_residual,
            "epochs": self.epochs,
            "fresh": self.fresh,
            "jitter": self.projection.jitter,
            "rng": self.rng.bit_generator.state,
            "entropy": self.entropy,
        }

    def restore(self, state: dict) -> None:
        """Go on from a state."""
        self.coef, self.table, self.gradient = state["coef"], state["table"], state["gradient"]
        self.reference, self.epochs = state["reference"], state["epochs"]
        self.training_residual, self.fresh = state["training_residual"], state["fresh"]
        self._at_centers = None
        self.rng.bit_generator.state = state["rng"]
        self.projection.jitter = state["jitter"]

    def advice(self) -> str:
        """Say which step diverged and which to use."""
        batch, best = self.rows, self.preconditioner.step(self.rows)
        used = self.step_size or best
        use = min(best, used / 4) if used <= best else best
        return f"step_size was {used:.3g} with batches of {batch}; use step_size <= {use:.3g}" + (
            ", or a larger subsample" if self.step_size is None else ""
        )

    def details(self) -> dict:
        """Return what only this solver knows."""
        made = self.preconditioner
        return {
            "batch_size": self.rows,
            "step_size": self.step_size or made.step(self.rows),
            "critical_batch_size": made.critical_batch,
            "beta": made.beta,
            "top_eigenvalue": made.top,
            "rank": made.rank,
            "subsample": self.plan.subset,
            "period": self.plan.batches(self.rows),
            "projection": self.projection.name,
            "training_residual": self.training_residual,
        }


class _Alone:
    """What a `DistributedSystem` does, for one process."""

    def share(self, length: int) -> slice:
        return slice(0, length)

    def gather(self, part: NDArray, length: int) -> NDArray:
        return part

    def total(self, values: NDArray) -> NDArray:
        return values
