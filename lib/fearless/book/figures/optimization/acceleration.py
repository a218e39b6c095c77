"""Figures of the page *Acceleration, and how momentum can fail*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.optimization.accelerated_digits import DigitRun
    from fearless.experiments.optimization.batch_regimes import BatchRegimes
    from fearless.experiments.optimization.deterministic_race import RaceCurve
    from fearless.experiments.optimization.orthogonal_equations import (
        BestRates,
        EquationRun,
        RadiusCurves,
    )

__all__ = ["batches", "digits", "equations", "gains", "race", "radii"]

_DOTS = (0, (1, 1.2))
_DASHES = (0, (4, 3))
# One colour a method, on all figures.
_COLORS = {
    "gradient descent": style.COLORS[0],
    "SGD": style.COLORS[0],
    "Nesterov": style.COLORS[1],
    "MaSS": style.COLORS[2],
    "heavy ball": style.COLORS[2],
    "Chebyshev": style.COLORS[3],
    "conjugate gradients": style.FOREGROUND,
    "EigenPro": style.COLORS[3],
    "EigenPro + MaSS": style.FOREGROUND,
}


def race(curves: Mapping[str, RaceCurve], steps: int = 160) -> Figure:
    """Errors of five methods with exact gradients, and the slopes of the theory."""
    fig, ax = style.subplots(height=4.4)
    times = np.arange(steps + 1)
    for name, curve in curves.items():
        color = _COLORS[name]
        style.band(ax, times, curve.errors[:, : steps + 1], color=color, label=name)
        if curve.bound is None:
            ax.plot(times, curve.predicted**times, color=color, linestyle=_DOTS, linewidth=1.6)
        elif name == "Chebyshev":
            ax.plot(times, curve.bound[: steps + 1], color=color, linestyle=_DOTS, linewidth=1.6)
    ax.set(
        yscale="log",
        xlabel="gradients $t$",
        ylabel=r"error $(L(w_t)/L(w_0))^{1/2}$",
        xlim=(0, steps),
        ylim=(1e-10, 3),
    )
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, 1.26), ncols=2, columnspacing=1.2)
    return fig


def radii(curves: RadiusCurves, reference: float) -> Figure:
    """Steps per factor e of the squared error against the step size, at one momentum."""
    fig, ax = style.subplots(height=4.3)
    entries = (
        ("exact gradients", curves.exact, curves.exact_limit, _COLORS["gradient descent"]),
        ("one equation a step", curves.stochastic, curves.stochastic_limit, _COLORS["Nesterov"]),
    )
    best = []
    for name, factors, limit, color in entries:
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(factors < 1 - 1e-9, -1 / np.log(factors), np.nan)
        ax.plot(curves.step_sizes, steps, color=color, label=name)
        ax.axvspan(limit, curves.step_sizes[-1], color=color, alpha=0.12, linewidth=0)
        at = int(np.nanargmin(steps))
        best.append(steps[at])
        ax.plot(curves.step_sizes[at], steps[at], "o", color=color, markersize=7)
    ax.axhline(reference, color=style.MUTED, linewidth=1.1, linestyle=_DASHES)
    ax.annotate(
        "SGD at its best",
        xy=(1, reference),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        color=style.MUTED,
        fontsize=11,
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"step size $\eta \lambda_1$",
        ylabel="steps per factor $e$",
        xlim=(curves.step_sizes[0], curves.step_sizes[-1]),
        ylim=(3, 3e4),
        title=(
            f"γ = {curves.momentum:g}:  at best {best[0]:,.0f} exact, {best[1]:,.0f} random steps"
        ),
    )
    ax.legend(loc="upper right")
    return fig


def gains(rates: Sequence[BestRates]) -> Figure:
    """How many times faster than SGD Nesterov's method and MaSS are, over the condition number."""
    fig, ax = style.subplots(height=4.1)
    for entry, line in zip(rates, ("-", _DASHES), strict=True):
        q = f"q = {entry.noise:g}"
        ax.plot(
            entry.conditions,
            entry.nesterov,
            color=_COLORS["Nesterov"],
            linestyle=line,
            label=f"Nesterov, {q}",
        )
        ax.axhline(entry.ceiling, color=_COLORS["Nesterov"], linestyle=_DOTS, linewidth=1.2)
        ax.plot(
            entry.conditions,
            entry.mass,
            color=_COLORS["MaSS"],
            linestyle=line,
            label=f"MaSS, {q}",
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=r"condition number $\kappa$",
        ylabel="times as fast as SGD",
        ylim=(0.9, 60),
    )
    ax.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    style.count_ticks(ax, rates[0].conditions, decades_only=True)
    ax.legend(loc="upper left")
    return fig


def equations(runs: Mapping[str, EquationRun]) -> Figure:
    """Losses of many runs, and their expectation, one random equation a step."""
    fig, ax = style.subplots(height=4.6)
    lines = []
    for name, run in runs.items():
        color = _COLORS[name.split(",")[0]]
        line = "--" if "tuned" in name else "-"
        seen = np.isfinite(run.loss).all(axis=0) & (run.expected < 1e30)
        lines.append(
            style.band(
                ax,
                run.steps[seen],
                np.maximum(run.quantiles()[:, seen], 1e-30),
                color=color,
                label=name,
                linestyle=line,
            )
        )
        ax.plot(run.steps[seen], run.expected[seen], color=color, linestyle=_DOTS, linewidth=1.6)
    ax.set(
        yscale="log",
        xlabel="steps $t$, one equation each",
        ylabel="loss $L(w_t)/L(w_0)$",
        xlim=(0, max(run.steps[-1] for run in runs.values())),
        ylim=(1e-9, 1e6),
    )
    ax.legend(handles=lines, loc="upper right", fontsize=11)
    return fig


def batches(regimes: BatchRegimes) -> Figure:
    """Steps to a small loss against the batch size, predicted and counted."""
    fig, ax = style.subplots(height=4.3)
    sizes = regimes.batch_sizes
    for name, steps in regimes.steps.items():
        color = _COLORS[name]
        style.band(ax, sizes, steps, color=color, label=name)
        ax.plot(sizes, regimes.predicted[name], color=color, linestyle=_DOTS, linewidth=1.8)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="batch size $b$",
        ylabel="steps to 1 % of the loss",
    )
    low, high = ax.get_ylim()
    ax.set_ylim(low, 2 * high)
    for at, label in (
        (regimes.linear, r"$\beta/\lambda_1$"),
        (regimes.saturated, r"$\tilde\kappa$"),
    ):
        style.threshold_line(ax, at, label)
    style.count_ticks(ax, sizes, decades_only=True)
    ticks = [20, 50, 100, 200, 500, 1000, 2000]
    ticks = [tick for tick in ticks if low <= tick <= 2 * high]
    ax.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.92))
    return fig


def digits(runs: Mapping[str, DigitRun]) -> Figure:
    """Training losses on digits, pass by pass, over their expectations."""
    fig, ax = style.subplots(height=4.6)
    lines = []
    for name, run in runs.items():
        lines.append(_expected_and_mean(ax, run, name))
    ax.set(
        yscale="log",
        xlabel="passes over the digits",
        ylabel="training loss, relative",
        xlim=(0, next(iter(runs.values())).passes[-1]),
        ylim=(1e-6, 1e3),
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.45, 1.28), ncols=2)
    return fig


def _expected_and_mean(ax: Axes, run: DigitRun, name: str):
    color = _COLORS[name]
    line = style.band(ax, run.passes, run.loss, kind="mean", color=color, label=name)
    ax.plot(run.passes, run.expected, color=color, linestyle=_DOTS, linewidth=2.2)
    return line
