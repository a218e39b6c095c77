"""Every claim of the book is made on exactly one page and checked in at least one test."""

from pathlib import Path

import pytest

from fearless.book.claims import load_claims
from fearless.book.scan import claims_in_tests, claims_on_pages

ROOT = Path(__file__).parents[2]
PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# A page

The call `claim("in-prose", 1, 1)` is only talked about.

```python
claim("in-a-listing", 1, 1)
```

```{code-cell} ipython3
CELL
```
"""


@pytest.fixture(scope="module")
def on_pages():
    return claims_on_pages(ROOT / "chapters")


@pytest.fixture(scope="module")
def in_tests():
    return claims_in_tests(ROOT / "tests")


def test_every_claim_is_made_on_its_page_and_only_there(on_pages):
    wrong = {
        id: on_pages.get(id, [])
        for id, claim in load_claims().items()
        if on_pages.get(id, []) != [claim.page]
    }
    assert not wrong, f"ledger/ says another page than the pages that make the claim: {wrong}"


def test_every_claim_made_on_a_page_is_in_the_list(on_pages):
    assert not on_pages.keys() - load_claims().keys()


def test_every_claim_is_checked_in_a_test(in_tests):
    assert not load_claims().keys() - in_tests.keys()


def test_every_claim_checked_in_a_test_is_in_the_list(in_tests):
    assert not in_tests.keys() - load_claims().keys()


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ('claim("a", 1, 1)', ["a"]),
        ('%matplotlib inline\nbook.claim(id="a", measured=1, expected=1)', ["a"]),
        ('claim("a", 1, 1)\nclaim("b", 1, 1)', ["a", "b"]),
        ('for k in (1, 2):\n    check_claim("a", k, k)', ["a"]),
        ('claim("a", 1, 1); claim("a", 2, 2)', ["a", "a"]),
        ('text = "claim(\'a\', 1, 1)"  # claim("b", 1, 1)', []),
        ('disclaim("a")', []),
    ],
)
def test_claims_are_found_in_code_and_nowhere_else(tmp_path, code, ids):
    (tmp_path / "part").mkdir()
    page = tmp_path / "part" / "page.md"
    page.write_text(PAGE.replace("CELL", code), encoding="utf8")
    (tmp_path / "prose.md").write_text("# No code here\n", encoding="utf8")
    found = claims_on_pages(tmp_path)
    assert [id for id, pages in found.items() for _ in pages] == ids
    assert {page for pages in found.values() for page in pages} <= {"part/page"}


def test_tests_of_the_machinery_are_no_evidence(tmp_path):
    for name in ("theory/test_risk.py", "book/test_claims.py", "theory/helper.py", "test_top.py"):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('def test(): check_claim("a", 1, 1); check_claim("a", 2, 2)\n')
    assert claims_in_tests(tmp_path / "tests") == {
        "a": [Path("tests/test_top.py"), Path("tests/theory/test_risk.py")]
    }
