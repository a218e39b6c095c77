"""What only instructors may see, and what everybody may: the two sides of the scan for leaks.

Secret are the solutions of all exercises with their hints for grading, and of the assignments the
model solutions and the hidden checks. Public is every other text of the repository from which the
site is made. What stands in both, an import for example, betrays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fearless.book.course.blocks import blocks
from fearless.book.exercises import FOLDER, solution_files, solutions

__all__ = ["Secret", "public_texts", "read_secrets"]

_MODEL = re.compile(r"^[ \t]*# BEGIN SOLUTION[^\n]*\n(.*?)^[ \t]*# END SOLUTION", re.M | re.S)
#: Directives of an assignment that no student sees, whatever is in them.
_HIDDEN = ("hidden-check", "model-answer")
#: Files, below the root of the book, whose text comes to stand on the site.
_PUBLIC = (
    "chapters/**/*.md",
    "chapters/**/*.yml",
    "chapters/**/*.bib",
    "lib/**/*.py",
    "lib/**/*.yml",
    "benchmarks/*.py",
    "*.md",
    "_config.yml",
)


@dataclass(frozen=True)
class Secret:
    """A text that must not be seen: where it comes from, and its Markdown or code."""

    name: str
    text: str


def read_secrets(root: Path) -> list[Secret]:
    """Read all secrets of the book at a folder.

    Parameters
    ----------
    root : Path
        The folder of ``chapters/`` and, where there are any, ``assignments/``.

    Returns
    -------
    list of Secret
        One for each solution of an exercise, each hidden check and each model answer, one for the
        model solutions of an assignment, and one for the set-up of each file of solutions.
    """
    chapters = root / "chapters"
    found = [Secret(f"the solution of {s.label}", s.text) for s in solutions(chapters)]
    for path in solution_files(chapters):
        text = path.read_text(encoding="utf8")
        name = path.relative_to(chapters).as_posix()
        # The code before the first solution: what is computed with in all of them.
        head = text.partition("{solution-start}")[0]
        code = "\n".join(block.body for block in blocks(head, "code-cell"))
        if code.strip():
            found.append(Secret(f"the set-up of {name}", _cell(code)))
    for path in sorted(root.glob("assignments/*/*.md")):
        found += _of_assignment(path)
    return found


def _of_assignment(path: Path) -> Iterator[Secret]:
    text = path.read_text(encoding="utf8")
    name = path.parent.name
    # Together: a piece may be a line too short to be known by itself.
    if models := "\n".join(_cell(match[1]) for match in _MODEL.finditer(text)):
        yield Secret(f"the model solutions of {name}", models)
    for block in blocks(text, *_HIDDEN):
        body = block.body if block.name == "model-answer" else _cell(block.body)
        yield Secret(f"the {block.name} {block.argument} of {name}", body)


def _cell(code: str) -> str:
    return f"```{{code-cell}}\n{code}\n```\n"


def public_texts(root: Path) -> Iterator[str]:
    """Yield the texts that are public, file by file, those of solutions left out."""
    for path in _files(root, _PUBLIC):
        if FOLDER not in path.parts:
            yield path.read_text(encoding="utf8")
    for path in sorted(root.glob("assignments/*/*.md")):
        text = _MODEL.sub("", path.read_text(encoding="utf8"))
        for block in blocks(text, *_HIDDEN):
            text = text.replace(block.body, "")
        yield text


def _files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file())
