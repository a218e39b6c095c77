"""Names of the library in the code of a page are links to the reference.

The block is highlighted as ever; then the names found in its source (see `uses`) are wrapped
where they stand. In each block the first place of a name becomes a link: more would only be
in the way of who moves through the page by keyboard.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from fearless.book.sphinx.reference.library import catalog
from fearless.book.sphinx.reference.used_in import page_uses

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["LinkCode", "link_names", "setup"]

_PIECES = re.compile(r"<[^>]*>|[^<]+")

#: ``(line, column, text, address, title)``, both numbers from zero.
Link = tuple[int, int, str, str, str]


class linked_block(nodes.literal_block):
    """A block of code whose attribute ``links`` says what to link."""


class LinkCode(SphinxPostTransform):
    """Find the links of each block of code."""

    default_priority = 260
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        uses = page_uses(self.env).get(self.env.docname)
        if uses is None:
            return
        for block in list(self.document.findall(nodes.literal_block)):
            names = uses.names.get(block.astext().strip("\n"))
            links = self._links(names or ())
            # What is no plain block (parsed, with lines numbered) stays as it is.
            if links and block.rawsource == block.astext():
                shift = len(block.astext()) - len(block.astext().lstrip("\n"))
                linked = linked_block(block.rawsource, block.astext(), **block.attributes)
                linked["links"] = [(line + shift, *rest) for line, *rest in links]
                linked.source, linked.line = block.source, block.line
                block.replace_self(linked)

    def _links(self, names: Iterable[Any]) -> list[Link]:
        objects = self.env.get_domain("py").objects
        links: dict[str, Link] = {}
        for name in names:
            found = objects.get(name.target)
            if found is None or name.target in links:
                continue
            uri = self.app.builder.get_relative_uri(self.env.docname, found.docname)
            entry = catalog().entries.get(name.target)
            title = f"{name.target}: {entry.summary}" if entry and entry.summary else name.target
            address = f"{uri}#{found.node_id}"
            links[name.target] = (name.line, name.column, name.text, address, title)
        return list(links.values())


def link_names(markup: str, links: Iterable[Link]) -> str:
    """Wrap names in highlighted code into links.

    Parameters
    ----------
    markup : str
        What Pygments made of a block: spans inside ``<pre>``.
    links : iterable of tuple
        Line, column, text, address and title of each link. One whose text is not found at its
        place is left out.

    Returns
    -------
    str
        The markup, otherwise unchanged.
    """
    wanted = {
        (line, column): (text, address, title) for line, column, text, address, title in links
    }
    begin = markup.find("<pre>") + len("<pre>")
    if begin < len("<pre>"):
        return markup
    out, line, column = [markup[:begin]], 0, 0
    for piece in _PIECES.findall(markup[begin:]):
        if piece.startswith("<"):
            out.append(piece)
            continue
        text = html.unescape(piece)
        name, address, title = wanted.get((line, column), ("", "", ""))
        if name and name == text:
            href, about = html.escape(address), html.escape(title)
            piece = f'<a class="api-link" href="{href}" title="{about}">{piece}</a>'
        out.append(piece)
        line += text.count("\n")
        column = len(text) - text.rfind("\n") - 1 if "\n" in text else column + len(text)
    return "".join(out)


def _visit(self: Any, node: linked_block) -> None:
    start = len(self.body)
    try:
        self.visit_literal_block(node)
    except nodes.SkipNode:
        self.body[start:] = [link_names("".join(self.body[start:]), node["links"])]
        raise


def _depart(self: Any, node: linked_block) -> None:
    self.depart_literal_block(node)


def setup(app: Sphinx) -> None:
    """Connect the links in code to a Sphinx application."""
    app.add_node(linked_block, html=(_visit, _depart))
    app.add_post_transform(LinkCode)
