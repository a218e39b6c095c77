"""Every exercise says what it takes, has a check that its solution passes and nothing else, and
a solution that is where an instructor finds it and does not leak.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fearless.book.course.editions.leaks import Scanner
from fearless.book.course.editions.secrets import public_texts, read_secrets
from fearless.book.exercises import (
    ExerciseError,
    exercises,
    faults,
    setup_code,
    solution_code,
    solution_files,
    solutions,
)
from fearless.book.scan import code_cells

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
SITE = Path(os.environ.get("FEARLESS_SITE", ROOT / "_build" / "html"))
FILES = list(solution_files(CHAPTERS))
ALL = exercises(CHAPTERS)
WITH_CHECK = [exercise for exercise in ALL if exercise.check]
SOLUTIONS = {solution.label: solution for solution in solutions(CHAPTERS)}
# A whole page may have one derivation; more, and readers lose the habit of checking themselves.
BY_HAND_PER_PAGE = 1
CHECK_SECONDS = 120  # not the ten that a check may take: the machine may be busy


@pytest.fixture(scope="module")
def all_exercises():
    return exercises(CHAPTERS)


@pytest.fixture(scope="module")
def all_solutions():
    return solutions(CHAPTERS)


def test_there_are_exercises(all_exercises):
    assert {"ex-sweet-spot", "ex-early"} <= {exercise.label for exercise in all_exercises}


def test_exercises_say_what_they_take_and_have_a_check(all_exercises):
    wrong = [fault for exercise in all_exercises for fault in faults(exercise)]
    assert not wrong, "\n".join(wrong)
    assert all(len(exercise.text) > 40 for exercise in all_exercises)


def test_few_exercises_of_chapters_are_derivations_only(all_exercises):
    # Exam questions need pencil and paper only.
    chapters = [exercise for exercise in all_exercises if exercise.page != "teaching/exam"]
    pages = {exercise.page for exercise in chapters}
    by_hand = [exercise.label for exercise in chapters if exercise.by_hand]
    assert len(by_hand) <= BY_HAND_PER_PAGE * len(pages), by_hand


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


def functions(code):
    return {n.name: n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.FunctionDef)}


def statements(tree):
    """The statements in a piece of code, written in one way; texts and what holds others not."""
    return {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and not hasattr(node, "body")
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    }


def is_open(function):
    """Whether a function of starter code is the reader's to write: it holds ``...``."""
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is ...
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("exercise", WITH_CHECK, ids=lambda exercise: exercise.label)
def test_check_and_starter_do_not_contain_the_answer(exercise):
    given, worked = functions(exercise.starter), functions(SOLUTIONS[exercise.label].code)
    open_ones = {name for name, function in given.items() if is_open(function)}
    assert open_ones, "the starter leaves nothing to write: no function holds '...'"
    assert open_ones <= worked.keys(), "the solution defines other names than the starter"
    for name in open_ones:
        assert ast.unparse(given[name].args) == ast.unparse(worked[name].args), name
    answer = {s for name in open_ones for s in statements(worked[name])}
    answer -= {s for name in open_ones for s in statements(given[name])}
    # Short ones, and those that only make a generator, say nothing.
    answer = {s for s in answer if len("".join(s.split())) >= 18 and "default_rng" not in s}
    checked = statements(ast.parse(exercise.check))
    elsewhere = set().union(*(statements(f) for n, f in given.items() if n not in open_ones))
    assert not answer & (checked | elsewhere)


def run(*code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n\n".join(code)],
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
    )


@pytest.mark.slow
@pytest.mark.parametrize("exercise", WITH_CHECK, ids=lambda exercise: exercise.label)
def test_solution_passes_the_check(exercise):
    solution = SOLUTIONS[exercise.label]
    result = run(setup_code(solution.path), solution.code, exercise.check)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("exercise", WITH_CHECK, ids=lambda exercise: exercise.label)
def test_starter_alone_fails_the_check_in_words(exercise):
    started = run(exercise.starter)
    assert started.returncode == 0, f"the starter does not run by itself:\n{started.stderr}"
    result = run(exercise.starter, exercise.check)
    assert result.returncode != 0, "the check passes before anything has been written"
    last = result.stderr.strip().splitlines()[-1]
    assert re.match(r"(AssertionError|TypeError): \S", last), result.stderr


@pytest.mark.site
def test_no_trace_of_a_solution_in_the_site():
    report = Scanner(read_secrets(ROOT), public_texts(ROOT)).scan(SITE)
    assert not report.leaks, "\n".join(map(str, report.leaks[:20]))
    assert report.files > 100


