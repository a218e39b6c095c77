"""What search engines and link previews read: title, description, picture, structured data.

Every page of the book has a description of one or two written sentences in its front matter::

    ---
    myst:
      html_meta:
        description: "Why the test error peaks where ... and what removes the peak."
    ---

A page without one, or with one that a page of results would cut off, is a warning and so fails
the build. What has to be absolute (canonical address, picture) is there where the address of the
site is known (`repository.site_url`).

sphinxext-opengraph was considered and left out: it would write the same few tags, but from texts
and pictures of its own making, each of which would have to be replaced.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

from fearless.book.sphinx.pages.page_info import reading_minutes
from fearless.book.sphinx.running.repository import site_url
from fearless.book.sphinx.web import cards
from fearless.book.sphinx.web.outline import part_of
from fearless.book.sphinx.web.redirects import TEMPLATE

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

__all__ = ["DESCRIPTION_LENGTH", "front_door", "page_title", "setup", "tags"]

#: Characters: less says nothing, more is cut off where pages are listed.
DESCRIPTION_LENGTH = (50, 200)
LICENSE = "https://creativecommons.org/licenses/by/4.0/"

logger = logging.getLogger(__name__)


def page_title(name: str, book: str, tagline: str) -> str:
    """Return what the browser's tab and a page of results show.

    The page's name first, without its number, which may change; the book's name after it. The
    front page, which is called like the book, says what the book is about instead.
    """
    if name == book:
        return f"{book}: {tagline}" if tagline else book
    return f"{name} — {book}"


def tags(facts: dict[str, Any]) -> str:
    """Return the elements for the head of a page.

    Parameters
    ----------
    facts : dict
        ``title``, ``book``, ``description``, ``kind`` (of Open Graph: book, article, website),
        and where the site's address is known ``url``, ``image`` and ``image_alt``; ``data`` is
        written as structured data of schema.org.
    """
    properties = {
        "og:site_name": facts["book"],
        "og:type": facts["kind"],
        "og:title": facts["title"],
        "og:description": facts["description"],
        "og:url": facts.get("url", ""),
        "og:image": facts.get("image", ""),
    }
    names = {"twitter:card": "summary"}
    if facts.get("image"):
        width, height = cards.SIZE
        properties |= {
            "og:image:type": "image/png",
            "og:image:width": str(width),
            "og:image:height": str(height),
            "og:image:alt": facts["image_alt"],
        }
        names = {"twitter:card": "summary_large_image"}
    lines = [
        f'<meta {key}="{name}" content="{escape(value)}" />'
        for key, pairs in (("property", properties), ("name", names))
        for name, value in pairs.items()
        if value
    ]
    if facts.get("data"):
        # No "<" in it: nothing in a title can end the element.
        data = json.dumps(facts["data"], ensure_ascii=False).replace("<", "\\u003c")
        lines.append(f'<script type="application/ld+json">{data}</script>')
    return "\n".join(["", *lines, ""])


def front_door(uri: str, title: str, facts: dict[str, Any]) -> str:
    """Return the page at the root of the site, which leads on to the front page.

    Services that make previews of links do not follow it, so it carries the tags of the front
    page itself.
    """
    text = TEMPLATE.read_text(encoding="utf8").replace("${to_uri}", escape(uri))
    robots = '<meta name="robots" content="noindex" />'
    description = f'<meta name="description" content="{escape(facts["description"])}" />'
    parts = (
        (robots, description + tags(facts)),
        ("<title>This page has moved</title>", f"<title>{escape(title)}</title>"),
        ("<h1>This page has moved</h1>", f"<h1>{escape(facts['book'])}</h1>"),
        ("It is now", "The book begins"),
        (
            f'rel="canonical" href="{escape(uri)}"',
            f'rel="canonical" href="{facts.get("url", uri)}"',
        ),
    )
    for old, new in parts:
        text = text.replace(old, new)
    return text


def _book(app: Sphinx, site: str) -> dict[str, Any]:
    config = app.config
    root = app.env.metadata.get(config.root_doc, {}).get("description", "")
    book = {
        "@type": "Book",
        "name": _book_title(app),
        "author": {"@type": "Organization", "name": config.author},
        "inLanguage": config.language,
        "license": LICENSE,
        "isAccessibleForFree": True,
    }
    if root:
        book["description"] = root
    if site:
        book["@id"] = book["url"] = site + app.builder.get_target_uri(config.root_doc)
    return book


def structured_data(
    app: Sphinx, docname: str, description: str, doctree: nodes.document, image: str
) -> dict[str, Any]:
    """Describe a page in the vocabulary of schema.org: the book, or a part of it."""
    site = site_url()
    book = _book(app, site)
    if docname == app.config.root_doc:
        page = book
    else:
        chapter = "kernelspec" in app.env.metadata.get(docname, {})
        page = {
            "@type": ["Chapter", "TechArticle"] if chapter else "WebPage",
            "name": app.env.titles[docname].astext(),
            "headline": app.env.titles[docname].astext(),
            "description": description,
            "inLanguage": app.config.language,
            "license": LICENSE,
            "timeRequired": f"PT{reading_minutes(doctree)}M",
            "isPartOf": book,
        }
        if part := part_of(app, docname):
            page["articleSection"] = part
        if site:
            page["url"] = site + app.builder.get_target_uri(docname)
    if image:
        page["image"] = image
    return {"@context": "https://schema.org", **page}


def _book_title(app: Sphinx) -> str:
    return app.config.html_title or app.config.project


def _read(app: Sphinx, doctree: nodes.document) -> None:
    """Note a page's description and main figure; complain where the former is missing."""
    docname = app.env.docname
    metadata = app.env.metadata[docname]
    found = [
        node["content"].strip()
        for node in doctree.findall(nodes.meta)
        if node.get("name") == "description"
    ]
    description = found[0] if found else ""
    # Sphinx clears and merges this dictionary itself when pages are read again.
    metadata["description"] = description
    metadata["card_figure"] = cards.main_figure(doctree, metadata.get("main_figure", ""))
    shortest, longest = DESCRIPTION_LENGTH
    if metadata.get("main_figure") and metadata["card_figure"] is None:
        _warn(doctree, f"the main_figure {metadata['main_figure']!r} is no figure of this page")
    if not description:
        _warn(doctree, "no description in the front matter (myst: html_meta: description)")
    elif not shortest <= len(description) <= longest:
        _warn(
            doctree,
            f"the description has {len(description)} characters; "
            f"expected between {shortest} and {longest}",
        )


