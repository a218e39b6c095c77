"""The scan for leaks finds every kind of leak wherever it is, and no leak where there is none."""

import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest

from fearless.book.course.editions.leaks import Scanner, pieces
from fearless.book.course.editions.secrets import Secret, public_texts, read_secrets
from fearless.book.course.editions.texts import texts, words

ROOT = Path(__file__).resolve().parents[4]
SOLUTION = """\
Expand the inverse around its limit. The first correction has *mean zero* and a size that shrinks
with the square root of the width, but the second one never cancels: hence the bias of $n/N$
that survives every average over seeds.

```{code-cell} ipython3
import numpy as np

excess = np.array(squared) / limit - 1
slope = np.polyfit(np.log(widths), np.log(excess), 1)[0]
```

**Grading.** Four points for the expansion to second order, three for the mean of the square.
"""
PUBLIC = "# A page\n\n```python\nimport numpy as np\n```\n\nThe width of the network counts."
SECRETS = [Secret("the solution of ex-rate", SOLUTION)]
PROSE = "size that shrinks\nwith the square root of the width, but the second"
CODE = "slope = np.polyfit(np.log(widths), np.log(excess), 1)[0]"
GRADING = "Four points for the expansion to second order"


@pytest.fixture(scope="module")
def scanner():
    return Scanner(SECRETS, [PUBLIC])


def html(text):
    return f"<!doctype html><html><body><p>{text}</p></body></html>".encode()


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def pdf(text):
    """A PDF of one page, written by hand."""
    rows = " 0 -12 Td ".join(f"({row}) Tj" for row in text.split("\n"))
    drawn = f"BT /F1 9 Tf 20 100 Td {rows} ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 900 200]/Contents 4 0 R"
        b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawn), drawn),
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 5\n0000000000 65535 f \n%strailer\n<</Size 5/Root 1 0 R>>\n" % table
        + (b"startxref\n%d\n%%%%EOF" % len(out))
    )


HIGHLIGHTED = (
    '<div class="highlight"><pre><span class="n">slope</span> <span class="o">=</span> '
    '<span class="n">np</span><span class="o">.</span><span class="n">polyfit</span>'
    '<span class="p">(</span><span class="n">np</span><span class="o">.</span>'
    '<span class="n">log</span><span class="p">(</span><span class="n">widths</span>'
    '<span class="p">),</span> <span class="n">np</span><span class="o">.</span>'
    '<span class="n">log</span><span class="p">(</span><span class="n">excess</span>'
    '<span class="p">),</span> <span class="mi">1</span><span class="p">)[</span>'
    '<span class="mi">0</span><span class="p">]</span></pre></div>'
)
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "source": ["x = 1\n", CODE + "\n"], "outputs": [], "metadata": {}}
    ],
    "metadata": {},
}
PLANTED = {
    "prose in a page": ("a.html", html(PROSE)),
    "prose with markup and line breaks": (
        "a.html",
        html(PROSE.replace("square root", "<em>square</em>\n<a href='x'>root</a>")),
    ),
    "prose in a description": ("a.html", html(f'<img alt="{PROSE}">')),
    "prose with letters of other shapes": ("a.html", html(PROSE.replace("fi", "ﬁ").upper())),
    "highlighted code": ("a.html", html(HIGHLIGHTED)),
    "one line of code in a source": ("_sources/a.md", CODE.encode()),
    "code with other blanks": ("a.txt", CODE.replace(" ", "").encode()),
    "code in a notebook": ("a.ipynb", json.dumps(NOTEBOOK).encode()),
    "hints for grading": ("a.html", html(f"<strong>Note.</strong> {GRADING}")),
    "prose in the index of the search": ("searchindex.js", f'x={{"t":"{PROSE}"}}'.encode()),
    "a page of solutions in the index": (
        "searchindex.js",
        b'Search.setIndex({"docnames":["chapters/a/solutions/b"],"terms":{},"titleterms":{}})',
    ),
    "a word that only a solution uses": (
        "searchindex.js",
        b'Search.setIndex({"docnames":["a"],"terms":{"polyfit":0},"titleterms":{}})',
    ),
    "a file in a zip": ("a.zip", zipped("b/c.html", html(PROSE))),
    "a zip in a zip": ("a.zip", zipped("b.zip", zipped("c.md", CODE))),
    "text in a PDF": ("a.pdf", pdf(PROSE)),
    "a hyphen in a PDF": ("a.pdf", pdf(PROSE.replace("square", "squ-\nare"))),
    "an inventory": ("objects.inv", b"# S\n# P\n# V\n# zlib\n" + zlib.compress(PROSE.encode())),
    "a file of an unknown kind": ("a.strange", PROSE.encode()),
    "a mark of a solution": ("a.md", b"```{solution-start} ex-a\n```"),
    "a mark of a model solution": ("a.ipynb", b'{"source": ["# BEGIN SOLUTION"]}'),
    "the head of hints for grading": ("a.html", html("<strong>Grading.</strong> Ten points.")),
    "a box of a solution": ("a.html", html('<div class="solution dropdown admonition">x</div>')),
    "a folder of solutions": ("chapters/a/solutions/b.html", html("Nothing.")),
    "a link to solutions": ("a.html", html('<a href="solutions/b.html">x</a>')),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_leak_is_found(scanner, tmp_path, what):
    name, content = PLANTED[what]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "good.html").write_bytes(html("The width of the network counts."))
    assert not scanner.scan(tmp_path).leaks
    path.write_bytes(content)
    report = scanner.scan(tmp_path)
    assert report.leaks, what
    assert all(leak.where.startswith(name) for leak in report.leaks)
    assert "leak" in str(report)


