"""Figures of the page *Big steps*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.catapults import CatapultRun, WideRuns
    from fearless.experiments.optimization.edge_of_stability import EdgeRuns, QuadraticRun

__all__ = ["catapult", "edge", "momentum", "quadratic", "wide"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_NAMES = {"identity": ("linear", _BLUE), "tanh": ("tanh", _ORANGE), "relu": ("ReLU", _GREEN)}
_DASHES = (0, (4, 2.5))


def catapult(run: CatapultRun) -> Figure:
    """The loss of a linear network and its sharpness, over those of the recursion."""
    fig, axes = style.subplots(2, 1, height=5.6, sharex=True)
    t = np.arange(len(run.losses))
    eta = run.theory.step_size
    tangent = run.losses[0] * (1 - run.multiple) ** (2.0 * t)
    panels = (
        (axes[0], run.theory.loss / run.losses[0], run.losses / run.losses[0], 1e-8, 1e8),
        (axes[1], eta * run.theory.sharpness, eta * run.sharpness, -0.2, 8.4),
    )
    for ax, theory, network, low, high in panels:
        shown = np.isfinite(theory) & (theory < 1e3 * high)
        ax.plot(t[shown], theory[shown], color=_BLUE, linewidth=1.8, label="recursion")
        shown = np.isfinite(network) & (network < high) & (network > low)
        ax.plot(t[shown], network[shown], "o", color=_ORANGE, markersize=5, label="network")
    shown = (tangent > 0) & (tangent < 1e10 * run.losses[0])
    axes[0].plot(
        t[shown],
        tangent[shown] / run.losses[0],
        color=style.MUTED,
        linewidth=1.4,
        linestyle=_DASHES,
    )
    axes[0].set(yscale="log", ylim=(1e-8, 1e8), ylabel="$L_t\\,/\\,L_0$", xlim=(0, t[-1]))
    axes[0].set_yticks([1e-8, 1e-4, 1, 1e4, 1e8])
    axes[1].axhline(2, color=style.FOREGROUND, linewidth=1.2, linestyle=_DASHES)
    axes[1].set(xlabel="step $t$", ylabel=r"$\eta\,\times$ sharpness", ylim=(-0.2, 8.4))
    axes[1].set_yticks([0, 2, 4, 6])
    axes[1].plot([], [], color=style.MUTED, linewidth=1.4, linestyle=_DASHES, label="tangent")
    axes[1].legend(loc="upper right", ncols=3)
    fate = "diverges" if run.diverged else f"loss rises to {run.peak:.3g} times the first"
    fate = "no rise" if run.peak == 1 else fate
    axes[0].set_title(rf"$\eta K_0$ = {run.multiple:g}:   {fate}", fontsize=12)
    return fig


def wide(
    runs: Sequence[WideRuns], multiples: NDArray[np.float64], limits: NDArray[np.float64]
) -> Figure:
    """The height of the catapult and the final kernel, against the step size."""
    fig, axes = style.subplots(2, 1, height=7.0, sharex=True)
    axes[1].fill_between(multiples, limits.min(axis=0), limits.max(axis=0), color=style.GRID)
    for result in runs:
        name, color = _NAMES[result.activation]
        shown = ~result.diverged.any(axis=0)
        x = result.multiples[shown]
        style.band(axes[0], x, result.peak[:, shown], color=color, label=name)
        style.band(axes[1], x, result.final_kernel[:, shown], color=color)
        if not shown.all():
            axes[0].plot(x[-1], np.median(result.peak[:, shown][:, -1]), "X", color=color, ms=11)
    for ax in axes:
        for multiple in (2, 4):
            style.threshold_line(ax, multiple, rf"${multiple}/\lambda_1$" if ax is axes[0] else "")
    last = max(result.multiples[-1] for result in runs)
    ticks = [m for m in (1, 2, 4, 8, 16, 32) if m <= last]
    axes[0].set(xscale="log", yscale="log", ylabel="largest loss$\\,/\\,L_0$", ylim=(0.5, 2e5))
    axes[0].set_yticks([1, 1e2, 1e4])
    axes[0].legend(loc="upper left")
    axes[1].axhline(2, color=style.FOREGROUND, linewidth=1.2, linestyle=_DASHES)
    axes[1].set(
        xlabel=r"step size, $\eta\lambda_1$ at the start",
        ylabel=r"$\eta\lambda_1$ at the end",
        ylim=(-0.08, 2.4),
        xlim=(1, last),
    )
    axes[1].set_xticks(ticks, [str(m) for m in ticks])
    axes[1].set_xticks([], minor=True)
    return fig


def edge(runs: Mapping[float, EdgeRuns]) -> Figure:
    """Losses, and the sharpness that comes to rest about 2 / eta."""
    fig, axes = style.subplots(2, 1, height=7.0, sharex=True, height_ratios=(2, 3))
    for (eta, result), color in zip(runs.items(), (_BLUE, _ORANGE, _GREEN), strict=False):
        steps = np.arange(result.losses.shape[1])[::2]
        style.band(
            axes[0], steps, result.losses[:, ::2], color=color, label=rf"$\eta$ = {eta:g}", lw=1.3
        )
        style.band(axes[1], result.steps, result.sharpness, color=color)
        _level(axes[1], result.limit, f"2/{eta:g}", color)
    axes[0].set(yscale="log", ylabel="loss $L$", xlim=(0, steps[-1]), ylim=(0.02, 1.6))
    axes[0].set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    axes[0].set_yticks([], minor=True)
    axes[0].legend(loc="upper right", ncols=3)
    axes[1].set(xlabel="steps", ylabel="sharpness", ylim=(0, 9.4))
    return fig


def momentum(runs: Mapping[str, EdgeRuns]) -> Figure:
    """The sharpness of three methods with one step size, each about its own limit."""
    fig, ax = style.subplots(height=4.6)
    for (name, result), color in zip(runs.items(), (_PURPLE, _ORANGE, _BLUE), strict=False):
        style.band(ax, result.steps, result.sharpness, color=color, label=name)
        _level(ax, result.limit, f"{result.limit:g}", color)
    ax.set(xlabel="steps", ylabel="sharpness", ylim=(0, 12.5), xlim=(0, result.steps[-1]))
    ax.legend(loc="upper right", ncols=3, columnspacing=1.2)
    return fig


def quadratic(run: QuadraticRun) -> Figure:
    """The loss of a network and of its Taylor polynomial; the swing; the sharpness."""
    fig, axes = style.subplots(3, 1, height=8.2, sharex=True, height_ratios=(3, 2, 3))
    shown = run.quadratic < 50
    ax = axes[0]
    ax.plot(run.steps, run.network, color=_BLUE, label="network")
    ax.plot(
        run.steps[shown],
        run.quadratic[shown],
        color=_ORANGE,
        linestyle=_DASHES,
        label="quadratic model",
    )
    ax.set(yscale="log", ylabel="loss $L$", ylim=(0.03, 20), xlim=(0, run.steps[-1]))
    ax.legend(loc="upper left")
    axes[1].plot(run.steps, run.along, color=_PURPLE, linewidth=1.4)
    axes[1].set_ylabel(r"$\langle\delta_t, u\rangle$")
    axes[2].plot(run.looks, run.sharpness, color=_GREEN, label="network")
    axes[2].plot(run.steps, run.third_order, color=style.MUTED, linewidth=1.3, label="third order")
    axes[2].legend(loc="upper right")
    axes[2].axhline(2 / run.step_size, color=style.FOREGROUND, linewidth=1.2, linestyle=_DASHES)
    axes[2].set(xlabel="steps from there", ylabel="sharpness", ylim=(2.5, 10.5))
    return fig


def _level(ax: Axes, y: float, text: str, color: str) -> None:
    """Draw a dashed line across, with its name below it at the right end: curves hover above."""
    ax.axhline(y, color=color, linewidth=1.1, linestyle=_DASHES)
    ax.annotate(
        text,
        xy=(1, y),
        xycoords=("axes fraction", "data"),
        xytext=(-3, -5),
        textcoords="offset points",
        ha="right",
        va="top",
        color=color,
        fontsize=11,
        fontweight="bold",
    )
