"""The Sphinx side of figures, sliders, claims and numbers, on a tiny book."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

CONF = """
import sys
sys.path.insert(0, ".")
project = "Tiny"
extensions = ["myst_nb", "tiny_ext"]
html_theme = "basic"
numfig = True
nb_execution_mode = "MODE"
nb_execution_raise_on_error = True
exclude_patterns = ["tests", "_out"]
fearless_ledger = "ledger"
"""
EXTENSION = """
from fearless.book.sphinx.pages import figures
from fearless.book.sphinx.pages import ledger


def setup(app):
    figures.setup(app)
    ledger.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
"""
CLAIMS = {
    "first": """
peak: {statement: The error peaks at N = n., source: this book, kind: empirical,
       relation: close, tolerance: {abs: 5}}
""",
    "second": """
ridge: {statement: Ridge removes the peak., source: "Somebody (2020), Section 3", kind: negative,
        relation: "<"}
""",
}
ALT = 'Error "peaks" at N = n & falls'


def figure_cell(svg, name="fig-a", alt=ALT, caption="The *caption*."):
    figure = {"name": name, "caption": caption}
    return nbformat.v4.new_code_cell(
        "fig",
        metadata={"mystnb": {"image": {"alt": alt} if alt else {}, "figure": figure}},
        outputs=[executed({"image/svg+xml": svg, "text/plain": "<Figure>"})],
    )


def executed(data):
    return nbformat.v4.new_output("execute_result", data, execution_count=1)


def claim_cell(id, measured, expected, folder):
    from fearless.book.claims import claim, load_claims

    badge = claim(id, measured, expected, registry=load_claims(folder / "ledger"))
    data = {"text/html": badge._repr_html_(), "text/plain": repr(badge)}
    return nbformat.v4.new_code_cell(f"claim({id!r}, ...)", outputs=[executed(data)])


class TinyBook:
    """A Sphinx project of notebooks with stored outputs."""

    def __init__(self, root):
        self.root = root
        (root / "tests" / "theory").mkdir(parents=True)
        self.write("conf.py", CONF.replace("MODE", "off"))
        self.write("tiny_ext.py", EXTENSION)
        (root / "ledger").mkdir()
        for page, claims in CLAIMS.items():
            self.write(f"ledger/{page}.yml", claims)
        self.write("tests/theory/test_peak.py", 'def test(): check_claim("peak", 1, 1)\n')
        self.write("tests/test_ridge.py", 'def test(): check_claim("ridge", 1, 2)\n')

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf8")

    def notebook(self, name, title, *cells):
        text = nbformat.v4.new_markdown_cell(title)
        book = nbformat.v4.new_notebook(cells=[text, *cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        book.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        for i, cell in enumerate(book.cells):
            cell["id"] = f"cell{i}"
        nbformat.write(book, self.root / f"{name}.ipynb")

    def build(self, builder="html", *options):
        """Build, with warnings as errors, and return the exit status and what was printed."""
        environment = dict(os.environ, PYDEVD_DISABLE_FILE_VALIDATION="1", FEARLESS_STATIC="1")
        strict, target = ["-W", "--keep-going", "-n", "-d", "_out/doctrees"], f"_out/{builder}"
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *strict, "-b", builder, *options, ".", target],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def page(self, name, builder="html"):
        return (self.root / "_out" / builder / name).read_text(encoding="utf8")


def draw(value):
    from fearless.book import style

    fig, ax = style.subplots()
    ax.plot([0, 1], [0, value])
    ax.set_ylim(0, 3)
    return fig


@pytest.fixture(scope="module")
def svgs():
    import matplotlib as mpl

    from fearless.book import svg
    from fearless.book.slider import slider

    with mpl.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEARLESS_STATIC", "1")
        made = slider(draw, [1, 2], name="slope", start=2, alt=lambda v: f"slope {v}")
        return {"figure": svg.render(draw(1)), "slider": made._repr_mimebundle_()["image/svg+xml"]}


@pytest.fixture(scope="module")
def book(tmp_path_factory, svgs):
    """The tiny book, built once; tests that change it work on a copy."""
    tiny = TinyBook(tmp_path_factory.mktemp("tiny"))
    # The ledger is read before the pages whose claims it lists.
    toc = "```{toctree}\na-ledger\nfirst\nsecond\n```\n"
    tiny.write("index.md", f"# Tiny\n\n{{numref}}`fig-a` and {{numref}}`fig-b`.\n\n{toc}")
    tiny.write("a-ledger.md", "# Ledger\n\n```{claims-ledger}\n```\n")
    tiny.notebook(
        "first",
        "# First page",
        figure_cell(svgs["figure"]),
        figure_cell(svgs["slider"], "fig-b"),
        claim_cell("peak", 302, 300, tiny.root),
    )
    tiny.notebook("second", "# Second page", claim_cell("ridge", 0.1, 0.2, tiny.root))
    status, output = tiny.build()
    assert status == 0, output
    return tiny


@pytest.fixture
def copy(book, tmp_path):
    """A copy of the tiny book before its first build."""
    ignore = shutil.ignore_patterns("_out")
    root = shutil.copytree(book.root, tmp_path / "copy", ignore=ignore)
    other = object.__new__(TinyBook)
    other.root = Path(root)
    return other


class _Figures(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.figures, self.depth = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "figure":
            self.figures.append({"id": dict(attrs).get("id"), "tags": [], "text": ""})
            self.depth.append(tag)
        elif self.depth:
            self.figures[-1]["tags"].append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag == "figure":
            self.depth.pop()

    def handle_data(self, data):
        if self.depth:
            self.figures[-1]["text"] += data


def test_figures_are_inline_numbered_captioned_and_described(book):
    first, second = _Figures(book.page("first.html")).figures
    assert (first["id"], second["id"]) == ("fig-a", "fig-b")
    assert "Fig. 1" in first["text"]
    assert "The caption." in first["text"]
    (shown,) = [a for tag, a in first["tags"] if tag == "svg"]
    assert shown["role"] == "img"
    assert shown["aria-label"] == ALT
    frames = [a for tag, a in second["tags"] if tag == "div" and a["class"] == "fig-frame"]
    assert ["hidden" in frame for frame in frames] == [True, False]
    tags = {tag for figure in (first, second) for tag, _ in figure["tags"]}
    assert tags.isdisjoint({"img", "metadata"})
    index = book.page("index.html")
    assert "Fig. 1" in index
    assert "Fig. 2" in index


def test_identifiers_of_a_page_are_unique(book):
    ids = re.findall(r'\bid="([^"]*)"', book.page("first.html"))
    assert len(ids) == len(set(ids))


def test_image_files_are_not_published(book):
    assert not list((book.root / "_out" / "html").rglob("*.svg"))


def test_other_builders_keep_the_image(copy):
    status, output = copy.build("epub", "-D", "epub_copyright=x", "-D", "version=1")
    assert status == 0, output
    page = copy.page("first.xhtml", "epub")
    assert page.count("<img") == 2
    assert "fig-inline" not in page


def test_incomplete_figures_fail_the_build(copy, svgs):
    copy.notebook(
        "first",
        "# First page",
        figure_cell(svgs["figure"], "fig-a", alt=""),
        figure_cell(svgs["figure"], "fig-b", caption=""),
        figure_cell(svgs["slider"], ""),
        figure_cell(svgs["slider"].replace('slider">', 'slider">!'), "fig-c"),
        claim_cell("peak", 302, 300, copy.root),
    )
    status, output = copy.build()
    assert status == 1
    assert output.count("a figure has no alt text") == 1
    assert output.count("a figure has no name and caption") == 2
    assert output.count("a figure stays an image: the slider packed into the SVG is damaged") == 1


def test_the_ledger_lists_every_claim_with_its_numbers_page_and_test(book):
    ledger = book.page("a-ledger.html")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", ledger))
    assert "2 of 2 claims were checked in this build, and hold: 1 empirical, 1 negative." in text
    assert "The error peaks at N = n." in text
    assert "measured 302, expected 300 ± 5" in text
    assert "measured 0.1, claimed &lt; 0.2" in text
    assert "Somebody (2020), Section 3" in text
    assert "tests/theory/test_peak.py" in text
    assert "tests/test_ridge.py" in text
    links = re.findall(r'href="([^"]+#claim-[^"]+)"[^>]*>([^<]+)', ledger)
    assert links == [
        ("first.html#claim-peak", "First page"),
        ("second.html#claim-ridge", "Second page"),
    ]
    for link, _ in links:
        page, _, anchor = link.partition("#")
        assert f'id="{anchor}"' in book.page(page)
    assert "blob" not in ledger


def test_tests_are_linked_when_the_repository_is_known(copy):
    theme = """html_theme = "sphinx_book_theme"
