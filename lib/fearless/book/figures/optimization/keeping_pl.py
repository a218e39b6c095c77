"""Figures of the page *Keeping PL\\* along the way*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.experiments.optimization.keeping import SHARES, align_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.keeping import KeptByWidth, WatchedRun
    from fearless.experiments.optimization.tangent_start import LeastEigenvalues
    from fearless.experiments.optimization.transformed import TransformedRun
    from fearless.experiments.optimization.twins import TwinRuns

__all__ = ["kept", "start", "transformed", "twins", "watched"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_SIZES = (_BLUE, _ORANGE, _GREEN, _PURPLE)
_LAST_STEP, _LAST_LOSS = 400, 60


def watched(runs: Sequence[WatchedRun]) -> Figure:
    """The PL* constant along training with what was known of it, and the losses."""
    fig, (top, low) = style.subplots(2, 1, height=7.4)
    steps = [run.path.steps for run in runs]
    grid, measured = align_steps(steps, [r.path.constant / r.path.constant[0] for r in runs])
    _, nearby = align_steps(steps, [r.nearby / r.path.constant[0] for r in runs])
    before = np.array([[r.control.constant / r.path.constant[0]] * 2 for r in runs])
    for rows, color, name in (
        (measured, _BLUE, "measured"),
        (nearby, _ORANGE, "known from the distance"),
    ):
        # The last values stand for the time after the runs have stopped.
        lasting = np.hstack([rows, rows[:, -1:]])
        style.band(top, np.append(grid, max(2 * grid[-1], 500)), lasting, color=color, label=name)
    dashes = {"color": style.MUTED, "linestyle": (0, (4, 2))}
    style.band(top, [0, _LAST_STEP], before, label="known before training", **dashes)
    top.set(ylim=(-0.04, 1.75), ylabel=r"$\mu_t\,/\,\mu_0$")
    top.set_title(f"width m = {runs[0].width:,}", fontsize=11.5)
    top.legend(loc="upper right", labelspacing=0.25)

    # On a linear axis of time an exponential is a line.
    shown = np.arange(_LAST_LOSS + 1)
    losses = np.array(
        [r.path.losses[np.minimum(shown, r.path.steps[-1])] / r.path.losses[0] for r in runs]
    )
    promised = np.array([r.guaranteed_loss(shown) / r.path.losses[0] for r in runs])
    style.band(low, shown, losses, color=_BLUE)
    style.band(low, shown, promised, **dashes)
    low.set(yscale="log", ylim=(1e-4, 2), ylabel="$L(w_t)\\,/\\,L(w_0)$", xlabel="steps $t$")
    _step_axis(top, _LAST_STEP)
    top.set_xlabel("steps $t$")
    low.set_xlim(0, _LAST_LOSS)
    return fig


def start(drawn: LeastEigenvalues, limits: LeastEigenvalues) -> Figure:
    """Least eigenvalues against the width, and their limits against the number of images."""
    fig, (top, low) = style.subplots(2, 1, height=7.2)
    for color, j in zip(_SIZES, range(len(drawn.sizes)), strict=False):
        share = drawn.finite[:, j] / drawn.limit[:, j, None]
        style.band(top, drawn.widths, share, kind="mean", color=color, label=f"{drawn.sizes[j]}")
    top.axhline(1, color=style.MUTED, linewidth=1.3, linestyle="--")
    top.set(xscale="log", xlabel="width $m$", ylim=(0, 1.15))
    top.set_ylabel(r"$\lambda_n(K(w_0))\,/\,\lambda_n(\Theta)$")
    top.set_xticks(drawn.widths, [f"{m:,}" for m in drawn.widths])
    top.set_xlim(drawn.widths[0], drawn.widths[-1])
    top.minorticks_off()
    top.legend(loc="lower right", title="images $n$")

    dashes = {"color": style.MUTED, "linestyle": (0, (4, 2))}
    style.band(low, limits.sizes, limits.closest, label="two closest gradients", **dashes)
    style.band(low, limits.sizes, limits.limit, color=_PURPLE, label=r"$\lambda_n(\Theta)$")
    low.set(xscale="log", yscale="log", xlabel="number of images $n$", ylim=(0.005, 0.5))
    low.set_ylabel(r"$\lambda_n(\Theta)$")
    low.set_xticks(limits.sizes, [f"{n}" for n in limits.sizes])
    low.set_xlim(limits.sizes[0], limits.sizes[-1])
    low.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
    low.minorticks_off()
    low.legend(loc="lower left")
    return fig


def kept(results: Sequence[KeptByWidth]) -> Figure:
    """What training leaves of the constant, and what theory guarantees, against the width."""
    fig, ax = style.subplots(height=4.6)
    for color, result in zip(_SIZES, results, strict=False):
        style.band(ax, result.widths, result.kept, color=color, label=f"n = {result.n_train}")
        needed = np.median(result.needed, axis=0)
        ax.plot(needed, SHARES, color=color, linestyle=(0, (4, 2)), zorder=2)
    ax.axhline(0.5, color=style.MUTED, linewidth=1.1, linestyle=":")
    ax.set(xscale="log", xlabel="width $m$", ylim=(0, 1.2), xlim=(4, 1e9))
    ax.set_ylabel(r"kept: least $\mu_t\,/\,\mu_0$")
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.set_xticks([10, 1e3, 1e5, 1e7, 1e9])
    ax.minorticks_off()
    ax.text(60, 0.66, "measured\nin training", fontsize=11.5, va="top")
    ax.text(8e8, 0.3, "guaranteed\nbefore it", fontsize=11.5, ha="right", va="top")
    ax.legend(loc="upper center", ncols=4, columnspacing=1.2)
    return fig


def transformed(families: Mapping[str, Sequence[TransformedRun]]) -> Figure:
    """Constants along training, what descent makes use of, and the bound; one line a seed."""
    fig, axes = style.subplots(len(families), 1, height=3.9 * len(families))
    for ax, (kind, runs) in zip(axes, families.items(), strict=True):
        for run in runs:
            for name, values, color, dash in (
                (r"in use, $\Vert\nabla L\,\Vert^2 / (2L)$", run.path.ratio, _GREEN, "-"),
                (r"constant $\mu_t$", run.path.constant, _BLUE, "-"),
                ("bound", run.bound, _ORANGE, (0, (4, 2))),
            ):
                ax.plot(
                    run.path.steps,
                    values,
                    color=color,
                    linestyle=dash,
                    linewidth=1.4,
                    label=name if run is runs[0] else None,
                )
        ax.set(yscale="log", ylabel=r"$\mu$", xlabel="steps $t$")
        ax.set_title(kind, fontsize=11.5)
        _step_axis(ax, max(int(run.path.steps[-1]) for run in runs))
    axes[0].set_ylim(1e-3, 2)
    axes[1].set_ylim(1e-7, 2)
    axes[1].legend(loc="lower left", labelspacing=0.25)
    return fig


def twins(runs: TwinRuns) -> Figure:
    """Losses of networks trained on an image and its near copy with the other label."""
    fig, ax = style.subplots(height=4.3)
    colors = (_BLUE, _GREEN, _ORANGE, _PURPLE)
    for color, angle, losses in zip(colors, runs.angles, runs.losses, strict=False):
        name = "exact copy" if angle == 0 else f"angle {angle:g}"
        shown = np.unique(np.geomspace(1, len(losses) - 1, 120).round().astype(int))
        ax.plot(shown, losses[shown], color=color, label=name)
    level = 1 / runs.n_train
    ax.axhline(level, color=style.MUTED, linewidth=1.2, linestyle="--")
    ax.set(xscale="log", yscale="log", xlabel="steps $t$", ylabel="$L(w_t)$", ylim=(3e-4, 1.5))
    style.count_ticks(ax, np.array([1, max(len(x) for x in runs.losses) - 1]), decades_only=True)
    style.name_point(ax, 1.2, level, "1/n", style.MUTED, (0, -5), va="top")
    ax.legend(loc="lower left")
    return fig


def _step_axis(ax: Axes, last: int) -> None:
    """Show steps 0, 1, 10, 100, ...: logarithmic from 1 on."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ticks = [0, *(10**k for k in range(5) if 10**k <= last)]
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.set_xlim(0, last)
