"""The site without a network and without a server: unpacked from its zip, opened from the disk."""

import zipfile

import pytest
from site_browser import DESKTOP, PAGES, SITE

from fearless.book.editions.archive import FOLDER, pack

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

WITH_SLIDER = [n for n in PAGES if 'class="fig-slider"' in (SITE / n).read_text(encoding="utf8")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The unpacked zip."""
    place = tmp_path_factory.mktemp("offline")
    count = pack(SITE, place / "book.zip")
    with zipfile.ZipFile(place / "book.zip") as packed:
        packed.extractall(place)
        assert len(packed.namelist()) == count
    return place / FOLDER


@pytest.fixture
def page(browser):
    """A page of a browser without a network, which notes whatever goes wrong."""
    context = browser.new_context(viewport=DESKTOP, offline=True)
    context.route("http*://**", lambda route: route.abort())
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
    page.on("requestfailed", lambda request: page.wrong.append(request.url))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else page.wrong.append(r.url),
    )
    yield page
    context.close()
    assert page.wrong == []


def test_opens_from_its_index(page, folder):
    page.goto((folder / "index.html").as_uri(), wait_until="load")
    page.wait_for_url("**/chapters/index.html*")
    page.wait_for_load_state("load")
    assert page.locator("article h1").first.is_visible()
    # The look is there: style sheets and the logo loaded.
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).display")
    assert page.evaluate("[...document.styleSheets].every(s => s.href?.startsWith('file:') ?? 1)")
    assert page.evaluate("[...document.images].filter(i => !i.naturalWidth && i.width).length") == 0


@pytest.mark.skipif(not WITH_SLIDER, reason="no page of this site has a slider")
def test_sliders_move(page, folder):
    page.goto((folder / WITH_SLIDER[0]).as_uri(), wait_until="load")
    slider = page.locator(".fig-slider input[type=range]").first
    visible = "() => document.querySelector('.fig-frame:not([hidden])').dataset.label"
    before = page.evaluate(visible)
    slider.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    last = page.evaluate(visible)
    page.keyboard.press("Home")
    assert page.evaluate(visible) != last
    assert page.evaluate(visible) != before or last != before


def test_formulas_are_typeset(page, folder):
    name = next(n for n in PAGES if 'class="math' in (SITE / n).read_text(encoding="utf8"))
    page.goto((folder / name).as_uri(), wait_until="load")
    page.wait_for_selector("article mjx-container")
    assert page.locator("article mjx-merror").count() == 0


def test_search_finds(page, folder):
    page.goto((folder / "search.html").as_uri() + "?q=interpolation", wait_until="load")
    page.wait_for_selector("#search-results li a")
    href = page.locator("#search-results li a").first.get_attribute("href")
    page.goto((folder / "search.html").as_uri().replace("search.html", href.split("?")[0]))
    assert page.locator("article h1").first.is_visible()


def test_links_go_on_from_page_to_page(page, folder):
    page.goto((folder / "chapters/index.html").as_uri(), wait_until="load")
    page.locator("a.right-next").click()
    page.wait_for_load_state("load")
    assert page.url.startswith("file:")
    assert page.locator("article h1").first.is_visible()
