"""What the code of a page uses of the library, found by reading it, without running anything.

`names_in` gives the places of names in one cell after another, so that they can become links.
`shown_by` follows results from the call of an experiment to the figure they end in. `calls` does
the same reading for the modules of the library, to see which functions an experiment calls.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from fearless.book.scan import CodeCell
from fearless.book.sphinx.reference.library import catalog

__all__ = ["Name", "calls", "names_in", "reached", "shown_by", "stored_runs"]

_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Name:
    """A name in a cell that means something public of the library.

    Attributes
    ----------
    line, column : int
        Where it is in the cell, both counted from zero, the column in characters.
    text : str
        As it is written there, without what it is an attribute of.
    target : str
        The name of its entry in the reference.
    """

    line: int
    column: int
    text: str
    target: str


def names_in(cells: Iterable[CodeCell]) -> list[list[Name]]:
    """Find the names of the library in each cell; what one cell imports, the next ones know."""
    known: dict[str, str] = {}
    result = []
    for cell in cells:
        try:
            tree = cell.tree()
        except SyntaxError:  # a page may show code that fails
            result.append([])
            continue
        lines = cell.source.splitlines()
        found = {}
        for line, column, text, dotted in _dotted_names(tree, known):
            target = catalog().find(dotted)
            if target is not None:
                # Python counts bytes.
                begin = len(lines[line - 1].encode()[:column].decode())
                found[line, begin] = Name(line - 1, begin, text, target)
        result.append([found[place] for place in sorted(found)])
    return result


def shown_by(cells: Iterable[CodeCell], wanted: Iterable[str]) -> dict[str, list[str]]:
    """Tell from which of the wanted functions each named figure gets what it shows.

    Variables carry the functions that their value was computed with, from statement to statement.

    Returns
    -------
    dict of str to list of str
        From the name of the figure to names of entries.
    """
    wanted = frozenset(wanted)
    known: dict[str, str] = {}
    carried: dict[str, frozenset[str]] = {}
    figures: dict[str, list[str]] = {}
    for cell in cells:
        try:
            body = cell.tree().body
        except SyntaxError:
            continue
        last: frozenset[str] = frozenset()
        for statement in body:
            targets = {catalog().find(d) for *_, d in _dotted_names(statement, known)}
            names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
            loaded = [n.id for n in names if isinstance(n.ctx, ast.Load)]
            last = frozenset(t for t in {*targets, *_stored(statement)} if t in wanted)
            last |= frozenset().union(*(carried.get(name, frozenset()) for name in loaded))
            stored = {n.id for n in names if not isinstance(n.ctx, ast.Load)}
            if isinstance(statement, _BLOCKS):
                stored = {statement.name}
            elif isinstance(statement, ast.For | ast.With | ast.Expr):
                # ``results.append(run(...))``: the result is carried by what it is put into.
                stored |= {n for n in loaded if n in carried}
            for name in stored:
                carried[name] = last | (
                    carried.get(name, frozenset())
                    if isinstance(statement, ast.Expr | ast.For)
                    else frozenset()
                )
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        if name and last:
            figures[name] = sorted(last)
    return figures


def stored_runs(cell: CodeCell) -> list[str]:
    """Return the scripts whose stored results a cell reads: ``load_run("trees_mnist")``."""
    try:
        return sorted(_stored(cell.tree()))
    except SyntaxError:
        return []


def _stored(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            if getattr(node.func, "id", getattr(node.func, "attr", "")) == "load_run":
                found.add(f"fearless.experiments.stored.{node.args[0].value}.run")
    return found & catalog().entries.keys()


def _dotted_names(tree: ast.AST, known: dict[str, str]) -> Iterator[tuple[int, int, str, str]]:
    """Yield line, column in bytes, text and full dotted name; ``known`` is kept up to date."""
    for node in _in_order(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fearless"):
            yield node.lineno, node.col_offset + len("from "), node.module, node.module
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                known[alias.asname or alias.name] = dotted
                yield alias.lineno, alias.col_offset, alias.name, dotted
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                known.pop(name, None)
                if alias.name.partition(".")[0] == "fearless" and isinstance(node, ast.Import):
                    known[name] = alias.name if alias.asname else "fearless"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in known:
                yield node.lineno, node.col_offset, node.id, known[node.id]
        elif isinstance(node, ast.Name):
            known.pop(node.id, None)
        elif isinstance(node, ast.Attribute) and (dotted := _dotted(node, known)):
            # The attribute ends where the expression ends.
            column = node.end_col_offset - len(node.attr.encode())
            yield node.end_lineno, column, node.attr, dotted


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree so that what an assignment reads comes before the names it stores."""
    for child in sorted(ast.iter_child_nodes(tree), key=_is_target):
        yield from _in_order(child)
    yield tree


def _is_target(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store)


def _dotted(node: ast.expr, known: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, known)
        return base and f"{base}.{node.attr}"
    return None


@lru_cache(maxsize=1)
def calls() -> dict[str, frozenset[str]]:
    """Return, for every public function and class, the public names its source mentions.

    Names of entries throughout. Private helpers of the same module count as part of whoever calls
    them, so that an experiment that delegates to one still shows what it runs.
    """
    graph: dict[str, frozenset[str]] = {}
    for module_name in sorted({entry.module for entry in catalog().entries.values()}):
        module = importlib.import_module(module_name)
        try:
            tree = ast.parse(inspect.getsource(module))
        except OSError:
            continue
        mentioned = {n.name: _mentioned(n, module) for n in tree.body if isinstance(n, _BLOCKS)}
        for name in mentioned:
            known = catalog().aliases.get(f"{module_name}.{name}")
            if known is not None:
                names = reached([name], mentioned) | mentioned[name]
                found = {_entry_of(module, other) for other in names}
                graph[known] = frozenset(found - {None, known})
    return graph


def _mentioned(block: ast.AST, module: types.ModuleType) -> frozenset[str]:
    """Return the names, plain or dotted, in a block that are known at the module's top level."""
    found = set()
    for node in ast.walk(block):
        if isinstance(node, ast.Name) and hasattr(module, node.id):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if isinstance(getattr(module, node.value.id, None), types.ModuleType):
                found.add(f"{node.value.id}.{node.attr}")
    return frozenset(found)


def _entry_of(module: types.ModuleType, dotted: str) -> str | None:
    obj = module
    for part in dotted.split("."):
        obj = getattr(obj, part, None)
    home, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    return catalog().aliases.get(f"{home}.{name}") if home and name else None


def reached(start: Iterable[str], graph: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return everything that can be reached in a graph of names, the start left out."""
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        for name in graph.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return frozenset(seen)
