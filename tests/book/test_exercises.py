"""Every exercise has a solution, which runs, is where an instructor finds it, and does not leak."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fearless.book.exercises import exercises, solution_code, solution_files, solutions
from fearless.book.scan import code_cells

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
SITE = ROOT / "_build" / "html"
FILES = list(solution_files(CHAPTERS))


@pytest.fixture(scope="module")
def all_exercises():
    return exercises(CHAPTERS)


@pytest.fixture(scope="module")
def all_solutions():
    return solutions(CHAPTERS)


def test_there_are_exercises(all_exercises):
    assert {"ex-sweet-spot", "ex-early"} <= {exercise.label for exercise in all_exercises}


def test_exercises_have_labels_stars_and_text(all_exercises):
    for exercise in all_exercises:
        assert re.fullmatch(r"ex-[a-z0-9-]+", exercise.label), exercise
        assert re.match(r"★{1,3} \S", exercise.title), exercise
        assert len(exercise.text) > 40, exercise


def test_labels_are_unique(all_exercises):
    labels = [exercise.label for exercise in all_exercises]
    assert len(labels) == len(set(labels))


def test_every_exercise_has_one_solution_beside_its_page(all_exercises, all_solutions):
    expected = {
        exercise.label: CHAPTERS / Path(exercise.page).parent / "solutions" / name
        for exercise in all_exercises
        for name in [f"{Path(exercise.page).name}.md"]
    }
    found = [(solution.label, solution.path) for solution in all_solutions]
    assert sorted(found) == sorted(expected.items())


def test_no_block_of_a_solution_file_is_overlooked(all_solutions):
    for path in FILES:
        starts = path.read_text(encoding="utf8").count("{solution-start}")
        assert starts == sum(solution.path == path for solution in all_solutions)


def test_solutions_say_something(all_solutions):
    for solution in all_solutions:
        assert len(solution.text) > 150, f"{solution.label} is too short to be a solution"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_code_of_solutions_checks_its_answer(path):
    source = solution_code(path)
    if source.strip():
        compile(source, str(path), "exec")
        assert "assert " in source


def test_solutions_are_no_pages_of_the_book():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf8")
    assert "solutions" not in toc


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_code_of_solutions_runs(path):
    if not code_cells(path):
        pytest.skip("no code")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", solution_code(path)],
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.site
def test_no_trace_of_a_solution_in_the_site(all_solutions):
    """No line of a solution, prose or code, occurs in any text file of the site."""
    own = "\n".join(
        path.read_text(encoding="utf8")
        for path in CHAPTERS.rglob("*.md")
        if path.parent.name != "solutions"
    )
    lines = {
        line.strip()
        for solution in all_solutions
        for line in solution.text.splitlines()
        if len(line.strip()) > 40
    }
    # An import that a page has too betrays nothing.
    lines = {line for line in lines if line not in own and not line.startswith("from ")}
    assert lines
    for path in SITE.rglob("*"):
        if path.suffix in {".html", ".js", ".md", ".txt", ".ipynb", ".json", ".inv"}:
            text = path.read_text(encoding="utf8", errors="replace")
            leaked = [line for line in lines if line in text]
            assert not leaked, f"{path}: {leaked[:3]}"


PAGE = """\
# A page

```{exercise} ★ First
:label: ex-first

Show that two and two make four.
```

:::{exercise} ★★ Second
:label: ex-second

Now *without* counting.
:::

```{exercise} ★★★ Without a label
Nothing.
```
"""

ANSWERS = """\
# Solutions

```{solution-start} ex-first
:class: dropdown
```
Count.

```{code-cell} ipython3
assert 2 + 2 == 4
```
```{solution-end}
```

:::{solution-start} ex-second
:::
By the axioms.
:::{solution-end}
:::
"""


def test_exercises_and_solutions_are_read(tmp_path):
    (tmp_path / "part" / "solutions").mkdir(parents=True)
    (tmp_path / "part" / "page.md").write_text(PAGE, encoding="utf8")
    (tmp_path / "part" / "solutions" / "page.md").write_text(ANSWERS, encoding="utf8")
    found = exercises(tmp_path)
    assert [(e.label, e.title, e.page) for e in found] == [
        ("ex-first", "★ First", "part/page"),
        ("ex-second", "★★ Second", "part/page"),
        ("", "★★★ Without a label", "part/page"),
    ]
    assert found[0].text == "Show that two and two make four."
    answers = solutions(tmp_path)
    assert [answer.label for answer in answers] == ["ex-first", "ex-second"]
    assert answers[0].text.startswith("Count.")
    assert "assert 2 + 2 == 4" in answers[0].text
    assert answers[1].text == "By the axioms."
