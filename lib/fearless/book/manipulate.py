"""Figures with something to take hold of: one call, two lives, like a slider.

A page calls `fearless.book.manipulate_points.drag_points` or
`fearless.book.manipulate_momentum.drag_momentum`. What they share is here. In the static site the
library draws the first picture, which shows without script, and a *ground* with everything
that does not move; ``assets/drag.js`` puts handles on the ground and computes the moving parts
by the formulas of the library, in ``assets/drag-<kind>.js``. In a live kernel the same call gives
ipywidgets that call the library at every move (`fearless.book.manipulate_live`).

As with sliders, the output of the static cell is one SVG, the first picture, which carries the
rest in its ``<metadata>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fearless.book import is_static, svg
from fearless.book.carried import carried, carrying

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.book.manipulate_live import LiveManipulation

__all__ = [
    "MOVING",
    "Control",
    "Manipulable",
    "Manipulation",
    "Readout",
    "manipulation",
    "unpack",
]

#: The ``gid`` of the artists that the script draws in place of matplotlib.
MOVING = "moving"


@dataclass(frozen=True)
class Readout:
    """A number beside the figure, which the script keeps up to date.

    Attributes
    ----------
    name : str
        What the number is.
    text : str
        The number, as written.
    color : int or None
        Which of the series colours is its key.
    """

    name: str
    text: str
    color: int | None = None


@dataclass(frozen=True)
class Control:
    """A widget of the live kernel, for one component of the state.

    Attributes
    ----------
    label : str
        What stands beside it.
    bounds : tuple or sequence
        ``(low, high, step)`` of numbers, or the choices.
    get : callable
        ``get(state)`` returns the component.
    set : callable
        ``set(state, value)`` returns a new state.
    """

    label: str
    bounds: Sequence[Any]
    get: Callable[[Any], Any]
    set: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Manipulable:
    """Everything that describes a figure of direct manipulation.

    Attributes
    ----------
    kind : str
        Which script draws it: ``assets/drag-<kind>.js``.
    name : str
        Unique on the page.
    label : str
        The accessible name of the picture with the handles.
    help : str
        How to use it: mouse, touch and keyboard.
    quantity : str
        What the readouts measure, where their names do not say it; may be empty.
    start : object
        The state shown first.
    draw : callable
        ``draw(state)`` returns a figure; what moves has the gid `MOVING`.
    finding : callable
        ``finding(state)`` says in words what the figure shows.
    readouts : callable
        ``readouts(state)`` returns the numbers, `Readout` each.
    presets : mapping of str to state
        States worth a visit, by name.
    grounds : mapping of str to state
        States whose unmoved parts differ, by the name the script knows them by.
    pack : callable
        ``pack(state)`` returns a state as the script reads it, of plain numbers and lists.
    data : mapping
        What else the script needs.
    controls : sequence of Control
        The widgets of a live kernel.
    """

    kind: str
    name: str
    label: str
    help: str
    quantity: str
    start: Any
    draw: Callable[[Any], Figure]
    finding: Callable[[Any], str]
    readouts: Callable[[Any], list[Readout]]
    presets: Mapping[str, Any]
    grounds: Mapping[str, Any]
    pack: Callable[[Any], Any]
    data: Mapping[str, Any]
    controls: Sequence[Control]

    def __post_init__(self) -> None:
        for key in ("kind", "name"):
            value = getattr(self, key)
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
                raise ValueError(
                    f"{key} is {value!r}; expected a letter, then letters, digits, hyphens"
                )
        if not self.presets or not self.grounds:
            raise ValueError(
                f"{self.name} has {len(self.presets)} presets and {len(self.grounds)} grounds; "
                "expected at least one of each"
            )


def manipulation(spec: Manipulable) -> Manipulation | LiveManipulation:
    """Return a figure of direct manipulation for the static site or for a live kernel.

    Parameters
    ----------
    spec : Manipulable
        What it is.

    Returns
    -------
    Manipulation or LiveManipulation
        To be the last expression of a cell.
    """
    if is_static():
        return Manipulation(spec)
    from fearless.book.manipulate_live import LiveManipulation

    return LiveManipulation(spec)


class Manipulation:
    """A figure of direct manipulation, as an output of a notebook cell.

    Parameters
    ----------
    spec : Manipulable
        What it is.

    Attributes
    ----------
    payload : dict
        What `fearless.book.manipulate_html.to_html` needs: the first picture, the grounds,
        texts, and the data of the script.
    """

    def __init__(self, spec: Manipulable) -> None:
        from fearless.book import style

        style.use()
        first, _, axes = _layers(spec.draw(spec.start))
        grounds = {name: _layers(spec.draw(state)) for name, state in spec.grounds.items()}
        sizes = {svg.size(text) for text in (first, *(g[1] for g in grounds.values()))}
        if len(sizes) > 1 or any(g[2] != axes for g in grounds.values()):
            raise ValueError(f"the grounds of {spec.name} differ in size or axes; expected one")
        self.payload = {
            "kind": spec.kind,
            "name": spec.name,
            "label": spec.label,
            "help": spec.help,
            "quantity": spec.quantity,
            "alt": spec.finding(spec.start),
            "readouts": [[r.name, r.text, r.color] for r in spec.readouts(spec.start)],
            "first": first,
            "grounds": {name: ground for name, (_, ground, _) in grounds.items()},
            "data": {
                "start": spec.pack(spec.start),
                "presets": {name: spec.pack(state) for name, state in spec.presets.items()},
                "axes": axes,
                **spec.data,
            },
        }

    def __repr__(self) -> str:
        return f"<figure to manipulate: {self.payload['label']}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": carrying(self.payload["first"], "manipulation", self.payload)}


def unpack(text: str) -> dict[str, Any] | None:
    """Return what a `Manipulation` has packed into an SVG; None when it is another figure.

    Parameters
    ----------
    text : str
        The SVG.

    Returns
    -------
    dict or None
        `Manipulation.payload`.

    Raises
    ------
    ValueError
        When the packed part is damaged.
    """
    return carried(text, "manipulation")


def _layers(fig: Figure) -> tuple[str, str, list[dict[str, list[float]]]]:
    """Render a figure, render it without what moves, and say where its axes are.

    The boxes of the axes are in the units of the SVG, from the upper left corner.
    """
    whole = svg.render(fig)
    fig.set_layout_engine("none")  # the ground must not move when its content goes
    moving = fig.findobj(lambda artist: artist.get_gid() == MOVING)
    if not moving:
        raise ValueError(f"no artist of the figure has the gid {MOVING!r}; expected what moves")
    for artist in moving:
        artist.remove()
    width, height = svg.size(whole)
    axes = []
    for ax in fig.axes:
        if (ax.get_xscale(), ax.get_yscale()) != ("linear", "linear"):
            raise ValueError("an axis is not linear; expected linear ones, as in the script")
        box = ax.get_position()
        corners = [box.x0 * width, (1 - box.y1) * height, box.x1 * width, (1 - box.y0) * height]
        axes.append(
            {
                "box": [round(float(c), 3) for c in corners],
                "x": [float(v) for v in ax.get_xlim()],
                "y": [float(v) for v in ax.get_ylim()],
            }
        )
    return whole, svg.render(fig), axes
