"""Figures of the page *Nearest neighbours and singular kernels*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from fearless.experiments.interpolation.line_picture import LineSample
    from fearless.experiments.interpolation.local_averages import ExponentSweep, RateCurves
    from fearless.experiments.interpolation.noisy_neighbors import DigitExponents, DigitNoise

__all__ = [
    "digit_exponents",
    "digit_noise",
    "error_rates",
    "exponent_sweep",
    "line_fit",
    "noise_shares",
]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_DASHED, _DOTTED = (0, (4, 3)), (0, (1, 1.2))


def digit_noise(result: DigitNoise) -> Figure:
    """Error on clean digits of two rules that fit every noisy label, against the noise."""
    fig, ax = style.subplots(height=4.0)
    rates = result.rates
    style.band(ax, rates, result.nearest, color=_ORANGE)
    ax.plot(rates, result.predicted.mean(axis=0), color=style.FOREGROUND, linestyle=_DOTTED)
    style.band(ax, rates, result.weighted, color=_BLUE)
    ax.set(
        xlabel=r"share $\varepsilon$ of training labels replaced by random ones",
        ylabel="error on clean test digits",
        xlim=(0, rates[-1]),
        ylim=(0, 0.8),
    )
    style.percent(ax.xaxis)
    style.percent(ax.yaxis)
    i, j = len(rates) // 2, len(rates) // 2
    style.name_point(
        ax,
        rates[i],
        result.nearest[:, i].mean(),
        "one nearest neighbour",
        _ORANGE,
        (-8, 6),
        ha="right",
        va="bottom",
    )
    text = f"{result.n_neighbors} neighbours, weighted"
    level = result.weighted[:, j].min()
    style.name_point(ax, rates[j], level, text, _BLUE, (0, -24), ha="center", va="bottom")
    return fig


def line_fit(
    sample: LineSample,
    truth: np.ndarray,
    fit: tuple[np.ndarray, float, float],
    smooth: tuple[np.ndarray, float, float],
    name: str,
) -> Figure:
    """An interpolating fit to noisy samples on a line, over the fit without singularity.

    Parameters
    ----------
    sample : LineSample
    truth : ndarray
        The truth on ``sample.grid``.
    fit, smooth : tuple
        Curve on ``sample.grid``, distance to the truth and to the samples, of the singular
        kernel and of the box kernel.
    name : str
        What the slider changes, for the title.
    """
    fig, ax = style.subplots(height=4.2)
    grid = sample.grid
    ax.plot(grid, truth, color=style.MUTED, linewidth=1.4, linestyle=_DASHED)
    # Wide, so that it shows on both sides where the two agree.
    ax.plot(grid, smooth[0], color=_GREEN, linewidth=3.6, alpha=0.45)
    ax.plot(grid, fit[0], color=_ORANGE, linewidth=1.5)
    ax.plot(sample.x, sample.y, "o", color=_BLUE, markersize=5, zorder=3)
    ax.set_title(
        f"{name}:   distance to the truth {fit[1]:.2f}   (box kernel {smooth[1]:.2f})",
        fontsize=10.5,
    )
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-1.8, 1.8))
    return fig


def noise_shares(
    sizes: np.ndarray,
    exact: Mapping[float, np.ndarray],
    measured_sizes: Sequence[int],
    measured: Mapping[float, np.ndarray],
    names: Mapping[float, str],
) -> Figure:
    """The share of the noise that survives averaging, against the number of points averaged.

    Parameters
    ----------
    sizes : ndarray of shape (s,)
        Numbers of points of the exact curves.
    exact : mapping of float to ndarray of shape (s,)
        Exponent to exact noise shares.
    measured_sizes : sequence of int
        Numbers of points of the simulations.
    measured : mapping of float to ndarray of shape (repeats, len(measured_sizes))
        Exponent to measured noise shares.
    names : mapping of float to str
        What is written beside each curve.
    """
    fig, ax = style.subplots(height=5.0)
    for exponent, color in zip(
        exact, (_BLUE, _GREEN, _PURPLE, _ORANGE, style.FOREGROUND), strict=False
    ):
        ax.plot(sizes, exact[exponent], color=color, label=names[exponent])
        values = measured[exponent]
        error = 2 * values.std(axis=0, ddof=1) / len(values) ** 0.5
        ax.errorbar(measured_sizes, values.mean(axis=0), error, fmt="o", color=color, markersize=5)
    ax.plot(sizes[5:], 1 / np.log(sizes[5:]), color=_ORANGE, linestyle=_DOTTED, linewidth=1.5)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="number of points averaged $n$",
        ylabel=r"noise share $V = \mathrm{E}\,\sum_i w_i^2$",
        xlim=(sizes[0], sizes[-1]),
        ylim=(5e-7, 1.5),
    )
    style.label_curves(ax, [line for line in ax.lines if line.get_label() in names.values()])
    return fig


def error_rates(curves: RateCurves, names: Mapping[float, str]) -> Figure:
    """Mean squared error against the number of samples, measured and from theory.

    Parameters
    ----------
    curves : RateCurves
    names : mapping of float to str
        Exponent to what is written beside its curve.
    """
    fig, ax = style.subplots(height=4.8)
    lines = []
    colors = dict(zip(names, (_GREEN, _ORANGE, _BLUE), strict=False))
    for a, name in names.items():
        theory = curves.prediction(a)
        ax.plot(curves.sizes, theory, color=style.FOREGROUND, linestyle=_DOTTED, zorder=4)
        lines.append(
            style.band(ax, curves.sizes, curves.errors[a], kind="mean", color=colors[a], label=name)
        )
    lines.append(
        style.band(
            ax, curves.sizes, curves.hilbert, kind="mean", color=_PURPLE, label="Hilbert, a = 1"
        )
    )
    ax.axhline(curves.noise**2, color=style.MUTED, linestyle=_DASHED, linewidth=1.1)
    ax.annotate(
        r"noise of one label, $\sigma^2$",
        (curves.sizes[0], curves.noise**2),
        (4, -4),
        textcoords="offset points",
        va="top",
        color=style.MUTED,
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="number of samples $n$",
        ylabel="mean squared error",
        xlim=(curves.sizes[0], curves.sizes[-1]),
        ylim=(1e-4, 0.4),
    )
    style.label_curves(ax, lines)
    return fig


def exponent_sweep(sweep: ExponentSweep) -> Figure:
    """Error of the untruncated power kernel against its exponent, for several n and the limit."""
    fig, ax = style.subplots(height=4.4)
    for i, (n, color) in enumerate(zip(sweep.sizes, (_BLUE, _GREEN, _ORANGE), strict=False)):
        style.band(ax, sweep.exponents, sweep.errors[i], kind="mean", color=color)
        ax.annotate(
            f"n = {n:,}",
            (0.5, 0.95 - 0.085 * i),
            xycoords="axes fraction",
            color=color,
            va="top",
            fontweight="bold",
        )
    ax.annotate(
        r"dashed: $n \to \infty$",
        (0.5, 0.95 - 0.085 * len(sweep.sizes)),
        xycoords="axes fraction",
        va="top",
    )
    ax.plot(sweep.exponents, sweep.limit, color=style.FOREGROUND, linestyle=_DASHED, linewidth=1.5)
    style.threshold_line(ax, 1.0, "a = d")
    ax.set(
        xlabel="exponent $a$ of the weights $r_i^{-a}$",
        ylabel="mean squared error",
        xlim=(sweep.exponents[0], sweep.exponents[-1]),
        ylim=(0, 0.3),
    )
    return fig


def digit_exponents(result: DigitExponents, d: int) -> Figure:
    """Error on digits against the exponent, down to the best one and up to that of theory."""
    fig, ax = style.subplots(height=4.2)
    a = result.exponents
    style.band(ax, a, result.errors, color=_PURPLE)
    level = float(np.median(result.nearest))
    ax.axhline(level, color=_ORANGE, linestyle=_DASHED, linewidth=1.5)
    style.name_point(
        ax, 8.0, level, "one nearest neighbour", _ORANGE, (0, 4), ha="left", va="bottom"
    )
    style.threshold_line(ax, d, f"a = d = {d}", side="left")
    best = int(np.argmin(np.median(result.errors, axis=0)))
    style.name_point(
        ax,
        a[best],
        float(result.errors[:, best].min()),
        f"best: a = {a[best]:.0f}",
        _PURPLE,
        (0, -16),
        ha="center",
        va="bottom",
    )
    ax.set(
        xscale="log",
        xlabel="exponent $a$ of the weights $r_i^{-a}$",
        ylabel="error on clean test digits",
        xlim=(a[0], a[-1] * 1.12),
        ylim=(0, 0.8),
    )
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    style.percent(ax.yaxis)
    return fig