def _warn(doctree: nodes.document, message: str) -> None:
    location = doctree.get("source") or None
    logger.warning(message, location=location, type="fearless", subtype="description")


def _add(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    book = _book_title(app)
    if doctree is None:
        # Search, indexes, the page for addresses that lead nowhere: to be used, not to be found.
        name = str(context.get("title", ""))
        context["page_title"] = page_title(name, book, "")
        context["metatags"] = (
            context.get("metatags", "") + '\n<meta name="robots" content="noindex" />'
        )
        return
    metadata = app.env.metadata.get(pagename, {})
    description = metadata.get("description", "")
    name = app.env.titles[pagename].astext()
    front = pagename == app.config.root_doc
    site = site_url()
    facts: dict[str, Any] = {
        "title": book if front else name,
        "book": book,
        "description": description,
        "kind": "book" if front else "article",
    }
    if site:
        facts["url"] = site + app.builder.get_target_uri(pagename)
        path = cards.write_card(app, pagename, name, part_of(app, pagename), description)
        facts["image"] = site + path
        facts["image_alt"] = (metadata.get("card_figure") or ("", ""))[1] or description
    image = facts.get("image", "")
    facts["data"] = structured_data(app, pagename, description, doctree, image)
    context["page_title"] = page_title(name, book, app.config.fearless_tagline)
    context["metatags"] = context.get("metatags", "") + tags(facts)
    if front and pagename != "index":
        # Written before Jupyter Book would write a bare one.
        target = Path(app.outdir) / "index.html"
        uri = app.builder.get_target_uri(pagename)
        target.write_text(front_door(uri, context["page_title"], facts), encoding="utf8")


def _set_address(app: Sphinx, config: Config) -> None:
    # Sphinx then writes the canonical link of every page itself.
    config.html_baseurl = site_url() or config.html_baseurl


def setup(app: Sphinx) -> None:
    """Connect all this to a Sphinx application."""
    app.add_config_value("fearless_tagline", "", "html")
    app.connect("config-inited", _set_address)
    app.connect("doctree-read", _read, priority=600)
    app.connect("html-page-context", _add, priority=600)
