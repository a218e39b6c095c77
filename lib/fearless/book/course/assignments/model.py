"""What an assignment is made of: cells in reading order, questions, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from fearless.book.course.assignments.pieces import AssignmentError

__all__ = ["BEGIN", "END", "Assignment", "Cell", "Check", "Question", "blank", "solved"]

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


@dataclass(frozen=True)
class Check:
    """A piece of code that passes or raises: its points, and the hint for one who fails it."""

    question: str
    code: str
    points: float
    failure: str
    success: str = ""
    hidden: bool = False
    line: int = 0


@dataclass(frozen=True)
class Cell:
    """A piece of an assignment in reading order.

    Attributes
    ----------
    kind : str
        ``"text"``, ``"code"`` or ``"answer"``, a model answer in words.
    text : str
        Markdown, or code with its solution.
    line : int
        The line of the source it begins on.
    question : str
        The label of the question it belongs to; empty for what is given.
    """

    kind: str
    text: str
    line: int
    question: str = ""

    @property
    def is_solution(self) -> bool:
        """Whether there is something in it that students must not see."""
        return self.kind == "answer" or (self.kind == "code" and BEGIN in self.text)


@dataclass(frozen=True)
class Question:
    """A question: label, title, what to do, points, minutes, and the checks that mark it."""

    label: str
    title: str
    text: str
    points: float
    minutes: int
    manual: bool
    line: int
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """An assignment: its folder's name, title, front matter, questions, and cells in order."""

    name: str
    title: str
    part: str
    hours: float
    objectives: tuple[str, ...]
    cells: tuple[Cell, ...]
    questions: dict[str, Question] = field(default_factory=dict)
    path: Path = Path()

    @property
    def points(self) -> float:
        """The points of all questions together."""
        return sum(question.points for question in self.questions.values())

    def with_checks(self, extra: dict[str, list[Check]]) -> Assignment:
        """Return the assignment with further checks; their points come on top."""
        unknown = sorted(extra.keys() - self.questions.keys())
        if unknown:
            known = ", ".join(self.questions)
            raise AssignmentError(
                f"{self.name}: further checks are for unknown questions {', '.join(unknown)}; "
                f"there are {known}"
            )
        questions = {
            label: replace(
                question,
                points=question.points + sum(check.points for check in extra.get(label, [])),
                checks=(*question.checks, *extra.get(label, [])),
            )
            for label, question in self.questions.items()
        }
        return replace(self, questions=questions)


def solved(code: str) -> str:
    """Return the code of a cell with its solution, without the marks around it."""
    lines = [line for line in code.split("\n") if line.strip() not in (BEGIN, END)]
    return "\n".join(lines)


def blank(code: str) -> str:
    """Return the code of a cell as students get it: ``...`` in the place of each solution."""
    kept, inside = [], False
    for line in code.split("\n"):
        mark = line.strip()
        if mark == BEGIN:
            kept.append(line.replace(BEGIN, "..."))
        if not inside and mark not in (BEGIN, END):
            kept.append(line)
        inside = mark == BEGIN or (inside and mark != END)
    return "\n".join(kept)
