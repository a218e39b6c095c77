"""What a run of an optimization method leaves behind, several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_option, check_positive, check_widths

__all__ = ["Trace"]


@dataclass(frozen=True, eq=False)
class Trace:
    """Hold R runs of a method, looked at after the same T numbers of steps.

    A run has *diverged* when its loss is not finite any more, or a given number of times (1e12 by
    default) that at its start. From that step on its entries are +inf, never NaN.

    Attributes
    ----------
    steps : ndarray of shape (T,)
        Numbers of steps made, increasing.
    loss : ndarray of shape (R, T)
        The loss L(w_t) on all samples.
    distance : ndarray of shape (R, T) or None
        ||w_t - w*||: w* is the solution that was given, or the one nearest to the start; None
        where neither is known.
    norm : ndarray of shape (R, T)
        ||w_t||.
    oracle_calls : ndarray of shape (R, T)
        Gradients of single samples that so many steps compute.
    coef : ndarray of shape (R, p)
        The last iterates, +inf in runs that diverged.
    diverged_at : ndarray of shape (R,)
        The step after which a run was found to have diverged, -1 where it has not.
    settings : mapping of str to ndarray of shape (R,)
        Step sizes, batch sizes and whatever else tells the runs apart.
    stable_step_size : ndarray of shape (R,) or None
        The step size below which a run of this method would have been stable, NaN where no limit
        is known; None where no run diverged.
    stability : str
        Where these numbers come from, in words.
    hessian_calls : ndarray of shape (R, T) or None
        Hessians of single samples, or their products with a vector, computed so far; None for
        methods that need none.
    """

    steps: NDArray[np.intp]
    loss: NDArray[np.float64]
    distance: NDArray[np.float64] | None
    norm: NDArray[np.float64]
    oracle_calls: NDArray[np.int64]
    coef: NDArray[np.float64]
    diverged_at: NDArray[np.intp]
    settings: Mapping[str, NDArray] = field(default_factory=dict)
    stable_step_size: NDArray[np.float64] | None = None
    stability: str = ""
    hessian_calls: NDArray[np.int64] | None = None

    @property
    def n_runs(self) -> int:
        """The number R of runs."""
        return len(self.loss)

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Which runs diverged, shape (R,)."""
        return self.diverged_at >= 0

    def take(self, runs: ArrayLike) -> Trace:
        """Choose some of the runs.

        Parameters
        ----------
        runs : array-like of int or bool
            Their numbers, or a mask of length R.

        Returns
        -------
        Trace
            These runs alone.
        """
        index = np.arange(self.n_runs)[np.atleast_1d(np.asarray(runs))]
        # All arrays but one have the runs along their first axis, those of subclasses included.
        chosen = {
            item.name: value[index]
            for item in fields(self)
            if item.name != "steps" and isinstance(value := getattr(self, item.name), np.ndarray)
        }
        settings = {name: values[index] for name, values in self.settings.items()}
        return replace(self, **chosen, settings=settings)

    def steps_to(self, level: float, of: str = "loss", *, relative: bool = False) -> NDArray:
        """Count the steps after which the runs were first seen at or below a level.

        Parameters
        ----------
        level : float
            The level, > 0.
        of : {"loss", "distance"}
            What is to fall to it.
        relative : bool
            Whether the level is in units of the value at the start.

        Returns
        -------
        ndarray of shape (R,)
            Numbers among ``steps``; -1 where a run never was.

        Raises
        ------
        TypeError, ValueError
            An argument is not as described, the distance is not known, or the level is relative
            and the start was not recorded.
        """
        level = check_positive(level, "level")
        values = getattr(self, check_option(of, "of", ("loss", "distance")))
        if values is None:
            raise ValueError("of is 'distance', but no solution is known to these runs")
        if relative and self.steps[0] != 0:
            raise ValueError(
                f"relative is True, but the first recorded step is {self.steps[0]}; expected 0"
            )
        target = level * values[:, :1] if relative else level
        below = values <= target
        return np.where(below.any(axis=1), self.steps[below.argmax(axis=1)], -1)

    def explain(self) -> str:
        """Say in words which runs diverged, when, and which step sizes would have been stable.

        Returns
        -------
        str
            One line a diverged run, at most ten of them.
        """
        bad = np.flatnonzero(self.diverged)
        if not bad.size:
            return f"none of {self.n_runs} run(s) diverged"
        lines = [f"{bad.size} of {self.n_runs} run(s) diverged"]
        for i in bad[:10]:
            text = ", ".join(
                f"{name} {_plain(values[i])}" for name, values in self.settings.items()
            )
            line = f"run {i}" + (f" ({text})" if text else "")
            line += f" diverged at step {self.diverged_at[i]}"
            if self.stable_step_size is not None and not np.isnan(self.stable_step_size[i]):
                line += f"; stable below step size {self.stable_step_size[i]:.4g}"
            lines.append(line)
        if bad.size > 10:
            lines.append(f"and {bad.size - 10} more")
        if self.stability:
            lines.append(self.stability)
        return "\n".join(lines)


def recorded_steps(record: int | ArrayLike, n_steps: int) -> NDArray[np.intp]:
    """Return the numbers of steps to look at: those given, or the start and ``record`` more."""
    if np.ndim(record):
        return check_widths(record, "record", minimum=0, maximum=n_steps)
    count = check_int(record, "record")  # type: ignore[arg-type]
    return np.unique(np.linspace(0, n_steps, min(count, n_steps) + 1).round().astype(np.intp))


def divergence_limit(first: ArrayLike, factor: float, scale: float = 1.0) -> NDArray[np.float64]:
    """Return the loss beyond which a run has diverged; rounding errors of a first loss of zero
    must stay below it, hence the scale of the losses. Losses may be negative; inf is beyond it."""
    with np.errstate(over="ignore"):
        limit = factor * np.maximum(np.abs(first), np.finfo(np.float64).eps ** 2 * scale)
    return np.minimum(limit, np.finfo(np.float64).max)


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
