"""Figures of the page *From convexity to PL\\**."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Circle

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fearless.experiments.optimization.conditioning import ConditionRuns
    from fearless.experiments.optimization.hyperbola import Cut
    from fearless.experiments.optimization.pl_bounds import LinearRuns, ScaleRuns
    from fearless.optimization.landscape import DescentPath

__all__ = ["ball", "conditions", "landscape", "linear", "scales"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
# Of the drawn landscape: how steeply one looks down, and how much heights are stretched.
_LOOK = 0.8
_STRETCH = 1.2


def landscape(result: Cut) -> Figure:
    """The landscape around a solution with a cut through it, and the loss along the cut."""
    fig, (top, ax) = style.subplots(2, 1, height=8.2, height_ratios=(6.3, 4))
    _draw_surface(top, result)
    down = ~result.convex
    # The orange stretch reaches to its blue neighbours, so that the curve has no gaps.
    wide = down | np.append(down[1:], False) | np.append(False, down[:-1])
    for where, color, label in ((~down, _BLUE, "bends up"), (wide, _ORANGE, "bends down")):
        values = np.where(where, np.maximum(result.loss, 1e-9), np.nan)
        ax.plot(result.s, values, color=color, linewidth=2.6, label=label)
    zeros = [x for x in (0.0, result.second) if abs(x) <= 3.2]
    ax.plot(zeros, [2e-7] * len(zeros), "o", color=style.FOREGROUND, markersize=8, clip_on=False)
    ax.set(
        yscale="log",
        ylim=(2e-7, 400),
        xlim=(-3.2, 3.2),
        xlabel="position $s$ on the cut",
        ylabel="loss $L$",
    )
    ax.set_yticks([1e-6, 1e-4, 1e-2, 1])
    ax.legend(loc="upper center", ncols=2)
    return fig


def _draw_surface(ax: Axes, result: Cut) -> None:
    """Draw the patches as they look from the front, somewhat from above."""
    patches = [
        np.column_stack([patch[:, 0], _LOOK * patch[:, 1] + _STRETCH * patch[:, 2]])
        for patch in result.patches
    ]
    colors = [_BLUE if bowl else _ORANGE for bowl in result.bowl]
    ax.add_collection(
        PolyCollection(patches, facecolors=colors, edgecolors=style.BACKGROUND, linewidths=0.6)
    )
    ax.plot(result.valley[:, 0], _LOOK * result.valley[:, 1], color=style.FOREGROUND, linewidth=2.4)
    low = result.drawn
    ax.plot(result.s[low], _STRETCH * result.loss[low], color=style.BACKGROUND, linewidth=5.5)
    ax.plot(result.s[low], _STRETCH * result.loss[low], color=_PURPLE, linewidth=3)
    zeros = result.s[low & (result.loss < 1e-20)]
    ax.plot(zeros, np.zeros(len(zeros)), "o", color=style.FOREGROUND, markersize=8)
    ax.set(xlim=(-2.05, 2.35), ylim=(-1.3, 2.15), aspect="equal")
    ax.set_axis_off()


def ball(
    runs: Sequence[DescentPath],
    stuck: DescentPath,
    start: NDArray,
    radius: float,
    constant: float,
) -> Figure:
    """Runs on the hyperbola, the ball of the theorem, the singular point and the region safe."""
    from fearless.experiments.optimization.hyperbola import certified

    fig, ax = style.subplots(height=6.2)
    grid = np.linspace(-2.8, 2.8, 281)
    w = np.stack(np.meshgrid(grid, grid), axis=-1)
    ax.contourf(grid, grid, certified(w), levels=[0.5, 1.5], colors=[_GREEN], alpha=0.16, zorder=0)
    ax.contour(
        grid,
        grid,
        (w.prod(axis=-1) - 1) ** 2 / 2,
        levels=[0.125, 0.5, 1.5, 4],
        colors=[style.MUTED],
        linewidths=0.6,
        zorder=1,
    )
    for run in runs:
        ax.plot(*run.weights.T, color=_BLUE, linewidth=1.3)
        ax.plot(*run.weights[0], "o", color=_BLUE, markersize=3.5)
    ax.plot(*stuck.weights.T, color=_ORANGE, linewidth=2.4)
    ax.plot(*stuck.weights[0], "o", color=_ORANGE, markersize=5)
    ax.plot([0], [0], "x", color=_ORANGE, markersize=10, markeredgewidth=2.4)
    for side in (1, -1):
        w1 = side * np.geomspace(1 / 2.8, 2.8, 200)
        ax.plot(w1, 1 / w1, color=style.FOREGROUND, linewidth=2.4)
    ax.add_patch(Circle((0, 0), constant**0.5, fill=False, color=_PURPLE, linewidth=1.2, ls=":"))
    ax.add_patch(Circle(start, radius, fill=False, color=_PURPLE, linewidth=2.0))
    ax.plot(*start, "o", color=_PURPLE, markersize=5)
    ax.set(xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal", xlabel="$w_1$", ylabel="$w_2$")
    ax.grid(visible=False)
    return fig


def linear(runs: LinearRuns) -> Figure:
    """Losses of linear systems against the bound on the rate; lengths against both radii."""
    fig, (ax, low) = style.subplots(2, 1, height=6.6, height_ratios=(5, 3))
    for name, values, color in (
        ("promised", runs.bound, style.MUTED),
        ("worst targets", runs.worst, _ORANGE),
        ("random targets", runs.loss, _BLUE),
    ):
        style.band(ax, runs.times, values, color=color, label=name)
    ax.set(yscale="log", ylim=(1e-8, 2), xlim=(0, runs.times[-1]))
    ax.set(xlabel=r"steps over the condition number, $t/\kappa$", ylabel="$L(w_t)\\,/\\,L(w_0)$")
    ax.legend(loc="lower left")
    rows = (
        ("random targets", runs.travelled, _BLUE),
        ("worst targets", runs.worst_travelled, _ORANGE),
        ("smaller ball", np.full_like(runs.radius, 2.0), _GREEN),
        ("classical ball", runs.radius, style.MUTED),
    )
    for i, (_, values, color) in enumerate(rows):
        low.plot(values, np.full(len(values), -i), "|", color=color, markersize=15, mew=2)
    low.set(xscale="log", xlim=(0.3, 30), ylim=(-3.6, 0.6))
    low.set(xlabel=r"length of the path, in units of $\sqrt{2 L_0/\mu}$")
    low.minorticks_off()
    low.set_yticks([0, -1, -2, -3], [row[0] for row in rows])
    low.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    return fig


def scales(runs: ScaleRuns) -> Figure:
    """Path lengths and steps against the size of the initial weights, with what is promised."""
    fig, axes = style.subplots(2, 1, height=7.4, sharex=True)
    certified = np.isfinite(runs.radius).all(axis=0)
    classical = np.isfinite(runs.classical).all(axis=0)
    alpha = runs.scales
    ax, low = axes
    style.band(
        ax,
        alpha[classical],
        runs.classical[:, classical],
        color=style.MUTED,
        label="classical ball",
    )
    style.band(ax, alpha[certified], runs.radius[:, certified], color=_GREEN, label="smaller ball")
    style.band(
        ax, alpha, runs.path_radius, color=_PURPLE, linestyle=":", label="with $\\mu$ of path"
    )
    style.band(ax, alpha, runs.length, color=_BLUE, label="measured")
    ax.set(yscale="log", ylabel="length of the path")
    style.band(low, alpha[certified], runs.promised[:, certified], color=_GREEN)
    style.band(low, alpha, runs.along, color=_PURPLE, linestyle=":")
    style.band(low, alpha, runs.steps, color=_BLUE)
    low.set(yscale="log", xscale="log", ylabel="steps to $10^{-6} L_0$")
    low.set(xlabel=r"size $\alpha$ of the weights at the start", xlim=(alpha[0], alpha[-1]))
    low.minorticks_off()
    low.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    ax.legend(loc="upper right")
    return fig


def conditions(runs: ConditionRuns, ratios: NDArray, limit: NDArray) -> Figure:
    """Condition numbers against the number of inputs per sample, and steps of training."""
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True, height_ratios=(4, 3))
    axes[0].plot(
        ratios,
        limit,
        color=style.FOREGROUND,
        linewidth=1.4,
        linestyle=(0, (4, 2)),
        label="limit, random matrix",
    )
    style.band(axes[0], runs.ratios, runs.path, color=_BLUE, label="over the path")
    style.band(axes[0], runs.ratios, runs.start, color=_PURPLE, linestyle=":", label="at the start")
    axes[0].set(yscale="log", ylabel=r"condition number $\kappa_F$", ylim=(1, 2000))
    axes[0].legend(loc="upper right")
    style.band(axes[1], runs.ratios, runs.steps, color=_ORANGE)
    axes[1].set(yscale="log", xscale="log", ylabel="steps to $10^{-6} L_0$")
    axes[1].set(xlabel="inputs per sample, $d/n$", xlim=(runs.ratios[0], runs.ratios[-1]))
    axes[1].minorticks_off()
    axes[1].set_xticks([1.25, 2, 5, 10, 20, 40], ["1.25", "2", "5", "10", "20", "40"])
    return fig
