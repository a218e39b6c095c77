"""The steps of EigenPro: what changes from batch to batch, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless.solvers._eigenpro_plan import EigenProPlan

__all__ = ["EigenProRun"]

# Coefficients of the points and of the corrected directions, and residuals.
_ARRAYS = ("_A", "_W", "_R")


class EigenProRun:
    """The iterates of one run.

    With momentum gradients are taken ahead of the iterates, at an offset. The offset is kept, and
    not the place: it shrinks with the steps, and so do its rounding errors.

    Parameters
    ----------
    plan : EigenProPlan
        Batches and steps.
    start : ndarray of shape (n, k)
        Coefficients to begin with.
    residual : ndarray of shape (n, k)
        Their residual.

    Attributes
    ----------
    halvings : int
        How often the step was halved.
    stuck : bool
        Whether rounding errors have stopped the progress.
    true : bool
        Whether the residual was computed afresh after the last step.
    """

    def __init__(self, plan: EigenProPlan, start: NDArray, residual: NDArray) -> None:
        self.plan, self._start = plan, start
        self.halvings, self.stuck, self.true = 0, False, True
        self._misses, self._missed = 0, np.inf
        self._step = plan.step
        self._rng = np.random.default_rng([plan.seed, 1])
        system = plan.kernel.system
        self._buffer = (
            np.empty((plan.batch_size, system.n_samples), system.dtype) if plan.copies else None
        )
        self._begin(residual)

    def _begin(self, residual: NDArray) -> None:
        dtype, rank = residual.dtype, self.plan.kernel.rank
        self._A = np.array(self._start, order="C")
        self._W = np.zeros((rank, residual.shape[1]), dtype)
        self._R = np.array(residual, order="C")
        self._rest()

    def _rest(self) -> None:
        """Start the look-ahead at the iterates themselves."""
        if self.plan.gamma:
            self._offset = {name: np.zeros_like(getattr(self, name)) for name in _ARRAYS}

    def epoch(self) -> float:
        """Take a step on every batch, in random order; return the relative residual."""
        with np.errstate(over="ignore", invalid="ignore"):  # the residual tells
            for index in self._rng.permutation(len(self.plan.batches)):
                self._take_step(self.plan.batches[index])
            self.true = False
            return self._relative()

    def _take_step(self, batch: slice | NDArray) -> None:
        kernel, system = self.plan.kernel, self.plan.kernel.system
        psi = kernel.features
        g = self._R[batch] * system.dtype.type(self._step)
        if self.plan.gamma:
            g += self._offset["_R"][batch] * system.dtype.type(self._step)
        # A tall matrix times a thin one: several times faster than the transposed product.
        change = self._rows(batch, len(g)).T @ g
        if system.reg:
            change[batch] += system.dtype.type(system.reg) * g
        correction = psi[batch].T @ g
        change -= psi @ correction
        self._move("_A", g, batch)
        self._move("_W", correction)
        self._move("_R", np.negative(change, out=change))

    def _move(self, name: str, step: NDArray, where: slice | NDArray = slice(None)) -> None:
        """Add a step to w; with momentum also the offset, which becomes that of the next step."""
        array = getattr(self, name)
        if not self.plan.gamma:
            array[where] += step
            return
        dtype = array.dtype.type
        offset = self._offset[name]
        offset[where] += step
        array += offset
        offset *= dtype(self.plan.gamma)
        offset[where] -= dtype(self.plan.correction) * step

    def _rows(self, batch: slice | NDArray, size: int) -> NDArray:
        """Return K[batch, :]: a view of the stored matrix, a copy, or values computed now."""
        system = self.plan.kernel.system
        if self._buffer is None:
            return system.rows(batch)
        if system.stored:
            return np.take(system.matrix().T, batch, axis=0, out=self._buffer[:size])
        return system.rows(batch, out=self._buffer[:size])

    def coef(self) -> NDArray:
        """Return the coefficients, those of the corrections included: shape (n, k)."""
        kernel = self.plan.kernel
        coef = self._A.copy()
        coef[kernel.subsample] -= kernel.directions @ self._W
        return coef

    def refresh(self, tol: float) -> float:
        """Compute the residual from kernel values; return the relative one.

        The run is stuck when the recurrence has said three times in a row that it is done, and the
        residual was above tol and no better than the time before.
        """
        system = self.plan.kernel.system
        self._R = np.array(system.residual(self.coef()), order="C")
        self._rest()
        self.true = True
        residual = self._relative()
        self._misses = self._misses + 1 if residual > max(tol, 0.7 * self._missed) else 0
        self._missed = residual
        self.stuck = self._misses >= 3
        return residual

    def halve(self) -> float:
        """Go back to the start, with half the step; return the relative residual."""
        self._step /= 2
        self.halvings += 1
        start = self._start
        system = self.plan.kernel.system
        self._begin(system.residual(start) if start.any() else system.Y)
        self.true = True
        return self._relative()

    def _relative(self) -> float:
        return self.plan.kernel.system.relative(self._R)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.plan.gamma:
            arrays |= {f"offset{name}": self._offset[name] for name in _ARRAYS}
        return arrays | {
            "seed": self.plan.seed,
            "subsample": len(self.plan.kernel.subsample),
            "step": self._step,
            "halvings": self.halvings,
            "stuck": self.stuck,
            "true": self.true,
            "misses": self._misses,
            "missed": self._missed,
            "rng": self._rng.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where another run was interrupted."""
        for name in _ARRAYS:
            setattr(self, name, state[name])
            if self.plan.gamma:
                self._offset[name] = state[f"offset{name}"]
        self._step, self.halvings = state["step"], state["halvings"]
        self.stuck, self.true = state["stuck"], state["true"]
        self._misses, self._missed = state["misses"], state["missed"]
        self._rng.bit_generator.state = state["rng"]
