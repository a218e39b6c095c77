"""The page for addresses that lead nowhere: a search box, and the parts of the book.

The extension sphinx-notfound-page makes ``404.html`` with absolute links, since a server shows it
at any address; their beginning follows from the address of the site. Here it gets its content.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fearless.book.sphinx.running.repository import site_url
from fearless.book.sphinx.web.outline import parts

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

__all__ = ["body", "setup"]

TITLE = "There is no such page"


def body(contents: list[tuple[str, list[tuple[str, str]]]], search: str, front: str) -> str:
    """Return the content of the page.

    Parameters
    ----------
    contents : list of (str, list of (str, str))
        The parts: caption, and address and title of each page.
    search, front : str
        The addresses of the search page and of the front page.
    """
    lists = "".join(
        f"<h2>{escape(caption)}</h2><ul>"
        + "".join(f'<li><a href="{escape(url)}">{escape(title)}</a></li>' for url, title in pages)
        + "</ul>"
        for caption, pages in contents
    )
    return (
        f"<section><h1>{TITLE}</h1>"
        "<p>The address is mistyped, or it belongs to a page that this book never had. Pages that "
        "move send their readers on, so a link from a paper or a syllabus that ends here has a "
        "slip in it.</p>"
        f'<form class="not-found-search" role="search" method="get" action="{escape(search)}">'
        '<label for="not-found-query">Search the book</label> '
        '<input type="search" id="not-found-query" name="q" autocomplete="off" required /> '
        '<button type="submit">Search</button></form>'
        f'<p>Or begin at the <a href="{escape(front)}">front page</a>, or with one of these.</p>'
        f'<div class="not-found-parts">{lists}</div></section>'
    )


def _prefix(app: Sphinx, config: Config) -> None:
    config.notfound_urls_prefix = urlsplit(site_url()).path or "/"


def _fill(app: Sphinx, env: BuildEnvironment) -> None:
    if app.builder.format != "html":
        return
    prefix = app.config.notfound_urls_prefix

    def address(docname: str) -> str:
        return prefix + app.builder.get_target_uri(docname)

    contents = [
        (caption, [(address(page), env.titles[page].astext()) for page in pages])
        for caption, pages in parts(app, nested=False)
    ]
    context: dict[str, Any] = {
        "title": TITLE,
        "body": body(contents, address("search"), address(app.config.root_doc)),
    }
    app.config.notfound_context = context


def setup(app: Sphinx) -> None:
    """Connect the page to a Sphinx application."""
    app.setup_extension("notfound.extension")
    app.connect("config-inited", _prefix)
    app.connect("env-check-consistency", _fill)
