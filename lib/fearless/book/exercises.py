"""Exercises and their solutions: one source, kept apart, so that the public site cannot leak.

A page states its exercises. Their solutions are in the folder ``solutions`` beside it, in a file
of the same name, a notebook of ``{solution-start}`` ... ``{solution-end}`` blocks that is in no
table of contents: the site is built without it, an instructor's edition with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fearless.book.scan import code_cells

__all__ = ["Exercise", "Solution", "exercises", "solution_code", "solutions"]

#: The folder, beside the pages of a part, that holds their solutions.
FOLDER = "solutions"

_EXERCISE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{exercise\}(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$",
    re.DOTALL | re.MULTILINE,
)
_SOLUTION = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{solution-start\}[ \t]*(?P<label>\S*)[^\n]*\n(?P<options>.*?)"
    r"^(?P=fence)\s*$(?P<body>.*?)^(?P=fence)\{solution-end\}\s*?\n(?P=fence)\s*$",
    re.DOTALL | re.MULTILINE,
)
_LABEL = re.compile(r"^:label:[ \t]*(\S+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """An exercise of a page: its label, its title with the stars, what it asks, its page."""

    label: str
    title: str
    text: str
    page: str


@dataclass(frozen=True)
class Solution:
    """The solution of the exercise `label`, in Markdown with code cells, and the file it is in."""

    label: str
    text: str
    path: Path


def exercises(chapters: Path) -> list[Exercise]:
    """Return all exercises of the pages below a folder, page by page.

    Parameters
    ----------
    chapters : Path
        The folder of the pages. Solutions are not searched.

    Returns
    -------
    list of Exercise
        The label is empty where an exercise has none.
    """
    found = []
    for path in sorted(chapters.rglob("*.md")):
        if path.parent.name == FOLDER:
            continue
        page = path.relative_to(chapters).with_suffix("").as_posix()
        for match in _EXERCISE.finditer(path.read_text(encoding="utf8")):
            label = _LABEL.search(match["body"])
            text = _LABEL.sub("", match["body"]).strip()
            found.append(Exercise(label[1] if label else "", match["title"].strip(), text, page))
    return found


def solutions(chapters: Path) -> list[Solution]:
    """Return all solutions below a folder, file by file.

    Parameters
    ----------
    chapters : Path
        The folder of the pages, whose subfolders ``solutions`` are read.

    Returns
    -------
    list of Solution
    """
    return [
        Solution(match["label"], match["body"].strip(), path)
        for path in solution_files(chapters)
        for match in _SOLUTION.finditer(path.read_text(encoding="utf8"))
    ]


def solution_files(chapters: Path) -> Iterator[Path]:
    """Yield the files that hold solutions, in the order of their names."""
    yield from sorted(chapters.rglob(f"{FOLDER}/*.md"))


def solution_code(path: Path) -> str:
    """Return the code of a file of solutions as one script, cell after cell."""
    return "\n\n".join(cell.source for cell in code_cells(path)) + "\n"
