"""Figures of the part *Double descent*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent import RiskCurves, TunedRidge
    from fearless.experiments.double_descent.line import LinePoints
    from fearless.experiments.stored import StoredRun

__all__ = [
    "feature_families",
    "full_protocol",
    "line_fit",
    "noisy_curve",
    "ridge_against_ridgeless",
    "risk_curves",
    "signature",
    "singular_values",
]

_TRAIN, _TEST, _LIMIT, _THIRD = style.COLORS[0], style.COLORS[1], style.COLORS[2], style.COLORS[3]


def line_fit(points: LinePoints, n_features: int, curve: np.ndarray, norm: float) -> Figure:
    """One fit of ``n_features`` features to the samples on a line.

    Parameters
    ----------
    points : LinePoints
    n_features : int
    curve : ndarray
        The fit on ``points.grid``.
    norm : float
        Norm of its coefficients.
    """
    n = len(points.x)
    fig, ax = style.subplots(height=3.6)
    ax.plot(points.grid, points.truth, color=style.MUTED, linewidth=1.4, linestyle=(0, (4, 3)))
    ax.plot(points.grid, curve, color=_TEST)
    ax.plot(points.x, points.y, "o", color=_TRAIN, markersize=7, zorder=3)
    error = np.sqrt(np.mean((curve - points.truth) ** 2))
    sign = "<" if n_features < n else "=" if n_features == n else ">"
    # A long number leaves no room for the long name.
    size = f"norm of the coefficients {norm:,.3g}" if norm < 1e4 else f"norm {norm:,.0f}"
    ax.set_title(
        f"N = {n_features:,} {sign} n = {n}:   distance to the truth {error:.2g},   {size}",
        fontsize=10.5,
    )
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-1.6, 3.0))
    return fig


def risk_curves(curves: RiskCurves) -> Figure:
    """Zero-one loss, squared loss and coefficient norm against the number of features."""
    fig, axes = style.subplots(3, 1, height=8.2, sharex=True)
    n = curves.n_samples
    panels = (
        ("error", "zero-one loss", "linear"),
        ("mse", "squared loss", "log"),
        (None, "norm of the coefficients", "log"),
    )
    for ax, (suffix, ylabel, scale) in zip(axes, panels, strict=True):
        if suffix is None:
            style.band(ax, curves.widths, curves.column("norm"), color=_THIRD)
            _limit_line(ax, curves, "norm", "norm of the kernel machine")
        else:
            style.band(ax, curves.widths, curves.column(f"test_{suffix}"), color=_TEST)
            train = curves.column(f"train_{suffix}")
            below = ~curves.interpolating
            if scale == "log":
                style.band(ax, curves.widths[below], train[:, below], color=_TRAIN)
            else:
                style.band(ax, curves.widths, train, color=_TRAIN)
            _limit_line(ax, curves, f"test_{suffix}", "kernel machine, test")
        style.threshold_line(ax, n, "N = n")
        ax.set(xscale="log", yscale=scale, ylabel=ylabel)
    axes[0].set_ylim(-0.03, 1.0)
    axes[1].set_ylim(bottom=1e-3)
    _name(axes[0], curves, "test_error", "test", _TEST)
    _name(axes[0], curves, "train_error", "train", _TRAIN, share=1 / 12, above=False)
    axes[-1].set_xlabel("number of features $N$")
    style.count_ticks(axes[-1], curves.widths)
    return fig


def singular_values(curves: RiskCurves) -> Figure:
    """The smallest singular value of the scaled feature matrix, above the test error."""
    fig, axes = style.subplots(2, 1, height=6.0, sharex=True)
    scale = np.sqrt(2 / curves.widths)
    style.band(axes[0], curves.widths, curves.column("singular_min") * scale, color=_THIRD)
    axes[0].set(yscale="log", ylabel=r"smallest singular value $s_{\min}$")
    style.band(axes[1], curves.widths, curves.column("test_mse"), color=_TEST)
    axes[1].set(yscale="log", ylabel="squared loss, test", xscale="log")
    for ax in axes:
        style.threshold_line(ax, curves.n_samples, "N = n")
    axes[1].set_xlabel("number of features $N$")
    style.count_ticks(axes[1], curves.widths)
    return fig


def noisy_curve(curves: RiskCurves, noise: float) -> Figure:
    """Zero-one loss on train and test when a share of the training labels is random."""
    fig, ax = style.subplots(height=3.9)
    style.band(ax, curves.widths, curves.column("test_error"), color=_TEST, label="test")
    style.band(ax, curves.widths, curves.column("train_error"), color=_TRAIN, label="train")
    _limit_line(ax, curves, "test_error", "kernel machine, test")
    style.threshold_line(ax, curves.n_samples, "N = n")
    ax.set(
        xscale="log",
        xlabel="number of features $N$",
        ylabel="zero-one loss",
        ylim=(-0.03, 1.0),
        title=f"{noise:.0%} of the training labels replaced by random ones",
    )
    style.count_ticks(ax, curves.widths)
    style.label_curves(ax)
    return fig


def feature_families(runs: Mapping[str, Mapping[str, RiskCurves]]) -> Figure:
    """Test error of several kinds of features, a panel for each data set.

    Parameters
    ----------
    runs : mapping
        Data set -> kind of features -> curves.
    """
    fig, axes = style.subplots(len(runs), 1, height=3.1 * len(runs), sharex=True)
    for ax, (name, families) in zip(axes, runs.items(), strict=True):
        for (kind, curves), color in zip(families.items(), (_TEST, _THIRD), strict=False):
            style.band(ax, curves.widths, curves.column("test_error"), color=color, label=kind)
            level = float(np.median(curves.limit("test_error")))
            ax.axhline(level, color=color, linewidth=1.4, linestyle=(0, (1, 1.2)), zorder=1.6)
            style.threshold_line(ax, curves.n_samples, "N = n")
        ax.set(xscale="log", ylabel="zero-one loss, test", ylim=(0, 1.0), title=name)
        style.count_ticks(ax, curves.widths)
    axes[0].legend(loc="upper left")
    axes[-1].set_xlabel("number of features $N$")
    return fig


def ridge_against_ridgeless(curves: RiskCurves, tuned: TunedRidge) -> Figure:
    """Test error of the interpolant and of ridge regression with a penalty chosen by validation."""
    fig, axes = style.subplots(1, 2, height=3.4, sharex=True)
    for ax, name, ylabel in (
        (axes[0], "test_error", "zero-one loss, test"),
        (axes[1], "test_mse", "squared loss, test"),
    ):
        free = style.band(ax, curves.widths, curves.column(name), color=_TEST)
        ridge = style.band(ax, tuned.widths, getattr(tuned, name), color=_LIMIT)
        style.threshold_line(ax, curves.n_samples, "N = n")
        ax.set(xscale="log", ylabel=ylabel, xlabel="number of features $N$")
        ax.set_ylim(0, 1.0) if name == "test_error" else ax.set_yscale("log")
        style.count_ticks(ax, curves.widths, decades_only=True)
    axes[1].legend([free, ridge], ["no penalty", "tuned ridge"], loc="upper left")
    return fig


def full_protocol(run: StoredRun, curves: RiskCurves) -> Figure:
    """The stored run at full size over the live one, both against features per sample."""
    fig, axes = style.subplots(1, 2, height=3.4, sharex=True)
    n = run.settings["n_train"]
    ratio = np.array(run.settings["widths"]) / n
    for ax, name, ylabel in (
        (axes[0], "test_error", "zero-one loss, test"),
        (axes[1], "test_mse", "squared loss, test"),
    ):
        live = style.band(ax, curves.widths / curves.n_samples, curves.column(name), color=_TEST)
        (full,) = ax.plot(ratio, run.results[name], "o-", color=_THIRD, markersize=3.5)
        ax.axhline(float(run.results[f"limit_{name}"]), color=_THIRD, linestyle=":", linewidth=1.5)
        style.threshold_line(ax, 1.0, "N = n")
        ax.set(xscale="log", ylabel=ylabel, xlabel="features per sample $N/n$")
        ax.set_ylim(0, 1.0) if name == "test_error" else ax.set_yscale("log")
        ax.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes[1].legend([live, full], [f"n = {curves.n_samples:,}", f"n = {n:,}"], loc="upper left")
    return fig


def signature(curves: RiskCurves) -> Figure:
    """The front page's figure: the test error alone, with the two regimes named."""
    fig, ax = style.subplots(height=3.9)
    n, x = curves.n_samples, curves.widths
    style.band(ax, x, curves.column("test_error"), color=_TEST)
    style.band(ax, x, curves.column("train_error"), color=_TRAIN)
    style.threshold_line(ax, n, "as many parameters\nas samples")
    below = ~curves.interpolating
    ax.axvspan(x[0], n, color=_TRAIN, alpha=0.06, zorder=0)
    ax.set(
        xscale="log",
        xlim=(x[0], x[-1]),
        ylim=(0, 1.02),
        xlabel="number of features in the model",
        ylabel="share of digits read wrongly",
    )
    middle = np.exp(np.mean(np.log([x[0], n])))
    ax.text(middle, 0.93, "the classical regime", ha="center", color=style.MUTED, fontsize=10.5)
    ax.text(
        np.sqrt(n * x[-1]) * 1.25,
        0.62,
        "the modern regime",
        ha="center",
        color=style.MUTED,
        fontsize=10.5,
    )
    best = int(np.argmin(np.median(curves.column("test_error")[:, below], axis=0)))
    level = np.median(curves.column("test_error")[:, below], axis=0)[best]
    ax.annotate(
        "best classical model",
        xy=(x[best], level),
        xytext=(0, 26),
        textcoords="offset points",
        ha="center",
        color=_TEST,
        fontsize=10,
        arrowprops={"arrowstyle": "-", "color": _TEST, "linewidth": 0.9},
    )
    last = np.median(curves.column("test_error")[:, -1])
    ax.annotate(
        "biggest model: better",
        xy=(x[-1], last),
        xytext=(-6, 34),
        textcoords="offset points",
        ha="right",
        color=_TEST,
        fontsize=10,
        arrowprops={"arrowstyle": "-", "color": _TEST, "linewidth": 0.9},
    )
    ax.text(0.03, 0.12, "training error", transform=ax.transAxes, color=_TRAIN, fontsize=10)
    style.count_ticks(ax, x)
    return fig


def _limit_line(ax: Axes, curves: RiskCurves, name: str, label: str) -> None:
    level = float(np.median(curves.limit(name)))
    ax.axhline(level, color=_LIMIT, linewidth=1.6, linestyle=(0, (1, 1.2)), zorder=1.6)
    ax.annotate(
        label,
        xy=(1, level),
        xycoords=("axes fraction", "data"),
        xytext=(-4, -3),
        textcoords="offset points",
        color=_LIMIT,
        fontsize=10,
        ha="right",
        va="top",
    )


def _name(
    ax: Axes,
    curves: RiskCurves,
    column: str,
    text: str,
    color: str,
    *,
    share: float = 1 / 4,
    above: bool = True,
) -> None:
    """Write the name of a curve beside it, at ``N = share * n``."""
    j = curves.at(max(1, round(share * curves.n_samples)))
    level = float(np.median(curves.column(column)[:, j]))
    style.name_point(
        ax,
        curves.widths[j],
        level,
        text,
        color,
        (0, 7 if above else -7),
        ha="center",
        va="bottom" if above else "top",
        fontsize=10.5,
    )
