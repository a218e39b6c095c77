"""Ways through the book: a list of pages, with the time that reading each of them takes.

In a page::

    ```{reading-path} The newcomer
    You know least squares and a little Python.

    1. {doc}`double-descent/the-curve`: the picture of the whole book.
    2. {doc}`over-parametrization/optimiser` and {doc}`over-parametrization/minimum-norm`.
    ```

The author says who the path is for and why each page is on it. Times come from the pages
themselves: they are those of the boxes at the heads of the chapters, and their sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import docname_join, logging
from sphinx.util.docutils import SphinxDirective

from fearless.book.sphinx.pages.page_info import minutes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["ReadingPath", "format_minutes", "path_time", "setup"]

logger = logging.getLogger(__name__)


class path_time(nodes.Inline, nodes.Element):
    """Where the reading time of some pages goes, once all pages have been read."""


class ReadingPath(SphinxDirective):
    """``{reading-path} Title``: who it is for, then a list of links to pages."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a box of two parts: title, words and total; the list of pages."""
        path = nodes.container(classes=["reading-path"])
        self.set_source_info(path)
        self.state.nested_parse(self.content, self.content_offset, path)
        lists = [child for child in path if isinstance(child, nodes.Sequential)]
        if len(lists) != 1:
            raise self.error(f"a reading path has {len(lists)} lists of pages; expected one")
        title = nodes.rubric("", self.arguments[0])
        # Sphinx reads the one, MyST, which replaces its translation, the other.
        title["heading-level"] = title["level"] = 3
        head = nodes.container("", title, classes=["path-head"])
        head += [child for child in path if child is not lists[0]]
        docnames: list[str] = []
        for item in lists[0]:
            found = list(_pages(item, self.env.docname))
            if not found:
                raise self.error("an entry of a reading path has no link {doc}`...` to a page")
            if again := set(docnames) & set(found):
                raise self.error(f"a reading path leads to {min(again)!r} twice")
            docnames += found
            item[0] += [nodes.Text(" "), path_time(pages=found)]
        head += nodes.paragraph("", "", path_time(pages=docnames, total=True), classes=["path-sum"])
        path.children.clear()
        path += [head, lists[0]]
        _paths(self.env).setdefault(self.env.docname, set()).update(docnames)
        return [path]


def format_minutes(minutes: int) -> str:
    """Write a reading time: 25 min, 1 h, 2 h 15 min; from an hour on to five minutes."""
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _pages(item: nodes.Element, docname: str) -> Iterable[str]:
    for link in item.findall(lambda node: node.get("reftype") == "doc"
                             if isinstance(node, nodes.Element) else False):  # fmt: skip
        yield docname_join(link.get("refdoc", docname), link["reftarget"])


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(path_time)):
        # A page that is missing is missed by the link to it, which says where.
        known = [minutes_of(app.env)[page] for page in place["pages"] if page in app.env.found_docs]
        time = format_minutes(sum(known))
        if place.get("total"):
            count = len(known)
            words = [
                nodes.strong("", f"about {time}"),
                nodes.Text(f" · {count} {'page' if count == 1 else 'pages'}"),
            ]
            place.replace_self(words)
        else:
            place.replace_self(nodes.inline("", time, classes=["path-time"]))


def _outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return the pages whose paths name a page that now takes longer, or shorter, to read."""
    state = {
        docname: {page: minutes_of(env).get(page) for page in sorted(pages)}
        for docname, pages in _paths(env).items()
    }
    before = getattr(env, "fearless_path_state", {})
    env.fearless_path_state = state
    return [docname for docname in state if state[docname] != before.get(docname)]


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _paths(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in _paths(other):
            _paths(env)[docname] = _paths(other)[docname]


def _paths(env: Any) -> dict[str, set[str]]:
    if not hasattr(env, "fearless_paths"):
        env.fearless_paths = {}
    return env.fearless_paths


def setup(app: Sphinx) -> None:
    """Add the directive to a Sphinx application."""
    app.add_node(path_time)
    app.add_directive("reading-path", ReadingPath)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _outdated)
    app.connect("doctree-resolved", _fill)
