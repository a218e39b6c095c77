"""The map of the two regimes: every cell says where it comes from."""

import re
from pathlib import Path

from fearless.book.claims import load_claims

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "chapters" / "outlook" / "two-regimes.md").read_text(encoding="utf8")
DOC = re.compile(r"\{doc\}`/chapters/([^`]+)`")
CLAIM = re.compile(r"\{claim\}`[^`<]+<([^`>]+)>`")


def rows():
    table = re.search(r"```\{list-table\}.*?\n```", MAP, re.DOTALL)[0]
    _, head, *body = re.split(r"^\* - ", table, flags=re.MULTILINE)
    assert head.split() == ["Question", "-", "Classical", "-", "Modern"]
    return [re.split(r"^  - ", row, flags=re.MULTILINE) for row in body]


def test_every_cell_links_to_a_page_and_to_a_claim():
    assert len(rows()) >= 10
    for question, *cells in rows():
        assert len(cells) == 2, question
        for cell in cells:
            assert CLAIM.search(cell), cell
            assert DOC.search(cell), cell


def test_the_claims_of_a_cell_are_on_its_pages():
    pages = {id: claim.page for id, claim in load_claims().items()}
    for question, *cells in rows():
        for cell in cells:
            assert {pages[id] for id in CLAIM.findall(cell)} == set(DOC.findall(cell)), question


def test_no_row_says_the_same_on_both_sides():
    for question, classical, modern in rows():
        assert not set(CLAIM.findall(classical)) & set(CLAIM.findall(modern)), question
