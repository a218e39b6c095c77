"""The ledger of claims: every claim of the book with what this build measured.

The badges of the pages (`fearless.book.claims`) carry their numbers as data attributes. They are
collected when a page is read, whatever the order, kept in the environment between builds, and
printed by the directive ``{claims-ledger}`` when everything has been read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from fearless.book.claims import Claim, load_claims
from fearless.book.registry import KINDS, LEDGER
from fearless.book.scan import claims_in_tests

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["ClaimsLedger", "setup"]

logger = logging.getLogger(__name__)

#: ``(claim id, numbers in words, margin)`` as found in a badge.
Record = tuple[str, str, str]


class ledger_node(nodes.General, nodes.Element):
    """Where the table goes once all pages have been read."""


class ClaimsLedger(SphinxDirective):
    """``{claims-ledger}``: all claims in a table a page, in the order of the book."""

    def run(self) -> list[nodes.Node]:
        for path in _ledger_folder(self.config).rglob("*.yml"):
            self.env.note_dependency(str(path))
        _ledgers(self.env).add(self.env.docname)
        return [ledger_node()]


class _BadgeReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "data-claim" in values:
            keys = ("claim", "numbers", "margin")
            self.records.append(tuple(values.get(f"data-{key}") or "" for key in keys))


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    reader = _BadgeReader()
    for node in doctree.findall(nodes.raw):
        if "html" in node.get("format", "").split() and "data-claim" in node.astext():
            reader.feed(node.astext())
    if reader.records:
        _records(app.env)[app.env.docname] = reader.records


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _records(env).pop(docname, None)
    _ledgers(env).discard(docname)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in _records(other):
            _records(env)[docname] = _records(other)[docname]
        if docname in _ledgers(other):
            _ledgers(env).add(docname)


def _outdated_ledgers(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the ledger again when anything in it has changed, and check what it would say."""
    claims = load_claims(_ledger_folder(app.config))
    tests = claims_in_tests(Path(app.confdir) / "tests")
    counts = Counter(id for records in _records(env).values() for id, *_ in records)
    for id, count in counts.items():
        if id not in claims:
            _warn(f"a page shows the claim {id!r}, which is not in ledger/")
        elif count > 1:
            _warn(f"the claim {id!r} is made {count} times")
    if _ledgers(env):
        for id in claims.keys() - counts:
            _warn(f"the claim {id!r} is on no page")
    state = (dict(sorted(_records(env).items())), repr(claims), tests)
    if getattr(env, "fearless_ledger_state", None) == state:
        return []
    env.fearless_ledger_state = state
    return sorted(_ledgers(env))


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    holders = list(doctree.findall(ledger_node))
    if not holders:
        return
    claims = load_claims(_ledger_folder(app.config))
    tests = claims_in_tests(Path(app.confdir) / "tests")
    found = {
        record[0]: (page, record)
        for page, records in _records(app.env).items()
        for record in records
    }
    for holder in holders:
        tables = [
            part
            for page, of_page in _by_page(app.env, claims, found)
            for part in (_heading(app, docname, page), _table(app, docname, of_page, found, tests))
        ]
        holder.replace_self([_summary(claims, found), *tables])


def _by_page(
    env: BuildEnvironment, claims: Mapping[str, Claim], found: Mapping[str, tuple[str, Record]]
) -> list[tuple[str, list[Claim]]]:
    """Return the claims of each page, pages in the order of the book; unmeasured claims last."""
    order = {page: i for i, page in enumerate(_reading_order(env, env.config.root_doc))}
    pages: dict[str, list[Claim]] = {}
    for claim in claims.values():
        page = found[claim.id][0] if claim.id in found else ""
        pages.setdefault(page, []).append(claim)
    return sorted(pages.items(), key=lambda item: (not item[0], order.get(item[0], len(order))))


def _reading_order(env: BuildEnvironment, page: str) -> Iterator[str]:
    yield page
    for below in env.toctree_includes.get(page, ()):
        yield from _reading_order(env, below)


