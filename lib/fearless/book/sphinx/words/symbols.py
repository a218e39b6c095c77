"""The file of symbols, ``chapters/notation.yml``: reading it, and finding symbols in formulas.

Nothing here knows of Sphinx, so that the tests can ask the same questions of the sources of the
pages that the build asks of the pages it has read.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

__all__ = ["GREEK", "Group", "Symbol", "duplicates", "find_in", "load_symbols", "tokens"]

#: Letters that are spelled out, in searches and in anchors.
GREEK: Mapping[str, str] = {
    char: name.capitalize() if char.isupper() else name
    for char, name in (
        (c, unicodedata.name(c).split()[-1].lower().replace("lamda", "lambda"))
        for c in "αβγδεζηθικλμνξοπρςστυφχψωΓΔΘΛΞΠΣΦΨΩ"
    )
} | {"ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta", "ℓ": "ell", "∇": "nabla"}

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[^\s{}]", re.DOTALL)
#: Says how something looks, not what it is.
_LAYOUT = frozenset([*r"\, \; \: \! \left \right \big \Big \bigl \bigr \Bigl \Bigr".split(), "\\ "])
#: What anchors say for signs.
_SPELLED = {"*": " star ", "⟨": " inner ", "‖": " norm ", "+": " plus ", "~": " tilde "}
_FIELDS = {"tex", "names", "meaning", "page"}
_OPTIONAL = {"words", "code", "section", "find", "scope"}


@dataclasses.dataclass(frozen=True)
class Symbol:
    """One meaning of one symbol.

    Attributes
    ----------
    tex
        The symbol as TeX.
    names
        The symbol in plain characters, the usual one first.
    meaning
        What it stands for, as MyST text.
    page
        The page that introduces it, below ``chapters/``.
    words, code
        What else a reader may search for, and its names in code.
    section
        The title of the section that introduces it; empty: the first that shows it.
    find
        Pieces of TeX one of which is in a formula where the symbol is used.
    scope
        Folders or pages in which it has this meaning; empty: everywhere else.
    """

    tex: str
    names: tuple[str, ...]
    meaning: str
    page: str
    words: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    section: str = ""
    find: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()

    @cached_property
    def anchor(self) -> str:
        """The id of its row in the table of symbols."""
        plain = unicodedata.normalize("NFKC", self.names[0])
        spelled = "".join(f" {_capital(c)} " if c in GREEK else _SPELLED.get(c, c) for c in plain)
        where = "-".join(self.scope[:1]).replace("/", "-")
        parts = [*re.findall(r"[A-Za-z0-9]+", spelled), *filter(None, [where])]
        # Ids must differ in more than case: some file systems and servers do not care for it.
        letters = ["big-" + p if p[:1].isupper() and len(p) == 1 else p for p in parts]
        return "-".join(["symbol", *letters]).lower()

    def covers(self, page: str) -> bool:
        """Tell whether the symbol may have this meaning on a page."""
        return not self.scope or any(page == s or page.startswith(f"{s}/") for s in self.scope)

    def is_in(self, formula: str) -> bool:
        """Tell whether a formula, in the form that `tokens` gives it, shows the symbol."""
        return any(find_in(piece, formula) for piece in self.find or (self.tex,))


@dataclasses.dataclass(frozen=True)
class Group:
    """Symbols that belong together, under one heading."""

    title: str
    symbols: tuple[Symbol, ...]


def load_symbols(path: Path) -> list[Group]:
    """Read the file of symbols.

    Raises
    ------
    ValueError
        If an entry lacks a field, has an unknown one, or one without the list it should have.
    """
    groups = yaml.safe_load(path.read_text(encoding="utf8"))
    return [
        Group(group["title"], tuple(_symbol(entry, path) for entry in group["symbols"]))
        for group in groups
    ]


def tokens(tex: str) -> str:
    r"""Reduce TeX to what it says: its tokens, each between spaces, without spacing and braces.

    >>> tokens(r"\bigl( K_{XX} \bigr)^{*}")
    ' ( K _ X X ) ^ * '
    """
    kept = (t for t in _TOKEN.findall(tex) if t not in _LAYOUT)
    return f" {' '.join(kept)} "


def find_in(piece: str, formula: str) -> bool:
    """Tell whether a piece of TeX is part of a formula, which `tokens` has reduced."""
    return tokens(piece) in formula


def duplicates(symbols: Iterable[Symbol]) -> list[tuple[Symbol, Symbol]]:
    """Return pairs of entries that give one symbol two meanings in one place.

    Meanings for a part or a page may replace the general one: that is what a scope is for.
    """
    found = []
    seen: dict[str, list[Symbol]] = {}
    for symbol in symbols:
        # "\gamma" and "\gamma = p/n" are the same symbol.
        key = tokens(re.split(r"\s*(?:=|\\ge|,)", symbol.tex)[0])
        for other in seen.get(key, []):
            same = not symbol.scope and not other.scope
            if same or any(_overlap(a, b) for a in symbol.scope for b in other.scope):
                found.append((other, symbol))
        seen.setdefault(key, []).append(symbol)
    return found


def _overlap(one: str, other: str) -> bool:
    # A page's meaning may replace that of its part, as a part's replaces the book's.
    return one == other


def _capital(letter: str) -> str:
    name = GREEK[letter]
    return f"big {name}" if letter.isupper() else name


def _symbol(entry: Mapping[str, Any], path: Path) -> Symbol:
    missing, unknown = _FIELDS - entry.keys(), entry.keys() - _FIELDS - _OPTIONAL
    if missing or unknown:
        raise ValueError(
            f"{path.name}: the symbol {entry.get('tex')!r} "
            + " and ".join(
                f"{verb} {', '.join(sorted(fields))}"
                for verb, fields in (("lacks", missing), ("has unknown", unknown))
                if fields
            )
        )
    lists = ("names", "words", "code", "find", "scope")
    # A word in place of a list would be read as a list of letters.
    faulty = [k for k in lists if k in entry and not (isinstance(entry[k], list) and entry[k])]
    if faulty:
        raise ValueError(
            f"{path.name}: the symbol {entry['tex']!r} has {', '.join(faulty)} that are no lists, "
            "or empty"
        )
    values = {k: tuple(map(str, v)) if k in lists else str(v) for k, v in entry.items()}
    return Symbol(**values)
