"""Slides of all chapters: ``python -m fearless.book.course.slides.deck``, behind ``make slides``.

Every chapter gives one HTML file that needs nothing else: no network, no folder beside it, no
server. Formulas were typeset when the book was built, figures are drawings in the file, and their
sliders work. Arrow keys turn the pages, the browser prints a deck as PDF, one slide a sheet.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from fearless.book.course.slides.content import Slide, slides_of

__all__ = ["Chapter", "chapters", "deck", "main", "make"]

FOLDER = "slides"
_HERE = Path(__file__).parent
# What figures and formulas look like, from the site; what slides look like, from beside us.
_SITE_STYLES = ("vendor/mathjax/maths.css", "vendor/mathjax/fonts.css", "figures.css")
_SITE_SCRIPTS = ("slider.js",)
_IMPORT = re.compile(r"@(?:import|charset)[^;]*;")
_FONT_FILE = re.compile(r"@font-face\s*\{[^}]*url\((?!['\"]?data:)[^}]*\}")
_LINK = re.compile(r"<a\b[^>]*>|</a>")


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book: the name of its page, and of its part."""

    docname: str
    part: str

    @property
    def slug(self) -> str:
        """The name of its deck."""
        return self.docname.removeprefix("chapters/").replace("/", "-")


def chapters(root: Path) -> list[Chapter]:
    """Return the chapters of a book: the pages of its numbered parts."""
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))["parts"]
    return [
        Chapter(entry["file"], part["caption"])
        for part in parts
        if part.get("numbered")
        for entry in part["chapters"]
    ]


def deck(slides: Sequence[Slide], title: str, *, styles: str, scripts: str) -> str:
    """Put slides into one HTML document.

    Parameters
    ----------
    slides : sequence of Slide
    title : str
        Of the document, as text.
    styles, scripts : str
        What goes into the file besides, as CSS and JavaScript.

    Returns
    -------
    str
        Links to what is on a slide lead there; all others become text.
    """
    places = {a: f"slide-{n}" for n, slide in enumerate(slides, 1) for a in slide.anchors if a}
    sections = []
    for number, slide in enumerate(slides, 1):
        level = 1 if slide.kind == "title" else 2
        label = f'aria-label="Slide {number} of {len(slides)}"'
        sections.append(
            f'<section class="slide {slide.kind}" id="slide-{number}" {label}>'
            f'<div class="sheet"><h{level}>{slide.title}</h{level}>{slide.html}</div></section>'
        )
    body = _links("\n".join(sections), places)
    return _PAGE.format(
        title=escape(title), styles=styles, scripts=scripts, body=body, count=len(slides)
    )


def _links(html: str, places: dict[str, str]) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for link in soup.find_all("a"):
        target = link.get("href", "")
        if target.startswith("#") and target[1:] in places:
            link.attrs = {"href": "#" + places[target[1:]]}
        else:
            link.unwrap()
    for element in soup.find_all(id=True):
        # An id of the page can occur in links and labels only, which are gone or rewritten.
        if element["id"] in places:
            del element["id"]
    return str(soup)


_PAGE = """\
<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<script>
if (matchMedia("(prefers-color-scheme: dark)").matches)
  document.documentElement.dataset.theme = "dark";
document.documentElement.classList.add("js");
</script>
<style>
{styles}
</style>
</head>
<body>
<main>
{body}
</main>
<nav class="deck-bar" aria-label="Slides">
<button type="button" data-go="-1" aria-label="Previous slide">&#8592;</button>
<output aria-live="polite"><span class="deck-at">1</span> / {count}</output>
<button type="button" data-go="1" aria-label="Next slide">&#8594;</button>
<button type="button" data-theme-switch aria-label="Switch between light and dark">&#9680;</button>
<button type="button" data-print aria-label="Print, or save as PDF">PDF</button>
</nav>
<script>
{scripts}
</script>
</body>
</html>
"""


def _styles(site: Path) -> str:
    texts = [(site / "_static" / name).read_text(encoding="utf8") for name in _SITE_STYLES]
    # A font that is a file beside the style sheet is there only as long as that folder is.
    texts = [_FONT_FILE.sub("", _IMPORT.sub("", text)) for text in texts]
    return "\n".join([*texts, (_HERE / "deck.css").read_text(encoding="utf8")])


def _scripts(site: Path) -> str:
    texts = [(site / "_static" / name).read_text(encoding="utf8") for name in _SITE_SCRIPTS]
    return "\n".join([*texts, (_HERE / "deck.js").read_text(encoding="utf8")])


def make(root: Path, site: Path, target: Path) -> dict[str, int]:
    """Write the decks of all chapters and a list of them.

    Parameters
    ----------
    root : Path
        The book.
    site : Path
        Its built site.
    target : Path
        The folder of the decks.

    Returns
    -------
    dict of str to int
        The number of slides of every deck, by the name of its file.

    Raises
    ------
    FileNotFoundError
        When the site is not built, or a chapter is not in it.
    """
    styles, scripts = _styles(site), _scripts(site)
    target.mkdir(parents=True, exist_ok=True)
    counts, listed = {}, []
    for chapter in chapters(root):
        page = (site / f"{chapter.docname}.html").read_text(encoding="utf8")
        slides = slides_of(page, escape(chapter.part))
        title = BeautifulSoup(slides[0].title, "html.parser").get_text()
        name = f"{chapter.slug}.html"
        html = deck(slides, f"{title} - slides", styles=styles, scripts=scripts)
        (target / name).write_text(html, encoding="utf8")
        counts[name] = len(slides)
        listed.append(
            f'<li><a href="{name}">{escape(title)}</a> ({chapter.part}, {len(slides)} slides)</li>'
        )
    css = (_HERE / "deck.css").read_text(encoding="utf8")
    index = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        f'<style>{css}</style></head><body class="deck-list"><main><h1>Slides</h1>'
        f"<ul>{''.join(listed)}</ul><p>Arrow keys turn the pages; T changes between light and "
        "dark, F fills the screen, P prints.</p></main></body></html>\n"
    )
    (target / "index.html").write_text(index, encoding="utf8")
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 1 when the book is not built."""
    parser = argparse.ArgumentParser(prog="python -m fearless.book.course.slides.deck")
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _toc.yml")
    parser.add_argument("--site", type=Path, help="the built site (default: _build/html)")
    parser.add_argument("--target", type=Path, help="default: _build/slides")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    site = options.site or root / "_build" / "html"
    target = options.target or root / "_build" / FOLDER
    try:
        counts = make(root, site, target)
    except FileNotFoundError as error:
        print(f"{error}: run 'make book' first", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in target.glob("*.html")) / 2**20
    print(f"{sum(counts.values())} slides in {len(counts)} decks, {size:.0f} MB -> {target}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
