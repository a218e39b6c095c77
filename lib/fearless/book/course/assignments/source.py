"""The source of an assignment: one Markdown notebook with questions, solutions and checks.

`read_assignment` reads and examines ``assignments/<n>-<name>/assignment.md``; every mistake in it
is reported with its line. What students get and what instructors get is made from the result, by
`fearless.book.course.assignments.notebook`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.model import BEGIN, END, Assignment, Cell, Check, Question
from fearless.book.course.assignments.pieces import AssignmentError, Piece, SourceFile

__all__ = ["AssignmentError", "find_assignments", "read_assignment", "read_checks"]

FILE = "assignment.md"


def find_assignments(root: Path) -> list[Path]:
    """Return the sources of all assignments below the folder ``assignments``, in order."""
    return sorted(root.glob(f"[0-9]*-*/{FILE}"))


def read_assignment(path: Path) -> Assignment:
    """Read an assignment and examine it.

    Parameters
    ----------
    path : Path
        The file, or the folder it is in.

    Raises
    ------
    AssignmentError
        For the first mistake found, with its line.
    """
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise AssignmentError(f"There is no assignment {path}")
    return _Reader(path).assignment()


def read_checks(path: Path) -> dict[str, list[Check]]:
    """Read a file that holds ``{hidden-check}`` blocks alone, an instructor's own checks."""
    reader = _Reader(path)
    found: dict[str, list[Check]] = {}
    for piece in reader.pieces():
        if piece.name == "hidden-check":
            check = reader.check(piece)
            found.setdefault(check.question, []).append(check)
        elif piece.name != "text":
            reader.fail(piece.line, f"{{{piece.name}}} has no place among private checks")
    if not found:
        reader.fail(1, "there is no {hidden-check} in it")
    return found


