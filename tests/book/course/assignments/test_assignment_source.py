"""The source of an assignment: what is read from it, and that every mistake is reported."""

import re

import pytest
import tiny_assignment

from fearless.book.course.assignments.model import blank, solved
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.source import find_assignments, read_assignment, read_checks

SOURCE = tiny_assignment.SOURCE


@pytest.fixture
def tiny(tmp_path):
    return read_assignment(tiny_assignment.write(tmp_path))


def test_an_assignment_is_read(tiny):
    assert (tiny.name, tiny.title, tiny.part) == ("1-tiny", "A tiny assignment", "double-descent")
    assert (tiny.hours, tiny.points, len(tiny.objectives)) == (0.5, 9, 2)
    assert [(q.label, q.points, q.minutes, q.manual) for q in tiny.questions.values()] == [
        ("q1", 3, 5, False),
        ("q2", 4, 10, False),
        ("q3", 2, 5, True),
    ]
    assert [(c.points, c.hidden) for c in tiny.questions["q1"].checks] == [(1, False), (2, True)]
    assert tiny.questions["q2"].checks[0].success == "it solves the system."


def test_cells_belong_to_the_question_above_them_up_to_its_last_check(tiny):
    kinds = [(cell.kind, cell.question) for cell in tiny.cells]
    assert kinds[:2] == [("text", ""), ("code", "")]
    assert ("text", "") in kinds[3:], "the heading between the questions is given"
    assert kinds.count(("code", "q2")) == 2
    assert kinds[-1] == ("answer", "q3")


def test_lines_are_those_of_the_file(tiny):
    lines = tiny.path.read_text().split("\n")
    for question in tiny.questions.values():
        assert lines[question.line - 1].startswith("```{question} " + question.label)
    for cell in tiny.cells:
        assert cell.text.split("\n")[0] in "\n".join(lines[cell.line - 1 : cell.line + 4])


def test_the_same_code_cells_as_jupytext_reads(tiny):
    import jupytext

    cells = jupytext.reads(SOURCE, fmt="md:myst").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert code == [cell.text for cell in tiny.cells if cell.kind == "code"]


def test_blank_and_solved():
    code = "x = 1\n    # BEGIN SOLUTION\n    y = 2\n    z = 3\n    # END SOLUTION\nlast"
    assert blank(code) == "x = 1\n    ...\nlast"
    assert solved(code) == "x = 1\n    y = 2\n    z = 3\nlast"
    twice = "# BEGIN SOLUTION\na\n# END SOLUTION\nb\n# BEGIN SOLUTION\nc\n# END SOLUTION"
    assert blank(twice) == "...\nb\n..."


def test_assignments_are_found_in_order(tmp_path):
    for name in ("2-second", "1-first", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "assignment.md").write_text("")
    assert [path.parent.name for path in find_assignments(tmp_path)] == ["1-first", "2-second"]


# What is changed in the source, and what the error has to say.
MISTAKES = {
    "no front matter": ("---\njupytext", "jupytext", "no front matter"),
    "no jupytext": ("jupytext:", "other:", "no 'jupytext' header"),
    "no hours": ("  hours: 0.5\n", "", "has no 'hours'"),
    "no title": ("# A tiny assignment\n", "", "begins with its title"),
    "question without points": (":points: 3\n:minutes: 5", ":minutes: 5", "q1 has no :points:"),
    "question without minutes": (":minutes: 10\n", "", "q2 has no whole number of :minutes:"),
    "no title of a question": ("{question} q1 Squares", "{question} q1", "a label and a title"),
    "twice the same": ("{question} q2 The", "{question} q1 The", "two questions q1"),
    "check without points": (":points: 1\n:failure: try", ":failure: try", "q1 has no :points:"),
    "check without hint": (":failure: try it by hand with x = 3\n", "", "q1 has no :failure:"),
    "points that are no number": (":points: 4", ":points: four", "'four'; whole or half"),
    "points that do not add up": (":points: 4", ":points: 5", "q2 has 5 points, its checks 4"),
    "unknown question": ("{hidden-check} q2", "{hidden-check} q9", "unknown question 'q9'"),
    "a check below another question": ("{hidden-check} q2", "{hidden-check} q1", "below question"),
    "without instance": ('rng = instance("q1")', "rng = 0", "does not draw its numbers"),
    "instance in public": ("assert square(3) == 9,", "instance(0)\nassert 1,", "which is secret"),
    "nothing asserted": ("    assert abs(square", "    (square", "asserts nothing"),
    "syntax": ("return product_of_two", "return (", "no valid Python"),
    "begin without end": ("    # END SOLUTION\n", "", "without '# END SOLUTION'"),
    "solution by suffix": ("def residual", "a = 1  # SOLUTION\ndef residual", "is between"),
    "solution outside": (
        "    return X @ w - y",
        "    # BEGIN SOLUTION\n    return X @ w - y\n    # END SOLUTION",
        "outside of any question",
    ),
    "unknown block": ("```{model-answer} q3", "```{answer} q3", "unknown block {answer}"),
    "unknown option": (":manual:", ":by-hand:", "has no option 'by-hand'"),
    "no manual": (":manual:\n", "", "is not marked by hand"),
    "role in the text": ("You will keep", "See {doc}`x`. You will keep", "{doc}`...` is a role"),
    "unclosed": ("without changing the fit, only the norm.\n```", "", "does not end"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_reported(tmp_path, name):
    old, new, message = MISTAKES[name]
    assert old in SOURCE
    path = tiny_assignment.write(tmp_path, SOURCE.replace(old, new, 1))
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert re.match(r"1-tiny/assignment\.md, line \d+: ", str(caught.value))
    assert message in str(caught.value)


def test_a_question_without_checks_or_without_solution(tmp_path):
    begin = SOURCE.index("```{public-check} q2")
    without_checks = SOURCE[:begin] + SOURCE[SOURCE.index("```{question} q3") :]
    path = tiny_assignment.write(tmp_path, without_checks)
    with pytest.raises(AssignmentError, match="question q2 has no check"):
        read_assignment(path)
    (path / "assignment.md").write_text(
        SOURCE.replace("{hidden-check} q2", "{public-check} q2").replace(
            'rng = instance("q2")', "rng = np.random.default_rng(0)"
        )
    )
    with pytest.raises(AssignmentError, match="question q2 has no hidden check"):
        read_assignment(path)
    begin, end = SOURCE.index("```{model-answer}"), len(SOURCE)
    (path / "assignment.md").write_text(SOURCE[:begin] + SOURCE[end:])
    with pytest.raises(AssignmentError, match="question q3 has no solution"):
        read_assignment(path)


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(AssignmentError, match="There is no assignment"):
        read_assignment(tmp_path)


PRIVATE = """\
Seen in the exam of last year.

```{hidden-check} q1
:points: 1
:failure: what about arrays?
rng = instance("q1-array")
assert (square(rng.normal(size=3)) >= 0).all()
```
"""


def test_private_checks_come_on_top(tiny, tmp_path):
    path = tmp_path / "private.md"
    path.write_text(PRIVATE)
    more = tiny.with_checks(read_checks(path))
    assert [check.points for check in more.questions["q1"].checks] == [1, 2, 1]
    assert (more.questions["q1"].points, more.points, tiny.points) == (4, 10, 9)
    path.write_text(PRIVATE.replace("q1\n", "q7\n", 1))
    with pytest.raises(AssignmentError, match="unknown questions q7"):
        tiny.with_checks(read_checks(path))
    path.write_text("Nothing.")
    with pytest.raises(AssignmentError, match=re.escape("there is no {hidden-check}")):
        read_checks(path)
