"""What a page teaches and needs, read from the page itself: nothing is typed twice.

Every chapter opens with a box, ``{at-a-glance}``, that lists what one will learn and what one
needs. A list of verbs in the front matter says what a student can *do* with each item afterwards::

    objectives: [explain, derive, predict, judge]

The verb stands in front of the item ("explain" + "why the test error peaks ..."), or is the one the
item has already ("to predict the test loss ..."), and it places the item on Bloom's levels. What a
page needs are the pages that its box links to.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from fearless.book.course.blocks import blocks

__all__ = ["LEVELS", "Objective", "PageFacts", "level_of", "phrase", "read_page", "read_pages"]

#: Bloom's levels (in the revision of 2001), from the lowest, and the verbs of this book for each.
LEVELS = {
    "remember": ("state", "recall"),
    "understand": ("explain", "describe", "interpret", "recognise"),
    "apply": ("compute", "demonstrate", "determine", "find", "measure", "predict", "show"),
    "analyse": ("compare", "derive", "distinguish", "examine", "prove"),
    "evaluate": ("judge",),
    "create": ("build", "design"),
}

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_LINK = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`")


class ObjectiveError(ValueError):
    """A page says wrongly what it teaches or needs; the message names it."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """One thing that a student can do after a page: level, verb, and the item of its box."""

    level: str
    verb: str
    item: str

    @property
    def text(self) -> str:
        """The objective as a phrase, in Markdown."""
        return phrase(self.verb, self.item)


@dataclasses.dataclass(frozen=True)
class PageFacts:
    """What a page says about itself: its name, title, objectives, and the pages it needs."""

    docname: str
    title: str
    objectives: tuple[Objective, ...]
    needs: tuple[str, ...]

    @property
    def part(self) -> str:
        """The folder of the page."""
        return posixpath.basename(posixpath.dirname(self.docname))


def level_of(verb: str) -> str:
    """Return the level of a verb.

    Raises
    ------
    ObjectiveError
        When the verb is none of those in `LEVELS`.
    """
    for level, verbs in LEVELS.items():
        if verb in verbs:
            return level
    known = ", ".join(verb for verbs in LEVELS.values() for verb in verbs)
    raise ObjectiveError(f"the verb is {verb!r}; expected one of {known}")


def phrase(verb: str, item: str) -> str:
    """Put a verb in front of an item, once: "how to find ..." is "find ..." already."""
    item = re.sub(rf"\A(?:how )?to (?={verb}\b)", "", item)
    if item.split()[0] == verb:
        return item.replace(", and to ", ", and ")
    return f"{verb} {item}"


def read_page(path: Path, docname: str) -> PageFacts | None:
    """Read what a page teaches and needs; None for a page without a box.

    Raises
    ------
    ObjectiveError
        When the box does not have the two parts, or the verbs do not fit its items.
    """
    text = path.read_text(encoding="utf8")
    box = next(blocks(text, "at-a-glance"), None)
    if box is None:
        return None
    learn, marker, need = box.body.partition("**What you need**:")
    items = [
        " ".join(item.split()).rstrip(";.")
        for item in re.findall(r"^- (.*?)(?=^- |\Z)", learn, re.DOTALL | re.MULTILINE)
    ]
    if not marker or not items:
        raise ObjectiveError(f"{docname}: the box does not say what one will learn and need")
    front = _FRONT.match(text)
    verbs = (yaml.safe_load(front[1]) if front else {}).get("objectives", [])
    if len(verbs) != len(items):
        raise ObjectiveError(
            f"{docname}: the front matter has {len(verbs)} objectives (verbs), the box {len(items)}"
        )
    title = next((x[2:] for x in text.splitlines() if x.startswith("# ")), docname)
    here = posixpath.dirname(docname)
    links = [
        t[1:] if t.startswith("/") else posixpath.normpath(posixpath.join(here, t))
        for t in _LINK.findall(need)
    ]
    try:
        found = tuple(Objective(level_of(v), v, i) for v, i in zip(verbs, items, strict=True))
    except ObjectiveError as error:
        raise ObjectiveError(f"{docname}: {error}") from None
    return PageFacts(docname, title.strip(), found, tuple(dict.fromkeys(links)))


def read_pages(root: Path) -> dict[str, PageFacts]:
    """Read all chapters of a book in the order of its contents.

    Raises
    ------
    ObjectiveError
        When a page says wrongly what it teaches, or needs a page that is not in the book or comes
        after it.
    """
    order = list(_docnames(root))
    facts = {}
    for docname in order:
        if (page := read_page(root / f"{docname}.md", docname)) is not None:
            facts[docname] = page
    for position, docname in enumerate(order):
        for need in facts[docname].needs if docname in facts else ():
            if need not in order:
                raise ObjectiveError(f"{docname} needs {need}, which is no page of the book")
            if order.index(need) >= position:
                raise ObjectiveError(f"{docname} needs {need}, which comes after it")
    return facts


def _docnames(root: Path) -> Iterator[str]:
    from sphinx_external_toc.parsing import parse_toc_yaml

    for name in parse_toc_yaml(root / "_toc.yml"):
        yield name.removesuffix(".md")
