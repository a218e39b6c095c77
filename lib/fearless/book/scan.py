"""Where claims and figures occur in the sources, found by reading them, without running anything.

The tests join statement, page and test with it (DESIGN: an id on no page, in no test, or twice on
pages is an error), and the ledger of claims links to the tests.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CodeCell", "claims_in_tests", "claims_on_pages", "code_cells", "figure_errors"]

#: An alternative text shorter than this is a label, not a finding.
MIN_ALT = 40

_CHECKS = ("claim", "check_claim")
# What a cell can end with to show a figure; a variable is taken for one by its name.
_FIGURE_NAMES = ("fig", "figure")


@dataclass(frozen=True)
class CodeCell:
    """One code cell of a page: the file, the number among its code cells, source, metadata."""

    path: Path
    number: int
    source: str
    metadata: Mapping[str, Any]

    def tree(self) -> ast.Module:
        """Return the syntax tree; lines with IPython magics count as blank."""
        lines = [
            "" if line.lstrip().startswith(("%", "!")) else line
            for line in self.source.splitlines()
        ]
        return ast.parse("\n".join(lines), filename=str(self.path))


def code_cells(path: Path) -> list[CodeCell]:
    """Return the code cells of a MyST page; none when the page is not a notebook."""
    import jupytext

    text = path.read_text(encoding="utf8")
    if "{code-cell}" not in text:
        return []
    notebook = jupytext.reads(text, fmt="md:myst")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [CodeCell(path, i, cell.source, cell.metadata) for i, cell in enumerate(cells, start=1)]


def claims_on_pages(chapters: Path) -> dict[str, list[str]]:
    """Return, for each claim id, the pages whose code checks it (once per call).

    Pages are named as in ``ledger/``: below `chapters`, without suffix.
    """
    found = defaultdict(list)
    for path in sorted(chapters.rglob("*.md")):
        page = path.relative_to(chapters).with_suffix("").as_posix()
        for cell in code_cells(path):
            for id in _claim_ids(cell.tree()):
                found[id].append(page)
    return dict(found)


def claims_in_tests(tests: Path) -> dict[str, list[Path]]:
    """Return, for each claim id, the test files that check it, relative to the parent of `tests`.

    Files below ``tests/book``, which test the machinery with claims of their own, do not count.
    """
    found = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        relative = path.relative_to(tests.parent)
        if relative.parts[1] == "book":
            continue
        tree = ast.parse(path.read_text(encoding="utf8"), filename=str(path))
        for id in dict.fromkeys(_claim_ids(tree)):
            found[id].append(relative)
    return dict(found)


def figure_errors(cell: CodeCell) -> list[str]:
    """Return what is wrong with the figure of a cell; nothing when it shows none.

    A figure needs a name (to refer to), a caption, and an alternative text of at least `MIN_ALT`
    characters that says what is seen.
    """
    settings = cell.metadata.get("mystnb", {})
    if not shows_figure(cell) and not settings.keys() & {"figure", "image"}:
        return []
    figure, image = settings.get("figure") or {}, settings.get("image") or {}
    errors = [
        f"has no {key} (mystnb: figure: {key})"
        for key in ("name", "caption")
        if not figure.get(key)
    ]
    alt = str(image.get("alt") or "")
    if len(alt) < MIN_ALT:
        errors.append(
            f"has an alt text of {len(alt)} characters (mystnb: image: alt), {alt!r}; "
            f"say in {MIN_ALT} or more what the figure shows"
        )
    return errors


def shows_figure(cell: CodeCell) -> bool:
    """Return whether a cell ends with a figure: ``fig``, ``figures.f(...)``, ``slider(...)``."""
    body = cell.tree().body
    if not body or not isinstance(body[-1], ast.Expr):
        return False
    # A semicolon, as in Jupyter, keeps the value from being shown.
    if cell.source.rstrip().endswith(";"):
        return False
    last = body[-1].value
    if isinstance(last, ast.Name):
        return last.id in _FIGURE_NAMES or last.id.startswith("fig_")
    if not isinstance(last, ast.Call):
        return False
    path = _dotted(last.func)
    return path[-1:] == ["slider"] or "figures" in path[:-1] or path == ["plt", "show"]


def _claim_ids(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not {*_dotted(node.func)[-1:]}.isdisjoint(_CHECKS):
            first: Iterable[ast.expr] = node.args[:1] or [
                keyword.value for keyword in node.keywords if keyword.arg == "id"
            ]
            for argument in first:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else []
