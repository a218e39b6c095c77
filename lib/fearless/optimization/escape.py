"""Runs that are to end at a local minimum: what they record, and when they have arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless._validation import check_int, check_positive
from fearless.optimization.saddles import UnitLosses
from fearless.optimization.trace import Trace, recorded_steps

__all__ = ["EscapeTrace", "at_local_minimum"]

_BLOCK = 64  # steps whose samples are drawn at once, at most
_BLOCK_ENTRIES = 2_000_000  # ... and numbers drawn at once
_DIVERGED = 1e12


@dataclass(frozen=True, eq=False)
class EscapeTrace(Trace):
    """Hold R runs that look for a local minimum.

    Attributes
    ----------
    steps, loss, distance, norm, oracle_calls, coef, diverged_at, settings
        As in `Trace`; the distance is None.
    stable_step_size, stability, hessian_calls
        As in `Trace`; the first two are not known.
    gradient_norm : ndarray of shape (R, T)
        ||grad L(w_t)||, on all samples.
    reached_at : ndarray of shape (R,)
        The step after which the run was at an approximate local minimum, -1 where it never was or
        where none was asked for.
    calls_to_reach : ndarray of shape (R,)
        Gradients and Hessians of single samples computed until then; infinite where never.
    """

    gradient_norm: NDArray[np.float64] | None = None
    reached_at: NDArray[np.intp] | None = None
    calls_to_reach: NDArray[np.float64] | None = None


def at_local_minimum(
    objective: UnitLosses, w: ArrayLike, accuracy: ArrayLike, hessian_lipschitz: float
) -> NDArray[np.bool_]:
    r"""Say whether w is an epsilon-local minimum: almost flat, and hardly bent down anywhere.

    .. math:: \|\nabla L(w)\| \le \epsilon, \qquad
        \lambda_{\min}(\nabla^2 L(w)) \ge -\sqrt{M \epsilon} .

    Parameters
    ----------
    objective : UnitLosses
        The loss L.
    w : array-like of shape (..., p)
        Weights.
    accuracy : array-like of shape (...)
        epsilon.
    hessian_lipschitz : float
        M, a Lipschitz constant of the Hessian.

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost O(n p) for each w, and O(p^3) more where the gradient is small. Used in the section
    "Escaping saddle points".

    Examples
    --------
    >>> import numpy as np
    >>> from fearless.optimization.saddles import QuadraticNetwork
    >>> objective = QuadraticNetwork(np.eye(2), [1.0, 1.0])
    >>> at_local_minimum(objective, [[0.0, 0.0], [1.0, 1.0]], 0.01, 12.0)
    array([False,  True])
    """
    hessian_lipschitz = check_positive(hessian_lipschitz, "hessian_lipschitz")
    w, accuracy = np.asarray(w, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    if not np.isfinite(w).all():
        raise ValueError("w contains non-finite values; expected finite numbers")
    if not (np.isfinite(accuracy).all() and (accuracy > 0).all()):
        raise ValueError(f"accuracy is {accuracy}; expected finite numbers > 0")
    if accuracy.ndim and accuracy.shape != w.shape[:-1]:
        raise ValueError(
            f"accuracy has shape {accuracy.shape}; expected a number or {w.shape[:-1]}, as w has"
        )
    norm = np.linalg.norm(objective.gradient(w), axis=-1)
    accuracy = np.broadcast_to(accuracy, norm.shape)
    good = np.array(norm <= accuracy)
    if good.any():
        lowest = np.linalg.eigvalsh(objective.hessian(w[good]))[..., 0]
        good[good] = lowest >= -np.sqrt(hessian_lipschitz * accuracy[good])
    return good


class Draws:
    """Batches, and whatever else is random, of R runs: run i is the same in any company.

    Parameters
    ----------
    n_runs : int
    seed : SeedSequence
    width : int
        How many numbers a draw is.
    draw : callable
        ``draw(generator, run, size)`` returns the next `size` draws of a run, (size, ...).
    """

    def __init__(
        self,
        n_runs: int,
        seed: np.random.SeedSequence,
        width: int,
        draw: Callable[[np.random.Generator, int, int], NDArray],
    ) -> None:
        self._generators = [np.random.default_rng(child) for child in seed.spawn(n_runs)]
        self._draw, self._block = draw, np.empty((0, 0))
        self._size = int(np.clip(_BLOCK_ENTRIES // (n_runs * width), 1, _BLOCK))
        self._left = 0

    def __call__(self, active: NDArray) -> NDArray:
        """Return the draws of the next step for the runs that are still active.

        A run draws the same numbers however many there are, since those of several steps are
        drawn one after the other.
        """
        if not self._left:
            self._left = self._size
            self._block = np.stack(
                [self._draw(rng, i, self._size) for i, rng in enumerate(self._generators)]
            )
        self._left -= 1
        return self._block[active, self._size - 1 - self._left]


def batch_weights(n_samples: int, batch: NDArray) -> Callable:
    """Draw batches with replacement as weights of all samples that add up to one."""
    share = np.full(n_samples, 1 / n_samples)

    def draw(rng: np.random.Generator, run: int, size: int) -> NDArray:
        return rng.multinomial(batch[run], share, size=size) / batch[run]

    return draw


def check_batch(batch: NDArray | None, name: str) -> NDArray[np.int64] | None:
    """Return the batch sizes of all runs as integers."""
    if batch is None:
        return None
    if batch.dtype.kind not in "iu" or batch.min() < 1:
        wrong = batch[np.argmax((batch < 1) | (batch != np.rint(batch)))]
        raise ValueError(f"{name} is {wrong}; expected integers >= 1")
    return batch.astype(np.int64)


def check_runs(
    objective: UnitLosses, start: ArrayLike, n_runs: int, **settings: ArrayLike | None
) -> tuple[NDArray, dict[str, NDArray]]:
    """Return starts (R, p) and settings (R,): R is the common length, or `n_runs`."""
    w = np.asarray(start, dtype=np.float64)
    p = objective.n_parameters
    if w.ndim not in (1, 2) or w.shape[-1] != p:
        raise ValueError(f"start has shape {w.shape}; expected ({p},) or (n_runs, {p})")
    if not np.isfinite(w).all():
        raise ValueError("start contains non-finite values; expected finite numbers")
    n_runs = check_int(n_runs, "n_runs")
    arrays = {name: np.asarray(v) for name, v in settings.items() if v is not None}
    for name, values in arrays.items():
        if values.dtype.kind not in "iuf":
            raise TypeError(f"{name} is {settings[name]!r}; expected a number or one a run")
        if values.ndim > 1 or values.size == 0:
            raise ValueError(f"{name} has shape {values.shape}; expected a number or one a run")
        if not (np.isfinite(values).all() and values.min() >= 0):
            raise ValueError(f"{name} has the entry {values.min()}; expected finite numbers >= 0")
    shapes = {name: v.shape for name, v in arrays.items()} | {"start": w.shape[:-1]}
    if n_runs > 1:
        shapes["n_runs"] = (n_runs,)
    try:
        shape = np.broadcast_shapes((1,), *shapes.values())
    except ValueError:
        raise ValueError(
            f"mismatched numbers of runs: {shapes}; expected one entry a run"
        ) from None
    w = np.broadcast_to(w, (*shape, p)).copy()
    return w, {name: np.broadcast_to(v, shape) for name, v in arrays.items()}


def escape_runs(
    objective: UnitLosses,
    advance: Callable[[NDArray, int, NDArray], NDArray],
    w: NDArray,
    *,
    n_steps: int,
    record: int | ArrayLike,
    calls: NDArray,
    hessian_calls: NDArray | None,
    accuracy: NDArray | None,
    hessian_lipschitz: float | None,
    settings: dict[str, NDArray],
) -> EscapeTrace:
    """Run ``w[active] = advance(w[active], t, active)`` until all have arrived, or n_steps.

    `calls` and `hessian_calls` are those of one step of each run. Looking whether a run has arrived
    takes all samples and counts for nothing: it is we who look, not the method.
    """
    steps = recorded_steps(record, check_int(n_steps, "n_steps", minimum=0))
    if (accuracy is None) != (hessian_lipschitz is None):
        raise ValueError("accuracy and hessian_lipschitz: expected both of them or neither")
    runs = len(w)
    loss, norm, flat = (np.full((runs, len(steps)), np.inf) for _ in range(3))
    reached, diverged = np.full(runs, -1), np.full(runs, -1)
    # A push may raise the loss of a run that begins at a solution: the loss at zero is the measure.
    scale = abs(float(objective.loss(np.zeros(objective.n_parameters)))) or 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        first = objective.loss(w)
    if not np.isfinite(first).all():
        run = int(np.argmin(np.isfinite(first)))
        raise ValueError(
            f"start has the loss {first[run]} in run {run}; expected weights with a finite loss"
        )
    limit = _DIVERGED * np.maximum(np.abs(first), scale)
    active = np.arange(runs)
    made = np.zeros((runs, len(steps)), dtype=np.int64)
    for t in range(n_steps + 1):
        if accuracy is not None and active.size:
            here = at_local_minimum(objective, w[active], accuracy[active], hessian_lipschitz)
            reached[active[here]] = t
            active = active[~here]
        where = np.searchsorted(steps, t)
        if where < len(steps) and steps[where] == t:
            fine = diverged < 0
            loss[fine, where] = objective.loss(w[fine])
            norm[fine, where] = np.linalg.norm(w[fine], axis=1)
            flat[fine, where] = np.linalg.norm(objective.gradient(w[fine]), axis=1)
            made[:, where] = np.where(reached >= 0, reached, np.where(fine, t, diverged))
        if t == n_steps:
            break
        if active.size:
            with np.errstate(over="ignore", invalid="ignore"):
                w[active] = advance(w[active], t, active)
                now = objective.loss(w[active])
            bad = ~(now <= limit[active])
            diverged[active[bad]] = t + 1
            w[active[bad]] = np.inf
            active = active[~bad]
    per_step = calls if hessian_calls is None else calls + hessian_calls
    return EscapeTrace(
        steps=steps,
        loss=loss,
        distance=None,
        norm=norm,
        oracle_calls=made * calls[:, None],
        coef=w,
        diverged_at=diverged,
        settings=settings,
        hessian_calls=None if hessian_calls is None else made * hessian_calls[:, None],
        gradient_norm=flat,
        reached_at=reached,
        calls_to_reach=np.where(reached >= 0, reached * per_step, np.inf),
    )
