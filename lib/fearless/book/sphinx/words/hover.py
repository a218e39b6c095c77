"""Definitions on the spot: a page carries those of the terms it links to, and hover.js shows them.

Nothing is fetched: the definitions are in the page, in a part that is not displayed. Without
JavaScript a term is a plain link to the glossary. They are copied as they were read, before
references are resolved and formulas typeset, so that they come out as everything else on the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import NodeMatcher

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["definitions", "glossary_terms", "setup"]

READ_ON = "Read on:"

#: ``term: (page, id, definition)``
Terms = dict[str, tuple[str, str, nodes.Element]]


# A comment to all who walk over a page: its words are neither searched nor counted.
class definitions(nodes.comment):
    """The definitions of the terms that a page links to, at its end; not displayed."""


def _visit_definitions(self: Any, node: definitions) -> None:
    self.body.append('<div class="definitions" hidden>')


def _depart_definitions(self: Any, node: definitions) -> None:
    self.body.append("</div>")


def _skip(self: Any, node: definitions) -> None:
    raise nodes.SkipNode


def glossary_terms(env: Any) -> dict[str, Terms]:
    """Return the terms of each page that has a glossary."""
    if not hasattr(env, "fearless_terms"):
        env.fearless_terms = {}
    return env.fearless_terms


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    terms: Terms = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                definition = next(item.findall(nodes.definition))
                # The first child: an entry of the index follows the words.
                words = "".join(
                    child.astext() for child in term if not isinstance(child, addnodes.index)
                )
                terms[words] = (app.env.docname, term["ids"][0], _plain(definition))
    if terms:
        glossary_terms(app.env)[app.env.docname] = terms


def _plain(definition: nodes.Element) -> nodes.Element:
    """Copy a definition without its links: what is shown on the spot is no place to click."""
    copy = nodes.container()
    copy += [
        paragraph.deepcopy()
        for paragraph in definition
        if not paragraph.astext().startswith(READ_ON)
    ]
    for link in list(copy.findall(_is_link)):
        link.replace_self(nodes.inline("", "", *link.children[0].children))
    for node in copy.findall():
        node.document = None  # else the whole glossary is stored with each term
        if isinstance(node, nodes.Element):
            node["ids"], node["names"] = [], []
    return copy


def _is_link(node: nodes.Node) -> bool:
    return isinstance(node, (addnodes.pending_xref, nodes.reference))


class AppendDefinitions(SphinxPostTransform):
    """Put the definitions of a page's terms at its end."""

    default_priority = 5  # before references are resolved
    builders: ClassVar = ("html", "dirhtml")

    def run(self, **kwargs: Any) -> None:
        """Append one definition a term, in the order of their first links."""
        known = _by_name(self.env)
        wanted: dict[str, nodes.Element] = {}
        for node in self.document.findall(NodeMatcher(addnodes.pending_xref, reftype="term")):
            if "'" in node["reftarget"]:
                _set_apostrophes(node)
            page, id, definition = known.get(node["reftarget"].lower(), ("", "", None))
            # The glossary itself has them in full.
            if definition is not None and page != self.env.docname:
                wanted.setdefault(id, definition)
        if not wanted:
            return
        holder = definitions()
        for id, definition in wanted.items():
            copy = definition.deepcopy()
            copy["ids"], copy["classes"] = [f"definition-{id}"], ["definition"]
            holder += copy
        self.document += holder


def _set_apostrophes(link: nodes.Element) -> None:
    """Give a link the apostrophes that the parser has given the glossary's terms."""
    link["reftarget"] = link["reftarget"].replace("'", "’")
    for text in list(link.findall(nodes.Text)):
        text.parent.replace(text, nodes.Text(text.replace("'", "’")))


def _by_name(env: BuildEnvironment) -> Terms:
    return {
        name.lower(): term for terms in glossary_terms(env).values() for name, term in terms.items()
    }


def _outdated_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write all pages again when a definition has changed; which of them show it is not known."""
    state = {name: (*term[:2], term[2].pformat()) for name, term in _by_name(env).items()}
    before = getattr(env, "fearless_terms_state", state)
    env.fearless_terms_state = state
    return [] if before == state else sorted(env.found_docs)


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    glossary_terms(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in glossary_terms(other):
            glossary_terms(env)[docname] = glossary_terms(other)[docname]


def setup(app: Sphinx) -> None:
    """Add the definitions to a Sphinx application."""
    others = {name: (_skip, None) for name in ("latex", "text", "man", "texinfo")}
    app.add_node(definitions, html=(_visit_definitions, _depart_definitions), **others)
    app.add_post_transform(AppendDefinitions)
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _outdated_pages)
