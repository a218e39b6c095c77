"""What each page of the built site costs a reader: bytes, requests, waiting, things that move.

Bytes and requests are counted from the files that a page asks for, compressed as a server does;
the times in the table that is written beside the site depend on the machine and are not asserted.
"""

import dataclasses
import json

import pytest
from site_browser import DESKTOP, PAGES, SITE
from site_speed import cost

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

KILOBYTES = 1000
SHIFT = 0.01
# Theme, book, formulas; a page has no business to ask for more.
REQUESTS = 45
# The list of figures shows all of them, each small, when it comes into view.
THUMBNAILS = "chapters/appendix/figures.html"

WITH_FORMULAS = [n for n in PAGES if "<mjx-container" in (SITE / n).read_text(encoding="utf8")]


@pytest.fixture(scope="module")
def costs(browser, base):
    """A function that returns what a page costs, measured once; all of it goes into a table."""
    known = {}

    def measured(name):
        if name not in known:
            known[name] = cost(browser, base, name)
        return known[name]

    yield measured
    table = [dataclasses.asdict(note) for note in known.values()]
    for row in table:
        del row["structure"]
    text = json.dumps(sorted(table, key=lambda row: -row["kilobytes"]), indent=2)
    (SITE.parent / "site-speed.json").write_text(text + "\n", encoding="utf8")


@pytest.fixture(params=PAGES)
def note(request, costs):
    return costs(request.param)


class TestEveryPage:
    def test_is_light(self, note):
        assert note.kilobytes <= KILOBYTES
        pictures = note.pictures if note.name == THUMBNAILS else 0
        assert note.requests - pictures <= REQUESTS

    def test_does_not_move(self, note, browser, base):
        if max(note.shift_first, note.shift_again) > SHIFT:
            # A busy machine draws in pieces, once; what moves by itself moves every time.
            note = cost(browser, base, note.name)
        assert note.shift_first <= SHIFT, note.moved
        assert note.shift_again <= SHIFT, note.moved

    def test_waits_for_no_script(self, note):
        assert note.structure["blocking"] == []
        assert note.structure["mathjax"] == []
        assert note.structure["fonts"] == 0

    def test_has_its_formulas_typeset(self, note):
        count = note.structure["formulas"]
        assert note.structure["typeset"] == note.structure["read"] == count

    def test_pictures_have_a_size_and_wait_below_the_fold(self, note):
        assert note.structure["eager"] == []
        assert note.structure["unsized"] == []

    def test_icons_are_drawn(self, note):
        assert note.structure["icons"] == []


def test_some_pages_have_formulas():
    assert WITH_FORMULAS


def test_the_whole_book_has_few_kinds_of_weight():
    """Formulas and icons stand in style sheets, fonts among them; the large files are gone."""
    static = SITE / "_static"
    assert not list(static.rglob("*.woff*"))
    assert not list(static.rglob("*.ttf"))
    assert not list(static.rglob("*.map"))
    assert not list(static.rglob("tex-*.js"))


@pytest.mark.parametrize("name", WITH_FORMULAS[:1])
def test_formulas_are_painted_before_fonts_and_scripts_arrive(browser, base, name):
    held = []
    context = browser.new_context(viewport=DESKTOP)
    arrived = False

    def hold(route):
        route.continue_() if arrived else held.append(route)

    context.route("**/*.js*", hold)
    context.route("**/fonts.css*", hold)
    page = context.new_page()
    page.goto(base + name, wait_until="commit")
    page.wait_for_function(
        "performance.getEntriesByName('first-contentful-paint').length > 0"
        " && document.querySelectorAll('footer').length > 0"
    )
    assert any("fonts.css" in route.request.url for route in held)
    # Sizes to a tenth of a pixel, where collapsing parts of the page has not hidden them yet.
    sizes = """() => Object.fromEntries([...document.querySelectorAll('article mjx-math')].map(
      (e, k) => [k, e.getBoundingClientRect()]).filter(([k, b]) => b.width).map(
      ([k, b]) => [k, [b.width.toFixed(1), b.height.toFixed(1)]]))"""
    before = page.evaluate(sizes)
    assert before
    for route in [*held]:
        route.continue_()
    arrived = True
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("[...document.fonts].some(f => /MJX/.test(f.family))")
    after = page.evaluate(sizes)
    assert {k: size for k, size in after.items() if before.get(k) != size} == {}
    context.close()
