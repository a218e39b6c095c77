"""Grading a class: the table, the feedback, and that one student never stops the others."""

import csv
import json
import zipfile

import pytest

from fearless.book.course.grading import grade
from fearless.book.course.grading.by_hand import answer_cells
from fearless.book.course.grading.feedback import feedback
from fearless.book.course.grading.one import Limits, Result
from fearless.book.course.grading.submissions import Submission

SHEET = {
    "name": "1-tiny",
    "title": "A tiny assignment",
    "questions": [
        {"label": "q1", "title": "Squares", "points": 3, "manual": False},
        {"label": "q2", "title": "In words", "points": 2, "manual": True},
    ],
}


def check(passed, hidden, message=""):
    return {
        "passed": passed,
        "hidden": hidden,
        "points": 1,
        "hint": "look at the sign",
        "praise": "well done",
        "message": message,
    }


CHECKS = {
    "q1": [
        check(True, False),
        check(False, False, "AssertionError: the square of 3 is 9"),
        check(False, True, "AssertionError: not at 0.123456"),
    ]
}


@pytest.fixture
def instructor(tmp_path):
    folder = tmp_path / "instructor" / "1-tiny"
    folder.mkdir(parents=True)
    (folder / "assignment.json").write_text(json.dumps(SHEET))
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("tests/q1.py", "checks")
    return folder


@pytest.fixture
def graded(monkeypatch):
    """Take the place of the real grading: the file says what comes of it."""
    names = []

    def grade_file(notebook, instructor, limits, files, fonts):
        names.append(notebook.stem)
        text = notebook.read_text()
        if text == "raise":
            raise OSError("the disk is full")
        words = {"q2": [{"cell_type": "markdown", "source": f"says {notebook.stem}"}]}
        return Result(
            {"q1": float(text)}, CHECKS, [f"=remark on {notebook.stem}"], 1.0, by_hand=words
        )

    monkeypatch.setattr(grade, "grade_file", grade_file)
    return names


def submissions(tmp_path, **texts):
    found = []
    for name, text in texts.items():
        path = tmp_path / f"{name}.ipynb"
        path.write_text(text)
        found.append(Submission(name, path))
    return found


def table(out):
    with (out / "grades.csv").open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_everybody(tmp_path, instructor, graded):
    handed_in = [
        *submissions(tmp_path, ada="3", bob="raise", eve="1.5"),
        Submission("kim", None, remarks=("not graded: there is no notebook",)),
    ]
    out = tmp_path / "out"
    results = grade.grade_all(handed_in, instructor, out, Limits(), jobs=2)
    assert list(results) == ["ada", "bob", "eve", "kim"]
    rows = {row["student"]: row for row in table(out)}
    assert rows["ada"] == {
        "student": "ada",
        "q1": "3",
        "q2 (by hand)": "",
        "total": "3",
        "of": "3",
        "remarks": "'=remark on ada",  # no formula in a spreadsheet
    }
    assert rows["eve"]["total"] == "1.5"
    assert rows["bob"]["remarks"] == "not graded: OSError: the disk is full"
    assert rows["kim"]["remarks"] == "not graded: there is no notebook"
    assert sorted(path.stem for path in (out / "feedback").iterdir()) == sorted(rows)


def test_what_was_graded_is_not_graded_again_until_it_changes(tmp_path, instructor, graded):
    out = tmp_path / "out"
    handed_in = submissions(tmp_path, ada="3", bob="2")
    first = grade.grade_all(handed_in, instructor, out, Limits())
    assert sorted(graded) == ["ada", "bob"]
    graded.clear()
    assert grade.grade_all(handed_in, instructor, out, Limits()) == first
    assert graded == []
    grade.grade_all(submissions(tmp_path, ada="3", bob="1", eve="0"), instructor, out, Limits())
    assert sorted(graded) == ["bob", "eve"]
    assert [row["total"] for row in table(out)] == ["3", "1", "0"]
    graded.clear()
    with zipfile.ZipFile(instructor / "autograder.zip", "w") as archive:
        archive.writestr("tests/q1.py", "other checks")
    grade.grade_all(handed_in, instructor, out, Limits())
    assert sorted(graded) == ["ada", "bob"]
    graded.clear()
    grade.grade_all(handed_in, instructor, out, Limits(), again=True)
    assert sorted(graded) == ["ada", "bob"]


