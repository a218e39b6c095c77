"""Figures of the page *The optimiser picks for you*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.line import LinePoints
    from fearless.experiments.over_parametrization.margins import MarginRuns, PlaneMargin
    from fearless.experiments.over_parametrization.optimizer import (
        GeometryErrors,
        KaczmarzErrors,
        PlanePath,
    )
    from fearless.experiments.over_parametrization.stopping import EarlyStopping

__all__ = ["filters_and_digits", "geometries", "line_at_time", "margin", "one_equation", "samples"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_DASHED = (0, (4, 2.5))
_HEIGHT = 2.3


def one_equation(paths: Sequence[PlanePath]) -> Figure:
    """Mirror flow on one equation in two unknowns: from zero (with its ball) and other starts.

    Parameters
    ----------
    paths : sequence of PlanePath
        The first begins at zero.
    """
    fig, ax = style.subplots(height=4.9)
    line = np.array([-1.0, 2.0])
    ax.plot(line, 2 - 2 * line, color=style.MUTED, linewidth=1.6)
    ax.annotate(
        "solutions", (0.42, 1.16), (8, 3), textcoords="offset points", color=style.MUTED, rotation=0
    )
    first, *others = paths
    ax.fill(*first.ball.T, color=_ORANGE, alpha=0.16, zorder=1)
    ax.plot(*first.ball.T, color=_ORANGE, linewidth=1.1, alpha=0.7)
    for other in others:
        ax.plot(*other.path.T, color=_BLUE, linestyle=_DASHED)
        ax.plot(*other.path[0], "o", markerfacecolor=style.BACKGROUND, color=_BLUE, markersize=8)
        ax.plot(*other.end, "o", color=_BLUE, markersize=8)
    ax.plot(*first.path.T, color=_ORANGE, linewidth=2.6)
    ax.plot(0, 0, "o", markerfacecolor=style.BACKGROUND, color=_ORANGE, markersize=8)
    ax.plot(*first.end, "o", color=_ORANGE, markersize=9, zorder=4)
    ax.set(
        xlim=(-0.75, 1.4),
        ylim=(-0.45, 1.3),
        xlabel=r"$\beta_1$",
        ylabel=r"$\beta_2$",
        aspect="equal",
        title=f"q = {first.exponent:g}:   from zero to ({first.end[0]:.2f}, {first.end[1]:.2f})",
    )
    return fig


def line_at_time(
    points: LinePoints, time: float, flow: np.ndarray, ridge: np.ndarray, train: float
) -> Figure:
    """The fit of gradient flow at a time, and of ridge with the inverse penalty.

    Parameters
    ----------
    points : LinePoints
    time : float
        The time t.
    flow, ridge : ndarray
        Values on the grid.
    train : float
        Root-mean-square training error of the flow.
    """
    fig, ax = style.subplots(height=3.8)
    ax.plot(points.grid, points.truth, color=style.MUTED, linewidth=1.4, linestyle=(0, (4, 3)))
    (two,) = ax.plot(points.grid, ridge, color=_GREEN, linestyle=_DASHED)
    (one,) = ax.plot(points.grid, flow, color=_ORANGE)
    ax.plot(points.x, points.y, "o", color=_BLUE, markersize=7, zorder=3)
    error = np.sqrt(np.mean((flow - points.truth) ** 2))
    ax.legend([one, two], ["gradient flow", r"ridge, $\lambda = 1/t$"], loc="lower left")
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-1.6, 3.0))
    ax.set_title(f"off the points by {train:.2g},   off the truth by {error:.2g}", fontsize=11.5)
    return fig


def filters_and_digits(result: EarlyStopping) -> Figure:
    """Filter factors of gradient flow and ridge; below, their losses on digits.

    Parameters
    ----------
    result : EarlyStopping
    """
    fig, (top, bottom) = style.subplots(2, 1, height=7.4, height_ratios=[1, 1.25])
    fig.get_layout_engine().set(hspace=0.06)
    x = np.geomspace(1e-2, 1e2, 200)
    top.plot(x, -np.expm1(-x), color=_ORANGE, label="gradient flow")
    top.plot(x, x / (1 + x), color=_GREEN, linestyle=_DASHED, label="ridge")
    top.set(
        xscale="log",
        xlabel=r"curvature $\times$ time, $t\,h_i$ (ridge: $h_i/\lambda$)",
        ylabel="filter factor $f_i$",
        ylim=(-0.03, 1.05),
    )
    top.legend(loc="upper left")
    one = style.band(bottom, result.times, result.flow, color=_ORANGE)
    two = style.band(bottom, result.times, result.ridge, color=_GREEN, linestyle=_DASHED)
    three = style.band(bottom, result.times, result.train, color=_BLUE)
    bottom.axhline(np.median(result.end), color=style.MUTED, linewidth=1.3, linestyle=(0, (1, 2)))
    bottom.set(
        xscale="log",
        xlabel=r"time $t$ (ridge: $1/\lambda$)",
        ylabel="squared loss",
        ylim=(-0.03, 1.1),
    )
    bottom.legend(
        [one, two, three],
        ["test, gradient flow", "test, ridge", "train, gradient flow"],
        loc="upper right",
    )
    return fig


def samples(result: KaczmarzErrors) -> Figure:
    """Squared distance of the Kaczmarz method to its limit, the bound, and gradient descent.

    Parameters
    ----------
    result : KaczmarzErrors
    """
    fig, ax = style.subplots(height=3.9)
    style.band(ax, result.steps, result.errors, color=_ORANGE, kind="mean", label="one sample")
    ax.plot(result.steps, result.bound, color=style.MUTED, linestyle=(0, (1, 1.5)), label="bound")
    ax.plot(result.steps, result.descent, color=_BLUE, linestyle=_DASHED, label="descent")
    ax.set(
        yscale="log",
        ylim=(1e-9, 2),
        xlabel="steps $k$",
        ylabel=r"$\Vert \beta_k - \beta_\infty\Vert^2\,/\;\Vert \beta_\infty\Vert^2$",
    )
    style.label_curves(ax)
    return fig


def geometries(sparse: GeometryErrors, dense: GeometryErrors, share: float) -> Figure:
    """Risks of interpolants against the exponent of the mirror, for two kinds of truth.

    Parameters
    ----------
    sparse, dense : GeometryErrors
    share : float
        1 - n/p, what gradient descent leaves on average.
    """
    fig, ax = style.subplots(height=4.4)
    where = np.log(sparse.exponents - 1)
    left, right = where[0] - 1.0, where[-1] + 1.0
    ax.axhline(share, color=style.MUTED, linewidth=1.1, linestyle=(0, (1, 2)))
    ax.annotate(
        "$1-n/p$",
        (where[0], share),
        (0, -4),
        textcoords="offset points",
        va="top",
        color=style.MUTED,
    )
    for result, color, name in ((sparse, _ORANGE, "sparse truth"), (dense, _BLUE, "dense truth")):
        style.band(ax, where, result.mirror, color=color, label=name)
        for x, risks in ((left, result.coordinates), (right, result.signs)):
            centre, low, high = style.summarize(risks[:, None])
            bars = [centre - low, high - centre]
            ax.errorbar([x], centre, yerr=bars, fmt="s", color=color, markersize=7)
    style.threshold_line(ax, 0.0, "gradient descent")
    ticks = [q for q in (1.05, 1.2, 1.5, 2, 3, 6) if q in sparse.exponents]
    ax.set_xticks(
        [left, *np.log(np.array(ticks) - 1), right],
        ["coordinate\ndescent", *(f"{q:g}" for q in ticks), "sign\ndescent"],
    )
    ax.set(
        xlabel="exponent $q$ of the mirror (log scale in $q - 1$)",
        ylabel=r"risk $\Vert\hat \beta - \beta^*\Vert^2$",
        ylim=(-0.04, 1.55),
    )
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 1.0))
    return fig


def margin(plane: PlaneMargin, runs: MarginRuns) -> Figure:
    """Boundaries of logistic regression at several times; margins and losses on a log clock.

    Parameters
    ----------
    plane : PlaneMargin
    runs : MarginRuns
    """
    fig, (top, bottom) = style.subplots(2, 1, height=8.6, height_ratios=[1.45, 1])
    for label, color, marker in ((1, _BLUE, "o"), (-1, _ORANGE, "s")):
        own = plane.labels == label
        top.plot(*plane.X[own].T, marker, color=color, markersize=6, zorder=3)
    size = 4.0
    for w in plane.coef:
        top.plot(*_boundary(w, size), color=_PURPLE, linewidth=1.4, alpha=0.9)
    _name_boundaries(top, plane, _HEIGHT)
    top.plot(*_boundary(plane.best, size), color=_GREEN, linewidth=2.6, linestyle=_DASHED)
    top.set(xlim=(-3.0, 3.0), ylim=(-_HEIGHT, _HEIGHT), xticks=[], yticks=[], aspect="equal")
    loss = style.band(bottom, runs.times, runs.scaled_losses, color=_PURPLE)
    edge = style.band(bottom, runs.times, runs.margins, color=_ORANGE)
    bottom.axhline(1, color=style.MUTED, linewidth=1.1, linestyle=(0, (1, 2)))
    bottom.set(xscale="log", xlabel="time $t$", ylabel="relative to the limit", ylim=(-0.05, 1.12))
    bottom.legend([loss, edge], [r"loss times $t$", r"margin"], loc="lower right")
    return fig


def _boundary(w: np.ndarray, size: float) -> tuple[list[float], list[float]]:
    along = np.array([-w[1], w[0]]) / np.linalg.norm(w) * size
    return [-along[0], along[0]], [-along[1], along[1]]


def _name_boundaries(ax: Axes, plane: PlaneMargin, height: float) -> None:
    """Write times where the steep boundaries leave the panel, in turn above and below it."""
    for side in (0, 1):
        y = height if side == 0 else -height
        own = [
            (-y * w[1] / w[0], time)
            for w, time in zip(plane.coef[side::2], plane.times[side::2], strict=True)
        ]
        for rank, (x, time) in enumerate(sorted(own)):
            ax.annotate(
                f"$t = 10^{{{round(np.log10(time))}}}$",
                (x, y),
                (-3 if rank == 0 else 3, 4 if side == 0 else -6),
                textcoords="offset points",
                ha="right" if rank == 0 else "left",
                va="bottom" if side == 0 else "top",
                color=_PURPLE,
                fontsize=11,
                annotation_clip=False,
            )
