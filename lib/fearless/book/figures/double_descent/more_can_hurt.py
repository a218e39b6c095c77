"""Figures of the page *More data can hurt; more training can hurt*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.more_data import SampleCurves
    from fearless.experiments.double_descent.network_epochs import EpochCurves

__all__ = ["blocks", "digits", "gaussian", "network", "two_scales"]

_TRAIN, _TEST, _GOOD, _OTHER = style.COLORS[:4]
_DASHED = (0, (4, 2))


def digits(curves: SampleCurves) -> Figure:
    """Zero-one and squared loss of a model of fixed size, against the number of digits."""
    fig, axes = style.subplots(2, 1, height=6.4, sharex=True)
    sizes, threshold = curves.sizes, curves.n_features
    beyond = sizes > threshold
    for ax, name in zip(axes, ("error", "mse"), strict=True):
        style.band(ax, sizes, curves.column(f"test_{name}"), color=_TEST)
        style.band(ax, curves.ridge_sizes, getattr(curves, f"ridge_{name}"), color=_GOOD)
        shown = beyond if name == "mse" else slice(None)
        style.band(ax, sizes[shown], curves.column(f"train_{name}")[:, shown], color=_TRAIN)
        style.threshold_line(ax, threshold, "n = P")
    axes[0].set(xscale="log", ylim=(-0.03, 1.0), ylabel="zero-one loss")
    axes[1].set(yscale="log", ylim=(3e-2, 1e3), ylabel="squared loss")
    axes[1].set_xlabel("number of training samples $n$")
    for x, y, text, color in (
        (0.72, 0.55, "least squares", _TEST),
        (0.10, 0.26, "tuned ridge", _GOOD),
        (0.24, 0.075, "train", _TRAIN),
    ):
        axes[0].text(
            x, y, text, transform=axes[0].transAxes, color=color, fontsize=10.5, fontweight="bold"
        )
    style.count_ticks(axes[1], sizes)
    return fig


def gaussian(
    p: int,
    noise: float,
    theory: tuple[np.ndarray, np.ndarray, np.ndarray],
    simulated: tuple[np.ndarray, np.ndarray],
    harmful: int | None,
) -> Figure:
    """Excess risk of least squares on isotropic Gaussian data along n, theory and simulation.

    Parameters
    ----------
    p : int
    noise : float
        The variance, in units of the signal's.
    theory : tuple of ndarrays
        Sample counts, and there the excess risks of the minimum-norm fit and of optimal ridge.
    simulated : tuple of ndarrays
        Sample counts of shape (m,), and excess risks of shape (repeats, m).
    harmful : int or None
        The first sample count at which one more sample hurts.
    """
    fig, ax = style.subplots(height=3.9)
    n, free, ridge = theory
    top = 3.0
    if harmful is not None:
        ax.axvspan(harmful, p, color=_TEST, alpha=0.10, zorder=0)
    ax.plot(n, np.where(np.isfinite(free), free, 2 * top), color=_TEST, label="least squares")
    if noise > 0:
        ax.plot(n, ridge, color=_GOOD, linestyle=_DASHED, label="optimal ridge")
    sizes, risks = simulated
    ax.errorbar(
        sizes,
        risks.mean(axis=0),
        2 * risks.std(axis=0, ddof=1) / len(risks) ** 0.5,
        fmt="o",
        color=_TRAIN,
        markersize=3.6,
        elinewidth=1.2,
        zorder=3,
    )
    ax.axvline(p, color=style.MUTED, linewidth=1.1, linestyle=_DASHED, zorder=1.5)
    ticks = np.arange(0, n[-1] + 1, p // 3)
    ax.set_xticks(ticks, [f"p = {p}" if tick == p else f"{tick}" for tick in ticks])
    title = "no noise" if noise == 0 else rf"$\sigma^2$ = {noise:g} $r^2$"
    if harmful is not None:
        title += (
            f":   from n = {harmful} on, one more sample hurts"
            if harmful
            else ":   the very first sample hurts"
        )
    ax.set(
        xlabel="number of training samples $n$",
        ylabel="excess risk / $r^2$",
        xlim=(0, n[-1]),
        ylim=(0, top),
    )
    ax.set_title(title, fontsize=10.5)
    ax.legend(loc="upper right")
    return fig


def blocks(
    thresholds: np.ndarray,
    gap: float,
    theory: tuple[np.ndarray, np.ndarray],
    simulated: tuple[np.ndarray, np.ndarray],
) -> Figure:
    """Excess risk along n when the inputs come in blocks, theory and simulation.

    Parameters
    ----------
    thresholds : ndarray of int
        Where one more block can be fitted exactly.
    gap : float
        Ratio of the scales of neighbouring blocks.
    theory : tuple of ndarrays
        Sample counts and excess risks.
    simulated : tuple of ndarrays
        Sample counts of shape (m,), and excess risks of shape (repeats, m).
    """
    fig, ax = style.subplots(height=4.1)
    style.band(ax, *simulated, color=_TEST)
    ax.plot(*theory, color=_TRAIN, linewidth=1.5, linestyle=_DASHED)
    for b, threshold in enumerate(thresholds):
        names = " + ".join(f"p_{i + 1}" for i in range(b + 1))
        style.threshold_line(ax, threshold, f"${names}$", side="left")
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(2e-3, 20),
        xlabel="number of training samples $n$",
        ylabel="excess risk",
    )
    ax.set_title(
        f"each block's variances {gap:,g} times the next one's"
        if gap > 1
        else "all blocks on one scale",
        fontsize=10.5,
    )
    style.count_ticks(ax, simulated[0])
    return fig


def two_scales(
    times: np.ndarray,
    gap: float,
    us: np.ndarray,
    expected: np.ndarray,
    runs: np.ndarray,
    matched: np.ndarray,
) -> Figure:
    """Excess risk along training time when features live on two scales.

    Parameters
    ----------
    times : ndarray of shape (t,)
    gap : float
        Ratio of the two scales.
    us : ndarray of shape (2, t)
        The risk of each block in theory.
    expected, runs : ndarrays of shape (repeats, t)
        Exact risks: mean over the noise, and of single runs.
    matched : ndarray of shape (repeats, t)
        Mean over the noise, with a step size for each block.
    """
    fig, ax = style.subplots(height=4.1)
    ax.plot(times, us[0], color=_OTHER, linewidth=1.4, linestyle=_DASHED)
    ax.plot(times, us[1], color=_TRAIN, linewidth=1.4, linestyle=_DASHED)
    ax.plot(times, np.mean(matched, axis=0), color=_GOOD, linewidth=1.6)
    style.band(ax, times, runs, color=_TEST, linewidth=0)
    ax.plot(times, np.mean(expected, axis=0), color=_TEST)
    ax.set(
        xscale="log",
        xlim=(times[0], times[-1]),
        ylim=(0, 3.5),
        xlabel="training time $t$",
        ylabel="excess risk",
    )
    title = "one scale" if gap == 1 else f"first scale {gap:,g} times the second"
    ax.set_title(title, fontsize=10.5)
    handles = [
        ax.lines[i]  # total, parts, matched
        for i in (4, 0, 1, 2)
    ]
    names = ["all", "first block", "second block", "all, matched steps"]
    ax.legend(handles, names, loc="upper right", ncols=2, columnspacing=1.2)
    return fig


def network(adam: EpochCurves, sgd: EpochCurves) -> Figure:
    """Squared and zero-one loss of networks along the epochs, by two optimisers."""
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True)
    for curves, color, name in ((adam, _TEST, "Adam"), (sgd, _OTHER, "gradient descent")):
        style.band(axes[0], curves.epochs, curves.test_mse, color=color, label=name)
        style.band(axes[1], curves.epochs, curves.test_error, color=color)
        _train(axes[1], curves, color)
    axes[0].set(xscale="log", ylabel="squared loss, test")
    axes[1].set(ylim=(-0.03, 1.0), ylabel="zero-one loss", xlabel="epoch")
    axes[0].legend(loc="upper right")
    axes[1].text(0.42, 0.50, "test", transform=axes[1].transAxes, color=style.MUTED, fontsize=10.5)
    axes[1].text(0.42, 0.22, "train", transform=axes[1].transAxes, color=style.MUTED, fontsize=10.5)
    style.count_ticks(axes[1], adam.epochs)
    return fig


def _train(ax: Axes, curves: EpochCurves, color: str) -> None:
    ax.plot(
        curves.epochs,
        np.median(curves.train_error, axis=0),
        color=color,
        linewidth=1.5,
        linestyle=_DASHED,
    )
