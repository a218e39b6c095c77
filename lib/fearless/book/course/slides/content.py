"""What goes on the slides of a chapter, taken from its built page.

A lecture follows the page: what one will learn, the question to bet on, then statements and figures
in the order of the page, what was checked, the take-aways, and what to do next. Proofs, code and
running text stay on the page: they are for reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, NavigableString, Tag

__all__ = ["MAXIMUM", "MINIMUM", "Slide", "slides_of"]

#: How many slides a deck has, by intention; tests hold all chapters to it.
MINIMUM, MAXIMUM = 10, 20

_CLAIMS_A_SLIDE = 5
_STATEMENTS = ("theorem", "proposition", "corollary", "lemma", "definition", "algorithm")
# Nothing on a slide opens, copies, or leads to a place that is not in the deck.
_DROPPED = "a.headerlink, script, button.copybtn, .api-link-only, .noprint, .claim-link"
# What a reader drags needs the scripts of the page; the picture it begins with is enough.
_HANDLES = ".fig-drag"
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


@dataclass
class Slide:
    """A slide: its heading, its content as HTML, its kind (for the style sheet), its anchors."""

    title: str
    html: str
    kind: str
    anchors: tuple[str, ...] = field(default=())


def slides_of(page: str, part: str = "") -> list[Slide]:
    """Make the slides of a page.

    Parameters
    ----------
    page : str
        The HTML of a built chapter.
    part : str
        The name of its part, for the first slide.

    Returns
    -------
    list of Slide

    Raises
    ------
    ValueError
        When the page has no article.
    """
    soup = BeautifulSoup(page, "html.parser")
    article = soup.select_one("article.bd-article")
    if article is None or article.h1 is None:
        raise ValueError("the page has no article with a title")
    for element in article.select(_DROPPED):
        element.decompose()
    slides = [_first(article, part), *_glance(article), *_bet(article)]
    body = [*_statements_and_figures(article)]
    rest = [*_claims(article), *_take_aways(article), *_exercises(article)]
    _drop(body, len(slides) + len(body) + len(rest) - MAXIMUM)
    return slides + body + rest


def _drop(body: list[Slide], surplus: int) -> None:
    """Take out what a lecture misses least: from the end, definitions first, then lemmas."""
    for kind in ("definition", "algorithm", "lemma", "corollary", "proposition", "figure"):
        for slide in [s for s in reversed(body) if s.kind == kind]:
            if surplus <= 0:
                return
            body.remove(slide)
            surplus -= 1


def _first(article: Tag, part: str) -> Slide:
    facts = article.select_one(".page-facts")
    html = f'<p class="part">{part}</p>' if part else ""
    return Slide(_inner(article.h1), html + (str(facts) if facts else ""), "title")


def _glance(article: Tag) -> Iterator[Slide]:
    box = article.select_one(".at-a-glance")
    items = box.find("ul") if box else None
    if items is not None:
        need = next((str(p) for p in box.find_all("p") if "What you need" in p.get_text()), "")
        yield Slide("What you will learn", str(items) + need, "glance")


def _bet(article: Tag) -> Iterator[Slide]:
    for box in article.select(".tip.admonition"):
        title = box.select_one(".admonition-title")
        if title is not None and "bet" in title.get_text().lower():
            heading = title.get_text()
            title.extract()
            yield Slide(heading, _inner(box), "bet")


def _statements_and_figures(article: Tag) -> Iterator[Slide]:
    for element in article.select("div.proof, figure"):
        if element.find_parent(["figure", "details"]) or element.find_parent("div", "exercise"):
            continue
        if element.name == "figure":
            yield _figure(element)
            continue
        kind = next((k for k in _STATEMENTS if k in element.get("class", ())), "")
        content = element.find("section")
        if kind and content is not None:
            title = element.select_one(".admonition-title")
            yield Slide(_inner(title), _inner(content), kind, (element.get("id", ""),))


def _figure(figure: Tag) -> Slide:
    for handles in figure.select(_HANDLES):
        for control in handles.select("button, input, .fig-controls, .fig-marks, script"):
            control.decompose()
    caption = figure.find("figcaption")
    number = figure.select_one(".caption-number")
    title = number.get_text().strip() if number else "Figure"
    if number:
        number.extract()
    text = ""
    if caption is not None:
        text = f'<div class="caption">{_inner(caption)}</div>'
        caption.extract()
    return Slide(title, f"<div class='picture'>{_inner(figure)}</div>{text}", "figure",
                 (figure.get("id", ""),))  # fmt: skip


def _claims(article: Tag) -> Iterator[Slide]:
    claims = []
    for claim in article.select(".claim"):
        statement, numbers = (claim.select_one(f".claim-{k}") for k in ("statement", "numbers"))
        if statement is None:
            continue
        measured = f" <small>{_inner(numbers)}</small>" if numbers else ""
        claims.append(f"<li>{_inner(statement)}{measured}</li>")
    if not claims:
        return
    # The first ones of a page are checks of the tools; its statements come towards the end.
    shown = claims[-_CLAIMS_A_SLIDE:]
    more = len(claims) - len(shown)
    note = f"<p>{more} more on the page.</p>" if more else ""
    yield Slide("Checked when the page was built", f"<ul>{''.join(shown)}</ul>{note}", "claims")


def _take_aways(article: Tag) -> Iterator[Slide]:
    section = article.find("section", id="take-aways")
    if section is None:
        return
    if section.h2 is not None:
        section.h2.extract()
    items = [s for p in section.find_all("p", recursive=False) for s in _sentences(p)]
    items += [_inner(li) for li in section.select(":scope > ul > li, :scope > ol > li")]
    html = "".join(f"<li>{item}</li>" for item in items)
    yield Slide("Take-aways", f"<ul>{html}</ul>", "take-aways")


def _sentences(paragraph: Tag) -> list[str]:
    """Split a paragraph after its sentences; markup inside a sentence stays whole."""
    sentences = [""]
    for child in paragraph.children:
        if not isinstance(child, NavigableString):
            sentences[-1] += str(child)
            continue
        first, *rest = _SENTENCE.split(child.output_ready(formatter="html"))
        sentences[-1] += first
        sentences += rest
    return [s.strip() for s in sentences if s.strip()]


def _exercises(article: Tag) -> Iterator[Slide]:
    titles = [_inner(p) for p in article.select("div.exercise > .admonition-title")]
    if titles:
        html = "".join(f"<li>{title}</li>" for title in titles)
        yield Slide("Now you", f"<ul>{html}</ul>", "exercises")


def _inner(element: Tag | None) -> str:
    return element.decode_contents().strip() if element is not None else ""
