"""An assignment tried without otter-grader: the marks that everyone deserves, for many secrets."""

import pytest
import tiny_assignment

from fearless.book.course.assignments import try_one
from fearless.book.course.assignments.notebook import plain_cells
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.rehearsal import read_wrong, rehearse, with_wrong
from fearless.book.course.assignments.source import read_assignment

SECRETS = ("one", "two", "three")


@pytest.fixture
def tiny(tmp_path):
    return read_assignment(tiny_assignment.write(tmp_path))


@pytest.mark.parametrize(
    ("solutions", "points"), [(True, {"q1": 3, "q2": 4}), (False, {"q1": 0, "q2": 0})]
)
def test_reference_and_blank(tiny, capsys, solutions, points):
    all_marks = rehearse(tiny, plain_cells(tiny, solutions=solutions), SECRETS)
    assert [marks.points for marks in all_marks] == [points] * 3
    assert [marks.secret for marks in all_marks] == list(SECRETS)
    assert all_marks[0].errors == []


def test_wrong_solutions_earn_what_they_deserve(tiny, capsys):
    wrong = {solution.path.name: solution for solution in read_wrong(tiny)}
    assert wrong["cube.py"].points == {"q1": 0, "q2": 4}
    assert wrong["positive.py"].points == {"q1": 1, "q2": 4}, "what is not named is right"
    for solution in wrong.values():
        for marks in rehearse(tiny, with_wrong(tiny, solution), SECRETS):
            assert marks.points == solution.points, solution.path


def test_numbers_differ_from_secret_to_secret(tiny, capsys):
    (wrong,) = (solution for solution in read_wrong(tiny) if solution.path.name == "cube.py")
    messages = {marks.failed[1][2] for marks in rehearse(tiny, with_wrong(tiny, wrong), SECRETS)}
    assert len(messages) == 3
    assert all(message.startswith("AssertionError: not at") for message in messages)


def test_a_wrong_solution_stands_where_the_right_one_does(tiny):
    (wrong,) = (solution for solution in read_wrong(tiny) if solution.path.name == "shifted.py")
    before, after = plain_cells(tiny, solutions=True), with_wrong(tiny, wrong)
    changed = [new.text for old, new in zip(before, after, strict=True) if old.text != new.text]
    assert len(changed) == 1
    assert changed[0].index("pinv") < changed[0].index("import lstsq") < changed[0].index("svd")


def test_a_cell_that_fails_does_not_stop_the_others(tiny, capsys):
    cells = plain_cells(tiny, solutions=True)
    cells[1] = type(cells[1])("code", "def square(x)", cells[1].line, "q1")
    (marks,) = rehearse(tiny, cells)
    assert marks.points == {"q1": 0, "q2": 4}
    assert marks.errors[0][0] == cells[1].line
    assert "SyntaxError" in marks.errors[0][1]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def square(x):\n    return 0\n", "the first line must be"),
        ("# points: q7=1\ndef square(x):\n    return 0\n", "no question q7"),
        ("# points: q3=1\ndef square(x):\n    return 0\n", "no question q3 that checks mark"),
        ("# points: q1=4\ndef square(x):\n    return 0\n", "q1 has only 3 points"),
    ],
)
def test_the_first_line_of_a_wrong_solution(tmp_path, code, message):
    tiny = read_assignment(tiny_assignment.write(tmp_path, wrong={"a.py": code}))
    with pytest.raises(AssignmentError, match=message):
        read_wrong(tiny)


def test_a_wrong_solution_redefines_something(tmp_path):
    code = {"a.py": "# points: q1=1\ndef sqare(x):\n    return 0\n"}
    tiny = read_assignment(tiny_assignment.write(tmp_path, wrong=code))
    with pytest.raises(AssignmentError, match=r"a\.py redefines nothing"):
        with_wrong(tiny, *read_wrong(tiny))


def test_the_command_tells_authors(tmp_path, capfd):
    place = tiny_assignment.write(tmp_path)
    assert try_one.main([str(place), "--secrets", "2", "--only", "cube"]) == 0
    out = capfd.readouterr().out
    assert "secret 2: q1=0, q2=4; total 4" in out
    assert "q1 public: AssertionError: the square of 3 is 9; yours is 27" in out
    assert "ALL AS DESERVED" in out
    path = place / "wrong" / "cube.py"
    path.write_text(path.read_text().replace("q1=0", "q1=1"))
    assert try_one.main([str(place), "--secrets", "1", "--only", "cube"]) == 1
    assert "NOT AS DESERVED" in capfd.readouterr().out
    assert try_one.main([str(tmp_path)]) == 1
    assert "There is no assignment" in capfd.readouterr().err
