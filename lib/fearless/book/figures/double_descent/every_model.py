"""Figures of the page *Every model does it*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.experiments.double_descent.networks import parameter_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.line import LinePoints
    from fearless.experiments.double_descent.networks import NetworkCurve
    from fearless.experiments.double_descent.trees import GrowthCurve
    from fearless.experiments.stored import StoredRun

__all__ = [
    "boosting_speeds",
    "full_networks",
    "full_trees",
    "line_trees",
    "network_curves",
    "tree_curves",
]

_TRAIN, _TEST, _LIMIT, _CARRIED = style.COLORS[:4]


def line_trees(points: LinePoints, n_leaves: int, n_trees: int, forest: np.ndarray) -> Figure:
    """The average of trees with random splits, and the polygon through the samples.

    Parameters
    ----------
    points : LinePoints
    n_leaves : int
        Leaves of one tree.
    n_trees : int
    forest : ndarray
        The average on ``points.grid``.
    """
    fig, ax = style.subplots(height=3.6)
    order = np.argsort(points.x)
    polygon = np.interp(points.grid, points.x[order], points.y[order])
    ax.plot(points.grid, polygon, color=_LIMIT, linewidth=1.5, linestyle=(0, (1, 1.2)), zorder=2.5)
    ax.plot(points.grid, forest, color=_TEST)
    ax.plot(points.x, points.y, "o", color=_TRAIN, markersize=7, zorder=3)
    distance = np.sqrt(np.mean((forest - polygon) ** 2))
    trees = "1 tree" if n_trees == 1 else f"{n_trees:,} trees"
    ax.set_title(
        f"{trees} of {n_leaves} leaves:   distance to the polygon {distance:.2g}", fontsize=10.5
    )
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-1.6, 3.0))
    return fig


def network_curves(fresh: NetworkCurve, carried: NetworkCurve) -> Figure:
    """Test loss, test error and training loss of networks drawn afresh and carried along."""
    fig, axes = style.subplots(3, 1, height=8.4, sharex=True)
    panels = (
        ("test_mse", "squared loss, test", "log"),
        ("test_error", "zero-one loss, test", "linear"),
        ("train_mse", "squared loss, train", "log"),
    )
    for ax, (name, ylabel, scale) in zip(axes, panels, strict=True):
        for curve, color in ((fresh, _TEST), (carried, _CARRIED)):
            style.band(ax, curve.ratio, getattr(curve, name), color=color)
        style.threshold_line(ax, 1.0, "P = nK", side="left")
        ax.set(xscale="log", yscale=scale, ylabel=ylabel)
    axes[0].set_ylim(0.48, 3.3)
    axes[0].set_yticks([0.5, 1, 2, 3], ["0.5", "1", "2", "3"])
    axes[0].minorticks_off()
    axes[1].set_ylim(0, 0.9)
    style.percent(axes[1].yaxis)
    axes[2].set_ylim(bottom=5e-4)
    look = {"va": "center", "fontsize": 11.5, "annotation_clip": False}
    for curve, text, color, ha, dy in (
        (fresh, "drawn afresh", _TEST, "right", -15),
        (carried, "weights reused", _CARRIED, "center", -26),
    ):
        level = float(np.median(curve.test_mse[:, -1]))
        style.name_point(axes[0], curve.ratio[-1], level, text, color, (0, dy), ha=ha, **look)
    axes[-1].set_xlabel("parameters per number to fit, $P/(nK)$")
    _ratio_ticks(axes[-1])
    axes[-1].set_xlim(fresh.ratio[0], 1.02 * fresh.ratio[-1])
    return fig


def tree_curves(forest: GrowthCurve, boosting: GrowthCurve) -> Figure:
    """Loss of a forest and of boosting while one predictor grows, then while many are averaged."""
    fig, axes = style.subplots(2, 1, height=6.8)
    for ax, curve, unit, one in (
        (axes[0], forest, "leaves of the model", "one tree fits"),
        (axes[1], boosting, "boosting rounds of the model", "one predictor fits"),
    ):
        x, single = curve.complexity, curve.threshold
        test = style.band(ax, x, curve.test_mse, color=_TEST)
        train = style.band(ax, x, curve.train_mse, color=_TRAIN)
        style.threshold_line(ax, x[single], one, side="left")
        ax.set(xscale="log", xlabel=unit, ylabel="squared loss", ylim=(-0.04, 1.15))
        style.count_ticks(ax, x, decades_only=True)
    axes[0].legend([test, train], ["test", "train"], loc="lower left", bbox_to_anchor=(0.0, 0.02))
    return fig


def boosting_speeds(rounds: np.ndarray, losses: dict[float, np.ndarray]) -> Figure:
    """Test loss of one boosted predictor over its rounds, for several shrinkages."""
    fig, ax = style.subplots(height=3.6)
    colors = (_TEST, _CARRIED, _LIMIT)
    for (shrinkage, values), color in zip(losses.items(), colors, strict=False):
        style.band(ax, rounds, values, color=color, label=f"ν = {shrinkage:g}")
    ax.set(xscale="log", xlabel="boosting rounds", ylabel="squared loss, test", ylim=(0.3, 1.0))
    style.count_ticks(ax, rounds, decades_only=True)
    style.label_curves(ax)
    return fig


def full_networks(run: StoredRun) -> Figure:
    """The stored run: networks of all sizes, drawn afresh or with reused weights."""
    fig, ax = style.subplots(height=3.8)
    n_inputs, n_outputs = 784, 10
    count = parameter_count(run.settings["widths"], n_inputs, n_outputs)
    ratio = count / (n_outputs * run.settings["n_train"])
    reused = run.results["reuse_test_mse"]
    fresh_line = style.band(ax, ratio, run.results["fresh_test_mse"], color=_TEST)
    reuse_line = style.band(ax, ratio[: reused.shape[1]], reused, color=_CARRIED)
    style.threshold_line(ax, 1.0, "P = nK")
    ax.set(
        xscale="log", yscale="log", ylabel="squared loss, test",
        xlabel="parameters per number to fit, $P/(nK)$",
    )  # fmt: skip
    ax.set_ylim(0.2, 2.0)
    ax.set_yticks([0.2, 0.3, 0.5, 1.0, 2.0], ["0.2", "0.3", "0.5", "1", "2"])
    ax.minorticks_off()
    ax.legend([fresh_line, reuse_line], ["drawn afresh", "weights reused"], loc="upper right")
    _ratio_ticks(ax)
    return fig


def full_trees(trees: StoredRun) -> Figure:
    """The stored run: forests and boosting."""
    fig, ax = style.subplots(height=3.8)
    for name, color, label in (("forest", _LIMIT, "forest"), ("boosting", _TRAIN, "boosting")):
        sizes, counts = (trees.results[f"{name}_{part}"] for part in ("sizes", "counts"))
        # Relative to the model that fits: leaves of one tree, rounds of one predictor.
        x = np.concatenate([sizes / sizes[-1], counts[1:]])
        style.band(ax, x, trees.results[f"{name}_test_mse"], color=color, label=label)
    style.threshold_line(ax, 1.0, "one fits")
    ax.set(
        xscale="log", ylabel="squared loss, test", xlabel="size of the model / size that fits",
        ylim=(0, 0.95),
    )  # fmt: skip
    ax.set_xticks([0.001, 0.01, 0.1, 1, 10, 100], ["0.001", "0.01", "0.1", "1", "10", "100"])
    ax.legend(loc="lower left")
    return fig


def _ratio_ticks(ax: Axes) -> None:
    ax.set_xticks(
        [0.1, 0.2, 0.5, 1, 2, 5, 10, 20], ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]
    )
