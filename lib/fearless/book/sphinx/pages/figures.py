"""Figures and sliders inline in the HTML page.

myst-nb turns the SVG output of a cell into a file and an image of it. An image cannot see the page
it stands in: it would stay dark on dark. So for HTML the image is replaced by the SVG itself,
whose colours then follow the theme, or by the slider or the figure with handles that is packed
into it. Number, caption, name and alternative text remain those of the figure; the file is not
published. Other builders keep the image.

A figure without number, caption or alternative text is a warning, and so fails the build.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from fearless.book import svg
from fearless.book.manipulate import unpack as unpack_manipulation
from fearless.book.manipulate_html import to_html as manipulation_html
from fearless.book.slider import unpack as unpack_slider
from fearless.book.slider_html import to_html as slider_html

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["InlineFigures", "is_interactive", "setup"]

logger = logging.getLogger(__name__)

_INTERACTIVE = ((unpack_slider, slider_html), (unpack_manipulation, manipulation_html))


def is_interactive(text: str) -> bool:
    """Return whether an SVG that a code cell has made carries a slider or handles."""
    return '<metadata id="fearless-' in text


class InlineFigures(SphinxPostTransform):
    """Replace the SVG images that code cells produced by inline SVG."""

    # After myst-nb has chosen among the outputs of a cell (priority 4) and pasted glued ones.
    default_priority = 250
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        # An e-book is XHTML and has no themes; it keeps its images.
        if self.app.builder.name == "epub":
            return
        folder = Path(self.env.mystnb_config.output_folder).resolve()
        # findall is lazy, and the tree changes under it.
        images = list(self.document.findall(nodes.image))
        for count, node in enumerate(images, start=1):
            path = Path(self.app.srcdir, node["uri"]).resolve()
            if path.suffix == ".svg" and path.is_relative_to(folder):
                self._replace(node, path, prefix=f"f{count}-")

    def _replace(self, node: nodes.image, path: Path, prefix: str) -> None:
        figure = _enclosing_figure(node)
        alt = node.get("alt", "").strip()
        if not alt:
            self._warn(node, "a figure has no alt text (mystnb: image: alt)", "alt")
        if figure is None or not figure["names"] or not _has_caption(figure):
            self._warn(node, "a figure has no name and caption (mystnb: figure)", "caption")
        text = path.read_text(encoding="utf8")
        try:
            for unpack, to_html in _INTERACTIVE:
                if (payload := unpack(text)) is not None:
                    markup = to_html(payload, prefix=prefix)
                    break
            else:
                markup = svg.inline(text, prefix=prefix, alt=alt)
        except ValueError as error:
            self._warn(node, f"a figure stays an image: {error}", "svg")
            return
        raw = nodes.raw("", f'<div class="fig-inline">{markup}</div>', format="html")
        raw.source, raw.line = node.source, node.line
        node.replace_self(raw)

    def _warn(self, node: nodes.Node, message: str, subtype: str) -> None:
        logger.warning(message, location=node, type="fearless", subtype=subtype)


def _enclosing_figure(node: nodes.Node) -> nodes.figure | None:
    while node is not None and not isinstance(node, nodes.figure):
        node = node.parent
    return node


def _has_caption(figure: nodes.figure) -> bool:
    return any(isinstance(child, nodes.caption) for child in figure)


def setup(app: Sphinx) -> None:
    """Connect the inlining of figures to a Sphinx application."""
    app.add_post_transform(InlineFigures)
