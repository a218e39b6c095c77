"""The front page and the map of the two regimes on the built site."""

import re

import pytest
from site_browser import DESKTOP, PHONE, SITE

from fearless.book.sphinx.pages.reading_paths import format_minutes

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

FRONT = "chapters/index.html"
MAP = "chapters/outlook/two-regimes.html"
FRAME = "#fig-signature .fig-frame:not([hidden]) svg"


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    yield page
    context.close()


def text_of(name):
    """Return the words of a page without its markup."""
    html = (SITE / name).read_text(encoding="utf8")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_first_screen_holds_promise_and_picture(page, base):
    page.goto(base + FRONT)
    promise = page.locator(".front-lead").bounding_box()
    picture = page.locator(FRAME).bounding_box()
    assert 0 < promise["y"] < picture["y"]
    assert picture["width"] > 600
    assert picture["y"] + picture["height"] <= DESKTOP["height"]


def test_the_slider_goes_from_the_classical_optimum_over_the_peak_to_the_end(page, base):
    page.goto(base + FRONT)
    shares = []
    for name in ("best small model", "N = n", "largest model"):
        page.get_by_role("button", name=name, exact=True).click()
        text = page.locator(FRAME).get_attribute("aria-label")
        shares.append(int(re.search(r"misreads (\d+)%", text)[1]))
    small, peak, largest = shares
    assert largest < small < peak
    page.get_by_role("button", name="best small model", exact=True).click()
    page.locator("#fig-signature input[type=range]").press("End")
    assert "for each training digit" in page.locator(FRAME).get_attribute("aria-label")
    assert page.locator(FRAME).count() == 1


def test_there_are_at_most_twelve_frames_of_little_weight():
    html = (SITE / FRONT).read_text(encoding="utf8")
    figure = html[html.index('id="fig-signature"') :]
    figure = figure[: figure.index("</figure>")]
    assert 8 <= figure.count('class="fig-frame"') <= 12
    assert len(figure) < 250_000


def test_the_times_of_the_paths_are_those_of_the_pages(page, base):
    page.goto(base + FRONT)
    assert page.locator(".reading-path").count() == 3
    for path in page.locator(".reading-path").all():
        minutes = []
        for entry in path.locator("li").all():
            links = entry.locator("a").evaluate_all("links => links.map(a => a.href)")
            assert links
            times = [text_of(link.removeprefix(base).partition("#")[0]) for link in links]
            found = [re.search(r"Reading about (\d+) min", text) for text in times]
            # Only chapters have a box with times.
            if all(found):
                own = [int(match[1]) for match in found]
                assert entry.locator(".path-time").inner_text() == format_minutes(sum(own))
            minutes.append(entry.locator(".path-time").inner_text())
        hours = re.search(r"about (?:(\d+) h)? ?(?:(\d+) min)?", path.inner_text())
        total = 60 * int(hours[1] or 0) + int(hours[2] or 0)
        parts = [re.fullmatch(r"(?:(\d+) h ?)?(?:(\d+) min)?", text) for text in minutes]
        summed = sum(60 * int(p[1] or 0) + int(p[2] or 0) for p in parts)
        assert abs(total - summed) <= 2.5 + 2.5 * sum(bool(p[1]) for p in parts)


def test_every_cell_of_the_map_leads_to_a_badge(page, base):
    page.goto(base + MAP)
    cells = page.locator("table.regime-map tbody td")
    assert cells.count() >= 20
    for links in cells.evaluate_all(
        "cells => cells.map(c => [...c.querySelectorAll('a')].map(a => [a.className, a.href]))"
    ):
        claims = [href for kind, href in links if "claim-link" in kind]
        pages = [href for kind, href in links if "claim-link" not in kind]
        assert claims
        assert pages
        for href in claims:
            name, _, anchor = href.removeprefix(base).partition("#")
            assert f'id="{anchor}"' in (SITE / name).read_text(encoding="utf8"), href
            assert href.partition("#")[0] in pages


def test_on_a_phone_the_map_is_a_row_of_cards(page, base):
    page.set_viewport_size(PHONE)
    page.goto(base + MAP)
    rows = page.locator("table.regime-map tbody tr")
    for row in rows.all():
        boxes = [cell.bounding_box() for cell in row.locator("th, td").all()]
        tops = [box["y"] for box in boxes]
        assert tops == sorted(set(tops))
        assert all(box["width"] > 250 for box in boxes)
    names = page.locator("table.regime-map td").evaluate_all(
        "cells => cells.map(c => getComputedStyle(c, '::before').content)"
    )
    assert set(names) == {'"Classical"', '"Modern"'}
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_map_stands_after_the_last_chapter(page, base):
    page.goto(base + MAP)
    assert "optimization/" in page.locator(".prev-next-footer .left-prev").get_attribute("href")
    page.goto(base + FRONT)
    assert "how-to-read" in page.locator(".prev-next-footer .right-next").get_attribute("href")
