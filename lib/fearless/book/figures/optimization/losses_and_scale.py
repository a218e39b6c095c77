"""Figures of the page *Losses and scale*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.equilibrium import EquilibriumSweep, SphereRuns
    from fearless.experiments.optimization.loss_curves import LossCurves
    from fearless.experiments.optimization.losses import LossComparison
    from fearless.experiments.optimization.normalized_digits import NoiselessRun, ScheduleRuns

__all__ = ["differences", "equilibria", "falls", "rest", "schedules", "settling", "step_sizes"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_LOSSES = ((_BLUE, "square loss"), (_ORANGE, "cross-entropy"))
_DASHED = (0, (4, 2.5))
_THEORY = {"color": style.FOREGROUND, "linewidth": 1.2, "linestyle": (0, (2, 1.5)), "zorder": 3}
_TASKS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "digits": "8 × 8 digits"}


def falls(curves: LossCurves) -> Figure:
    """Both losses along gradient descent, as shares of their first values."""
    fig, ax = style.subplots(height=4.0)
    shown = curves.steps >= 1
    for values, (color, label) in zip((curves.square, curves.cross_entropy), _LOSSES, strict=True):
        share = np.clip(values / values[:, :1], 1e-12, None)
        style.band(ax, curves.steps[shown], share[:, shown], color=color, label=label)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="steps $t$",
        ylabel="$L(w_t)\\,/\\,L(w_0)$",
        ylim=(1e-7, 2),
    )
    ends = np.array([1500.0, 12_000.0])
    ax.plot(ends, 30 / ends, color=style.FOREGROUND, linewidth=1.2, linestyle=(0, (2, 1.5)))
    style.name_point(ax, 4200, 30 / 4200, "1/t", style.FOREGROUND, (5, 4))
    style.count_ticks(ax, curves.steps[[1, -1]], decades_only=True)
    ax.legend(loc="lower left")
    return fig


def step_sizes(usual: LossComparison, small: LossComparison) -> Figure:
    """Test error against the step size, for both losses and two scales of the output layer."""
    fig, axes = style.subplots(2, 1, height=6.4, sharex=True)
    for ax, comparison, title in (
        (axes[0], usual, "usual initial weights"),
        (axes[1], small, "output layer a tenth of them"),
    ):
        for values, (color, label) in zip(comparison.test_error, _LOSSES, strict=True):
            style.band(ax, comparison.step_sizes, values, color=color, label=label, marker="o")
        ax.set(xscale="log", ylabel="test error", ylim=(0, 0.45))
        ax.set_title(title, fontsize=12)
        ax.set_xticks(comparison.step_sizes, [f"{eta:g}" for eta in comparison.step_sizes])
        style.percent(ax.yaxis)
    axes[1].set_xlabel(r"first step size $\eta$")
    axes[0].legend(loc="lower right", ncols=2)
    return fig


def differences(usual: Mapping[str, LossComparison], small: Mapping[str, LossComparison]) -> Figure:
    """Paired differences of the test errors of both losses, with intervals for their means."""
    from matplotlib.ticker import MultipleLocator

    fig, ax = style.subplots(height=4.6)
    ax.axvline(0, ymax=0.9, color=style.MUTED, linewidth=1.1, linestyle=_DASHED)
    names = list(reversed(usual))
    for row, name in enumerate(names):
        for comparison, middle, color, label in (
            (usual[name], row + 0.18, _ORANGE, "usual initial weights"),
            (small[name], row - 0.18, _BLUE, "output layer a tenth"),
        ):
            values = comparison.difference
            low, high = comparison.interval()
            ax.plot(values, np.full(len(values), middle + 0.08), "o", color=color, markersize=4,
                    alpha=0.5)  # fmt: skip
            ax.plot([low, high], [middle - 0.06] * 2, color=color, linewidth=3)
            ax.plot(values.mean(), middle - 0.06, "D", color=color, markersize=7,
                    label=label if row == 0 else None)  # fmt: skip
    ax.set_yticks(range(len(names)), [_TASKS[name] for name in names])
    ax.set(ylim=(-0.5, len(names) + 0.05))
    ax.set_xlabel("test error, square loss less cross-entropy")
    ax.xaxis.set_major_locator(MultipleLocator(0.01))
    ax.xaxis.set_major_formatter(lambda x, _: _points(x))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper right", ncols=2, columnspacing=1.2, handletextpad=0.2)
    return fig


def _points(share: float) -> str:
    return f"{100 * share:+.0f} %".replace("-", "\N{MINUS SIGN}") if abs(share) > 1e-9 else "0"


def settling(runs: SphereRuns) -> Figure:
    """Effective step size and loss on the way to equilibrium, for pairs with one product."""
    fig, axes = style.subplots(2, 1, height=6.4, sharex=True)
    shown = runs.steps >= 1
    steps, predicted = runs.steps[shown], runs.predicted_norm[:, shown]
    for p, color in enumerate((_BLUE, _ORANGE, _GREEN)):
        eta = runs.step_sizes[p]
        effective = eta / runs.norm[p][:, shown] ** 2
        style.band(axes[0], steps, effective, color=color, label=rf"$\eta = {eta:g}$")
        axes[0].plot(steps, eta / predicted[p] ** 2, **_THEORY)
        style.band(axes[1], steps, runs.loss[p][:, shown], kind="mean", color=color)
    axes[1].axhline(runs.predicted_loss, **_THEORY)
    for ax, top in zip(axes, (0.85, 1), strict=True):
        ax.axvline(
            runs.time_constant, ymax=top, color=style.MUTED, linewidth=1.1, linestyle=_DASHED
        )
    axes[0].set(yscale="log", ylabel=r"effective step $\eta\,/\,\|w_t\|^2$", ylim=(8e-4, 0.6))
    axes[0].legend(loc="upper right", ncols=3, columnspacing=1.2)
    axes[1].set(xscale="log", xlabel="steps $t$", ylabel="loss", ylim=(0, 0.53))
    style.count_ticks(axes[1], np.array([1, 10_000]), decades_only=True)
    axes[0].set_title(
        rf"$\eta\lambda$ = {runs.rate:g}:   time constant {runs.time_constant:,.0f} steps",
        fontsize=11.5,
    )
    return fig


def equilibria(sweep: EquilibriumSweep, times: np.ndarray) -> Figure:
    """Loss in equilibrium and time constants against the product, over their closed forms."""
    fig, axes = style.subplots(2, 1, height=6.6, sharex=True)
    axes[0].plot(sweep.grid, sweep.predicted_loss(sweep.grid), **_THEORY)
    marks = zip((_BLUE, _ORANGE, _GREEN), ("o", "s", "^"), (11, 8, 4.5), strict=True)
    for p, (color, marker, size) in enumerate(marks):
        mean, low, high = style.summarize(sweep.loss[p], "mean")
        axes[0].errorbar(
            sweep.rates,
            mean,
            (mean - low, high - mean),
            color=color,
            fmt=marker,
            markersize=size,
            markerfacecolor="none",
            markeredgewidth=1.6,
            label=rf"$\eta = {sweep.step_sizes[p]:g}$",
        )
    axes[0].set(ylabel="loss in equilibrium", ylim=(0, 0.53))
    axes[0].legend(loc="upper left")
    axes[1].plot(sweep.grid, sweep.time_constant(sweep.grid), **_THEORY)
    axes[1].plot(sweep.rates, times, "o", color=_PURPLE, markersize=7)
    axes[1].set(
        xscale="log", yscale="log", xlabel=r"$\eta\lambda$", ylabel="time constant, in steps"
    )
    return fig


def schedules(normalized: ScheduleRuns, ordinary: ScheduleRuns) -> Figure:
    """Training loss under four schedules, for networks without and with scale."""
    fig, axes = style.subplots(2, 1, height=7.2, sharex=True)
    for ax, runs, title in (
        (axes[0], normalized, "normalised: no scale"),
        (axes[1], ordinary, "ordinary: with a scale"),
    ):
        for p, color in enumerate((_BLUE, _ORANGE, _GREEN, _PURPLE)):
            style.band(ax, runs.steps, runs.loss[p], color=color, label=_phases(runs, p))
        ax.set(yscale="log", ylabel="training loss", ylim=(0.01, 4))
        ax.set_title(title, fontsize=12)
        top = 0.75 if runs is normalized else 1
        change = 0.25 * runs.steps[-1]
        ax.axvline(change, ymax=top, color=style.MUTED, linewidth=1.1, linestyle=_DASHED)
        ax.set_xlim(0, runs.steps[-1])
    axes[1].set_xlabel("steps $t$")
    axes[0].legend(loc="upper right", ncols=2, columnspacing=1.2)
    return fig


def _phases(runs: ScheduleRuns, p: int) -> str:
    return rf"{runs.names[p]}, ends at $\eta = {runs.end_step[p]:g}$"


def rest(run: NoiselessRun) -> Figure:
    """Loss and length of the weights of one network that is trained without noise."""
    fig, axes = style.subplots(2, 1, height=5.8, sharex=True)
    for i, color in enumerate((_BLUE, _ORANGE)):
        axes[0].plot(run.steps, run.loss[i], color=color, linewidth=1.3)
        axes[1].plot(run.steps, np.log2(run.norm[0, i]), color=color, linewidth=1.6)
    axes[0].set(yscale="log", ylabel="training loss", ylim=(1e-3, 20))
    axes[1].set(ylabel=r"$\log_2 \|W_1\|$", xlabel="steps $t$", xlim=(0, run.steps[-1]))
    ends = np.array([0.03, 0.17]) * run.steps[-1]
    fall = 3.1 + (ends - ends[0]) * np.log2(1 - run.rate)
    axes[1].plot(ends, fall, **_THEORY)
    style.name_point(axes[1], ends[0], fall[0], r"$(1 - \eta\lambda)^t$", style.FOREGROUND, (8, -1))
    return fig
