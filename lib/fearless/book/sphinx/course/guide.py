"""The teaching guide's tables, made from the pages: objectives, prerequisites, and their drawing.

In a page::

    ```{objectives} interpolation
    ```

is a table of what students can do after each page of a part, by Bloom's levels;
``{objective-counts}`` counts them; ``{prerequisite-graph}`` draws what needs what, and says it in
words as well. All of it is read from the pages by `fearless.book.course.guide.objectives`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from fearless.book.course.guide.graph import draw
from fearless.book.course.guide.objectives import LEVELS, ObjectiveError, PageFacts, read_pages
from fearless.book.editions.contents import part_captions

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["GuideDirective", "ObjectiveCounts", "Objectives", "PrerequisiteGraph", "setup"]


class prerequisite_graph(nodes.General, nodes.Element):
    """Where the drawing goes, once the addresses of all pages are known."""


class GuideDirective(SphinxDirective):
    """What these directives share: the pages' facts, and Markdown turned into nodes."""

    def pages(self) -> dict[str, PageFacts]:
        """Read all chapters; this page is made anew when one of them changes."""
        root = Path(self.env.srcdir)
        try:
            found = read_pages(root)
        except ObjectiveError as error:
            raise self.error(str(error)) from error
        for docname in found:
            self.env.note_dependency(str(root / f"{docname}.md"))
        return found

    def markdown(self, text: str) -> list[nodes.Node]:
        """Parse a piece of MyST Markdown."""
        container = nodes.container()
        source = self.get_source_info()[0]
        lines = text.splitlines()
        self.state.nested_parse(StringList(lines, source), self.content_offset, container)
        return container.children

    def table(self, heads: list[str], rows: list[list[str]], *classes: str) -> nodes.table:
        """Make a table of Markdown."""
        return self.table_of_nodes(
            heads, [[self.markdown(text) for text in row] for row in rows], *classes
        )

    def table_of_nodes(
        self, heads: list[str], rows: list[list[list[nodes.Node]]], *classes: str
    ) -> nodes.table:
        """Make a table of nodes."""
        group = nodes.tgroup(cols=len(heads))
        group += [nodes.colspec(colwidth=1) for _ in heads]
        head = nodes.row()
        head += [nodes.entry("", nodes.paragraph("", text)) for text in heads]
        group += nodes.thead("", head)
        body = nodes.tbody()
        for cells in rows:
            line = nodes.row()
            line += [nodes.entry("", *cell) for cell in cells]
            body += line
        group += body
        table = nodes.table("", group, classes=["guide", *classes])
        self.set_source_info(table)
        return table


class Objectives(GuideDirective):
    """``{objectives} part``: what students can do after each page of a part."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table of one row a page."""
        pages = [page for page in self.pages().values() if page.part == self.arguments[0]]
        if not pages:
            raise self.error(f"no page of the part {self.arguments[0]!r} has objectives")
        rows = []
        for page in pages:
            items = [f"- {o.text} *({o.level})*" for o in page.objectives]
            rows.append([f"{{doc}}`/{page.docname}`", "\n".join(items)])
        return [self.table(["Page", "After it, students can"], rows, "guide-objectives")]


class ObjectiveCounts(GuideDirective):
    """``{objective-counts}``: how many objectives each part has on each level."""

    def run(self) -> list[nodes.Node]:
        """Return a table of one row a level."""
        pages = self.pages().values()
        parts = list(dict.fromkeys(page.part for page in pages))
        counts = Counter((o.level, page.part) for page in pages for o in page.objectives)
        captions = part_captions(Path(self.env.srcdir))
        heads = ["Level", *(captions.get(part, part) for part in parts), "Book"]
        rows = [
            [
                f"{level.capitalize()} ({', '.join(verbs)})",
                *(str(counts[level, part]) for part in parts),
                str(sum(counts[level, part] for part in parts)),
            ]
            for level, verbs in LEVELS.items()
        ]
        return [self.table(heads, rows, "guide-counts")]


class PrerequisiteGraph(GuideDirective):
    """``{prerequisite-graph}``: a drawing of what needs what, and the same in words."""

    def run(self) -> list[nodes.Node]:
        """Return the drawing's place and a folded list."""
        pages = self.pages()
        lines = []
        for page in pages.values():
            needs = ", ".join(f"{{doc}}`/{need}`" for need in page.needs) or "no other page"
            lines.append(f"- {{doc}}`/{page.docname}` needs {needs}.")
        place = prerequisite_graph(pages=pages)
        self.set_source_info(place)
        return [place, *self.markdown("\n".join(lines))]


def _draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(prerequisite_graph)):
        if app.builder.format != "html":
            place.parent.remove(place)
            continue
        svg = _drawing(app, docname, place["pages"])
        place.replace_self(nodes.raw("", f'<div class="graph-frame">{svg}</div>', format="html"))


def _drawing(app: Sphinx, docname: str, pages: dict[str, PageFacts]) -> str:
    # The preface is for everybody: an arrow from it to every part would say nothing.
    needs = {n: [need for need in page.needs if need in pages] for n, page in pages.items()}
    return draw(
        needs,
        lambda name: app.env.titles[name].astext(),
        lambda name: app.builder.get_relative_uri(docname, name),
        lambda name: pages[name].part,
        "What needs what: an arrow leads from a page to one that builds on it. "
        "The list below says the same.",
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives to a Sphinx application."""
    app.add_node(prerequisite_graph)
    app.add_directive("objectives", Objectives)
    app.add_directive("objective-counts", ObjectiveCounts)
    app.add_directive("prerequisite-graph", PrerequisiteGraph)
    # After accessibility has looked at figures, and while titles can still be resolved.
    app.connect("doctree-resolved", _draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
