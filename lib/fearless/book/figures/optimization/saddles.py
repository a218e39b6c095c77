"""Figures of the page *Escaping saddle points*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.saddle_calls import CallCounts, ConstantSteps
    from fearless.experiments.optimization.saddle_escape import EscapeRuns
    from fearless.experiments.optimization.saddle_problems import GrowthCloud, Landscape

__all__ = ["cloud", "constant", "counts", "escape", "landscape"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_DASHED = (0, (4, 2.5))
_METHODS = {"gradient": "perturbed SGD", "cubic": "cubic Newton"}


def landscape(picture: Landscape) -> Figure:
    """Contours of a loss of two weights, its stationary points, and paths from a saddle."""
    fig, ax = style.subplots(height=5.6)
    levels = np.linspace(0, 1, 13) ** 2 * 0.6
    ax.contour(
        picture.grid,
        picture.grid,
        np.minimum(picture.loss, 1),
        levels=levels[1:],
        colors=[style.GRID, style.MUTED],
        linewidths=0.8,
    )
    for k, path in enumerate(picture.paths):
        ax.plot(path[:, 0], path[:, 1], color=_ORANGE, linewidth=1.1, rasterized=path.size > 2000)
        ends = {"label": "ends of runs"} if not k else {}
        ax.plot(*path[-1], "D", color=_ORANGE, markersize=6, zorder=4, linestyle="none", **ends)
    open_marker = {
        "markerfacecolor": style.BACKGROUND,
        "markeredgewidth": 1.8,
        "linestyle": "none",
    }
    ax.plot(*picture.minima.T, "o", color=_BLUE, markersize=11, label="minimum", **open_marker)
    ax.plot(*picture.saddles.T, "s", color=_PURPLE, markersize=8, label="saddle", **open_marker)
    ax.plot(0, 0, "^", color=_GREEN, markersize=9, label="maximum", **open_marker)
    ax.plot(*picture.start, "x", color=style.FOREGROUND, markersize=8, markeredgewidth=2, zorder=5)
    style.name_point(ax, *picture.start, "start", style.FOREGROUND, (9, 13))
    ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-1.5, 1.5), ylim=(-1.2, 1.2), aspect="equal")
    ax.grid(False)
    fig.legend(loc="outside upper center", ncols=4, columnspacing=1.2, handletextpad=0.3)
    return fig


def cloud(points: GrowthCloud) -> Figure:
    """Mean squared sample gradients against the squared mean gradient, with the bound."""
    fig, ax = style.subplots(height=4.4)
    colors = (_BLUE, _PURPLE, _ORANGE)
    for row in reversed(range(len(points.names))):
        name = points.names[row]
        ax.plot(
            points.mean[row],
            points.samples[row],
            ".",
            color=colors[row],
            markersize=5,
            label=rf"$\sigma = {name}$" if float(name) else "labels that can be fitted",
            rasterized=True,
        )
    ends = np.array([1e-12, 1.0])
    ax.plot(ends, points.bound * ends, color=style.FOREGROUND, linewidth=1.4, linestyle=_DASHED)
    style.name_point(
        ax, 1e-8, points.bound * 1e-8, "bound", style.FOREGROUND, (-8, 6), ha="right", va="bottom"
    )
    ax.plot(ends, ends, color=style.MUTED, linewidth=1.2, linestyle=(0, (1, 1.5)))
    style.name_point(ax, 1e-7, 1e-7, "equal", style.MUTED, (6, -10), va="top")
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(1e-12, 1),
        ylim=(1e-12, 30),
        xlabel=r"$\Vert \nabla L(w)\Vert^2$",
        ylabel=r"mean of $\Vert \nabla \ell_i(w)\Vert^2$",
    )
    ax.legend(loc="lower right", handletextpad=0.2)
    return fig


def escape(runs: EscapeRuns) -> Figure:
    """Losses of runs that start at the saddle, and the predicted median time to leave."""
    fig, ax = style.subplots(height=4.2)
    for k, loss in enumerate(runs.loss):
        label = {"label": "runs"} if not k else {}
        every = slice(None, None, 4)
        ax.plot(runs.steps[every], loss[every], color=_BLUE, linewidth=1.2, alpha=0.8, **label)
    if np.isfinite(runs.predicted):
        ax.axvline(
            runs.predicted,
            color=_ORANGE,
            linestyle=_DASHED,
            label="predicted median time to a distance of 0.05",
        )
    else:
        ax.plot([], [], color=_ORANGE, linestyle=_DASHED, label="no escape predicted")
    ax.set(xlabel="steps $t$", ylabel="$L(w_t)$", xlim=(0, runs.steps[-1]), ylim=(0, 0.62))
    ax.legend(loc="upper right")
    return fig


def constant(result: ConstantSteps) -> Figure:
    """The loss above its minimum with one constant step, and the predicted floors."""
    fig, ax = style.subplots(height=4.4)
    for row, color in zip(range(len(result.noises)), (_BLUE, _PURPLE, _ORANGE), strict=False):
        noise = result.noises[row]
        excess = np.maximum(result.excess[row], 1e-30)
        style.band(ax, result.steps, excess, color=color, linewidth=1.4)
        where, value = (0.55, 1e-10) if not noise else (0.55, result.floor[row] * 5)
        name = rf"$\sigma = {noise:g}$" if noise else "labels that can be fitted"
        style.name_point(ax, where * result.steps[-1], value, name, color)
        if noise:
            ax.axhline(result.floor[row], color=style.FOREGROUND, linestyle=_DASHED, linewidth=1.4)
    ax.set(
        yscale="log",
        ylim=(1e-16, 2),
        xlim=(0, result.steps[-1]),
        xlabel="steps $t$, one sample each",
        ylabel=r"$L(w_t) - \min L$",
    )
    return fig


def counts(panels: Sequence[Sequence[CallCounts]], stated: Sequence[Sequence[float]]) -> Figure:
    """Sample gradients and Hessians until an approximate minimum is reached."""
    fig, axes = style.subplots(len(panels), 1, height=8.4)
    titles = {"network": "quadratic network", "valley": "flat valley"}
    for ax, curves, slopes in zip(axes, panels, stated, strict=True):
        for result, slope in zip(curves, slopes, strict=True):
            _count(ax, result, slope)
        ax.set(xscale="log", yscale="log", ylabel="samples looked at")
        ax.set_title(titles[curves[0].kind])
        ax.invert_xaxis()
    axes[-1].set_xlabel(r"accuracy $\epsilon$")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=2, columnspacing=1.2)
    return fig


def _count(ax: Axes, result: CallCounts, slope: float) -> None:
    color = _BLUE if result.method == "gradient" else _ORANGE
    kind = "strong growth" if result.strong_growth else "noisy labels"
    style.band(
        ax,
        result.accuracy,
        result.calls,
        color=color,
        marker="o" if result.strong_growth else "s",
        label=f"{_METHODS[result.method]}, {kind}",
        markerfacecolor=color if result.strong_growth else style.BACKGROUND,
        markeredgecolor=color,
    )
    first = np.median(result.calls[:, 0])
    power = first * (result.accuracy / result.accuracy[0]) ** -slope
    ax.plot(result.accuracy, power, color=color, linewidth=1.6, linestyle=(0, (1, 1.5)))
