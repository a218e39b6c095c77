"""Figures of the page *Solving a million equations fast*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.experiments.kernel_regimes.batches import BatchStudy, StepStudy
    from fearless.experiments.kernel_regimes.conditioning import CorrectedSpectrum
    from fearless.experiments.kernel_regimes.solver_race import RaceEntry

__all__ = ["batch_speedups", "corrected", "normalized_spectra", "race", "step_cliff"]

_BEFORE, _AFTER = style.COLORS[0], style.COLORS[1]
_DOTS = (0, (1, 1.2))


def corrected(before: CorrectedSpectrum, after: CorrectedSpectrum, steps: int) -> Figure:
    """The spectrum of a kernel matrix, and of EigenPro's kernel for some number of directions."""
    fig, ax = style.subplots(height=3.9)
    index = np.arange(1, len(before.eigenvalues) + 1)
    ax.plot(index, before.eigenvalues, color=_BEFORE, label=r"$K$")
    ax.plot(index, after.eigenvalues, color=_AFTER, label=r"$K_q$", linewidth=2.6)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="index $i$",
        ylabel=r"eigenvalue $\lambda_i$",
        ylim=(5e-5, 1),
        xlim=(0.9, 1.1 * len(index)),
        title=(
            f"q = {after.rank}:   condition number {after.condition:,.3g},   "
            f"{steps:,} gradient steps"
        ),
    )
    if after.rank:
        ax.axvline(after.rank, color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    style.count_ticks(ax, index)
    ax.legend(loc="upper right")
    return fig


def normalized_spectra(spectra: Mapping[str, np.ndarray]) -> Figure:
    """Spectra of several operators over their largest eigenvalue: they end at 1 / kappa."""
    fig, ax = style.subplots(height=4.2)
    styles = ("-", (0, (5, 1.5)), "-", (0, (1, 1.2)))
    for (name, values), color, line in zip(spectra.items(), style.COLORS, styles, strict=False):
        ratio = values / values[0]
        ax.plot(np.arange(1, len(values) + 1), ratio, color=color, label=name, linestyle=line)
        condition = 1 / ratio[-1]
        text = f"{condition:,.0f}" if condition >= 100 else f"{condition:.1f}"
        style.name_point(ax, len(values), ratio[-1], text, color, (5, 0), va="center")
    longest = max(len(values) for values in spectra.values())
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="index $i$",
        ylabel=r"$\lambda_i / \lambda_1$",
        xlim=(0.9, 2.6 * longest),
        ylim=(1e-4, 1.6),
    )
    style.count_ticks(ax, np.array([1, longest]))
    ax.legend(loc="lower left")
    return fig


def batch_speedups(studies: Mapping[str, BatchStudy]) -> Figure:
    """What a batch is worth: measured speed-ups over the curves of the theory."""
    fig, ax = style.subplots(height=4.2)
    largest = max(study.batch_sizes[-1] for study in studies.values())
    ax.plot([1, largest], [1, largest], color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for (name, study), color in zip(studies.items(), (_BEFORE, _AFTER), strict=False):
        style.band(ax, study.batch_sizes, study.speedup, color=color, label=name)
        ax.plot(study.batch_sizes, study.theory, color=color, linestyle=_DOTS, linewidth=1.6)
        if study.critical < largest:
            ax.axvline(study.critical, color=color, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            ax.annotate(
                f"m* = {study.critical:.1f}",
                xy=(study.critical, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(5, 0),
                textcoords="offset points",
                color=color,
                fontsize=10.5,
                va="top",
            )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="batch size $b$",
        ylabel="steps with one sample\nper step with $b$",
        ylim=(0.8, 1.4 * largest),
    )
    style.count_ticks(ax, np.array([1, largest]))
    ax.legend(loc="lower right")
    return fig


def race(entries: Mapping[str, RaceEntry]) -> Figure:
    """Residual and test error of every solver against the clock."""
    fig, axes = style.subplots(2, 1, height=7.4, sharex=True)
    for (name, entry), color in zip(entries.items(), style.COLORS, strict=False):
        mark = {"marker": "*", "markersize": 13} if len(entry.seconds) == 1 else {}
        if entry.residuals is not None:
            axes[0].plot(entry.seconds, entry.residuals, color=color, label=name, **mark)
        axes[1].plot(entry.seconds, entry.test_error, color=color, label=name, **mark)
    axes[0].set(yscale="log", ylabel="relative residual")
    axes[1].set(xscale="log", yscale="log", ylabel="zero-one loss, test", xlabel="seconds")
    low = min(float(entry.test_error.min()) for entry in entries.values())
    ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if t >= 0.7 * low]
    axes[1].set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes[1].minorticks_off()
    seconds = np.concatenate([entry.seconds for entry in entries.values()])
    decades = 10.0 ** np.arange(-2, 4)
    ticks = [s * d for d in decades for s in (1, 2, 5)]
    ticks = [t for t in ticks if 0.8 * seconds.min() <= t <= 1.25 * seconds.max()]
    axes[1].set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes[1].legend(
        loc="upper center", bbox_to_anchor=(0.5, 1.22), ncols=3, columnspacing=1.2, fontsize=10.5
    )
    return fig


def step_cliff(study: StepStudy) -> Figure:
    """The residual after some epochs against the step size, over the verified limit."""
    fig, ax = style.subplots(height=3.7)
    style.band(ax, study.multiples, study.residuals, color=_AFTER)
    style.threshold_line(ax, 1.0, "limit")
    ax.axvline(study.theory, color=style.COLORS[2], linestyle=_DOTS, linewidth=1.8)
    ax.annotate(
        "theory",
        xy=(study.theory, 0.92),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        color=style.COLORS[2],
        fontsize=10.5,
    )
    ax.axhline(1, color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="step size over the verified limit",
        ylabel="relative residual",
        ylim=(0.4 * float(study.residuals.min()), 100),
    )
    ticks = [0.1, 0.2, 0.5, 1, 2]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    return fig
