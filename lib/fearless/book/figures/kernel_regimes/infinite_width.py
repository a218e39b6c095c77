"""Figures of the page *Infinitely wide networks are kernels*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.kernel_regimes.random_networks import RandomFunctions
    from fearless.experiments.kernel_regimes.wide_kernels import TangentDeviation
    from fearless.experiments.kernel_regimes.wide_training import WideTraining

__all__ = ["profiles", "random_outputs", "scales", "tangent_distance", "trained"]

_NETWORK, _KERNEL, _THIRD, _FOURTH = (style.COLORS[i] for i in (1, 0, 2, 3))
_PI_TICKS = ([0, np.pi / 2, np.pi], ["0", "π/2", "π"])


def random_outputs(functions: RandomFunctions, draws: NDArray) -> Figure:
    """Random networks on a circle, above the law of one output."""
    fig, (top, low) = style.subplots(2, 1, height=6.4)
    for row in functions.values:
        top.plot(functions.angles, row / functions.scale, color=_NETWORK, linewidth=1.3, alpha=0.8)
    for level in (-2, 2):
        top.axhline(level, color=_KERNEL, linewidth=1.3, linestyle=(0, (4, 3)))
    top.set(
        xlabel="position of $x$ on a circle",
        ylabel=r"$f(x)/\sqrt{K(x, x)}$",
        xlim=(-np.pi, np.pi),
        ylim=(-4.5, 4.5),
    )
    top.set_xticks([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["-π", "-π/2", "0", "π/2", "π"])
    edges = np.linspace(-5, 5, 51)
    density = np.histogram(draws, edges)[0] / (len(draws) * np.diff(edges))
    low.stairs(
        np.maximum(density, 1e-9),
        edges,
        baseline=None,
        color=_NETWORK,
        linewidth=1.6,
        label="networks",
    )
    grid = np.linspace(-5, 5, 121)
    low.plot(
        grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=_KERNEL, label="infinite width"
    )
    low.set(
        xlabel=r"$f(x)/\sqrt{K(x, x)}$ at one $x$",
        ylabel="density",
        yscale="log",
        xlim=(-5, 5),
        ylim=(1e-5, 9),
    )
    low.legend(loc="upper right", ncols=2, bbox_to_anchor=(1.0, 1.12), borderaxespad=0)
    return fig


def profiles(angles: NDArray, nngp: NDArray, ntk: NDArray, depth: int) -> Figure:
    """Both kernels against the angle of two inputs."""
    fig, ax = style.subplots(height=4.0)
    ax.plot(angles, nngp, color=_THIRD, label="K, of the outputs")
    ax.plot(angles, ntk, color=_KERNEL, label="Θ, of the training")
    start = np.array([0.0, min(2 * np.pi / depth, 1.0)])
    ax.plot(
        start, 1 - depth * start / (2 * np.pi), color=style.MUTED, linewidth=1.3,
        linestyle=(0, (4, 3)),
    )  # fmt: skip
    ax.set(
        xlabel="angle between $x$ and $z$",
        ylabel="kernel over its value at 0",
        xlim=(0, np.pi),
        ylim=(-0.16, 1.05),
        title=f"L = {depth}",
    )
    ax.set_xticks(*_PI_TICKS)
    ax.legend(loc="upper right", ncols=2, bbox_to_anchor=(1.0, 1.13), borderaxespad=0)
    return fig


def tangent_distance(studies: Sequence[TangentDeviation], constant: float) -> Figure:
    """Relative distance of tangent kernels to their limit against the width: central 80 %."""
    fig, ax = style.subplots(height=4.1)
    for study, color in zip(studies, (_NETWORK, _FOURTH), strict=False):
        name = "1 layer" if study.depth == 1 else f"{study.depth} layers"
        tenth = len(study.distance) // 10  # the range of many networks would be that of the rarest
        central = np.sort(study.distance, axis=0)[tenth : len(study.distance) - tenth]
        style.band(ax, study.widths, central, color=color, label=name)
    widths = studies[0].widths.astype(float)
    ax.plot(
        widths, np.sqrt(constant / widths), color=style.MUTED, linewidth=1.4,
        linestyle=(0, (4, 3)),
    )  # fmt: skip
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="width $m$",
        ylabel=r"$\Vert K_w - \Theta\Vert\, /\, \Vert\Theta\Vert$",
    )
    _powers(ax, studies[0].widths)
    style.label_curves(ax)
    return fig


def trained(run: WideTraining) -> Figure:
    """Trained networks against the kernel machine: distance of predictions, and test errors."""
    fig, (top, low) = style.subplots(2, 1, height=6.6, sharex=True)
    widths = run.widths.astype(float)
    style.band(top, widths, run.distance, color=_NETWORK)
    anchor = float(np.median(run.distance[:, -1]))
    top.plot(
        widths, anchor * np.sqrt(widths[-1] / widths), color=style.MUTED, linewidth=1.4,
        linestyle=(0, (4, 3)),
    )  # fmt: skip
    style.name_point(
        top, widths[1], anchor * np.sqrt(widths[-1] / widths[1]), r"$m^{-1/2}$", style.MUTED,
        (-4, -6), ha="right", va="top",
    )  # fmt: skip
    top.set(xscale="log", yscale="log", ylabel="distance of predictions")
    style.band(low, widths, run.test_error, color=_NETWORK, label="networks")
    level = float(np.median(run.kernel_error))
    low.axhline(level, color=_KERNEL, linewidth=1.6, linestyle=(0, (1, 1.2)))
    low.annotate(
        "kernel machine, no training",
        xy=(0, level),
        xycoords=("axes fraction", "data"),
        xytext=(4, -4),
        textcoords="offset points",
        color=_KERNEL,
        va="top",
        fontsize=10.5,
    )
    low.set(ylabel="zero-one loss, test", ylim=(0, 0.75), xlabel="width $m$")
    style.percent(low.yaxis)
    _powers(low, run.widths)
    style.name_point(
        low, widths[1], float(np.median(run.test_error[:, 1])), "trained networks", _NETWORK,
        (10, 4), ha="left", va="bottom",
    )  # fmt: skip
    return fig


def scales(curves: Mapping[int, tuple[NDArray, NDArray]]) -> Figure:
    """How much the scale of random networks spreads, against depth over width.

    Parameters
    ----------
    curves : mapping
        Width -> depths, and quantiles of the log of the squared scale, of shape (3, n_depths).
    """
    fig, ax = style.subplots(height=4.0)
    styles = ((_NETWORK, "o"), (_KERNEL, "s"), (_THIRD, "^"))
    for (width, (depths, quantiles)), (color, marker) in zip(curves.items(), styles, strict=False):
        x, (low, middle, high) = np.asarray(depths) / width, quantiles / np.log(10)
        ax.plot(x, middle, marker, color=color, markersize=5, label=f"m = {width}")
        for edge in (low, high):
            ax.plot(x, edge, marker, color=color, markersize=3.5, markerfacecolor="none")
    x = np.linspace(0, max(np.max(np.asarray(d)) / w for w, (d, _) in curves.items()), 121)
    for z in (-1, 0, 1):
        ax.plot(
            x, (-2.5 * x + z * np.sqrt(5 * x)) / np.log(10), color=style.MUTED,
            linewidth=1.3, linestyle="-" if z == 0 else (0, (4, 3)), zorder=1.5,
        )  # fmt: skip
    ax.set(
        xlabel="depth over width, $L/m$",
        ylabel=r"$\log_{10}$ of the squared length",
        xlim=(0, None),
    )
    ax.legend(loc="lower left")
    return fig


def _powers(ax: Axes, widths: NDArray) -> None:
    ax.set_xticks(widths, [f"{m:,}" for m in widths])
    ax.set_xlim(widths[0] * 0.9, widths[-1] * 1.1)
