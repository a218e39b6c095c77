"""Fonts cut down to the glyphs that a site shows, small enough to stand in a style sheet.

A page needs a hundred of the thousands of glyphs of its mathematical and icon fonts. Cut down,
they fit into a style sheet as data: one request instead of ten, and nothing that a browser could
refuse to load where the site is read from a folder of files.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterable
from pathlib import Path

__all__ = ["characters", "data_uri", "subset"]


def subset(path: Path, codes: Iterable[int]) -> bytes:
    """Cut a font down to the glyphs of some characters.

    Parameters
    ----------
    path : Path
        A font in any format that holds its tables plainly or deflated: TTF, OTF, WOFF.
    codes : iterable of int
        Code points; those that the font does not have are passed over.

    Returns
    -------
    bytes
        The font in the format WOFF, the same bytes for the same glyphs.
    """
    # A large package, needed only when the site is written.
    from fontTools import subset as tools

    # It reports a table of the font editor's, without a meaning for readers.
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    options = tools.Options(flavor="woff", recalc_timestamp=False, layout_features=[])
    font = tools.load_font(io.BytesIO(path.read_bytes()), options)
    cutter = tools.Subsetter(options)
    cutter.populate(unicodes=sorted(set(codes)))
    cutter.subset(font)
    stream = io.BytesIO()
    tools.save_font(font, stream, options)
    return stream.getvalue()


def characters(path: Path) -> set[int]:
    """Return the code points for which a font has a glyph."""
    from fontTools.ttLib import TTFont

    with TTFont(io.BytesIO(path.read_bytes()), lazy=True) as font:
        return set(font.getBestCmap())


def data_uri(font: bytes) -> str:
    """Write a WOFF font as an address that holds the font itself."""
    return "data:font/woff;base64," + base64.b64encode(font).decode("ascii")
