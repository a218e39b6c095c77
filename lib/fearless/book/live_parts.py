"""What sliders and figures with handles share in a live kernel."""

from __future__ import annotations

import base64
import html
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fearless.book import style, svg

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["attempt", "button", "image", "widgets"]


def widgets(what: str) -> ModuleType:
    """Prepare matplotlib and return ipywidgets.

    Parameters
    ----------
    what : str
        What needs it, for the error.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        When ipywidgets is not installed.
    """
    try:
        import ipywidgets
    except ImportError as error:
        raise ImportError(
            f"{what} needs ipywidgets; install it with: pip install ipywidgets"
        ) from error
    style.use()
    return ipywidgets


def button(ipywidgets: ModuleType, text: str, press: Callable[[], Any]) -> Any:
    """Make a button as wide as its text.

    Parameters
    ----------
    ipywidgets : module
    text : str
        What is written on it.
    press : callable
        Called when it is pressed.

    Returns
    -------
    ipywidgets.Button
    """
    made = ipywidgets.Button(description=text)
    made.layout.width = "auto"
    made.on_click(lambda _: press())
    return made


def image(picture: str, alt: str) -> str:
    """Return an SVG as an image on white, since a notebook's theme is unknown.

    Parameters
    ----------
    picture : str
        The SVG.
    alt : str
        Its alternative text.

    Returns
    -------
    str
    """
    data = base64.b64encode(picture.encode()).decode()
    return (
        f'<img alt="{html.escape(alt, quote=True)}" style="background:white;max-width:100%;'
        f'width:{svg.size(picture)[0]:.0f}pt" src="data:image/svg+xml;base64,{data}">'
    )


def attempt(place: Any, show: Callable[[], Any]) -> None:
    """Call a function; where it fails, put the error into an ``ipywidgets.HTML``.

    An error raised in a callback of a widget is lost in the log of the server.

    Parameters
    ----------
    place : ipywidgets.HTML
        Where the error goes.
    show : callable
        What is tried.
    """
    try:
        show()
    except Exception:
        error = html.escape(traceback.format_exc())
        place.value = f'<pre role="alert" style="color:#b3261e">{error}</pre>'
