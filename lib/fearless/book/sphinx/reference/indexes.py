"""Lists of the book's theorems and figures, collected while the pages are read.

``{theorem-index}`` gives every numbered statement with its title, ``{figure-index}`` every figure
with a small picture and the first sentence of its caption, both by page in the order of the book.
``{experiment-index}`` is in `experiment_index`. Numbers are those of the pages; formulas and
references in titles and captions work as they do there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from fearless.book.sphinx.pages.figures import is_interactive
from fearless.book.sphinx.reference.thumbnails import HEIGHT, WIDTH, thumbnail
from fearless.book.sphinx.reference.used_in import reading_order

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["Item", "items", "number_of", "page_heading", "setup"]

_SENTENCE = re.compile(r"(?<=[.?!])(?=\s|$)")
_ABBREVIATIONS = ("i.e.", "e.g.", "cf.", "vs.", "resp.", "s.e.", "Fig.", "Eq.")


@dataclass
class Item:
    """A statement or a figure.

    Attributes
    ----------
    kind : str
        "figure", or the kind of statement: "theorem", "proposition" and so on.
    counter : str
        What it is numbered with.
    id : str
        Its anchor on the page.
    text : list of docutils nodes
        Title or first sentence of the caption.
    image : str
        Path of the picture, relative to the sources; empty for statements.
    slider : bool
        Whether the figure has a slider or something else to move.
    """

    kind: str
    counter: str
    id: str
    text: list[nodes.Node]
    image: str = ""
    slider: bool = False


class index_node(nodes.General, nodes.Element):
    """Where a list goes once all pages have been read; ``what`` says which."""


class Index(SphinxDirective):
    """``{theorem-index}`` and ``{figure-index}``."""

    def run(self) -> list[nodes.Node]:
        what = self.name.removesuffix("-index")
        _lists(self.env).add(self.env.docname)
        return [index_node(what=what)]


def items(env: Any) -> dict[str, list[Item]]:
    """Return statements and figures of each page, in the order they have there."""
    if not hasattr(env, "fearless_items"):
        env.fearless_items = {}
    return env.fearless_items


def number_of(env: BuildEnvironment, docname: str, item: Item) -> str:
    """Return the number under which the page shows an item; empty when it has none."""
    numbers = env.toc_fignumbers.get(docname, {}).get(item.counter, {})
    return ".".join(map(str, numbers.get(item.id, ())))


def _collect(app: Sphinx, doctree: nodes.document) -> None:
    found = []
    for node in doctree.findall(nodes.Element):
        if isinstance(node, nodes.figure) and node["ids"]:
            found += _figure(app, node)
        elif node.get("realtype") and node.get("countertype") and node["ids"]:
            title = next((c for c in node if isinstance(c, nodes.title)), None)
            text = [child.deepcopy() for child in title] if title is not None else []
            found.append(Item(node["realtype"], node["countertype"], node["ids"][0], text))
    if found:
        items(app.env)[app.env.docname] = found


def _figure(app: Sphinx, node: nodes.figure) -> Iterator[Item]:
    caption = next((c for c in node if isinstance(c, nodes.caption)), None)
    image = next(iter(node.findall(nodes.image)), None)
    if caption is None:
        return
    path = Path(app.srcdir, image["uri"]) if image is not None else None
    moves = image is None
    if path is not None and path.suffix == ".svg" and path.is_file():
        moves = is_interactive(path.read_text(encoding="utf8"))
    text = first_sentence(list(caption))
    yield Item("figure", "figure", node["ids"][0], text, str(path or ""), moves)


def first_sentence(children: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Copy the children of a caption up to the end of its first sentence, the stop left out."""
    copied: list[nodes.Node] = []
    for child in children:
        if isinstance(child, nodes.Text):
            for end in (match.start() for match in _SENTENCE.finditer(child)):
                if not child[:end].endswith(_ABBREVIATIONS):
                    return [*copied, nodes.Text(child[:end].rstrip("."))]
        copied.append(child.deepcopy())
    return copied


