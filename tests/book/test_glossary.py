"""The glossary, and the use the pages make of it, in their sources."""

import re
from functools import cache
from pathlib import Path

import pytest

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
PARTS = (
    "interpolation",
    "over-parametrization",
    "double-descent",
    "kernel-regimes",
    "optimization",
)
PAGES = sorted(path for part in PARTS for path in (CHAPTERS / part).glob("*.md"))

_GLOSSARY = re.compile(r"```\{glossary\}\n(.*?)```", re.DOTALL)
_ROLE = re.compile(r"\{term\}`([^`]+)`")
_READ_ON = re.compile(r"^    Read on: (\{doc\}`/chapters/[\w/-]+`(?:, )?)+$")


@cache
def entries():
    """Return ``(terms, definition, last line)`` of each entry, in the order of the page."""
    text = (CHAPTERS / "appendix" / "glossary.md").read_text(encoding="utf8")
    found = []
    for block in _GLOSSARY.findall(text):
        for entry in re.split(r"\n\n(?=\S)", block.strip("\n")):
            lines = entry.split("\n")
            terms = [line for line in lines if line[:1].strip()]
            body = " ".join(line.strip() for line in lines[len(terms) : -1])
            found.append((terms, body.strip(), lines[-1]))
    return found


def targets(text):
    """Return the terms that a text links to."""
    shown = (re.sub(r"\s+", " ", role) for role in _ROLE.findall(text))
    return [role.split("<")[1].rstrip(">") if "<" in role else role for role in shown]


def test_has_the_words_of_the_book_in_order():
    assert 60 <= len(entries()) <= 90
    first = [terms[0] for terms, *_ in entries()]
    assert first == sorted(first, key=str.casefold)
    everything = [term.casefold() for terms, *_ in entries() for term in terms]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry[0][0])
def test_an_entry_is_short_and_says_where_to_read_on(entry):
    terms, definition, last = entry
    plain = re.sub(r"\$[^$]+\$|\{\w+\}`", "", definition)
    assert 1 <= len(re.findall(r"[.:](?:\s|$)", plain)) <= 4
    assert definition.endswith(".")
    assert len(definition.split()) <= 60
    assert _READ_ON.match(last)
    for page in re.findall(r"`/(chapters/[^`]+)`", last):
        assert (CHAPTERS.parent / f"{page}.md").is_file()
    assert not set(targets(definition)) & set(terms)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_link_a_handful_of_terms_once_each(path):
    known = {term: terms[0] for terms, *_ in entries() for term in terms}
    linked = [known[target] for target in targets(path.read_text(encoding="utf8"))]
    assert 3 <= len(linked) <= 8
    assert len(set(linked)) == len(linked)
