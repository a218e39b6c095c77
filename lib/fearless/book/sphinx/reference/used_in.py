"""Links both ways between the pages and the reference of the library.

Each entry of the reference ends with the pages whose code uses it: directly, with a link to the
section of the first use, or through the experiments that they call. Each page with code ends with
what it uses. All of it is read from the code cells (`fearless.book.sphinx.reference.uses`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from fearless.book.scan import CodeCell, code_cells
from fearless.book.sphinx.reference.library import catalog
from fearless.book.sphinx.reference.uses import (
    Name,
    calls,
    names_in,
    reached,
    shown_by,
    stored_runs,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["PageUses", "entry_link", "is_experiment", "page_uses", "reading_order", "said", "setup"]

EXPERIMENTS = "fearless.experiments."
# What every page imports to show anything at all says nothing about the page.
_PRESENTATION = "fearless.book."


class used_in_node(nodes.General, nodes.Element):
    """Where the pages that use an entry go once all pages have been read."""


class UsedIn(SphinxDirective):
    """``used-in``: what the directive ``api`` puts below each entry of the reference."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        _readers(self.env).add(self.env.docname)
        return [used_in_node(entry=self.arguments[0])]


class PageUses:
    """What one page uses; it is kept in the environment, hence made of plain values.

    Attributes
    ----------
    names : dict of str to list of Name
        By the source of each cell, visible or not.
    sections : dict of str to str
        From each entry used to the id of the section with its first visible use; empty without one.
    figures : dict of str to list of str
        From each figure to the experiments it shows.
    """

    def __init__(
        self,
        names: dict[str, list[Name]],
        sections: dict[str, str],
        figures: dict[str, list[str]],
    ) -> None:
        self.names, self.sections, self.figures = names, sections, figures


def is_experiment(name: str) -> bool:
    """Tell whether an entry is a function that runs something, not a tool of those that do."""
    entry = catalog().entries[name]
    of_part = entry.module.count(".") > 2 and entry.module.startswith(EXPERIMENTS)
    return of_part and entry.kind == "function"


def page_uses(env: Any) -> dict[str, PageUses]:
    """Return what was found on each page so far."""
    if not hasattr(env, "fearless_uses"):
        env.fearless_uses = {}
    return env.fearless_uses


def reading_order(env: BuildEnvironment, page: str = "") -> Iterator[str]:
    """Yield the pages in the order of the book."""
    page = page or env.config.root_doc
    yield page
    for below in env.toctree_includes.get(page, ()):
        yield from reading_order(env, below)


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    path = Path(app.env.doc2path(app.env.docname))
    cells = code_cells(path) if path.suffix == ".md" else []
    blocks = {_key(b.astext()): b for b in doctree.findall(nodes.literal_block) if _is_code(b)}
    sources = {_key(cell.source) for cell in cells}
    # Python shown on a page that is no notebook.
    cells += [
        CodeCell(path, 0, block.astext(), {}) for key, block in blocks.items() if key not in sources
    ]
    if not cells:
        return
    found = names_in(cells)
    if not any(found):
        return
    sections: dict[str, str] = {}
    for cell, names in zip(cells, found, strict=True):
        block = blocks.get(_key(cell.source))
        for name in names:
            entry = _entry(name.target)
            if entry is not None and not sections.get(entry):
                sections[entry] = _section_id(block)
        for entry in stored_runs(cell):
            sections.setdefault(entry, _section_id(block))
    wanted = [name for name in catalog().entries if is_experiment(name)]
    names = {_key(cell.source): list(f) for cell, f in zip(cells, found, strict=True)}
    page_uses(app.env)[app.env.docname] = PageUses(names, sections, shown_by(cells, wanted))


def _is_code(block: nodes.literal_block) -> bool:
    language = block.get("language", "")
    return language in ("python", "python3", "ipython3", "ipython") and not any(
        "cell_output" in parent.get("classes", ()) for parent in _parents(block)
    )


def _key(source: str) -> str:
    return source.strip("\n")


def _parents(node: nodes.Node) -> Iterator[nodes.Element]:
    while node.parent is not None:
        node = node.parent
        yield node


def _section_id(block: nodes.Node | None) -> str:
    for parent in _parents(block) if block is not None else ():
        # sphinx-exercise wraps what is in a solution in a section, whose name no page has.
        if isinstance(parent, nodes.section) and parent["ids"] not in ([], ["solution-content"]):
            return parent["ids"][0]
    return ""


def _entry(target: str) -> str | None:
    """Return the entry that a method belongs to, or the name itself."""
    while target and target not in catalog().entries:
        target = target.rpartition(".")[0]
    return target or None


def _through(uses: PageUses) -> set[str]:
    """Return what a page uses only through the experiments that its code calls."""
    graph = calls()
    called = {name for name in uses.sections if name.startswith(EXPERIMENTS)}
    inner = {k: frozenset(n for n in v if n.startswith(EXPERIMENTS)) for k, v in graph.items()}
    called |= reached(called, inner)
    return set().union(*(graph.get(name, ()) for name in called)) - uses.sections.keys()


