"""A page as the reader's own settings want it: without motion, in other colours."""

import io

import pytest
from site_browser import DESKTOP, PAGES, SITE

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

TEXT = {name: (SITE / name).read_text(encoding="utf8") for name in PAGES}
WITH_SLIDER = min(
    (n for n in PAGES if "fig-marks" in TEXT[n]), key=lambda n: len(TEXT[n]), default=""
)


@pytest.fixture
def page(browser, base):
    page = browser.new_page(viewport=DESKTOP)
    page.goto(base + WITH_SLIDER)
    yield page
    page.close()


MOVING = """() => [...document.querySelectorAll('*')].flatMap(
  e => ['', '::before', '::after'].map(part => {
    const style = getComputedStyle(e, part || null);
    const seconds = text => Math.max(...text.split(',').map(parseFloat));
    const moves = seconds(style.transitionDuration) > 0
      || (style.animationName !== 'none' && seconds(style.animationDuration) > 0)
      || style.scrollBehavior === 'smooth';
    return moves ? `${e.tagName}.${e.className}${part}` : '';
  })).filter(Boolean)"""


def test_nothing_moves_for_readers_who_want_no_motion(page):
    page.evaluate("document.querySelectorAll('svg *, mjx-math *').forEach(e => e.remove())")
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(MOVING) == []
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(MOVING), "the check finds nothing, whatever moves"


def pixels(page, selector):
    """Return the colours of a control's picture, as a set."""
    from PIL import Image

    picture = Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB")
    return {color for _, color in picture.getcolors(1 << 24)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_controls_remain_in_forced_colours(page, scheme):
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    page.locator(".fig-track input").first.focus()
    paper, ink = ((255, 255, 255), (0, 0, 0))
    if scheme == "dark":
        paper, ink = ink, paper
    seen = pixels(page, ".fig-track input")
    assert paper in seen
    assert ink in seen, "the track of the slider has vanished"
    assert len(seen - {paper, ink}) > 0, "the thumb of the slider has vanished"
    assert ink in pixels(page, ".fig-frame:not([hidden])"), "axes and words are not the reader's"


def test_a_pressed_mark_shows_without_colour(page):
    page.emulate_media(forced_colors="active")
    button = page.locator(".fig-marks button").first
    width = "e => parseFloat(getComputedStyle(e).borderTopWidth)"
    before = button.evaluate(width) if button.get_attribute("aria-pressed") == "false" else 0
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert button.evaluate(width) > before
