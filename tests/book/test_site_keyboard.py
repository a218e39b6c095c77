"""A page without a mouse: the first stop, the drawers, the search, what scrolls and what folds."""

import re

import pytest
from site_browser import DESKTOP, PAGES, PHONE, SITE

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

TEXT = {name: (SITE / name).read_text(encoding="utf8") for name in PAGES}


def page_with(pattern):
    """Return the smallest page of the site that has something."""
    found = [name for name in PAGES if re.search(pattern, TEXT[name])]
    assert found, f"no page has {pattern}"
    return min(found, key=lambda name: len(TEXT[name]))


@pytest.fixture
def open_page(browser, base):
    pages = []

    def open_page(name, viewport=DESKTOP, **options):
        page = browser.new_page(viewport=viewport, reduced_motion="reduce", **options)
        pages.append(page)
        page.goto(base + name, wait_until="load")
        return page

    yield open_page
    for page in pages:
        page.close()


def focused(page, what):
    return page.evaluate(f"document.activeElement.matches({what!r})")


def test_the_first_stop_leads_to_the_text(open_page):
    page = open_page(page_with('class="bd-article"'))
    link = page.locator(".skip-link a")
    assert page.evaluate("document.querySelector('.skip-link').getBoundingClientRect().bottom") <= 0
    page.keyboard.press("Tab")
    assert focused(page, ".skip-link a")
    box = link.bounding_box()
    assert box["y"] >= 0, "the link is not to be seen"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_a_drawer_of_the_phone_takes_and_gives_back_the_focus(open_page, which):
    page = open_page(page_with("bd-sidebar-secondary"), PHONE)
    button, drawer = page.locator(f".{which}-toggle"), page.locator(f".bd-sidebar-{which}")
    assert not drawer.is_visible()
    assert button.get_attribute("aria-expanded") == "false"
    assert button.get_attribute("aria-label").startswith("Contents of")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.activeElement.closest('.bd-sidebar-{which}')")
    page.wait_for_selector(f".{which}-toggle[aria-expanded=true]")
    assert drawer.is_visible()
    page.keyboard.press("Escape")
    assert focused(page, f".{which}-toggle")
    page.wait_for_selector(f".{which}-toggle[aria-expanded=false]")
    assert not drawer.is_visible()


def test_what_a_closed_drawer_holds_is_no_stop(open_page):
    page = open_page(page_with("bd-sidebar-secondary"), PHONE)
    stops = page.evaluate(
        """() => [...document.querySelectorAll('.bd-sidebar a, .bd-sidebar button')].filter(
             e => { e.focus(); return document.activeElement === e; }).length"""
    )
    assert stops == 0


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_search_closes_and_gives_the_focus_back(open_page, viewport):
    page = open_page(page_with("bd-sidebar-secondary"), viewport)
    opener = next(b for b in page.locator(".search-button__button").all() if b.is_visible())
    field, over = page.locator("#search-input"), page.locator(".search-button__search-container")
    opener.focus()
    page.keyboard.press("Enter")
    assert over.is_visible()
    assert focused(page, "#search-input")
    page.keyboard.press("Escape")
    assert not over.is_visible()
    assert focused(page, ".search-button__button")
    page.keyboard.press("Control+k")
    assert field.is_visible()
    # What comes next must not get the focus below a search that still covers it.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert not over.is_visible() or focused(page, ".search-button__wrapper *")


def test_what_scrolls_is_a_stop_and_scrolls_with_the_arrow_keys(open_page):
    page = open_page(page_with('<div class="math'), {"width": 320, "height": 640})
    page.wait_for_timeout(300)
    loose = page.evaluate(
        """() => [...document.querySelectorAll('article *')].filter(e => !e.closest('svg, mjx-math')
             && /auto|scroll/.test(getComputedStyle(e).overflowX)
             && e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0
             && !e.querySelector('a, button, input, [tabindex="0"]')
           ).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert loose == []
    box = page.locator("[data-scrolls]").first
    if box.count():
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(100)
        assert box.evaluate("e => e.scrollLeft") > 0
    page.set_viewport_size({"width": 2400, "height": 900})
    page.wait_for_timeout(500)
    assert page.locator("div.math[data-scrolls]").count() == 0, "a stop that scrolls nothing"


def test_copying_is_said(open_page):
    # A cell whose code is not folded.
    page = open_page(page_with(r'class="cell docutils container">\s*<div class="cell_input'))
    next(button for button in page.locator(".copybtn").all() if button.is_visible()).focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "[...document.querySelectorAll('[role=status]')].some(e => e.textContent === 'Copied')"
    )


def test_the_switch_of_colours_says_what_is_chosen(open_page):
    page = open_page(page_with("theme-switch-button"))
    button = page.locator(".theme-switch-button").first
    seen = set()
    for _ in range(3):
        button.focus()
        page.keyboard.press("Enter")
        mode = page.evaluate("document.documentElement.dataset.mode")
        word = {"light": "light", "dark": "dark", "auto": "automatic"}[mode]
        page.wait_for_selector(f'.theme-switch-button[aria-label="Colours: {word}"]')
        seen.add(mode)
    assert seen == {"light", "dark", "auto"}


def test_the_focus_is_drawn(open_page):
    """The audit reads styles; here the pixels round a control of each kind must change."""
    page = open_page(page_with("fig-marks"))
    page.keyboard.press("Tab")
    for kind in (
        ".prev-next-area a",
        ".fig-track input",
        ".fig-marks button",
        "summary",
        ".bd-docs-nav a",
        ".theme-switch-button",
        "article p a",
    ):
        control = next((c for c in page.locator(kind).all() if c.is_visible()), None)
        if control is None:
            continue
        control.scroll_into_view_if_needed()
        page.evaluate("document.activeElement.blur()")
        box = control.bounding_box()
        clip = {
            "x": max(box["x"] - 6, 0),
            "y": max(box["y"] - 6, 0),
            "width": box["width"] + 12,
            "height": box["height"] + 12,
        }
        before = page.screenshot(clip=clip)
        control.evaluate("e => e.focus({preventScroll: true})")
        assert page.screenshot(clip=clip) != before, kind
