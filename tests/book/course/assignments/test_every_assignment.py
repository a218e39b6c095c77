"""The assignments of the book: reference, blank and wrong solutions earn what they deserve."""

import os
import re
from pathlib import Path

import pytest

from fearless.book.course.assignments.checking import instance_key
from fearless.book.course.assignments.model import Assignment
from fearless.book.course.assignments.notebook import plain_cells
from fearless.book.course.assignments.rehearsal import read_wrong, rehearse, with_wrong
from fearless.book.course.assignments.source import (
    find_assignments,
    read_assignment,
    read_checks,
)
from fearless.book.course.assignments.try_one import BUDGET, trials

ROOT = Path(__file__).resolve().parents[4]
SOURCES = find_assignments(ROOT / "assignments")
SECRETS = ("a secret", "another secret", "a third one")
#: The parts of the book, each with an assignment of its number.
PARTS = (
    "interpolation",
    "over-parametrization",
    "double-descent",
    "kernel-regimes",
    "optimization",
)
every_assignment = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name)


def names(path):
    return list(trials(read_assignment(path)))


def test_every_part_has_its_assignment():
    expected = [f"{number}-{part}" for number, part in enumerate(PARTS, 1)]
    assert [path.parent.name for path in SOURCES] == expected
    assert [read_assignment(path).part for path in SOURCES] == list(PARTS)


@every_assignment
def test_an_assignment_is_of_the_promised_size(path):
    assignment = read_assignment(path)
    assert assignment.points == 20
    assert 4 <= len(assignment.questions) <= 6
    assert 2 <= assignment.hours <= 4
    assert 3 <= len(assignment.objectives) <= 5
    minutes = sum(question.minutes for question in assignment.questions.values())
    assert 0.5 * assignment.hours <= minutes / 60 <= assignment.hours
    for question in assignment.questions.values():
        if not question.manual:
            assert any(not check.hidden for check in question.checks), question.label


@every_assignment
def test_three_wrong_solutions_lose_points_and_say_why(path):
    assignment = read_assignment(path)
    wrong = read_wrong(assignment)
    assert len(wrong) == 3
    full = sum(q.points for q in assignment.questions.values() if not q.manual)
    for solution in wrong:
        assert 0 < sum(solution.points.values()) < full, solution.path
        assert re.match(r"(# |\"{3})\S.{20,}", solution.code.split("\n")[1]), solution.path
        assert with_wrong(assignment, solution)


def test_the_private_check_of_the_readme_can_be_used(tmp_path):
    readme = (ROOT / "assignments/README.md").read_text()
    (tmp_path / "private.md").write_text(re.search(r"^````\n(.*?)^````\n", readme, re.M | re.S)[1])
    own = read_checks(tmp_path / "private.md")
    assignment = read_assignment(ROOT / "assignments/3-double-descent").with_checks(own)
    assert assignment.points == 21
    cells = plain_cells(assignment, solutions=True)
    (marks,) = rehearse(assignment, [cells[0], *(c for c in cells if c.question == "q1")])
    assert marks.points["q1"] == 6


CASES = [(path, name) for path in SOURCES for name in names(path)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "trial"), CASES, ids=[f"{path.parent.name} {name}" for path, name in CASES]
)
def test_marks_are_those_deserved_for_three_secrets(path, trial):
    """In a process of its own, as the command for authors does it."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from fearless.book.course.assignments.try_one import marks_of

    os.environ.setdefault("MPLBACKEND", "Agg")
    expected = dict(trials(read_assignment(path))[trial])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        all_marks = pool.submit(marks_of, path, trial, SECRETS).result()
    for marks in all_marks:
        assert marks.points == expected, (marks.secret, marks.failed)
    if trial == "reference":
        assert all_marks[0].errors == []


@pytest.mark.otter
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
class TestWithOtter:
    """As students and instructors get them: built, scanned, graded."""

    @pytest.fixture(autouse=True)
    def otter(self):
        pytest.importorskip("otter", reason="otter-grader is not installed: make test-assignments")

    @every_assignment
    def test_students_find_no_trace_whatever_the_secret(self, path, tmp_path):
        from fearless.book.course.assignments.build import build, tex_macros
        from fearless.book.course.assignments.traces import forbidden_lines, traces

        files = set()
        for secret in SECRETS:
            built = build(path, tmp_path, secret=secret, root=ROOT, environment={})
            key = instance_key(secret, built.assignment.name)
            forbidden = forbidden_lines(built.assignment, secret, key)
            assert len(forbidden) > 50
            assert traces(built.student, forbidden) == []
            assert traces(built.student_zip, forbidden) == []
            assert key in "\n".join(traces(built.instructor, forbidden))
            text = (built.student / f"{built.assignment.name}.ipynb").read_text()
            own = [name for name in tex_macros(ROOT) if re.search(rf"\\\\{name}(?![A-Za-z])", text)]
            assert own == [], "macros of the book, which notebooks do not know"
            files.add(built.student_zip.read_bytes())
        assert len(files) == 1, "what students get hangs on the secret"

    @every_assignment
    def test_solution_and_blank_are_graded_within_the_budget(self, path, tmp_path):
        from fearless.book.course.assignments.build import build
        from fearless.book.course.grading.one import Limits, grade_file

        built = build(path, tmp_path, secret=SECRETS[0], root=ROOT, environment={})
        full = _full(built.assignment)
        # Processor time: on two cores the notebook is there sooner.
        limits = Limits(seconds=2 * BUDGET)
        result = grade_file(built.instructor / "solution.ipynb", built.instructor, limits)
        assert (result.points, result.remarks) == (full, [])
        blank = built.student / f"{built.assignment.name}.ipynb"
        result = grade_file(blank, built.instructor, limits)
        assert (result.points, result.graded) == (dict.fromkeys(full, 0), True)


def _full(assignment: Assignment) -> dict[str, float]:
    return {q.label: q.points for q in assignment.questions.values() if not q.manual}