html_theme_options = {"repository_url": "https://example.org/a/b/", "repository_provider": "github"}
"""
    copy.write("conf.py", CONF.replace("MODE", "off").replace('html_theme = "basic"\n', theme))
    status, output = copy.build()
    assert status == 0, output
    assert 'href="https://example.org/a/b/blob/main/tests/test_ridge.py"' in copy.page(
        "a-ledger.html"
    )


def test_the_ledger_follows_the_pages_from_build_to_build(copy):
    assert copy.build()[0] == 0
    copy.notebook("second", "# Renamed page", claim_cell("ridge", 0.05, 0.2, copy.root))
    status, output = copy.build()
    assert status == 0, output
    ledger = copy.page("a-ledger.html")
    assert "measured 0.05" in ledger
    assert "Renamed page" in ledger
    assert "measured 302" in ledger  # from the page that was not read again

    # A claim that is on no page any more is missed, and the page's old numbers are gone.
    copy.notebook("second", "# Second page")
    status, output = copy.build()
    assert status == 1
    assert "the claim 'ridge' is on no page" in output
    assert "measured 0.05" not in copy.page("a-ledger.html")


def test_a_claim_made_twice_or_unknown_fails_the_build(copy):
    cells = [claim_cell("ridge", 0.1, 0.2, copy.root), claim_cell("peak", 301, 300, copy.root)]
    copy.notebook("second", "# Second page", *cells)
    unknown = claim_cell("peak", 300, 300, copy.root)
    unknown.outputs[0].data["text/html"] = (
        unknown.outputs[0].data["text/html"].replace('data-claim="peak"', 'data-claim="invented"')
    )
    copy.notebook("third", "# Third page", unknown)
    copy.write("index.md", "# Tiny\n\n```{toctree}\nthird\na-ledger\nfirst\nsecond\n```\n")
    status, output = copy.build()
    assert status == 1
    assert "the claim 'peak' is made 2 times" in output
    assert "'invented', which is not in ledger/" in output


EXECUTED = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# Executed

Between {glue:text}`low` and {glue:text}`high`, or {glue}`high`.

```{code-cell} ipython3
from fearless.book import number, slider, style
number("low", -0.1234, ".1%")
number("high", 12345.678)
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: "A line through the origin, drawn without pyplot: it rises."}
  figure: {name: fig-own, caption: "Own."}
---
fig, ax = style.subplots()
ax.plot([0, 1])
fig
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: "A line through the origin, drawn with pyplot: it rises too."}
  figure: {name: fig-pyplot, caption: "Pyplot's."}
---
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([0, 1])
fig
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: "Two lines to choose from with the slider, of slopes one and two."}
  figure: {name: fig-slider, caption: "Slider."}
---
def draw(slope):
    fig, ax = plt.subplots()
    ax.plot([0, slope])
    return fig
slider(draw, [1, 2], name="slope", alt=lambda v: f"slope {v}")
```

```{code-cell} ipython3
print("open figures:", plt.get_fignums())
```
"""


def test_an_executed_page(tmp_path):
    tiny = TinyBook(tmp_path / "tiny")
    tiny.write("conf.py", CONF.replace("MODE", "force"))
    tiny.write("index.md", EXECUTED)
    status, output = tiny.build()
    assert status == 0, output
    page = tiny.page("index.html")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "Between −12.3% and 12,346, or 12,346." in text
    assert "open figures: []" in text
    # Each figure is shown once, as inline SVG, with its number.
    figures = _Figures(page).figures
    assert [f["id"] for f in figures] == ["fig-own", "fig-pyplot", "fig-slider"]
    assert page.count('role="img"') == 2 + 2
    assert "<img" not in page
    assert "&lt;Figure" not in page
