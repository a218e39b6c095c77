"""The line on the site that offers the PDF and the zip, where they were made.

The site comes first, the editions are made from it, and only then is it known what there is to
offer. So the page has an empty, hidden box (directive ``{downloads}``), and the makers of the
editions fill it. A site without editions shows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PDF_NAME = "fit-without-fear.pdf"
ZIP_NAME = "fit-without-fear.zip"
EDITIONS = {
    PDF_NAME: ("Read or print it as one PDF", "PDF"),
    ZIP_NAME: ("Take the whole site along, to read offline", "zip"),
}
EMPTY_BOX = '<p class="book-downloads" hidden></p>'
_BOX = re.compile(r'<p class="book-downloads"[^>]*>.*?</p>', re.DOTALL)


def size(count: int) -> str:
    """Write a number of bytes for a reader: ``7.3 MB``, ``640 kB``."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def filled(html: str, offered: Iterable[tuple[str, int]], to_root: str) -> str:
    """Fill the box on a page.

    Parameters
    ----------
    html : str
        The page.
    offered : iterable of (str, int)
        Name and size in bytes of each file to offer; none leaves the box empty and hidden.
    to_root : str
        The way from the page to the folder of the site, empty or ending in a slash.
    """
    links = [
        f'<a href="{to_root}{name}" download>{EDITIONS[name][0]}</a> '
        f"({EDITIONS[name][1]}, {size(count)})"
        for name, count in offered
    ]
    box = f'<p class="book-downloads">{". ".join(links)}.</p>' if links else EMPTY_BOX
    return _BOX.sub(lambda _: box, html)


def pages_with_box(site: Path) -> list[Path]:
    """List the pages of a site that have the box."""
    return sorted(
        path
        for path in site.glob("**/*.html")
        if "_static" not in path.relative_to(site).parts
        and _BOX.search(path.read_text(encoding="utf8"))
    )


def offer(site: Path) -> list[str]:
    """Offer on the site what lies in its folder; returns the names of what is offered."""
    there = [(n, (site / n).stat().st_size) for n in EDITIONS if (site / n).is_file()]
    for path in pages_with_box(site):
        to_root = "../" * (len(path.relative_to(site).parts) - 1)
        html = path.read_text(encoding="utf8")
        path.write_text(filled(html, there, to_root), encoding="utf8")
    return [name for name, _ in there]
