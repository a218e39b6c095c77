"""Build the assignments: ``make assignments``.

Each becomes a folder and a zip for students, and a folder for instructors, in
``_build/assignments``. otter-grader does the work; what students get is scanned for traces of
solutions, and the solution and the blank notebook are graded as submissions are.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.checking import instance_key
from fearless.book.course.assignments.model import Assignment
from fearless.book.course.assignments.notebook import otter_notebook
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.readme import student_readme
from fearless.book.course.assignments.secret import read_secret, with_private_checks
from fearless.book.course.assignments.source import find_assignments, read_assignment
from fearless.book.course.assignments.traces import forbidden_lines, traces
from fearless.book.sphinx.running.repository import repository_url

__all__ = ["Built", "build", "main"]

# Names of files that `fearless.book.course.grading.one` reads.
AUTOGRADER, SOLUTION, SHEET = "autograder.zip", "solution.ipynb", "assignment.json"
# What a grading service installs of the book's own stack, at the book's versions.
_SERVICE = ("numpy", "scipy", "scikit-learn", "matplotlib", "torch")
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Built:
    """What was made of an assignment: the folder and zip for students, the instructors' folder."""

    assignment: Assignment
    student: Path
    student_zip: Path
    instructor: Path


def build(
    source: Path,
    out: Path,
    *,
    secret: str,
    root: Path,
    environment: Mapping[str, str] = os.environ,
) -> Built:
    """Build one assignment.

    Parameters
    ----------
    source : Path
        Its file, or its folder.
    out : Path
        Where the folders ``student`` and ``instructor`` are.
    secret : str
        What hidden checks draw their numbers from.
    root : Path
        The folder of the book, for its macros and its versions.
    environment : mapping
        The environment variables, for the private folder and the address of the repository.

    Raises
    ------
    AssignmentError
        When the source has a mistake, or what is for students has a trace of a solution.
    ModuleNotFoundError
        When otter-grader is not installed.
    """
    assignment = with_private_checks(read_assignment(source), environment)
    key = instance_key(secret, assignment.name)
    student, instructor = (out / who / assignment.name for who in ("student", "instructor"))
    student_zip = student.with_name(f"{student.name}.zip")
    for old in (student, instructor):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir(parents=True)
    student_zip.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        made = _otter_assign(assignment, key, Path(scratch), root, environment)
        notebook = f"{assignment.name}.ipynb"
        _write_notebook(made / "student" / notebook, student / notebook)
        _copy_tests(made / "student" / "tests", student / "tests")
        _write_notebook(made / "autograder" / notebook, instructor / SOLUTION)
        (zipped,) = (made / "autograder").glob("*.zip")
        shutil.copyfile(zipped, instructor / AUTOGRADER)
    (student / "README.md").write_text(student_readme(assignment, environment), encoding="utf8")
    (instructor / SHEET).write_text(json.dumps(_sheet(assignment), indent=1), encoding="utf8")
    _zip(student, student_zip)
    forbidden = forbidden_lines(assignment, secret, key)
    found = [*traces(student, forbidden), *traces(student_zip, forbidden)]
    if found:
        shutil.rmtree(student)
        student_zip.unlink()
        raise AssignmentError(f"{assignment.name}: students would see {'; '.join(found[:5])}")
    return Built(assignment, student, student_zip, instructor)


def _otter_assign(
    assignment: Assignment,
    key: str,
    scratch: Path,
    root: Path,
    environment: Mapping[str, str],
) -> Path:
    import nbformat
    from otter.assign import main as otter_assign

    master = scratch / f"{assignment.name}.ipynb"
    requirements = service_requirements(root, environment)
    nbformat.write(otter_notebook(assignment, key, tex_macros(root), requirements), master)
    with contextlib.redirect_stdout(sys.stderr):
        # Tests are run afterwards, with the limits that submissions have.
        otter_assign(str(master), str(scratch / "made"), no_pdfs=True, no_run_tests=True)
    return scratch / "made"


