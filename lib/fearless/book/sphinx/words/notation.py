"""The table of symbols: ``{notation}`` prints ``chapters/notation.yml`` and checks it against use.

The formulas of every page are noted when the page is read. When all have been read, each symbol
gets a link to the section that introduces it, and the build fails, by a warning, when a symbol has
two meanings in one place, is in no formula of its scope, or names a page that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from fearless.book.sphinx.words.symbols import Group, Symbol, duplicates, load_symbols, tokens

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["Notation", "read_groups", "setup"]

logger = logging.getLogger(__name__)

FILE = "chapters/notation.yml"
FOLDER = "chapters/"

#: ``(anchor, title, formulas)`` of a section; the formulas in the form of `tokens`.
Section = tuple[str, str, str]


class introduced_in(nodes.General, nodes.Element):
    """Where the link to the section goes that introduces a symbol."""


class code_name(nodes.Inline, nodes.TextElement):
    """A name in code, which leads to the reference of the library where it has an entry."""


class scope_note(nodes.General, nodes.Element):
    """Where the pages or parts go in which a symbol has its meaning."""


class Notation(SphinxDirective):
    """``{notation}``: all symbols, a table for each group."""

    def run(self) -> list[nodes.Node]:
        path = _path(self.env)
        self.env.note_dependency(str(path))
        _holders(self.env).add(self.env.docname)
        sections: list[nodes.Node] = []
        for group in read_groups(self.env):
            section = nodes.section(ids=[nodes.make_id(f"notation-{group.title}")])
            section += nodes.title(group.title, group.title)
            section += self._table(group)
            sections.append(section)
        return sections

    def _table(self, group: Group) -> nodes.table:
        table = nodes.table(classes=["notation"])
        columns = nodes.tgroup(cols=4)
        table += columns
        for width in (16, 44, 18, 22):
            columns += nodes.colspec(colwidth=width)
        titles = ("Symbol", "Meaning", "In code", "Introduced in")
        head = nodes.thead("", _row([[nodes.paragraph(t, t)] for t in titles]))
        body = nodes.tbody()
        columns += [head, body]
        for symbol in group.symbols:
            line = nodes.paragraph()
            for i, name in enumerate(symbol.code):
                line += [nodes.Text(" ")] * bool(i) + [code_name("", name)]
            formula = nodes.math(symbol.tex, symbol.tex)
            place = introduced_in(symbol=symbol)
            row = _row([[nodes.paragraph("", "", formula)], self._meaning(symbol), [line], [place]])
            row["ids"] = [symbol.anchor]
            body += row
        return table

    def _meaning(self, symbol: Symbol) -> list[nodes.Node]:
        holder = nodes.Element()
        source = self.env.relfn2path(f"/{FILE}")[0]
        self.state.nested_parse(StringList([symbol.meaning], source), 0, holder)
        if symbol.scope:
            holder += scope_note(symbol=symbol)
        return holder.children


def read_groups(env: BuildEnvironment) -> list[Group]:
    """Read the file of symbols; there are none where there is no file."""
    path = _path(env)
    return load_symbols(path) if path.is_file() else []


def _note_formulas(app: Sphinx, doctree: nodes.document) -> None:
    sections: dict[str, Section] = {}
    for node in doctree.findall(lambda n: isinstance(n, (nodes.math, nodes.math_block))):
        anchor, title = "", ""
        parent = node.parent
        while parent is not None and not _has_title(parent):
            parent = parent.parent
        # The first section is the page itself.
        if parent is not None and isinstance(parent.parent, nodes.section):
            anchor, title = parent["ids"][0], parent[0].astext()
        before = sections.get(anchor, ("", "", ""))[2]
        sections[anchor] = (anchor, title, before + ";" + tokens(node.astext()))
    if sections:
        _formulas(app.env)[app.env.docname] = list(sections.values())


def _has_title(node: nodes.Element) -> bool:
    # What a theorem says is a section as well, but one without a title.
    return isinstance(node, nodes.section) and bool(node) and isinstance(node[0], nodes.title)


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _formulas(env).pop(docname, None)
    _holders(env).discard(docname)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in _formulas(other):
            _formulas(env)[docname] = _formulas(other)[docname]
        if docname in _holders(other):
            _holders(env).add(docname)


def _check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Warn of what is wrong with the file; return the pages that have to be written again."""
    holders = sorted(_holders(env))
    if not holders:
        return []
    symbols = [symbol for group in read_groups(env) for symbol in group.symbols]
    for one, other in duplicates(symbols):
        _warn(f"{one.tex} is defined twice: as {one.meaning!r} and as {other.meaning!r}")
    for symbol in symbols:
        if FOLDER + symbol.page not in env.found_docs:
            _warn(f"{symbol.tex}: there is no page {symbol.page!r}")
        elif not _find(env, symbol):
            where = f" in the section {symbol.section!r}" * bool(symbol.section)
            _warn(f"{symbol.tex} is in no formula of {symbol.page!r}{where}")
        for scope in symbol.scope:
            pages = [p for p in env.found_docs if _inside(p, scope)]
            if not any(_uses(env, page, symbol) for page in pages):
                _warn(f"{symbol.tex} is in no formula of its scope {scope!r}")
        if symbol.scope and not symbol.covers(symbol.page):
            _warn(f"{symbol.tex} is introduced in {symbol.page!r}, which is not in its scope")
    names = {name: _reference(env, name) for s in symbols for name in s.code}
    state = (repr(symbols), {s.anchor: _find(env, s) for s in symbols}, names)
    changed = getattr(env, "fearless_notation_state", None) != state
    env.fearless_notation_state = state
    return holders if changed else []


