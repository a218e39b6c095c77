"""What an instructor keeps: the secret behind hidden checks, and checks of one's own.

Neither is ever in the repository. The secret is the variable ``FEARLESS_SECRET``; or the file
``secret`` in the instructor's private folder, ``FEARLESS_PRIVATE``; or the file
``assignments/secret``, which git ignores. The first of these that is there counts; without any the
last is made on first use, or the one in the private folder where there is such a folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from fearless.book.course.assignments.model import Assignment
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.source import read_checks

__all__ = ["PRIVATE_VARIABLE", "SECRET_VARIABLE", "read_secret", "with_private_checks"]

SECRET_VARIABLE = "FEARLESS_SECRET"
PRIVATE_VARIABLE = "FEARLESS_PRIVATE"
FILE = "secret"
SHORTEST = 8


def read_secret(assignments: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Return the instructor's secret; make one, readable by its owner alone, where there is none.

    Parameters
    ----------
    assignments : Path
        The folder of the assignments.
    environment : mapping
        The environment variables.

    Raises
    ------
    AssignmentError
        When the secret is too short to be one.
    """
    secret = environment.get(SECRET_VARIABLE, "").strip()
    place = f"the variable {SECRET_VARIABLE}"
    if not secret:
        folder = private_folder(environment) or assignments
        path = folder / FILE
        place = str(path)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf8") as file:
                file.write(secrets.token_hex(16) + "\n")
        secret = path.read_text(encoding="utf8").strip()
    if len(secret) < SHORTEST:
        raise AssignmentError(f"{place} has {len(secret)} characters; {SHORTEST} at least")
    return secret


def private_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the instructor's private folder; None where ``FEARLESS_PRIVATE`` is not set.

    Raises
    ------
    AssignmentError
        When it is no folder.
    """
    name = environment.get(PRIVATE_VARIABLE, "").strip()
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise AssignmentError(f"{PRIVATE_VARIABLE} is {name!r}, which is no folder")
    return folder


def with_private_checks(
    assignment: Assignment, environment: Mapping[str, str] = os.environ
) -> Assignment:
    """Return the assignment with the instructor's own checks, where there are any.

    They are the ``{hidden-check}`` blocks of the file ``<name of the assignment>.md`` in the
    private folder. Their points come on top of those of their question.
    """
    folder = private_folder(environment)
    path = folder / f"{assignment.name}.md" if folder else None
    if path is None or not path.is_file():
        return assignment
    return assignment.with_checks(read_checks(path))
