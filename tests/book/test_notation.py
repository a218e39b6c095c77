"""The file of symbols against the sources of the pages and the library."""

import re
from functools import cache
from pathlib import Path

import pytest

from fearless.book.sphinx.words.symbols import Symbol, duplicates, load_symbols, tokens

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
SYMBOLS = [s for group in load_symbols(CHAPTERS / "notation.yml") for s in group.symbols]
PARTS = (
    "interpolation",
    "over-parametrization",
    "double-descent",
    "kernel-regimes",
    "optimization",
)
# Angles, counts and the like that no reader looks up, and letters that a formula defines itself.
LOCAL = {r"\pi", r"\chi"}

_CODE = re.compile(r"```\{code-cell\}.*?```", re.DOTALL)
_DISPLAY = re.compile(r"\$\$(.*?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$])\$([^$]+)\$")


@cache
def page(name):
    return (CHAPTERS / f"{name}.md").read_text(encoding="utf8")


@cache
def display_formulas(name):
    return [tokens(tex) for tex in _DISPLAY.findall(_CODE.sub("", page(name)))]


@cache
def formulas(name):
    text = _CODE.sub("", page(name))
    return ";".join(
        [*display_formulas(name), *map(tokens, _INLINE.findall(_DISPLAY.sub("", text)))]
    )


@cache
def pages():
    return sorted(
        path.relative_to(CHAPTERS).with_suffix("").as_posix()
        for part in PARTS
        for path in (CHAPTERS / part).glob("*.md")
    )


@cache
def names_in_code():
    sources = [path.read_text(encoding="utf8") for path in (ROOT / "lib").rglob("*.py")]
    cells = [cell for name in pages() for cell in _CODE.findall(page(name))]
    return set(re.findall(r"\w+", "\n".join(sources + cells)))


def symbol(tex, *scope, **fields):
    return Symbol(tex, (tex,), "a meaning", "part/page", scope=scope, **fields)


def test_no_symbol_has_two_meanings_in_one_place():
    assert duplicates(SYMBOLS) == []


def test_rows_can_be_linked_to():
    anchors = [s.anchor for s in SYMBOLS]
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"symbol(-[a-z0-9]+)+", anchor) for anchor in anchors)


@pytest.mark.parametrize("entry", SYMBOLS, ids=lambda s: s.anchor)
class TestEntry:
    def test_is_introduced_where_it_says(self, entry):
        assert entry.is_in(formulas(entry.page))
        assert entry.covers(entry.page)
        assert not entry.section or f"\n## {entry.section}\n" in page(entry.page)

    def test_is_used_throughout_its_scope(self, entry):
        for scope in entry.scope:
            within = [name for name in pages() if name == scope or name.startswith(f"{scope}/")]
            assert any(entry.is_in(formulas(name)) for name in within), scope

    def test_its_names_in_code_exist(self, entry):
        assert set(entry.code) <= names_in_code()

    def test_says_what_it_means_in_a_phrase(self, entry):
        assert entry.meaning
        assert not entry.meaning.endswith(".")
        assert all(name.strip() for name in entry.names)


def test_letters_common_in_formulas_are_in_the_file():
    greek = re.compile(
        r"\\(?:var)?(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho"
        r"|sigma|tau|phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|ell)"
        r"(?![A-Za-z])|\\mathcal [A-Z]"
    )
    used: dict[str, set[str]] = {}
    for name in pages():
        for letter in greek.findall(";".join(display_formulas(name))):
            used.setdefault(letter, set()).add(name)
    common = {letter for letter, where in used.items() if len(where) >= 2} - LOCAL
    assert len(common) > 20
    listed = ";".join(tokens(piece) for s in SYMBOLS for piece in (s.tex, *s.find))
    missing = {letter for letter in common if tokens(letter) not in listed}
    assert not missing, {letter: sorted(used[letter]) for letter in missing}


class TestTokens:
    def test_looks_past_how_a_formula_is_set(self):
        assert tokens(r"\bigl( K_{XX} \bigr)^{*}") == tokens("(K_XX)^*")
        assert tokens(r"\left\langle u,\, v \right\rangle") == tokens(r"\langle u, v \rangle")

    def test_tells_a_letter_from_a_command_with_the_letter_in_it(self):
        assert not symbol(r"\eta").is_in(tokens(r"\beta \theta"))
        assert not symbol("m").is_in(tokens(r"\mu_M"))
        assert symbol("m").is_in(tokens(r"\frac{n}{m}"))

    def test_any_of_the_pieces_will_do(self):
        split = symbol("n/p", find=(r"\frac{n}{p}", "n/p"))
        assert split.is_in(tokens(r"1 - \frac np"))
        assert not split.is_in(tokens("p/n"))


class TestDuplicates:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (symbol("k"), symbol("k")),
            (symbol("k", "part"), symbol("k", "other", "part")),
            (symbol(r"\gamma", "part"), symbol(r"\gamma = p/n", "part")),
        ],
    )
    def test_are_found(self, one, other):
        assert duplicates([one, other]) == [(one, other)]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (symbol("k"), symbol("n")),
            (symbol("k"), symbol("k", "part")),
            (symbol("k", "part"), symbol("k", "part/page")),
        ],
    )
    def test_a_narrower_meaning_is_none(self, one, other):
        assert duplicates([one, other]) == []


class TestFile:
    def test_has_all_fields(self, tmp_path):
        path = tmp_path / "notation.yml"
        path.write_text("- {title: A, symbols: [{tex: n, names: [n], meaning: size}]}\n")
        with pytest.raises(ValueError, match="'n' lacks page"):
            load_symbols(path)

    def test_has_no_others(self, tmp_path):
        path = tmp_path / "notation.yml"
        path.write_text(
            "- {title: A, symbols: [{tex: n, names: [n], meaning: size, page: a, colour: red}]}\n"
        )
        with pytest.raises(ValueError, match="'n' has unknown colour"):
            load_symbols(path)

    @pytest.mark.parametrize("fault", ["names: []", "names: [n], code: lam"])
    def test_has_lists_where_they_belong(self, tmp_path, fault):
        path = tmp_path / "notation.yml"
        path.write_text(f"- {{title: A, symbols: [{{tex: n, {fault}, meaning: size, page: a}}]}}\n")
        with pytest.raises(ValueError, match=r"'n' has (names|code) that are no lists, or empty"):
            load_symbols(path)
