"""The marks that recur in the figures: bands over seeds, thresholds, names at the curves.

They are part of `fearless.book.style`, from where pages use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fearless.book.palette import BACKGROUND, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

__all__ = [
    "band",
    "count_ticks",
    "label_curves",
    "name_point",
    "percent",
    "summarize",
    "threshold_line",
]


def summarize(
    samples: ArrayLike, kind: Literal["median", "mean"] = "median"
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the centre, lower and upper curve of several repetitions.

    Parameters
    ----------
    samples : array-like of shape (n_seeds, n_points)
        One row per seed; at least two.
    kind : {"median", "mean"}
        Median with the range from smallest to largest; or mean with two standard errors,
        ``2 s / sqrt(n_seeds)``, on either side.

    Raises
    ------
    ValueError
        When there are fewer than two seeds, or the values are not finite.
    """
    values = np.asarray(samples, dtype=float)
    if values.ndim != 2 or values.shape[0] < 2:
        raise ValueError(
            f"samples has shape {values.shape}; expected (n_seeds, n_points) with two seeds or more"
        )
    if not np.isfinite(values).all():
        raise ValueError("samples contains NaN or infinity; expected finite numbers")
    if kind == "median":
        return np.median(values, axis=0), values.min(axis=0), values.max(axis=0)
    if kind == "mean":
        centre = values.mean(axis=0)
        spread = 2 * values.std(axis=0, ddof=1) / np.sqrt(values.shape[0])
        return centre, centre - spread, centre + spread
    raise ValueError(f"kind is {kind!r}; expected 'median' or 'mean'")


def band(
    ax: Axes,
    x: ArrayLike,
    samples: ArrayLike,
    *,
    kind: Literal["median", "mean"] = "median",
    color: str | None = None,
    label: str | None = None,
    **kwargs: Any,
) -> Line2D:
    """Draw repetitions as a curve with a band round it, and return the curve.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array-like of shape (n_points,)
    samples : array-like of shape (n_seeds, n_points)
        One row per seed; see `summarize`.
    kind : {"median", "mean"}
        Median and range, or mean and two standard errors.
    color : str, optional
        One of `COLORS`; by default the next one.
    label : str, optional
        For the legend or `label_curves`.
    **kwargs
        Passed to ``ax.plot``.

    Raises
    ------
    ValueError
        When the lengths differ, or as in `summarize`.
    """
    positions = np.asarray(x, dtype=float)
    centre, low, high = summarize(samples, kind)
    if positions.shape != centre.shape:
        raise ValueError(f"x has shape {positions.shape}, samples {centre.size} points per seed")
    (line,) = ax.plot(positions, centre, color=color, label=label, **kwargs)
    ax.fill_between(positions, low, high, color=line.get_color(), alpha=0.22, linewidth=0)
    return line


def name_point(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    color: str,
    offset: tuple[float, float] = (0, 0),
    **kwargs: Any,
) -> None:
    """Write a name in its colour beside a point, in bold.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : float
        The point, in data coordinates.
    text, color : str
    offset : tuple of float
        From the point to the text, in typographic points.
    **kwargs
        Passed to ``ax.annotate``: alignment, font size.
    """
    ax.annotate(
        text,
        xy=(x, y),
        xytext=offset,
        textcoords="offset points",
        color=color,
        fontweight="bold",
        **{"fontsize": 11, **kwargs},
    )


def count_ticks(ax: Axes, counts: ArrayLike, *, decades_only: bool = False) -> None:
    """Label a logarithmic axis of counts with plain numbers 1, 2, 5, 10, ... and fit its limits.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its horizontal axis is meant; call it after the scale is set.
    counts : array-like of shape (m,)
        The counts shown, ascending and > 0: the axis goes from the first to the last.
    decades_only : bool, default False
        Label powers of ten only, for narrow panels.

    Raises
    ------
    ValueError
        When the counts do not ascend from a positive number.
    """
    counts = np.asarray(counts, dtype=float).ravel()
    if counts.size < 2 or not 0 < counts[0] < counts[-1] < np.inf:
        raise ValueError(f"counts is {counts}; expected positive numbers that ascend")
    low, high = float(counts[0]), float(counts[-1])
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    candidates = [
        m * 10**power
        for power in powers
        if power >= 0
        for m in ((1,) if decades_only else (1, 2, 5))
    ]
    # The last value may fall short of a round number by rounding.
    ticks = [tick for tick in candidates if low <= tick <= high * 1.001]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_xlim(low, high)


def percent(axis: Axis) -> None:
    """Label an axis of shares in per cent, without decimals.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        ``ax.xaxis`` or ``ax.yaxis``.
    """
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, decimals=0))


def threshold_line(ax: Axes, x: float, label: str, *, side: str = "right") -> Text:
    """Draw a vertical reference line at `x`, named at its top; return the name.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : float
    label : str
    side : {"right", "left"}
        On which side of the line its name stands.

    Raises
    ------
    ValueError
        When `side` is neither.
    """
    if side not in ("right", "left"):
        raise ValueError(f"side is {side!r}; expected 'right' or 'left'")
    ax.axvline(x, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1.5)
    return ax.annotate(
        label,
        xy=(x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5 if side == "right" else -5, -1),
        textcoords="offset points",
        ha="left" if side == "right" else "right",
        va="top",
        color=MUTED,
        fontsize=11.5,
        path_effects=_halo(),
    )


def label_curves(
    ax: Axes, lines: Sequence[Line2D] | None = None, *, gap: float = 14.0
) -> list[Text]:
    """Write the name of each curve at its right end, in its colour, instead of a legend.

    Names that would overlap are moved apart. Call it last, when limits and scales are set.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lines : sequence of Line2D, optional
        By default all lines with a label.
    gap : float, default 14
        The least vertical distance between two names, in points.
    """
    if lines is None:
        lines = [line for line in ax.lines if not line.get_label().startswith("_")]
    if not lines:
        raise ValueError("lines is empty; expected curves with labels")
    to_points = 72 / ax.figure.dpi
    ends = []
    for line in lines:
        data = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
        data = data[np.isfinite(data).all(axis=1)]
        x, y = data[np.argmax(data[:, 0])]
        low, high = sorted(ax.get_ylim())
        inside = float(np.clip(y, low, high))
        ends.append((ax.transData.transform((x, inside))[1] * to_points, x, inside, line))
    ends.sort(key=lambda end: end[0])
    heights = _spread([end[0] for end in ends], gap)
    return [
        ax.annotate(
            line.get_label(),
            xy=(x, y),
            xytext=(6, height - own),
            textcoords="offset points",
            ha="left",
            va="center",
            color=line.get_color(),
            fontsize=11.5,
            fontweight="bold",
            annotation_clip=False,
        )
        for height, (own, x, y, line) in zip(heights, ends, strict=True)
    ]


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move ascending heights apart to at least gap, each cluster round its mean.

    Clusters are merged until none overlap (the pool-adjacent-violators idea): the result is the
    closest one in the least-squares sense.
    """
    clusters: list[list[float]] = []  # [mean of (height - gap * rank within the cluster), size]
    for height in heights:
        clusters.append([height, 1])
        while len(clusters) > 1 and clusters[-2][0] + gap * clusters[-2][1] > clusters[-1][0]:
            mean, count = clusters.pop()
            before, size = clusters[-1]
            shifted = mean - gap * size
            clusters[-1] = [(before * size + shifted * count) / (size + count), size + count]
    return [start + gap * rank for start, count in clusters for rank in range(int(count))]


def _halo() -> list[Any]:
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=3, foreground=BACKGROUND)]
