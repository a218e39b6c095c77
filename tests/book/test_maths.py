"""Formulas typeset at build: the typesetter, the style sheet cut down, the pages of a site."""

import subprocess
import sys

import pytest

from fearless.book.sphinx.formulas import maths_css
from fearless.book.sphinx.formulas.fonts import characters, subset
from fearless.book.sphinx.formulas.maths import FONT_FOLDER, TARGET
from fearless.book.sphinx.formulas.typeset import TexError, Typesetter, mathjax_source

pytestmark = pytest.mark.filterwarnings("default")

MACROS = {"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1]}


@pytest.fixture(scope="module")
def typesetter(tmp_path_factory):
    made = Typesetter(MACROS, tmp_path_factory.mktemp("maths"))
    yield made
    made.close()


class TestTypesetter:
    def test_draws_a_formula_for_the_eye_and_for_screen_readers(self, typesetter):
        html = typesetter.html(r"\norm{x} \in \R")
        assert html.startswith('<mjx-container class="MathJax" jax="CHTML"')
        assert "<mi>x</mi>" in html
        assert 'aria-hidden="true"' in html
        assert 'display="true"' not in html
        assert 'display="true"' in typesetter.html(r"\norm{x} \in \R", display=True)

    def test_refuses_what_is_not_tex(self, typesetter):
        with pytest.raises(TexError, match=r"Undefined control sequence \\nonsense"):
            typesetter.html(r"\nonsense")
        with pytest.raises(TexError, match="Missing close brace"):
            typesetter.html(r"\frac{1}{2")

    def test_a_formula_knows_no_definitions_of_another(self, typesetter):
        with pytest.raises(TexError):
            typesetter.html(r"\newcommand{\mine}{x} \mine")

    def test_typesets_once(self, tmp_path, monkeypatch):
        first = Typesetter(MACROS, tmp_path)
        html = first.html("a + b")
        first.html("a + b")
        assert first.typeset == 1
        first.close()
        again = Typesetter(MACROS, tmp_path)
        monkeypatch.setattr(again, "_ask", lambda request: pytest.fail("asked once more"))
        assert again.html("a + b") == html
        again.close()
        assert Typesetter({}, tmp_path).path != again.path

    def test_says_why_it_cannot_run(self, tmp_path, monkeypatch):
        broken = Typesetter(MACROS, tmp_path)
        monkeypatch.setattr(broken, "source", tmp_path / "nowhere")
        with pytest.raises(RuntimeError, match="Cannot find module"):
            broken.html("x")
        broken.close()


@pytest.fixture(scope="module")
def whole(typesetter):
    return typesetter.stylesheet()


class TestStyleSheet:
    def test_keeps_what_the_formulas_need(self, typesetter, whole):
        tex = r"\left\{ \hat x_i; \frac{1}{2} \sum_{i} \mathcal{H} \right\}, \sqrt{\R}"
        used = maths_css.elements(typesetter.html(tex, display=True))
        style = maths_css.prune(whole, used)
        assert len(style) < len(whole) / 10
        for rule in (
            "mjx-c.mjx-c1D465.TEX-I::before",  # x
            'content: "{"',
            'content: ";"',
            "mjx-mover:not([limits",
            "mjx-line",
            "mjx-c.mjx-c48.TEX-C::before",  # the letter of \mathcal{H}
        ):
            assert rule in style, rule
        assert "mjx-c.mjx-c1D466.TEX-I" not in style  # y
        assert "mjx-menclose" not in style

    def test_every_glyph_it_draws_is_in_a_font(self, typesetter, whole):
        tex = r"\left( \begin{gathered} \alpha \\ \beta \\ \gamma \\ \R \\ 1 \end{gathered} \right)"
        used = maths_css.elements(typesetter.html(tex, display=True))
        drawn = maths_css.glyphs(maths_css.prune(whole, used))
        assert {"MJXTEX", "MJXTEX-I", "MJXTEX-A"} <= set(drawn)
        files = maths_css.faces(whole)
        for family in ("MJXTEX", "MJXTEX-I", "MJXTEX-A"):
            path = mathjax_source() / FONT_FOLDER / files[family]
            wanted = drawn[family] & characters(path)
            assert wanted
            assert len(subset(path, wanted)) < path.stat().st_size
            assert subset(path, wanted) == subset(path, wanted)

    def test_elements_are_found_in_scripts_too(self):
        found = maths_css.elements(r"x = '<mjx-c class=\"mjx-c41 TEX-I\"></mjx-c>'")
        assert found == {("mjx-c", frozenset({"mjx-c41", "TEX-I"}))}

    def test_links_come_before_other_styles_and_fonts_last(self):
        page = '<head><link href="a.css"></head><body>x</body>'
        linked = maths_css.link(page, "../m", "12")
        assert linked.index("m/maths.css?v=12") < linked.index("a.css")
        assert linked.index("x") < linked.index("m/fonts.css?v=12") < linked.index("</body>")
        here = maths_css.link(page, "_static/vendor/mathjax", "1")
        assert maths_css.link(here, "_static/vendor/mathjax", "1") == here


@pytest.mark.parametrize(
    ("text", "unbroken"),
    [
        ("see {}, and", "{},"),
        ("the {}-th of", "{}-th"),
        ("(see {}) or", "{})"),
        ("a ({} b", "({}"),
        ("the {} of", None),
        ("the {} — of", None),
    ],
)
def test_formulas_keep_what_touches_them(text, unbroken):
    formula = (
        '<span class="math notranslate nohighlight">'
        '<mjx-container class="MathJax">f</mjx-container></span>'
    )
    kept = maths_css.keep_together(text.format(formula))
    if unbroken is None:
        assert kept == text.format(formula)
    else:
        assert f'<span class="math-unbroken">{unbroken.format(formula)}</span>' in kept


class TestSite:
    """A small site made by Sphinx alone."""

    @staticmethod
    def build(root, text):
        (root / "conf.py").write_text(
            "extensions = ['myst_parser', 'fearless.book.sphinx.formulas.maths']\n"
            "myst_enable_extensions = ['amsmath', 'dollarmath']\n"
            "html_math_renderer = 'fearless'\nmath_numfig = False\n"
            f"mathjax3_config = {{'tex': {{'macros': {MACROS!r}}}}}\n"
        )
        (root / "index.md").write_text(text, encoding="utf8")
        return subprocess.run(
            [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", root, root / "b/html"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_pages(self, tmp_path):
        text = (
            "# Title $m^*$\n\nInline $\\norm{x}$, and {eq}`two`.\n\n"
            "```{math}\n:label: two\na &= b \\\\\n&= c\n```\n\n"
            "\\begin{align*}\nu &= v\n\\end{align*}\n"
        )
        result = self.build(tmp_path, text)
        assert result.returncode == 0, result.stderr
        page = (tmp_path / "b/html/index.html").read_text(encoding="utf8")
        assert "<mjx-merror" not in page
        assert page.count("<mjx-container") == 4  # title, text, two displayed
        assert '<span class="eqno">(1)' in page
        assert 'href="#equation-two"' in page
        assert "mathjax@3" not in page
        assert page.count("maths.css?v=") == 1
        assert (tmp_path / "b/html" / TARGET / "fonts.css").stat().st_size > 1000
        assert list((tmp_path / "b/.maths").glob("*.json"))

    def test_an_error_is_a_warning_with_its_line(self, tmp_path):
        result = self.build(tmp_path, "# Title\n\nSome text\n\nwith $\\nonsense{x}$.\n")
        assert result.returncode == 1
        assert "index.md:5: WARNING: not valid TeX: Undefined control sequence" in result.stderr
        assert r"in: \nonsense{x}" in result.stderr