def _state(env: BuildEnvironment) -> list[Any]:
    return [
        (name, number_of(env, name, item), item.kind, [part.astext() for part in item.text])
        for name, found in sorted(items(env).items())
        for item in found
    ]


def _outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    state = _state(env)
    if getattr(env, "fearless_items_state", None) == state:
        return []
    env.fearless_items_state = state
    return sorted(_lists(env))


class FillIndexes(SphinxPostTransform):
    """Write the lists before references are resolved: those in the copied words are, too."""

    default_priority = 3

    def run(self, **kwargs: Any) -> None:
        for place in list(self.document.findall(index_node)):
            parts: list[nodes.Node] = []
            for page in reading_order(self.env):
                wanted = [
                    item
                    for item in items(self.env).get(page, ())
                    if (item.kind == "figure") == (place["what"] == "figure")
                ]
                if wanted:
                    parts += [page_heading(self.app, self.env.docname, page)]
                    parts += [_list(self.app, self.env.docname, page, wanted)]
            place.replace_self(parts)


def page_heading(app: Sphinx, docname: str, page: str) -> nodes.rubric:
    """Return the line above the items of a page: its number, if it has one, and its title."""
    number = ".".join(map(str, app.env.toc_secnumbers.get(page, {}).get("", ())))
    target = app.builder.get_relative_uri(docname, page)
    link = nodes.reference("", "", internal=True, refuri=target)
    if number:
        link += nodes.inline("", f"{number} ", classes=["section-number"])
    link += nodes.Text(app.env.titles[page].astext())
    return nodes.rubric("", "", link, classes=["index-page"])


def _list(app: Sphinx, docname: str, page: str, found: list[Item]) -> nodes.bullet_list:
    kind = "figures" if found[0].kind == "figure" else "statements"
    result = nodes.bullet_list(classes=["book-index", f"book-index-{kind}"])
    for item in found:
        uri = f"{app.builder.get_relative_uri(docname, page)}#{item.id}"
        name = "Figure" if item.kind == "figure" else item.kind.capitalize()
        label = f"{name} {number_of(app.env, page, item)}".strip()
        line = nodes.paragraph("", "", nodes.reference("", label, internal=True, refuri=uri))
        line += [nodes.Text(" "), *(_for_page(part, docname) for part in item.text)]
        if item.slider:
            line += [nodes.Text(" "), nodes.inline("", "interactive", classes=["index-mark"])]
        row = nodes.list_item("", line)
        if item.image and (picture := thumbnail(app, Path(item.image))):
            row.insert(0, _picture(relative_uri(app.builder.get_target_uri(docname), picture), uri))
        result += row
    return result


def _for_page(part: nodes.Node, docname: str) -> nodes.Node:
    """Copy words to another page: references lead on from there, and no anchor comes twice."""
    copy = part.deepcopy()
    for node in copy.findall(nodes.Element):
        node["ids"] = []
        if "refdoc" in node:
            node["refdoc"] = docname
    return copy


def _picture(address: str, uri: str) -> nodes.raw:
    # The number and the words beside it say what it is and lead to the same place.
    markup = (
        f'<a class="index-picture" href="{uri}" tabindex="-1" aria-hidden="true">'
        f'<img src="{address}" alt="" width="{WIDTH}" height="{HEIGHT}" loading="lazy" '
        'decoding="async"></a>'
    )
    return nodes.raw("", markup, format="html")


def _lists(env: Any) -> set[str]:
    if not hasattr(env, "fearless_item_lists"):
        env.fearless_item_lists = set()
    return env.fearless_item_lists


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    items(env).pop(docname, None)
    _lists(env).discard(docname)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for docname in docnames:
        if docname in items(other):
            items(env)[docname] = items(other)[docname]
        if docname in _lists(other):
            _lists(env).add(docname)


def setup(app: Sphinx) -> None:
    """Connect the lists to a Sphinx application."""
    app.add_node(index_node)
    app.add_directive("theorem-index", Index)
    app.add_directive("figure-index", Index)
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _outdated)
    app.add_post_transform(FillIndexes)
