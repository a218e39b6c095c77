"""A figure with handles as HTML for a page of the static site (see `fearless.book.manipulate`)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fearless.book import svg

__all__ = ["to_html"]


def to_html(payload: Mapping[str, Any], *, prefix: str) -> str:
    """Return a figure of direct manipulation as HTML for a page of the static site.

    Without script the first picture, its numbers and its finding show; ``assets/drag.js`` reveals
    the rest.

    Parameters
    ----------
    payload : mapping
        From `fearless.book.manipulate.unpack`.
    prefix : str
        What all identifiers begin with; different for every figure of a page.

    Returns
    -------
    str
    """
    names, pictures = list(payload["grounds"]), [payload["first"], *payload["grounds"].values()]
    alts = [payload["alt"], *[payload["label"]] * len(names)]
    definitions, (first, *grounds) = svg.inline_frames(pictures, prefix=prefix, alts=alts)
    help_id = f"{prefix}{payload['name']}-help"
    parts = [
        f'<div class="fig-drag" data-drag="{_escape(payload["kind"])}"',
        f' data-name="{_escape(payload["name"])}">',
        '<div class="fig-controls fig-drag-controls" hidden>',
        f'<p class="fig-drag-help" id="{help_id}">{_escape(payload["help"])}</p>',
        _buttons("ground", names) if len(names) > 1 else "",
        _buttons("preset", payload["data"]["presets"]),
        "</div>",
        f'<p class="fig-quantity">{_escape(payload["quantity"])}</p>'
        if payload["quantity"]
        else "",
        '<dl class="fig-readouts">',
        *(_readout(*readout) for readout in payload["readouts"]),
        "</dl>",
        definitions,
        f'<div class="fig-frame fig-still">{first}</div>',
        *(
            f'<div class="fig-frame fig-live" data-ground="{_escape(name)}" hidden>'
            f"{_as_group(ground, help_id)}</div>"
            for name, ground in zip(names, grounds, strict=True)
        ),
        f'<p class="fig-drag-finding" role="status">{_escape(payload["alt"])}</p>',
        '<script type="application/json">',
        json.dumps(payload["data"], separators=(",", ":")).replace("<", "\\u003c"),
        "</script></div>",
    ]
    return "".join(parts)


def _buttons(kind: str, names: Sequence[str]) -> str:
    items = "".join(
        f'<button type="button" data-{kind}="{_escape(name)}">{_escape(name)}</button>'
        for name in names
    )
    return f'<span class="fig-marks">{items}</span>'


def _readout(name: str, text: str, color: int | None) -> str:
    key = "" if color is None else f' style="--key:var(--fig-c{color})"'
    return f"<div{key}><dt>{_escape(name)}</dt><dd>{_escape(text)}</dd></div>"


def _as_group(markup: str, help_id: str) -> str:
    """An image has no parts; a picture with handles in it is a group."""
    markup = re.sub(r"<title>.*?</title>", "", markup, count=1)
    return markup.replace('role="img"', f'role="group" aria-describedby="{help_id}"', 1)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