def _summarize(env: BuildEnvironment) -> dict[str, tuple[list[str], list[str]]]:
    """Return, for each entry, the pages that use it directly and those that do through others."""
    result: dict[str, tuple[list[str], list[str]]] = {}
    uses = page_uses(env)
    for docname in reading_order(env):
        if docname in uses:
            for name in uses[docname].sections:
                result.setdefault(name, ([], []))[0].append(docname)
            for name in _through(uses[docname]):
                result.setdefault(name, ([], []))[1].append(docname)
    return result


def _outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the reference again when the code of pages has changed."""
    state = {name: list(uses.sections.items()) for name, uses in sorted(page_uses(env).items())}
    env.fearless_used_in = _summarize(env)
    if getattr(env, "fearless_uses_state", None) == state:
        return []
    env.fearless_uses_state = state
    return sorted(_readers(env))


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(used_in_node)):
        place.replace_self(_used_in(app, docname, place["entry"]))
    uses = page_uses(app.env).get(docname)
    if uses is not None and (line := _library_line(app, docname, uses)):
        # After the last section, at the end of the whole page.
        (doctree[0] if isinstance(doctree[0], nodes.section) else doctree).append(line)


def _used_in(app: Sphinx, docname: str, name: str) -> list[nodes.Node]:
    direct, through = app.env.fearless_used_in.get(name, ([], []))
    uses = page_uses(app.env)
    line = nodes.paragraph(classes=["used-in"])
    if direct:
        links = [_page_link(app, docname, p, uses[p].sections[name]) for p in direct]
        line += _listed("Used in", links)
    if through:
        links = [_page_link(app, docname, page) for page in through]
        line += _listed("and through experiments in" if direct else "Used by experiments in", links)
    if not direct and not through:
        callers = sorted(caller for caller, names in calls().items() if name in names)
        links = [link for c in callers if (link := entry_link(app, docname, c))]
        line += _listed("Used by", links[:6]) if links else []
    return [line] if len(line) else []


def _library_line(app: Sphinx, docname: str, uses: PageUses) -> nodes.paragraph | None:
    names = [n for n in uses.sections if not n.startswith(_PRESENTATION)]
    parts: list[nodes.Node] = []
    for label, chosen in (
        ("Library used here", [n for n in names if not n.startswith(EXPERIMENTS)]),
        ("Experiments run here", [n for n in names if n.startswith(EXPERIMENTS)]),
    ):
        links = [link for name in chosen if (link := entry_link(app, docname, name))]
        parts += _listed(label, links) if links else []
    return nodes.paragraph("", "", *parts, classes=["used-in", "library-used"]) if parts else None


def _listed(label: str, links: Iterable[nodes.Node]) -> list[nodes.Node]:
    part = nodes.inline(classes=["used-in-part"])
    part += [nodes.inline("", f"{label}: ", classes=["used-in-label"])]
    for i, link in enumerate(links):
        part += [nodes.Text(", ")] * bool(i) + [link]
    return [part, nodes.Text(" ")]


def said(text: str) -> list[nodes.Node]:
    """Set the first line of a docstring: what is in backticks as code, the rest as it is."""
    parts = re.split(r"(?:``|`|:[a-z]+:`)([^`]+)`+", text)
    return [
        nodes.literal("", part) if i % 2 else nodes.Text(part)
        for i, part in enumerate(parts)
        if part
    ]


def entry_link(app: Sphinx, docname: str, name: str) -> nodes.reference | None:
    """Return a link to an entry of the reference, None where the site does not have it."""
    found = app.env.get_domain("py").objects.get(name)
    if found is None:
        return None
    target = f"{app.builder.get_relative_uri(docname, found.docname)}#{found.node_id}"
    link = nodes.reference("", "", internal=True, refuri=target)
    link += nodes.literal("", name.rpartition(".")[2])
    return link


def _page_link(app: Sphinx, docname: str, page: str, id: str = "") -> nodes.reference:
    target = app.builder.get_relative_uri(docname, page) + (f"#{id}" if id else "")
    return nodes.reference("", app.env.titles[page].astext(), internal=True, refuri=target)


def _readers(env: Any) -> set[str]:
    if not hasattr(env, "fearless_used_in_pages"):
        env.fearless_used_in_pages = set()
    return env.fearless_used_in_pages


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    page_uses(env).pop(docname, None)
    _readers(env).discard(docname)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in page_uses(other):
            page_uses(env)[docname] = page_uses(other)[docname]
        if docname in _readers(other):
            _readers(env).add(docname)


def setup(app: Sphinx) -> None:
    """Connect the links to a Sphinx application."""
    app.add_node(used_in_node)
    app.add_directive("used-in", UsedIn)
    app.connect("doctree-read", _collect)
    app.connect("env-updated", _outdated)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("doctree-resolved", _fill)
