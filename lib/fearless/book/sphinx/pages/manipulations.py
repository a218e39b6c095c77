"""Scripts and styles of figures with handles, on the pages that have one and on no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["kinds_on_page", "setup"]

_KIND = re.compile(r'class="fig-drag" data-drag="([A-Za-z0-9-]+)"')


def kinds_on_page(doctree: nodes.document) -> list[str]:
    """Return the kinds of figures with handles in a resolved page, each once, in order."""
    texts = [node.astext() for node in doctree.findall(nodes.raw)]
    return list(dict.fromkeys(kind for text in texts for kind in _KIND.findall(text)))


def _add_assets(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    kinds = kinds_on_page(doctree) if doctree is not None else []
    if kinds:
        app.add_css_file("drag.css")
        for script in ("drag.js", *(f"drag-{kind}.js" for kind in kinds)):
            app.add_js_file(script, defer="defer")


def setup(app: Sphinx) -> None:
    """Connect to a Sphinx application."""
    app.connect("html-page-context", _add_assets)