def test_a_table_stands_there_also_after_a_break(tmp_path, instructor, graded):
    out = tmp_path / "out"

    def interrupt(student, result):
        if student == "bob":
            raise KeyboardInterrupt

    handed_in = submissions(tmp_path, ada="3", bob="2", eve="1")
    with pytest.raises(KeyboardInterrupt):
        grade.grade_all(handed_in, instructor, out, Limits(), done=interrupt)
    assert {"ada", "bob"} <= {row["student"] for row in table(out)}
    grade.grade_all(handed_in, instructor, out, Limits())
    assert [row["student"] for row in table(out)] == ["ada", "bob", "eve"]


def test_answers_to_be_marked_by_hand_are_together(tmp_path, instructor, graded):
    handed_in = [*submissions(tmp_path, ada="3", eve="1"), Submission("kim", None)]
    grade.grade_all(handed_in, instructor, tmp_path / "out", Limits())
    notebook = json.loads((tmp_path / "out" / "by-hand" / "q2.ipynb").read_text())
    texts = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert texts[0].startswith("# q2: In words (2 points)")
    assert texts[1:] == ["## ada", "says ada", "## eve", "says eve", "## kim (nothing)"]


def test_an_answer_has_what_the_student_added_and_nothing_that_was_given():
    def cell(source, kind="markdown", **metadata):
        return {"cell_type": kind, "source": source, "metadata": metadata}

    cells = [
        cell("question", editable=False),
        cell("mine", "code", fearless={"question": "q5"}),
        cell("added"),
        cell("words", fearless={"question": "q5"}),
        cell("more words"),
        cell("<!-- END QUESTION -->", editable=False),
        cell("no answer"),
    ]
    assert [c["source"] for c in answer_cells(cells, "q5")] == [
        "mine",
        "added",
        "words",
        "more words",
    ]
    assert answer_cells(cells, "q6") == []


def test_feedback_teaches_and_does_not_tell():
    result = Result({"q1": 1}, CHECKS, ["code cell 2 stopped with NameError: a`b"])
    page = feedback(SHEET, "ada", result)
    assert "ada: **1 of 3 points**" in page
    assert "Check 1 (public check, 1 point): passed. well done" in page
    assert page.count("Look at: look at the sign") == 2
    assert "the square of 3 is 9" in page
    assert "0.123456" not in page, "the message of a hidden check"
    assert "code cell 2 stopped with NameError: a'b" in page
    assert "marked by hand" in page


def test_feedback_says_when_a_hidden_check_took_too_long():
    message = "CheckTookTooLong: stopped after 30 seconds; does a loop never end?"
    result = Result({"q1": 0}, {"q1": [check(False, True, message)]})
    assert "does a loop never end?" in feedback(SHEET, "ada", result)


def test_the_command_says_what_is_missing(tmp_path, instructor, graded, capsys):
    folder = tmp_path / "in"
    built = ["--built", str(tmp_path)]
    assert grade.main([str(folder), *built]) == 1
    assert "No notebook in" in capsys.readouterr().err
    folder.mkdir()
    notebook = {"metadata": {"otter": {"assignment_name": "9-none"}}}
    (folder / "ada.ipynb").write_text(json.dumps(notebook))
    assert grade.main([str(folder), *built]) == 1
    assert "run 'make assignments' first" in capsys.readouterr().err
    (folder / "ada.ipynb").write_text("3")
    assert grade.main([str(folder), *built, "--assignment", "1-tiny", "--jobs", "1"]) == 0
    assert "Median 3 of 3" in capsys.readouterr().out
    assert (tmp_path / "in-graded" / "grades.csv").is_file()
