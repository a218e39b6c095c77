"""The list of the book's experiments: what each measures, and the figures that show it.

``{experiment-index}`` lists the public functions of ``fearless.experiments`` by the page that runs
them, in the order of the book: the first line of the docstring, the figures that the result goes
into (followed through the variables of the page, see `uses.shown_by`), and whether the page
computes it live or reads what a longer run has stored. Functions that only other experiments call
come last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from fearless.book.sphinx.reference.indexes import items, number_of, page_heading
from fearless.book.sphinx.reference.library import catalog
from fearless.book.sphinx.reference.used_in import (
    EXPERIMENTS,
    entry_link,
    is_experiment,
    page_uses,
    reading_order,
    said,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["is_stored", "setup"]

STORED = f"{EXPERIMENTS}stored."


class experiments_node(nodes.General, nodes.Element):
    """Where the list goes once all pages have been read."""


class ExperimentIndex(SphinxDirective):
    """``{experiment-index}``: every experiment, page by page."""

    def run(self) -> list[nodes.Node]:
        _lists(self.env).add(self.env.docname)
        return [experiments_node()]


def is_stored(name: str) -> bool:
    """Tell whether an experiment is one whose results are stored rather than computed live."""
    return name.startswith(STORED)


def _by_page(env: BuildEnvironment) -> tuple[dict[str, list[str]], list[str]]:
    """Return the experiments of each page, each where it is first run, and those of no page."""
    uses = page_uses(env)
    left = dict.fromkeys(name for name in catalog().entries if is_experiment(name))
    pages: dict[str, list[str]] = {}
    for page in reading_order(env):
        here = [name for name in uses[page].sections if name in left] if page in uses else []
        if here:
            pages[page] = here
        for name in here:
            del left[name]
    return pages, list(left)


def _outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    state = [(name, list(uses.sections), uses.figures) for name, uses in page_uses(env).items()]
    if getattr(env, "fearless_experiments_state", None) == state:
        return []
    env.fearless_experiments_state = state
    return sorted(_lists(env))


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    places = list(doctree.findall(experiments_node))
    if not places:
        return
    pages, others = _by_page(app.env)
    for place in places:
        parts: list[nodes.Node] = []
        for page, names in pages.items():
            parts += [page_heading(app, docname, page), _list(app, docname, names)]
        if others:
            parts += [nodes.rubric("", "Called by other experiments only", classes=["index-page"])]
            parts += [_list(app, docname, others)]
        place.replace_self(parts)


def _list(app: Sphinx, docname: str, names: list[str]) -> nodes.bullet_list:
    result = nodes.bullet_list(classes=["book-index", "book-index-experiments"])
    for name in names:
        entry = catalog().entries[name]
        link = entry_link(app, docname, name) or nodes.literal("", name.rpartition(".")[2])
        line = nodes.paragraph("", "", link, nodes.Text(" "), *said(entry.summary))
        if is_stored(name):
            line += [nodes.Text(" "), nodes.inline("", "stored", classes=["index-mark"])]
        row = nodes.list_item("", line)
        if shown := _figures(app, docname, name):
            row += nodes.paragraph("", "", *shown, classes=["index-shown"])
        result += row
    return result


def _figures(app: Sphinx, docname: str, name: str) -> list[nodes.Node]:
    """Return links to the figures that show an experiment, by page."""
    links: list[nodes.Node] = []
    for page in reading_order(app.env):
        if page not in page_uses(app.env):
            continue
        figures = page_uses(app.env)[page].figures
        known = {item.id: item for item in items(app.env).get(page, ())}
        for figure, shown in figures.items():
            if name in shown and figure in known:
                number = number_of(app.env, page, known[figure]) or "without number"
                uri = f"{app.builder.get_relative_uri(docname, page)}#{figure}"
                links += [nodes.Text(", ")] * bool(links)
                links += [nodes.reference("", number, internal=True, refuri=uri)]
    if not links:
        return []
    return [nodes.Text("Figures " if len(links) > 1 else "Figure "), *links]


def _lists(env: Any) -> set[str]:
    if not hasattr(env, "fearless_experiment_lists"):
        env.fearless_experiment_lists = set()
    return env.fearless_experiment_lists


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _lists(env).discard(docname)


def setup(app: Sphinx) -> None:
    """Connect the list to a Sphinx application."""
    app.add_node(experiments_node)
    app.add_directive("experiment-index", ExperimentIndex)
    app.connect("env-purge-doc", _purge)
    app.connect("env-updated", _outdated)
    app.connect("doctree-resolved", _fill)
