"""A slider as HTML for a page of the static site (see `fearless.book.slider`)."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from fearless.book import svg

__all__ = ["to_html"]


def to_html(payload: Mapping[str, Any], *, prefix: str) -> str:
    """Return a slider as HTML for a page of the static site.

    Without script the label and the start frame show; ``assets/slider.js`` reveals the control.

    Parameters
    ----------
    payload : mapping
        From `fearless.book.slider.unpack`, or `Slider.payload`.
    prefix : str
        What all identifiers begin with; different for every figure of a page.

    Returns
    -------
    str
    """
    start, labels = payload["start"], payload["labels"]
    last = len(labels) - 1
    definitions, frames = svg.inline_frames(payload["frames"], prefix=prefix, alts=payload["alts"])
    marks = dict(sorted(payload["marks"].items()))
    spoken = [f"{text} ({marks[i]})" if i in marks else text for i, text in enumerate(labels)]
    control = f"{prefix}{payload['name']}"
    ticks = "".join(f'<span style="--at:{i / last:.4f}"></span>' for i in marks)
    buttons = "".join(
        f'<button type="button" data-jump="{i}">{_escape(text)}</button>'
        for i, text in marks.items()
    )
    parts = [
        f'<div class="fig-slider" data-slider="{_escape(payload["name"])}">',
        '<div class="fig-controls">',
        f'<label for="{control}">{_escape(payload["label"])}</label>',
        # The range input announces its own value, so the visible text must not do it again.
        f'<output for="{control}" aria-live="off">{_escape(spoken[start])}</output>',
        '<span class="fig-track" hidden>',
        f'<input type="range" id="{control}" min="0" max="{last}" step="1" value="{start}"',
        f' autocomplete="off" aria-valuetext="{_escape(spoken[start])}">',
        f'<span class="fig-ticks" aria-hidden="true">{ticks}</span></span>' if marks else "</span>",
        f'<span class="fig-marks" hidden>{buttons}</span>' if marks else "",
        "</div>",
        definitions,
        *(
            f'<div class="fig-frame" data-label="{_escape(text)}"'
            f"{'' if i == start else ' hidden'}>{frame}</div>"
            for i, (text, frame) in enumerate(zip(spoken, frames, strict=True))
        ),
        # The script says here what the frame shows, once the slider has come to rest.
        '<p class="fig-finding" role="status"></p>',
        "</div>",
    ]
    return "".join(parts)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
