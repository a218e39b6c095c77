"""The PL* constant of wide networks along training, and what was known of it before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fearless._validation import check_int, check_positive, check_widths
from fearless.data import Dataset
from fearless.experiments._threads import one_thread
from fearless.experiments.kernel_regimes.tangent_networks import Pair, trained_kernel
from fearless.experiments.optimization.tangent_start import (
    draw_signs,
    parity_digits,
    signs_limit,
)
from fearless.theory.rates.hessian_control import (
    ERF_CURVATURE,
    HessianControl,
    control_width,
    hessian_control,
    nearby_pl_constant,
)

__all__ = [
    "SHARES",
    "KeptByWidth",
    "WatchedRun",
    "align_steps",
    "kept_by_width",
    "watched_runs",
]

#: The shares of the PL* constant for which theory is asked for a width.
SHARES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class WatchedRun:
    """A run of gradient descent and what was known of it before.

    Attributes
    ----------
    width : int
    path : fearless.networks.pl_run.PLPath
    nearby : ndarray of shape (T,)
        The bound on the constant from the distance gone so far.
    control : HessianControl
        What is guaranteed from numbers at the start.
    """

    width: int
    path: Any
    nearby: NDArray[np.float64]
    control: HessianControl

    def guaranteed_loss(self, steps: NDArray) -> NDArray[np.float64]:
        """Bound the loss after some steps by the guaranteed rate.

        Parameters
        ----------
        steps : ndarray of int

        Returns
        -------
        ndarray
            L_0 where nothing is guaranteed.
        """
        return self.path.losses[0] * self.control.factor ** np.asarray(steps, float)

    @property
    def nearby_use(self) -> float:
        """The largest ratio of the bound to the constant after the start; at most 1 if true."""
        return float((self.nearby / self.path.constant)[1:].max())

    @property
    def control_use(self) -> float:
        """The largest of three ratios, each at most 1 if what was promised came true.

        The promised constant over the least one seen, the distance over the promised radius, and
        the loss over the promised one after the start. Infinity when nothing was promised.
        """
        if not self.control.applies:
            return np.inf
        promised = self.guaranteed_loss(np.arange(len(self.path.losses)))
        return float(
            max(
                self.control.constant / self.path.constant.min(),
                self.path.distance.max() / self.control.radius,
                (self.path.losses / promised)[1:].max(),
            )
        )


def watched_runs(
    data: Dataset,
    width: int,
    *,
    n_train: int = 5,
    n_seeds: int = 5,
    tol: float = 5e-5,
    random_state: int = 0,
) -> tuple[WatchedRun, ...]:
    """Train networks of one width on a few digits, each seed with its own images and weights.

    Parameters
    ----------
    data : Dataset
    width : int
        The number m of hidden units.
    n_train : int
        Images.
    n_seeds : int
    tol : float
        The mean squared residual to stop at.
    random_state : int

    Returns
    -------
    tuple of WatchedRun
        One a seed.
    """
    width = check_int(width, "width")
    n_seeds = check_int(n_seeds, "n_seeds")
    tol = check_positive(tol, "tol")
    random_state = check_int(random_state, "random_state", minimum=0)
    with one_thread():
        return tuple(
            _watched(
                parity_digits(data, n_train, np.random.default_rng([random_state, i])),
                width,
                np.random.default_rng([random_state, i, width]),
                tol,
            )
            for i in range(n_seeds)
        )


def _watched(pair: Pair, width: int, rng: np.random.Generator, tol: float) -> WatchedRun:
    from fearless.networks.pl_run import pl_path

    model = draw_signs(pair.X.shape[1], width, rng)
    path = pl_path(model, pair.X, pair.y, tol=tol, kernel=trained_kernel)
    hessian = ERF_CURVATURE / width**0.5
    start = max(float(path.constant[0]), np.finfo(float).tiny)  # rounding may leave it below 0
    error = (2 * path.losses[0]) ** 0.5
    return WatchedRun(
        width,
        path,
        nearby_pl_constant(start, hessian, path.distance),
        hessian_control(start, path.largest[0], error, hessian, step_size=path.step_size),
    )


def align_steps(
    steps: Sequence[NDArray[np.int64]], values: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Put runs of different lengths on one grid: one that has stopped stays as it was.

    Parameters
    ----------
    steps : sequence of ndarray
        Steps 0, 1, 2, 4, 8, ... and the last one, of each run.
    values : sequence of ndarray
        What was seen at these steps.

    Returns
    -------
    grid : ndarray of shape (T,)
        0, 1, 2, 4, ... up to the power of two at which all runs have stopped.
    rows : ndarray of shape (runs, T)
        The last value seen up to each step of the grid.
    """
    last = max(int(s[-1]) for s in steps)
    grid = np.concatenate([[0], 2 ** np.arange((last - 1).bit_length() + 1)])
    rows = [
        v[np.searchsorted(s, grid, side="right") - 1] for s, v in zip(steps, values, strict=True)
    ]
    return grid, np.array(rows)