def _write_notebook(source: Path, target: Path) -> None:
    import nbformat

    notebook = nbformat.read(source, as_version=4)
    # The same source gives the same file: ids of cells are drawn at random otherwise.
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number}"
    nbformat.write(notebook, target)


def _copy_tests(source: Path, target: Path) -> None:
    target.mkdir()
    for path in sorted(source.glob("*.py")):
        lines = path.read_text(encoding="utf8").rstrip().split("\n")
        text = "\n".join(line.rstrip() for line in lines) + "\n"
        (target / path.name).write_text(text, encoding="utf8")


def _sheet(assignment: Assignment) -> dict[str, Any]:
    """Return what grading has to know of an assignment when a notebook tells nothing."""
    return {
        "name": assignment.name,
        "title": assignment.title,
        "questions": [
            {
                "label": question.label,
                "title": question.title,
                "points": question.points,
                "manual": question.manual,
            }
            for question in assignment.questions.values()
        ],
    }


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def tex_macros(root: Path) -> dict[str, Any]:
    """Return the TeX macros of ``_config.yml``."""
    import yaml

    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return config["sphinx"]["config"]["mathjax3_config"]["tex"]["macros"]


def service_requirements(root: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return what a grading service installs: the book's versions, and the library itself.

    The library comes from the book's repository, when its address is known.
    """
    text = (root / "requirements.txt").read_text(encoding="utf8")
    wanted = re.compile(rf"^(--extra-index-url .+|(?:{'|'.join(_SERVICE)})==.+?)\s*(?:#.*)?$", re.M)
    lines = wanted.findall(text)
    url = repository_url(environment)
    return [*lines, f"fearless[book] @ git+{url}"] if url else lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.course.assignments.build",
        description="Build the assignments into _build/assignments.",
    )
    parser.add_argument("names", nargs="*", help="folders of assignments (default: all)")
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of the book")
    parser.add_argument("--out", type=Path, help="default: _build/assignments")
    parser.add_argument(
        "--no-verify", action="store_true", help="do not grade the solution and the blank notebook"
    )
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    out = (options.out or root / "_build" / "assignments").resolve()
    folder = root / "assignments"
    sources = [Path(name) for name in options.names] or find_assignments(folder)
    try:
        if not sources:
            raise AssignmentError(f"There is no assignment in {folder}")
        secret = read_secret(folder)
        good = True
        for source in sources:
            built = build(source, out, secret=secret, root=root)
            print(f"{built.assignment.name}: {built.student_zip}", flush=True)
            good &= options.no_verify or _verified(built)
    except AssignmentError as failure:
        print(failure, file=sys.stderr)
        return 1
    except ModuleNotFoundError as failure:
        if not (failure.name or "").startswith("otter"):
            raise
        print("otter-grader is missing: make assignments, or see requirements-grading.txt")
        return 1
    print(f"For students: {out / 'student'}\nFor you alone: {out / 'instructor'}")
    return 0 if good else 1


def _verified(built: Built) -> bool:
    """Grade the solution and the blank notebook: full marks, and none."""
    from fearless.book.course.grading.one import Limits, grade_file

    full = {q.label: q.points for q in built.assignment.questions.values() if not q.manual}
    good = True
    for what, path, expected in (
        ("solution", built.instructor / SOLUTION, full),
        (
            "blank notebook",
            built.student / f"{built.assignment.name}.ipynb",
            dict.fromkeys(full, 0),
        ),
    ):
        result = grade_file(path, built.instructor, Limits())
        earned, possible = sum(result.points.values()), sum(full.values())
        right = result.points == expected
        good &= right
        verdict = "as it should" if right else f"NOT as it should: {result.remarks}"
        print(f"  the {what} earns {earned:g} of {possible:g}, {verdict} ({result.seconds:.0f} s)")
    return good


if __name__ == "__main__":
    raise SystemExit(main())
