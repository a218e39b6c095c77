"""Noisy samples on a line to drag, and three interpolating rules that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
from fearless.experiments.interpolation.dragged_points import RULES, HeldPoints
from fearless.experiments.interpolation.line_picture import wave

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.book.manipulate_live import LiveManipulation

__all__ = ["drag_points", "draw_points", "tell_points"]

_COLORS = (3, 2, 1)  # of the rules, among the series colours
_WIDTHS = (1.3, 1.5, 2.0)
_LABELS = (-2.4, 2.4)
_GAP = 0.012  # the least distance of two samples


def drag_points(
    start: HeldPoints, presets: Mapping[str, HeldPoints], *, name: str = "drag-points"
) -> Manipulation | LiveManipulation:
    """Show noisy samples that can be dragged, and three fits that follow.

    Parameters
    ----------
    start : HeldPoints
        The samples shown first.
    presets : mapping of str to HeldPoints
        Samples worth a look, with as many points.
    name : str
        Unique on the page.

    Returns
    -------
    Manipulation or LiveManipulation
        To be the last expression of a cell.

    Raises
    ------
    ValueError
        A preset has another number of points, exponent or bandwidth.
    """
    kinds = {(len(s.x), s.exponent, s.bandwidth) for s in (start, *presets.values())}
    if len(kinds) > 1:
        raise ValueError(f"presets has samples of the kinds {sorted(kinds)}; expected one")
    spec = Manipulable(
        kind="points",
        name=name,
        label="Samples to drag, and the fits of three rules",
        help=(
            "Drag a point, or tap above or below it. With the keyboard: Tab to a point, "
            "then the arrow keys; Page Up and Page Down take longer steps, Home starts over."
        ),
        quantity="Mean squared distance to the truth",
        start=start,
        draw=draw_points,
        finding=tell_points,
        readouts=_readouts,
        presets=presets,
        grounds={"line": start},
        pack=_pack,
        data={
            "exponent": start.exponent,
            "bandwidth": start.bandwidth,
            "labels": _LABELS,
            "gap": _GAP,
            "rules": [
                {"name": rule, "color": f"var(--fig-c{color})", "width": width}
                for rule, color, width in zip(RULES, _COLORS, _WIDTHS, strict=True)
            ],
        },
        controls=[
            Control("point", (1, len(start.x), 1), _point, _hold),
            Control("label", (*_LABELS, 0.05), _label, lambda s, v: s.moved(v)),
        ],
    )
    return manipulation(spec)


def draw_points(state: HeldPoints) -> Figure:
    """Draw the samples, the truth and the three fits.

    Parameters
    ----------
    state : HeldPoints
        The samples.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, ax = style.subplots(height=4.2)
    even = np.linspace(0, 1, 201)
    ax.plot(even, wave(even), color=style.MUTED, linewidth=1.4, linestyle=(0, (4, 3)))
    for (x, y), color, width in zip(state.curves(), _COLORS, _WIDTHS, strict=True):
        ax.plot(x, y, color=style.COLORS[color], linewidth=width, gid=MOVING)
    ax.plot(state.x, state.y, "o", color=style.COLORS[0], markersize=8, gid=MOVING)
    held = state.held
    ax.plot(
        state.x[held],
        state.y[held],
        "o",
        markersize=12.5,
        markerfacecolor="none",
        markeredgecolor=style.FOREGROUND,
        markeredgewidth=1.6,
        gid=MOVING,
    )
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(0, 1), ylim=_LABELS)
    return fig


def tell_points(state: HeldPoints) -> str:
    """Say what the held label costs each rule; the script says it in the same words.

    Parameters
    ----------
    state : HeldPoints
        The samples.

    Returns
    -------
    str
    """
    point = f"Point {state.held + 1} of {len(state.x)} is"
    distance = state.deviation
    risks = [_number(r) for r in state.risks()]
    if abs(distance) < 0.005:
        return (
            f"{point} on the truth. The mean squared distance to it is {risks[0]} for one nearest "
            f"neighbour, {risks[1]} for the joined dots and {risks[2]} for the singular kernel."
        )
    side = "above" if distance > 0 else "below"
    near, dots, kernel = (_number(c) for c in state.costs())
    return (
        f"{point} {abs(distance):.2f} {side} the truth. "
        f"That alone costs one nearest neighbour {near}, the joined dots {dots} and the singular "
        f"kernel {kernel} in mean squared distance to the truth, which is {risks[0]}, {risks[1]} "
        f"and {risks[2]} in all."
    )


def _readouts(state: HeldPoints) -> list[Readout]:
    return [
        Readout(rule, _number(risk), color)
        for rule, risk, color in zip(RULES, state.risks(), _COLORS, strict=True)
    ]


def _number(value: float) -> str:
    text = f"{value:.3f}".replace("-", "−")
    return "0.000" if text == "−0.000" else text


def _pack(state: HeldPoints) -> dict[str, Any]:
    return {"x": state.x.tolist(), "y": state.y.tolist(), "held": state.held}


def _point(state: HeldPoints) -> int:
    return state.held + 1


def _hold(state: HeldPoints, value: int) -> HeldPoints:
    return replace(state, held=value - 1)


def _label(state: HeldPoints) -> float:
    return float(state.y[state.held])
