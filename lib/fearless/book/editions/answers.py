"""Hints and answers of a chapter on paper: they move from below their questions to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["collect_answers", "fragment", "plain_text"]


def plain_text(tag: Tag) -> str:
    """Return the words of a tag, of a formula what a screen reader is not given twice."""
    from copy import copy

    tag = copy(tag)
    for hidden in tag.select("mjx-assistive-mml, .headerlink"):
        hidden.decompose()
    text = re.sub(r"\\[()]", "", tag.get_text())
    return " ".join(text.split())


def collect_answers(soup: BeautifulSoup, article: Tag, slug: str) -> None:
    """Move what is folded away, verdicts and hints, to a section at the end."""
    answers = [*_verdicts(soup, article), *_hints(soup, article)]
    if not answers:
        return
    section = soup.new_tag("section", id="hints-and-answers", attrs={"class": "answers"})
    section.append(soup.new_tag("h2"))
    section.h2.append("Answers and hints")
    for answer in answers:
        section.append(answer)
    (article.find("section") or article).append(section)


def _verdicts(soup: BeautifulSoup, article: Tag) -> Iterator[Tag]:
    """Leave the questions of self-tests with their choices; yield what is said about each."""
    for count, question in enumerate(article.select(".self-test"), start=1):
        anchor, said = f"verdict-{count}", []
        for item in question.select("ol.self-test-choices > li"):
            letter, text, why = (
                item.select_one(name) for name in (".choice-letter", ".choice-text", ".choice-why")
            )
            why.name = "p"
            why.insert(0, fragment(f"<b>{letter.get_text()}</b> "))
            said.append(why.extract())
            item.clear()
            item.append(text.extract())
        question.select_one("ol")["type"] = "a"
        number = question.select_one(".self-test-number")
        title = number.get_text().strip()
        question.append(_link(soup, f"#{anchor}", "Answer", "to-answer"))
        yield _answer(soup, anchor, str(question.get("id", "")), title, said)


def _hints(soup: BeautifulSoup, article: Tag) -> Iterator[Tag]:
    """Leave exercises with a link; yield their hints."""
    for count, box in enumerate(article.select("details.sd-dropdown"), start=1):
        summary, exercise = box.find("summary"), box.find_previous_sibling()
        is_exercise = exercise is not None and "exercise" in exercise.get("class", [])
        if not is_exercise or plain_text(summary) != "Hint":
            continue
        number, anchor = exercise.select_one(".caption-number"), f"hint-{count}"
        title = f"{number.get_text().strip() if number else 'Exercise'}, hint"
        summary.decompose()
        content = box.find(class_="sd-summary-content") or box
        yield _answer(soup, anchor, str(exercise.get("id", "")), title, content.contents)
        exercise.append(_link(soup, f"#{anchor}", "Hint", "to-answer"))
        box.decompose()


def _answer(soup: BeautifulSoup, anchor: str, back: str, title: str, content: list) -> Tag:
    block = soup.new_tag("div", id=anchor, attrs={"class": "answer"})
    head = soup.new_tag("p", attrs={"class": "answer-title"})
    link = soup.new_tag("a", href=f"#{back}")
    link.append(fragment(title))
    head.append(link)
    block.append(head)
    for child in list(content):
        block.append(child.extract())
    return block


def _link(soup: BeautifulSoup, href: str, text: str, name: str) -> Tag:
    link = soup.new_tag("a", href=href, attrs={"class": name})
    link.append(text)
    return link


def fragment(html: str) -> BeautifulSoup:
    """Return a piece of HTML as tags that can be put into a page."""
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")
