"""What a figure carries along in its SVG: the frames of a slider, the data of handles.

So the output of a cell is one picture, which every tool can show, and the site gets the rest.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

__all__ = ["carried", "carrying"]


def carrying(picture: str, kind: str, payload: Mapping[str, Any]) -> str:
    """Return an SVG that carries a payload.

    Parameters
    ----------
    picture : str
        The SVG.
    kind : str
        What it is: letters.
    payload : mapping
        Of what JSON can write.

    Returns
    -------
    str
    """
    packed = base64.b64encode(zlib.compress(json.dumps(payload).encode(), level=9)).decode()
    head, _, tail = picture.rpartition("</svg>")
    return f'{head}<metadata id="fearless-{kind}">{packed}</metadata></svg>{tail}'


def carried(text: str, kind: str) -> dict[str, Any] | None:
    """Return the payload of an SVG; None when it carries none of this kind.

    Parameters
    ----------
    text : str
        The SVG.
    kind : str
        As it was given to `carrying`.

    Returns
    -------
    dict or None

    Raises
    ------
    ValueError
        When the payload is damaged.
    """
    found = re.search(rf'<metadata id="fearless-{kind}">([^<]*)</metadata>', text)
    if found is None:
        return None
    try:
        return json.loads(zlib.decompress(base64.b64decode(found[1], validate=True)))
    except (ValueError, zlib.error) as error:
        raise ValueError(f"the {kind} packed into the SVG is damaged: {error}") from error