@dataclass(frozen=True)
class KeptByWidth:
    """What training leaves of the PL* constant, and the widths that theory asks for.

    One row a seed, one column a width.

    Attributes
    ----------
    n_train : int
    widths : ndarray of shape (m,)
    kept : ndarray of shape (seeds, m)
        The least constant seen along the run over the one at the start.
    steps : ndarray of shape (seeds, m)
        Steps until the training error was reached.
    condition : ndarray of shape (seeds, m)
        ``h e_0 / mu_0``; Hessian control needs about a quarter.
    needed : ndarray of shape (seeds, shares)
        The width from which on Hessian control guarantees a share of the constant, for each of
        `SHARES`, from the limit of the kernel and the error of the widest network.
    """

    n_train: int
    widths: NDArray[np.intp]
    kept: NDArray[np.float64]
    steps: NDArray[np.int64]
    condition: NDArray[np.float64]
    needed: NDArray[np.float64]

    def enough(self, share: float = 0.5) -> float:
        """Return the least width from which on the median run keeps a share of its constant.

        Parameters
        ----------
        share : float

        Returns
        -------
        float
            One of the widths; infinity if the median run does not keep it at the widest one.
        """
        missed = np.flatnonzero(np.median(self.kept, axis=0) < share)
        first = missed[-1] + 1 if missed.size else 0
        return float(self.widths[first]) if first < len(self.widths) else np.inf

    @property
    def half(self) -> NDArray[np.float64]:
        """The widths from which on theory guarantees one half, one a seed."""
        return self.needed[:, SHARES.index(0.5)]


def kept_by_width(
    data: Dataset,
    n_train: int,
    widths: Sequence[int],
    *,
    n_seeds: int = 5,
    tol: float = 1e-2,
    random_state: int = 0,
) -> KeptByWidth:
    """Train networks of several widths and compare what they keep with what theory asks for.

    Parameters
    ----------
    data : Dataset
    n_train : int
        Images.
    widths : sequence of int
    n_seeds : int
    tol : float
        The mean squared residual to stop at.
    random_state : int

    Returns
    -------
    KeptByWidth
    """
    widths = check_widths(widths, "widths")
    n_seeds = check_int(n_seeds, "n_seeds")
    random_state = check_int(random_state, "random_state", minimum=0)
    kept, condition = np.empty((2, n_seeds, len(widths)))
    steps = np.empty((n_seeds, len(widths)), dtype=np.int64)
    needed = np.empty((n_seeds, len(SHARES)))
    for i in range(n_seeds):
        pair = parity_digits(data, n_train, np.random.default_rng([random_state, i]))
        for j, width in enumerate(widths):
            rng = np.random.default_rng([random_state, i, int(width)])
            with one_thread():
                run = _watched(pair, int(width), rng, tol)
            kept[i, j] = run.path.kept
            steps[i, j] = len(run.path.losses) - 1
            error = (2 * run.path.losses[0]) ** 0.5
            condition[i, j] = ERF_CURVATURE / width**0.5 * error / run.path.constant[0]
        values = np.linalg.eigvalsh(signs_limit(pair.X)) / n_train
        step_size = 1 / (2 * values[-1])
        enough = [
            control_width(
                values[0], values[-1], error, ERF_CURVATURE, step_size=step_size, keep=share
            )
            for share in SHARES
        ]
        # A width that keeps a larger share keeps a smaller one as well.
        needed[i] = np.minimum.accumulate(enough[::-1])[::-1]
    return KeptByWidth(n_train, widths, kept, steps, condition, needed)