def _inside(docname: str, scope: str) -> bool:
    return docname == FOLDER + scope or docname.startswith(f"{FOLDER}{scope}/")


def _uses(env: BuildEnvironment, docname: str, symbol: Symbol) -> bool:
    return any(symbol.is_in(formulas) for *_, formulas in _formulas(env).get(docname, ()))


def _find(env: BuildEnvironment, symbol: Symbol) -> Section | None:
    """Return the section that introduces a symbol, None when it is in no formula there."""
    for anchor, title, formulas in _formulas(env).get(FOLDER + symbol.page, ()):
        if symbol.is_in(formulas) and symbol.section in ("", title):
            return anchor, title, ""
    return None


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(introduced_in)):
        symbol = place["symbol"]
        found = _find(app.env, symbol)
        page = FOLDER + symbol.page
        link = _link(app, docname, page, found[0] if found else "")
        place.replace_self(nodes.paragraph("", "", link))
    captions = _captions(app.env) if list(doctree.findall(scope_note)) else {}
    for place in list(doctree.findall(scope_note)):
        place.replace_self(_scope(app, docname, place["symbol"], captions))
    for place in list(doctree.findall(code_name)):
        name = place.astext()
        literal = nodes.literal(name, name)
        target = _reference(app.env, name)
        if target:
            page, anchor = target
            uri = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
            literal = nodes.reference("", "", literal, internal=True, refuri=uri)
        place.replace_self(literal)


def _scope(app: Sphinx, docname: str, symbol: Symbol, captions: dict[str, str]) -> nodes.paragraph:
    note = nodes.paragraph(classes=["notation-scope"])
    if symbol.scope == (symbol.page,):
        note += nodes.Text("on that page")
        return note
    parts = [s for s in symbol.scope if FOLDER + s not in app.env.titles]
    for i, part in enumerate(parts):
        note += [nodes.Text(", " if i else "in "), nodes.emphasis("", captions.get(part, part))]
    for i, page in enumerate(s for s in symbol.scope if s not in parts):
        note += nodes.Text((", " if i else ", on ") if parts or i else "on ")
        note += _link(app, docname, FOLDER + page, "")
    return note


def _reference(env: BuildEnvironment, name: str) -> tuple[str, str] | None:
    """Return page and anchor of the one entry of the library's reference with this name."""
    objects = getattr(env.domains.get("py"), "objects", {})
    found = {
        (entry.docname, entry.node_id)
        for path, entry in objects.items()
        if path.split(".")[-1] == name
        and entry.objtype in ("class", "function")
        and not entry.aliased
    }
    return found.pop() if len(found) == 1 else None


def _link(app: Sphinx, docname: str, page: str, anchor: str) -> nodes.Node:
    title = app.env.titles.get(page)
    if title is None:
        return nodes.Text(page)
    target = app.builder.get_relative_uri(docname, page) + (f"#{anchor}" if anchor else "")
    return nodes.reference("", title.astext(), internal=True, refuri=target)


def _captions(env: BuildEnvironment) -> dict[str, str]:
    """Return the titles of the parts, by the folder of their pages."""
    captions = {}
    for toctree in env.get_doctree(env.config.root_doc).findall(addnodes.toctree):
        for _, page in toctree["entries"] if toctree.get("caption") else ():
            captions.setdefault(page.removeprefix(FOLDER).split("/")[0], toctree["caption"])
    return captions


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *content) for content in cells))


def _path(env: BuildEnvironment) -> Path:
    return Path(env.srcdir) / FILE


def _formulas(env: Any) -> dict[str, list[Section]]:
    if not hasattr(env, "fearless_formulas"):
        env.fearless_formulas = {}
    return env.fearless_formulas


def _holders(env: Any) -> set[str]:
    if not hasattr(env, "fearless_notation"):
        env.fearless_notation = set()
    return env.fearless_notation


def _warn(message: str) -> None:
    logger.warning(f"{FILE}: {message}", type="fearless", subtype="notation")


def setup(app: Sphinx) -> None:
    """Connect the table of symbols to a Sphinx application."""
    for node in (introduced_in, scope_note, code_name):
        app.add_node(node)
    app.add_directive("notation", Notation)
    app.connect("doctree-read", _note_formulas)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _check)
    app.connect("doctree-resolved", _fill)
