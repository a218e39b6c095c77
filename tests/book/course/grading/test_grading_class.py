"""A class of synthetic students: each gets what the notebook deserves, and is told why."""

import csv
import json

import pytest
from otter_build import tiny
from synthetic_class import write_class

from fearless.book.course.grading import grade

pytestmark = [pytest.mark.otter, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
pytest.importorskip("otter", reason="otter-grader is not installed: make test-assignments")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade the class once, with a secret in the environment that nobody may see."""
    folder = tmp_path_factory.mktemp("course") / "homework"
    built = tiny()
    blank = json.loads((built.student / "1-tiny.ipynb").read_text(encoding="utf8"))
    expected = write_class(folder, blank)
    options = ["--built", str(built.instructor.parents[1]), "--cell-seconds", "10"]
    options += ["--check-seconds", "3", "--memory", "3", "--jobs", "2", "--seconds", "120"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEARLESS_SECRET", "not to be seen")
        patch.setenv("MY_TOKEN", "not to be seen")
        assert grade.main([str(folder), *options]) == 0
    return folder.with_name("homework-graded"), expected, folder, options


def rows(out):
    with (out / "grades.csv").open(encoding="utf8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_everybody_gets_what_the_notebook_deserves(graded):
    out, expected, _, _ = graded
    table = rows(out)
    assert table.keys() == expected.keys()
    earned = {
        student: {label: float(row[label]) for label in ("q1", "q2")}
        for student, row in table.items()
    }
    assert earned == {student: points for student, (points, _) in expected.items()}


def test_remarks_say_what_happened(graded):
    out, expected, _, _ = graded
    for student, row in rows(out).items():
        remark = expected[student][1]
        assert remark in row["remarks"], student
        assert remark or not row["remarks"] or student == "spin", (student, row["remarks"])


def test_feedback_never_shows_what_is_hidden(graded):
    out, expected, _, _ = graded
    pages = {path.stem: path.read_text() for path in (out / "feedback").glob("*.md")}
    assert pages.keys() == expected.keys()
    for student, page in pages.items():
        assert "not at" not in page, student
        assert "hidden_number" not in page, student
    assert 'what happens to "negative" numbers' in pages["half"]
    assert "AssertionError: least_norm returns nothing yet" in pages["blank"]


def test_nothing_is_graded_twice(graded, capsys):
    out, _, folder, options = graded
    before = (out / "grades.csv").read_bytes()
    results = {path: path.stat().st_mtime_ns for path in (out / "results").iterdir()}
    assert grade.main([str(folder), *options]) == 0
    assert {path: path.stat().st_mtime_ns for path in results} == results
    assert (out / "grades.csv").read_bytes() == before
    assert "Look at these by hand: essay, leaves, other, torn" in capsys.readouterr().out
