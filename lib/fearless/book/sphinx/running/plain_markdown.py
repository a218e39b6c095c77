"""A page as plain Markdown: what a notebook shows where nobody knows the book's own markup.

Jupyter and Colab know headings, lists, links and formulas, but neither theorems nor citations nor
references. So the text of a notebook is written from the *resolved* page, in which numbers,
names and links are all filled in, and what is left is said in words of common Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

from docutils import nodes

from fearless.book.course.questions.self_tests import VERDICTS
from fearless.book.sphinx.running.markdown_pieces import (
    boxed,
    display,
    escaped,
    folded,
    language,
    literal,
    quoted,
)

__all__ = ["Block", "Code", "to_markdown"]


@dataclass(frozen=True)
class Code:
    """Code that becomes a cell of the notebook, though the page does not run it."""

    source: str
    tags: tuple[str, ...] = ()


#: A piece of text, the position of a code cell in the notebook, or code for a cell more.
Block = str | int | Code

# What is no text of the page, or has said what it has to say elsewhere.
_DROPPED = (
    nodes.comment,
    nodes.target,
    nodes.raw,
    nodes.substitution_definition,
    nodes.meta,
    nodes.title,
    nodes.image,
)
_WORDS = {"tip": "Tip", "note": "Note", "warning": "Warning", "seealso": "See also"}


def to_markdown(
    document: nodes.document,
    link: Callable[[str], str],
    number: Callable[[nodes.Element], str],
    tex: Callable[[str], str] = str,
) -> Iterator[Block]:
    """Turn a resolved page into blocks of Markdown, in order, and the code cells between them.

    Parameters
    ----------
    document : docutils.nodes.document
        The page, after all references have been resolved.
    link : callable
        From the target of a link on the page to that in the notebook; "" for no link.
    number : callable
        From a figure, a theorem or a formula to its number on the site; "" where it has none.
    tex : callable
        From a formula as it was written to one that needs no macros.

    Yields
    ------
    str, int or Code
        A block of text, or the index of a code cell (its outputs are not repeated, but the
        captions of its figures follow it), or the code of a cell that the page only shows.
    """
    for block in _Writer(link, number, tex).blocks(document, 1):
        if block != "":
            yield block


class _Writer:
    def __init__(
        self,
        link: Callable[[str], str],
        number: Callable[[nodes.Element], str],
        tex: Callable[[str], str],
    ):
        self.link = link
        self.number = number
        self.tex = tex

    # Blocks ---------------------------------------------------------------------------------

    def blocks(self, parent: nodes.Element, depth: int) -> Iterator[Block]:
        """Write the children of an element that holds blocks."""
        for node in parent.children:
            if isinstance(node, nodes.section):
                title = next(iter(node.findall(nodes.title)))
                yield f"{'#' * min(depth, 6)} {self.inline(title)}"
                yield from self.blocks(node, depth + 1)
            else:
                yield from self.block(node, depth)

    def block(self, node: nodes.Node, depth: int) -> Iterator[Block]:
        """Write one block; what is not known is written as what it holds."""
        kind = type(node).__name__
        if isinstance(node, nodes.Text):
            if text := node.astext().strip():
                yield escaped(text)
        elif "cell_index" in getattr(node, "attributes", {}):
            yield int(node["cell_index"])
            for figure in node.findall(nodes.figure):
                yield from self.figure(figure)
        elif isinstance(node, nodes.paragraph | nodes.caption | nodes.attribution):
            if text := self.inline(node).strip():
                yield text
        elif isinstance(node, nodes.rubric):
            yield f"**{self.inline(node)}**"
        elif isinstance(node, nodes.math_block):
            number = node.get("number") and (self.number(node) or node["number"])
            tag = rf" \tag{{{number}}}" if number else ""
            yield f"$$\n{display(self.tex(node.astext()))}{tag}\n$$"
        elif isinstance(node, nodes.literal_block):
            yield f"```{language(node)}\n{node.astext()}\n```"
        elif isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            yield "\n".join(self.items(node, depth))
        elif isinstance(node, nodes.definition_list_item):
            term = next(iter(node.findall(nodes.term)))
            yield f"**{self.inline(term)}**"
            yield self.text(node.children[-1], depth)
        elif isinstance(node, nodes.table):
            yield self.table(node)
        elif isinstance(node, nodes.figure):
            yield from self.figure(node)
        elif kind.startswith("exercise") and kind.endswith("node"):
            title = next((n for n in node if isinstance(n, nodes.title)), None)
            yield quoted(f"**{self.exercise(node, title)}**", self.text(node, depth))
        elif kind.endswith("_node") and "proof" in node.get("classes", ()):
            name = f"{node['classes'][1].capitalize()} {self.number(node)}".strip()
            yield quoted(f"**{name}{escaped(node.get('title', ''))}.**", self.text(node, depth))
        elif kind == "proof_node":
            text = self.text(node, depth).lstrip().removeprefix("Proof.").lstrip()
            yield f"*Proof.* {text} ∎"
        elif kind == "solution_node":  # cells stand in it, so that it cannot be a box
            title = next((n for n in node if isinstance(n, nodes.title)), None)
            yield f"**{self.inline(title).strip()}.**" if title else ""
            yield from self.blocks(_without_sections(node), depth)
        elif isinstance(node, nodes.Admonition) and "proof" not in node.get("classes", ()):
            title = next((n for n in node if isinstance(n, nodes.title)), None)
            head = self.inline(title) if title is not None else _WORDS.get(kind, kind.capitalize())
            yield boxed(head, self.text(node, depth))
        elif kind == "self_test":
            yield from self.question(node, depth)
        elif kind == "exercise_start":
            yield from self.start(node)
        elif isinstance(node, nodes.block_quote):
            yield quoted(self.text(node, depth))
        elif isinstance(node, nodes.transition):
            yield "---"
        elif isinstance(node, nodes.Inline | nodes.reference):
            yield self.inline_node(node)
        elif kind == "dropdown_main":  # of sphinx-design, once it has been made for HTML
            head, *rest = node.children
            body = nodes.container()
            body.children = rest
            yield folded(self.inline(head).strip(), self.text(body, depth))
        elif not isinstance(node, _DROPPED) and not kind.startswith("exercise_"):
            yield from self.blocks(node, depth)

    def text(self, node: nodes.Element, depth: int) -> str:
        """Write the blocks within an element as one text; code cells cannot stand there."""
        inner = list(self.blocks(_without_sections(node), depth))
        return "\n\n".join(block for block in inner if isinstance(block, str) and block)

    def items(self, node: nodes.Element, depth: int) -> Iterator[str]:
        """Write the items of a list, each indented below its mark."""
        for count, item in enumerate(node.children, start=int(node.get("start", 1))):
            mark = "-" if isinstance(node, nodes.bullet_list) else f"{count}."
            lines = self.text(item, depth).split("\n")
            pad = " " * (len(mark) + 1)
            yield f"{mark} " + "\n".join([lines[0], *(pad + x if x else "" for x in lines[1:])])

    def figure(self, node: nodes.Element) -> Iterator[str]:
        """Write the caption of a figure, which the reader's own run draws."""
        caption = next(iter(node.findall(nodes.caption)), None)
        if caption is not None:
            name = f"Figure {self.number(node)}".strip()
            yield f"**{name}.** {self.inline(caption)}"

    def exercise(self, node: nodes.Element, title: nodes.Element | None) -> str:
        """Write the heading of an exercise: its number, its name, its stars and minutes."""
        name = self.inline(title).strip().removeprefix("Exercise").strip() if title else ""
        number = f"Exercise {self.number(node)}".strip()
        return f"{number}. {name}" if name else number

    def start(self, node: nodes.Element) -> Iterator[Block]:
        """Write starter code and check of an exercise as cells; a failing check stops nothing."""
        for part in node.children:
            if isinstance(part, nodes.literal_block):
                is_check = "exercise-check" in part["classes"]
                yield Code(part.astext(), ("raises-exception",) if is_check else ())
            else:
                yield f"*{self.inline(part)}*"

    def question(self, node: nodes.Element, depth: int) -> Iterator[str]:
        """Write a question of a self-test, each of its choices folded over the verdict."""
        choices = [child for child in node if type(child).__name__ == "self_test_choice"]
        asked = nodes.container()
        asked.children = [child for child in node if child not in choices]
        yield f"**Question {node['number']}.** {self.text(asked, depth)}"
        for letter, choice in zip("abcd", choices, strict=False):
            text, why = choice.children
            verdict = VERDICTS[choice["right"]]
            # What one clicks on is HTML, in which no notebook program reads Markdown.
            head = "".join(map(self.html, text.children))
            yield folded(f"{letter}. {head}", f"**{verdict}** {self.inline(why)}")

    def table(self, node: nodes.Element) -> str:
        """Write a table; one without a head gets an empty one, which Markdown demands."""
        rows = [
            [self.text(entry, 1).replace("\n\n", "<br>").replace("\n", " ") for entry in row]
            for row in node.findall(nodes.row)
        ]
        if not rows:
            return ""
        if not list(node.findall(nodes.thead)):
            rows.insert(0, [""] * len(rows[0]))
        rows.insert(1, ["---"] * len(rows[0]))
        return "\n".join("| " + " | ".join(c.replace("|", r"\|") for c in r) + " |" for r in rows)

    # Text -----------------------------------------------------------------------------------

    def inline(self, node: nodes.Element) -> str:
        """Write what stands within a line."""
        return "".join(map(self.inline_node, node.children))

    def inline_node(self, node: nodes.Node) -> str:
        """Write one piece of a line."""
        if isinstance(node, nodes.Text):
            return escaped(node.astext())
        if isinstance(node, nodes.math):
            return f"${self.tex(node.astext()).strip()}$"
        if isinstance(node, nodes.literal):
            return literal(node.astext())
        if isinstance(node, nodes.strong | nodes.emphasis):
            mark = "**" if isinstance(node, nodes.strong) else "*"
            inner = self.inline(node)
            return f"{mark}{inner.strip()}{mark}" if inner.strip() else inner
        if isinstance(node, nodes.reference):
            inner = self.inline(node)
            target = self.link(node.get("refuri", ""))
            if not target or not inner.strip():
                return inner
            before = inner[: len(inner) - len(inner.lstrip())]  # a blank within is no link
            return f"{before}[{inner.lstrip()}]({target})"
        if isinstance(node, _DROPPED):
            return ""
        return self.inline(node) if isinstance(node, nodes.Element) else ""

    def html(self, node: nodes.Node) -> str:
        """Write one piece of a line as HTML, with formulas that notebooks find in it."""
        if isinstance(node, nodes.math):
            return self.inline_node(node)
        if isinstance(node, nodes.Text):
            return escape(node.astext(), quote=False).replace("$", "&#36;")
        inner = "".join(map(self.html, node.children))
        names = {nodes.literal: "code", nodes.strong: "strong", nodes.emphasis: "em"}
        name = next((name for kind, name in names.items() if isinstance(node, kind)), "")
        return f"<{name}>{inner}</{name}>" if name else inner


def _without_sections(node: nodes.Element) -> nodes.Element:
    """Return an element like it, with the sections that only group its content opened."""
    copy = nodes.container()
    copy.children = [
        child
        for part in node.children
        for child in (part.children if isinstance(part, nodes.section) else [part])
    ]
    return copy
