"""The scan of what students get finds whatever must not be there, however it is stored."""

import json
import zipfile

import pytest
import tiny_assignment

from fearless.book.course.assignments.notebook import markdown
from fearless.book.course.assignments.source import read_assignment
from fearless.book.course.assignments.traces import forbidden_lines, traces

LEAKS = {
    "solution": "    return product_of_two",
    "hidden check": "for hidden_number in rng.normal(size=5):",
    "hidden check as Python writes it": "assert np.abs(residual(A, w, b)).max() < 1e-08",
    "hint": 'what happens to "negative" numbers, \\ and fractions?',
    "model answer": tiny_assignment.SOURCE.rstrip().split("\n")[-2],
    "secret": "correct horse",
    "key": "0123456789abcdef",
    "mark": "# BEGIN SOLUTION",
}


@pytest.fixture
def forbidden(tmp_path):
    tiny = read_assignment(tiny_assignment.write(tmp_path / "source"))
    return forbidden_lines(tiny, "correct horse", "0123456789abcdef")


def notebook(source):
    return json.dumps({"cells": [{"cell_type": "code", "source": source.splitlines(True)}]})


@pytest.mark.parametrize("what", LEAKS)
def test_a_leak_is_found_in_files_notebooks_and_zips(tmp_path, forbidden, what):
    place = tmp_path / "student"
    place.mkdir()
    (place / "notebook.ipynb").write_text(notebook("import numpy as np\n"))
    assert traces(place, forbidden) == []
    (place / "notebook.ipynb").write_text(notebook(f"import numpy as np\n{LEAKS[what]}\n"))
    assert len(traces(place, forbidden)) == 1
    (place / "notebook.ipynb").write_text(notebook(""))
    with zipfile.ZipFile(place / "all.zip", "w") as archive:
        archive.writestr("tests/q1.py", f"x = 1\n{LEAKS[what]}\n")
    (found,) = traces(place, forbidden)
    assert found.startswith("all.zip/tests/q1.py: ")


def test_every_line_of_solutions_and_hidden_checks_is_forbidden(forbidden):
    for line in (
        "product_of_two = x * x",
        "return np.linalg.pinv(X) @ y",
        "for hidden_number in rng.normal(size=5):",
        "A, b = rng.normal(size=(4, 9)), rng.normal(size=4)",
        "among all solutions the least-norm one lies in the span of the rows",
    ):
        assert line in forbidden


def test_what_is_given_is_not_forbidden(forbidden):
    assert not {"w = least_norm(X, y)", "import numpy as np", "return X @ w - y"} & set(forbidden)
    assert "does your w solve the system?" not in forbidden


def test_formulas_lose_the_macros_of_the_book_and_code_keeps_its_dollars():
    macros = {"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1]}
    text = "In $\\R\n^2$, $$\\norm{w}$$, `$\\R$` and \\$5.\n\n```\n$\\R$\n```"
    expected = "In $\\mathbb{R}\n^2$, $$\\lVert w \\rVert$$, `$\\R$` and \\$5.\n\n```\n$\\R$\n```"
    assert markdown(text, macros) == expected
