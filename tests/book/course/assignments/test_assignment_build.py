"""What otter-grader makes of an assignment: for students without a trace, for instructors all."""

import json
import shutil
import zipfile

import pytest
import tiny_assignment
from otter_build import ROOT, SECRET, tiny
from synthetic_class import SQUARE, answered

from fearless.book.course.assignments import build as building
from fearless.book.course.assignments.checking import instance_key
from fearless.book.course.assignments.notebook import PROMPT, plain_cells
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.traces import forbidden_lines, traces

pytestmark = [
    pytest.mark.otter,
    # otter-grader's own, and those of what it brings.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
pytest.importorskip("otter", reason="otter-grader is not installed: make test-assignments")


@pytest.fixture(scope="module")
def built():
    return tiny()


@pytest.fixture(scope="module")
def student(built):
    path = built.student / "1-tiny.ipynb"
    return json.loads(path.read_text(encoding="utf8"))


def sources(notebook, kind):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == kind]
    return ["".join(cell["source"]) for cell in cells]


def test_students_get_a_notebook_public_checks_and_a_readme(built):
    files = sorted(p.relative_to(built.student).as_posix() for p in built.student.rglob("*.*"))
    assert files == ["1-tiny.ipynb", "README.md", "tests/q1.py", "tests/q2.py"]
    with zipfile.ZipFile(built.student_zip) as archive:
        assert sorted(archive.namelist()) == [f"1-tiny/{name}" for name in files]
    assert "hand in `1-tiny.ipynb`" in (built.student / "README.md").read_text()


def test_the_notebook_has_blanks_where_the_solution_was(built, student):
    code = sources(student, "code")
    expected = [cell.text for cell in plain_cells(built.assignment, solutions=False)]
    assert [source for source in code if "grader" not in source] == expected
    assert [source for source in code if "grader" in source] == [
        code[0],
        'grader.check("q1")',
        'grader.check("q2")',
        "grader.check_all()",
    ]
    assert PROMPT in sources(student, "markdown")
    assert not any(cell.get("outputs") for cell in student["cells"])
    assert student["metadata"]["otter"] == {"assignment_name": "1-tiny"}


def test_the_text_says_points_minutes_and_formulas_without_macros(student):
    text = "\n".join(sources(student, "markdown"))
    assert "## Question 2: The least-norm solution\n\n*`q2`, 4 points, about 10 minutes*" in text
    assert "**About 0.5 hours, 9 points.**" in text
    assert r"$\lVert w \rVert$" in text
    assert r"\norm" not in text


def test_students_find_no_trace(built):
    key = instance_key(SECRET, "1-tiny")
    forbidden = forbidden_lines(built.assignment, SECRET, key)
    assert len(forbidden) > 10
    assert traces(built.student, forbidden) == traces(built.student_zip, forbidden) == []
    # The same scan finds them where they are.
    found = "\n".join(traces(built.instructor, forbidden))
    assert "product_of_two = x * x" in found
    assert key in found
    assert SECRET not in found, "the autograder has the key, not the secret"


def test_a_leak_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "student_readme", lambda *_: "product_of_two = x * x")
    source = tiny_assignment.write(tmp_path)
    with pytest.raises(AssignmentError, match=r"students would see README\.md: product_of_two"):
        building.build(source, tmp_path / "out", secret=SECRET, root=ROOT, environment={})
    assert not (tmp_path / "out" / "student" / "1-tiny").exists()
    assert not (tmp_path / "out" / "student" / "1-tiny.zip").exists()


def test_students_get_the_same_bytes_whatever_the_secret(tmp_path, built):
    source = tiny_assignment.write(tmp_path)
    other = building.build(
        source, tmp_path / "out", secret="another one", root=ROOT, environment={}
    )
    assert other.student_zip.read_bytes() == built.student_zip.read_bytes()
    with (
        zipfile.ZipFile(other.instructor / "autograder.zip") as new,
        zipfile.ZipFile(built.instructor / "autograder.zip") as old,
    ):
        tests = {name for name in old.namelist() if name.startswith("tests/")}
        assert len(tests) == 2
        assert all(new.read(name) != old.read(name) for name in tests)


def test_private_checks_are_in_the_autograder_alone(tmp_path):
    source, private = tiny_assignment.write(tmp_path), tmp_path / "private"
    private.mkdir()
    (private / "1-tiny.md").write_text(
        "```{hidden-check} q1\n:points: 1\n:failure: arrays too\n"
        'private_array = instance("q1-a").normal(size=3)\n'
        "assert (square(private_array) >= 0).all()\n```\n"
    )
    environment = {"FEARLESS_PRIVATE": str(private)}
    made = building.build(
        source, tmp_path / "out", secret=SECRET, root=ROOT, environment=environment
    )
    with zipfile.ZipFile(made.instructor / "autograder.zip") as archive:
        assert b"private_array" in archive.read("tests/q1.py")
    assert traces(made.student, ["private_array", "arrays too"]) == []
    assert "*`q1`, 4 points" in (made.student / "1-tiny.ipynb").read_text()


def test_a_student_sees_checks_pass_and_fail(tmp_path, built, student):
    """In a kernel of one's own, in a notebook under another name, with the folder beside it."""
    import nbformat
    from nbclient import NotebookClient

    shutil.copytree(built.student, tmp_path / "work")
    (tmp_path / "work" / "1-tiny.ipynb").rename(tmp_path / "work" / "my homework.ipynb")
    notebook = nbformat.reads(json.dumps(answered(student, {"q1": SQUARE})), as_version=4)
    resources = {"metadata": {"path": str(tmp_path / "work")}}
    NotebookClient(notebook, timeout=300, allow_errors=True, resources=resources).execute()
    said = {
        cell.source: "".join(
            output.get("data", {}).get("text/plain", "") for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.source.startswith("grader.check(")
    }
    assert said['grader.check("q1")'] == "q1 results: All test cases passed!"
    failed = said['grader.check("q2")']
    assert "message: does your w solve the system?" in failed
    assert "AssertionError: least_norm returns nothing yet" in failed


def test_a_grading_service_installs_the_versions_of_the_book():
    lines = building.service_requirements(ROOT, {})
    assert any(line.startswith("numpy==") for line in lines)
    assert not any("fearless" in line for line in lines)
    url = "https://forge.example/me/book"
    lines = building.service_requirements(ROOT, {"FEARLESS_REPOSITORY_URL": url})
    assert lines[-1] == f"fearless[book] @ git+{url}"


def test_the_version_of_otter_is_the_pinned_one():
    from fearless.book.course.assignments.readme import OTTER

    assert f"\n{OTTER}\n" in (ROOT / "requirements-grading.txt").read_text()
