"""The whole book as one HTML document: title page, contents, part pages, chapters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from fearless.book.editions.chapter import Chapter, read_chapter, slug_of
from fearless.book.editions.contents import APPENDIX, Part, read_contents

SUBTITLE = "The executable textbook"
PROMISE = "Why models that fit their data perfectly can be trusted"
_LINK = re.compile(r'(<a\b[^>]*?\bhref=")#([^"]*)(")')


@dataclasses.dataclass(frozen=True)
class Imprint:
    """What the title page and its back say about the book."""

    title: str
    author: str
    version: str
    address: str = ""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the table of contents: a part, a chapter or a section."""

    anchor: str
    level: int
    number: str
    title: str


def assemble(root: Path, site: Path, imprint: Imprint, *, site_url: str) -> str:
    """Put the volume together.

    Parameters
    ----------
    root : Path
        The book's root: the folder of ``_toc.yml`` and ``assets/``.
    site : Path
        The folder of the built site.
    imprint : Imprint
        Title, authors, version and address of the book.
    site_url : str
        Address of ``site`` as seen from the document, ending in a slash.

    Returns
    -------
    str
        A complete HTML document. Every link inside it leads to an id inside it.

    Raises
    ------
    FileNotFoundError
        When a page of ``_toc.yml`` is not on the site.
    """
    parts = read_contents(root)
    docnames = {name for part in parts for name in part.docnames}
    entries: list[Entry] = []
    body: list[str] = []
    chapters: list[Chapter] = []
    for part in parts:
        with_page = has_page(part)
        read = [
            read_chapter(
                _page(site, name), name, docnames=docnames, depth=1 + with_page, site=site_url
            )
            for name in part.docnames
        ]
        if with_page:
            entries.append(Entry(part_anchor(part), 0, part.numeral, part.caption))
            body.append(_part_page(part, read))
        for chapter in read:
            entries.append(Entry(chapter.slug, 1, chapter.number, chapter.title_html))
            entries += _sections(chapter) if chapter.number else []
            body.append(_chapter_html(chapter, level=1 + with_page, numbered=bool(part.numeral)))
        chapters += read
    anchors = {a for c in chapters for a in (c.slug, *c.anchors)} | {e.anchor for e in entries}
    text = _mend_links("\n".join([_contents(entries), *body]), anchors)
    return _document(imprint, chapters, text, (root / "assets" / "edition.css"), site, site_url)


def has_page(part: Part) -> bool:
    """Say whether a part begins with a page of its own; front matter does not."""
    return bool(part.numeral) or part.caption == APPENDIX


def part_anchor(part: Part) -> str:
    """Return the id of a part's page."""
    return "part-" + re.sub(r"[^a-z0-9]+", "-", part.caption.lower()).strip("-")


def _page(site: Path, docname: str) -> str:
    path = site / f"{docname}.html"
    if not path.is_file():
        raise FileNotFoundError(
            f"_toc.yml lists {docname}, but there is no {path}; run 'make book'"
        )
    return path.read_text(encoding="utf8")


def _sections(chapter: Chapter) -> list[Entry]:
    """List the numbered sections of a chapter, by the ids that enclose them."""
    found = re.findall(
        r'<section[^>]*\bid="([^"]+)"[^>]*>\s*(?:<span id="[^"]*"></span>\s*)*'
        r'<h\d[^>]*\blevel-2\b[^>]*>\s*<span class="section-number">([^<]*)</span>(.*?)</h\d>',
        chapter.body,
        flags=re.DOTALL,
    )
    return [Entry(anchor, 2, number.strip(" ."), title) for anchor, number, title in found]


def _part_page(part: Part, chapters: Sequence[Chapter]) -> str:
    lines = "\n".join(
        f'<li><a href="#{c.slug}"><span class="entry-number">{c.number}</span>'
        f'<span class="entry-title">{c.title_html}</span></a></li>'
        for c in chapters
    )
    numeral = f'<p class="part-number">Part {part.numeral}</p>' if part.numeral else ""
    return (
        f'<section class="part-page" id="{part_anchor(part)}">{numeral}'
        f'<h1>{escape(part.caption)}</h1>\n<ol class="part-chapters">\n{lines}\n</ol></section>'
    )


