"""Figures of direct manipulation in a live kernel: widgets that call the library at every move."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from fearless.book import svg
from fearless.book.live_parts import attempt, button, image, widgets

if TYPE_CHECKING:
    from fearless.book.manipulate import Control, Manipulable

__all__ = ["LiveManipulation"]


class LiveManipulation:
    """A figure and a widget for each component of its state.

    Parameters
    ----------
    spec : Manipulable
        What it is.

    Attributes
    ----------
    state : object
        What is shown.
    controls : list of ipywidgets.Widget
        One for each component; setting a ``value`` draws.
    picture : ipywidgets.HTML
        The figure, the numbers and the finding, or the error that drawing raised.
    widget : ipywidgets.VBox
        Everything.

    Raises
    ------
    ImportError
        When ipywidgets is not installed.
    """

    def __init__(self, spec: Manipulable) -> None:
        ipywidgets = widgets("a live figure")
        self._spec, self.state, self._setting = spec, spec.start, False
        self.controls = [_widget(ipywidgets, c, spec.start) for c in spec.controls]
        self.picture = ipywidgets.HTML()
        buttons = [
            button(ipywidgets, name, lambda state=state: self.show(state))
            for name, state in spec.presets.items()
        ]
        row = ipywidgets.HBox([*self.controls, *buttons])
        row.layout.flex_flow = "row wrap"
        self.widget = ipywidgets.VBox([row, self.picture])
        # The first picture fails the cell if it fails; later ones can only show their error.
        self._draw()
        for control, widget in zip(spec.controls, self.controls, strict=True):
            widget.observe(lambda change, c=control: self._on_change(c, change), names="value")

    def __repr__(self) -> str:
        return f"<live figure to manipulate: {self._spec.label}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return self.widget._repr_mimebundle_(**kwargs)

    def show(self, state: Any) -> None:
        """Show a state, on all widgets and in the picture."""
        self.state, self._setting = state, True
        try:
            for control, widget in zip(self._spec.controls, self.controls, strict=True):
                widget.value = control.get(state)
        finally:
            self._setting = False
        attempt(self.picture, self._draw)

    def _on_change(self, control: Control, change: Any) -> None:
        if not self._setting:
            self.show(control.set(self.state, change["new"]))

    def _draw(self) -> None:
        from matplotlib._pylab_helpers import Gcf

        fig = self._spec.draw(self.state)
        try:
            text = svg.render(fig)
        finally:
            Gcf.destroy_fig(fig)
        finding = self._spec.finding(self.state)
        numbers = " · ".join(
            f"{html.escape(r.name)} <b>{html.escape(r.text)}</b>"
            for r in self._spec.readouts(self.state)
        )
        self.picture.value = f"<p>{numbers}</p>{image(text, finding)}<p>{html.escape(finding)}</p>"


def _widget(ipywidgets: Any, control: Control, state: Any) -> Any:
    # Drawing takes longer than moving: draw where the reader stops.
    common = {"description": control.label, "style": {"description_width": "initial"}}
    value = control.get(state)
    if isinstance(value, str):
        return ipywidgets.ToggleButtons(options=list(control.bounds), value=value, **common)
    low, high, step = control.bounds
    kind = ipywidgets.IntSlider if isinstance(value, int) else ipywidgets.FloatSlider
    common["continuous_update"] = False
    return kind(value, min=low, max=high, step=step, **common)
