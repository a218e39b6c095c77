"""Which pages need torch, found in the code: theirs, and that of the experiments they call.

A page needs torch when a chain of calls leads from one of its cells to a network: the page uses a
function of an experiment, which uses another, which imports `torch` or something of
`fearless.networks` that is not `EASY`. Functions are followed one by one, for a module can hold
both: one experiment draws digits, the next trains on them. Solvers that *can* compute with torch
are not followed: they do so on request only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fearless.book.scan import code_cells

__all__ = ["CALL", "declares_torch", "torch_chain"]

#: What a page that needs torch calls in its first cell.
CALL = "require_torch()"
#: What `fearless.networks` offers to those who have no torch.
EASY = frozenset({"ReLUMemorizer", "TorchMissing", "require_torch", "step_decay"})
_FOLLOWED = ("fearless.experiments", "fearless.book.figures")

# A name that is used: the module it comes from, its name there, the attribute taken from it.
Use = tuple[str, str, str]


def declares_torch(page: Path) -> bool:
    """Tell whether the first cell of a page stops where torch is missing."""
    cells = code_cells(page)
    return bool(cells) and CALL in cells[0].source


def torch_chain(page: Path) -> list[str]:
    """Return how a page comes to torch, as dotted names; empty when it does not.

    Parameters
    ----------
    page : Path
        A MyST page.

    Returns
    -------
    list of str
        The first chain that is found, from what the page imports to what needs torch.
    """
    trees = [cell.tree() for cell in code_cells(page)]
    whole = ast.Module([node for tree in trees for node in tree.body], [])
    imported = _imports(whole)
    # An import that nothing uses fails all the same.
    alone = [(*of, "") for of in imported.values() if not of[0].startswith(_FOLLOWED)]
    return _first([*alone, *_uses(whole, imported)], frozenset())


def _first(uses: Iterable[Use], seen: frozenset[tuple[str, str]]) -> list[str]:
    return next((chain for use in uses if (chain := _chain(use, seen))), [])


def _chain(use: Use, seen: frozenset[tuple[str, str]]) -> list[str]:
    module, name, attribute = use
    if module.split(".")[0] == "torch":
        return ["torch"]
    if module.split(".")[:2] == ["fearless", "networks"]:
        return [] if name in EASY else [f"{module}.{name}" if name else module]
    if not module.startswith(_FOLLOWED):
        return []
    if name and name not in _parts(module) and find_spec(f"{module}.{name}"):
        module, name = f"{module}.{name}", attribute  # a module that was imported as a name
    if (module, name) in seen:
        return []
    seen |= {(module, name)}
    # Of a module that is called or handed on as a whole, anything may be used.
    names = [name] if name else list(_parts(module))
    found = _first((use for name in names for use in _parts(module).get(name, ())), seen)
    return [f"{module}.{name}" if name else module, *found] if found else []


@cache
def _parts(module: str) -> dict[str, list[Use]]:
    """Return what every top-level name of a module uses."""
    spec = find_spec(module)
    if spec is None or not spec.origin:
        return {}
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf8"))
    imported = _imports(ast.Module([node for node in tree.body if not _is_typing(node)], []))
    known = {name: (module, name) for node in tree.body for name in _defined(node)} | imported
    parts: dict[str, list[Use]] = {name: [(*of, "")] for name, of in imported.items()}
    for node in tree.body:
        for name in _defined(node):
            parts[name] = [use for use in _uses(node, known) if use[:2] != (module, name)]
    return parts


def _is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _defined(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imports(tree: ast.AST) -> dict[str, tuple[str, str]]:
    """Return what the imports of a tree bind: local name to module and name in it."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.split(".")[0]
                bound[alias.asname or full] = (full, "")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            for alias in node.names:
                bound[alias.asname or alias.name] = (node.module, alias.name)
    return bound


def _uses(node: ast.AST, known: Mapping[str, tuple[str, str]]) -> Iterator[Use]:
    """Yield what a piece of code uses, by names that are known or that it imports itself."""
    known = {**known, **_imports(node)}
    taken = set()
    for child in ast.walk(node):
        if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name):
            taken.add(id(child.value))
            if child.value.id in known:
                yield (*known[child.value.id], child.attr)
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and child.id in known and id(child) not in taken:
            yield (*known[child.id], "")
