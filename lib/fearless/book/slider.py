"""A figure with a slider: one call, two lives.

    from fearless.book import slider, style

    def draw(n_features):
        fig, ax = style.subplots()
        ...
        return fig

    slider(draw, [10, 30, 100, 300, 1000], name="features", label="features N", start=100,
           marks={100: "N = n"}, alt=lambda n: f"The fit with {n} features.", live=range(1, 2001))

In the static site all frames are drawn beforehand, as SVGs under a plain ``<input type=range>``
that a few lines of script (``assets/slider.js``) bring to life; without script and in print the
frame of `start` shows. In a live kernel the same call gives an ipywidgets control that draws
again at every move, over the finer or wider range `live`.

The output of the static cell is *one SVG*, the start frame, which carries the rest in its
``<metadata>``: so myst-nb numbers, captions and describes a slider like any other figure, and
a PDF shows its start frame. `fearless.book.sphinx.pages.figures` unpacks it, and
`fearless.book.slider_html` writes what stands on the page.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fearless.book import is_static, svg
from fearless.book.carried import carried, carrying
from fearless.book.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fearless.book.live import LiveSlider

__all__ = ["Slider", "slider", "unpack"]


def slider(
    draw: Callable[[Any], Figure],
    values: Sequence[Any],
    *,
    name: str,
    label: str | None = None,
    format: str | Callable[[Any], str] | None = None,
    start: Any = None,
    marks: Mapping[Any, str] | None = None,
    alt: Callable[[Any], str],
    live: range | tuple | Sequence[Any] | None = None,
) -> Slider | LiveSlider:
    """Show a figure for many values of one parameter, with a slider to choose the value.

    Parameters
    ----------
    draw : callable
        ``draw(value)`` returns a matplotlib figure. All figures must have the same size, and
        should have the same limits, or the picture jumps.
    values : sequence
        The values of the frames, in the order of the slider; at least two, all different. Each
        costs what differs from the others, mostly 1 to 10 kB; 8 to 25 are usual.
    name : str
        A name for the slider, unique on its page: letters, digits, hyphens.
    label : str, optional
        What the reader sees beside the slider; by default `name`. Plain Unicode (``‖w‖²``, ``λ``).
    format : str or callable, optional
        How a value is written: a format specification such as ``".0%"`` or a function; by default
        numbers with four significant digits.
    start : object, optional
        The value shown first, without script and in print; by default the first.
    marks : mapping of value to str, optional
        Values worth a visit and their names, such as ``{n: "N = n"}``: ticks on the slider and
        buttons that jump there.
    alt : callable
        ``alt(value)`` says in words what the frame shows, for those who do not see it.
    live : range, tuple or sequence, optional
        The values in a live kernel: a ``range`` of integers; ``(low, high)`` or
        ``(low, high, step)`` for a continuous parameter; any other sequence for a choice. By
        default `values`.

    Returns
    -------
    Slider or LiveSlider
        To be the last expression of a cell.

    Raises
    ------
    TypeError
        When `draw` does not return a figure, or an argument is of the wrong kind.
    ValueError
        When there are fewer than two values or duplicates, `start` or a mark is not among the
        values, a description is empty, or the figures differ in size.
    """
    spec = _Spec(draw, values, name, label, format, start, marks, alt)
    if is_static():
        return Slider(spec)
    from fearless.book.live import LiveSlider

    return LiveSlider(spec, live)


class _Spec:
    """The validated arguments of a slider."""

    def __init__(self, draw, values, name, label, format, start, marks, alt) -> None:
        for key, function in (("draw", draw), ("alt", alt)):
            if not callable(function):
                raise TypeError(
                    f"{key} is a {type(function).__name__}; expected a function of the value"
                )
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
            raise ValueError(f"name is {name!r}; expected a letter, then letters, digits, hyphens")
        self.draw, self.alt, self.name = draw, alt, name
        self.label = name if label is None else label
        self.values = [_plain(value) for value in values]
        if len(self.values) < 2:
            raise ValueError(f"values has length {len(self.values)}; expected at least two values")
        repeated = [v for i, v in enumerate(self.values) if v in self.values[:i]]
        if repeated:
            raise ValueError(f"values contains {repeated[0]!r} twice; expected different values")
        self._format = format
        self.start = 0 if start is None else self._position("start", start)
        self.marks = {self._position("marks", v): str(text) for v, text in (marks or {}).items()}

    def _position(self, argument: str, value: Any) -> int:
        value = _plain(value)
        if value not in self.values:
            raise ValueError(f"{argument} has {value!r}, which is not one of values: {self.values}")
        return self.values.index(value)

    def text(self, value: Any) -> str:
        """Return a value as the reader sees it."""
        if callable(self._format):
            return str(self._format(value))
        if self._format is not None:
            return format(value, self._format).replace("-", "−")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return format_number(value)
        return str(value)

    def describe(self, value: Any) -> str:
        """Return the alternative text of a frame."""
        text = self.alt(value)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"alt({value!r}) is {text!r}; expected a description of the frame")
        return text.strip()

    def render(self, value: Any) -> str:
        """Draw a frame as SVG and close its figure."""
        from matplotlib._pylab_helpers import Gcf
        from matplotlib.figure import Figure

        fig = self.draw(value)
        if not isinstance(fig, Figure):
            raise TypeError(
                f"draw({value!r}) returned a {type(fig).__name__}; expected a matplotlib Figure"
            )
        try:
            return svg.render(fig)
        finally:
            Gcf.destroy_fig(fig)  # figures made with pyplot would pile up otherwise


class Slider:
    """A slider with all its frames, as an output of a notebook cell (see `slider`).

    Parameters
    ----------
    spec : object
        The validated arguments of `slider`.

    Attributes
    ----------
    payload : dict
        ``name``, ``label``, ``labels`` and ``alts`` of the frames, ``marks`` (position to text),
        ``start`` (position) and ``frames`` (SVG texts).
    """

    def __init__(self, spec: _Spec) -> None:
        from fearless.book import style

        style.use()
        frames = [spec.render(value) for value in spec.values]
        sizes = {svg.size(frame) for frame in frames}
        if len(sizes) > 1:
            raise ValueError(
                f"draw returned figures of different sizes, {sorted(sizes)} points; expected one"
            )
        self.payload = {
            "name": spec.name,
            "label": spec.label,
            "labels": [spec.text(value) for value in spec.values],
            "alts": [spec.describe(value) for value in spec.values],
            "marks": spec.marks,
            "start": spec.start,
            "frames": frames,
        }

    def __repr__(self) -> str:
        labels = self.payload["labels"]
        return (
            f"<slider {self.payload['label']}: {labels[0]} to {labels[-1]}, {len(labels)} frames>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        frame = self.payload["frames"][self.payload["start"]]
        return {"image/svg+xml": carrying(frame, "slider", self.payload)}


def unpack(text: str) -> dict[str, Any] | None:
    """Return what a slider has packed into an SVG; None when it is another figure.

    Parameters
    ----------
    text : str
        The SVG.

    Returns
    -------
    dict or None
        `Slider.payload`.

    Raises
    ------
    ValueError
        When the packed part is damaged.
    """
    payload = carried(text, "slider")
    if payload is not None:
        payload["marks"] = {int(position): text for position, text in payload["marks"].items()}
    return payload


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class _CallableModule(types.ModuleType):
    """Lets ``fearless.book.slider`` be called whether it names this module or the function.

    Python binds a submodule to its package under the submodule's name; which of the two a page
    gets from ``from fearless.book import slider`` would otherwise depend on what was imported
    before.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Slider | LiveSlider:
        return slider(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
