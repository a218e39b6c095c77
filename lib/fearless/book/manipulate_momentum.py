"""The plane of step size and momentum, with a point to drag and the path that follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fearless.book import style
from fearless.book.manipulate import (
    MOVING,
    Control,
    Manipulable,
    Manipulation,
    Readout,
    manipulation,
)
from fearless.experiments.optimization.momentum_plane import (
    METHODS,
    MomentumSetting,
    momentum_factor,
)
from fearless.theory.rates.momentum import momentum_limit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fearless.book.manipulate_live import LiveManipulation

__all__ = ["drag_momentum", "draw_momentum", "tell_momentum"]

_STEP, _MOMENTUM = (0.0, 4.0), (0.0, 1.0)
_LEAST_STEP, _MOST_MOMENTUM = 0.02, 0.99
_FROM, _STEPS = (9.0, 1.6), 60
_VIEW = ((-7.0, 10.0), (-2.4, 2.4))
_LEVELS = (3.0, 5.0, 10.0, 20.0)  # steps per factor e


def drag_momentum(
    start: MomentumSetting, presets: Mapping[str, MomentumSetting], *, name: str = "drag-momentum"
) -> Manipulation | LiveManipulation:
    """Show the plane of step size and momentum with a point to drag, and the path of the method.

    Parameters
    ----------
    start : MomentumSetting
        The setting shown first.
    presets : mapping of str to MomentumSetting
        Settings worth a look, with the same condition number.
    name : str
        Unique on the page.

    Returns
    -------
    Manipulation or LiveManipulation
        To be the last expression of a cell.

    Raises
    ------
    ValueError
        A preset has another condition number.
    """
    conditions = {s.condition for s in (start, *presets.values())}
    if len(conditions) > 1:
        raise ValueError(f"presets has condition numbers {sorted(conditions)}; expected one")
    spec = Manipulable(
        kind="momentum",
        name=name,
        label="The plane of step size and momentum with a point to drag, and the path below",
        help=(
            "Drag the point in the plane, or tap where it shall go. With the keyboard: Tab to the "
            "point; left and right change the step size, up and down the momentum, Page Up and "
            "Page Down the momentum in longer steps; Home starts over."
        ),
        quantity="",
        start=start,
        draw=draw_momentum,
        finding=tell_momentum,
        readouts=_readouts,
        presets=presets,
        grounds={method: replace(start, method=method) for method in METHODS},
        pack=lambda s: dict(zip(("method", "step", "momentum"), astuple(s)[:3], strict=True)),
        data={
            "eigenvalues": start.eigenvalues.tolist(),
            "from": _FROM,
            "steps": _STEPS,
            "limits": [[_LEAST_STEP, _STEP[1]], [0.0, _MOST_MOMENTUM]],
            "best": {
                method: [
                    _pair(replace(start, method=method).best()),
                    _pair(replace(start, method=method).best(with_momentum=False)),
                ]
                for method in METHODS
            },
        },
        controls=[
            Control("method", METHODS, lambda s: s.method, lambda s, v: replace(s, method=v)),
            Control(
                "step size η λ₁",
                (_LEAST_STEP, _STEP[1], 0.02),
                lambda s: float(s.step_size),
                lambda s, v: replace(s, step_size=v),
            ),
            Control(
                "momentum γ",
                (0.0, _MOST_MOMENTUM, 0.01),
                lambda s: float(s.momentum),
                lambda s, v: replace(s, momentum=v),
            ),
        ],
    )
    return manipulation(spec)


def draw_momentum(state: MomentumSetting) -> Figure:
    """Draw the plane with its optimum and the region of stability, and the path of the method.

    Parameters
    ----------
    state : MomentumSetting
        The setting.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, (plane, space) = style.subplots(2, 1, height=6.0, height_ratios=(1.25, 1))
    _draw_plane(plane, state)
    _draw_path(space, state)
    return fig


def tell_momentum(state: MomentumSetting) -> str:
    """Say how fast the method is; the script says it in the same words.

    Parameters
    ----------
    state : MomentumSetting
        The setting.

    Returns
    -------
    str
    """
    factor, best, plain = state.factor, state.best(), state.best(with_momentum=False)
    setting = (
        f"{_title(state.method)}, step size {state.step_size:.2f}, momentum {state.momentum:.2f}: "
    )
    if factor >= 1:
        change = f"unstable, the error grows by a factor {factor:.2f} a step in the long run."
    else:
        change = (
            f"stable, the error shrinks by a factor {factor:.2f} a step in the long run, "
            f"{_steps(factor)} steps per factor e."
        )
    return (
        f"{setting}{change} The best setting, step size {best.step_size:.2f} and momentum "
        f"{best.momentum:.2f}, takes {_steps(best.factor)}; without momentum the best takes "
        f"{_steps(plain.factor)}."
    )


