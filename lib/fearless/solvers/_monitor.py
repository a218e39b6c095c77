"""What iterative kernel solvers do beside iterating: stop, report, save, resume, fail loudly."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fearless._validation import check_int, check_positive
from fearless.exceptions import DivergenceError
from fearless.solvers._checkpoint import Checkpoint, CheckpointFile, fingerprint
from fearless.solvers._progress import ProgressLine, time_left
from fearless.solvers.solution import KernelSolution, Progress
from fearless.solvers.system import KernelSystem

__all__ = ["Callback", "Monitor"]

Callback = Callable[[Progress], Any]


class Monitor:
    """Watch the iterations of one solve; a context manager around them.

    The solver calls `start` once, `record` after each iteration, and `solution` at the end::

        with Monitor(system, "richardson", tol=tol, max_iter=max_iter, ...) as monitor:
            state = monitor.resume()
            if state is None:
                A = np.zeros_like(system.Y)
                R = system.residual(A)
                stop = monitor.start(system.relative(R), A)
            else:
                A, R, stop = state["A"], state["R"], monitor.stopped
            while not stop:
                A += step * R
                R = system.residual(A)
                stop = monitor.record(system.relative(R), A, {"A": A, "R": R})
        return monitor.solution(A, memory=...)

    Parameters
    ----------
    system : KernelSystem
        The problem.
    solver : str
        Its name, for messages.
    tol : float
        Stop when the relative residual is at most this.
    max_iter : int
        Stop after so many iterations (epochs).
    settings : mapping
        What the iterates depend on; a state saved with other ones is refused.
    callback : callable, optional
        Called with a `Progress` after each iteration; a true answer stops.
    checkpoint : str, path-like or Checkpoint, optional
        Where the state is kept.
    progress : bool
        Draw a line on stderr.
    divergence : float
        How many times the residual at the start is taken for divergence.
    advice : str or callable returning str
        What to do when it diverges: which step and batch were used and which to use.
    unit : str
        What an iteration is called.
    """

    def __init__(
        self,
        system: KernelSystem,
        solver: str,
        *,
        tol: float,
        max_iter: int,
        settings: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        progress: bool = False,
        divergence: float = np.inf,
        advice: str | Callable[[], str] = "",
        unit: str = "iteration",
    ) -> None:
        self.system, self.solver, self.unit = system, solver, unit
        self.tol = check_positive(tol, "tol", allow_zero=True)
        self.max_iter = check_int(max_iter, "max_iter", minimum=0)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback is {callback!r}; expected a callable or None")
        self.callback, self.divergence, self.advice = callback, divergence, advice
        self.residuals: list[float] = []
        self.stopped = False
        self.interrupted = False  # by the callback
        self._began = time.perf_counter()
        self._before = 0.0  # seconds of the interrupted run
        self._values_before = system.kernel_values
        self._line = ProgressLine(solver) if progress else None
        self._file: CheckpointFile | None = None
        self._state: dict[str, Any] | None = None
        self._saved = time.monotonic()
        if checkpoint is not None:
            if not isinstance(checkpoint, Checkpoint):
                checkpoint = Checkpoint(checkpoint)
            self._checkpoint = checkpoint
            problem = fingerprint(system, solver, settings or {})
            self._file = CheckpointFile(checkpoint.path, problem)

    @property
    def iterations(self) -> int:
        """Iterations done so far."""
        return max(0, len(self.residuals) - 1)

    @property
    def residual(self) -> float:
        """The last relative residual."""
        return self.residuals[-1]

    @property
    def seconds(self) -> float:
        """Wall-clock time so far, with that of the run that was resumed."""
        return self._before + time.perf_counter() - self._began

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._line is not None:
            self._draw(force=True)
            self._line.close()
        if self._file is None or self._state is None:
            return
        if kind is None and self.residual <= self.tol and not self._checkpoint.keep:
            self._file.remove()
        elif kind is None or not issubclass(kind, DivergenceError):
            self._file.save(self._state)

    def resume(self) -> dict[str, Any] | None:
        """Return the state that was given to `record` in an interrupted run, or None.

        The history of residuals is restored; whether there is anything left to do is in
        ``stopped``.
        """
        state = None if self._file is None else self._file.load()
        if state is None:
            return None
        self.residuals = state.pop("monitor_residuals").tolist()
        self._before = state.pop("monitor_seconds")
        self._values_before -= state.pop("monitor_values")
        self._state = self._with_history(state)
        self.stopped = self.residual <= self.tol or self.iterations >= self.max_iter
        return state

    def start(self, residual: float, coef: NDArray) -> bool:
        """Note the residual before the first iteration; return whether it is good enough."""
        self._check(residual)
        self.residuals = [float(residual)]
        self.stopped = residual <= self.tol or self.max_iter == 0
        return self.stopped

    def record(
        self,
        residual: float,
        coef: NDArray,
        state: Mapping[str, Any] | None = None,
    ) -> bool:
        """Note an iteration and return whether to stop.

        Parameters
        ----------
        residual : float
            The relative residual now.
        coef : ndarray
            The coefficients now.
        state : mapping, optional
            All that the next iteration needs: arrays (copied, where there is a checkpoint) and
            values that JSON can hold, such as ``rng.bit_generator.state``.

        Returns
        -------
        bool
            The residual is at most tol, max_iter is reached, or the callback said so.

        Raises
        ------
        DivergenceError
            The residual is no number, or has grown beyond doubt.
        """
        self._check(residual)
        self.residuals.append(float(residual))
        if self._file is not None and state is not None:
            # A copy: an interrupt may strike while the next iteration overwrites its arrays.
            copied = {
                key: value.copy() if isinstance(value, np.ndarray) else value
                for key, value in state.items()
            }
            self._state = self._with_history(copied)
            if time.monotonic() - self._saved >= self._checkpoint.every:
                self._file.save(self._state)
                self._saved = time.monotonic()
        if self._line is not None:
            self._draw()
        self.stopped = residual <= self.tol or self.iterations >= self.max_iter
        if self.callback is not None:
            view = coef.view()
            view.flags.writeable = False
            report = Progress(self.solver, self.iterations, float(residual), self.seconds, view)
            if self.callback(report):
                self.stopped = self.interrupted = True
        return self.stopped

    def amend(self, residual: float) -> bool:
        """Replace the last residual, where a recurrence gave it, by the true one.

        Returns
        -------
        bool
            Whether it is at most tol.
        """
        self._check(residual)
        self.residuals[-1] = float(residual)
        return residual <= self.tol

    def solution(
        self,
        coef: NDArray,
        *,
        memory: int,
        jitter: float = 0.0,
        condition: float | None = None,
        centers: NDArray | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> KernelSolution:
        """Return the result; the last residual recorded must be the true one of ``coef``.

        Warns
        -----
        ConvergenceWarning
            The residual is above tol although nobody stopped the solver.
        """
        converged = self.residual <= self.tol
        if not converged and self.iterations >= self.max_iter:
            warnings.warn(
                f"{self.solver} has not converged: the relative residual is {self.residual:.1e} "
                f"after {self.iterations} {self.unit}s, above tol = {self.tol:.1e}; allow more, "
                "or ask for less",
                ConvergenceWarning,
                stacklevel=3,
            )
        return KernelSolution(
            coef=coef,
            residuals=np.array(self.residuals),
            tol=self.tol,
            converged=converged,
            iterations=self.iterations,
            solver=self.solver,
            seconds=self.seconds,
            kernel_values=self.system.kernel_values - self._values_before,
            memory=memory,
            jitter=jitter,
            condition=condition,
            centers=centers,
            details=details or {},
        )

    def _with_history(self, state: dict[str, Any]) -> dict[str, Any]:
        return {
            **state,
            "monitor_residuals": np.array(self.residuals),
            "monitor_seconds": self.seconds,
            "monitor_values": self.system.kernel_values - self._values_before,
        }

    def _check(self, residual: float) -> None:
        start = self.residuals[0] if self.residuals else max(1.0, residual)
        if np.isfinite(residual) and residual <= self.divergence * max(start, 1.0):
            return
        advice = self.advice() if callable(self.advice) else self.advice
        raise DivergenceError(
            f"{self.solver} diverges: the relative residual is {residual:.1e} after "
            f"{self.iterations + 1} {self.unit}s, {start:.1e} at the start"
            + (f"; {advice}" if advice else "")
        )

    def _draw(self, *, force: bool = False) -> None:
        if self._line is None or not self.residuals:
            return
        left = time_left(self.residuals, self.tol, self.max_iter, self.seconds)
        self._line.update(
            f"{self.unit} {self.iterations}, relative residual {self.residual:.1e} "
            f"(to {self.tol:.0e}), {_clock(left)} left",
            force=force,
        )


def _clock(seconds: float) -> str:
    if not np.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
