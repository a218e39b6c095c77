"""What comes of grading: the table of marks, and for each student a page that says why.

A student learns which checks failed and what to look at. Of a public check also the message is
shown; of a hidden one neither message nor code nor numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fearless.book.course.grading.one import Result

__all__ = ["feedback", "write_table"]


def write_table(path: Path, sheet: Mapping[str, Any], rows: Sequence[tuple[str, Result]]) -> None:
    """Write the table of marks: student, points per question, total, remarks.

    Parameters
    ----------
    path : Path
        The file, in CSV.
    sheet : mapping
        What is known of the assignment.
    rows : sequence of (str, Result)
        The students, in order. Questions that a human marks have a column that is left empty.
    """
    questions = sheet["questions"]
    heads = [f"{q['label']} (by hand)" if q["manual"] else q["label"] for q in questions]
    possible = sum(q["points"] for q in questions if not q["manual"])
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", *heads, "total", "of", "remarks"])
        for student, result in rows:
            points = ["" if q["manual"] else f"{result.points[q['label']]:g}" for q in questions]
            total = f"{sum(result.points.values()):g}"
            remarks = "; ".join(result.remarks)
            writer.writerow([_text(student), *points, total, f"{possible:g}", _text(remarks)])
    partial.replace(path)  # a table that is being read is never half a table


def _text(text: str) -> str:
    # A spreadsheet takes these for the beginning of a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def feedback(sheet: Mapping[str, Any], student: str, result: Result) -> str:
    """Return the page for one student, in Markdown.

    Parameters
    ----------
    sheet : mapping
        What is known of the assignment.
    student : str
        Who handed it in.
    result : Result
        What came of it.
    """
    marked = [q for q in sheet["questions"] if not q["manual"]]
    possible = sum(q["points"] for q in marked)
    total = sum(result.points.values())
    lines = [f"# {sheet['title']}", "", f"{student}: **{total:g} of {possible:g} points**", ""]
    if any(q["manual"] for q in sheet["questions"]):
        lines += ["Questions that are marked by hand are not in this sum.", ""]
    if result.remarks:
        lines += ["Seen while your notebook ran, from the first cell to the last:", ""]
        lines += [*(f"- {_plain(remark)}" for remark in result.remarks), ""]
    for question in marked:
        label = question["label"]
        earned = f"{result.points[label]:g} of {question['points']:g} points"
        lines += [f"## {label}: {question['title']} ({earned})", ""]
        lines += _checks(result.checks.get(label, []))
    return "\n".join(lines).rstrip() + "\n"


def _checks(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    if not checks:
        return ["No check was made.", ""]
    lines = []
    for number, check in enumerate(checks, 1):
        kind = "hidden check" if check["hidden"] else "public check"
        worth = f"{check['points']:g} point{'' if check['points'] == 1 else 's'}"
        if check["passed"]:
            praise = f" {check['praise']}" if check["praise"] else ""
            lines.append(f"- Check {number} ({kind}, {worth}): passed.{praise}")
            continue
        lines.append(f"- Check {number} ({kind}, {worth}): **failed.** Look at: {check['hint']}")
        # CheckTookTooLong says nothing of the numbers, and much to the student.
        if check["message"] and (not check["hidden"] or "CheckTookTooLong" in check["message"]):
            lines.append(f"  It said: `{_plain(check['message'])}`")
    return [*lines, ""]


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ").replace("<", "&lt;")
