r"""The little Markdown of questions as HTML that other systems show, formulas as ``\(...\)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from fearless.book.sphinx.running.tex_macros import Macro, expand

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["inline_html", "paragraphs", "plain"]


@cache
def _parser() -> MarkdownIt:
    """Return a parser that reads what the site's reads: emphasis, code, formulas, quotes."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    # Without HTML: an angle bracket is one. XHTML, for it goes into XML.
    options = {"html": False, "typographer": True, "xhtmlOut": True}
    parser = MarkdownIt("commonmark", options).enable("smartquotes")
    dollarmath_plugin(parser, allow_labels=False)
    parser.add_render_rule("math_inline", _formula)
    return parser


def _formula(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    return rf"\({escape(expand(tokens[index].content, env['macros']).strip())}\)"


def inline_html(text: str, macros: Mapping[str, Macro]) -> str:
    """Return one piece of running text as HTML.

    Parameters
    ----------
    text : str
        Markdown with formulas, emphasis and code.
    macros : mapping
        The book's macros, which other systems do not know.

    Returns
    -------
    str
        Well-formed XML when it is put into an element.
    """
    return _parser().renderInline(text, {"macros": macros})


def paragraphs(text: str, macros: Mapping[str, Macro]) -> list[str]:
    """Return the paragraphs of a text as HTML, each without its element."""
    parts = (part.strip() for part in re.split(r"\n\s*\n", text))
    return [inline_html(" ".join(part.split("\n")), macros) for part in parts if part]


def plain(html: str) -> str:
    """Return the words of a piece of HTML."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())
