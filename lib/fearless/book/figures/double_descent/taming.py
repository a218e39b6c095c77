"""Figures of the page *Taming the peak*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.ensembles import EnsembleCurves
    from fearless.experiments.double_descent.fading_features import FadingFeatures
    from fearless.experiments.double_descent.tuned_digits import LeaveOneOutCurves

__all__ = ["bagging", "ensemble", "leave_one_out", "penalty", "preconditioning", "tuned_digits"]

_TRAIN, _FREE, _BEST, _THIRD = style.COLORS[:4]
_DASHED, _DOTTED = (0, (4, 2)), (0, (1, 1.2))


def penalty(
    model: FadingFeatures,
    value: float,
    theory: np.ndarray,
    simulated: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Figure:
    """Risk of ridge at one penalty, and of gradient flow stopped at its inverse, against p.

    Parameters
    ----------
    model : FadingFeatures
    value : float
        The penalty.
    theory : ndarray of shape (3, D)
        Risks without penalty, at this penalty, and at the best one, for p = 1, ..., D.
    simulated : tuple of ndarrays
        Widths, and risks of ridge and of gradient flow, of shape (seeds, widths).
    """
    fig, ax = style.subplots(height=4.2)
    p = np.arange(1, theory.shape[1] + 1)
    free, ridge, best = np.where(np.isfinite(theory), theory, 1e3)
    widths, by_ridge, by_flow = simulated
    ax.plot(p, free, color=style.MUTED, linewidth=1.3, linestyle=_DOTTED)
    ax.plot(p, best, color=_BEST, linestyle=_DASHED)
    ax.plot(p, ridge, color=_FREE)
    centre, low, high = style.summarize(by_ridge)
    ax.errorbar(
        widths,
        centre,
        [centre - low, high - centre],
        fmt="o",
        color=_FREE,
        markersize=4,
        linewidth=1.2,
    )
    if value > 0:
        style.band(ax, widths, by_flow, color=_THIRD, linewidth=1.6)
    style.threshold_line(ax, model.n_samples, "p = n")
    name = "no penalty" if value == 0 else f"penalty λ = {value:g}"
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(4, model.n_inputs),
        ylim=(0.45, 20),
        xlabel="number of coefficients $p$",
        ylabel="risk",
        title=name,
    )
    ax.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    ax.set_xticks([5, 10, 20, 50, 100, 200, 400], ["5", "10", "20", "50", "100", "200", "400"])
    texts = [("no penalty", style.MUTED), (f"ridge, λ = {value:g}", _FREE)]
    if value > 0:
        texts.append((f"flow, stopped at t = {1 / value:,.0f}", _THIRD))
    texts.append(("ridge, best λ at each p", _BEST))
    _key(ax, texts if value > 0 else [texts[0], texts[-1]])
    return fig


def leave_one_out(curves: LeaveOneOutCurves, width: int) -> Figure:
    """Training, leave-one-out, GCV and test losses of one seed set, against the penalty."""
    fig, ax = style.subplots(height=3.9)
    j = int(np.flatnonzero(curves.widths == width)[0])
    for name, color, line in (
        ("train_mse", _TRAIN, "-"),
        ("test_mse", _FREE, "-"),
        ("loo", _BEST, "-"),
        ("gcv", _THIRD, _DASHED),
    ):
        style.band(ax, curves.penalties, curves.column(name)[:, j], color=color, linestyle=line)
    ax.set(
        xscale="log",
        xlim=(1e-5, curves.penalties[-1]),
        ylim=(0, 2),
        xlabel=r"penalty $\lambda$",
        ylabel="squared loss",
    )
    _key(
        ax,
        [
            ("test, clean labels", _FREE),
            ("leave-one-out, noisy labels", _BEST),
            ("GCV (dashed)", _THIRD),
            ("training, noisy labels", _TRAIN),
        ],
        x=0.45,
    )
    return fig


def tuned_digits(curves: LeaveOneOutCurves) -> Figure:
    """Test losses without a penalty and with the penalty that leave-one-out chooses."""
    fig, axes = style.subplots(2, 1, height=6.2, sharex=True)
    for ax, suffix, ylabel in (
        (axes[0], "mse", "squared loss, test"),
        (axes[1], "error", "zero-one loss, test"),
    ):
        style.band(ax, curves.widths, curves.without_penalty(f"test_{suffix}"), color=_FREE)
        style.band(ax, curves.widths, curves.chosen(f"test_{suffix}"), color=_BEST)
        ideal = np.median(curves.chosen(f"test_{suffix}", "test_mse"), axis=0)
        ax.plot(curves.widths, ideal, "o", color=_TRAIN, markersize=4.5, markerfacecolor="none")
        style.threshold_line(ax, curves.n_samples, "N = n")
        ax.set(ylabel=ylabel)
    axes[0].set(yscale="log", ylim=(0.3, 1e4))
    axes[1].set(xscale="log", ylim=(0, 1), xlabel="number of features $N$")
    style.count_ticks(axes[1], curves.widths)
    _key(
        axes[0],
        [
            ("no penalty", _FREE),
            ("penalty by leave-one-out", _BEST),
            ("○ best penalty in hindsight", _TRAIN),
        ],
    )
    return fig


def ensemble(curves: EnsembleCurves, k: int) -> Figure:
    """Risk of the average of k interpolants, of one, and of kernel ridge regression."""
    fig, ax = style.subplots(height=4.2)
    style.band(ax, curves.widths, curves.own, color=style.MUTED, linewidth=1.3)
    style.band(ax, curves.widths, curves.of(k), color=_FREE)
    # Elsewhere the typical member and the mean are one line.
    peak = curves.widths == curves.n_samples
    typical = np.median(curves.typical, axis=0)[peak]
    ring = {"markersize": 9, "markeredgewidth": 2, "markerfacecolor": "none", "zorder": 4}
    ax.plot(curves.widths[peak], typical, "o", color=style.MUTED, **ring)
    ax.plot(
        curves.widths,
        np.median(curves.kernel_ridge, axis=0),
        color=_BEST,
        linestyle=_DASHED,
        zorder=3,
    )
    style.threshold_line(ax, curves.n_samples, "N = n")
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(0.25, 1e4),
        xlabel="number of features $N$ of each member",
        ylabel="squared loss, test",
        title="one interpolant" if k == 1 else f"average of {k} interpolants",
    )
    style.count_ticks(ax, curves.widths)
    average = "one, on the mean" if k == 1 else f"average of {k}"
    names = [("one, on the mean", style.MUTED), ("one, typical at N = n: ring", style.MUTED)]
    _key(
        ax,
        [*names[k == 1 :], (average, _FREE), ("kernel ridge, N degrees of freedom", _BEST)],
    )
    return fig


def bagging(full: EnsembleCurves, half: EnsembleCurves) -> Figure:
    """Averages of fits to the whole training set, and to random halves of it."""
    fig, ax = style.subplots(height=4.2)
    style.band(ax, full.widths, full.together, color=_FREE)
    style.band(ax, half.widths, half.together, color=_THIRD)
    style.threshold_line(ax, full.n_samples, "N = n")
    style.threshold_line(ax, half.member_samples, "N = n/2", side="left")
    ax.set(
        xscale="log",
        yscale="log",
        ylim=(0.25, 1e5),
        xlabel="number of features $N$ of each member",
        ylabel="squared loss, test",
    )
    style.count_ticks(ax, full.widths)
    _key(ax, [("all n samples for each", _FREE), ("n/2 samples for each", _THIRD)])
    return fig


def preconditioning(
    model: FadingFeatures, risks: dict[float, np.ndarray], best: np.ndarray
) -> Figure:
    """Risks of minimum-norm fits to inputs rescaled by powers of their standard deviations.

    Parameters
    ----------
    model : FadingFeatures
    risks : dict of float to ndarray of shape (D,)
        Power and risk at p = 1, ..., D: 0 as they are, 1 whitened.
    best : ndarray of shape (D,)
        Risks of the best ridge.
    """
    fig, ax = style.subplots(height=4.2)
    p = np.arange(1, len(best) + 1)
    colors = {-1.0: _THIRD, 0.0: _FREE, 1.0: _TRAIN}
    names = {-1.0: "stretched (power −1)", 0.0: "as they are", 1.0: "whitened (power 1)"}
    for power, risk in risks.items():
        ax.plot(p, np.where(np.isfinite(risk), risk, 1e3), color=colors[power])
    ax.plot(p, best, color=_BEST, linestyle=_DASHED)
    style.threshold_line(ax, model.n_samples, "p = n")
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(10, model.n_inputs),
        ylim=(0.45, 20),
        xlabel="number of coefficients $p$",
        ylabel="risk",
    )
    ax.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    ax.set_xticks([10, 20, 50, 100, 200, 400], ["10", "20", "50", "100", "200", "400"])
    texts = [(names[power], colors[power]) for power in risks]
    _key(ax, [*texts, ("ridge, best λ at each p", _BEST)])
    return fig


def _key(ax: Axes, texts: list[tuple[str, str]], *, x: float = 0.0) -> None:
    """Names of curves, one a line in its colour, at the free top from the share ``x`` on."""
    for i, (text, color) in enumerate(texts):
        ax.annotate(
            text,
            xy=(x, 1),
            xycoords="axes fraction",
            xytext=(8, -4 - 15 * i),
            textcoords="offset points",
            va="top",
            color=color,
            fontsize=10.5,
            fontweight="bold",
        )
