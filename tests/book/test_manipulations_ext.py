"""Figures with handles on a page made by Sphinx: in place, and their scripts nowhere else."""

import matplotlib as mpl
import pytest
from manipulations import MAKERS
from test_figures_ext import TinyBook, figure_cell

from fearless.book import STATIC_VARIABLE

EXTENSION = """
from fearless.book.sphinx.pages import figures
from fearless.book.sphinx.pages import manipulations


def setup(app):
    app.config.html_static_path.append("assets")
    figures.setup(app)
    manipulations.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
"""
FILES = ("drag.css", "drag.js", "drag-points.js", "drag-momentum.js")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    tiny = TinyBook(tmp_path_factory.mktemp("tiny"))
    tiny.write("tiny_ext.py", EXTENSION)
    conf = (tiny.root / "conf.py").read_text(encoding="utf8")
    tiny.write("conf.py", conf.replace('fearless_ledger = "ledger"\n', ""))
    (tiny.root / "assets").mkdir()
    for name in FILES:
        tiny.write(f"assets/{name}", "/* nothing */")
    with mpl.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATIC_VARIABLE, "1")
        texts = {k: make()._repr_mimebundle_()["image/svg+xml"] for k, make in MAKERS.items()}
    tiny.write("index.md", "# Tiny\n\n```{toctree}\nwith\nwithout\n```\n")
    tiny.notebook("with", "# With", figure_cell(texts["points"], name="fig-p"))
    tiny.notebook("without", "# Without")
    status, output = tiny.build()
    assert status == 0, output
    return tiny


def test_the_figure_stands_in_the_page(book):
    page = book.page("with.html")
    assert 'class="fig-drag" data-drag="points"' in page
    assert '<script type="application/json">' in page
    assert page.count("<figure") == 1


def test_only_the_page_that_needs_them_loads_scripts_and_styles(book):
    loaded = {
        name: [f for f in FILES if f in book.page(name)] for name in ("with.html", "index.html")
    }
    assert loaded["with.html"] == ["drag.css", "drag.js", "drag-points.js"]
    assert loaded["index.html"] == []
    assert not any(f in book.page("without.html") for f in FILES)


def test_no_script_keeps_the_page_from_being_painted(book):
    for line in book.page("with.html").splitlines():
        if "drag" in line and "<script src" in line:
            assert "defer" in line
