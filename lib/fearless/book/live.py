"""The slider of a live kernel: an ipywidgets control that draws again at every move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fearless.book.live_parts import attempt, button, image, widgets

if TYPE_CHECKING:
    from fearless.book.slider import _Spec

__all__ = ["LiveSlider"]


class LiveSlider:
    """A slider that calls the library at every move (see `fearless.book.slider.slider`).

    Attributes
    ----------
    control : ipywidgets.Widget
        The control; setting its ``value`` draws.
    picture : ipywidgets.HTML
        The figure, or the error that drawing it raised.
    widget : ipywidgets.VBox
        Everything.

    Raises
    ------
    ImportError
        When ipywidgets is not installed.
    TypeError, ValueError
        When `live` is not of a kind that `slider` describes.
    """

    def __init__(self, spec: _Spec, live: Any = None) -> None:
        ipywidgets = widgets("a live slider")
        self._spec = spec
        self.control = _control(ipywidgets, spec, live)
        self.readout = ipywidgets.Label()
        self.picture = ipywidgets.HTML()
        buttons = [self._button(ipywidgets, i, text) for i, text in sorted(spec.marks.items())]
        row = ipywidgets.HBox([self.control, self.readout, *buttons])
        row.layout.flex_flow = "row wrap"
        self.widget = ipywidgets.VBox([row, self.picture])
        # The first picture fails the cell if it fails; later ones can only show their error.
        self._show(self.control.value)
        self.control.observe(self._on_change, names="value")

    def __repr__(self) -> str:
        return f"<live slider {self._spec.label} at {self.readout.value}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return self.widget._repr_mimebundle_(**kwargs)

    def _button(self, ipywidgets: Any, position: int, text: str) -> Any:
        value = self._spec.values[position]
        return button(ipywidgets, text, lambda: setattr(self.control, "value", value))

    def _on_change(self, change: Any) -> None:
        attempt(self.picture, lambda: self._show(change["new"]))

    def _show(self, value: Any) -> None:
        self.readout.value = self._spec.text(value)
        picture = self._spec.render(value)
        self.picture.value = image(picture, self._spec.describe(value))


def _control(ipywidgets: Any, spec: _Spec, live: Any) -> Any:
    # Drawing takes longer than moving: draw where the reader stops.
    common = {"description": spec.label, "continuous_update": False}
    common["style"] = {"description_width": "initial"}
    start = spec.values[spec.start]
    if isinstance(live, range):
        if not all(isinstance(value, int) for value in spec.values):
            raise TypeError(f"live is {live!r}, but values are not all integers: {spec.values}")
        _check_covers(live.start, live[-1] if live else live.start, start)
        low, high = _with_marks(live.start, live[-1], spec)
        return ipywidgets.IntSlider(
            start, min=low, max=high, step=live.step, readout=False, **common
        )
    if isinstance(live, tuple):
        if len(live) not in (2, 3) or not all(isinstance(bound, int | float) for bound in live):
            raise ValueError(f"live is {live!r}; expected (low, high) or (low, high, step)")
        low, high = live[:2]
        step = live[2] if len(live) == 3 else (high - low) / 200
        _check_covers(low, high, start)
        if not step > 0:
            raise ValueError(f"live has step {step!r}; expected a positive one")
        low, high = _with_marks(low, high, spec)
        return ipywidgets.FloatSlider(start, min=low, max=high, step=step, readout=False, **common)
    if live is not None and (isinstance(live, str) or not isinstance(live, Sequence)):
        if not hasattr(live, "tolist"):
            raise TypeError(
                f"live is a {type(live).__name__}; expected a range, (low, high[, step]) or values"
            )
        live = live.tolist()
    values = list(spec.values if live is None else live)
    missing = [value for value in spec.values if value not in values]
    if missing and all(isinstance(value, int | float) for value in [*values, *missing]):
        values = sorted({*values, *missing})  # so that the marks and the start can be reached
    elif missing:
        raise ValueError(f"live does not contain {missing[0]!r}, which is one of values")
    return ipywidgets.SelectionSlider(
        options=[(spec.text(value), value) for value in values],
        value=start,
        readout=False,
        **common,
    )


def _with_marks(low: float, high: float, spec: _Spec) -> tuple[float, float]:
    """Widen a range so that the buttons of all marks lead where they say."""
    marked = [spec.values[position] for position in spec.marks]
    return min([low, *marked]), max([high, *marked])


def _check_covers(low: float, high: float, start: float) -> None:
    if not low < high:
        raise ValueError(f"live runs from {low} to {high}; expected low < high")
    if not low <= start <= high:
        raise ValueError(f"live runs from {low} to {high} and leaves out the start value {start}")
