"""The scan of what students get: no line of a solution, of a hidden check, or of the secret."""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.model import BEGIN, END, Assignment, blank

__all__ = ["forbidden_lines", "traces"]

#: A line shorter than this says nothing: ``else:``, ``return w``.
SHORTEST = 10


def forbidden_lines(assignment: Assignment, *secrets: str) -> list[str]:
    """Return every line that must not be found in what students get.

    Parameters
    ----------
    assignment : Assignment
        With the instructor's own checks, where there are any.
    *secrets : str
        The secret, and the key drawn from it.

    Returns
    -------
    list of str
        The lines of solutions, model answers and hidden checks (as they are written, and as
        Python writes them), and the hints for those who fail hidden checks; but those that are
        also given, or are too short to betray anything.
    """
    public, hidden = [], [BEGIN, END]
    for cell in assignment.cells:
        shown = blank(cell.text) if cell.kind == "code" else cell.text * (cell.kind == "text")
        public.append(shown)
        if cell.is_solution:
            hidden += cell.text.split("\n")
    for question in assignment.questions.values():
        public.append(question.text)
        for check in question.checks:
            if check.hidden:
                hidden += [*check.code.split("\n"), *_plain(check.code), check.failure]
            else:
                public += [check.code, "\n".join(_plain(check.code)), check.failure]
    given = "\n".join(public)
    lines = dict.fromkeys(line.strip() for line in hidden)
    kept = [line for line in lines if line not in given and len(line) >= SHORTEST]
    return [*kept, "instance = instances", *secrets]


def _plain(code: str) -> list[str]:
    return ast.unparse(ast.parse(code)).split("\n")


def traces(place: Path, forbidden: Iterable[str]) -> list[str]:
    """Return what of the forbidden lines is in a folder or a zip, each with the file it is in."""
    wanted = list(forbidden)
    found = []
    for name, content in _files(place):
        texts = [content.decode("utf8", errors="replace")]
        if name.endswith((".ipynb", ".json")):
            texts += _strings(json.loads(texts[0]))
        found += [f"{name}: {line}" for line in wanted if any(line in text for text in texts)]
    return found


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            if path.suffix == ".zip":
                yield from _files(path)
            elif path.is_file():
                yield path.relative_to(place).as_posix(), path.read_bytes()
    else:
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                yield f"{place.name}/{name}", archive.read(name)


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a notebook as they are read, not as they are escaped in the file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
