"""Figures of the page *SGD under interpolation*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.batch_runs import BatchRun, Prediction
    from fearless.experiments.optimization.constant_step import FeatureRuns, StreamRuns
    from fearless.experiments.optimization.linear_scaling import LinearRule
    from fearless.experiments.optimization.one_step import FirstSteps

__all__ = ["batch", "features", "linear_rule", "speedups", "stream"]

_BLUE, _ORANGE, _GREEN, _PURPLE = style.COLORS[:4]
_DASHES = (0, (4, 2.5))
_LOSS = "$L(w_t)\\;/\\;L(w_0)$"


def stream(runs: StreamRuns) -> Figure:
    """Squared distance on a stream of samples, for several noise levels, over its closed form."""
    fig, ax = style.subplots(height=4.2)
    for k, color in enumerate((_BLUE, _GREEN, _PURPLE, _ORANGE)):
        _mean(ax, runs.steps, runs.mean[k], runs.error[k], color, f"σ = {runs.noise[k]:g}")
        ax.plot(runs.steps, runs.expected[k], color=style.FOREGROUND, lw=1.0, linestyle=_DASHES)
    ax.set(
        yscale="log",
        xlabel="step $t$",
        ylabel=r"$\mathrm{E}\,\Vert w_t - w^*\Vert^2$",
        xlim=(0, runs.steps[-1]),
        ylim=(1e-7, 2),
    )
    style.label_curves(ax)
    return fig


def features(results: Sequence[FeatureRuns]) -> Figure:
    """Loss of SGD with a constant step on the same noisy targets, for several p."""
    fig, ax = style.subplots(height=4.4)
    colors = (_ORANGE, _PURPLE, _GREEN, _BLUE)
    for result, color in zip(results, colors, strict=True):
        style.band(
            ax,
            result.steps,
            result.losses,
            kind="mean",
            color=color,
            label=f"p = {result.n_features}",
        )
        ax.plot(result.steps, result.expected, color=style.FOREGROUND, lw=1.0, linestyle=_DASHES)
    ax.set(
        yscale="log",
        xlabel="step $t$",
        ylabel="$L(w_t)$",
        xlim=(0, results[0].steps[-1]),
        ylim=(1e-9, 2),
    )
    style.label_curves(ax)
    return fig


def speedups(
    cases: Mapping[str, tuple[Prediction, Sequence[BatchRun]]], first: FirstSteps
) -> Figure:
    """What a batch is worth, predicted and counted, one panel each problem.

    Parameters
    ----------
    cases : mapping
        From titles to predictions and runs.
    first : FirstSteps
        Measured single steps of the first problem.
    """
    fig, axes = style.subplots(len(cases), 1, height=3.5 * len(cases), sharex=True)
    for ax, (title, (prediction, runs)) in zip(axes, cases.items(), strict=True):
        ax.plot(
            prediction.batch_sizes,
            prediction.worst_case,
            color=_BLUE,
            linestyle=":",
            label="$s(b)$, the worst case",
        )
        _speedup_curve(ax, prediction, runs)
        _speedup_axes(ax, prediction.critical)
        ax.set_title(title)
    axes[0].errorbar(
        first.batch_sizes,
        first.speedup,
        2 * first.speedup_error,
        fmt="s",
        color=_BLUE,
        markersize=5.5,
        label="one step, measured",
    )
    axes[0].legend(loc="lower right")
    for ax in axes[:-1]:
        ax.set_xlabel("")
    return fig


def batch(run: BatchRun, single: BatchRun, prediction: Prediction) -> Figure:
    """One batch size: its loss curve over its prediction, and its place on the speed-up curve.

    Parameters
    ----------
    run : BatchRun
        Runs with this batch size.
    single : BatchRun
        Runs with one sample a step.
    prediction : Prediction
        For all batch sizes, for the curve below.
    """
    fig, axes = style.subplots(2, 1, height=6.6, height_ratios=(3, 2.4))
    top, bottom = axes
    top.plot(single.steps[1:], single.expected[1:], color=style.MUTED, lw=1.2, label="b = 1")
    _mean(top, run.steps[1:], run.mean[1:], run.error[1:], _ORANGE, f"b = {run.batch_size}")
    top.plot(
        run.steps[1:],
        run.expected[1:],
        color=style.FOREGROUND,
        lw=1.0,
        linestyle=_DASHES,
        label="predicted",
    )
    top.axhline(prediction.share, color=style.MUTED, lw=1.0, linestyle=":")
    top.set(
        xscale="log", yscale="log", xlabel="step $t$", ylabel=_LOSS, xlim=(1, 2000), ylim=(4e-3, 1)
    )
    top.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    gain = prediction.steps[0] / run.counted[1]
    top.set_title(
        f"b = {run.batch_size}:   {run.counted[1]:,.0f} steps,   "
        f"{run.counted[1] * run.batch_size:,.0f} gradients",
        fontsize=11.5,
    )
    top.legend(loc="center left")
    bottom.plot(prediction.batch_sizes, prediction.speedup, color=style.FOREGROUND, lw=1.2)
    bottom.plot([run.batch_size], [gain], "o", color=_ORANGE, markersize=9, zorder=4)
    _speedup_axes(bottom, prediction.critical)
    bottom.set_ylabel("speed-up")
    return fig


def linear_rule(result: LinearRule) -> Figure:
    """The loss after a fixed number of steps, with steps in proportion to the batch, and best."""
    fig, ax = style.subplots(height=4.2)
    ceiling = 1e6
    for values, color, name in (
        (result.linear, _ORANGE, r"$\eta = b\,\eta^*(1)$"),
        (result.best, _BLUE, r"$\eta = \eta^*(b)$"),
    ):
        style.band(
            ax, result.batch_sizes, np.minimum(values, ceiling), color=color, label=name, marker="o"
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="batch size $b$",
        ylabel=f"$L / L_0$ after {result.n_steps} steps",
        ylim=(1e-7, ceiling),
    )
    style.count_ticks(ax, result.batch_sizes)
    style.threshold_line(ax, result.critical, "$m^*$", side="left")
    name = style.threshold_line(ax, result.limit, "exact limit")
    name.xy = (result.limit, 0.12)  # below the curves, which go off the chart at the top
    ax.legend(loc="upper left")
    return fig


def _mean(
    ax: Axes, x: np.ndarray, mean: np.ndarray, error: np.ndarray, color: str, label: str
) -> None:
    """Draw a mean with a band of two standard errors."""
    ax.plot(x, mean, color=color, label=label, lw=2.4)
    low = np.maximum(mean - 2 * error, 1e-3 * mean)
    ax.fill_between(x, low, mean + 2 * error, color=color, alpha=0.25, linewidth=0)


def _speedup_curve(ax: Axes, prediction: Prediction, runs: Sequence[BatchRun]) -> None:
    """Draw the predicted speed-up as a line and the counted one as points with error bars."""
    ax.plot(
        prediction.batch_sizes,
        prediction.speedup,
        color=style.FOREGROUND,
        lw=1.4,
        label="predicted",
    )
    counted = np.array([run.counted for run in runs])  # a short count is a large speed-up
    gain = prediction.steps[0] / counted
    ax.errorbar(
        prediction.batch_sizes,
        gain[:, 1],
        np.abs(gain[:, [2, 0]] - gain[:, 1:2]).T,
        fmt="o",
        color=_ORANGE,
        markersize=6,
        label="counted",
    )


def _speedup_axes(ax: Axes, critical: float) -> None:
    """Scale the axes alike, draw the diagonal and the critical batch size."""
    top = 40
    ax.plot([1, top], [1, top], color=style.MUTED, lw=1.1, linestyle=_DASHES, zorder=1)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="batch size $b$",
        ylabel="steps with $b = 1$\nper step with $b$",
        ylim=(0.8, top),
    )
    ax.set_yticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    ticks = [1, 2, 4, 8, 16, 32, 64, 128]
    ax.set_xticks(ticks, [str(m) for m in ticks])
    ax.set_xlim(0.9, 140)
    style.threshold_line(ax, critical, "$m^*$")
