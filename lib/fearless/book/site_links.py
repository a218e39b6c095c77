"""Every link of the built site leads somewhere: checked over the HTML itself.

Sphinx checks the references it resolves. Nobody checks what templates, scripts and our own
directives write, nor whether an id is there. So the whole site is read once more: every address
of a page, a picture, a style sheet or a script has to be a file of the site, and every anchor an
id on its page. Links to other hosts are another matter: `fearless.book.external_links`.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Figures hold no links to follow, but most of the bytes.
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_REFRESH = re.compile(r"^\s*\d+\s*;\s*url=(.+)$", re.IGNORECASE)
# Served by a host at whatever address was asked for, so its links start at the host's root.
NOT_FOUND = "404.html"


@dataclasses.dataclass(frozen=True)
class BrokenLink:
    """A link that leads nowhere: the page it is on, its address, and why."""

    page: str
    href: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}: the link to {self.href!r} {self.reason}"


class _Reader(HTMLParser):
    """Collects addresses and ids of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for name in ("id", "name"):
            if (name == "id" or tag == "a") and values.get(name):
                self.ids.add(values[name])
        for name in ("href", "src", "action", "poster"):
            if values.get(name):
                self.links.append(values[name])
        for candidate in (values.get("srcset") or "").split(","):
            self.links += candidate.split()[:1]
        if tag == "meta" and (values.get("http-equiv") or "").lower() == "refresh":
            if match := _REFRESH.match(values.get("content") or ""):
                self.links.append(match[1].strip("'\" "))


def read_page(html: str) -> tuple[list[str], set[str]]:
    """Return the addresses on a page, in its order and each once, and its ids."""
    reader = _Reader()
    reader.feed(_DRAWING.sub("", html))
    reader.close()
    return list(dict.fromkeys(reader.links)), reader.ids


def broken_links(site: Path) -> list[BrokenLink]:
    """Find the links of a built site that lead nowhere.

    Parameters
    ----------
    site : Path
        The folder of the site.

    Returns
    -------
    list of BrokenLink
        In the order of the pages. Some 0.1 s a page.
    """
    site = site.resolve()
    pages: dict[str, tuple[list[str], set[str]]] = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if not name.startswith("_static/"):
            pages[name] = read_page(path.read_text(encoding="utf8"))
    ids = {name: found for name, (_, found) in pages.items()}
    return [
        BrokenLink(name, href, reason)
        for name, (links, _) in pages.items()
        for href in links
        if (reason := _reason(site, name, href, ids))
    ]


def _reason(site: Path, page: str, href: str, ids: dict[str, set[str]]) -> str:
    """Say why a link leads nowhere; empty when it leads somewhere."""
    try:
        parts = urlsplit(href)
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme == "file" or parts.hostname in ("localhost", "127.0.0.1"):
        return "works on this computer only"
    if parts.scheme or parts.netloc:
        return ""
    path, anchor = unquote(parts.path), unquote(parts.fragment)
    if path.startswith("/"):
        if page == NOT_FOUND:
            return ""
        return "starts at the root of the host, where the site need not be"
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if target.startswith(".."):
        return "leads out of the site"
    if (site / target).is_dir():
        return "leads to a folder, which opens from a server only"
    if not (site / target).is_file():
        return "leads to no file of the site"
    if anchor and anchor != "top" and target in ids and anchor not in ids[target]:
        return f"leads to no id of {target}"
    return ""


__all__ = ["BrokenLink", "broken_links", "read_page"]
