"""Words and symbols on the built site: definitions on the spot, and a search that finds both."""

import re

import pytest
from site_browser import DESKTOP, PHONE, SITE

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

GLOSSARY = "chapters/appendix/glossary.html"
NOTATION = "chapters/preface/notation.html"
TERM = "article a.reference:has(> .std-term)"


def page_with_terms():
    """Return a page of the site that links to terms."""
    for path in sorted((SITE / "chapters").rglob("*.html")):
        if 'class="definitions"' in path.read_text(encoding="utf8"):
            return path.relative_to(SITE).as_posix()
    pytest.fail("no page of the site links to a term")


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    yield page
    context.close()


def described(page, link):
    """Return the definition that a link is described by, None when it has none."""
    return link.evaluate(
        "a => document.getElementById(a.getAttribute('aria-describedby'))?.textContent ?? null"
    )


def open_by_mouse(page, base):
    page.goto(base + page_with_terms())
    link = page.locator(TERM).first
    link.scroll_into_view_if_needed()
    link.hover()
    page.locator("#definition-card").wait_for(state="visible")
    return link


class TestDefinition:
    def test_opens_under_the_mouse_and_stays_while_it_is_there(self, page, base):
        link = open_by_mouse(page, base)
        assert len(described(page, link)) > 20
        card = page.locator("#definition-card")
        card.hover()
        page.wait_for_timeout(600)
        assert card.is_visible()
        page.mouse.move(2, 2)
        card.wait_for(state="hidden")
        assert described(page, link) is None

    def test_is_in_the_window_beside_its_word(self, page, base):
        link = open_by_mouse(page, base)
        card, word = page.locator("#definition-card").bounding_box(), link.bounding_box()
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= DESKTOP["width"]
        below, above = card["y"] - word["y"], word["y"] - card["y"] - card["height"]
        assert below > 0 or above > 0
        assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]

    def test_opens_on_focus_and_closes_by_escape(self, page, base):
        page.goto(base + page_with_terms())
        link = page.locator(TERM).first
        link.focus()
        card = page.locator("#definition-card")
        assert card.is_visible()
        assert card.get_attribute("role") == "tooltip"
        page.keyboard.press("Escape")
        assert card.is_hidden()
        assert link.evaluate("a => a === document.activeElement")

    def test_enter_follows_the_link(self, page, base):
        page.goto(base + page_with_terms())
        page.locator(TERM).first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(re.escape(GLOSSARY) + "#term-"))

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_has_no_barrier(self, page, base, scheme):
        from axe_playwright_python.sync_playwright import Axe

        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        open_by_mouse(page, base)
        only = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
        result = Axe().run(page, context="#definition-card", options=only)
        assert result.response["violations"] == []

    def test_typesets_formulas(self, page, base):
        page.goto(base + GLOSSARY)
        link = page.locator("dd " + TERM.removeprefix("article ")).first
        link.focus()
        assert page.locator("#definition-card").is_visible()
        assert "\\(" not in page.locator("#definition-card").text_content()

    def test_is_a_plain_link_without_javascript(self, browser, base):
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(base + page_with_terms())
        assert page.locator(".definitions").is_hidden()
        page.locator(TERM).first.click()
        page.wait_for_url(re.compile(re.escape(GLOSSARY) + "#term-"))
        context.close()

    def test_works_from_a_file(self, page):
        page.goto((SITE / page_with_terms()).as_uri())
        page.locator(TERM).first.focus()
        assert page.locator("#definition-card").is_visible()

    def test_a_first_tap_shows_it_and_a_second_follows(self, browser, base):
        context = browser.new_context(viewport=PHONE, has_touch=True)
        page = context.new_page()
        page.goto(base + page_with_terms())
        link = page.locator(TERM).first
        link.tap()
        card = page.locator("#definition-card")
        card.wait_for(state="visible")
        assert GLOSSARY not in page.url
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        page.touchscreen.tap(150, 10)  # between the buttons of the header
        card.wait_for(state="hidden")
        link.tap()
        card.wait_for(state="visible")
        link.tap()
        page.wait_for_url(re.compile(re.escape(GLOSSARY) + "#term-"))
        context.close()


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "target"),
        [
            ("λ", f"{NOTATION}#symbol-lambda"),
            ("lambda", f"{NOTATION}#symbol-lambda"),
            ("PL*", f"{GLOSSARY}#term-PL"),
            ("m*", f"{NOTATION}#symbol-m-star-optimization"),
            ("K(x, z)", f"{NOTATION}#symbol-big-k-x-z"),
            ("n/p", f"{NOTATION}#symbol-n-p"),
            ("‖w‖", f"{NOTATION}#symbol-norm-w-norm"),
            ("KernelMachine", "KernelMachine"),
            ("min_norm_path", "min_norm_path"),
            ("double descent", f"{GLOSSARY}#term-double-descent"),
        ],
    )
    def test_finds_symbols_words_and_names(self, page, base, query, target):
        page.goto(f"{base}search.html")
        page.evaluate("q => { location.search = new URLSearchParams({q}) }", query)
        page.locator("ul.search li a").first.wait_for()
        links = page.locator("ul.search li a")
        found = links.evaluate_all("all => all.slice(0, 8).map(a => a.href + ' ' + a.textContent)")
        assert any(target in link for link in found), found
        pages = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert any(not re.search("glossary|notation|library", p) for p in pages), pages

    def test_leads_to_the_row(self, page, base):
        page.goto(f"{base}search.html?q=%CE%BB")
        page.locator("ul.search li a").first.click()
        page.wait_for_url(re.compile("#symbol-lambda"))
        assert page.locator(":target").is_visible()


def test_the_table_of_symbols_fits_a_phone(page, base):
    page.set_viewport_size(PHONE)
    page.goto(base + NOTATION)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = page.locator("table.notation td").evaluate_all(
        "cells => cells.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert wide == 0
