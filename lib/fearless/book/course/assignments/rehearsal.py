"""An assignment tried without otter-grader: which marks a notebook gets, for several secrets.

The cells run once, in one namespace; below each question its checks are made for every secret.
This is what authors and the tests use: one process instead of a kernel for every secret.
"""

from __future__ import annotations

import ast
import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.checking import instance_key
from fearless.book.course.assignments.model import Assignment, Cell
from fearless.book.course.assignments.notebook import check_functions, plain_cells
from fearless.book.course.assignments.pieces import AssignmentError

__all__ = ["Marks", "Wrong", "read_wrong", "rehearse", "with_wrong"]

_POINTS = re.compile(r"^# points:\s*(\w+=[\d.]+(?:\s*,\s*\w+=[\d.]+)*)\s*$")


@dataclass
class Marks:
    """What a notebook earned: the points of each question for one secret, and what failed."""

    secret: str
    points: dict[str, float] = field(default_factory=dict)
    #: For each failed check: the question, whether it is hidden, the message.
    failed: list[tuple[str, bool, str]] = field(default_factory=list)
    #: Errors of cells: the line of the source, the message.
    errors: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> float:
        """The points of all questions together."""
        return sum(self.points.values())


def rehearse(
    assignment: Assignment,
    cells: Sequence[Cell],
    secrets: Sequence[str] = ("one",),
) -> list[Marks]:
    """Run code cells and make all checks, in this process.

    Parameters
    ----------
    assignment : Assignment
        Its questions and checks.
    cells : sequence of Cell
        The code, as `plain_cells` or `with_wrong` return it.
    secrets : sequence of str
        What hidden checks draw their numbers from, one after the other.

    Returns
    -------
    list of Marks
        One for each secret.
    """
    all_marks = [Marks(secret) for secret in secrets]
    functions = [
        check_functions(assignment, instance_key(secret, assignment.name)) for secret in secrets
    ]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    errors: list[tuple[int, str]] = []
    start = time.perf_counter()
    order = [question.label for question in assignment.questions.values() if question.checks]
    pending = {cell.question: cell for cell in cells if cell.question}
    for label in [label for label in order if label not in pending]:
        pending[label] = cells[-1]
    for cell in cells:
        try:
            exec(compile(cell.text, f"line {cell.line}", "exec"), namespace)
        except (Exception, SystemExit) as failure:
            errors.append((cell.line, _message(failure)))
        for label in [label for label in order if pending[label] is cell]:
            for marks, made in zip(all_marks, functions, strict=True):
                _check(assignment, label, made[label], namespace, marks)
    for marks in all_marks:
        marks.errors = list(errors)
        marks.seconds = time.perf_counter() - start
    return all_marks


def _check(
    assignment: Assignment,
    label: str,
    functions: Sequence[tuple[str, int]],
    namespace: dict[str, Any],
    marks: Marks,
) -> None:
    earned = 0.0
    for source, k in functions:
        check = assignment.questions[label].checks[k]
        own: dict[str, Any] = {}
        exec(compile(source, f"{label}_{k}", "exec"), own)
        try:
            own[f"{label}_{k}"](namespace)
        except Exception as failure:
            marks.failed.append((label, check.hidden, _message(failure)))
        else:
            earned += check.points
    marks.points[label] = earned


def _message(failure: BaseException) -> str:
    return traceback.format_exception_only(failure)[-1].strip()


@dataclass(frozen=True)
class Wrong:
    """A typical wrong solution: its file, its code, and the points it deserves."""

    path: Path
    code: str
    points: Mapping[str, float]


def read_wrong(assignment: Assignment) -> list[Wrong]:
    """Read the wrong solutions beside an assignment, ``wrong/*.py``.

    The first line of each is ``# points: q1=1, q2=4``; a question that it does not name deserves
    full marks.

    Raises
    ------
    AssignmentError
        When there is no such line, or it names an unknown question or too many points.
    """
    found = []
    for path in sorted((assignment.path.parent / "wrong").glob("*.py")):
        code = path.read_text(encoding="utf8")
        match = _POINTS.match(code.split("\n", 1)[0])
        where = f"{assignment.name}/wrong/{path.name}"
        if not match:
            raise AssignmentError(f"{where}: the first line must be like '# points: q1=1, q2=4'")
        points = {
            label: float(question.points)
            for label, question in assignment.questions.items()
            if not question.manual
        }
        for part in match[1].split(","):
            label, _, number = part.strip().partition("=")
            if label not in points:
                raise AssignmentError(f"{where}: there is no question {label} that checks mark")
            if float(number) > points[label]:
                raise AssignmentError(f"{where}: {label} has only {points[label]:g} points")
            points[label] = float(number)
        found.append(Wrong(path, code, points))
    return found


def with_wrong(assignment: Assignment, wrong: Wrong) -> list[Cell]:
    """Return the code cells of the solution, with what a wrong one defines in its place.

    Each definition of the wrong file goes to the end of every solution cell that defines the same
    name; what defines nothing of the solution (imports, helpers) goes before the first of them.

    Raises
    ------
    AssignmentError
        When it redefines nothing that a solution defines.
    """
    cells = plain_cells(assignment, solutions=True)
    marked = {cell.line for cell in assignment.cells if cell.is_solution}
    places = {cell.line: _defined(ast.parse(cell.text)) for cell in cells if cell.line in marked}
    known = set().union(*places.values())
    statements = [
        (_defined(statement), _source(wrong.code, statement))
        for statement in ast.parse(wrong.code).body
    ]
    helpers = [text for names, text in statements if not names & known]
    if len(helpers) == len(statements):
        raise AssignmentError(f"{wrong.path.name} redefines nothing of {assignment.name}")
    changed, first = [], True
    for cell in cells:
        names = places.get(cell.line, set())
        own = [text for defined, text in statements if defined & names]
        if own and first:
            own, first = [*helpers, *own], False
        changed.append(replace(cell, text="\n\n".join([cell.text, *own])))
    return changed


def _source(code: str, statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(code.split("\n")[first - 1 : statement.end_lineno])


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that a cell, or a statement, defines at its top level."""
    names = set()
    for statement in getattr(tree, "body", []) if isinstance(tree, ast.Module) else [tree]:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = getattr(statement, "targets", None) or [statement.target]
            names |= {
                node.id
                for target in targets
                for node in ast.walk(target)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
    return names
