"""A page as plain Markdown: what a notebook shows where nobody knows the book's own markup.

Jupyter and Colab know headings, lists, links and formulas, but neither theorems nor citations nor
references. So the text of a notebook is written from the *resolved* page, in which numbers,
names and links are all filled in, and what is left is said in words of common Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from docutils import nodes

__all__ = ["Block", "to_markdown"]

#: A piece of text, or the position of a code cell in the notebook.
Block = str | int

_SPECIAL = re.compile(r"([\\`*$<])|(?<!\w)_|_(?!\w)")
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
    str or int
        A block of text, or the index of a code cell (its outputs are not repeated, but the
        captions of its figures follow it).
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
                yield _escape(text)
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
            yield f"$$\n{_display(self.tex(node.astext()))}{tag}\n$$"
        elif isinstance(node, nodes.literal_block):
            yield f"```{_language(node)}\n{node.astext()}\n```"
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
            title = next((n for n in node if type(n).__name__ == "exercise_title"), None)
            yield _quote(f"**{self.exercise(node, title)}**", self.text(node, depth))
        elif kind.endswith("_node") and "proof" in node.get("classes", ()):
            name = f"{node['classes'][1].capitalize()} {self.number(node)}".strip()
            yield _quote(f"**{name}{_escape(node.get('title', ''))}.**", self.text(node, depth))
        elif kind == "proof_node":
            text = self.text(node, depth).lstrip().removeprefix("Proof.").lstrip()
            yield f"*Proof.* {text} ∎"
        elif isinstance(node, nodes.Admonition) and "proof" not in node.get("classes", ()):
            title = next((n for n in node if isinstance(n, nodes.title)), None)
            head = self.inline(title) if title is not None else _WORDS.get(kind, kind.capitalize())
            box = _folded if "dropdown" in node.get("classes", ()) else _boxed
            yield box(head, self.text(node, depth))
        elif isinstance(node, nodes.block_quote):
            yield _quote(self.text(node, depth))
        elif isinstance(node, nodes.transition):
            yield "---"
        elif isinstance(node, nodes.Inline | nodes.reference):
            yield self.inline_node(node)
        elif kind == "dropdown_main":  # of sphinx-design, once it has been made for HTML
            head, *rest = node.children
            body = nodes.container()
            body.children = rest
            yield _folded(self.inline(head).strip(), self.text(body, depth))
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
        """Write the heading of an exercise: its number and what is in brackets."""
        subtitle = self.inline(title).strip() if title is not None else ""
        return f"Exercise {self.number(node)} {subtitle}".replace("  ", " ").strip()

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
            return _escape(node.astext())
        if isinstance(node, nodes.math):
            return f"${self.tex(node.astext()).strip()}$"
        if isinstance(node, nodes.literal):
            return _literal(node.astext())
        if isinstance(node, nodes.strong | nodes.emphasis):
            mark = "**" if isinstance(node, nodes.strong) else "*"
            inner = self.inline(node)
            return f"{mark}{inner.strip()}{mark}" if inner.strip() else inner
        if isinstance(node, nodes.reference):
            inner = self.inline(node)
            target = self.link(node.get("refuri", ""))
            return f"[{inner}]({target})" if target and inner.strip() else inner
        if isinstance(node, _DROPPED):
            return ""
        return self.inline(node) if isinstance(node, nodes.Element) else ""


def _without_sections(node: nodes.Element) -> nodes.Element:
    """Return an element like it, with the sections that only group its content opened."""
    copy = nodes.container()
    copy.children = [
        child
        for part in node.children
        for child in (part.children if isinstance(part, nodes.section) else [part])
    ]
    return copy


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


def _literal(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def _display(tex: str) -> str:
    """Return the TeX of a display, lines that are aligned in the environment they need."""
    tex = tex.strip()
    if (r"\\" in tex or "&" in tex) and r"\begin{" not in tex:
        return f"\\begin{{aligned}}\n{tex}\n\\end{{aligned}}"
    return tex


def _language(node: nodes.literal_block) -> str:
    language = node.get("language", "")
    return "python" if language.startswith("ipython") else language.replace("myst-ansi", "")


def _quote(*parts: str) -> str:
    text = "\n\n".join(part for part in parts if part)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _boxed(title: str, text: str) -> str:
    return _quote(f"**{title}**", text)


def _folded(title: str, text: str) -> str:
    """Hide a text until the reader asks for it; notebooks take this little HTML."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