def _chapter_html(chapter: Chapter, *, level: int, numbered: bool) -> str:
    number = f'<span class="chapter-number">{chapter.number}</span> ' if chapter.number else ""
    return (
        f'<article class="chapter sheet-{chapter.slug}" id="{chapter.slug}">\n'
        f'<h{level} class="level-1">{number}{chapter.title_html}</h{level}>\n'
        f"{chapter.body}\n</article>"
    )


def _contents(entries: Sequence[Entry]) -> str:
    lines = "\n".join(
        f'<li class="entry level-{e.level}"><a href="#{e.anchor}">'
        f'<span class="entry-number">{e.number}</span>'
        f'<span class="entry-title">{e.title}</span><span class="leader"></span>'
        f'<span class="entry-page" data-page-of="{e.anchor}"></span></a></li>'
        for e in entries
    )
    return (
        '<nav class="volume-contents sheet-contents" id="contents"><h1>Contents</h1>\n'
        f"<ol>\n{lines}\n</ol></nav>"
    )


def _mend_links(html: str, anchors: set[str]) -> str:
    """Lead links whose target was on screen only to the chapter it was in."""

    def mend(match: re.Match[str]) -> str:
        target = match[2]
        if target not in anchors:
            target = target.split("--")[0]
        return f"{match[1]}#{target}{match[3]}"

    return _LINK.sub(mend, html)


def _document(
    imprint: Imprint, chapters: Sequence[Chapter], text: str, css: Path, site: Path, site_url: str
) -> str:
    sheets = dict.fromkeys(sheet for chapter in chapters for sheet in chapter.stylesheets)
    links = "\n".join(
        sheet if sheet.startswith("<") else f'<link rel="stylesheet" href="{escape(sheet)}">'
        for sheet in sheets
        if "fontawesome" not in sheet
    )
    scripts = "\n".join(dict.fromkeys(s for chapter in chapters for s in chapter.scripts))
    rules = "\n".join(_sheet_rules(c.slug, c.running_head) for c in chapters)
    rules += _sheet_rules("contents", "Contents")
    figure = ""
    if (site / "_static" / "signature.svg").is_file():
        figure = f'<img alt="" src="{site_url}_static/signature.svg">'
    return f"""<!doctype html>
<html lang="en" data-theme="light" data-mode="light" class="edition">
<head>
<meta charset="utf-8">
<title>{escape(imprint.title)}: {SUBTITLE[0].lower()}{SUBTITLE[1:]}</title>
<meta name="author" content="{escape(imprint.author)}">
{links}
<style>
{css.read_text(encoding="utf8")}
{rules}
</style>
{scripts}
</head>
<body>
<section class="title-page">
<p class="book-title" role="doc-title">{escape(imprint.title)}</p>
<p class="book-subtitle">{SUBTITLE}</p>
<p class="book-promise">{PROMISE}</p>
{figure}
<p class="book-author">{escape(imprint.author)}</p>
</section>
{_imprint_page(imprint)}
<main>
{text}
</main>
</body>
</html>
"""


def _imprint_page(imprint: Imprint) -> str:
    if imprint.address:
        where = f'<a class="external" href="{imprint.address}">{imprint.address}</a>'
        web = f"<p>The web edition, with live figures: {where}.</p>"
    else:
        web = "<p>The web edition has the same pages, with live figures.</p>"
    return f"""<section class="imprint">
<p><strong>{escape(imprint.title)}</strong>, version {escape(imprint.version)}.</p>
<p>This volume was printed from the built site. Its figures, numbers and claims were computed by
the code it describes when that site was built; a claim that fails, fails the build. The ledger of
claims in the appendix lists what was measured.</p>
{web}
<p>Code that only draws a figure, code to start exercises from with its checks, and the reference of
the library are in the web edition.
Sliders stand here at the setting at which their page opens. Answers and hints are at the end of
each chapter.</p>
<p>Text: Creative Commons Attribution 4.0 International (CC BY 4.0). Code: BSD 3-Clause.
Formulas are typeset with MathJax.</p>
</section>"""


def _sheet_rules(slug: str, running_head: str) -> str:
    """Put a running head on the pages of a chapter; each chapter has sheets of its own name."""
    head = running_head.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'@page sheet-{slug} {{ @top-left {{ content: "{head}"; }} }}\n'
        f".sheet-{slug} {{ page: sheet-{slug}; }}"
    )


__all__ = ["Entry", "Imprint", "assemble", "has_page", "part_anchor", "slug_of"]
