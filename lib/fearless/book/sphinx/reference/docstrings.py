"""Docstrings as the reference shows them.

They are written for whoever reads the source: bars and underscores mean themselves, pages of the
book are named by their titles. Here the former are escaped and the latter become links; a title
that no page has is a warning, so that a page cannot be renamed without its docstrings. Below each
docstring comes the line of `fearless.book.sphinx.reference.used_in`.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

from fearless.book.sphinx.reference.library import catalog

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["escaped", "setup"]

logger = logging.getLogger(__name__)

_SECTIONS = re.compile(r'Used\s+in\s+the\s+sections?\s+(?:"[^"]+"(?:,\s+and\s+|,\s+|\s+and\s+)?)+')

# Plain text in docstrings that reStructuredText would read as markup: |x| and coef_.
_PROTECTED = re.compile(r"(``.+?``|:\w[\w:+.-]*:`[^`]*`|`[^`]*`)", re.DOTALL)
_BARS = re.compile(r"(?<!\\)\|")
_TRAILING = re.compile(r"(?<=\w)_(?=[\s.,;:)\]]|$)", re.MULTILINE)


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    # A value without words of its own would be given those of its type.
    inherited = inspect.getdoc(type(obj)) or ""
    if what == "data" and lines and lines[0] and inherited.startswith(lines[0]):
        lines.clear()
    """Link the pages that a docstring names, and add those whose code uses the object."""
    text = _SECTIONS.sub(lambda match: _link_pages(app, name, match[0]), "\n".join(lines))
    lines[:] = escaped(text).split("\n")
    found = catalog().find(name)
    if what in ("class", "function", "data") and found is not None:
        lines += ["", f".. used-in:: {found}", ""]


def escaped(text: str) -> str:
    """Escape bars and trailing underscores in prose, not in formulas, examples and tables."""
    done, inside, table = [], -1, False
    for block in re.split(r"(?<=\n)(?=[^\n])", text):
        indent = len(block) - len(block.lstrip(" "))
        if inside >= 0 and block.strip() and indent <= inside:
            inside = -1
        # The columns of a table may not shift.
        rule = re.match(r" *=+( +=+)+ *$", block)
        table = bool(block.strip()) and (table or bool(rule))
        if table:
            table = not block.endswith("\n\n")
            done.append(block)
        elif re.match(r" *(\.\. \S+::|>>>)", block):
            inside = indent if block.lstrip().startswith("..") else inside
            done.append(block)
        elif inside >= 0:
            done.append(block)
        else:
            parts = _PROTECTED.split(block)
            parts[::2] = [_TRAILING.sub(r"\\_", _BARS.sub(r"\\|", p)) for p in parts[::2]]
            done.append("".join(parts))
    return "".join(done)


def _link_pages(app: Sphinx, name: str, sentence: str) -> str:
    def link(match: re.Match[str]) -> str:
        title = " ".join(match[1].split())
        docname = _page_of_title(app.env, title)
        if docname is None:
            logger.warning(
                f'the docstring of {name} names the section "{title}", but no page has this title',
                type="fearless",
                subtype="api",
            )
            return match[0]
        return f":doc:`{title} </{docname}>`"

    return (
        re.sub(r'"([^"]+)"', link, sentence).replace("sections", "pages").replace("section", "page")
    )


def _page_of_title(env: BuildEnvironment, title: str) -> str | None:
    """Find the page by its title or, if only one page does, by how its title begins."""
    wanted = _plain(title)
    titles = {docname: _plain(_title_in(env, docname)) for docname in env.found_docs}
    same = [docname for docname, other in titles.items() if other == wanted]
    begin = [docname for docname, other in titles.items() if other.startswith(wanted)]
    return same[0] if same else begin[0] if len(begin) == 1 else None


def _plain(title: str) -> str:
    return re.sub(r"[^\w*]+", " ", title.replace("\\", "")).strip().casefold()


def _title_in(env: BuildEnvironment, docname: str) -> str:
    """Read a page's title from its file: pages that come later have not been parsed yet."""
    if not hasattr(env, "fearless_titles"):
        env.fearless_titles = {}
    if docname not in env.fearless_titles:
        with open(env.doc2path(docname), encoding="utf8") as file:
            match = re.search(r"^# (.+)$", file.read(), flags=re.MULTILINE)
        env.fearless_titles[docname] = match[1] if match else ""
    return env.fearless_titles[docname]


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    getattr(env, "fearless_titles", {}).pop(docname, None)


def setup(app: Sphinx) -> None:
    """Connect the docstrings to autodoc."""
    # After numpydoc has turned the sections into markup.
    app.connect("autodoc-process-docstring", _docstring, priority=700)
    app.connect("env-purge-doc", _purge)
