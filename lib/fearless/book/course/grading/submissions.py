"""What students have handed in, as it lies in a folder: notebooks, folders, or zips of a course."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["Submission", "assignment_of", "find_submissions"]

# Names that course systems give: Moodle a folder, Canvas a file for each student.
_MOODLE = re.compile(r"^(?P<name>.+?_\d+)_assignsubmission_\w+_?$")
_CANVAS = re.compile(r"^(?P<name>[^_\W]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+$")
_LARGEST = 200 * 2**20


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    student : str
        From the name of the file or of the folder.
    notebook : Path or None
        The notebook to grade; None where there is none.
    files : tuple of Path
        Other files beside it.
    remarks : tuple of str
        What is to be said about it before it is graded.
    """

    student: str
    notebook: Path | None
    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Return a digest of what was handed in."""
        digest = hashlib.sha256()
        for path in [self.notebook, *self.files] if self.notebook else []:
            digest.update(path.name.encode() + b"\n" + path.read_bytes())
        return digest.hexdigest()


def find_submissions(folder: Path, scratch: Path, assignment: str = "") -> list[Submission]:
    """Return what is in a folder, one submission a student, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds for each student a notebook, a folder with one, or a zip with one. The name of the
        file or folder is that of the student; what Moodle and Canvas add to it is taken off.
    scratch : Path
        An empty folder, into which zips are unpacked.
    assignment : str
        The name of the assignment: where there are several notebooks, the one made for it counts.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}")
    found = [
        _submission(path, scratch, assignment)
        for path in sorted(folder.iterdir())
        if not path.name.startswith((".", "__"))
    ]
    if not found:
        raise FileNotFoundError(f"Nobody has handed in anything in {folder}")
    counts, seen = Counter(submission.student for submission in found), Counter[str]()
    unique = []
    for submission in found:
        name = submission.student
        seen[name] += 1
        if counts[name] > 1:  # both are graded: which counts is for the instructor to say
            remark = f"one of {counts[name]} submissions of this name"
            name = f"{name} ({seen[name]})"
            remarks = (*submission.remarks, remark)
            submission = Submission(name, submission.notebook, submission.files, remarks)
        unique.append(submission)
    return unique


def assignment_of(notebook: Path) -> str:
    """Return the name of the assignment that a notebook was made for; empty when it says none."""
    try:
        metadata = json.loads(notebook.read_text(encoding="utf8"))["metadata"]
        return str(metadata["otter"]["assignment_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _submission(path: Path, scratch: Path, assignment: str) -> Submission:
    stem = path.name if path.is_dir() else path.stem
    remarks = []
    name = stem
    if match := _MOODLE.match(stem):
        name = match["name"]
    elif path.is_file() and (match := _CANVAS.match(stem)):
        name = f"{match['name']}_{match['id']}"
        remarks += ["late"] if match["late"] else []
    if path.suffix == ".ipynb" and path.is_file():
        return Submission(name, path, (), tuple(remarks))
    if path.suffix == ".zip":
        path, problem = _unpacked(path, scratch / f"{len(list(scratch.iterdir()))}")
        if problem:
            return Submission(name, None, (), (*remarks, f"not graded: {problem}"))
    if not path.is_dir():
        return Submission(name, None, (), (*remarks, f"not graded: {path.name} is no notebook"))
    notebooks = sorted(p for p in _files(path) if p.suffix == ".ipynb")
    if not notebooks:
        zips = [p for p in _files(path) if p.suffix == ".zip"]
        if len(zips) == 1:
            inner = _submission(zips[0], scratch, assignment)
            return Submission(name, inner.notebook, inner.files, (*remarks, *inner.remarks))
        return Submission(name, None, (), (*remarks, "not graded: there is no notebook"))
    made_for_it = [p for p in notebooks if assignment and assignment_of(p) == assignment]
    notebook = (made_for_it or notebooks)[-1]
    if len(notebooks) > 1:
        remarks.append(f"{len(notebooks)} notebooks; {notebook.name} was graded")
    beside = [p for p in sorted(notebook.parent.iterdir()) if p.is_file() and p not in notebooks]
    files = tuple(p for p in beside if not p.name.startswith(".") and p.suffix != ".zip")
    return Submission(name, notebook, files, tuple(remarks))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(p.startswith((".", "__MACOSX")) for p in parts):
            yield path


def _unpacked(path: Path, target: Path) -> tuple[Path, str]:
    """Unpack a zip that a student made; returns the folder, and why it could not be done."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _LARGEST:
                return target, f"{path.name} is larger than {_LARGEST // 2**20} MB when unpacked"
            if any(".." in PurePosixPath(entry.filename).parts for entry in entries):
                return target, f"{path.name} would write outside of its folder"
            archive.extractall(target)
    except (OSError, zipfile.BadZipFile, RuntimeError) as failure:
        return target, f"{path.name} cannot be unpacked ({failure})"
    return target, ""
