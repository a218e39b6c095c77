"""The one look of all figures of the book, and the marks that recur in them.

    from fearless.book import style

    fig, ax = style.subplots()
    style.band(ax, widths, test_errors, label="test")     # one row per seed
    style.threshold_line(ax, n, "N = n")
    ax.set(xscale="log", xlabel="number of features N", ylabel="error")
    fig

In the static site the figure becomes an SVG that follows the reader's theme; in a live kernel it
is an ordinary picture on white. Two things keep that working: colours come from `COLORS`,
`FOREGROUND`, `MUTED` and `GRID` (see `fearless.book.palette`), and artists with more than about
2000 points are drawn with ``rasterized=True``.

Sizes are chosen for a phone: a figure `WIDTH` inches wide, shrunk to a column of 358 px, still
has letters of 8 px.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fearless.book import is_static
from fearless.book.marks import (
    band,
    count_ticks,
    label_curves,
    name_point,
    percent,
    summarize,
    threshold_line,
)
from fearless.book.palette import BACKGROUND, COLORS, FOREGROUND, GRID, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BACKGROUND",
    "COLORS",
    "FOREGROUND",
    "GRID",
    "MUTED",
    "RC",
    "WIDTH",
    "band",
    "count_ticks",
    "label_curves",
    "name_point",
    "percent",
    "subplots",
    "summarize",
    "threshold_line",
    "use",
]

WIDTH = 6.4
_PANEL_RATIO = 0.62

#: The style as matplotlib's ``rcParams``; `use` sets them.
RC = MappingProxyType(
    {
        "figure.figsize": (WIDTH, _PANEL_RATIO * WIDTH),
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "savefig.dpi": 200,
        "font.family": "DejaVu Sans",
        "font.size": 12.0,
        "mathtext.fontset": "stix",
        "text.color": FOREGROUND,
        "axes.facecolor": "none",
        "axes.edgecolor": MUTED,
        "axes.labelcolor": FOREGROUND,
        "axes.labelsize": 12.5,
        "axes.labelpad": 5.0,
        "axes.titlesize": 12.5,
        "axes.titlecolor": FOREGROUND,
        "axes.titlelocation": "left",
        "axes.titlepad": 9.0,
        "axes.linewidth": 0.9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.unicode_minus": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": FOREGROUND,
        "ytick.labelcolor": FOREGROUND,
        "xtick.labelsize": 11.5,
        "ytick.labelsize": 11.5,
        "xtick.major.width": 0.9,
        "ytick.major.width": 0.9,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "lines.linewidth": 2.0,
        "lines.markersize": 5.0,
        "lines.solid_capstyle": "round",
        "patch.linewidth": 0.0,
        "legend.frameon": False,
        "legend.fontsize": 11.5,
        "legend.handlelength": 1.6,
        # The raw pixels of an image, not a resampled and smoothed copy of them.
        "image.interpolation": "none",
        "image.cmap": "viridis",
    }
)


def use() -> None:
    """Set the style for every figure made from here on, and how a notebook displays figures.

    In the static site a figure as the last expression of a cell becomes one SVG
    (`fearless.book.svg.render`), otherwise one picture at twice the screen's resolution. Called by
    `subplots`; calling it again changes nothing. Outside IPython only the style is set.
    """
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(RC)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=COLORS)
    _set_display()


def subplots(
    rows: int = 1,
    cols: int = 1,
    *,
    width: float = WIDTH,
    height: float | None = None,
    **kwargs: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes, in the style of the book.

    The figure belongs to the caller alone: pyplot does not know of it, so it is shown once, where
    the cell returns it, and freed with its last reference.

    Parameters
    ----------
    rows, cols : int, default 1
        The grid of axes.
    width : float, default `WIDTH`
        In inches. Text keeps its size, so a wider figure has smaller text on a phone.
    height : float, optional
        In inches; by default such that each panel is about 1.6 times as wide as high.
    **kwargs
        Passed to `matplotlib.figure.Figure.subplots` (``sharex``, ``width_ratios``, ...).

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes or ndarray of Axes

    Raises
    ------
    ValueError
        When a size is not positive.
    """
    from matplotlib.figure import Figure

    use()
    if height is None:
        height = _PANEL_RATIO * WIDTH if rows * cols == 1 else rows * (0.78 * width / cols + 0.3)
    for name, value in (("rows", rows), ("cols", cols), ("width", width), ("height", height)):
        if not value > 0:
            raise ValueError(f"{name} is {value!r}; expected a positive number")
    fig = Figure(figsize=(width, height))
    return fig, fig.subplots(rows, cols, **kwargs)


def _set_display() -> None:
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "display_formatter"):
        return
    from matplotlib.figure import Figure

    # Importing pyplot's backend late would put back its own display of figures: import it now.
    if hasattr(shell, "kernel"):
        import matplotlib_inline.backend_inline  # noqa: F401
    formatters = shell.display_formatter.formatters
    for formatter in formatters.values():
        formatter.pop(Figure, None)
    if is_static():
        formatters["image/svg+xml"].for_type(Figure, _as_svg)
    else:
        formatters["image/png"].for_type(Figure, _as_png)


def _as_svg(fig: Figure) -> str:
    from fearless.book import svg

    text = svg.render(fig)
    _forget(fig)
    return text


def _as_png(fig: Figure) -> tuple[bytes, dict[str, int]]:
    import io

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=192)
    _forget(fig)
    return buffer.getvalue(), {"width": round(96 * fig.get_figwidth())}


def _forget(fig: Figure) -> None:
    """Take a figure made with pyplot off its list, or it would be shown a second time."""
    from matplotlib._pylab_helpers import Gcf

    Gcf.destroy_fig(fig)
