"""The notebooks of an assignment: with solutions, without, and the one that otter-grader reads.

otter-grader makes the student's notebook, the solution and the autograder from a notebook with
marks in raw cells; `otter_notebook` writes it. `plain_cells` gives the cells of the solution or of
the blank notebook without otter-grader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fearless.book.course.assignments.checking import check_function
from fearless.book.course.assignments.model import Assignment, Cell, Question, blank, solved
from fearless.book.sphinx.running.tex_macros import Macro, expand

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["PROMPT", "check_functions", "markdown", "otter_notebook", "plain_cells"]

#: What students get in the place of a model answer.
PROMPT = "_Type your answer here, replacing this text._"

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Display first, so that "$$" is not taken for an empty formula; code is left alone.
_FORMULA = re.compile(
    r"```.*?```|`[^`\n]+`|\$\$.+?\$\$|(?<!\\)\$(?:[^$\n]|\n(?!\s*\n))+?(?<!\\)\$", re.DOTALL
)

_SET_UP = """\
# Makes the checks ready; they are in the folder `tests` beside this notebook.
import otter

grader = otter.Notebook()"""
_LAST = """\
## Before you hand in

Restart the kernel and run all cells, from the first to the last: your work is marked that way. The
cell below makes all public checks once more. Save the notebook, and hand in this one file."""


def markdown(text: str, macros: Mapping[str, Macro]) -> str:
    """Return Markdown in which formulas use none of the book's own macros."""

    def plain(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith("`") else expand(match[0], macros)

    return _FORMULA.sub(plain, text)


def heading(assignment: Assignment, question: Question) -> str:
    """Return the head of a question: its number, title, points and minutes."""
    number = list(assignment.questions).index(question.label) + 1
    how = f"about {question.minutes} minutes{', marked by hand' * question.manual}"
    return (
        f"## Question {number}: {question.title}\n\n"
        f"*`{question.label}`, {points(question.points)}, {how}*"
    )


def points(number: float) -> str:
    """Return a number of points in words: "1 point", "2.5 points"."""
    return f"{number:g} point{'' if number == 1 else 's'}"


def overview(assignment: Assignment) -> str:
    """Return what a student wants to know first: objectives, hours, points, how it is marked."""
    rows = [
        f"| {number} | {question.title} | {question.points:g} | {question.minutes} | "
        f"{'by hand' if question.manual else 'by checks'} |"
        for number, question in enumerate(assignment.questions.values(), 1)
    ]
    return "\n".join(
        [
            f"**About {assignment.hours:g} hours, {points(assignment.points)}.** You will",
            "",
            *(f"- {objective}" for objective in assignment.objectives),
            "",
            "| question | | points | minutes | marked |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "Put your work in the place of each `...`; you may add cells. Below each question "
            "stands `grader.check(...)`, which makes the public checks and says what to look at "
            "when one fails. Further checks, with other numbers, are made when the assignment is "
            "marked: what is right in general passes them.",
        ]
    )


def check_functions(assignment: Assignment, key: str) -> dict[str, list[tuple[str, int]]]:
    """Return, for each question, the functions that check it: their source, and which check."""
    return {
        label: [
            (check_function(check.code, f"{label}_{k}", key if check.hidden else ""), k)
            for k, check in enumerate(question.checks)
        ]
        for label, question in assignment.questions.items()
    }


def otter_notebook(
    assignment: Assignment, key: str, macros: Mapping[str, Macro], requirements: list[str]
) -> NotebookNode:
    """Return the notebook that ``otter assign`` takes.

    Parameters
    ----------
    assignment : Assignment
        Its source.
    key : str
        What the instances of hidden checks are drawn from.
    macros : mapping
        The book's own TeX macros; formulas in notebooks are written without them.
    requirements : list of str
        What a grading service has to install, as in a ``requirements.txt``.
    """
    from nbformat import v4

    settings: dict[str, Any] = {
        "name": assignment.name,
        "init_cell": False,
        "check_all_cell": False,
        "export_cell": False,
        "generate": True,
        "requirements": requirements,
        "python_version": "3.11",
        "tests": {"files": True, "ok_format": False},
    }
    cells = [_raw("# ASSIGNMENT CONFIG", settings)]
    functions = check_functions(assignment, key)
    for k, cell in enumerate(assignment.cells):
        starts = cell.question and assignment.questions[cell.question].line == cell.line
        if starts:
            question = assignment.questions[cell.question]
            settings = {"name": question.label, "manual": question.manual}
            if question.manual:
                settings["points"] = question.points
            cells.append(_raw("# BEGIN QUESTION", settings))
            text = f"{heading(assignment, question)}\n\n{question.text}"
            cells.append(v4.new_markdown_cell(markdown(text, macros)))
        elif cell.kind == "text":
            cells.append(v4.new_markdown_cell(markdown(cell.text, macros)))
        else:
            new = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
            text = cell.text if cell.kind == "code" else markdown(cell.text, macros)
            metadata = {"fearless": {"question": cell.question}} if cell.question else {}
            cells += _marked(cell, new(text, metadata=metadata), metadata)
        if k == 0:
            cells.append(v4.new_markdown_cell(markdown(overview(assignment), macros)))
            cells.append(v4.new_code_cell(_SET_UP))
        following = assignment.cells[k + 1].question if k + 1 < len(assignment.cells) else ""
        if cell.question and (following != cell.question):
            cells += _tests(assignment.questions[cell.question], functions[cell.question])
            cells.append(v4.new_raw_cell("# END QUESTION"))
    cells.append(v4.new_markdown_cell(_LAST))
    cells.append(v4.new_code_cell("grader.check_all()"))
    return v4.new_notebook(cells=cells, metadata={"kernelspec": dict(KERNEL)})


def _marked(cell: Cell, made: NotebookNode, metadata: dict[str, Any]) -> list[NotebookNode]:
    """Put otter-grader's marks around what students must not see."""
    from nbformat import v4

    if not cell.is_solution:
        return [made]
    prompt = []
    if cell.kind == "answer":
        prompt = [
            v4.new_raw_cell("# BEGIN PROMPT"),
            v4.new_markdown_cell(PROMPT, metadata=metadata),
            v4.new_raw_cell("# END PROMPT"),
        ]
    begin, end = v4.new_raw_cell("# BEGIN SOLUTION"), v4.new_raw_cell("# END SOLUTION")
    return [*prompt, begin, made, end]


def _tests(question: Question, functions: list[tuple[str, int]]) -> list[NotebookNode]:
    from nbformat import v4

    if not functions:
        return []
    cells = [v4.new_raw_cell("# BEGIN TESTS")]
    for source, k in functions:
        check = question.checks[k]
        settings = {
            "points": check.points,
            "hidden": check.hidden,
            "failure_message": _quoted(check.failure),
        }
        if check.success:
            settings["success_message"] = _quoted(check.success)
        head = f'""" # BEGIN TEST CONFIG\n{_yaml(settings)}""" # END TEST CONFIG\n'
        cells.append(v4.new_code_cell(head + source))
    return [*cells, v4.new_raw_cell("# END TESTS")]


def _quoted(text: str) -> str:
    # otter-grader writes messages between double quotes as they are.
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _raw(mark: str, settings: Mapping[str, Any]) -> NotebookNode:
    from nbformat import v4

    return v4.new_raw_cell(f"{mark}\n{_yaml(settings)}")


def _yaml(settings: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=10**6)


def plain_cells(assignment: Assignment, *, solutions: bool) -> list[Cell]:
    """Return the code cells of an assignment, each with its solution or with ``...`` for it."""
    from dataclasses import replace

    change = solved if solutions else blank
    return [
        replace(cell, text=change(cell.text)) for cell in assignment.cells if cell.kind == "code"
    ]
