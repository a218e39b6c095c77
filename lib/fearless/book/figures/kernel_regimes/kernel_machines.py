"""Figures of the page *Kernel machines interpolate*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.kernel_regimes.smoothness import (
        LineErrors,
        SmoothFit,
        SmoothnessDial,
    )

__all__ = ["both_sides", "dial", "digits", "growth", "spectra"]

_DATA = style.COLORS[0]
_ROUGH, _SMOOTH = style.COLORS[1], style.COLORS[3]
#: From rough to smooth.
_FAMILY = (style.COLORS[1], style.COLORS[2], style.COLORS[0], style.COLORS[3])


def dial(fit: SmoothFit) -> Figure:
    """The interpolant of one smoothness over the truth."""
    points = fit.points
    fig, ax = style.subplots(height=3.9)
    ax.plot(points.grid, points.truth, color=style.MUTED, linewidth=1.4, linestyle=(0, (4, 3)))
    ax.plot(points.grid, np.clip(fit.values, -9, 9), color=_ROUGH)
    ax.plot(points.x, points.y, "o", color=_DATA, markersize=7, zorder=3)
    ax.set_title(
        rf"$\nu$ = {fit.smoothness:g}:   norm {fit.norm:.3g},   "
        f"distance to the truth {fit.error:.2f}",
        fontsize=11.5,
    )
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-2.4, 3.6))
    return fig


def spectra(
    line: Mapping[str, NDArray], images: Mapping[str, NDArray], slopes: Sequence[float | None]
) -> Figure:
    """Eigenvalues of kernel matrices: points of a line above, images below.

    Parameters
    ----------
    line, images : mapping
        Name -> eigenvalues, one row a seed.
    slopes : sequence
        Exponents predicted for the line, in its order; None where there is none.
    """
    fig, (top, low) = style.subplots(2, 1, height=7.4, sharex=True)
    for (name, rows), slope, color in zip(line.items(), slopes, _FAMILY, strict=True):
        _spectrum(top, rows, name, color)
        if slope is not None:
            k = np.array([12.0, 400.0])
            anchor = np.median(np.asarray(rows)[:, 39])
            law = 3 * anchor * (k / 40) ** slope
            top.plot(k, law, color=color, linewidth=1.2, linestyle=(0, (1, 1.2)))
    on_images = (_FAMILY[0], _FAMILY[1], _FAMILY[3])
    for (name, rows), color in zip(images.items(), on_images, strict=True):
        _spectrum(low, rows, name, color)
    top.set(
        xscale="log",
        yscale="log",
        ylim=(1e-15, 3),
        xlim=(1, 1100),
        ylabel=r"eigenvalue $\lambda_k$",
        title="points of an interval, $d = 1$",
    )
    low.set(
        xscale="log",
        yscale="log",
        xlim=(1, 1100),
        xlabel="$k$",
        ylabel=r"eigenvalue $\lambda_k$",
        title="images of digits, $d = 784$",
    )
    low.legend(loc="lower left", fontsize=11)
    # In the gaps between the curves: index, offset in points, alignment.
    places = ((100, (2, 13), "left"), (100, (9, 9), "left"), (60, (-8, -14), "right"))
    for (name, rows), color, (k, offset, side) in zip(
        line.items(), _FAMILY, (*places, (8, (-8, -14), "right")), strict=True
    ):
        level = float(np.median(np.asarray(rows)[:, k - 1]))
        style.name_point(top, k, level, name, color, offset, ha=side)
    for ax in (top, low):
        ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    return fig


def _spectrum(ax: Axes, rows: NDArray, name: str, color: str) -> None:
    rows = np.asarray(rows)
    # Below some eps times the first there are rounding errors, of both signs.
    keep = np.all(rows > 3e-16 * rows[:, :1], axis=0)
    last = len(keep) if keep.all() else int(np.argmin(keep))
    k = np.arange(1, last + 1)
    shown = np.unique(np.geomspace(1, last, 150).astype(int)) - 1
    style.band(ax, k[shown], rows[:, :last][:, shown], color=color, label=name)


def growth(
    gaussian: Mapping[str, tuple[NDArray, NDArray]],
    laplacian: Mapping[str, tuple[NDArray, NDArray]],
) -> Figure:
    """Norm of fitted noise against the number of samples, for three dimensions.

    Parameters
    ----------
    gaussian, laplacian : mapping
        Name -> numbers of samples and decimal logarithms of norms, one row a seed.
    """
    fig, axes = style.subplots(2, 1, height=7.4, sharex=True)
    colors = (_DATA, _ROUGH, _SMOOTH)
    for ax, curves, title in (
        (axes[0], gaussian, "Gaussian kernel"),
        (axes[1], laplacian, "Laplacian kernel"),
    ):
        for (name, (n, rows)), color in zip(curves.items(), colors, strict=True):
            rows = np.atleast_2d(rows)
            if len(rows) > 1:
                style.band(ax, n, rows, color=color, label=name)
            else:
                ax.plot(n, rows[0], color=color, label=name)
        n = np.array([2.0, 2000.0])
        ax.plot(n, np.log10(n) / 2, color=style.MUTED, linewidth=1.3, linestyle=(0, (4, 3)))
        ax.set(xscale="log", ylabel=r"norm of fitted noise", title=title, xlim=(2, 2000))
        ax.set_xticks([2, 10, 100, 1000], ["2", "10", "100", "1,000"])
    _powers(axes[0], 0, 50, 10)
    _powers(axes[1], 0, 4, 1)
    axes[0].legend(loc="upper left")
    axes[1].legend(loc="upper left")
    axes[1].set_xlabel("number of samples $n$")
    return fig


def _powers(ax: Axes, low: int, high: int, step: int) -> None:
    ticks = np.arange(low, high + 1, step)
    ax.set_yticks(ticks, ["1" if t == 0 else "10" if t == 1 else f"$10^{{{t}}}$" for t in ticks])
    ax.set_ylim(low - 0.02 * (high - low), high)


def both_sides(errors: LineErrors, names: Sequence[str]) -> Figure:
    """Errors from exact values, and the gain of noise, on a line."""
    fig, (top, low) = style.subplots(2, 1, height=7.0, sharex=True)
    for clean, gain, name, color in zip(errors.clean, errors.gain, names, _FAMILY, strict=True):
        top.plot(errors.samples, clean, "o-", color=color, markersize=4, label=name)
        low.plot(errors.samples, gain, "o-", color=color, markersize=4, label=name)
    top.set(
        xscale="log", yscale="log", ylabel="error without noise", title="exact values of a sine"
    )
    low.set(
        xscale="log",
        yscale="log",
        ylabel="noise that stays",
        xlabel="number of samples $n$",
        title=r"labels of pure noise, $\sigma = 1$",
        ylim=(0.6, 1e2),
    )
    style.count_ticks(low, errors.samples)
    ticks = [n for n in (4, 8, 16, 32, 64) if n in errors.samples]
    low.set_xticks(ticks, [str(n) for n in ticks])
    low.set_xticks([], minor=True)
    low.set_yticks([1, 10, 100], ["1", "10", "100"])
    top.legend(loc="lower left", fontsize=11)
    return fig


def digits(result: SmoothnessDial, bandwidth: float) -> Figure:
    """Errors on clean digits against the smoothness, for each level of noise."""
    fig, ax = style.subplots(height=4.4)
    positions = np.arange(len(result.smoothness))
    names = [
        "∞\nGaussian" if nu == np.inf else f"{nu:g}\nLaplacian" if nu == 0.5 else f"{nu:g}"
        for nu in result.smoothness
    ]
    colors = (_DATA, _FAMILY[1], _ROUGH)
    for j, (level, color) in enumerate(zip(result.levels, colors, strict=True)):
        label = "no noise" if level == 0 else f"{level:.0%} random labels"
        style.band(ax, positions, result.at(bandwidth)[:, :, j], color=color, label=label)
    ax.set_xticks(positions, names)
    ax.set(
        xlabel=r"smoothness $\nu$ of the kernel",
        ylabel="digits read wrongly",
        xlim=(-0.1, len(positions) - 0.9),
        ylim=(0, 0.36),
    )
    style.percent(ax.yaxis)
    ax.legend(loc="upper left")
    return fig
