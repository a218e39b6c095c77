"""The picture of a link: where a page is shared, its main figure beside its title.

Every page gets a PNG of 1200 by 630 pixels, the format of Open Graph. Its main figure is the
first one, or the one that ``main_figure: fig-name`` in the front matter names; a page without
figures gets its description. The picture is drawn as SVG, with the letters that matplotlib
brings along, so that it is the same on every machine, and kept between builds.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

from fearless.book.palette import COLORS, FOREGROUND, GRID, MUTED
from fearless.book.sphinx import raster

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["SIZE", "card_svg", "main_figure", "render_card", "write_card"]

SIZE = (1200, 630)
FOLDER = "cards"
ACCENT = "#1f5b8f"
_MARGIN = 56
_TEXT_WIDTH = 430
# Where the figure goes: left, top, width, height.
_BOX = (532, 56, 612, 518)
_CURVE = "M6 8c2 9 4 12 6 12 2.5 0 3.5-15 4.5-15s1.5 19 12.5 20"
_FONTS = {"bold": "DejaVuSans-Bold.ttf", "regular": "DejaVuSans.ttf"}


def main_figure(doctree: nodes.document, name: str = "") -> tuple[str, str] | None:
    """Return file and alternative text of the figure that stands for a page.

    Parameters
    ----------
    doctree : docutils.nodes.document
        The page as it was read, before pictures are replaced by what a builder shows.
    name : str
        The name of the figure; default: the first.

    Returns
    -------
    tuple of str, or None
        Path from the root of the book, and alternative text; None without such a figure.
    """
    for figure in doctree.findall(nodes.figure):
        if name and name not in (*figure["ids"], *figure["names"]):
            continue
        for image in figure.findall(nodes.image):
            if image["uri"].endswith(".svg"):
                return image["uri"], image.get("alt", "")
    return None


def card_svg(
    title: str, part: str, book: str, figure: str, text: str = "", subtitle: str = ""
) -> str:
    """Draw a card.

    Parameters
    ----------
    title, part, book : str
        The names of the page, of the part it belongs to ("" for none) and of the book.
    figure : str
        The SVG of the figure; "" for none.
    text : str
        What stands in the place of the figure when there is none.
    subtitle : str
        What stands below the title.

    Returns
    -------
    str
        An SVG of `SIZE`, its text in the fonts of `render_card`.
    """
    width, height = SIZE
    size, lines = _fit(title, _TEXT_WIDTH, 6)
    top = 150 if part else 118
    column = [
        _line(line, _MARGIN, top + size * (0.8 + 1.16 * k), size, FOREGROUND, bold=True)
        for k, line in enumerate(lines)
    ]
    below = top + 1.16 * size * len(lines) + 44
    column += [
        _line(row, _MARGIN, below + 44 * k, 29, MUTED)
        for k, row in enumerate(_wrap(subtitle, 29, _TEXT_WIDTH, bold=False))
    ]
    if part:
        column.insert(0, _line(part, _MARGIN, 96, 24, ACCENT, bold=True))
    if figure:
        right = _place(figure, *_BOX)
    else:
        rows = _wrap(text, 30, _BOX[2] - 64, bold=False)[:9]
        start = height / 2 - 23 * (len(rows) - 1)
        right = "".join(
            _line(row, _BOX[0] + 32, start + 46 * k, 30, MUTED) for k, row in enumerate(rows)
        )
    mark = (
        f'<g transform="translate({_MARGIN} {height - 96}) scale(1.5)" fill="none" '
        f'stroke="{COLORS[0]}" stroke-linecap="round" stroke-linejoin="round">'
        f'<path stroke-width="2" stroke-opacity=".5" d="M3 3v26h26"/>'
        f'<path stroke-width="3" d="{_CURVE}"/></g>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<rect width="12" height="{height}" fill="{ACCENT}"/>'
        f'<path d="M{_BOX[0] - 22} 56V{height - 56}" stroke="{GRID}" stroke-width="2"/>'
        f"{''.join(column)}{right}{mark}"
        f"{_line(book, _MARGIN + 62, height - 62, 26, MUTED, bold=True)}</svg>"
    )


def render_card(svg: str) -> bytes:
    """Turn the SVG of a card into a PNG of at most 256 colours."""
    picture = raster.draw(
        svg,
        "#ffffff",
        font_files=[str(_font(name)) for name in _FONTS],
        font_family="DejaVu Sans",
    )
    return raster.to_png(picture, 256)


def write_card(app: Sphinx, docname: str, title: str, part: str, description: str) -> str:
    """Write the card of a page into the site, drawn only when it is not there from before.

    Returns
    -------
    str
        Where it is, from the root of the site.
    """
    found = app.env.metadata.get(docname, {}).get("card_figure")
    figure = Path(app.srcdir, found[0]).read_text(encoding="utf8") if found else ""
    book = app.config.html_title or app.config.project
    tagline = app.config.fearless_tagline if title == book else ""
    tagline = tagline[:1].upper() + tagline[1:]
    svg = card_svg(title, part, book, figure, description, tagline)
    drawn_by = Path(__file__).read_bytes() + Path(raster.__file__).read_bytes()
    digest = hashlib.sha256(drawn_by + svg.encode()).hexdigest()[:20]
    kept = Path(app.outdir).parent / ".cards" / f"{digest}.png"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(render_card(svg))
    # The digest in the address: services keep a picture for ever under the one they know.
    target = f"{FOLDER}/{docname}-{digest[:8]}.png"
    path = Path(app.outdir) / target
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, path)
    return target


def _place(figure: str, left: int, top: int, width: int, height: int) -> str:
    """Put an SVG into a box, as large as it fits, in its middle."""
    start = re.search(r"<svg\b[^>]*>", figure)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', start[0]) if start else None
    if box is None:
        raise ValueError("the figure is no SVG with a viewBox from 0 0")
    own_width, own_height = float(box[1]), float(box[2])
    scale = min(width / own_width, height / own_height)
    x, y = left + (width - scale * own_width) / 2, top + (height - scale * own_height) / 2
    inner = raster.first_frame(figure[start.end() : figure.rindex("</svg>")])
    attributes = 'stroke-linejoin="round" stroke-linecap="butt"'
    return f'<g transform="translate({x:.2f} {y:.2f}) scale({scale:.4f})" {attributes}>{inner}</g>'


def _line(text: str, x: float, y: float, size: float, color: str, *, bold: bool = False) -> str:
    weight = "bold" if bold else "normal"
    return (
        f'<text x="{x:g}" y="{y:.1f}" font-family="DejaVu Sans" font-size="{size:g}" '
        f'font-weight="{weight}" fill="{color}">{escape(text)}</text>'
    )


def _fit(text: str, width: float, most: int) -> tuple[int, list[str]]:
    """Find the largest letters with which a title takes at most so many lines of a width."""
    for size in range(54, 27, -2):
        lines = _wrap(text, size, width, bold=True)
        if len(lines) <= most and all(_width(line, size, True) <= width for line in lines):
            break
    return size, lines[:most]


def _wrap(text: str, size: int, width: float, *, bold: bool) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _width(text: str, size: int, bold: bool) -> float:
    from PIL import ImageFont

    return ImageFont.truetype(str(_font("bold" if bold else "regular")), size).getlength(text)


@cache
def _font(name: str) -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts", "ttf", _FONTS[name])
