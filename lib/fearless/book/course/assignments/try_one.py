"""Try an assignment while it is written, by the marks that its notebooks would get.

Prints what the reference solution, the blank notebook and every wrong solution earn, for several
secrets, and fails when that is not what they deserve. Needs no otter-grader.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fearless.book.course.assignments.model import Assignment
from fearless.book.course.assignments.notebook import plain_cells, points
from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.assignments.rehearsal import Marks, read_wrong, rehearse, with_wrong
from fearless.book.course.assignments.source import read_assignment

__all__ = ["deserved", "main", "marks_of", "trials"]

#: The longest a notebook of an assignment may take with its checks, in seconds, on two cores.
BUDGET = 120


def trials(assignment: Assignment) -> dict[str, Mapping[str, float]]:
    """Return what is tried, by name, and the points each deserves: a question's by its label."""
    full = {q.label: float(q.points) for q in assignment.questions.values() if not q.manual}
    wrong = {f"wrong/{wrong.path.name}": wrong.points for wrong in read_wrong(assignment)}
    return {"reference": full, "blank": dict.fromkeys(full, 0.0), **wrong}


def marks_of(path: Path, trial: str, secrets: Sequence[str]) -> list[Marks]:
    """Run one trial of the assignment in `path`, in this process."""
    assignment = read_assignment(path)
    if trial in ("reference", "blank"):
        cells = plain_cells(assignment, solutions=trial == "reference")
    else:
        wrong = next(w for w in read_wrong(assignment) if f"wrong/{w.path.name}" == trial)
        cells = with_wrong(assignment, wrong)
    return rehearse(assignment, cells, secrets)


def deserved(marks: Marks, expected: Mapping[str, float]) -> bool:
    """Return whether a notebook earned what it deserves, question by question."""
    return marks.points == dict(expected)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.course.assignments.try_one",
        description="Print the marks of the reference, the blank and the wrong solutions.",
    )
    parser.add_argument("folder", type=Path, help="for example assignments/3-double-descent")
    parser.add_argument("--secrets", type=int, default=3, help="how many secrets (default 3)")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks side by side (default 1)")
    parser.add_argument("--only", help="part of the name of what is tried, such as 'blank'")
    options = parser.parse_args(arguments)
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        assignment = read_assignment(options.folder)
        expected = trials(assignment)
    except AssignmentError as failure:
        print(failure, file=sys.stderr)
        return 1
    minutes = sum(question.minutes for question in assignment.questions.values())
    print(
        f"{assignment.name}: {assignment.title}. {len(assignment.questions)} questions, "
        f"{points(assignment.points)}, {minutes} minutes; {options.secrets} secrets"
    )
    secrets = [f"secret {k}" for k in range(1, options.secrets + 1)]
    chosen = [name for name in expected if not options.only or options.only in name]
    context = multiprocessing.get_context("spawn")
    good = True
    with ProcessPoolExecutor(options.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        runs = {name: pool.submit(marks_of, options.folder, name, secrets) for name in chosen}
        for name, run in runs.items():
            good &= _report(name, run.result(), expected[name])
    if len(expected) != 5 and not options.only:
        print(
            f"NOT YET: there are {len(expected) - 2} wrong solutions in wrong/, three are expected"
        )
        good = False
    print("ALL AS DESERVED" if good else "NOT AS DESERVED, see above")
    return 0 if good else 1


def _report(name: str, all_marks: list[Marks], expected: Mapping[str, float]) -> bool:
    good = all(deserved(marks, expected) for marks in all_marks)
    first = all_marks[0]
    slow = first.seconds > BUDGET
    print(f"{'ok ' if good and not slow else 'NO '} {name}  ({first.seconds:.1f} s)")
    for line, message in first.errors if name == "reference" or not good else []:
        print(f"      cell at line {line}: {message}")
        good = good and name != "reference"
    for marks in all_marks:
        earned = ", ".join(f"{label}={number:g}" for label, number in marks.points.items())
        print(f"      {marks.secret}: {earned}; total {marks.total:g}")
        if not deserved(marks, expected):
            wanted = ", ".join(f"{label}={number:g}" for label, number in expected.items())
            print(f"      deserves: {wanted}")
    shown = set()
    for label, hidden, message in all_marks[0].failed if name != "blank" else []:
        if (label, hidden, message) not in shown:
            print(f"      {label} {'hidden' if hidden else 'public'}: {message}")
            shown.add((label, hidden, message))
    if slow:
        print(f"      takes longer than {BUDGET} s")
    return good and not slow


if __name__ == "__main__":
    raise SystemExit(main())