def _heading(app: Sphinx, docname: str, page: str) -> nodes.rubric:
    if not page:
        return nodes.rubric("", "Not measured in this build")
    return nodes.rubric("", "", _page_link(app, docname, page))


def _summary(claims: Mapping[str, Claim], found: Mapping[str, Any]) -> nodes.paragraph:
    kinds = Counter(claim.kind for claim in claims.values())
    parts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    holding = sum(id in found for id in claims)
    text = f"{holding} of {len(claims)} claims were checked in this build, and hold"
    return nodes.paragraph("", f"{text}: {parts}." if parts else f"{text}.")


def _table(
    app: Sphinx,
    docname: str,
    claims: Iterable[Claim],
    found: Mapping[str, tuple[str, Record]],
    tests: Mapping[str, list[Path]],
) -> nodes.Element:
    table = nodes.table(classes=["claims-ledger"])
    group = nodes.tgroup(cols=3)
    table += group
    for width in (50, 28, 22):
        group += nodes.colspec(colwidth=width)
    head = nodes.thead()
    head += _row([[_text("Claim")], [_text("This build")], [_text("Checked in")]])
    body = nodes.tbody()
    group += [head, body]
    for claim in claims:
        page, record = found.get(claim.id, (None, None))
        about = nodes.paragraph("", classes=["claim-about"])
        about += [
            nodes.inline("", claim.kind, classes=["claim-kind"]),
            nodes.Text(" "),
            nodes.literal("", claim.id),
        ]
        source = nodes.paragraph("", claim.source, classes=["claim-about"])
        if record is None:
            numbers = _text("not measured in this build")
            places = nodes.paragraph()
        else:
            numbers = _text(record[1])
            places = nodes.paragraph("", "", _page_link(app, docname, page, claim.id))
        checks = nodes.paragraph("", classes=["claim-tests"])
        for i, path in enumerate(tests.get(claim.id, ())):
            checks += [nodes.Text(", ")] * bool(i) + [_test_link(app.config, path)]
        body += _row([[_text(claim.statement), source, about], [numbers], [places, checks]])
    return table


def _page_link(app: Sphinx, docname: str, page: str, id: str = "") -> nodes.reference:
    title = app.env.titles[page].astext() if page in app.env.titles else page
    target = app.builder.get_relative_uri(docname, page) + (f"#claim-{id}" if id else "")
    return nodes.reference("", title, internal=True, refuri=target)


def _test_link(config: Any, path: Path) -> nodes.Node:
    options = getattr(config, "html_theme_options", None) or {}
    url = options.get("repository_url", "").rstrip("/")
    literal = nodes.literal("", path.as_posix())
    if not url:
        return literal
    branch = options.get("repository_branch") or "main"
    return nodes.reference("", "", literal, refuri=f"{url}/blob/{branch}/{path.as_posix()}")


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    row = nodes.row()
    for content in cells:
        entry = nodes.entry()
        entry += content
        row += entry
    return row


def _text(text: str) -> nodes.paragraph:
    return nodes.paragraph("", text)


def _records(env: Any) -> dict[str, list[Record]]:
    if not hasattr(env, "fearless_claims"):
        env.fearless_claims = {}
    return env.fearless_claims


def _ledgers(env: Any) -> set[str]:
    if not hasattr(env, "fearless_ledgers"):
        env.fearless_ledgers = set()
    return env.fearless_ledgers


def _ledger_folder(config: Any) -> Path:
    return Path(config.fearless_ledger or LEDGER)


def _warn(message: str) -> None:
    logger.warning(message, type="fearless", subtype="claims")


def setup(app: Sphinx) -> None:
    """Connect the ledger to a Sphinx application."""
    app.add_config_value("fearless_ledger", "", "env")
    app.add_node(ledger_node)
    app.add_directive("claims-ledger", ClaimsLedger)
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _outdated_ledgers)
    app.connect("doctree-resolved", _fill)