def test_what_is_public_is_no_leak(scanner, tmp_path):
    (tmp_path / "a.md").write_text(PUBLIC + "\nthe square root of two\n", encoding="utf8")
    (tmp_path / "a.png").write_bytes(PROSE.encode())  # pixels
    (tmp_path / "searchindex.js").write_text(
        'Search.setIndex({"docnames":["a"],"terms":{"network":0},"titleterms":{"page":0}})'
    )
    report = scanner.scan(tmp_path)
    assert not report.leaks
    assert (report.files, report.skipped) == (2, 1)
    assert str(report).endswith("no leak")


def test_a_leak_says_where_and_whose_it_is(scanner, tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped("b.md", CODE))
    (leak,) = scanner.scan(tmp_path / "a.zip").leaks
    assert str(leak).startswith("a.zip > b.md: the solution of ex-rate: 'slope np polyfit")


def test_prose_is_cut_where_editions_differ():
    rows = [" ".join(row) for row in pieces(SOLUTION) if row]
    assert rows[0].startswith("import numpy as np excess")
    assert rows[1].endswith("hence the bias of")
    assert rows[2].startswith("that survives every average")


def test_without_secrets_nothing_is_promised():
    with pytest.raises(ValueError, match="no solutions were found"):
        Scanner([], [PUBLIC])


def test_a_secret_in_a_public_source_is_an_error():
    copied = SOLUTION.partition("$")[0]
    with pytest.raises(ValueError, match="in the sources:\n  the solution of ex-rate: a pub"):
        Scanner(SECRETS, [f"# A page\n\n{copied}"])
    with pytest.raises(ValueError, match=r"ex-rate: \d of \d+ windows are not public"):
        Scanner(SECRETS, [words_of(SOLUTION)])


def words_of(text):
    return " ".join(words(text.replace("$n/N$", "")))


def test_texts_of_a_page_are_what_is_written_and_what_is_shown():
    written, shown = (text for _, text in texts("a.html", b"<p>a<b>b</b></p><p>c &amp; d</p>"))
    assert "<b>" in written
    assert shown.split() == ["ab", "c", "&", "d"]


@pytest.fixture(scope="module")
def secrets():
    return read_secrets(ROOT)


@pytest.fixture(scope="module")
def knowing(secrets):
    """A scanner that knows the book's own secrets."""
    return Scanner(secrets, public_texts(ROOT))


class TestBook:
    """The book's own secrets."""

    def test_every_solution_is_known(self, secrets):
        names = {secret.name for secret in secrets}
        assert len([name for name in names if name.startswith("the solution of")]) >= 100
        assert "the solution of ex-sweet-spot" in names

    def test_any_solution_would_be_found(self, secrets, knowing, tmp_path):
        """Each one in a source, as a page would show it (without markup), and word by word."""
        for secret in secrets:
            if secret.name.startswith("the set-up"):
                continue
            shown = "\n\n".join(" ".join(piece) for piece in pieces(secret.text))
            for name, text in (("a.md", secret.text), ("a.html", f"<p>{shown}</p>")):
                (tmp_path / name).write_text(text, encoding="utf8")
                found = knowing.scan(tmp_path / name).leaks
                assert secret.name in {leak.secret for leak in found}, (secret.name, name)

    def test_hints_for_grading_would_be_found(self, secrets, knowing, tmp_path):
        for secret in secrets:
            _, _, grading = secret.text.partition("**Grading.**")
            if grading:
                path = tmp_path / "a.txt"
                path.write_text(grading, encoding="utf8")
                assert knowing.scan(path).leaks, secret.name

    def test_the_sources_of_the_pages_are_clean(self, knowing):
        for path in sorted((ROOT / "chapters").rglob("*.md")):
            if path.parent.name != "solutions":
                assert not knowing.scan(path).leaks
