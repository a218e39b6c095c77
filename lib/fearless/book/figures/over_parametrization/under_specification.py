"""Figures of the page *Under-specification*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.over_parametrization.corrupted_digits import StressTests
    from fearless.experiments.over_parametrization.epidemic import Course, SIRFits
    from fearless.experiments.over_parametrization.underspecified import Fan

__all__ = ["corruptions", "erased", "fans", "forecast", "likelihoods", "reading_digits"]

_DATA, _FIT, _THEORY, _OTHER = style.COLORS[:4]


def forecast(cases: np.ndarray, fit: SIRFits, chosen: Course, others: Course) -> Figure:
    """The cases so far with one fit, above the course of the epidemic that this fit foretells.

    Parameters
    ----------
    cases : ndarray of shape (days,), int
    fit : SIRFits
        Of one infectious period.
    chosen, others : Course
        The course of ``fit``, and those of other periods for comparison.
    """
    fig, (past, future) = style.subplots(2, 1, height=6.4, height_ratios=[1, 1.25])
    days = len(cases)
    day = np.arange(1, days + 1)
    expected = 1e6 * chosen.new_cases.reshape(-1)[:days]
    past.plot(day, np.maximum(cases, 0.8), "o", color=_DATA, markersize=5.5)
    past.plot(day, expected, color=_FIT)
    past.set(
        yscale="log",
        xlim=(0, days + 1),
        ylim=(0.7, 1500),
        xlabel="day",
        ylabel="new cases a day",
        title=f"Infectious for D = {fit.period[0]:.3g} days:  deviance {fit.deviance.flat[0]:.2f}",
    )
    past.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    for row in others.infected:
        future.plot(others.days, row, color=style.MUTED, alpha=0.4, linewidth=1)
    future.plot(chosen.days, chosen.infected.reshape(-1), color=_FIT, linewidth=2.6)
    future.axvspan(0, days, color=_DATA, alpha=0.13, zorder=0)
    future.text(days + 3, 0.385, "the data end here", color=_DATA, fontsize=11, va="top")
    future.set(
        xlim=(0, others.days[-1]),
        ylim=(0, 0.4),
        xlabel="day",
        ylabel="infectious share $i(t)$",
        title=f"$R_0$ = {fit.reproduction_number.flat[0]:.2f}:  peak {fit.peak.flat[0]:.1%},  "
        f"{fit.final_size.flat[0]:.0%} infected in the end",
    )
    style.percent(future.yaxis)
    return fig


def likelihoods(periods: np.ndarray, deviances: Mapping[int, np.ndarray]) -> Figure:
    """What the data say about the infectious period, for several lengths of the data.

    Parameters
    ----------
    periods : ndarray of shape (k,)
    deviances : mapping of int to ndarray of shape (seeds, k)
        Deviances by the number of days of data; the least one of each seed is subtracted here.
    """
    fig, ax = style.subplots(height=4.4)
    for (days, values), color in zip(deviances.items(), style.COLORS, strict=False):
        excess = values - values.min(axis=1, keepdims=True)
        style.band(ax, periods, excess, color=color, label=f"{days} days")
    ax.axhline(3.84, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    ax.text(periods[-1], 4.0, "rejected above", color=style.MUTED, fontsize=10.5, ha="right")
    ax.set(
        xlabel="infectious period $D$ assumed, in days",
        ylabel="deviance above the best",
        xlim=(periods[0], periods[-1]),
        ylim=(-0.15, 10),
    )
    fig.legend(loc="outside upper center", ncols=len(deviances), title="cases known for")
    return fig


def fans(linear: Fan, features: Fan) -> Figure:
    """Risks of interpolants as test inputs move: linear model with theory, and ReLU features.

    Parameters
    ----------
    linear, features : Fan
    """
    fig, axes = style.subplots(2, 1, height=7.0)
    _fan(axes[0], linear, "linear model, 40 starts of gradient descent")
    _fan(axes[1], features, "ReLU features, 40 draws of the features")
    axes[0].plot(linear.shifts, linear.mean, color=_THEORY, linewidth=2.4)
    above = linear.mean + linear.deviation
    axes[0].plot(linear.shifts, above, color=_THEORY, linestyle=(0, (4, 2)), linewidth=1.8)
    return fig


def _fan(ax: Axes, fan: Fan, title: str) -> None:
    for row in fan.risks:
        ax.plot(fan.shifts, row, color=_FIT, alpha=0.35, linewidth=1)
    ax.set(
        yscale="log",
        xlabel="shift of the test inputs, in lengths of an input",
        ylabel="risk / risk of predicting 0",
        xlim=(fan.shifts[0], fan.shifts[-1]),
        title=title,
    )
    low, high = ax.get_ylim()
    steps = (1,) if high / low > 100 else (1, 2, 5)
    ticks = [step * 10.0**k for k in range(-4, 5) for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def corruptions(images: Mapping[str, np.ndarray]) -> Figure:
    """One digit under several corruptions.

    Parameters
    ----------
    images : mapping of str to ndarray of shape (28, 28)
    """
    columns = -(-len(images) // 2)
    fig, axes = style.subplots(2, columns, height=3.4)
    for ax in axes.flat[len(images) :]:
        ax.set_axis_off()
    for ax, (name, image) in zip(axes.flat, images.items(), strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():  # a white frame must end somewhere on a white page
            spine.set(visible=True, color=style.MUTED, linewidth=1)
        ax.set_title(name, fontsize=11.5, loc="center", pad=4)
    return fig


def reading_digits(result: StressTests, order: Sequence[str]) -> Figure:
    """Accuracies on every test, a dot a network; the best one on held-out digits is marked.

    Parameters
    ----------
    result : StressTests
    order : sequence of str
        The tests from top to bottom; the first is the held-out one.
    """
    fig, ax = style.subplots(height=0.52 * len(order) + 1.1)
    rng = np.random.default_rng(0)
    best = int(np.argmax(result.accuracy[result.index(order[0])]))
    for row, name in enumerate(order):
        values = result.accuracy[result.index(name)]
        height = row + rng.uniform(-0.2, 0.2, len(values))
        color = _DATA if row == 0 else _FIT
        ax.plot(values, height, "o", color=color, markersize=4.5, alpha=0.55)
        ax.plot(
            values[best], height[best], "D", markersize=7.5, color=_THEORY,
            markeredgecolor=style.FOREGROUND, markeredgewidth=0.9,
        )  # fmt: skip
    ax.set_yticks(range(len(order)), order)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="share of digits read correctly")
    style.percent(ax.xaxis)
    return fig


def erased(before: StressTests, after: StressTests, order: Sequence[str]) -> Figure:
    """Spreads over seeds, free of sampling noise, before and after unseen weights are erased.

    Parameters
    ----------
    before, after : StressTests
    order : sequence of str
        The tests from top to bottom.
    """
    fig, ax = style.subplots(height=0.5 * len(order) + 1.5)
    rows = np.arange(len(order))
    n_seeds = before.correct.shape[1]
    for result, color, marker, label in (
        (before, _FIT, "o", "as trained"),
        (after, _THEORY, "D", "unseen weights erased"),
    ):
        spread = np.array([result.spread(name).true for name in order])
        measured = np.array([result.spread(name).measured for name in order])
        # The variance of a sample standard deviation of normal values, carried to the true one.
        error = measured**2 / np.maximum(spread, 1e-9) / np.sqrt(2 * (n_seeds - 1))
        error = np.minimum(error, spread)
        ax.errorbar(
            spread, rows + (0.12 if marker == "D" else -0.12), xerr=2 * error, fmt=marker,
            color=color, label=label, markersize=6.5, elinewidth=1.4,
        )  # fmt: skip
    ax.axvline(
        before.spread(order[0]).true, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 3))
    )
    ax.set_yticks(rows, order)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="standard deviation of the accuracy over seeds", xlim=(0, None))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    fig.legend(loc="outside upper center", ncols=2)
    return fig
