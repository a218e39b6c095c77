"""Figures of the page *Simplicial interpolation and the blessing of dimensionality*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.theory.simplices import (
    nearest_flip_volume,
    simplicial_flip_error,
    simplicial_flip_volume,
    simplicial_variance,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.interpolation.planar_simplices import Ball, WrongLabel
    from fearless.experiments.interpolation.simplices import DimensionSweep

__all__ = ["ball", "failures", "noise_by_dimension", "one_simplex", "sample_sizes", "wrong_label"]

_RIGHT, _WRONG, _NEIGHBOR, _FOURTH = style.COLORS[:4]
_DASHED = (0, (4, 2.5))


def wrong_label(picture: WrongLabel, *, profile: bool = True) -> Figure:
    """Where one wrong label decides, for the interpolant and for the nearest neighbour.

    Parameters
    ----------
    picture : WrongLabel
    profile : bool
        Whether to draw the cut through the wrong vertex below.
    """
    if profile:
        fig, axes = style.subplots(2, 1, height=9.0, height_ratios=[2.9, 1], sharex=True)
        ax, cut = axes
        _draw_profile(cut, picture)
    else:
        fig, ax = style.subplots(height=5.9)
    points, vertex = picture.points, picture.points[-1]
    ax.triplot(*points.T, picture.triangles, color=style.MUTED, linewidth=0.8, alpha=0.75)
    ax.fill(*picture.basin.T, color=_WRONG, alpha=0.45, zorder=2)
    outline = np.vstack([picture.cell, picture.cell[:1]])
    ax.plot(*outline.T, color=_NEIGHBOR, linestyle=_DASHED, linewidth=2.2, zorder=3)
    ax.plot(*points[:-1].T, "o", color=_RIGHT, markersize=6.5, zorder=4)
    ax.plot(*vertex, "s", color=_WRONG, markersize=9, zorder=5)
    _, basin, cell = picture.areas
    ax.set_title(
        f"label −{-picture.label:.2g}: interpolant wrong on {basin:.1%}, 1-NN on {cell:.1%}",
        fontsize=11.5,
    )
    ax.set(ylabel="$x_2$", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), yticks=(0, 0.5, 1))
    ax.grid(False)
    ax.set_box_aspect(1)
    if not profile:
        ax.set(xlabel="$x_1$", xticks=(0, 0.5, 1))
    return fig


def _draw_profile(ax: Axes, picture: WrongLabel) -> None:
    """The values on the horizontal line through the wrong vertex."""
    from fearless.local import SimplicialInterpolator

    vertex = picture.points[-1]
    values = np.append(np.ones(len(picture.points) - 1), picture.label)
    x = np.linspace(0, 1, 241)
    line = np.column_stack([np.append(x, vertex[0]), np.full(242, vertex[1])])
    line = line[np.argsort(line[:, 0])]
    fit = SimplicialInterpolator(outside="project").fit(picture.points, values).predict(line)
    distances = np.linalg.norm(line[:, None] - picture.points, axis=2)
    nearest = values[distances.argmin(axis=1)]
    ax.axhline(0, color=style.MUTED, linewidth=1.0)
    ax.plot(line[:, 0], nearest, color=_NEIGHBOR, linestyle=_DASHED)
    ax.plot(line[:, 0], fit, color=_WRONG)
    ax.fill_between(line[:, 0], np.minimum(fit, 0), 0, color=_WRONG, alpha=0.3)
    ax.set(xlabel="$x_1$", ylabel="$f$ on the cut", ylim=(-4.3, 1.5), yticks=(-4, -2, 0))
    ax.set(xlim=(-0.03, 1.03), xticks=(0, 0.5, 1))


def ball(points: np.ndarray, query: np.ndarray, balls: list[Ball], step: int) -> Figure:
    """One empty ball on the way to the simplex of the query.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    query : ndarray of shape (2,)
    balls : list of Ball
        From `walk_balls`.
    step : int
        Which to draw, from 1.
    """
    current = balls[step - 1]
    fig, ax = style.subplots(height=5.0)
    angle = np.linspace(0, 2 * np.pi, 121)
    circle = current.centre + current.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inside = step == len(balls)
    ax.fill(*circle.T, color=_NEIGHBOR, alpha=0.13, zorder=1)
    ax.plot(*circle.T, color=_NEIGHBOR, linewidth=1.6, zorder=2)
    corners = points[list(current.vertices)]
    ax.plot(*points.T, "o", color=style.MUTED, markersize=5, zorder=3)
    if len(corners) > 1:
        color = _WRONG if inside else _RIGHT
        ax.fill(*corners.T, color=color, alpha=0.25, zorder=2)
        ax.plot(*np.vstack([corners, corners[:1]]).T, color=color, linewidth=1.8, zorder=3)
    ax.plot(*corners.T, "o", color=_RIGHT, markersize=8, zorder=4)
    ax.plot(*query, "X", color=_WRONG, markersize=11, zorder=5)
    touched = len(current.vertices)
    if touched < 3:
        text = f"growth: the empty ball touches {touched} point" + "s" * (touched > 1)
    elif inside:
        text = "the triangle holds the query: arrived"
    else:
        text = "a Delaunay triangle, but the query lies beyond an edge"
    ax.set_title(f"step {step}: {text}", fontsize=11.5)
    ax.set(xlim=(-0.02, 1.34), ylim=(-0.02, 1.02), xlabel="$x_1$", ylabel="$x_2$")
    ax.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    ax.grid(False)
    ax.set_aspect("equal", adjustable="box")
    return fig


def one_simplex(sweep: DimensionSweep) -> Figure:
    """One wrong corner: the shares of a simplex that it takes, and how they fall with d."""
    fig, axes = style.subplots(2, 2, height=7.2, height_ratios=[1, 1.15])
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
    top, middle = corners[2], corners.mean(axis=0)
    half = np.array([top, (top + corners[0]) / 2, (top + corners[1]) / 2])
    cell = np.array([top, (top + corners[0]) / 2, middle, (top + corners[1]) / 2])
    for ax, region, color, name in (
        (axes[0, 0], half, _WRONG, "interpolation: 1/4"),
        (axes[0, 1], cell, _NEIGHBOR, "1-NN: 1/3"),
    ):
        ax.fill(*corners.T, color=style.MUTED, alpha=0.12)
        ax.fill(*region.T, color=color, alpha=0.5)
        ax.plot(*np.vstack([corners, corners[:1]]).T, color=style.MUTED, linewidth=1.2)
        ax.plot(*corners[:2].T, "o", color=_RIGHT, markersize=8, zorder=4)
        ax.plot(*top, "s", color=_WRONG, markersize=10, zorder=4)
        for corner, sign, shift in ((0, "+1", (-4, -16)), (1, "+1", (4, -16)), (2, "−1", (0, 9))):
            ax.annotate(
                sign,
                corners[corner],
                shift,
                textcoords="offset points",
                ha="center",
                color=_WRONG if corner == 2 else _RIGHT,
            )
        ax.set_title(name, loc="center", color=color)
        ax.set(xlim=(-0.14, 1.14), ylim=(-0.16, 1.02))
        ax.set_aspect("equal")
        ax.axis("off")
    grid = axes[0, 0].get_gridspec()
    for ax in axes[1]:
        ax.remove()
    ax = fig.add_subplot(grid[1, :])
    d = np.arange(1, 21)
    ax.plot(d, [nearest_flip_volume(k) for k in d], color=_NEIGHBOR, linestyle=_DASHED)
    ax.plot(d, [simplicial_flip_volume(k) for k in d], color=_WRONG)
    seen = sweep.alone.mean(axis=0) > 0
    ax.errorbar(
        sweep.dims[seen],
        sweep.alone.mean(axis=0)[seen],
        2 * sweep.stderr("alone")[seen],
        fmt="o",
        color=_RIGHT,
        markersize=5,
        linewidth=1.4,
        zorder=4,
    )
    ax.text(12.5, 0.12, "1-NN: $1/(d+1)$", color=_NEIGHBOR)
    ax.text(12.5, 1.1e-3, "interpolation: $2^{-d}$", color=_WRONG)
    ax.text(1.3, 1.2e-4, "dots: measured", color=_RIGHT)
    ax.set(yscale="log", xlabel="dimension $d$", ylabel="share of a simplex", ylim=(5e-7, 1.0))
    _dimension_axis(ax)
    return fig


def noise_by_dimension(sweep: DimensionSweep, rate: float) -> Figure:
    """What noise does to the interpolant and to one nearest neighbour as d grows."""
    fig, axes = style.subplots(2, 1, height=7.4, sharex=True)
    top, bottom = axes
    dims = sweep.dims
    _mean_band(top, sweep, "nearest_excess", _NEIGHBOR)
    _mean_band(top, sweep, "excess", _WRONG)
    top.plot(dims, [simplicial_variance(int(d)) for d in dims], ":", color=style.FOREGROUND)
    top.set(ylabel=r"excess risk $/\,\sigma^2$", ylim=(0, 1.9))
    top.text(12, 1.62, "1-NN", color=_NEIGHBOR, ha="right")
    top.text(8.4, 0.33, "interpolation", color=_WRONG)
    top.text(2.3, 0.1, "dotted: $2/(d+2)$")
    top.set_title("regression: a linear truth with noise", fontsize=11.5)
    _mean_band(bottom, sweep, "nearest_flip_error", _NEIGHBOR)
    _mean_band(bottom, sweep, "flip_error", _WRONG)
    law = [simplicial_flip_error(int(d), rate) for d in dims]
    bottom.plot(dims, law, ":", color=style.FOREGROUND)
    bottom.set(yscale="log", ylabel="wrong signs", xlabel="dimension $d$", ylim=(8e-3, 0.4))
    bottom.set_yticks([0.01, 0.03, 0.1, 0.3], ["1 %", "3 %", "10 %", "30 %"])
    bottom.text(12, 0.24, "1-NN", color=_NEIGHBOR)
    bottom.text(12, 0.058, "interpolation", color=_WRONG)
    bottom.text(2.3, 0.0115, "dotted: the law of the flips")
    bottom.set_title(f"classification: {rate:.0%} of the labels flipped", fontsize=11.5)
    _dimension_axis(bottom)
    return fig


def sample_sizes(sweeps: dict[int, list[DimensionSweep]]) -> Figure:
    """Excess risk against the number of samples, in fixed dimensions.

    Parameters
    ----------
    sweeps : dict of int to list of DimensionSweep
        For each dimension, one sweep of that dimension alone for each sample size.
    """
    fig, ax = style.subplots(height=3.7)
    for color, (d, runs) in zip((_WRONG, _FOURTH, _RIGHT), sweeps.items(), strict=False):
        sizes = np.array([run.n_points for run in runs])
        values = np.concatenate([run.excess for run in runs], axis=1)
        mean = values.mean(axis=0)
        error = 2 * values.std(axis=0, ddof=1) / len(values) ** 0.5
        ax.fill_between(sizes, mean - error, mean + error, color=color, alpha=0.2)
        ax.plot(sizes, mean, "o-", color=color)
        law = simplicial_variance(d)
        ax.plot(sizes[[0, -1]], [law, law], color=style.FOREGROUND, linestyle=":", linewidth=1.3)
        ax.text(sizes[-1] * 1.12, law, f"$d={d}$", color=color, va="center")
    ax.set(xscale="log", ylim=(0, 0.8), xlabel="training samples $n$")
    ax.set_ylabel(r"excess risk $/\,\sigma^2$")
    ax.set_xlim(sizes[0] * 0.85, sizes[-1] * 1.7)
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    return fig


def failures(sweep: DimensionSweep, dims: np.ndarray, coverage: np.ndarray, n: int) -> Figure:
    """The price of dimension: the bias of a curved truth, and the emptiness of the hull.

    Parameters
    ----------
    sweep : DimensionSweep
    dims : ndarray of int
        Those of `coverage`.
    coverage : ndarray of shape (n_seeds, n_dims)
        From `hull_coverage`.
    n : int
        Its number of training points.
    """
    fig, axes = style.subplots(2, 1, height=7.0, sharex=True)
    top, bottom = axes
    _mean_band(top, sweep, "bias", _FOURTH)
    top.plot(sweep.dims, sweep.noise_share.mean(axis=0), color=_WRONG)
    top.set(ylabel="share of the variance", ylim=(0, 1.35))
    top.text(9.5, 0.86, "squared bias, $\\sin(2z)$", color=_FOURTH, ha="right")
    top.text(12, 0.21, "noise that stays", color=_WRONG)
    top.set_title("a curved truth: what interpolation cannot follow", fontsize=11.5)
    style.band(bottom, dims, coverage, color=_RIGHT)
    bottom.set(xlabel="dimension $d$", ylabel="share inside the hull", ylim=(-0.03, 1.05))
    bottom.set_title(f"fresh normal inputs inside the hull of {n:,} others", fontsize=11.5)
    _dimension_axis(bottom)
    return fig


def _mean_band(ax: Axes, sweep: DimensionSweep, name: str, color: str) -> None:
    """The mean over seeds with two standard errors."""
    mean, error = getattr(sweep, name).mean(axis=0), 2 * sweep.stderr(name)
    ax.fill_between(
        sweep.dims, np.maximum(mean - error, 1e-6), mean + error, color=color, alpha=0.2
    )
    ax.plot(sweep.dims, mean, "o-", color=color, markersize=4)


def _dimension_axis(ax: Axes) -> None:
    ax.set_xticks([1, 5, 10, 15, 20])
    ax.set_xlim(0.5, 20.5)
