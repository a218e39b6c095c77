"""The pieces that plain Markdown is written from: words, code, formulas, quotes, folds."""

from __future__ import annotations

import re

from docutils import nodes

__all__ = ["boxed", "display", "escaped", "folded", "language", "literal", "quoted"]

_SPECIAL = re.compile(r"([\\`*$<])|(?<!\w)_|_(?!\w)")


def escaped(text: str) -> str:
    """Return running text in which no letter is taken for a mark of Markdown."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


def literal(text: str) -> str:
    """Return a piece of code within a line."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def display(tex: str) -> str:
    """Return the TeX of a display, lines that are aligned in the environment they need."""
    tex = tex.strip()
    if (r"\\" in tex or "&" in tex) and r"\begin{" not in tex:
        return f"\\begin{{aligned}}\n{tex}\n\\end{{aligned}}"
    return tex


def language(node: nodes.literal_block) -> str:
    """Return the language of a block of code, as Markdown names it; empty for plain text."""
    name = node.get("language", "")
    return "python" if name.startswith("ipython") else name.replace("myst-ansi", "")


def quoted(*parts: str) -> str:
    """Return paragraphs as one quotation, in which boxes of the page come."""
    text = "\n\n".join(part for part in parts if part)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def boxed(title: str, text: str) -> str:
    """Return a box with a title."""
    return quoted(f"**{title}**", text)


def folded(title: str, text: str) -> str:
    """Hide a text until the reader asks for it; notebooks take this little HTML."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
