"""A slider in a browser: keyboard, mouse, buttons, without script, and on paper."""

from pathlib import Path

import matplotlib as mpl
import pytest
from site_browser import find_chromium

from fearless.book import STATIC_VARIABLE, style
from fearless.book.slider import slider
from fearless.book.slider_html import to_html

ROOT = Path(__file__).parents[2]
CHROMIUM = find_chromium()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

VALUES = list(range(10, 130, 10))


def draw(value):
    fig, ax = style.subplots()
    ax.plot([0, 1], [0, value])
    ax.set(ylim=(0, 120), xlabel="x")
    return fig


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A page with two sliders, the second without marks."""
    with mpl.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATIC_VARIABLE, "1")
        alt = "a line to {}".format
        one = slider(
            draw, VALUES, name="n", label="samples n", start=50, marks={100: "N = n"}, alt=alt
        )
        two = slider(draw, VALUES[:3], name="m", alt=alt)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Sliders</title><style>'
        + (ROOT / "assets" / "figures.css").read_text(encoding="utf8")
        + "</style><main>"
        + to_html(one.payload, prefix="f1-")
        + to_html(two.payload, prefix="f2-")
        + "</main><script>"
        + (ROOT / "assets" / "slider.js").read_text(encoding="utf8")
        + "</script></html>",
        encoding="utf8",
    )
    return path.as_uri()


def state(page, number=0):
    """The value in words, the frames that are visible, and the value as it is spoken."""
    one = page.locator(".fig-slider").nth(number)
    frames = one.locator(".fig-frame")
    visible = [i for i in range(frames.count()) if frames.nth(i).is_visible()]
    spoken = one.locator("input").get_attribute("aria-valuetext")
    return one.locator("output").inner_text(), visible, spoken


def test_keyboard(open_page):
    page = open_page()
    assert state(page) == ("50", [4], "50")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    for key, expected in [
        ("ArrowRight", "60"),
        ("ArrowUp", "70"),
        ("ArrowLeft", "60"),
        ("End", "120"),
        ("ArrowRight", "120"),
        ("Home", "10"),
        ("ArrowLeft", "10"),
    ]:
        page.keyboard.press(key)
        position = VALUES.index(int(expected))
        assert state(page) == (expected, [position], expected), key
    page.keyboard.press("PageUp")
    assert state(page)[1][0] > 0
    assert state(page, 1) == ("10", [0], "10"), "the other slider moved too"


def test_the_picture_changes(open_page):
    page = open_page()
    one = page.locator(".fig-slider").first
    before = one.screenshot()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    moved = one.screenshot()
    page.keyboard.press("ArrowLeft")
    assert before != moved


@pytest.mark.parametrize("width", [390, 1280])
def test_mouse_and_touch(open_page, width):
    page = open_page(viewport={"width": width, "height": 900}, has_touch=True)
    box = page.locator("input").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, y, steps=5)
    page.mouse.up()
    assert state(page) == ("120", [11], "120")
    page.touchscreen.tap(box["x"] + 3, y)
    assert state(page) == ("10", [0], "10")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_mark_is_a_button_that_jumps_there(open_page):
    page = open_page()
    button = page.get_by_role("button", name="N = n")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert state(page) == ("100 (N = n)", [9], "100 (N = n)")
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("input").first.input_value() == "9"


def test_the_finding_is_told_when_the_slider_rests(open_page):
    """To those who do not see the frame; nothing is said before the reader has moved it."""
    page = open_page()
    said = page.locator(".fig-finding").first
    assert said.inner_text() == ""
    on_the_way = page.evaluate(
        """() => {
          const input = document.querySelector('.fig-slider input');
          return [5, 6, 7].map(value => {
            input.value = value;
            input.dispatchEvent(new Event('input'));
            return document.querySelector('.fig-finding').textContent;
          });
        }"""
    )
    assert on_the_way == ["", "", ""]
    page.wait_for_function("document.querySelector('.fig-finding').textContent !== ''")
    assert said.inner_text() == "a line to 80"
    page.get_by_role("button", name="N = n").click()
    page.wait_for_function("document.querySelector('.fig-finding').textContent.endsWith('100')")
    box = said.bounding_box()
    assert box["width"] <= 1, "the finding is seen"


def test_nothing_jumps_when_the_control_appears(browser, document, tmp_path):
    """Not even where the script comes long after the page has been painted."""
    late = Path(document.removeprefix("file://")).read_text(encoding="utf8")
    late = late.replace("<script>", "<script>setTimeout(() => {")
    (tmp_path / "late.html").write_text(late.replace("</script>", "}, 900)</script>"))
    page = browser.new_page()
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach("
        "e => { shift += e.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto((tmp_path / "late.html").as_uri())
    page.locator("input").first.wait_for(state="visible")
    page.wait_for_timeout(300)
    assert page.evaluate("shift") < 0.001
    page.close()


def test_the_tick_stands_where_the_thumb_goes(open_page):
    page = open_page()
    tick = page.locator(".fig-ticks span").first.bounding_box()
    track = page.locator("input").first.bounding_box()
    thumb = 20  # 1.25rem
    expected = track["x"] + thumb / 2 + 9 / 11 * (track["width"] - thumb)
    assert tick["x"] + tick["width"] / 2 == pytest.approx(expected, abs=1)


def test_the_control_has_a_name_and_the_frame_a_description(open_page):
    page = open_page()
    assert page.get_by_role("slider", name="samples n").count() == 1
    assert page.get_by_role("img", name="a line to 50", exact=True).count() == 1
    assert page.get_by_role("img").count() == 2, "hidden frames are spoken"


def test_without_script_the_start_frame_shows_and_the_control_does_not(open_page):
    page = open_page(java_script_enabled=False)
    frames = page.locator(".fig-slider").first.locator(".fig-frame")
    assert [i for i in range(frames.count()) if frames.nth(i).is_visible()] == [4]
    assert page.get_by_text("samples n").is_visible()
    assert not page.locator("input").first.is_visible()
    assert not page.locator("button").first.is_visible()


def test_on_paper_the_frame_shows_and_the_control_does_not(open_page):
    page = open_page()
    page.emulate_media(media="print")
    assert state(page)[:2] == ("50", [4])
    assert not page.locator("input").first.is_visible()
    assert not page.locator("button").first.is_visible()


def test_colours_follow_the_theme(open_page):
    page = open_page()
    curve = "document.querySelector('.fig-frame:not([hidden]) path[clip-path]')"
    stroke = f"getComputedStyle({curve}).stroke"
    light = page.evaluate(stroke)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = page.evaluate(stroke)
    assert (light, dark) == ("rgb(47, 131, 211)", "rgb(134, 184, 251)")
    page.emulate_media(media="print")
    assert page.evaluate(stroke) == light
