"""Small pictures of the figures, for the list of figures: PNG of a few kilobytes each.

They are drawn from the figures' SVG when the site is written, next to the other images, and kept
in the environment between builds.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fearless.book.sphinx import raster

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["HEIGHT", "WIDTH", "thumbnail", "to_png"]

#: The box on the page, in CSS pixels; the pictures have twice as many, for sharp screens.
WIDTH, HEIGHT = 144, 100
FOLDER = "_images/thumbnails"
BACKGROUND = "#fefefe"
# Lines of a figure that is a third of its size need few colours.
COLORS = 32


def to_png(svg: str) -> bytes:
    """Draw a figure into a box of twice `WIDTH` by `HEIGHT` pixels, on a light ground.

    Parameters
    ----------
    svg : str
        The figure, with text drawn as paths or in any font.

    Returns
    -------
    bytes
        A PNG with a palette.
    """
    from PIL import Image

    picture = raster.draw(
        raster.first_frame(svg),
        BACKGROUND,
        width=2 * WIDTH,
        dpi=96.0,  # without it no size in points is valid
    )
    picture.thumbnail((2 * WIDTH, 2 * HEIGHT))
    box = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), BACKGROUND)
    box.paste(picture, ((box.width - picture.width) // 2, (box.height - picture.height) // 2))
    return raster.to_png(box, COLORS)


def thumbnail(app: Sphinx, figure: Path) -> str:
    """Write the small picture of an SVG and return its address below the root of the site.

    Empty for builders of other formats, and for figures that are no SVG.
    """
    if app.builder.format != "html" or figure.suffix != ".svg" or not figure.is_file():
        return ""
    svg = figure.read_text(encoding="utf8")
    key = hashlib.sha256(svg.encode()).hexdigest()[:20]
    kept = _kept(app.env)
    if key not in kept:
        kept[key] = to_png(svg)
    target = Path(app.outdir, FOLDER, f"{key}.png")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(kept[key])
    return f"{FOLDER}/{key}.png"


def _kept(env: Any) -> dict[str, bytes]:
    if not hasattr(env, "fearless_thumbnails"):
        env.fearless_thumbnails = {}
    return env.fearless_thumbnails
