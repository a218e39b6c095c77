"""``{downloads}``: where a page offers the PDF and the zip of the book.

The box stays empty and hidden until the editions are made from the built site; see
`fearless.book.editions.downloads`, which fills it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from fearless.book.editions.downloads import EMPTY_BOX

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Downloads(SphinxDirective):
    """The empty box; it takes neither arguments nor content."""

    def run(self) -> list[nodes.Node]:
        """Return the box for HTML; other builders have nothing to offer."""
        return [nodes.raw("", EMPTY_BOX, format="html")]


def setup(app: Sphinx) -> None:
    """Add the directive to a Sphinx application."""
    app.add_directive("downloads", Downloads)
