"""The parts of the book and their pages, as ``_toc.yml`` lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["part_of", "parts"]


def parts(app: Sphinx, *, nested: bool = True) -> list[tuple[str, list[str]]]:
    """List the parts in order: the caption of each and the names of its pages.

    Pages below pages come after these, unless not `nested`. The front page belongs to no part;
    without ``_toc.yml`` there are none.
    """
    site_map = getattr(app.config, "external_site_map", None)
    if not site_map:
        return []

    def below(docname: str) -> Iterator[str]:
        yield docname
        for tree in site_map[docname].subtrees if nested and docname in site_map else ():
            for item in tree.items:
                yield from below(_name(item))

    return [
        (tree.caption or "", [page for item in tree.items for page in below(_name(item))])
        for tree in site_map.root.subtrees
    ]


def _name(item: object) -> str:
    return str(item).removesuffix(".md")


def part_of(app: Sphinx, docname: str) -> str:
    """Return the caption of the part a page belongs to; "" when to none."""
    return next((caption for caption, pages in parts(app) if docname in pages), "")
