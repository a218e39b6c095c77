"""The signature figure of the front page: the whole curve, one model on it, and what it reads."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fearless.experiments.double_descent import RiskCurves
    from fearless.experiments.double_descent.readings import CurveModels

__all__ = ["SignatureStory"]

_TRAIN, _TEST = style.COLORS[0], style.COLORS[1]
#: The widths of the frames besides the best one below the threshold, in features per sample.
_RATIOS = (1 / 40, 0.08, 0.16, 0.5, 0.77, 0.95, 1, 1.06, 1.27, 2.2, np.inf)
_ROWS, _COLUMNS = 2, 16
# In sides of a tile: from one digit to the next; from a row, with answers below, to the next.
_STEP, _DROP = 1 + 3 / 28, 1.62


class SignatureStory:
    """Everything the slider of the front page asks for.

    Parameters
    ----------
    curves : RiskCurves
        The curve.
    models : CurveModels
        The models of its first seed.

    Attributes
    ----------
    widths : list of int
        The numbers of features of the frames, among them the three that have names.
    best_small, threshold, largest : int
        The width of least test error below the threshold, ``n``, and the last one.
    marks : dict of int to str
        Their names.
    """

    def __init__(self, curves: RiskCurves, models: CurveModels) -> None:
        self._curves, self._models = curves, models
        n, grid = curves.n_samples, curves.widths
        self._test = np.median(curves.column("test_error"), axis=0)
        below = np.flatnonzero(~curves.interpolating)
        self.best_small = int(grid[below[np.argmin(self._test[below])]])
        self.threshold, self.largest = int(n), int(grid[-1])
        near = {int(grid[curves.at(min(n * ratio, self.largest))]) for ratio in _RATIOS}
        self.widths = sorted(near | {self.best_small, self.threshold})
        self.marks = {
            self.best_small: "best small model",
            self.threshold: "N = n",
            self.largest: "largest model",
        }
        # A live slider asks twice, for the picture and for its description.
        self._read = lru_cache(maxsize=32)(models.read)

    def draw(self, width: int) -> Figure:
        """Draw the curve with one model marked, above new digits and its errors on them.

        Parameters
        ----------
        width : int
            The number of features N.

        Returns
        -------
        Figure
        """
        fig = style.subplots(height=4.7)[0]
        fig.clear()
        # Fixed places, so that nothing moves between frames.
        fig.set_layout_engine("none")
        self._draw_curve(fig.add_axes((0.095, 0.418, 0.85, 0.517)), width)
        self._draw_digits(fig.add_axes((0.02, 0.002, 0.96, 0.235)), width)
        return fig

    def alt(self, width: int) -> str:
        """Say in words what the picture of a width shows.

        Parameters
        ----------
        width : int

        Returns
        -------
        str
        """
        n, wrong = self.threshold, self._wrong(width)
        shown, small = _ROWS * _COLUMNS, self._curves.at(self.best_small)
        about, where = {
            self.best_small: (f", the best number below {n:,},", "the bottom of the classical U"),
            n: (", as many as training digits,", "the peak of the curve"),
            self.largest: (
                f", {width / n:.0f} for each training digit,",
                f"{'below' if self._test[-1] < self._test[small] else 'above'} the bottom of the "
                "classical U, and the model fits every training digit exactly",
            ),
        }.get(width, ("", ""))
        if not where:
            where = (
                "on the way down to the bottom of the classical U"
                if width < self.best_small
                else "on the way up to the peak at as many features as training digits"
                if width < n
                else "on the second descent, beyond the peak"
            )
        return (
            f"With {width:,} features{about} the model misreads {self._error(width):.0%} of new "
            f"digits, {int(wrong[:shown].sum())} of the {shown} shown: this is {where}."
        )

    def _wrong(self, width: int) -> NDArray[np.bool_]:
        return self._read(width) != self._models.y_test

    def _error(self, width: int) -> float:
        return float(self._wrong(width).mean())

    def _draw_curve(self, ax: Axes, width: int) -> None:
        curves, n, x = self._curves, self.threshold, self._curves.widths
        ax.axvspan(x[0], n, color=_TRAIN, alpha=0.06, zorder=0)
        style.band(ax, x, curves.column("train_error"), color=_TRAIN)
        style.band(ax, x, curves.column("test_error"), color=_TEST)
        style.threshold_line(ax, n, "N = n")
        ax.set(xscale="log", ylim=(0, 1.0))
        style.count_ticks(ax, x)
        style.percent(ax.yaxis)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
        ax.set_xlabel(f"number of features $N$, for $n$ = {n:,} training digits")
        words = {"color": style.MUTED, "fontsize": 10.5, "ha": "center"}
        ax.text(np.sqrt(x[0] * n), 0.86, "the classical regime", **words)
        ax.text(np.sqrt(n * x[-1]) * 1.15, 0.74, "the modern regime", **words)
        names = {"color": _TEST, "fontsize": 10.5, "fontweight": "bold"}
        ax.text(x[0] * 1.06, 0.63, "new digits", **names)
        ax.text(x[0] * 1.06, 0.08, "training digits", **(names | {"color": _TRAIN}))
        for place in self.marks:
            level = self._test[self._curves.at(place)]
            ax.plot(place, level, "o", color=_TEST, markerfacecolor=style.BACKGROUND, markersize=6)
        small, last = (self._test[curves.at(place)] for place in (self.best_small, self.largest))
        ax.text(self.best_small * 0.93, small + 0.11, "best small model", **words)
        ax.text(self.largest * 0.95, last + 0.07, "largest model", **(words | {"ha": "right"}))
        error = self._error(width)
        ax.plot([width] * 2, [0, error], color=style.FOREGROUND, linewidth=1.2)
        ax.plot(width, error, "o", color=style.FOREGROUND, markersize=9, zorder=4, clip_on=False)
        relation = "<" if width < n else "=" if width == n else ">"
        ax.set_title(
            f"$N$ = {width:,} {relation} $n$:  {error:.0%} of new digits read wrongly",
            fontsize=13.5,
        )

    def _draw_digits(self, ax: Axes, width: int) -> None:
        shown = _ROWS * _COLUMNS
        wrong, answers = self._wrong(width)[:shown], self._read(width)[:shown]
        images = self._models.X_test[:shown].reshape(_ROWS, _COLUMNS, 28, 28)
        for row, strip in enumerate(images):
            top = row * _DROP
            ax.imshow(_paper(strip), extent=(0, _STEP * _COLUMNS, top + 1, top))
        for k in np.flatnonzero(wrong):
            row, column = divmod(int(k), _COLUMNS)
            left, top = column * _STEP, row * _DROP
            frame = Rectangle((left, top), 1, 1, fill=False, edgecolor=_TEST, linewidth=2.4)
            ax.add_patch(frame).set_clip_on(False)
            style.name_point(
                ax, left + 0.5, top + 1, str(answers[k]), style.FOREGROUND, (0, -3),
                ha="center", va="top", fontsize=10.5,
            )  # fmt: skip
        ax.set(xlim=(-0.08, _STEP * _COLUMNS), ylim=(_ROWS * _DROP - 0.05, -0.1), aspect="equal")
        ax.axis("off")
        ax.set_title(
            f"The first {shown} new digits; framed, those misread, and as what",
            fontsize=11,
            color=style.MUTED,
            pad=6,
        )


def _paper(images: NDArray) -> NDArray[np.float64]:
    """Lay images side by side, dark ink on white tiles, with transparent gaps."""
    pitch = round(28 * _STEP)
    strip = np.zeros((28, pitch * len(images), 4))
    for column, image in enumerate(images):
        tile = strip[:, column * pitch : column * pitch + 28]
        tile[..., :3], tile[..., 3] = 1 - image[..., None], 1
    return strip
