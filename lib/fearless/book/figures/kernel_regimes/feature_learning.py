"""Figures of the page *Beyond the kernel regime*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.experiments.kernel_regimes.digit_pairs import MetricErrors
    from fearless.experiments.kernel_regimes.learned_metrics import MetricPath, SampleSizes
    from fearless.experiments.kernel_regimes.network_features import NetworkFeatures

__all__ = ["failures", "metric", "networks", "pixel_weights", "sizes", "table"]

_FIXED, _LEARNED, _THIRD, _FOURTH = style.COLORS[:4]
_DASHED = (0, (4, 3))
_DOTTED = (0, (1, 1.2))


def metric(path: MetricPath, iteration: int) -> Figure:
    """The metric after some iterations, and its diagonal."""
    M = path.metrics[iteration]
    d = len(M)
    fig, axes = style.subplots(2, 1, height=7.2, height_ratios=[1, 2.1])
    weights = np.diag(M) / np.trace(M)
    axes[0].bar(np.arange(1, d + 1), weights, color=_LEARNED, width=0.7)
    axes[0].set(
        ylim=(0, 0.5),
        xlim=(0.4, d + 0.6),
        xticks=[1, 2, 6, 10, 15, 20],
        ylabel="share of the trace",
        title=f"iteration {iteration}:   test loss {path.loss[0, iteration]:.4f}",
    )
    axes[0].grid(axis="x", visible=False)
    image = axes[1].imshow(
        M / np.abs(M).max(),
        vmin=-1,
        vmax=1,
        cmap="RdBu_r",
        extent=(0.5, d + 0.5, d + 0.5, 0.5),
        rasterized=True,
    )
    ticks = [1, 2, 6, 10, 15, 20]
    axes[1].set(xticks=ticks, yticks=ticks, xlabel="coordinate", ylabel="coordinate")
    axes[1].grid(visible=False)
    bar = fig.colorbar(image, ax=axes[1], shrink=0.85, ticks=[-1, 0, 1])
    bar.set_label("entry of $M$, largest = 1")
    bar.outline.set_visible(False)
    return fig


def table(paths: Sequence[MetricPath], published: Sequence[float]) -> Figure:
    """Test loss of the low-rank task against the iteration, and the published run."""
    fig, ax = style.subplots(height=4.0)
    for path, color in zip(paths, (_FIXED, _THIRD, _LEARNED), strict=False):
        steps = np.arange(path.loss.shape[1])
        style.band(ax, steps, path.loss, color=color, label=f"n = {path.n_samples:,}")
    ax.plot(
        published, "o", color=style.FOREGROUND, markersize=5.5, zorder=4, label="published, 4,000"
    )
    ax.set(
        yscale="log",
        ylim=(1.4e-3, 3e-2),
        xlabel="iteration",
        ylabel="squared loss, test",
        yticks=[0.002, 0.005, 0.01, 0.02],
        yticklabels=["0.002", "0.005", "0.01", "0.02"],
    )
    ax.minorticks_off()
    style.label_curves(ax)
    return fig


def sizes(runs: Sequence[SampleSizes], shown: SampleSizes, exponent: float) -> Figure:
    """Loss against n in one dimension; samples needed against the dimension."""
    fig, axes = style.subplots(2, 1, height=7.0)
    top, bottom = axes
    n = shown.sizes
    style.band(top, n, shown.fixed, color=_FIXED, label="fixed Laplacian")
    style.band(top, n, shown.learned, color=_LEARNED, label="learned metric")
    fine = np.geomspace(n[0], n[-1], 100)
    pairs = shown.n_dims * (shown.n_dims - 1) / 2
    top.plot(
        fine,
        np.maximum(0, 1 - fine / pairs),
        color=style.FOREGROUND,
        linestyle=_DASHED,
        linewidth=1.4,
        label="bound, fixed kernel",
    )
    top.set(
        xscale="log",
        ylim=(0, 1.35),
        xlabel="number of samples $n$",
        ylabel="loss / variance, test",
        title=f"$d = {shown.n_dims}$",
    )
    style.count_ticks(top, n)
    top.set_xticks([200, 400, 800], ["200", "400", "800"])
    top.minorticks_off()
    style.label_curves(top)
    d = np.array([run.n_dims for run in runs])
    needed = np.array([run.needed() for run in runs]).T
    low, high = d[0] / 1.15, d[-1] * 1.15
    style.band(bottom, d, needed, color=_LEARNED, marker="o", label="learned metric")
    grid = np.geomspace(low, high, 50)
    bottom.plot(
        grid,
        grid * (grid - 1) / 4,
        color=style.FOREGROUND,
        linestyle=_DASHED,
        linewidth=1.4,
        label="bound, fixed kernel",
    )
    bottom.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(15, 2500),
        xlabel="dimension $d$",
        ylabel="samples for half of the variance",
        xticks=d,
        xticklabels=[str(value) for value in d],
        yticks=[20, 50, 100, 200, 500, 1000, 2000],
        yticklabels=["20", "50", "100", "200", "500", "1,000", "2,000"],
        title=f"learned metric: a power {exponent:.2f} of $d$",
    )
    bottom.minorticks_off()
    style.label_curves(bottom)
    return fig


def pixel_weights(run: MetricErrors) -> Figure:
    """The weights of the pixels of pairs of digits, iteration by iteration."""
    fig, axes = style.subplots(2, 2, height=3.9)
    for step, (ax, weights) in enumerate(zip(axes.flat, run.weights, strict=False)):
        ax.imshow(weights / weights.max(), vmin=0, vmax=1, cmap="magma", rasterized=True)
        ax.axvline(weights.shape[1] / 2 - 0.5, color=style.MUTED, linewidth=1, linestyle=_DASHED)
        error = np.median(run.error[:, step])
        name = "Euclidean" if step == 0 else f"iteration {step}"
        ax.set_title(f"{name}: {error:.1%}", fontsize=11.5)
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return fig


def networks(runs: Mapping[str, NetworkFeatures]) -> Figure:
    """Correlation of W^T W with the root of the AGOP, share of the features, loss: by epoch."""
    fig, axes = style.subplots(3, 1, height=8.4, sharex=True)
    for (name, run), color in zip(runs.items(), (_FIXED, _LEARNED), strict=True):
        for ax, values in zip(axes, (run.correlation, run.share, run.loss), strict=True):
            style.band(ax, run.epochs, values, color=color, label=name)
    axes[1].axhline(3 / run.n_dims, color=style.MUTED, linestyle=_DOTTED, linewidth=1.4)
    axes[0].set(ylim=(0.6, 1.01), ylabel="correlation of\n$W^\\top W$ and AGOP$^{1/2}$")
    axes[1].set(ylim=(0, 0.75), ylabel="share of $W^\\top W$ on\nthe three coordinates")
    axes[2].set(ylim=(0, 1.2), ylabel="loss / variance, test", xlabel="passes over the data")
    axes[0].set_xlim(0, run.epochs[-1])
    for ax in axes:
        style.label_curves(ax)
    return fig


def failures(radial: MetricPath, digits: MetricErrors) -> Figure:
    """Where the learned metric is worse than the Euclidean one."""
    fig, axes = style.subplots(2, 1, height=6.2)
    steps = np.arange(radial.loss.shape[1])
    style.band(axes[0], steps, radial.loss, color=_LEARNED)
    axes[0].set(
        ylim=(0, None),
        ylabel="loss / variance, test",
        title=f"radial target, d = {radial.n_dims}, n = {radial.n_samples}",
        xticks=steps,
    )
    steps = np.arange(digits.error.shape[1])
    style.band(axes[1], steps, digits.error, color=_LEARNED, label="test")
    style.band(axes[1], steps, digits.left_out, color=_FIXED, label="leave-one-out")
    axes[1].set(
        ylim=(0, 0.16),
        yticks=[0, 0.05, 0.1, 0.15],
        xlabel="iteration",
        ylabel="zero-one loss",
        title="digits alone, n = 1,000",
        xticks=steps,
    )
    style.percent(axes[1].yaxis)
    style.label_curves(axes[1])
    return fig
