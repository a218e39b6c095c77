"""The style sheet of the formulas: of all the rules MathJax has, those that the pages need.

MathJax draws a formula with elements ``mjx-*``, and each glyph by a class of its own; its whole
style sheet has a rule for every glyph of every font, ten times what a book needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["elements", "face", "faces", "glyphs", "keep_together", "link", "prune"]

RULES = "maths.css"
FONTS = "fonts.css"
# Fonts that are data are still read a moment after the first paint. Until then the height of a
# line is that of the last name in the list: any font of the system, taken to be of no height.
HOLD = "MJXHOLD"
_LOCAL = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Roboto")
_HOLD_FACE = (
    f"@font-face {{font-family: {HOLD};src: "
    + ", ".join(f'local("{name}")' for name in _LOCAL)
    + ";ascent-override: 0%;descent-override: 0%;line-gap-override: 0%}"
)

#: An element as it occurs on the pages: its name and its classes.
Element = tuple[str, frozenset[str]]

_TAG = re.compile(r"<(mjx-[\w-]+)([^<>]*)>")
# In a script the quotes may be escaped.
_CLASSES = re.compile(r'\bclass=\\?"([^"\\]*)')
# The glyphs are strings: braces and semicolons among them, and the quote itself.
_STRING = r'"(?:[^"\\]|\\.)*"'
_RULE = re.compile(rf"([^{{}}]+)\{{((?:[^{{}}\"]|{_STRING})*)\}}")
_DECLARATION = re.compile(rf"(?:[^;\"]|{_STRING})+")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_FACE = re.compile(r"font-family: ([\w-]+);\s*src: url\(\"?fonts/([\w.-]+)\"?\)")
_CONTENT = re.compile(r'content: "(?:\\([0-9A-F]+)|((?:[^"\\]|\\.)))"')
# The families of the rule for stretchy elements.
_PIECES = ("MJXTEX-S1", "MJXTEX-S4", "MJXTEX", "MJXTEX-A")
_FORMULA = re.compile(
    r"([(\[“‘]*)"
    r'(<span class="math notranslate nohighlight"[^<>]*><mjx-container.*?</mjx-container></span>)'
    r"((?:[.,;:!?)\]’”…]|&quot;|&#39;)+|-?\w{1,6}\b|)",
    re.DOTALL,
)
_LINK = re.compile(r"<link[^<>]*/vendor/mathjax/[^<>]*>\n?")


def elements(text: str) -> set[Element]:
    """Collect the elements of formulas, each kind once, from the HTML of a page."""
    found = set()
    for name, attributes in set(_TAG.findall(text)):
        classes = _CLASSES.search(attributes)
        found.add((name, frozenset(classes[1].split() if classes else ())))
    return found


def prune(style: str, used: Iterable[Element]) -> str:
    """Select the rules of a style sheet that apply to the given elements, and shorten them.

    Parameters
    ----------
    style : str
        MathJax's whole style sheet; flat, without media queries.
    used : iterable of Element
        What `elements` found on all pages.

    Returns
    -------
    str
        A style sheet that draws these elements just as the whole one does, but names no font.
    """
    by_name: dict[str, set[frozenset[str]]] = {}
    for name, classes in used:
        by_name.setdefault(name, set()).add(classes)
    rules = []
    for selectors, body in _RULE.findall(_COMMENT.sub("", style)):
        declarations = ";".join(
            ": ".join(part.strip() for part in line.split(":", 1))
            for line in _DECLARATION.findall(body)
            if line.strip()
        )
        if selectors.strip().startswith("@font-face"):
            continue
        kept = [s.strip() for s in selectors.split(",") if _applies(s, by_name)]
        if kept:
            rules.append(f"{', '.join(kept)} {{{declarations}}}")
    rules = [re.sub(r"(font-family: MJXZERO[^;!}]*)", rf"\1, {HOLD}", rule) for rule in rules]
    return "\n".join([*rules, ".math-unbroken {white-space: nowrap}", _HOLD_FACE]) + "\n"


def _applies(selector: str, used: Mapping[str, set[frozenset[str]]]) -> bool:
    """Tell whether there may be an element for each part of a selector."""
    return all(_occurs(part, used) for part in re.split(r"[\s>]+", selector.strip()))


def _occurs(part: str, used: Mapping[str, set[frozenset[str]]]) -> bool:
    bare = re.sub(r"\[[^\]]*\]|:not\([^)]*\)|::?[\w-]+", "", part)
    name, *classes = bare.split(".")
    wanted = set(classes)
    if name in ("", "*"):
        return any(wanted <= have for kinds in used.values() for have in kinds)
    return any(wanted <= have for have in used.get(name, ()))


def faces(style: str) -> dict[str, str]:
    """Return the font files that MathJax's whole style sheet names: family -> file."""
    return dict(_FACE.findall(style))


def glyphs(style: str) -> dict[str, set[int]]:
    """Return the code points that a pruned style sheet draws with each family of fonts."""
    found: dict[str, set[int]] = {}
    for selectors, body in _RULE.findall(style):
        content = _CONTENT.search(body)
        if not content:
            continue
        code = int(content[1], 16) if content[1] else ord(content[2][-1])
        variant = re.search(r"\.TEX(-\w+)", selectors)
        # Tall brackets and long arrows are put together from pieces of several fonts.
        families = (
            _PIECES if "stretchy" in selectors else (f"MJXTEX{variant[1] if variant else ''}",)
        )
        for family in families:
            found.setdefault(family, set()).add(code)
    return found


def face(family: str, address: str) -> str:
    """Declare a font."""
    # Nothing instead of another font's letters, for the moment until the font is there.
    source = f'src: url("{address}") format("woff")'
    return f"@font-face {{font-family: {family};{source};font-display: block}}\n"


def link(text: str, folder: str, digest: str) -> str:
    """Link both style sheets from a page that has formulas.

    The rules come before the first style sheet, so that the book's own come later. The fonts come
    at the end of the page: all of it can be painted before they arrive, and as the rules hold the
    size of each glyph, nothing moves then.

    Parameters
    ----------
    text : str
        The page.
    folder : str
        The folder of the style sheets, as seen from the page.
    digest : str
        Changes with their content, so that no browser keeps old ones.
    """
    text = _LINK.sub("", text)
    rules, fonts = (
        f'<link rel="stylesheet" href="{folder}/{name}?v={digest}" />\n' for name in (RULES, FONTS)
    )
    text = text.replace("<link", f"{rules}<link", 1)
    head, end, tail = text.rpartition("</body>")
    return f"{head}{fonts}{end}{tail}" if end else text


def keep_together(text: str) -> str:
    """Forbid a new line between a formula and what touches it: "(", "," or "-th".

    Browsers may break lines on either side of any box, whatever stands there.
    """

    def wrap(match: re.Match[str]) -> str:
        before, formula, after = match.groups()
        if not before and not after:
            return match[0]
        return f'<span class="math-unbroken">{before}{formula}{after}</span>'

    return _FORMULA.sub(wrap, text)
