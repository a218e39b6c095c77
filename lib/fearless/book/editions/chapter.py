"""One built page, turned into a chapter of the volume.

On paper nothing opens, moves or is clicked: controls go, sliders and figures with handles keep the
picture the page opens with, folded code goes, and folded hints and answers move to the end of their
chapter (`fearless.book.editions.answers`). All pages come to stand in one document, so that every
id gets the name of its page in front.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from fearless.book.editions.answers import collect_answers, fragment, plain_text

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

# What only a screen has: controls, folded code, whatever waits for a script.
SCREEN_ONLY = (
    "script, template, button, input, iframe, dialog, noscript, a.headerlink, [hidden], .noprint, "
    ".d-print-none, .fig-track, .fig-marks, details.hide, .sd-summary-state-marker, "
    ".fact-computer, .book-downloads, .exercise-start"
)
INTERACTIVE = ".fig-slider, .fig-drag"
# A title says less on paper than on screen: the number of the page is filled in when it is known.
PAGE_REFERENCE = ' <span class="page-reference">(p. <span data-page-of="{}"></span>)</span>'
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-details")
_URL = re.compile(r"url\((['\"]?)#")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclasses.dataclass
class Chapter:
    """A chapter of the volume, as HTML without its title."""

    slug: str
    number: str
    title: str
    title_html: str
    body: str
    stylesheets: list[str]
    scripts: list[str]
    anchors: set[str]

    @property
    def running_head(self) -> str:
        """What stands at the head of its pages."""
        return f"{self.number}  {self.title}" if self.number else self.title


def slug_of(docname: str) -> str:
    """Return the name of a page inside the volume, ``optimization-sgd`` for example."""
    return docname.removeprefix("chapters/").replace("/", "-")


def read_chapter(html: str, docname: str, *, docnames: set[str], depth: int, site: str) -> Chapter:
    """Turn the HTML of a page of the site into a chapter.

    Parameters
    ----------
    html : str
        The built page.
    docname : str
        Its name, ``chapters/optimization/sgd`` for example.
    docnames : set of str
        The pages of the volume: links to them stay inside it.
    depth : int
        The level of the chapter's title, 1 or 2; the headings below follow.
    site : str
        Address of the folder of the built site as seen from the volume, ending in a slash.

    Raises
    ------
    ValueError
        When the page has no article or no title.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    article = soup.select_one("article.bd-article")
    heading = article and article.find("h1")
    if heading is None:
        raise ValueError(f"the page {docname} has no article with a title")
    slug, address = slug_of(docname), _canonical(soup)
    for tag in article.select(SCREEN_ONLY):
        tag.decompose()
    _note_interactives(soup, article, address)
    number = heading.select_one(".section-number")
    number_text = number.extract().get_text().strip().rstrip(".") if number else ""
    title, title_html = plain_text(heading), heading.decode_contents()
    heading.decompose()
    collect_answers(soup, article, slug)
    _open_details(article)
    _drop_empty_cells(article)
    for image in article.find_all("img"):
        image["loading"] = "eager"
    for level in range(6, 1, -1):
        for tag in article.find_all(f"h{level}"):
            tag.name = f"h{min(6, level + depth - 1)}"
            tag["class"] = [*tag.get("class", []), f"level-{level}"]
    anchors = _prefix_ids(article, slug)
    _rewrite_links(article, docname, docnames, site, address)
    head = _assets(soup, docname, site)
    return Chapter(slug, number_text, title, title_html, article.decode_contents(), *head, anchors)


def _canonical(soup: BeautifulSoup) -> str:
    link = soup.select_one("link[rel=canonical][href]")
    return link["href"] if link else ""


def _note_interactives(soup: BeautifulSoup, article: Tag, address: str) -> None:
    """Say under each interactive figure where the live one is."""
    for tag in article.select(INTERACTIVE):
        figure = tag.find_parent("figure") or tag
        note = soup.new_tag("p", attrs={"class": "live-note"})
        note.append("Interactive in the ")
        if address:
            link = soup.new_tag("a", href=address + "#" + str(figure.get("id", "")))
            link["class"] = "external"
            link.append("web edition")
            note.append(link)
        else:
            note.append("web edition")
        note.append("; here as the page opens.")
        tag.append(note)


def _open_details(article: Tag) -> None:
    """Show what is still folded: a closed box cannot be opened on paper."""
    for tag in article.find_all("details"):
        tag.name = "div"
        tag.attrs.pop("open", None)
        tag["class"] = [*tag.get("class", []), "unfolded"]
        if tag.summary:
            tag.summary.name = "p"


def _drop_empty_cells(article: Tag) -> None:
    for cell in article.select("div.cell"):
        if not cell.get_text(strip=True) and not cell.find(["svg", "img"]):
            cell.decompose()


def _prefix_ids(article: Tag, slug: str) -> set[str]:
    anchors = set()
    for tag in article.find_all(True):
        if not (attributes := tag.attrs):
            continue
        if "id" in attributes:
            tag["id"] = f"{slug}--{attributes['id']}"
            anchors.add(tag["id"])
        for name in REFERENCES:
            if name in attributes:
                value = attributes[name]
                words = value if isinstance(value, list) else str(value).split()
                tag[name] = " ".join(f"{slug}--{word}" for word in words)
        for name, value in attributes.items():
            if name in ("href", "xlink:href") and tag.name != "a" and str(value).startswith("#"):
                tag[name] = f"#{slug}--{value[1:]}"
            elif isinstance(value, str) and "url(" in value:
                tag[name] = _URL.sub(rf"url(\1#{slug}--", value)
    return anchors


def _rewrite_links(article: Tag, docname: str, docnames: set[str], site: str, address: str) -> None:
    folder = posixpath.dirname(docname)
    for tag in article.select("[src]"):
        if not _SCHEME.match(tag["src"]):
            tag["src"] = site + posixpath.normpath(posixpath.join(folder, tag["src"]))
    for tag in article.select("a[href]"):
        href = tag["href"]
        if _SCHEME.match(href):
            tag["class"] = [*tag.get("class", []), "external"]
            continue
        path, anchor = urldefrag(href)
        page = posixpath.normpath(posixpath.join(folder, path)) if path else docname + ".html"
        target = page.removesuffix(".html")
        if target in docnames:
            tag["href"] = "#" + slug_of(target) + (f"--{anchor}" if anchor else "")
            if target != docname and tag.select_one("span.doc"):
                tag.insert_after(fragment(PAGE_REFERENCE.format(slug_of(target))))
        elif address:
            # The address of this page, less its own name, is that of the site.
            base = address.removesuffix(f"{docname}.html")
            tag["href"] = f"{base}{page}" + (f"#{anchor}" if anchor else "")
            tag["class"] = [*tag.get("class", []), "external"]
        else:
            tag.unwrap()


def _assets(soup: BeautifulSoup, docname: str, site: str) -> tuple[list[str], list[str]]:
    """List the style sheets of a page, and the scripts that typeset its formulas, if any do."""
    folder = posixpath.dirname(docname)

    def local(url: str) -> str:
        return site + posixpath.normpath(posixpath.join(folder, url))

    sheets = [
        local(link["href"])
        for link in soup.select("link[rel=stylesheet][href]")
        if not _SCHEME.match(link["href"])
    ]
    scripts = []
    for script in soup.select("script"):
        source = script.get("src", "")
        if "/mathjax/" in source:
            script["src"] = local(source)
            scripts.append(str(script))
        elif "window.MathJax" in script.get_text():
            scripts.append(str(script))
    inline = [str(style) for style in soup.select("head style")]
    return sheets + inline, scripts