def _draw_plane(ax: Axes, state: MomentumSetting) -> None:
    momenta = np.linspace(*_MOMENTUM, 201)
    # At 1 exactly the library has no limit; the boundary runs on to there.
    limits = [momentum_limit(state.method, min(m, 1 - 1e-9)) for m in momenta]
    ax.fill_betweenx(momenta, limits, _STEP[1], color=style.COLORS[1], alpha=0.14, linewidth=0)
    ax.plot(limits, momenta, color=style.COLORS[1], linewidth=1.4)
    eta, gamma = np.meshgrid(np.linspace(0.005, _STEP[1], 160), np.linspace(0, 0.999, 120))
    factors = momentum_factor(state.method, eta, gamma, state.eigenvalues)
    times = np.full_like(factors, np.nan)
    times[factors < 0.999] = -1 / np.log(factors[factors < 0.999])
    lines = ax.contour(eta, gamma, times, _LEVELS, colors=style.MUTED, linewidths=0.9)
    best, plain = state.best(), state.best(with_momentum=False)
    # On the upper edges, where the factor is the root of the momentum.
    reached = [level for level in _LEVELS if level > -1 / math.log(best.factor)]
    places = [(0.8 * best.step_size, math.exp(-2 / level)) for level in reached]
    ax.clabel(lines, fmt="%g", fontsize=10.5, colors=style.FOREGROUND, manual=places)
    marks = (
        (best, "*", 14, "best", (9, 5), "left"),
        (plain, "D", 7, "best, γ = 0", (-8, 5), "right"),
    )
    for setting, marker, size, text, offset, side in marks:
        place = (setting.step_size, setting.momentum)
        ax.plot(*place, marker, color=style.COLORS[2], markersize=size, clip_on=False)
        style.name_point(ax, *place, text, style.COLORS[2], offset, ha=side, va="bottom")
    style.name_point(ax, _STEP[1], 0.03, "unstable", style.COLORS[1], (-5, 0), ha="right")
    ax.plot(
        state.step_size,
        state.momentum,
        "o",
        color=style.COLORS[0],
        markersize=10,
        clip_on=False,
        gid=MOVING,
    )
    ax.set(
        xlabel=r"step size $\eta \lambda_1$",
        ylabel=r"momentum $\gamma$",
        xlim=_STEP,
        ylim=_MOMENTUM,
        title=f"{_title(state.method)}: steps per factor $e$",
    )
    ax.grid(False)


def _draw_path(ax: Axes, state: MomentumSetting) -> None:
    slow, fast = np.meshgrid(np.linspace(*_VIEW[0], 60), np.linspace(*_VIEW[1], 40))
    loss = (state.eigenvalues[0] * slow**2 + state.eigenvalues[1] * fast**2) / 2
    ax.contour(slow, fast, loss, (0.02, 0.2, 0.8, 1.8, 3.2), colors=style.MUTED, linewidths=0.7)
    ax.plot(0, 0, "+", color=style.COLORS[2], markersize=12, markeredgewidth=2)
    path = state.path(_FROM, _STEPS)
    # What has left the picture is not drawn further; the numbers would overflow.
    path = path[: int(np.argmax(np.append(np.abs(path).max(axis=1) > 1e3, True)))]
    ax.plot(*path.T, "-o", color=style.COLORS[0], linewidth=1.1, markersize=4, gid=MOVING)
    ax.set(
        xlabel=r"along the eigenvalue $\lambda_n$",
        ylabel=r"along $\lambda_1$",
        xlim=_VIEW[0],
        ylim=_VIEW[1],
    )
    ax.grid(False)


def _readouts(state: MomentumSetting) -> list[Readout]:
    factor = state.factor
    return [
        Readout("step size η λ₁", f"{state.step_size:.2f}"),
        Readout("momentum γ", f"{state.momentum:.2f}"),
        Readout("factor a step", f"{factor:.3f}"),
        Readout("steps per factor e", _steps(factor) if factor < 1 else "unstable"),
    ]


def _steps(factor: float) -> str:
    return f"{-1 / math.log(factor):.1f}" if 0 < factor < 1 else "0.0"


def _title(method: str) -> str:
    return method[0].upper() + method[1:]


def _pair(setting: MomentumSetting) -> dict[str, Any]:
    return {"step": setting.step_size, "momentum": setting.momentum}
