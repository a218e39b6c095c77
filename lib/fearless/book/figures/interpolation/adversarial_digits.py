"""Digits on the page *Adversarial examples are the price*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.book.figures.interpolation.adversarial import name_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fearless.experiments.interpolation.adversarial_digits import (
        DigitMachines,
        DigitWalks,
        WalkScores,
    )

__all__ = ["digit_distances", "digit_table", "digit_walk", "intrinsic_law"]

_ZERO, _ONE = style.COLORS[0], style.COLORS[1]


def digit_table(fitted: DigitMachines, walks: DigitWalks, rows: Sequence[int]) -> Figure:
    """Test digits, the step taken, where the machine changes its mind, and where the walk ends.

    Parameters
    ----------
    fitted : DigitMachines
    walks : DigitWalks
    rows : sequence of int
        Which test digits.
    """
    fig, axes = style.subplots(len(rows), 4, height=1.75 * len(rows) + 0.3)
    for line, row in zip(axes, rows, strict=True):
        walk = walks.best(row)
        start, end = walks.images[row], fitted.X[walks.ends[row, walk]]
        share = walks.shares["noisy"][row, walk]
        found = (1 - share) * start + share * end
        reading = fitted.machines["noisy"].predict(found[None])[0]
        label = fitted.y[walks.ends[row, walk]]
        length = walks.nearest("noisy")[row]
        titles = (
            f"test digit: {walks.digits[row]}",
            f"+ step {length:.1f} long",
            f"is read as {reading}",
            f"end: labelled {label}",
        )
        for ax, image, title in zip(line, (start, found - start, found, end), titles, strict=True):
            _show_digit(ax, image, signed=title.startswith("+"))
            ax.set_title(title, fontsize=11.5, pad=4, loc="center")
    return fig


def digit_walk(walk: WalkScores, share: float) -> Figure:
    """One image on a walk to a mislabelled digit, and the outputs of two machines along the walk.

    Parameters
    ----------
    walk : WalkScores
    share : float
        The share of the way.
    """
    fig = style.subplots(1, 1, height=4.2)[0]
    fig.clear()
    grid = fig.add_gridspec(2, 2, width_ratios=(1, 1.75))
    picture = fig.add_subplot(grid[:, 0])
    image = (1 - share) * walk.start + share * walk.end
    _show_digit(picture, image)
    at = int(np.argmin(np.abs(walk.shares - share)))
    noisy, ridge = (walk.reading(name, share) for name in ("noisy", "ridge"))
    picture.set_title(
        f"fitted to noise: reads {noisy}\nridge: reads {ridge}",
        fontsize=12,
        loc="center",
    )
    picture.set_xlabel(f"distance walked: {share * walk.length:.1f}")
    axes = [fig.add_subplot(grid[i, 1]) for i in (0, 1)]
    for ax, name, title in (
        (axes[0], "noisy", "fits every label"),
        (axes[1], "ridge", "ridge: does not"),
    ):
        scores = walk.scores[name]
        for digit, color in ((walk.digit, _ZERO), (walk.label, _ONE)):
            ax.plot(walk.shares, scores[:, digit], color=color)
            ax.plot(share, scores[at, digit], "o", color=color, markersize=7)
        ax.axvline(share, color=style.MUTED, linewidth=1, zorder=0)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.15, 1.15), yticks=[0, 0.5, 1])
        ax.set_title(title, fontsize=12)
    axes[0].set_xticklabels([])
    axes[1].set_xlabel("share of the way")
    axes[0].text(0.05, 0.58, f"output for {walk.digit}", color=_ZERO)
    axes[0].text(0.05, 0.30, f"output for {walk.label}", color=_ONE)
    return fig


def digit_distances(groups: Mapping[str, NDArray], highlight: Sequence[str]) -> Figure:
    """Distances from each test digit to several things, a strip of dots each, medians marked.

    Parameters
    ----------
    groups : mapping of str to ndarray
        Name of a strip to its distances.
    highlight : sequence of str
        The strips of the machine that fits the noise.
    """
    fig, ax = style.subplots(height=0.68 * len(groups) + 0.9)
    jitter = np.random.default_rng(0)
    for level, (name, values) in enumerate(reversed(groups.items())):
        color = _ONE if name in highlight else _ZERO
        heights = level + jitter.uniform(-0.16, 0.16, len(values)) - 0.12
        ax.plot(values, heights, "o", color=color, markersize=3.2, alpha=0.45, markeredgewidth=0)
        median = float(np.median(values))
        ax.plot([median] * 2, [level - 0.36, level + 0.12], color=style.FOREGROUND, linewidth=2.4)
        ax.text(0.08, level + 0.2, f"{name}: {median:.1f}", fontsize=12, va="bottom")
    ax.set(yticks=[], xlabel="Euclidean distance from the test digit", xlim=(0, None))
    ax.set_ylim(-0.5, len(groups) - 0.2)
    ax.spines["left"].set_visible(False)
    return fig


def intrinsic_law(counts: Sequence[int], distances: NDArray, slope: float) -> Figure:
    """Distance from a test digit to the nearest of m images of the same digit, and its slope.

    Parameters
    ----------
    counts : sequence of int
    distances : ndarray of shape (repeats, counts)
    slope : float
        Of the logarithms.
    """
    fig, ax = style.subplots(height=3.4)
    counts = np.asarray(counts)
    middles = np.median(distances, axis=0)
    reach = np.abs([distances.min(axis=0), distances.max(axis=0)] - middles)
    ax.errorbar(counts, middles, reach, fmt="o", color=_ZERO, markersize=6, capsize=0)
    middle = np.exp(np.mean(np.log(counts)))
    level = np.exp(np.mean(np.log(distances)))
    for power, color, text in (
        (slope, _ONE, f"slope \u22121/{-1 / slope:.0f}"),
        (-1 / 2, style.MUTED, "slope \u22121/2"),
    ):
        line = level * (counts / middle) ** power
        inside = (line > 3.2) & (line < 13)
        ax.plot(counts[inside], line[inside], color=color, linestyle=(0, (4, 3)), linewidth=1.4)
        name_curve(ax, counts[inside][-1], line[inside][-1], text, color)
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(3, 13),
        xlabel="random training images $m$, taken for mislabelled",
    )
    ax.set_ylabel("distance to the nearest")
    ax.set_yticks([3, 5, 8, 12], ["3", "5", "8", "12"])
    ax.minorticks_off()
    return fig


def _show_digit(ax: Axes, image: NDArray, *, signed: bool = False) -> None:
    """Draw a digit as dark ink on white paper, in light and dark mode alike; a step in colours."""
    picture = image.reshape(28, 28)
    if signed:
        ax.imshow(picture, cmap=_step_colors(), vmin=-1, vmax=1)
    else:
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.GRID)


def _step_colors() -> Colormap:
    """Orange where ink is taken away, white where nothing happens, purple where it is added."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = ["#b35806", "#f1a340", "#ffffff", "#8073ac", "#542788"]
    return LinearSegmentedColormap.from_list("step", colors)
