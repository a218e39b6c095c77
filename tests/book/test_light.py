"""What is left out of the pages so that they show themselves at once."""

from pathlib import Path

import pytest

from fearless.book.sphinx.delivery import light
from fearless.book.sphinx.formulas.fonts import characters

STYLE = (
    "/*! licence */.fa-solid{font-weight:900}"
    '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-cat:before{content:"\\f6be"}'
    '.fa-a:before{content:"A"}@font-face{font-family:X;src:url(x.woff2)}'
)


def test_scripts_in_the_head_wait():
    page = (
        '<head><script src="a.js"></script><script async src="b.js"></script>'
        '<script>let x = 1;</script><script type="module" src="c.js"></script></head>'
        '<body><script src="d.js"></script></body>'
    )
    lightened = light.defer_scripts(page)
    assert '<script defer="defer" src="a.js">' in lightened
    assert lightened.count("defer=") == 1
    assert light.defer_scripts(lightened) == lightened


def test_options_are_there_before_the_page_sets_one():
    page = '<script src="../_static/documentation_options.js?v=1"></script><script>O.x = 1</script>'
    inlined = light.inline_options(page, r"const O = {a: '\1'};")
    assert inlined == r"<script>const O = {a: '\1'};</script><script>O.x = 1</script>"


def test_icons_that_no_page_shows_are_left_out():
    assert light.icon_codes(STYLE, {"fa-bars", "fa-a"}) == {0xF0C9, 0x41}
    theme = pytest.importorskip("pydata_sphinx_theme").__file__
    fonts = next(Path(theme).parent.rglob("fa-solid-900.ttf")).parent
    style = light.icon_style(STYLE, {"fa-solid", "fa-navicon"}, {0xF105}, fonts)
    assert style.startswith("/*! licence */.fa-solid{font-weight:900}.fa-bars:before")
    assert "fa-cat" not in style
    assert "url(x.woff2)" not in style
    assert style.count("@font-face") == 1
    assert len(style) < 4000
    assert {0xF0C9, 0xF105} <= characters(fonts / "fa-solid-900.ttf")


def test_icon_fonts_are_not_fetched_ahead():
    page = (
        '<link rel="preload" as="font" href="a/vendor/fontawesome/6/webfonts/x.woff2" />\n'
        '<link href="a/vendor/fontawesome/6/css/all.min.css?digest=0" rel="stylesheet" />'
    )
    expected = '<link href="a/vendor/fontawesome/6/css/all.min.css?v=77" rel="stylesheet" />'
    assert light.link_icons(page, "77") == expected