class _Reader(SourceFile):
    """Turns the pieces of one file into an assignment, or into checks."""

    def assignment(self) -> Assignment:
        front, start = self._front_matter()
        settings = front.get("assignment")
        if not isinstance(settings, dict):
            self.fail(1, "the front matter has no 'assignment' with part, hours and objectives")
        for key in ("part", "hours", "objectives"):
            if not settings.get(key):
                self.fail(1, f"'assignment' in the front matter has no {key!r}")
        cells: list[Cell] = []
        questions: dict[str, Question] = {}
        checks: dict[str, list[Check]] = {}
        current = ""
        for piece in self.pieces(start):
            if piece.name == "question":
                question = self._question(piece, questions)
                current = question.label
                questions[current] = question
                checks[current] = []
                cells.append(Cell("text", question.text, piece.line, current))
            elif piece.name in ("public-check", "hidden-check"):
                check = self.check(piece)
                self._expect_current(piece, check.question, current, questions)
                if questions[current].manual:
                    self.fail(piece.line, f"{current} is marked by hand and can have no check")
                checks[current].append(check)
            elif piece.name == "model-answer":
                self._expect_current(piece, piece.argument, current, questions)
                if not questions[current].manual:
                    self.fail(piece.line, f"{current} is not marked by hand (:manual:)")
                cells.append(Cell("answer", piece.body.strip(), piece.line, current))
            elif piece.name == "code-cell":
                self._examine_code(piece)
                cells.append(Cell("code", piece.body.strip("\n"), piece.line, current))
            else:
                cells.append(Cell("text", piece.body, piece.line, current))
        cells = _given_after_questions(cells, questions, checks)
        for label, question in questions.items():
            questions[label] = replace(question, checks=tuple(checks[label]))
        self._examine(cells, questions)
        return Assignment(
            name=self.path.resolve().parent.name,
            title=self._title(cells),
            part=str(settings["part"]),
            hours=float(settings["hours"]),
            objectives=tuple(str(objective) for objective in settings["objectives"]),
            cells=tuple(cells),
            questions=questions,
            path=self.path,
        )

    def _front_matter(self) -> tuple[dict[str, Any], int]:
        import yaml

        lines = self.lines
        ends = [k for k, line in enumerate(lines) if k and line.rstrip() == "---"]
        if lines[0].rstrip() != "---" or not ends:
            self.fail(1, "there is no front matter between two lines '---'")
        try:
            front = yaml.safe_load("\n".join(lines[1 : ends[0]]))
        except yaml.YAMLError as failure:
            self.fail(1, f"the front matter is no YAML: {failure}")
        if not isinstance(front, dict) or "jupytext" not in front:
            self.fail(1, "the front matter has no 'jupytext' header, as pages of the book have")
        return front, ends[0] + 1

    def _question(self, piece: Piece, known: dict[str, Question]) -> Question:
        label, _, title = piece.argument.partition(" ")
        if not re.fullmatch(r"[a-z]\w*", label) or not title.strip():
            self.fail(
                piece.line, "a question is headed by a label and a title: {question} q1 Title"
            )
        if label in known:
            self.fail(piece.line, f"there are two questions {label}")
        points = self._points(piece, label)
        if points <= 0:
            self.fail(piece.line, f"question {label} has {points:g} points, which must be positive")
        if "minutes" not in piece.options or not piece.options["minutes"].isdecimal():
            self.fail(piece.line, f"question {label} has no whole number of :minutes:")
        minutes = int(piece.options["minutes"])
        text, manual = piece.body.strip(), "manual" in piece.options
        return Question(label, title.strip(), text, points, minutes, manual, piece.line)

    def _points(self, piece: Piece, label: str) -> float:
        text = piece.options.get("points", "")
        if not text:
            self.fail(piece.line, f"{{{piece.name}}} {label} has no :points:")
        try:
            points = float(text)
        except ValueError:
            points = -1.0
        if points < 0 or points != points or (2 * points) % 1:
            self.fail(piece.line, f":points: of {label} are {text!r}; whole or half points only")
        return int(points) if points % 1 == 0 else points

    def check(self, piece: Piece) -> Check:
        """Read a check and examine its code."""
        hidden, code = piece.name == "hidden-check", piece.body.strip("\n")
        label = piece.argument
        if not re.fullmatch(r"[a-z]\w*", label):
            self.fail(piece.line, f"{{{piece.name}}} is followed by the label of a question alone")
        points = self._points(piece, label)
        failure = piece.options.get("failure", "")
        if not failure:
            self.fail(
                piece.line, f"{{{piece.name}}} {label} has no :failure:, the hint to students"
            )
        tree = self._parse(code, piece.body_line)
        nodes = list(ast.walk(tree))
        if not tree.body:
            self.fail(piece.line, f"{{{piece.name}}} {label} is empty")
        if not any(isinstance(node, ast.Assert | ast.Raise) for node in nodes):
            self.fail(piece.line, f"{{{piece.name}}} {label} asserts nothing")
        calls = any(isinstance(node, ast.Name) and node.id == "instance" for node in nodes)
        if hidden and not calls:
            self.fail(
                piece.line,
                f"the hidden check of {label} does not draw its numbers from "
                f'instance("{label}"): whoever reads the repository would know them',
            )
        if calls and not hidden:
            self.fail(piece.line, f"the public check of {label} uses instance, which is secret")
        success = piece.options.get("success", "")
        return Check(label, code, points, failure, success, hidden, piece.line)

    def _parse(self, code: str, line: int) -> ast.Module:
        try:
            return ast.parse(code)
        except SyntaxError as failure:
            self.fail(line - 1 + (failure.lineno or 1), f"no valid Python: {failure.msg}")

    def _expect_current(
        self, piece: Piece, label: str, current: str, known: dict[str, Question]
    ) -> None:
        if label not in known:
            there = ", ".join(known) or "none so far"
            self.fail(piece.line, f"{{{piece.name}}} is for unknown question {label!r} ({there})")
        if label != current:
            self.fail(piece.line, f"{{{piece.name}}} {label} stands below question {current}")

    def _examine_code(self, piece: Piece) -> None:
        self._parse(piece.body, piece.body_line)
        inside = False
        for number, line in enumerate(piece.body.split("\n"), piece.body_line):
            if line.strip() == BEGIN and not inside:
                inside = True
            elif line.strip() == END and inside:
                inside = False
            elif re.search(r"#\s*(BEGIN|END)?\s*SOLUTION", line):
                self.fail(number, f"{line.strip()!r}: a solution is between {BEGIN!r} and {END!r}")
        if inside:
            self.fail(piece.line, f"{BEGIN!r} without {END!r}")

    def _examine(self, cells: list[Cell], questions: dict[str, Question]) -> None:
        if not questions:
            self.fail(1, "there is no {question}")
        for cell in cells:
            if cell.is_solution and not cell.question:
                self.fail(cell.line, "a solution outside of any question")
        for label, question in questions.items():
            own = [cell for cell in cells if cell.question == label]
            if not any(cell.is_solution for cell in own):
                self.fail(question.line, f"question {label} has no solution")
            if question.manual:
                continue
            if not question.checks:
                self.fail(question.line, f"question {label} has no check (and is not :manual:)")
            if not any(check.hidden for check in question.checks):
                self.fail(question.line, f"question {label} has no hidden check")
            total = sum(check.points for check in question.checks)
            if total != question.points:
                self.fail(
                    question.line,
                    f"question {label} has {question.points:g} points, its checks {total:g}",
                )

    def _title(self, cells: list[Cell]) -> str:
        first = cells[0].text.split("\n")[0] if cells and cells[0].kind == "text" else ""
        if not first.startswith("# ") or cells[0].question:
            self.fail(1, "an assignment begins with its title, '# ...', and what it is about")
        return first.removeprefix("# ").strip()


def _given_after_questions(
    cells: list[Cell], questions: dict[str, Question], checks: dict[str, list[Check]]
) -> list[Cell]:
    """Take from each question what stands behind its last check or answer: that is given."""
    last = {label: max((c.line for c in found), default=0) for label, found in checks.items()}
    for cell in cells:
        if cell.is_solution and cell.question:
            last[cell.question] = max(last[cell.question], cell.line)
    return [
        replace(cell, question="") if cell.question and cell.line > last[cell.question] else cell
        for cell in cells
    ]
