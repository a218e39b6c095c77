"""What the theme's pages lack for readers who do not see them or do not use a mouse.

The theme writes landmarks without a name, icons that are read aloud, names of buttons that differ
from what is written on them, tooltips that cover the button beside them, and roles that have been
withdrawn. Each of these is mended here in the text of the page, when it is built, so that it needs
no script. What depends on the reader's actions is in ``assets/access.js``.

A test of the built book finds out when the theme has changed and a mend no longer finds its fault.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["MENDS", "accessible", "setup"]

_BOOK, _PAGE = "Contents of the book", "Contents of this page"

#: ``{what is wrong: (pattern, replacement)}``, applied in this order.
MENDS: dict[str, tuple[str, str]] = {
    "a list that holds other things than list items": (
        r' role="doc-biblioentry"',
        ' role="listitem"',
    ),
    "a sidebar outside of all landmarks": (
        r'<div class="bd-sidebar-primary bd-sidebar([^"]*)">',
        r'<div class="bd-sidebar-primary bd-sidebar\1" id="sidebar-book"'
        r' role="complementary" aria-label="The book">',
    ),
    "a sidebar that nothing can refer to": (
        r'<div class="bd-sidebar-secondary bd-toc">',
        '<div class="bd-sidebar-secondary bd-toc" id="sidebar-page">',
    ),
    "a navigation without a name": (
        r'<nav class="bd-toc-nav page-toc">',
        '<nav class="bd-toc-nav page-toc" aria-label="On this page">',
    ),
    "a navigation that is not marked as one": (
        r'<div class="prev-next-area">',
        '<div class="prev-next-area" role="navigation" aria-label="Previous and next page">',
    ),
    "a search that is not marked as one": (
        r'<form class="bd-search ([^"]*)"(?! role)',
        r'<form class="bd-search \1" role="search"',
    ),
    # They have to stay: the theme's scripts look for them.
    "landmarks with nothing in them": (
        r'<(header|footer) class="(bd-(?:header|footer)\b[^"]*)">(\s*)</\1>',
        r'<\1 class="\2" role="presentation">\3</\1>',
    ),
    "a current page that is only coloured": (
        r'<a class="current reference internal" href="#">',
        '<a class="current reference internal" href="#" aria-current="page">',
    ),
    # The text is in the page, "Show code cell source", but the label takes its place.
    "a name other than what is written": (
        r'<summary aria-label="Toggle hidden content">',
        "<summary>",
    ),
    "a fold without a name": (
        r'<summary><span class="toctree-toggle" role="presentation">',
        '<summary aria-label="Pages below this one"><span class="toctree-toggle">',
    ),
    "names in the words of the layout, 1": (
        r'title="Toggle primary sidebar"',
        f'type="button" title="{_BOOK}" aria-label="{_BOOK}" aria-controls="sidebar-book"',
    ),
    "names in the words of the layout, 2": (
        r'title="Toggle secondary sidebar"',
        f'type="button" title="{_PAGE}" aria-label="{_PAGE}" aria-controls="sidebar-page"',
    ),
    "a switch that does not say what it switches": (
        r'title="light/dark" aria-label="light/dark"',
        'title="Colours: light, dark or automatic" aria-label="Colours: light, dark or automatic"',
    ),
    # The tooltip of the browser does as well, and goes away by itself.
    "tooltips that cover other buttons": (
        r'\s*data-bs-placement="\w+"\s+data-bs-toggle="tooltip"',
        "",
    ),
    # Every proof and every exercise of a page has the same.
    "anchors that are not unique": (
        r' id="(?:proof|(?:proof|exercise|solution|theorem)-content)"',
        "",
    ),
    "a shortcut in the name of a button": (
        r'<span class="search-button__kbd-shortcut">',
        '<span class="search-button__kbd-shortcut" aria-hidden="true">',
    ),
    "icons that are read aloud": (
        r'<(i|span) class="((?:theme-switch )?fa(?:[srb]?|-solid|-regular|-brands) [^"]*)"'
        r"(?! aria-hidden)",
        r'<\1 class="\2" aria-hidden="true"',
    ),
}

_FIELD = 'id="search-input"'
_COMPILED = [(re.compile(pattern), new) for pattern, new in MENDS.values()]


def accessible(html: str) -> str:
    """Return (a part of) a page with what is wrong in it mended; cost linear in its length."""
    for pattern, new in _COMPILED:
        html = pattern.sub(new, html)
    # The page of the search has its own field, and the theme's that opens over every page.
    if html.count(_FIELD) > 1:
        html = html.replace(_FIELD, _FIELD.replace('"search', '"over-search'), 1)
    return html


def _add_filter(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    context["accessible"] = accessible


def setup(app: Sphinx) -> None:
    """Give the template ``layout.html`` its filter."""
    app.connect("html-page-context", _add_filter)
