"""Figures of the page *The transition to linearity*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.kernel_regimes.curvature import HessianNorms
    from fearless.experiments.kernel_regimes.lazy_training import TrainingRuns
    from fearless.experiments.kernel_regimes.output_signs import SignRuns
    from fearless.experiments.kernel_regimes.tangent_line import LineFit

__all__ = ["exceptions", "line", "norms", "signs", "training"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_KINDS = {"one layer": _BLUE, "bottleneck": _ORANGE, "curved output": _PURPLE}
_CHANGE = r"$\Vert K_t - K_0\Vert\,/\,\Vert K_0\Vert$"
_NAMES = {
    "fixed signs": "one layer, signs fixed",
    "one layer": "one layer",
    "two layers": "two layers",
    "bottleneck": "bottleneck",
    "curved output": "curved output",
}


def line(fit: LineFit) -> Figure:
    """A trained network over its trained tangent, and the function that both began with."""
    fig, ax = style.subplots(height=4.0)
    ax.plot(fit.grid, fit.start, color=style.MUTED, linewidth=1.3, linestyle=":", label="start")
    ax.plot(fit.grid, fit.network, color=_ORANGE, linewidth=3.2, label="network")
    ax.plot(
        fit.grid, fit.linear, color=_BLUE, linewidth=1.8, linestyle=(0, (4, 2.5)), label="tangent"
    )
    ax.plot(fit.x, fit.y, "o", color=style.FOREGROUND, markersize=6, zorder=4)
    ax.set(xlabel="$x$", ylabel="$f(x)$", xlim=(-3, 3), ylim=(-3.3, 3.3))
    ax.set_title(
        f"m = {fit.width:,}:   moved by {fit.distance:.1f},   largest gap {fit.gap:.2g}",
        fontsize=11.5,
    )
    ax.legend(loc="upper right", ncols=3)
    return fig


def norms(families: Sequence[HessianNorms]) -> Figure:
    """Squared length of the gradient, and norm of the Hessian, against the width."""
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True, height_ratios=(2, 3))
    colors = {"fixed signs": _GREEN, "one layer": _BLUE, "two layers": _PURPLE}
    for result in families:
        options = {"color": colors[result.kind], "label": _NAMES[result.kind]}
        style.band(axes[0], result.widths, result.gradient, **options)
        style.band(axes[1], result.widths, result.norm, **options)
    widths = np.unique(np.concatenate([result.widths for result in families]))
    axes[0].set(xscale="log", ylim=(0, None), ylabel=r"$\Vert\nabla f\,\Vert^2$")
    axes[1].set(xscale="log", yscale="log", ylabel=r"$\Vert H\,\Vert$", xlabel="width $m$")
    _width_ticks(axes[1], widths)
    _slope(axes[1], widths[[0, 2]], 0.06, -0.5)
    axes[1].legend(loc="upper right")
    return fig


def training(runs: TrainingRuns) -> Figure:
    """How far the weights went; what the bound, the worst case and training make of it."""
    fig, axes = style.subplots(2, 1, height=7.6, sharex=True, height_ratios=(2, 4))
    style.band(axes[0], runs.widths, runs.distance, color=_BLUE)
    axes[0].set(ylim=(0, None), ylabel=r"$\Vert w - w_0\Vert$")
    for name, values, color in (
        (r"bound on $|f - f_{\rm lin}|$", runs.bound, style.MUTED),
        (r"$|f - f_{\rm lin}|$, worst direction", runs.worst, _PURPLE),
        (r"$|f - f_{\rm lin}|$, trained", runs.off_tangent, _ORANGE),
        ("change of the kernel, trained", runs.kernel_change, _GREEN),
    ):
        style.band(axes[1], runs.widths, values, color=color, label=name)
    ax = axes[1]
    ax.set(xscale="log", yscale="log", xlabel="width $m$", ylim=(1e-4, 2e4))
    ax.set_yticks([1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    _width_ticks(ax, runs.widths)
    _slope(ax, runs.widths[[0, 2]], 0.012, -1.0)
    _slope(ax, runs.widths[[2, 4]], 12, -0.5, above=True)
    ax.legend(loc="upper right")
    return fig


def signs(runs: SignRuns) -> Figure:
    """Change of the kernel for random output signs, and for signs that agree."""
    fig, ax = style.subplots(height=4.0)
    style.band(ax, runs.widths, runs.agreeing, color=_ORANGE, label="signs that agree")
    style.band(ax, runs.widths, runs.random, color=_BLUE, label="random signs")
    ax.set(xscale="log", yscale="log", xlabel="width $m$", ylabel=_CHANGE)
    ax.set_ylim(2e-4, 2)
    _width_ticks(ax, runs.widths)
    _slope(ax, runs.widths[[0, 2]], 0.015, -1.0)
    _slope(ax, runs.widths[[1, 3]], 0.16, -0.5, above=True)
    ax.legend(loc="upper right", ncols=2)
    return fig


def exceptions(families: Mapping[str, HessianNorms], runs: Mapping[str, TrainingRuns]) -> Figure:
    """The three networks: norm of the Hessian, change of the kernel, and training errors."""
    fig, axes = style.subplots(3, 1, height=9.0)
    for kind, color in _KINDS.items():
        label = _NAMES[kind]
        style.band(axes[0], families[kind].widths, families[kind].norm, color=color, label=label)
        style.band(axes[1], runs[kind].widths, runs[kind].kernel_change, color=color)
        for losses in runs[kind].losses:
            axes[2].plot(losses / losses[0], color=color, linewidth=1.1)
    for ax, label in zip(axes, (r"$\Vert H\,\Vert$", _CHANGE), strict=False):
        ax.set(xscale="log", yscale="log", ylabel=label, xlabel="width $m$")
        _width_ticks(ax, runs["one layer"].widths)
    axes[0].set_ylim(0.005, 300)
    axes[0].legend(loc="upper right", ncols=3, columnspacing=1.0, handlelength=1.2)
    axes[2].set(
        yscale="log",
        xlabel="steps of gradient descent",
        ylabel="training error,\nshare of the first",
        xlim=(0, None),
    )
    return fig


def _width_ticks(ax: Axes, widths: np.ndarray) -> None:
    """Label the widths themselves; they are powers of four, too many decades for 1, 2, 5."""
    ax.set_xticks(widths, [f"{int(m):,}" for m in widths])
    ax.set_xlim(widths[0], widths[-1])


def _slope(
    ax: Axes, widths: np.ndarray, level: float, power: float, *, above: bool = False
) -> None:
    """Draw a short line of a given power of the width, with its name."""
    ends = level * (widths / widths[0]) ** power
    ax.plot(widths, ends, color=style.FOREGROUND, linewidth=1.2, linestyle=(0, (2, 1.5)))
    name = {-1.0: "$m^{-1}$", -0.5: "$m^{-1/2}$"}[power]
    style.name_point(
        ax,
        float(np.sqrt(widths[0] * widths[1])),
        float(np.sqrt(ends[0] * ends[1])),
        name,
        style.FOREGROUND,
        (5, 5) if above else (-5, -5),
        ha="left" if above else "right",
        va="bottom" if above else "top",
    )
