"""Exercises and their solutions: one source, kept apart, so that the public site cannot leak.

A page states its exercises: the task with its stars and minutes, a hint, code to start from and a
check that readers run themselves. The solutions are in the folder ``solutions`` beside the page, in
a file of the same name, a notebook of ``{solution-start}`` ... ``{solution-end}`` blocks that is in
no table of contents: the site is built without it, an instructor's edition with it. ``Exercise``
joins all of it, except the solution.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fearless.book.course.blocks import Block, UnclosedBlock, blocks, code_in
from fearless.book.scan import code_cells

__all__ = [
    "Exercise",
    "ExerciseError",
    "Solution",
    "exercises",
    "faults",
    "setup_code",
    "solution_code",
    "solution_files",
    "solutions",
]

#: The folder, beside the pages of a part, that holds their solutions.
FOLDER = "solutions"
GRADING = "**Grading.**"
_MOST_STARS = 3

_SOLUTION = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{solution-start\}[ \t]*(?P<label>\S*)[^\n]*\n(?P<options>.*?)"
    r"^(?P=fence)\s*$(?P<body>.*?)^(?P=fence)\{solution-end\}\s*?\n(?P=fence)\s*$",
    re.DOTALL | re.MULTILINE,
)


class ExerciseError(ValueError):
    """A page states its exercises wrongly; the message names file, line and label."""


@dataclass(frozen=True)
class Exercise:
    """An exercise of a page.

    Attributes
    ----------
    label, title, text, page : str
        Its label (empty where it has none), its title with the stars, what it asks, its page.
    path, line : Path, int
        Where it stands.
    minutes : int
        How long it takes; 0 where the page does not say.
    by_hand : bool
        Whether it is a derivation, with nothing to run.
    hint, starter, check : str
        The folded hint, the code to start from, the code that checks an answer; or empty.
    grading : str
        From the solution: what earns how many points; empty where nothing is said.
    """

    label: str
    title: str
    text: str
    page: str
    path: Path = Path()
    line: int = 0
    minutes: int = 0
    by_hand: bool = False
    hint: str = ""
    starter: str = ""
    check: str = ""
    grading: str = ""

    @property
    def difficulty(self) -> int:
        """The number of stars, 0 where it has none."""
        return len(self.title) - len(self.title.lstrip("★"))

    @property
    def name(self) -> str:
        """The title without its stars."""
        return self.title.lstrip("★").strip()


@dataclass(frozen=True)
class Solution:
    """The solution of the exercise `label`, in Markdown with code cells, and the file it is in."""

    label: str
    text: str
    path: Path

    @property
    def grading(self) -> str:
        """The last paragraph, which says what earns points; empty where there is none."""
        _, mark, grading = self.text.rpartition(GRADING)
        return grading.strip() if mark else ""

    @property
    def code(self) -> str:
        """Its code cells as one script; `setup_code` comes before."""
        return code_in(self.text)


def exercises(chapters: Path) -> list[Exercise]:
    """Return all exercises of the pages below a folder, page by page.

    Parameters
    ----------
    chapters : Path
        The folder of the pages. Of the solutions only the hints for grading are read.

    Returns
    -------
    list of Exercise
        What an exercise lacks is empty; `faults` says so in words.

    Raises
    ------
    ExerciseError
        When minutes are no number, when starter code or a check belongs to no exercise of the
        page, or when there are two.
    """
    grading = {solution.label: solution.grading for solution in solutions(chapters)}
    return [
        replace(exercise, grading=grading.get(exercise.label, ""))
        for path in sorted(chapters.rglob("*.md"))
        if path.parent.name != FOLDER
        for exercise in _on_page(path, chapters)
    ]


def _on_page(path: Path, chapters: Path) -> list[Exercise]:
    page = path.relative_to(chapters).with_suffix("").as_posix()
    text = path.read_text(encoding="utf8")
    found: list[Exercise] = []
    try:
        for block in blocks(text, "exercise", "dropdown", "starter", "check"):
            if block.name == "exercise":
                found.append(_read(block, page, path))
            elif block.name == "dropdown":
                if found and block.argument == "Hint" and not found[-1].hint:
                    found[-1] = replace(found[-1], hint=block.body.strip())
            else:
                _add_code(found, block, path)
    except UnclosedBlock as error:
        raise ExerciseError(f"{path}, {error}") from None
    return found


def _read(block: Block, page: str, path: Path) -> Exercise:
    label = block.options.get("label", "")
    minutes = block.options.get("minutes", "0")
    if not minutes.isdecimal() or (minutes == "0" and "minutes" in block.options):
        raise ExerciseError(
            f"{path}, line {block.line}: {label or 'an exercise'} has :minutes: {minutes!r}; "
            "expected a whole number, at least 1"
        )
    return Exercise(
        label,
        block.argument,
        block.body.strip(),
        page,
        path,
        block.line,
        int(minutes),
        "by-hand" in block.options,
    )


def _add_code(found: list[Exercise], block: Block, path: Path) -> None:
    label = block.argument
    where = f"{path}, line {block.line}: the {block.name} {label or 'without a label'}"
    places = [k for k, exercise in enumerate(found) if label and exercise.label == label]
    if not places:
        raise ExerciseError(f"{where} belongs to no exercise above it on this page")
    exercise = found[places[0]]
    if getattr(exercise, block.name):
        raise ExerciseError(f"{where} is the second one; an exercise has one")
    if not block.body.strip():
        raise ExerciseError(f"{where} is empty")
    found[places[0]] = replace(exercise, **{block.name: block.body.strip("\n")})


def faults(exercise: Exercise) -> list[str]:
    """Say what an exercise lacks, one line each with file and label; nothing when it is complete.

    Complete means: a label ``ex-...``, one to three stars, minutes, a hint, starter code with a
    check or else the mark ``:by-hand:``, and hints for grading in its solution.
    """
    where = f"{exercise.path}, line {exercise.line}: {exercise.label or exercise.title}"
    code = [name for name in ("starter", "check") if getattr(exercise, name)]
    wrong = {
        "has no :label: of the form ex-...": not re.fullmatch(r"ex-[a-z0-9-]+", exercise.label),
        "has no stars (one to three) before its title": not (
            1 <= exercise.difficulty <= _MOST_STARS and exercise.name
        ),
        "has no :minutes:": not exercise.minutes,
        "has no folded hint ({dropdown} Hint)": not exercise.hint,
        "has neither starter and check nor the option :by-hand:": not (code or exercise.by_hand),
        "is marked :by-hand:, but has code to run": bool(code) and exercise.by_hand,
        "has starter code, but no check": code == ["starter"],
        "has a check, but no starter code": code == ["check"],
        f"has a solution without a paragraph {GRADING}": not exercise.grading,
    }
    return [f"{where} {fault}" for fault, is_wrong in wrong.items() if is_wrong]


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


def setup_code(path: Path) -> str:
    """Return the code of a file of solutions that stands before the first of them."""
    head = path.read_text(encoding="utf8").partition("{solution-start}")[0]
    return code_in(head)