PAGE = """\
# A page

```{exercise} ★ First
:label: ex-first
:minutes: 25

Show that two and two make four.
```

:::{dropdown} Hint
Fingers.
:::

```{starter} ex-first
def add(a, b):
    '''Return a + b.'''
    ...
```

:::{dropdown} Hint
Another one.
:::

```{check} ex-first
assert add(2, 2) == 4, "two and two make four"
```

:::{exercise} ★★ Second
:label: ex-second
:minutes: 5
:by-hand:

Now *without* counting.
:::

```{exercise} ★★★ Without a label
Nothing.
```
"""

ANSWERS = """\
# Solutions

```{code-cell} ipython3
---
tags: [b]
---
import math
```

```{solution-start} ex-first
:class: dropdown
```
Count.

```{code-cell} ipython3
:tags: [a]
assert 2 + 2 == 4
```

**Grading.** Ten points for
counting.

```{solution-end}
```

:::{solution-start} ex-second
:::
By the axioms.
:::{solution-end}
:::
"""


@pytest.fixture
def book(tmp_path):
    (tmp_path / "part" / "solutions").mkdir(parents=True)
    (tmp_path / "part" / "solutions" / "page.md").write_text(ANSWERS, encoding="utf8")
    (tmp_path / "part" / "page.md").write_text(PAGE, encoding="utf8")
    return tmp_path


def test_exercises_and_solutions_are_read(book):
    first, second, third = exercises(book)
    assert [(e.label, e.title, e.page) for e in (first, second, third)] == [
        ("ex-first", "★ First", "part/page"),
        ("ex-second", "★★ Second", "part/page"),
        ("", "★★★ Without a label", "part/page"),
    ]
    assert [e.difficulty for e in (first, second, third)] == [1, 2, 3]
    assert [e.minutes for e in (first, second, third)] == [25, 5, 0]
    assert [e.by_hand for e in (first, second, third)] == [False, True, False]
    assert first.name == "First"
    assert first.text == "Show that two and two make four."
    assert first.hint == "Fingers."
    assert first.starter == "def add(a, b):\n    '''Return a + b.'''\n    ..."
    assert first.check == 'assert add(2, 2) == 4, "two and two make four"'
    assert first.grading == "Ten points for\ncounting."
    assert (first.path, first.line) == (book / "part/page.md", 3)
    answers = solutions(book)
    assert [answer.label for answer in answers] == ["ex-first", "ex-second"]
    assert answers[0].text.startswith("Count.")
    assert answers[0].code == "assert 2 + 2 == 4"
    assert answers[1].text == "By the axioms."
    assert setup_code(book / "part/solutions/page.md") == "import math"


def test_what_is_missing_is_said(book):
    first, second, third = exercises(book)
    assert faults(first) == []
    where = f"{book / 'part/page.md'}, line "
    assert [fault.removeprefix(where) for fault in faults(second)] == [
        "28: ex-second has no folded hint ({dropdown} Hint)",
        "28: ex-second has a solution without a paragraph **Grading.**",
    ]
    found = " ".join(faults(third))
    for fault in ("no :label:", "no :minutes:", "neither starter and check nor the option"):
        assert fault in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":minutes: 25", ":minutes: long", r"line 3: ex-first has :minutes: 'long'; expected"),
        (":minutes: 25", ":minutes: 0", r"line 3: ex-first has :minutes: '0'; expected"),
        ("{starter} ex-first", "{starter} ex-frist", r"the starter ex-frist belongs to no exerc"),
        ("{check} ex-first", "{check}", r"the check without a label belongs to no exercise"),
        ("{check} ex-first", "{starter} ex-first", r"the starter ex-first is the second one"),
        ('assert add(2, 2) == 4, "two and two make four"', "", r"the check ex-first is empty"),
        ("three.\n```\n", "three.\n", r"line \d+: \{exercise\} does not end"),
    ],
)
def test_wrong_exercises_are_errors(book, old, new, message):
    text = PAGE.replace("Nothing.\n", "three.\n")
    assert old in text
    (book / "part" / "page.md").write_text(text.replace(old, new), encoding="utf8")
    with pytest.raises(ExerciseError, match=message) as caught:
        exercises(book)
    assert str(book / "part" / "page.md") in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("★ First", "First", "has no stars"),
        ("★ First", "★★★★ First", "has no stars"),
        (":minutes: 25\n", "", "has no :minutes:"),
        (":minutes: 25\n", ":minutes: 25\n:by-hand:\n", "is marked :by-hand:, but has code"),
        ("{check} ex-first", "{note} ex-first", "has starter code, but no check"),
        ("{starter} ex-first", "{note} ex-first", "has a check, but no starter code"),
    ],
)
def test_faults(book, old, new, fault):
    assert old in PAGE
    (book / "part" / "page.md").write_text(PAGE.replace(old, new), encoding="utf8")
    assert fault in " ".join(faults(exercises(book)[0]))
