"""Figures of the page *Occam's razor for big models*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.theory.random_interpolants import feature_deviation, feature_square_norm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.line import LinePoints
    from fearless.experiments.over_parametrization.growing_digits import DigitGrowth
    from fearless.experiments.over_parametrization.growing_features import FeatureDraws
    from fearless.experiments.over_parametrization.interpolants import NormBudget
    from fearless.experiments.over_parametrization.weighted_cosines import CosineSweep

__all__ = [
    "budget",
    "cosine_fit",
    "digits",
    "exponents",
    "fits_and_limit",
    "gallery",
    "laws",
    "wrong_ruler",
]

_DATA, _FIT, _LIMIT, _THIRD = style.COLORS[:4]
_DASHED = (0, (4, 3))
_DOTTED = (0, (1, 1.2))
_Y_LIMITS = (-1.6, 3.0)


def gallery(points: LinePoints, curves: dict[str, np.ndarray]) -> Figure:
    """Six interpolants of the same samples, each in a panel of its own.

    Parameters
    ----------
    points : LinePoints
    curves : dict of str to ndarray
        Names and values on ``points.grid``; the last one is set off.
    """
    fig, axes = style.subplots(3, 2, height=7.0, sharex=True, sharey=True)
    last = list(curves)[-1]
    for ax, (name, curve) in zip(axes.flat, curves.items(), strict=True):
        color = _LIMIT if name == last else _FIT
        _samples(ax, points, size=5)
        # Far beyond the frame a curve is drawn as its edge, not as a number with 9 digits.
        ax.plot(points.grid, np.clip(curve, -20, 20), color=color, linewidth=1.8)
        ax.set_title(name, fontsize=11, color=color)
    for ax in axes[-1]:
        ax.set_xlabel("$x$")
    for ax in axes[:, 0]:
        ax.set_ylabel("$y$")
    return fig


def budget(points: LinePoints, result: NormBudget) -> Figure:
    """Where all interpolants of bounded norm run, and some that exhaust the bound.

    Parameters
    ----------
    points : LinePoints
    result : NormBudget
    """
    fig, ax = style.subplots(height=3.8)
    step = slice(None, None, 2)
    x, low, high = (
        points.grid[step],
        (result.curve - result.half_width)[step],
        (result.curve + result.half_width)[step],
    )
    ax.fill_between(x, low, high, color=_FIT, alpha=0.2, linewidth=0)
    for extreme in result.extremes:
        ax.plot(x, extreme[step], color=_FIT, linewidth=1.2)
    ax.plot(x, result.curve[step], color=_LIMIT, linewidth=2.4)
    _samples(ax, points)
    spread = 2 * float(result.half_width.max())
    allowed = "the least norm" if result.ratio == 1 else f"{result.ratio:g} × the least norm"
    ax.set_title(f"norm up to {allowed}: values range over {spread:.2g}", fontsize=11.5)
    ax.set(xlabel="$x$", ylabel="$y$")
    return fig


def fits_and_limit(
    points: LinePoints, n_features: int, curves: np.ndarray, limit: np.ndarray
) -> Figure:
    """Fits with several draws of N features, and the interpolant of the kernel.

    Parameters
    ----------
    points : LinePoints
    n_features : int
    curves : ndarray of shape (draws, m)
    limit : ndarray of shape (m,)
    """
    fig, ax = style.subplots(height=3.8)
    step = slice(None, None, 2)
    for curve in np.clip(curves, -20, 20):
        ax.plot(points.grid[step], curve[step], color=_FIT, linewidth=1.0, alpha=0.75)
    ax.plot(points.grid[step], limit[step], color=_LIMIT, linestyle=_DASHED, linewidth=2.4)
    _samples(ax, points)
    distance = np.median(np.sqrt(np.mean((curves - limit) ** 2, axis=1)))
    text = f"{distance:.2g}" if distance < 100 else f"{distance:,.0f}"
    ax.set_title(
        f"N = {n_features:,}, n = {len(points.x)}:  distance to the limit {text}", fontsize=11.5
    )
    ax.set(xlabel="$x$", ylabel="$y$")
    return fig


def laws(draws: FeatureDraws, widths: np.ndarray, distances: np.ndarray, constant: float) -> Figure:
    """Gaussian features on Student's law, and cosines on their first-order constant.

    Parameters
    ----------
    draws : FeatureDraws
        Gaussian features, at one place.
    widths : ndarray of shape (w,)
    distances : ndarray of shape (draws, w)
        Mean squared distances of interpolants with ``widths`` random cosines.
    constant : float
        Limit of N times their mean.
    """
    fig, axes = style.subplots(2, 1, height=7.4)
    n = draws.n_samples
    ax = axes[0]
    fine = np.unique(np.geomspace(n, draws.widths[-1], 60).astype(int))
    for level, marker, color in ((0.5, "o", _THIRD), (0.95, "s", _FIT)):
        law = feature_deviation(n, fine, level, norm=draws.norm, power=draws.power)
        measured = np.quantile(np.abs(draws.deviation), level, axis=0)
        ax.plot(fine - n + 1, law, color=color, linewidth=1.5)
        ax.plot(draws.widths - n + 1, measured, marker, color=color, markersize=6)
        ax.annotate(
            "median" if level == 0.5 else "95 %",
            xy=(3, feature_deviation(n, n + 2, level, norm=draws.norm, power=draws.power)),
            xytext=(6, 6),
            textcoords="offset points",
            color=color,
            fontsize=11.5,
            fontweight="bold",
        )
    ax.set(xscale="log", yscale="log", ylabel=r"$|f_N(x) - f_\infty(x)|$")
    ax.set(xlabel=r"degrees of freedom $\nu = N - n + 1$", title="Gaussian features, one place $x$")
    ax.set_xticks([1, 10, 100], ["1", "10", "100"])
    ax = axes[1]
    low, middle, high = np.quantile(distances, [0.25, 0.5, 0.75], axis=0)
    ax.fill_between(widths, low, high, color=_DATA, alpha=0.22, linewidth=0)
    ax.plot(widths, middle, "o-", color=_DATA, markersize=5)
    ax.plot(widths, constant / widths, color=style.FOREGROUND, linestyle=_DOTTED, linewidth=1.6)
    ax.set(xscale="log", yscale="log", xlabel="number of features $N$")
    ax.set(ylabel=r"mean of $(f_N - f_\infty)^2$", title="random cosines, mean over $[0, 1]$")
    ticks = [10, 100, 1000]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    return fig


def digits(growth: DigitGrowth) -> Figure:
    """Norm and test loss on digits against the number of features, over the law.

    Parameters
    ----------
    growth : DigitGrowth
    """
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True)
    n = growth.n_samples
    ratio = growth.widths / n
    beyond = growth.widths > 1.01 * n
    x = ratio[beyond]
    fine = np.unique(np.geomspace(growth.widths[beyond][0], growth.widths[-1], 50).astype(int))
    norm = float(np.sqrt(np.mean(growth.kernel_norm**2)))
    style.band(axes[0], x, growth.square_norm[:, beyond], color=_THIRD)
    law = feature_square_norm(n, fine, norm=norm)
    axes[0].plot(fine / n, law, color=style.FOREGROUND, linestyle=_DOTTED)
    axes[0].set(yscale="log", ylabel=r"squared norm $\|a_N\|^2$")
    axes[0].axhline(norm**2, color=_LIMIT, linewidth=1.6, linestyle=_DASHED, zorder=1.5)
    style.band(axes[1], x, growth.test_mse[:, beyond], color=_FIT)
    level = float(np.mean(growth.kernel_mse))
    added = np.mean(growth.power**2 * growth.kernel_norm**2)
    axes[1].plot(
        fine / n, level + added / (fine - n - 1), color=style.FOREGROUND, linestyle=_DOTTED
    )
    axes[1].axhline(level, color=_LIMIT, linewidth=1.6, linestyle=_DASHED, zorder=1.5)
    axes[1].set(yscale="log", ylabel="squared loss, test", xlabel="features per sample $N/n$")
    for ax, height, text in (
        (axes[0], norm**2, r"$\|f_\infty\|^2$"),
        (axes[1], level, "kernel machine"),
    ):
        ax.set(xscale="log", xlim=(1, 20.5))
        ax.annotate(
            text,
            (1.03, height),
            (0, 4),
            textcoords="offset points",
            va="bottom",
            color=_LIMIT,
            fontsize=11,
        )
    axes[1].set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes[1].set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    return fig


def cosine_fit(points: LinePoints, exponent: float, curve: np.ndarray) -> Figure:
    """The interpolant of least weighted norm for one exponent.

    Parameters
    ----------
    points : LinePoints
    exponent : float
    curve : ndarray of shape (m,)
    """
    fig, ax = style.subplots(height=3.8)
    ax.plot(points.grid, points.truth, color=style.MUTED, linewidth=1.4, linestyle=_DASHED)
    # A spike is narrower than the grid: the samples themselves belong to the curve.
    x = np.append(points.grid, points.x)
    values = np.append(np.clip(curve, -20, 20), points.y)
    order = np.argsort(x)
    ax.plot(x[order], values[order], color=_FIT, linewidth=1.8)
    _samples(ax, points)
    error = np.sqrt(np.mean((curve - points.truth) ** 2))
    ax.set_title(f"exponent q = {exponent:g}:  distance to the truth {error:.2g}", fontsize=11.5)
    ax.set(xlabel="$x$", ylabel="$y$")
    return fig


def exponents(sweep: CosineSweep) -> Figure:
    """Distance to the truth against the exponent of the weights.

    Parameters
    ----------
    sweep : CosineSweep
    """
    fig, ax = style.subplots(height=3.8)
    _quartiles(ax, sweep.settings, sweep.quartiles("distance"), _FIT)
    _zero_line(ax, sweep)
    ax.axvline(0.5, color=style.MUTED, linewidth=1.1, linestyle=_DASHED)
    ax.annotate(
        "limit zero\nto the left",
        (0.5, 0.97),
        (5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=style.MUTED,
        fontsize=11,
    )
    ax.set(yscale="log", xlabel="exponent $q$", ylabel="distance to the truth")
    ax.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    return fig


def wrong_ruler(
    plain: CosineSweep, weighted: CosineSweep, exponent: float, reference: int = 20
) -> Figure:
    """Norms that fall, and distances to the truth that do not, as cosines are added.

    Parameters
    ----------
    plain : CosineSweep
        All cosines cost the same.
    weighted : CosineSweep
        Fast ones cost more.
    exponent : float
        Of ``weighted``.
    reference : int
        Number of cosines for which norms are set to one.
    """
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True)
    for sweep, color, label in (
        (plain, _FIT, "$q = 0$"),
        (weighted, _DATA, f"$q = {exponent:g}$"),
    ):
        norm = sweep.norm / sweep.norm[:, sweep.settings == reference]
        _quartiles(
            axes[0], sweep.settings, np.quantile(norm, [0.25, 0.5, 0.75], axis=0), color, label
        )
        _quartiles(axes[1], sweep.settings, sweep.quartiles("distance"), color, label)
    _zero_line(axes[1], plain)
    axes[0].set(yscale="log", ylabel=f"norm, relative to $N = {reference}$", ylim=(0.03, 60))
    axes[0].set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes[1].set(yscale="log", ylabel="distance to the truth", ylim=(0.08, 30))
    axes[1].set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    axes[1].set(xscale="log", xlabel="number of cosines $N$", xlim=(9.5, plain.settings[-1]))
    axes[1].set_xticks([10, 100, 1000], ["10", "100", "1,000"])
    for ax in axes:
        style.label_curves(ax)
    return fig


def _samples(ax: Axes, points: LinePoints, size: float = 7) -> None:
    ax.plot(points.x, points.y, "o", color=_DATA, markersize=size, zorder=3)
    ax.set(xlim=(-0.01, 1.01), ylim=_Y_LIMITS, xticks=(0, 0.5, 1), yticks=(-1, 0, 1, 2, 3))


def _quartiles(
    ax: Axes, x: np.ndarray, quartiles: np.ndarray, color: str, label: str | None = None
) -> None:
    low, middle, high = quartiles
    ax.fill_between(x, low, high, color=color, alpha=0.22, linewidth=0)
    ax.plot(x, middle, "o-", color=color, markersize=4, label=label)


def _zero_line(ax: Axes, sweep: CosineSweep) -> None:
    ax.axhline(sweep.size_of_truth, color=style.MUTED, linewidth=1.4, linestyle=_DOTTED)
    ax.annotate(
        "the function zero",
        (1, sweep.size_of_truth),
        (-4, 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=style.MUTED,
        fontsize=11,
    )
