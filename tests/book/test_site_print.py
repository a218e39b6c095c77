"""Every page on paper: the text over the whole width, black on white, nothing to click."""

import io

import pytest
from site_browser import PAGES, SITE, redirect

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

# An A4 sheet less its margins, in CSS pixels.
SHEET = {"width": 642, "height": 970}
CHAPTERS = [n for n in PAGES if n.startswith("chapters/") and not redirect(n)]

_PRINTED = r"""() => {
  const seen = e => e.checkVisibility({visibilityProperty: true})
    && e.getBoundingClientRect().width;
  const name = e => `${e.tagName.toLowerCase()}.${e.getAttribute('class')}`;
  const all = selector => [...document.querySelectorAll(selector)].filter(seen).map(name);
  const text = document.querySelector('article section > p');
  const inside = e => {
    for (let p = e.parentElement; p && p.tagName !== 'ARTICLE'; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    return false;
  };
  return {
    controls: all('button, input, select, .headerlink, .bd-header, .bd-sidebar-primary, '
      + '.bd-sidebar-secondary, .bd-header-article, .prev-next-footer, .bd-footer, .skip-link, '
      + '.fig-marks, .fig-track, .copybtn, #jb-print-docs-body, .definition-card'),
    titles: all('article h1').length,
    frames: [...document.querySelectorAll('.fig-slider')].map(
      s => [...s.querySelectorAll('svg[role=img]')].filter(seen).length),
    handled: [...document.querySelectorAll('.fig-drag')].map(
      s => [...s.querySelectorAll('.fig-frame svg.fig-svg')].filter(seen).length),
    folded: [...document.querySelectorAll('details.sd-dropdown .sd-summary-content')].filter(
      e => !e.getBoundingClientRect().height).map(name),
    colour: text ? getComputedStyle(text).color : null,
    paper: [document.documentElement, document.body].map(e => getComputedStyle(e).backgroundColor),
    wide: [...document.querySelectorAll('article *')].filter(e => seen(e) && !e.closest('svg, math')
      && !e.closest('mjx-assistive-mml') && !inside(e)
      && e.getBoundingClientRect().right > innerWidth + 2).map(name).slice(0, 5),
    cut: [...document.querySelectorAll('article *')].filter(e => seen(e)
      && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
      && e.scrollWidth > e.clientWidth + 2).map(name).slice(0, 5),
  };
}"""


@pytest.fixture(scope="module")
def dark(browser):
    """A context in which readers have the dark theme."""
    context = browser.new_context(viewport=SHEET, color_scheme="dark")
    yield context
    context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_page(dark, base, name):
    page = dark.new_page()
    page.goto(base + name, wait_until="load")
    page.emulate_media(media="print")
    page.wait_for_timeout(30)
    seen = page.evaluate(_PRINTED)
    page.close()
    assert seen["controls"] == []
    assert seen["titles"] == 1
    assert all(count == 1 for count in seen["frames"]), seen["frames"]
    assert all(count == 1 for count in seen["handled"]), seen["handled"]
    assert seen["folded"] == []
    assert seen["colour"] in (None, "rgb(0, 0, 0)", "rgb(51, 51, 51)")
    assert set(seen["paper"]) <= {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    assert seen["wide"] == []
    assert seen["cut"] == []


def test_sheets_of_one_page(dark, base):
    """One page really printed: numbered sheets, the title first, no code that was folded."""
    from pypdf import PdfReader

    name = max(CHAPTERS, key=lambda n: "fig-slider" in (SITE / n).read_text(encoding="utf8"))
    page = dark.new_page()
    page.goto(base + name, wait_until="load")
    page.emulate_media(media="print")
    title = page.evaluate(
        "() => { const h = document.querySelector('article h1').cloneNode(true);"
        "h.querySelectorAll('.headerlink').forEach(e => e.remove()); return h.textContent; }"
    )
    sheets = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
    page.close()
    texts = [sheet.extract_text() for sheet in sheets]
    assert len(texts) >= 2
    assert "".join(title.split()) in "".join(texts[0].split())
    for count, text in enumerate(texts, start=1):
        assert str(count) in text.split()
    whole = " ".join(texts)
    for word in ("Show code cell", "Click to show", "On this page", "Search the book"):
        assert word not in whole
    assert "Interactive on the screen." in whole
