"""Every slider of the book, driven as a reader drives it: keyboard, mouse, no script, paper; and
every figure with handles, by keyboard and buttons."""

import pytest
from site_browser import DESKTOP, PAGES, SITE

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

WITH_SLIDER = [n for n in PAGES if "fig-slider" in (SITE / n).read_text(encoding="utf8")]
WITH_HANDLES = [n for n in PAGES if "fig-drag" in (SITE / n).read_text(encoding="utf8")]


def test_the_book_has_sliders():
    assert WITH_SLIDER
    assert len(WITH_HANDLES) == 2


def state(slider):
    """Return which frames are on display, and the text that names the value."""
    return slider.evaluate(
        """e => ({
          frames: [...e.querySelectorAll('svg')].filter(s => s.getAttribute('role') === 'img')
            .map((s, k) => [k, s.getBoundingClientRect().width > 0]).filter(p => p[1])
            .map(p => p[0]),
          text: e.querySelector('output').textContent.trim(),
        })"""
    )


@pytest.fixture(scope="module", params=WITH_SLIDER)
def sliders(request, browser, base):
    """The sliders of a page, which is opened once for all that is done to them."""
    page = browser.new_page(viewport=DESKTOP)
    page.goto(base + request.param)
    found = page.locator(".fig-slider").all()
    assert found
    yield found
    page.close()


def test_keyboard(sliders):
    for slider in sliders:
        control = slider.locator("input[type=range]")
        control.focus()
        control.press("Home")
        first = state(slider)
        control.press("ArrowRight")
        second = state(slider)
        control.press("End")
        last = state(slider)
        assert len(first["frames"]) == len(second["frames"]) == len(last["frames"]) == 1
        assert first["frames"] < second["frames"] <= last["frames"]
        assert len({first["text"], second["text"]}) == 2
        assert first["text"]
        assert first["text"] != last["text"]
        control.press("ArrowLeft")
        assert state(slider)["frames"][0] == last["frames"][0] - 1


def test_mouse(sliders):
    for slider in sliders:
        control = slider.locator("input[type=range]")
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        seen = []
        for x in (1, box["width"] - 1):
            control.click(position={"x": x, "y": box["height"] / 2})
            seen.append(state(slider))
        assert seen[0]["frames"] == [0]
        assert seen[0]["frames"] < seen[1]["frames"]
        assert seen[0]["text"] != seen[1]["text"]


def test_value_is_announced(sliders):
    for slider in sliders:
        control = slider.locator("input[type=range]")
        control.focus()
        control.press("Home")
        assert control.get_attribute("aria-valuetext")
        first = control.get_attribute("aria-valuetext")
        control.press("ArrowRight")
        assert control.get_attribute("aria-valuetext") != first


@pytest.mark.parametrize("name", WITH_HANDLES)
def test_handles(browser, base, name):
    """Those of the book on their own pages; what they compute is tested elsewhere."""
    page = browser.new_page(viewport=DESKTOP)
    page.goto(base + name)
    for figure in page.locator(".fig-drag").all():
        grip = figure.locator(".fig-live:not([hidden]) .fig-grip").first
        numbers = figure.locator(".fig-readouts dd")
        grip.focus()
        before = numbers.all_inner_texts()
        page.keyboard.press("PageUp")
        assert numbers.all_inner_texts() != before
        for button in figure.locator("[data-preset]").all():
            button.click()
            assert button.get_attribute("aria-pressed") == "true"
    page.close()


@pytest.mark.parametrize("name", WITH_SLIDER)
def test_without_javascript(browser, base, name):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + name)
    for slider in page.locator(".fig-slider").all():
        shown = [s for s in slider.locator("svg[role=img]").all() if s.is_visible()]
        assert len(shown) == 1
        assert not slider.locator("input[type=range]").is_visible()
    context.close()


def test_in_print(sliders):
    page = sliders[0].page
    page.emulate_media(media="print")
    for slider in sliders:
        shown = [s for s in slider.locator("svg[role=img]").all() if s.is_visible()]
        assert len(shown) == 1
        assert not slider.locator("input[type=range]").is_visible()
    page.emulate_media(media="screen")
