"""Figures of the page *What you see is not what you get*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.interpolation.high_precision import LineFits
    from fearless.experiments.interpolation.noisy_labels import NoisyFits, NormGrowth
    from fearless.experiments.interpolation.noisy_networks import NetworkFits
    from fearless.experiments.interpolation.tasks import LabelledDigits

__all__ = [
    "bounds_on_trial",
    "errors_against_noise",
    "line_on_paper",
    "networks_against_noise",
    "norm_growth",
    "sample_of_labels",
]

_TRAIN, _LAPLACIAN, _BAYES, _GAUSSIAN = (style.COLORS[i] for i in (0, 1, 2, 3))
_NETWORK = style.COLORS[5]
_BAYES_STYLE = {"color": _BAYES, "linewidth": 1.8, "linestyle": (0, (4, 2))}


def sample_of_labels(
    digits: LabelledDigits, rate: float, test_error: Mapping[str, float], bayes: float, right: float
) -> Figure:
    """Training images with the labels given, above the errors of machines that fitted them.

    Parameters
    ----------
    digits : LabelledDigits
    rate : float
        The noise level.
    test_error : mapping of str to float
        Error of each machine against noisy test labels.
    bayes : float
        Error of the best rule, or a lower bound.
    right : float
        Share of clean test images that the first machine reads rightly.
    """
    fig, (top, bottom) = style.subplots(2, 1, height=6.2, height_ratios=[1.15, 1])
    _draw_digits(top, digits)
    fig.suptitle(
        f"{rate:.0%} random labels: {right:.0%} of new digits read rightly",
        x=0.02,
        ha="left",
        fontsize=12.5,
    )
    bars = {"training error": 0.0, "least possible error": bayes, **test_error}
    colors = (_TRAIN, _BAYES, _LAPLACIAN, _GAUSSIAN)
    for place, (name, value), color in zip(
        range(len(bars) - 1, -1, -1), bars.items(), colors, strict=False
    ):
        bottom.barh(place, value, height=0.34, color=color)
        bottom.annotate(
            f"{name}: {value:.0%}",
            (0, place + 0.2),
            xytext=(1, 1),
            textcoords="offset points",
            va="bottom",
            fontsize=11,
        )
    bottom.axvline(0.9, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 3)))
    bottom.annotate(
        "guessing",
        (0.9, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
        fontsize=10.5,
        color=style.MUTED,
    )
    bottom.set(
        xlim=(0, 1.05),
        ylim=(-0.3, len(bars) - 0.25),
        xlabel="error on new labels with the same noise",
        yticks=[],
    )
    style.percent(bottom.xaxis)
    return fig


def errors_against_noise(fits: Sequence[Mapping[str, NoisyFits]]) -> Figure:
    """Test error of interpolating machines against the noise level, a panel a task.

    Parameters
    ----------
    fits : sequence of mappings
        For each task the fits by the name of the kernel, "Laplacian" and "Gaussian".
    """
    fig, axes = style.subplots(len(fits), 1, height=2.75 * len(fits), sharex=True)
    for ax, by_kernel in zip(np.atleast_1d(axes), fits, strict=True):
        for name, color in (("Gaussian", _GAUSSIAN), ("Laplacian", _LAPLACIAN)):
            style.band(ax, 100 * by_kernel[name].levels, by_kernel[name].test_error, color=color)
        first = by_kernel["Laplacian"]
        ax.plot(100 * first.levels, first.bayes_error, **_BAYES_STYLE)
        style.band(ax, 100 * first.levels, first.train_error, color=_TRAIN)
        chance = 1 - 1 / first.task.n_classes
        ax.axhline(chance, color=style.MUTED, linewidth=1.1, linestyle=(0, (1, 2)))
        ax.set(ylabel="error", title=first.task.name, ylim=(-0.03 * chance, 1.1 * chance))
        style.percent(ax.yaxis)
    _legend(
        axes[0],
        [
            ("Gaussian kernel", _GAUSSIAN, "-"),
            ("Laplacian kernel", _LAPLACIAN, "-"),
            ("least possible", _BAYES, (0, (4, 2))),
            ("training error, both", _TRAIN, "-"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.0, 0.9),
    )
    axes[0].annotate(
        "guessing",
        (1, 1 / 2),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=10.5,
        color=style.MUTED,
    )
    axes[-1].set_xlabel(r"random labels $\varepsilon$")
    _percent_labels(axes[-1], first.levels)
    return fig


def bounds_on_trial(fits: Sequence[Mapping[str, NoisyFits]]) -> Figure:
    """Margin bounds above the errors that they bound, on a logarithmic axis, a panel a task.

    Parameters
    ----------
    fits : sequence of mappings
        As for `errors_against_noise`.
    """
    fig, axes = style.subplots(len(fits), 1, height=2.75 * len(fits), sharex=True)
    for ax, by_kernel in zip(np.atleast_1d(axes), fits, strict=True):
        first = by_kernel["Laplacian"]
        levels = 100 * first.levels
        ax.axhspan(1, 100, color=style.MUTED, alpha=0.13, zorder=0)
        style.band(ax, levels, by_kernel["Gaussian"].bound(), color=_GAUSSIAN)
        style.band(ax, levels, first.bound(), color=_LAPLACIAN)
        style.band(ax, levels, _positive(first.test_error), color=_LAPLACIAN, linestyle=":")
        ax.plot(
            levels, np.where(first.bayes_error < 1e-3, np.nan, first.bayes_error), **_BAYES_STYLE
        )
        ax.set(yscale="log", ylim=(0.03, 60), ylabel="error", title=first.task.name)
        ax.set_yticks([0.1, 1, 10], ["10%", "100%", "1000%"])
    ax, first = axes[0], fits[0]["Laplacian"]
    middle = len(first.levels) // 2
    x, bound = 100 * first.levels[middle], first.bound()[:, middle]
    top = fits[0]["Gaussian"].bound()[:, middle]
    _beside(ax, x, np.max(top), "bound, Gaussian kernel", _GAUSSIAN)
    _beside(ax, x, np.min(bound), "bound, Laplacian kernel", _LAPLACIAN, above=False)
    for height, text, color in (
        (0.17, "error, Laplacian kernel (dotted)", _LAPLACIAN),
        (0.04, "least possible error (dashed)", _BAYES),
    ):
        ax.text(
            0.98,
            height,
            text,
            transform=ax.transAxes,
            ha="right",
            color=color,
            fontsize=10.5,
            fontweight="bold",
        )
    ax.text(
        0.98,
        0.95,
        "nothing promised",
        transform=ax.transAxes,
        ha="right",
        va="top",
        fontsize=10.5,
        color=style.MUTED,
    )
    axes[-1].set_xlabel(r"random labels $\varepsilon$")
    _percent_labels(axes[-1], first.levels)
    return fig


def norm_growth(
    growth: Mapping[str, NormGrowth], floors: Sequence[float], *, columns: Sequence[int]
) -> Figure:
    r"""Complexity term :math:`2 \|f_n\| / \sqrt n` against the number of samples.

    Parameters
    ----------
    growth : mapping of str to NormGrowth
        By the name of the kernel, "Laplacian" and "Gaussian".
    floors : sequence of float
        For each level its floor of ``norm / sqrt(n)``.
    columns : sequence of int
        Which two levels to show, a panel each.
    """
    fig, axes = style.subplots(1, len(columns), height=3.7, sharey=True)
    for ax, column in zip(axes, columns, strict=True):
        for name, color in (("Gaussian", _GAUSSIAN), ("Laplacian", _LAPLACIAN)):
            run = growth[name]
            term = 2 * run.norm[:, column] / np.sqrt(run.sizes)
            style.band(ax, run.sizes, term, color=color)
            _beside(ax, run.sizes[-2], np.median(term[:, -2]), name, color, ha="right")
        level = 2 * floors[column]
        ax.axhline(level, **_BAYES_STYLE)
        _beside(ax, run.sizes[-2], level, "floor, any kernel", _BAYES, ha="right", above=level < 1)
        ax.axhspan(1, 100, color=style.MUTED, alpha=0.13, zorder=0)
        ax.set(
            xscale="log",
            yscale="log",
            ylim=(0.5, 14),
            xlabel="samples $n$",
            title=f"{run.levels[column]:.0%} random labels",
        )
        ax.set_xticks([100, 400, 1600], ["100", "400", "1600"])
        ax.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        ax.minorticks_off()
    axes[0].set_ylabel(r"complexity term $2\,\|f_n\|/\sqrt{n}$")
    return fig


def networks_against_noise(
    networks: Sequence[NetworkFits], machines: Sequence[NoisyFits]
) -> Figure:
    """Test error and training time of ReLU networks against the noise level.

    Parameters
    ----------
    networks : sequence of NetworkFits
        One a task; training times are drawn for the last one.
    machines : sequence of NoisyFits
        Kernel machines on as many samples, for comparison.
    """
    rows = len(networks)
    fig, axes = style.subplots(rows + 1, 1, height=2.0 * rows + 2.9, sharex=True)
    for ax, result, kernel in zip(axes, networks, machines, strict=False):
        levels = 100 * result.levels
        network = style.band(ax, levels, result.test_error, color=_NETWORK)
        machine = style.band(ax, levels, kernel.test_error, color=_LAPLACIAN)
        train = style.band(ax, levels, result.train_error, color=_TRAIN)
        (bayes,) = ax.plot(levels, kernel.bayes_error, **_BAYES_STYLE)
        guessing = 1 - 1 / result.task.n_classes
        ax.axhline(guessing, color=style.MUTED, linewidth=1.1, linestyle=(0, (1, 2)))
        ax.set(ylabel="error", ylim=(-0.03, guessing + 0.12), title=result.task.name)
        style.percent(ax.yaxis)
    fig.legend(
        [network, machine, bayes, train],
        ["network", "Laplacian kernel machine", "least possible", "training error, both"],
        loc="outside upper left",
        ncols=2,
        fontsize=10.5,
    )
    style.band(axes[rows], levels, networks[-1].epochs, color=_NETWORK)
    axes[rows].set(
        ylabel="epochs to fit",
        ylim=(0, None),
        xlabel=r"random labels $\varepsilon$",
        title=f"{networks[-1].task.name}: training time",
    )
    _percent_labels(axes[rows], networks[-1].levels)
    return fig


def line_on_paper(runs: Sequence[LineFits]) -> Figure:
    """The Gaussian interpolant on a line: on paper, in double precision, and its norm.

    Parameters
    ----------
    runs : sequence of LineFits
        Different seeds; the fits of the first one are drawn.
    """
    fig, axes = style.subplots(3, 1, height=8.0, height_ratios=[1, 1, 1.15])
    first = runs[0]
    panels = (
        (first.exact, f"Gaussian kernel, {first.digits} digits", _GAUSSIAN),
        (first.double, "Gaussian kernel, 16 digits", style.COLORS[4]),
    )
    for ax, (values, title, color) in zip(axes, panels, strict=False):
        ax.axhline(0, color=style.MUTED, linewidth=0.9)
        # Beyond the frame the exact fit reaches values that no renderer likes.
        ax.plot(first.grid, np.clip(values, -9, 9), color=color, linewidth=1.6)
        ax.plot(first.grid, np.where(first.grid > 0.5, 1, -1), **_BAYES_STYLE)
        ax.plot(first.x, first.y, "o", color=_TRAIN, markersize=5, zorder=3)
        ax.set(xlim=(0, 1), ylim=(-2.6, 2.6), ylabel="$y$", title=title)
    axes[1].set_xlabel("$x$")
    n = np.arange(1, len(first.x) + 1)
    style.band(axes[2], n, [run.log10_norm for run in runs], color=_GAUSSIAN)
    axes[2].set(
        xlabel="samples $n$",
        ylabel=r"$\|f_n\|$",
        xlim=(0, len(n)),
        ylim=(-1, None),
        title="norm of the exact interpolant",
    )
    top = int(max(run.log10_norm.max() for run in runs))
    ticks = np.arange(0, top + 1, 10)
    axes[2].set_yticks(ticks, [f"$10^{{{t}}}$" for t in ticks])
    axes[2].plot(n, np.log10(np.sqrt(n)), color=_BAYES, linestyle=(0, (4, 2)))
    _beside(axes[2], n[-1], np.log10(np.sqrt(n[-1])), r"$\sqrt{n}$", _BAYES, ha="right")
    return fig


def _draw_digits(ax: Axes, digits: LabelledDigits, columns: int = 8) -> None:
    """Show the images in rows, the given label below each, wrong ones in colour."""
    rows = len(digits.images) // columns
    edge, gap, below = 28, 8, 14
    mosaic = np.full((rows * (edge + below), columns * (edge + gap) - gap), np.nan)
    for i, image in enumerate(digits.images[: rows * columns]):
        y, x = (i // columns) * (edge + below), (i % columns) * (edge + gap)
        mosaic[y : y + edge, x : x + edge] = image
        wrong = digits.given[i] != digits.truth[i]
        ax.text(
            x + edge / 2 - 0.5,
            y + edge + 6,
            str(digits.given[i]),
            ha="center",
            va="center",
            fontsize=12.5,
            color=_LAPLACIAN if wrong else style.FOREGROUND,
            fontweight="bold" if wrong else "normal",
        )
    ax.imshow(mosaic, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.set_axis_off()


def _beside(
    ax: Axes, x: float, y: float, text: str, color: str, *, ha: str = "center", above: bool = True
) -> None:
    ax.annotate(
        text,
        (x, y),
        xytext=(0, 6 if above else -6),
        textcoords="offset points",
        ha=ha,
        va="bottom" if above else "top",
        color=color,
        fontsize=10.5,
        fontweight="bold",
    )


def _legend(ax: Axes, entries: Sequence[tuple[str, str, object]], **kwargs: object) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=color, linestyle=line) for _, color, line in entries]
    ax.legend(handles, [text for text, _, _ in entries], **{"fontsize": 10.5, **kwargs})


def _positive(values: np.ndarray) -> np.ndarray:
    """Return values that a logarithmic axis can show; errors of zero fall below its frame."""
    return np.maximum(values, 1e-6)


def _percent_labels(ax: Axes, levels: np.ndarray) -> None:
    shown = levels[:: 1 if len(levels) < 7 else 2]
    ax.set_xticks(100 * shown, [f"{level:.0%}" for level in shown])
    ax.set_xlim(100 * levels[0] - 2, 100 * levels[-1] + 2)
