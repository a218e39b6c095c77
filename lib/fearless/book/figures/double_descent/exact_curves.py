"""Figures of the page *Exact curves*: each formula as a line, its simulation as points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fearless.book import style
from fearless.theory.least_squares import (
    fourier_min_norm_risk,
    gaussian_min_norm_risk,
    risk_tail_exponent,
)
from fearless.theory.proportional import effective_penalty

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.experiments.double_descent.exact_curves import GaussianCurves, TailSample
    from fearless.experiments.double_descent.limit_curves import RidgeSample
    from fearless.theory.proportional import LinearRisk

__all__ = [
    "fourier_model",
    "gaussian_model",
    "heavy_tails",
    "isotropic_ridge",
    "latent_space",
    "random_features",
    "shrinkage",
]

_FIRST, _SECOND, _THIRD, _FOURTH = (
    style.COLORS[1],
    style.COLORS[0],
    style.COLORS[2],
    style.COLORS[3],
)


def gaussian_model(at_random: GaussianCurves, by_size: GaussianCurves, noise: float) -> Figure:
    """Risk against p when coordinates are fitted at random, and the largest first."""
    fig, ax = style.subplots(height=4.2)
    n, sizes = at_random.n_samples, at_random.sizes
    d = int(sizes[-1])
    for curves, color, name in (
        (at_random, _FIRST, "at random"),
        (by_size, _SECOND, "largest first"),
    ):
        # The mean share of the energy is p / d exactly for a random set.
        fitted = sizes / d if curves is at_random else curves.fitted[0]
        risk = gaussian_min_norm_risk(n, sizes, fitted=fitted, left_out=1 - fitted, noise=noise)
        _line(ax, sizes, risk, color, label=name)
        _points(ax, sizes, curves.risk(noise), color, curves.away(4))
        _median(ax, sizes, curves.risk(noise), color, ~curves.away(5))
    _threshold(ax, n, "p = n")
    ax.set(
        yscale="log",
        xlim=(0, d),
        ylim=(0.02, 60),
        xlabel="fitted coordinates $p$",
        ylabel="risk",
        title=rf"noise variance $\sigma^2 = {noise:g}$",
    )
    ax.legend(loc="upper right", title="coordinates fitted")
    return fig


def heavy_tails(tails: TailSample) -> Figure:
    """How often the variance of a fit exceeds t, for several numbers of coordinates."""
    fig, ax = style.subplots(height=3.9)
    draws = tails.values.shape[1]
    share = 1 - np.arange(draws) / draws
    # A few hundred points a curve, evenly in the logarithm of the share.
    chosen = np.unique(draws - np.geomspace(10, draws, 200).astype(int))
    for p, values, color in zip(tails.sizes, tails.values, style.COLORS, strict=False):
        alpha = risk_tail_exponent(tails.n_samples, int(p))
        gap = int(p) - tails.n_samples
        name = "p = n" if gap == 0 else f"p = n − {-gap}" if gap < 0 else f"p = n + {gap}"
        ax.plot(values[chosen], share[chosen], color=color, label=f"{name}:  α = {alpha:g}")
        start = draws - draws // 20
        reference = values[start] * np.array([1.0, 1e6])
        ax.plot(
            reference,
            share[start] * (reference / values[start]) ** -alpha,
            color=color,
            linewidth=1.2,
            linestyle=(0, (4, 3)),
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(1, 1e6),
        ylim=(8 / draws, 1.3),
        xlabel="$t$",
        ylabel="share of training sets\nwith variance $> t$",
    )
    ax.legend(loc="upper right")
    return fig


def fourier_model(n: int, d: int, sizes: np.ndarray, risks: np.ndarray) -> Figure:
    """Risk against p for rows of the Fourier matrix."""
    fig, ax = style.subplots(height=3.7)
    grid = np.arange(1, d + 1)
    _line(ax, grid, fourier_min_norm_risk(n, grid, d), _FIRST)
    _points(ax, sizes, risks, _FIRST, np.abs(sizes - n) >= 2)
    _median(ax, sizes, risks, _FIRST, np.abs(sizes - n) <= 2)
    ax.axhline(1, color=style.MUTED, linewidth=1.3, linestyle=(0, (1, 1.5)))
    ax.annotate(
        "the zero function",
        xy=(d, 1),
        xytext=(-2, 4),
        textcoords="offset points",
        ha="right",
        color=style.MUTED,
        fontsize=10.5,
    )
    _threshold(ax, n, "p = n")
    ax.set(
        yscale="log",
        xlim=(0, d),
        ylim=(0.3, 60),
        xlabel="fitted columns $p$",
        ylabel=r"$\mathbb{E}\,\|\hat\beta - \beta^*\|^2$",
    )
    return fig


def isotropic_ridge(
    n: int,
    sizes: np.ndarray,
    samples: Sequence[RidgeSample],
    index: int,
    noise: float,
    grid: np.ndarray,
    curves: Mapping[str, np.ndarray],
) -> Figure:
    """Excess risk against gamma at one penalty, with no penalty and with the best one.

    ``curves`` has the exact excess risk on ``grid`` under "none", "chosen" and "best"; the points
    are the simulation at the penalty of the given index.
    """
    fig, ax = style.subplots(height=4.0)
    _line(ax, grid, curves["none"], style.MUTED, label="no penalty", linewidth=1.4)
    _line(ax, grid, curves["best"], _THIRD, label="best penalty at each γ")
    _line(ax, grid, curves["chosen"], _FIRST, label="this penalty")
    values = np.stack([sample.excess(noise)[:, index] for sample in samples], axis=1)
    # Without a penalty the standard error is not to be trusted next to the threshold.
    keep = np.abs(sizes - n) >= 4
    _points(ax, sizes / n, values, _FIRST, keep)
    _threshold(ax, 1.0, "γ = 1")
    penalty = float(samples[0].penalties[index])
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(grid[0], grid[-1]),
        ylim=(0.02, 30),
        xlabel=r"inputs per sample $\gamma = p/n$",
        ylabel="excess risk",
        title=rf"penalty $\lambda = {penalty:g}$",
    )
    ax.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    ax.legend(loc="upper right")
    return fig


def shrinkage(eigenvalues: np.ndarray, shares: Mapping[int, np.ndarray]) -> Figure:
    """Share of each coefficient that the minimum-norm fit to n samples keeps, for several n."""
    fig, ax = style.subplots(height=3.8)
    index = np.arange(1, len(eigenvalues) + 1)
    # A few dozen points a curve, evenly in the logarithm of the index.
    shown = np.unique(np.geomspace(1, len(index), 28).astype(int)) - 1
    for (n, values), color in zip(shares.items(), (_FIRST, _SECOND, _THIRD), strict=False):
        kappa = effective_penalty(eigenvalues, n)
        _line(ax, index, eigenvalues / (eigenvalues + kappa), color, label=f"n = {n}")
        _points(ax, index, values, color, np.isin(index - 1, shown))
    ax.set(
        xscale="log",
        xlim=(0.9, len(index) * 1.1),
        ylim=(0, 1.05),
        xlabel="direction $i$, by falling variance $\\lambda_i$",
        ylabel="share of the coefficient kept",
    )
    ax.set_xticks([1, 10, 100, 600], ["1", "10", "100", "600"])
    ax.legend(loc="lower left")
    return fig


def latent_space(
    n: int, sizes: np.ndarray, risks: np.ndarray, grid: np.ndarray, theory: LinearRisk, noise: float
) -> Figure:
    """Risk against p/n when the inputs are noisy views of few hidden variables."""
    fig, ax = style.subplots(height=3.8)
    _line(ax, grid / n, theory.total, _FIRST, label="minimum-norm fit")
    _line(ax, grid / n, theory.noise, _SECOND, label="best linear predictor")
    _points(ax, sizes / n, risks, _FIRST, np.abs(sizes - n) >= 4)
    ax.axhline(noise, color=style.MUTED, linewidth=1.3, linestyle=(0, (1, 1.5)))
    ax.annotate(
        r"noise $\sigma^2$",
        xy=(grid[0] / n, noise),
        xytext=(2, 4),
        textcoords="offset points",
        color=style.MUTED,
        fontsize=10.5,
    )
    style.threshold_line(ax, 1.0, "p = n", side="left")
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(grid[0] / n, grid[-1] / n),
        ylim=(noise * 0.8, 30),
        xlabel="inputs per sample $p/n$",
        ylabel="risk",
    )
    ax.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
    ax.set_xlim(grid[0] / n, grid[-1] / n)
    ax.legend(loc="upper right")
    return fig


def random_features(
    d: int,
    psi2: float,
    widths: np.ndarray,
    risks: Mapping[str, np.ndarray],
    grid: np.ndarray,
    theory: Mapping[str, np.ndarray],
) -> Figure:
    """Excess risk of random features against N/d, one curve an activation.

    The last entry of the grid is infinite: the limit of many features, drawn as a level.
    """
    fig, ax = style.subplots(height=4.2)
    for name, color in zip(risks, (_FIRST, _SECOND), strict=True):
        _line(ax, grid[:-1], theory[name][:-1], color, label=name)
        _points(ax, widths / d, risks[name], color, np.abs(widths / d - psi2) > 0.1)
        ax.axhline(theory[name][-1], color=color, linewidth=1.4, linestyle=(0, (1, 1.5)))
    _threshold(ax, psi2, "N = n")
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(grid[0], grid[-2]),
        ylim=(0.08, 30),
        xlabel="features per dimension $N/d$",
        ylabel="excess risk",
    )
    ax.set_xticks([0.5, 1, 3, 10, 30], ["0.5", "1", "3", "10", "30"])
    ax.legend(loc="upper right", title="activation")
    return fig


def _line(
    ax: Axes, x: np.ndarray, y: np.ndarray, color: str, *, label: str | None = None, **kwargs: float
) -> None:
    """Draw an exact curve; where it is infinite, there is a gap that leaves by the top."""
    ax.plot(x, np.where(np.isfinite(y), y, 1e12), color=color, label=label, **kwargs)


def _points(ax: Axes, x: np.ndarray, samples: np.ndarray, color: str, mask: np.ndarray) -> None:
    """Draw means over draws with two standard errors on either side."""
    mean, low, high = style.summarize(samples[:, mask], "mean")
    ax.errorbar(
        np.asarray(x)[mask],
        mean,
        yerr=[mean - low, high - mean],
        fmt="o",
        color=color,
        markersize=4.5,
        elinewidth=1.4,
        zorder=3,
    )


def _median(ax: Axes, x: np.ndarray, samples: np.ndarray, color: str, mask: np.ndarray) -> None:
    """Draw medians over draws as open points, where means are infinite or do not settle."""
    ax.plot(
        np.asarray(x)[mask],
        np.median(samples[:, mask], axis=0),
        "o",
        markerfacecolor=style.BACKGROUND,
        markeredgecolor=color,
        markeredgewidth=1.2,
        markersize=5,
        zorder=3,
    )


def _threshold(ax: Axes, x: float, label: str) -> None:
    """Draw the threshold with its name at the foot, since the curves leave by the top."""
    style.threshold_line(ax, x, label).xy = (x, 0.09)
