"""What the theme leaves out is in the pages that are built, and only that is changed."""

import re
import subprocess
import sys

import pytest

from fearless.book.sphinx.delivery.accessibility import MENDS, accessible

CONF = """
project, extensions, html_theme = "Tiny", ["sphinx_proof", "tiny"], "sphinx_book_theme"
html_theme_options = {"use_download_button": True, "search_bar_text": "Search the book"}
html_context = {"default_mode": "auto"}
"""
EXTENSION = """
from fearless.book.sphinx.delivery import accessibility
from fearless.book.sphinx.delivery import assets

def setup(app):
    app.connect("config-inited", assets._use_templates)
    app.connect("html-page-context", assets._add_filter)
    accessibility.setup(app)
"""
INDEX = """
Tiny
====

.. toctree::
   :caption: Part

   page
"""
BELOW = """
Below
=====
"""
PAGE = """
Page
====

.. toctree::

   below

Text [One]_.

.. prf:theorem::

   It holds.

.. prf:proof::

   It does.

Section
-------

.. [One] A source.
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page in the theme of the book, and the page of the search."""
    root = tmp_path_factory.mktemp("tiny")
    files = {
        "conf.py": CONF,
        "tiny.py": EXTENSION,
        "index.rst": INDEX,
        "page.rst": PAGE,
        "below.rst": BELOW,
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, '.');"
            "from sphinx.cmd.build import main; sys.exit(main(['-q', '.', '_out']))",
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return (root / "_out" / "page.html").read_text(encoding="utf8"), (
        root / "_out" / "search.html"
    ).read_text(encoding="utf8")


@pytest.mark.parametrize(
    "text",
    [
        'id="sidebar-book" role="complementary" aria-label="The book"',
        'id="sidebar-page"',
        'class="bd-toc-nav page-toc" aria-label="On this page"',
        'role="navigation" aria-label="Previous and next page"',
        'role="search"',
        'href="#" aria-current="page">Page</a>',
        'aria-label="Contents of the book" aria-controls="sidebar-book"',
        'aria-label="Contents of this page" aria-controls="sidebar-page"',
        'aria-label="Colours: light, dark or automatic"',
        '<i class="fa-solid fa-arrow-up" aria-hidden="true"></i>',
        '<span class="fa-solid fa-bars" aria-hidden="true"></span>',
        '<span class="search-button__kbd-shortcut" aria-hidden="true">',
        '<summary aria-label="Pages below this one">',
        'role="listitem"',
        'navbar-expand-lg bd-navbar d-print-none" role="presentation"',
        '<footer class="bd-footer" role="presentation"',
    ],
)
def test_a_page_says(page, text):
    """When one of these fails with a new version of the theme, its mend no longer fits."""
    assert text in page[0]


@pytest.mark.parametrize("fault", MENDS)
def test_no_fault_is_left(page, fault):
    assert not re.search(MENDS[fault][0], page[0])


def test_anchors_are_unique(page):
    for html in page:
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert sorted(ids) == sorted(set(ids))


def test_there_is_nothing_left_to_mend_in_a_mended_page(page):
    assert accessible(page[0]) == page[0]


def test_a_summary_is_named_by_its_text():
    summary = '<summary aria-label="Toggle hidden content">\n<p>Show code cell source</p></summary>'
    assert accessible(summary) == "<summary>\n<p>Show code cell source</p></summary>"


@pytest.mark.parametrize(
    "html",
    [
        '<header class="bd-header navbar"><a href="x">x</a></header>',
        '<span class="fable">fa-solid</span>',
        '<p id="proof-of-concept">x</p>',
        '<a class="reference internal" href="#">x</a>',
    ],
)
def test_what_has_no_fault_stays_as_it_is(html):
    assert accessible(html) == html
