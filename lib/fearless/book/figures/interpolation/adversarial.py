"""Figures of the page *Adversarial examples are the price*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.theory.adversarial import mislabeled_distance, wrong_vote_probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fearless.experiments.interpolation.adversarial import RaisinBread
    from fearless.experiments.interpolation.adversarial_radii import RadiusStudy

__all__ = ["mislabeled_law", "name_curve", "radii", "raisins"]

_ZERO, _ONE = style.COLORS[0], style.COLORS[1]
_FLOOR = 1e-7  # of the axis of measures
_NAMES = {
    "nearest": "1-NN",
    "hilbert": "Hilbert",
    "interpolating": "wiNN",
    "majority": "k-NN",
    "mislabeled": "nearest wrong label",
}
_LOOKS = {
    "nearest": style.COLORS[0],
    "hilbert": style.COLORS[3],
    "interpolating": style.COLORS[1],
    "majority": style.COLORS[2],
}


def raisins(bread: RaisinBread) -> Figure:
    """Where an interpolating rule and a majority vote disagree with the clean rule.

    Parameters
    ----------
    bread : RaisinBread
    """
    fig, axes = style.subplots(1, 2, height=3.9, sharey=True)
    n, k = len(bread.sample.X), bread.n_neighbors
    for ax, rule, title in (
        (axes[0], "interpolating", "wiNN"),
        (axes[1], "majority", "k-NN"),
    ):
        _clean_classes(ax)
        ax.imshow(
            _islands(getattr(bread, rule), bread.clean),
            extent=(0, 1, 0, 1),
            origin="lower",
            zorder=2,
        )
        wrong = bread.sample.X[bread.sample.wrong]
        size = np.clip(60 / np.sqrt(n), 1.2, 3.5)
        ax.plot(*wrong.T, "o", color=style.FOREGROUND, markersize=size, markeredgewidth=0, zorder=3)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="$x_1$")
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.grid(False)
        ax.set_title(f"{title}: wrong on {bread.share(rule):.1%}", pad=7)
    axes[0].set_ylabel("$x_2$")
    _mark_query(axes[0], bread)
    fig.suptitle(
        f"n = {n:,}, k = {k}:  mean distance to a wrong answer {bread.distance:.3f}",
        fontsize=12.5,
        x=0.02,
        ha="left",
        color=style.FOREGROUND,
    )
    return fig


def mislabeled_law(dims: Sequence[int], sizes: NDArray, rate: float, distances: NDArray) -> Figure:
    """Distance to the nearest mislabelled sample against their number, and the exact law.

    Parameters
    ----------
    dims, sizes : sequence of int
    rate : float
    distances : ndarray of shape (dims, sizes, repeats)
        From `mislabeled_distances`.
    """
    fig, ax = style.subplots(height=4.2)
    count = rate * np.asarray(sizes)
    for d, rows, color in zip(dims, distances, style.COLORS, strict=False):
        law = [mislabeled_distance(int(n), d, rate) for n in sizes]
        ax.plot(count, law, color=color, linewidth=1.5, label=f"d = {d}")
        means = rows.mean(axis=1)
        errors = 2 * rows.std(axis=1, ddof=1) / np.sqrt(rows.shape[1])
        ax.errorbar(count, means, errors, fmt="o", color=color, markersize=5, capsize=0)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="expected number of wrong labels $qn$",
        ylabel="distance to the nearest, $D_q$",
    )
    style.label_curves(ax)
    return fig


def radii(study: RadiusStudy) -> Figure:
    """Measure of the wrong set and distance to it, for four rules, against the sample size.

    Parameters
    ----------
    study : RadiusStudy
        In the plane.
    """
    fig, axes = style.subplots(2, 1, height=7.4, sharex=True)
    n = study.sizes
    for rule, color in _LOOKS.items():
        rows = study.measure[rule]
        label = _NAMES[rule]
        if rule in ("interpolating", "majority"):
            weights = "log" if rule == "interpolating" else "uniform"
            exact = [wrong_vote_probability(int(k), study.rate, weights) for k in study.neighbors]
            axes[0].plot(n, exact, color=color)
            means = rows.mean(axis=0)
            seen = means > 2e-5  # fewer than one point in a batch is no measurement
            axes[0].plot(n[seen], means[seen], "o", color=color)
            last = int(np.flatnonzero(np.array(exact) > _FLOOR)[-1])
            name_curve(axes[0], n[last], exact[last], label, color, right=False)
        else:
            style.band(axes[0], n, rows, color=color)
            name_curve(axes[0], n[-1], np.median(rows[:, -1]), label, color)
        if rule in ("interpolating", "majority"):
            style.band(axes[1], n, study.distance[rule], color=color)
        else:  # their bands would hide the others
            axes[1].plot(n, np.median(study.distance[rule], axis=0), color=color)
    axes[0].set(yscale="log", ylim=(_FLOOR, 0.6), ylabel=r"measure $\mu(A_n)$ of the wrong set")
    law = [mislabeled_distance(int(m), 2, study.rate) for m in n]
    axes[1].plot(n, law, color=style.FOREGROUND, linestyle=(0, (4, 3)), linewidth=1.4, zorder=3)
    axes[1].annotate(
        _NAMES["mislabeled"],
        (n[0], law[0]),
        (8, 4),
        textcoords="offset points",
        color=style.FOREGROUND,
    )
    axes[1].set(
        xscale="log",
        yscale="log",
        xlabel="training samples $n$",
        ylabel="distance to a wrong answer",
    )
    axes[1].set_yticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    axes[1].set_xticks(n, [f"{m:,}" for m in n])
    axes[1].minorticks_off()
    ends = {rule: float(np.median(study.distance[rule][:, -1])) for rule in _LOOKS}
    for rule, level in _spread_levels(ends).items():
        bound = "\n(proved)" if rule == "majority" else ""
        name_curve(axes[1], n[-1], level, _NAMES[rule] + bound, _LOOKS[rule])
    return fig


def _clean_classes(ax: Axes) -> None:
    grid = np.linspace(0, 1, 100)
    boundary = 0.5 + 0.2 * np.sin(2 * np.pi * grid)
    ax.fill_between(grid, 0, boundary, color=_ZERO, alpha=0.16, zorder=0)
    ax.fill_between(grid, boundary, 1, color=_ONE, alpha=0.16, zorder=0)


def _islands(labels: NDArray, clean: NDArray) -> NDArray:
    """Return an RGBA image: transparent where right, the colour of the given class where wrong."""
    from matplotlib.colors import to_rgb

    image = np.zeros((*labels.shape, 4))
    for label, color in ((0, _ZERO), (1, _ONE)):
        image[(labels == label) & (labels != clean)] = (*to_rgb(color), 1.0)
    return image


def _mark_query(ax: Axes, bread: RaisinBread) -> None:
    ax.plot(*bread.query, "+", color=style.FOREGROUND, markersize=11, markeredgewidth=2, zorder=5)
    ax.annotate(
        "",
        xy=bread.end,
        xytext=bread.query,
        arrowprops={"arrowstyle": "-|>", "color": style.FOREGROUND, "linewidth": 1.2},
        zorder=4,
    )


def name_curve(ax: Axes, x: float, y: float, text: str, color: str, *, right: bool = True) -> None:
    """Write the name of a curve beside one of its points.

    Parameters
    ----------
    ax : Axes
    x, y : float
    text, color : str
    right : bool
        On which side of the point.
    """
    style.name_point(
        ax,
        x,
        y,
        text,
        color,
        (7 if right else -8, 0),
        ha="left" if right else "right",
        va="center",
        annotation_clip=False,
    )


def _spread_levels(levels: Mapping[str, float], ratio: float = 1.16) -> dict[str, float]:
    """Move the heights of names apart, on a logarithmic axis, from the lowest up."""
    result: dict[str, float] = {}
    floor = 0.0
    for name, level in sorted(levels.items(), key=lambda item: item[1]):
        result[name] = max(level, floor)
        floor = result[name] * ratio
    return result
