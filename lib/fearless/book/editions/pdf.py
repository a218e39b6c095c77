"""The PDF edition: ``python -m fearless.book.editions.pdf``, the driver behind ``make pdf``.

Chromium prints the volume: it draws the site's own figures, formulas and tables, and makes links,
an outline and tags for screen readers from the document's structure. It cannot number the pages
of a table of contents; so the volume is printed once to learn where everything is, and once more
with the numbers filled in.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fearless.book.command import run
from fearless.book.editions.downloads import PDF_NAME, offer
from fearless.book.editions.volume import PROMISE, Imprint, assemble

# Without the last Chromium looks up hosts of its own, whatever the page does.
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAX_PASSES = 4

_READY = """async () => {
  if (window.MathJax?.startup) await MathJax.startup.promise;
  await document.fonts.ready;
  await Promise.all([...document.images].map(i => i.decode().catch(() => {})));
}"""
_FILL = """pages => {
  for (const e of document.querySelectorAll('[data-page-of]'))
    e.textContent = pages[e.dataset.pageOf] ?? '';
}"""
_HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(e => {
  const copy = e.cloneNode(true);
  copy.querySelectorAll('mjx-assistive-mml').forEach(m => m.remove());
  return copy.textContent;
})"""
_BROKEN = """() => [
  ...[...document.images].filter(i => !i.naturalWidth).map(i => 'picture ' + i.src),
  ...[...document.querySelectorAll('mjx-merror')].map(e => 'formula ' + e.textContent),
]"""


class NotPrinted(Exception):
    """The PDF cannot be made; the message is the whole explanation for the reader."""


def find_chromium() -> str:
    """Return the path of an installed Chromium or Chrome; ``CHROMIUM`` names another.

    Raises
    ------
    NotPrinted
        When there is none.
    """
    for name in filter(None, (os.environ.get("CHROMIUM"), *BROWSERS)):
        if path := shutil.which(name):
            return path
    raise NotPrinted(
        "The PDF is printed by Chromium, and none is installed.\n"
        "On Debian or Ubuntu: apt install chromium. Or name one: make pdf CHROMIUM=/path/to/chrome"
    )


def read_imprint(root: Path, site: Path) -> Imprint:
    """Read title and authors from ``_config.yml``, and the site's address from its front page."""
    import yaml

    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    try:
        release = version("fearless")
    except PackageNotFoundError:
        release = "unknown"
    front = (site / "chapters" / "index.html").read_text(encoding="utf8")
    link = re.search(
        r'<link rel="canonical" href="([^"]+?)(?:chapters/index\.html|index\.html)?"', front
    )
    return Imprint(config["title"], config["author"], release, link[1] if link else "")


def destinations(pdf: Path) -> dict[str, int]:
    """Return the page, counted from 1, of every id that something in the PDF links to."""
    from pypdf import PdfReader

    reader = PdfReader(pdf)
    number = {page.indirect_reference.idnum: k for k, page in enumerate(reader.pages, start=1)}
    return {
        name.removeprefix("/"): number[target.page.idnum]
        for name, target in reader.named_destinations.items()
        if target.page is not None
    }


def print_volume(html: Path, pdf: Path, say: Callable[[str], None]) -> list[str]:
    """Print the document ``html`` to ``pdf``; returns the texts of its headings.

    Raises
    ------
    NotPrinted
        When there is no Chromium, when a picture or formula of the volume is broken, or when the
        numbers of pages do not settle.
    """
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(600_000)
        page.goto(html.as_uri(), wait_until="load")
        page.emulate_media(media="print")
        page.evaluate(_READY)
        if broken := page.evaluate(_BROKEN):
            raise NotPrinted("The volume has broken parts:\n  " + "\n  ".join(broken))
        known: dict[str, int] = {}
        for attempt in range(1, MAX_PASSES + 1):
            page.pdf(path=pdf, prefer_css_page_size=True, tagged=True, outline=True)
            found = destinations(pdf)
            say(f"  printed ({attempt})")
            if found == known:
                break
            known = found
            page.evaluate(_FILL, known)
        else:
            raise NotPrinted(f"The numbers of pages still change after {MAX_PASSES} printings")
        headings = page.evaluate(_HEADINGS)
        browser.close()
    return headings


def finish(pdf: Path, imprint: Imprint, headings: Iterable[str]) -> int:
    """Write authors and subject into the PDF and mend its outline; returns its pages.

    Chromium drops the space where a heading is broken into lines, "blessingof dimensionality";
    ``headings`` are the texts as they should read.
    """
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, TextStringObject

    right = {"".join(text.split()): " ".join(text.split()) for text in headings}
    writer: Any = PdfWriter(clone_from=PdfReader(pdf))
    for item in _outline_items(writer.root_object.get("/Outlines")):
        squeezed = "".join(item["/Title"].split())
        item[NameObject("/Title")] = TextStringObject(right.get(squeezed, item["/Title"]))
    writer.add_metadata(
        {"/Author": imprint.author, "/Subject": PROMISE, "/Creator": f"fearless {imprint.version}"}
    )
    writer.root_object[NameObject("/PageMode")] = NameObject("/UseOutlines")
    writer.write(pdf)
    return len(writer.pages)


def _outline_items(item: Any) -> Iterator[Any]:
    """Walk over all items below an item of the outline."""
    child = item.get_object().get("/First") if item is not None else None
    while child is not None:
        child = child.get_object()
        yield child
        yield from _outline_items(child)
        child = child.get("/Next")


def make_pdf(root: Path, say: Callable[[str], None] = print) -> Path:
    """Print the built site as one volume, and offer it on the site.

    Parameters
    ----------
    root : Path
        The book's root, with the built site in ``_build/html``.
    say : callable, default=print
        Where progress is reported.

    Returns
    -------
    Path
        ``_build/pdf/fit-without-fear.pdf``; a copy is on the site.

    Raises
    ------
    NotPrinted
        When the site is not built, and as `print_volume`.
    """
    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        raise NotPrinted(f"There is no site in {site}: run 'make book' first.")
    find_chromium()
    missing = [name for name in ("playwright", "pypdf") if find_spec(name) is None]
    if missing:
        raise NotPrinted(
            f"{' and '.join(missing)} not installed: pip install -r tests/requirements.txt"
        )
    folder = root / "_build" / "pdf"
    folder.mkdir(parents=True, exist_ok=True)
    imprint = read_imprint(root, site)
    html, draft, pdf = folder / "volume.html", folder / "draft.pdf", folder / PDF_NAME
    say("[1/2] Putting the chapters together")
    try:
        text = assemble(root, site, imprint, site_url="../html/")
    except FileNotFoundError as error:
        raise NotPrinted(str(error)) from error
    html.write_text(text, encoding="utf8")
    say("[2/2] Printing (twice, for the numbers of pages; a minute or two each)")
    headings = print_volume(html, draft, say)
    pages = finish(draft, imprint, headings)
    draft.replace(pdf)
    shutil.copyfile(pdf, site / PDF_NAME)
    offer(site)
    say(f"  {pages} pages, {pdf.stat().st_size / 1e6:.1f} MB")
    return pdf


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when nothing could be printed."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.editions.pdf",
        description="Print the built site as one PDF into _build/pdf.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    options = parser.parse_args(arguments)
    return run(
        lambda say: f" -> {make_pdf(options.root.resolve(), say)}",
        (NotPrinted,),
        "The PDF was NOT made.",
    )


if __name__ == "__main__":
    raise SystemExit(main())
