"""Links to claims: the role ``{claim}`` leads to the badge of a claim, on whatever page it stands.

    The largest model {claim}`beats the best small one <largest-model-wins>`.
    {claim}`largest-model-wins`

The first form has its own words, the second says the statement of the claim. A claim that is not
in ``ledger/``, or is on no page, is a warning, which fails the build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import ReferenceRole

from fearless.book.claims import load_claims
from fearless.book.sphinx.pages.ledger import _ledger_folder, _records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["ClaimRole", "claim_reference", "setup"]

logger = logging.getLogger(__name__)


class claim_reference(nodes.Inline, nodes.TextElement):
    """A link whose page is known once all pages have been read."""


class ClaimRole(ReferenceRole):
    """``{claim}`words <id>```, or ``{claim}`id``` for the words of the claim itself."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link without its address."""
        id = self.target.strip()
        claims = load_claims(_ledger_folder(self.config))
        statement = claims[id].statement if id in claims else ""
        text = self.title if self.has_explicit_title else statement or id
        node = claim_reference("", text, claim=id, statement=statement)
        self.set_source_info(node)
        _links(self.env).setdefault(self.env.docname, set()).add(id)
        return [node], []


def _resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    places = list(doctree.findall(claim_reference))
    if not places:
        return
    pages = _pages(app.env)
    for node in places:
        id = node["claim"]
        if id in pages:
            uri = app.builder.get_relative_uri(docname, pages[id])
            link = nodes.reference(
                "", "", *node.children, internal=True, refuri=f"{uri}#claim-{id}"
            )
            link["classes"].append("claim-link")
            # In its own words a link repeats nothing; otherwise the statement is a hint.
            if node["statement"] != node.astext():
                link["reftitle"] = node["statement"]
            node.replace_self(link)
            continue
        fault = "is on no page" if node["statement"] else "is not in ledger/"
        logger.warning(
            f"a link leads to the claim {id!r}, which {fault}",
            location=node,
            type="fearless",
            subtype="claims",
        )
        node.replace_self(nodes.inline("", "", *node.children))


def _pages(env: Any) -> dict[str, str]:
    """Return the page of every claim that some page makes."""
    return {id: page for page, records in _records(env).items() for id, *_ in records}


def _outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages with a link to a claim that has moved since they were written."""
    pages = _pages(env)
    state = {
        docname: {id: pages.get(id) for id in sorted(ids)} for docname, ids in _links(env).items()
    }
    before = getattr(env, "fearless_claim_link_state", {})
    env.fearless_claim_link_state = state
    return [docname for docname in state if state[docname] != before.get(docname)]


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _links(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in _links(other):
            _links(env)[docname] = _links(other)[docname]


def _links(env: Any) -> dict[str, set[str]]:
    if not hasattr(env, "fearless_claim_links"):
        env.fearless_claim_links = {}
    return env.fearless_claim_links


def setup(app: Sphinx) -> None:
    """Add the role to a Sphinx application."""
    app.add_node(claim_reference)
    app.add_role("claim", ClaimRole())
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _outdated)
    app.connect("doctree-resolved", _resolve)
