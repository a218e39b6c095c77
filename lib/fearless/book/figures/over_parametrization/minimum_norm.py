"""Figures of the page *When does minimum norm generalise?*."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.over_parametrization.kernel_noise import KernelNoise
    from fearless.experiments.over_parametrization.laplace_runs import LaplaceRuns
    from fearless.experiments.over_parametrization.spectrum_runs import SpectrumRuns
    from fearless.experiments.over_parametrization.spectrum_study import SpectrumStudy
    from fearless.experiments.over_parametrization.spikes import CircleSample, SpikyFit

__all__ = [
    "calculator",
    "fates",
    "floor",
    "kernel_on_digits",
    "laplace_line",
    "noise_directions",
    "spikes",
]

_DATA, _FIT, _SMOOTH, _THIRD, _FOURTH = style.COLORS[:5]


def spikes(sample: CircleSample, fit: SpikyFit) -> Figure:
    """The interpolant of p waves over ridge regression on the first few of them."""
    fig, ax = style.subplots(height=3.9)
    ax.plot(fit.grid, fit.interpolant, color=_FIT, linewidth=1.5, label="interpolant")
    ax.plot(fit.grid, fit.ridge, color=_SMOOTH, linewidth=2.2, label="ridge")
    ax.plot(sample.x, sample.y, "o", color=_DATA, markersize=6, zorder=3)
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=(-2.9, 2.9))
    ax.set_title(
        f"p = {fit.n_features:,}:   distance to ridge {fit.distance:.2f},   "
        f"to the truth {fit.error:.2f}",
        fontsize=11,
    )
    ax.legend(loc="upper right", ncols=2, bbox_to_anchor=(1.0, 1.03), borderaxespad=0.2)
    return fig


def noise_directions(
    predicted: Sequence[NDArray], measured: Sequence[NDArray], names: Sequence[str]
) -> Figure:
    """What each direction costs, in units of the cost of one fitted coefficient."""
    fig, ax = style.subplots(height=4.1)
    for theory, seeds, name, color in zip(
        predicted, measured, names, (_SMOOTH, _FIT, _THIRD), strict=True
    ):
        k = np.arange(1, len(theory) + 1)
        ax.plot(k, theory, color=color, label=name)
        edges = np.unique(np.geomspace(1, len(theory) + 1, 26).astype(int))
        middle = np.sqrt(edges[:-1] * (edges[1:] - 1.0))
        means = np.array([[row[a - 1 : b - 1].mean() for a, b in pairwise(edges)] for row in seeds])
        center, low, high = style.summarize(means)
        ax.errorbar(
            middle,
            center,
            [center - low, high - center],
            fmt="o",
            color=color,
            markersize=4,
            linewidth=1.2,
        )
    ax.axhline(1, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1.5)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="direction $i$",
        ylabel=r"its noise, in units of $\sigma^2/n$",
        xlim=(0.9, len(predicted[0])),
        ylim=(1e-4, 60),
    )
    ax.legend(loc="lower left")
    return fig


def calculator(study: SpectrumStudy, title: str) -> Figure:
    """Spectrum, effective ranks, and the noise that stays, of one spectrum."""
    fig, (top, middle, low) = style.subplots(3, 1, height=9.6)
    k = np.arange(1, len(study.eigenvalues) + 1)
    top.plot(k, study.eigenvalues, color=_DATA)
    top.axhline(study.kappa, color=_THIRD, linewidth=1.6, linestyle=(0, (1, 1.2)))
    top.annotate(
        rf"$\kappa$ for $n = {study.n}$",
        xy=(1, study.kappa),
        xytext=(8, 4),
        textcoords="offset points",
        color=_THIRD,
        fontsize=11.5,
    )
    _mark_index(top, study)
    top.set(
        xscale="log",
        yscale="log",
        xlim=(1, k[-1] / 2),
        ylim=(1e-9, 3),
        ylabel=r"eigenvalue $\lambda_k$",
        title=title,
    )
    middle.plot(k - 1, study.R, color=_FIT, label="$R_k$")
    middle.plot(k - 1, study.r, color=_SMOOTH, label="$r_k$")
    middle.axhline(2 * study.n, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    middle.annotate(
        f"$2n = {2 * study.n}$",
        xy=(1, 2 * study.n),
        xytext=(8, 4),
        textcoords="offset points",
        color=style.MUTED,
        fontsize=11.5,
    )
    _mark_index(middle, study)
    middle.set(
        xscale="log",
        yscale="log",
        xlim=(1, k[-1] / 2),
        ylim=(1, 1e6),
        xlabel="$k$",
        ylabel="effective ranks",
    )
    middle.legend(loc="upper left", ncols=2)
    n = study.runs.samples
    found = np.isfinite(study.order)
    low.plot(n, study.exact, color=_THIRD, label="exact formula")
    low.plot(n[found], study.order[found], color=style.MUTED, linestyle=":", label="$k^*/n + n/R$")
    center, least, most = style.summarize(study.runs.variance)
    low.errorbar(
        n,
        center,
        [center - least, most - center],
        fmt="o",
        color=_FIT,
        linewidth=1.4,
        label="simulated",
    )
    low.set(
        xscale="log",
        yscale="log",
        ylim=(0.02, 20),
        xlim=(n[0] / 1.2, n[-1] * 1.2),
        xlabel="number of samples $n$",
        ylabel=r"noise that stays, $V / \sigma^2$",
    )
    _sample_ticks(low, n)
    low.legend(loc="lower left", ncols=2, fontsize=11)
    return fig


def _mark_index(ax: Axes, study: SpectrumStudy) -> None:
    if np.isfinite(study.index) and study.index >= 1:
        side = "left" if study.index > len(study.eigenvalues) / 10 else "right"
        style.threshold_line(ax, study.index, f"$k^* = {study.index:.0f}$", side=side)


def _sample_ticks(ax: Axes, samples: NDArray) -> None:
    """Plain counts on a logarithmic axis of less than two decades."""
    ax.set_xticks(samples, [f"{m:,}" for m in samples])
    ax.set_xticks([], minor=True)


def fates(runs: Sequence[SpectrumRuns], exact: Sequence[NDArray], names: Sequence[str]) -> Figure:
    """The noise that stays against the number of samples, for spectra of all three kinds."""
    fig, ax = style.subplots(height=4.6)
    n = runs[0].samples
    colors = (_SMOOTH, _DATA, _FIT, _THIRD, _FOURTH)
    for run, theory, name, color in zip(runs, exact, names, colors, strict=False):
        ax.plot(n, theory, color=color, linewidth=1.3, linestyle=(0, (1, 1.2)))
        style.band(ax, n, run.variance, color=color, marker="o", markersize=4, label=name)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="number of samples $n$",
        ylabel=r"noise that stays, $V / \sigma^2$",
        xlim=(n[0], n[-1]),
    )
    _sample_ticks(ax, n)
    style.label_curves(ax)
    return fig


def floor(
    masses: NDArray,
    variance: NDArray,
    bias: NDArray,
    grid: NDArray,
    exact: tuple[NDArray, NDArray, NDArray],
) -> Figure:
    """Noise and lost signal against the mass of the floor, simulated and exact."""
    fig, ax = style.subplots(height=4.3)
    noise, top, hidden = exact
    for values, theory, color, name in (
        (variance, noise, _FIT, "noise"),
        (bias, top, _DATA, "signal in the\ntop directions"),
    ):
        style.band(ax, masses, values, color=color, linestyle="none", marker="o", markersize=4.5)
        ax.plot(grid, theory, color=color, label=name)
    ax.plot(grid, hidden, color=_THIRD, label="signal in\nthe floor")
    ax.plot(grid, noise + top, color=style.MUTED, linestyle=(0, (4, 3)))
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="mass $T$ of the floor",
        ylabel="excess risk",
        xlim=(masses[0], masses[-1]),
        ylim=(1e-5, 30),
    )
    style.label_curves(ax, gap=30)
    return fig


def kernel_on_digits(results: Sequence[KernelNoise], names: Sequence[str]) -> Figure:
    """What two kernels do with noise on MNIST, beside what their spans say."""
    fig, axes = style.subplots(2, 1, height=7.0, sharex=True)
    for result, name, color in zip(results, names, (_SMOOTH, _FIT), strict=True):
        n = result.samples
        style.band(axes[0], n, result.distance, color=color, marker="o", markersize=4)
        style.band(axes[1], n, result.noise, color=color, marker="o", markersize=4, label=name)
        axes[1].plot(
            result.midpoints,
            np.median(result.rate, axis=0),
            color=color,
            linestyle=(0, (1, 1.2)),
            marker="s",
            markersize=4.5,
            markerfacecolor=style.BACKGROUND,
        )
    axes[0].set(yscale="log", ylabel="distance $D$ to the span")
    axes[1].set(
        xscale="log",
        ylim=(0, 1),
        ylabel=r"noise that stays, $V/\sigma^2$",
        xlabel="number of training digits $n$",
    )
    _sample_ticks(axes[1], n)
    axes[0].set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
    axes[0].set_yticks([], minor=True)
    style.label_curves(axes[1])
    return fig


def laplace_line(
    bandwidths: NDArray,
    exact: NDArray,
    parts: tuple[NDArray, NDArray],
    runs: Sequence[LaplaceRuns],
) -> Figure:
    """The exact risk of the Laplace kernel on a line against its length, over simulations."""
    fig, ax = style.subplots(height=4.3)
    ax.plot(bandwidths, exact, color=style.FOREGROUND, label="exact")
    ax.plot(bandwidths, parts[0], color=_DATA, linewidth=1.3, linestyle=(0, (4, 3)))
    ax.plot(bandwidths, parts[1], color=_FIT, linewidth=1.3, linestyle=(0, (4, 3)))
    for run, color, marker, size in zip(runs, (_SMOOTH, _THIRD), ("o", "."), (9, 8), strict=True):
        mean = run.excess.mean(axis=0)
        ax.errorbar(
            1 / run.kappas,
            mean,
            2 * run.stderr,
            fmt=marker,
            color=color,
            markersize=size,
            markerfacecolor=style.BACKGROUND if marker == "o" else color,
            linewidth=1.4,
            label=f"n = {run.n_samples:,}",
        )
    best = int(np.argmin(exact))
    ax.axhline(exact[best], color=style.MUTED, linewidth=1.0, linestyle=":")
    for name, place, color in (
        ("lost signal", (0.10, 0.56), _DATA),
        ("fitted noise", (0.06, 0.13), _FIT),
    ):
        ax.text(*place, name, transform=ax.transAxes, color=color, fontsize=11.5)
    ax.set(
        xscale="log",
        xlim=(bandwidths.min(), bandwidths.max()),
        ylim=(0, 1.08),
        xlabel="length of the kernel, in mean gaps between samples",
        ylabel=r"excess risk, $f_0^2 = \sigma^2 = 1$",
    )
    ax.legend(loc="upper right")
    return fig
