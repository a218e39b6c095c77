"""Figures as pixels: small PNG of an SVG, the same on every machine."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["draw", "first_frame", "to_png"]

_METADATA = re.compile(r"<metadata\b.*?</metadata>", re.DOTALL)


def first_frame(svg: str) -> str:
    """Return an SVG without its metadata, into which a slider packs its other frames."""
    return _METADATA.sub("", svg)


def draw(svg: str, background: str, **options: Any) -> Image:
    """Draw an SVG.

    Parameters
    ----------
    svg : str
    background : str
        The color of the ground.
    **options
        Further ones of ``resvg_py.svg_to_bytes``: size, resolution, fonts.

    Returns
    -------
    PIL.Image.Image
        In RGB.
    """
    import resvg_py
    from PIL import Image

    # The fonts of the machine may not decide what the site is made of.
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, background=background, skip_system_fonts=True, **options
    )
    return Image.open(io.BytesIO(bytes(drawn))).convert("RGB")


def to_png(picture: Image, colors: int) -> bytes:
    """Return a picture as a PNG with a palette of at most so many colors."""
    from PIL import Image

    out = io.BytesIO()
    picture.quantize(colors, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
