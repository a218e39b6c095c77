"""What a human has to mark: for each such question one notebook with everybody's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.notebook import PROMPT

__all__ = ["answer_cells", "write_by_hand"]

# An output larger than this, in characters, is left out: a figure has some ten thousand.
_LARGEST = 2 * 10**6


def answer_cells(cells: Sequence[Mapping[str, Any]], label: str) -> list[dict[str, Any]]:
    """Return the cells with the answer to a question, and what the student put between them.

    Parameters
    ----------
    cells : sequence of mapping
        The cells of a notebook, in order.
    label : str
        The question.

    Returns
    -------
    list of dict
        From the first answer cell on, up to the next cell that came with the assignment.
    """
    found: list[dict[str, Any]] = []
    for cell in cells:
        metadata = cell.get("metadata", {})
        own = metadata.get("fearless", {}).get("question")
        if not found and own != label:
            continue
        given = metadata.get("editable") is False or "<!-- END QUESTION" in cell["source"]
        if own not in (None, label) or (own is None and given):
            break
        kept: dict[str, Any] = {"cell_type": cell["cell_type"], "source": cell["source"]}
        if cell["cell_type"] == "code":
            outputs = [dict(output) for output in cell.get("outputs", [])]
            kept["outputs"] = [o for o in outputs if len(json.dumps(o)) <= _LARGEST]
        found.append(kept)
    return found


def write_by_hand(
    folder: Path, sheet: Mapping[str, Any], answers: Mapping[str, Mapping[str, Sequence[Any]]]
) -> None:
    """Write a notebook for each question that a human marks.

    Parameters
    ----------
    folder : Path
        Where to write ``q5.ipynb`` and the like.
    sheet : mapping
        What is known of the assignment.
    answers : mapping
        For each student, the cells by the label of the question.
    """
    from nbformat import NO_CONVERT, from_dict, v4, write

    for question in (q for q in sheet["questions"] if q["manual"]):
        label = question["label"]
        head = (
            f"# {label}: {question['title']} ({question['points']:g} points)\n\n"
            "Model answers are in `solution.ipynb`. Below are all students' answers, with what "
            "their cells showed when they were run for grading."
        )
        cells = [v4.new_markdown_cell(head)]
        for student, found in answers.items():
            own = found.get(label, [])
            nothing = not any(c["source"].strip() not in ("", "...", PROMPT) for c in own)
            cells.append(v4.new_markdown_cell(f"## {student}{' (nothing)' * nothing}"))
            for cell in [] if nothing else own:
                new = v4.new_code_cell if cell["cell_type"] == "code" else v4.new_markdown_cell
                made = new(cell["source"])
                if "outputs" in cell:
                    made["outputs"] = [from_dict(output) for output in cell["outputs"]]
                cells.append(made)
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        write(v4.new_notebook(cells=cells), folder / f"{label}.ipynb", NO_CONVERT)
