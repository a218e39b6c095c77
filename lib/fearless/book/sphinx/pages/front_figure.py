"""The figure of the front page comes before the code that made it.

In the text of the page, not by the style sheet alone: a browser that draws a long page while it
arrives would show the code first and then push it down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: What MyST-NB makes of the tag ``front-figure`` of a code cell.
CLASS = "tag_front-figure"


def _turn(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for cell in doctree.findall(nodes.container):
        if CLASS in cell["classes"]:
            cell.children.reverse()


def setup(app: Sphinx) -> None:
    """Turn the cells with the tag after everything that looks for the code before its output."""
    app.connect("doctree-resolved", _turn, priority=900)
