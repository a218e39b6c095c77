"""The tiny assignment, built with otter-grader once for all tests of a process."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import tiny_assignment

ROOT = Path(__file__).resolve().parents[3]
SECRET = "correct horse"


@cache
def tiny():
    """Return what was built, in a folder that lives as long as the process."""
    from fearless.book.course.assignments.build import build

    folder = Path(mkdtemp(prefix="fearless-tiny-"))
    source = tiny_assignment.write(folder)
    return build(source, folder / "out", secret=SECRET, root=ROOT, environment={})
