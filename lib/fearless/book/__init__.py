"""What a page of the book shows: claims, figures and sliders (floor 8; nothing below imports it).

A page needs four names::

    from fearless.book import claim, number, slider, style

``claim`` checks a statement of the book against what the page has just computed, ``number`` puts
a computed number into the prose, ``slider`` shows a figure for many values of a parameter, and
``style`` is the one look of all figures. They are imported on first use, so that
``import fearless.book`` costs nothing and needs neither matplotlib nor IPython.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

__all__ = [
    "ClaimFailed",
    "check_claim",
    "claim",
    "is_static",
    "number",
    "slider",
    "style",
    "svg",
]

STATIC_VARIABLE = "FEARLESS_STATIC"

_HOMES = {
    "ClaimFailed": "claims",
    "check_claim": "claims",
    "claim": "claims",
    "number": "numbers",
    "slider": "slider",
}


def is_static() -> bool:
    """Return whether pages are being built into the static site rather than run by a reader.

    The build sets the environment variable ``FEARLESS_STATIC=1``, and the kernels that execute the
    pages inherit it. In static mode figures are transparent SVGs that follow the theme of the
    site and sliders are rendered beforehand; otherwise figures are ordinary pictures and sliders
    recompute.

    Raises
    ------
    ValueError
        When ``FEARLESS_STATIC`` is neither ``0``, ``1`` nor empty.
    """
    value = os.environ.get(STATIC_VARIABLE, "")
    if value not in ("", "0", "1"):
        raise ValueError(f"{STATIC_VARIABLE} is {value!r}; expected '0', '1' or nothing")
    return value == "1"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in __all__:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
