r"""A search that finds symbols.

Two things are added to Sphinx's own search. Text and queries are split so that the letters of
formulas are words: λ, ``\lambda`` and lambda are one, and m* is not m. And the symbols of
``chapters/notation.yml`` and the terms of the glossary are given to the search page as a small
table of their own, so that PL*, K(x, z), n/p or ``min_norm_path`` lead to their entry first.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.search.en import SearchEnglish

from fearless.book.sphinx.words.hover import glossary_terms
from fearless.book.sphinx.words.notation import read_groups
from fearless.book.sphinx.words.symbols import GREEK, Symbol

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["MathsEnglish", "entries", "key", "setup", "split"]

DATA = "search-symbols-data.js"
SCRIPTS = (DATA, "search-symbols.js")

_STARRED = re.compile(
    r"(?<![\w*])([^\W\d_]{1,12})(?:\s*\^\s*\{?\s*\*\s*\}?|\\?\*(?![\w*]))", re.UNICODE
)
_LETTER = re.compile(f"[{''.join(GREEK)}‖]")
_WORD = re.compile(r"\w+")
# Python's word for a nameless function, which has nothing to do with λ.
_FUNCTION = re.compile(r"(?<!\\)\blambda(?=(?: [A-Za-z_*][\w, =*]*)?:)")
_VARIANT = re.compile(r"^var(?=epsilon|phi|theta|rho)")


def split(text: str) -> list[str]:
    r"""Split text into words for the index.

    >>> split("the penalty λ and \\lambda_i, PL* and m^*")
    ['the', 'penalty', 'lambda', 'and', 'lambda_i', 'lambda', 'PL', 'PLstar', 'and', 'm', 'mstar']
    """
    text = _FUNCTION.sub("", unicodedata.normalize("NFC", text))
    text = _STARRED.sub(lambda m: f" {_one(m[1])} {_one(m[1])}star ", text)
    text = _LETTER.sub(lambda m: f" {_spell(m)} ", text)
    words = []
    for word in map(_one, _WORD.findall(text)):
        words.append(word)
        # \lambda_i is found by lambda as well; names in code are left whole.
        base = word.split("_")[0]
        if base != word and base in _NAMES:
            words.append(base)
    return words


_NAMES = frozenset(GREEK.values())


def _spell(match: re.Match[str]) -> str:
    return "norm" if match[0] == "‖" else GREEK[match[0]]


def _one(word: str) -> str:
    return _VARIANT.sub("", _LETTER.sub(_spell, word))


class MathsEnglish(SearchEnglish):
    """English, with the letters of formulas as words."""

    def init(self, options: dict[str, str]) -> None:
        """Read the rule for queries, which is to do the same as `split`."""
        super().init(options)
        rule = Path(__file__).with_name("search-split.js")
        letters = json.dumps(dict(GREEK), ensure_ascii=False)
        self.js_splitter_code = rule.read_text(encoding="utf8").replace('"@GREEK@"', letters)

    def split(self, input: str) -> list[str]:
        """Split text into words."""
        return split(input)


def key(text: str) -> str:
    r"""Reduce a symbol or a name to the form in which searches are compared.

    >>> [key(s) for s in ("σ²", "\\sigma^2", "K(x, z)", "‖β‖", "||w||", "min_norm_path")]
    ['sigma2', 'sigma2', 'K(x,z)', '|·|', '|·|', 'minnormpath']
    """
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    text = re.sub(r"\\?\|\||‖|\\[lr]Vert|\\\|", "|", text)
    text = _LETTER.sub(_spell, text)
    text = re.sub(r"[\s\\^_{}$]", "", text).replace("−", "-")
    return re.sub(r"\|[^|]+\|", "|·|", text)


def entries(env: BuildEnvironment) -> list[dict[str, Any]]:
    """Return what the search page knows by name: symbols, then terms.

    Each has keys ``k`` (in the form of `key`, or words), a title ``t``, the page ``p`` and the
    anchor ``a`` it leads to, and says what kind of thing it is (``d``). The anchors ``o`` are other
    names of the same entry.
    """
    found = []
    for holder in sorted(getattr(env, "fearless_notation", ())):
        for group in read_groups(env):
            found += [_of_symbol(symbol, holder) for symbol in group.symbols]
    for terms in glossary_terms(env).values():
        same: dict[str, list[str]] = {}
        for words, (*_, definition) in terms.items():
            same.setdefault(definition.astext(), []).append(words)
        for names in same.values():
            page, id, _ = terms[names[0]]
            keys = sorted({key(n) for n in names} | {n.lower().replace("’", "'") for n in names})
            others = [terms[name][1] for name in names[1:]]
            found.append(
                {"k": keys, "t": names[0], "p": page, "a": id, "o": others, "d": "Glossary"}
            )
    return found


def _of_symbol(symbol: Symbol, page: str) -> dict[str, Any]:
    meaning = re.sub(r"\{\w+\}`([^`<]*?)(?: <[^>]*>)?`", r"\1", symbol.meaning)
    phrase = re.split(r"[,;:(.]", meaning.replace("\\*", "*"))[0].strip()
    if not phrase or "$" in phrase:
        phrase = symbol.words[0] if symbol.words else ""
    names = (*symbol.names, symbol.tex, *symbol.code)
    words = {word.lower() for word in (*symbol.words, *symbol.code)}
    return {
        "k": sorted({key(name) for name in names} | words),
        "t": f"{symbol.names[0]}: {phrase}" if phrase else symbol.names[0],
        "p": page,
        "a": symbol.anchor,
        "d": "Notation",
    }


def _add_scripts(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    if page == "search":
        for script in SCRIPTS:
            app.add_js_file(script, defer="defer")


def after_search_tools(page: str) -> str:
    """Move the scripts behind Sphinx's own, which they extend: deferred ones run in this order."""
    ours = re.findall(r"<script[^<>]*search-symbols[^<>]*></script>\n?", page)
    for script in ours:
        page = page.replace(script, "", 1)
    language = re.compile(r"<script[^<>]*language_data\.js[^<>]*></script>\n?")
    return language.sub(lambda script: script[0] + "".join(ours), page, count=1)


def _write_data(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html" and app.builder.search:
        letters = json.dumps(dict(GREEK), ensure_ascii=False)
        data = json.dumps(entries(app.env), ensure_ascii=False, sort_keys=True)
        target = Path(app.outdir) / "_static" / DATA
        target.write_text(
            f"const FEARLESS_GREEK = {letters};\nconst FEARLESS_ENTRIES = {data};\n",
            encoding="utf8",
        )
        search = Path(app.outdir) / "search.html"
        search.write_text(after_search_tools(search.read_text(encoding="utf8")), encoding="utf8")


def setup(app: Sphinx) -> None:
    """Make the search of a Sphinx application find symbols."""
    app.add_search_language(MathsEnglish)
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _write_data)
