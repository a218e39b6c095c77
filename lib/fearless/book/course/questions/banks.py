"""Banks of questions: all self-tests of a part, page by page, in the order of the book."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fearless.book.course.questions.markup import inline_html, plain
from fearless.book.course.questions.self_tests import Question, self_tests
from fearless.book.editions.contents import read_contents
from fearless.book.sphinx.running.tex_macros import Macro

__all__ = ["Bank", "PageQuestions", "book_macros", "page_title", "read_banks"]

_TITLE = re.compile(r"^# +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class PageQuestions:
    """The questions of one page: its name in the book, its title, its questions."""

    docname: str
    title: str
    questions: tuple[Question, ...]

    @property
    def origin(self) -> str:
        """Where its questions come from, for a reader who has not the page before them."""
        return f"On the page “{self.title}” of the book."

    @property
    def slug(self) -> str:
        """The name of the page, fit for a file."""
        return self.docname.rpartition("/")[2]


@dataclass(frozen=True)
class Bank:
    """The questions of one part of the book."""

    slug: str
    title: str
    pages: tuple[PageQuestions, ...]

    @property
    def questions(self) -> list[Question]:
        """All questions of the part, in order."""
        return [question for page in self.pages for question in page.questions]


def read_banks(root: Path) -> list[Bank]:
    """Read the banks of the book, one for each part that has questions.

    Parameters
    ----------
    root : Path
        The book's root: the folder of ``_toc.yml`` and ``chapters/``.

    Returns
    -------
    list of Bank

    Raises
    ------
    fearless.book.course.questions.self_tests.SelfTestError
        When a question is written wrongly.
    """
    chapters = root / "chapters"
    macros = book_macros(root)
    asked: dict[str, list[Question]] = {}
    for question in self_tests(chapters):
        asked.setdefault(f"chapters/{question.page}", []).append(question)
    banks = []
    for part in read_contents(root):
        pages = tuple(
            PageQuestions(name, page_title(root / f"{name}.md", macros), tuple(asked[name]))
            for name in part.docnames
            if name in asked
        )
        if pages:
            banks.append(Bank(part.folder, part.caption, pages))
    return banks


def page_title(path: Path, macros: Mapping[str, Macro]) -> str:
    """Return the title of a page as plain text."""
    match = _TITLE.search(path.read_text(encoding="utf8"))
    if match is None:
        raise ValueError(f"{path} has no title (a line '# ...')")
    return plain(inline_html(match[1], macros))


def book_macros(root: Path) -> dict[str, Macro]:
    """Return the macros of the book's formulas, as ``_config.yml`` defines them."""
    import yaml

    config: Any = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    for key in ("sphinx", "config", "mathjax3_config", "tex", "macros"):
        config = config.get(key) or {}
    return config
