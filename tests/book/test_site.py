"""The built site in a browser: every page, on a desktop, on a phone, in light and in dark.

Needs the built book and an installed Chromium; ``make test-site`` runs it. ``FEARLESS_SITE``
names another folder than ``_build/html``, ``CHROMIUM`` another browser than the one on the path.
"""

import json
import re
from urllib.parse import unquote, urldefrag

import pytest
from site_browser import DESKTOP, PAGES, SITE, page_names, redirect, serve, visit

from fearless.book.build import Budget
from fearless.book.sphinx.cache import REPORT_NAME
from fearless.book.sphinx.repository import repository_url

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

WITH_SLIDER = [n for n in PAGES if "fig-slider" in (SITE / n).read_text(encoding="utf8")]


@pytest.fixture(scope="module")
def visits(browser, base):
    """Every page of the site, each visited once."""
    context = browser.new_context()
    notes = {name: visit(context, base, name) for name in PAGES}
    context.close()
    return notes


@pytest.fixture(params=PAGES)
def note(request, visits):
    return visits[request.param]


def test_there_are_pages():
    assert (SITE / "index.html").is_file(), f"there is no site in {SITE}: run 'make book' first"
    assert {"search.html", "genindex.html"} < set(PAGES)
    for name in set(page_names()) - set(PAGES):
        assert ((SITE / name).parent / redirect(name)).is_file(), f"{name} leads nowhere"


def test_every_page_ran_within_its_budget():
    report = json.loads((SITE.parent / REPORT_NAME).read_text(encoding="utf8"))
    assert report, "no page of the book has code"
    budget = Budget()
    excess = [budget.excess(k, v["execution_seconds"], v["peak_mb"]) for k, v in report.items()]
    assert not any(excess), "; ".join(filter(None, excess))


class TestEveryPage:
    def test_asks_no_other_host(self, note):
        assert note.foreign_requests == []

    def test_everything_it_asks_for_is_there(self, note):
        assert note.failed_requests == []
        assert note.desktop["broken"] == []

    def test_reports_no_error(self, note):
        assert note.errors == []

    def test_typesets_its_formulas(self, note):
        assert note.desktop["mathErrors"] == []
        assert note.desktop["raw"] == []
        assert note.desktop["typeset"] >= note.desktop["formulas"]

    def test_has_a_language_a_title_and_one_main_heading(self, note):
        assert note.desktop["lang"] == "en"
        assert note.desktop["title"]
        assert note.desktop["h1"] == 1

    def test_figures_have_a_caption_and_say_what_they_show(self, note):
        assert note.desktop["uncaptioned"] == []
        assert note.desktop["unnamed"] == []

    def test_controls_have_a_name(self, note):
        assert note.desktop["unlabelled"] == []

    def test_fits_a_phone(self, note):
        assert note.phone["wide"] == []
        assert note.phone["width"] <= note.phone["window"] == 390

    def test_figures_suit_the_dark_theme(self, note):
        assert note.dark["theme"] == "dark"
        assert note.dark["slabs"] == []
        assert note.dark["filtered"] == []
        assert note.dark["faint"] == []

    def test_links_lead_somewhere(self, note, visits, base):
        dead = []
        for link in note.desktop["links"]:
            if not link.startswith(base):
                continue
            address, fragment = urldefrag(link)
            target = unquote(address.removeprefix(base).split("?")[0]) or "index.html"
            target += "index.html" if target.endswith("/") else ""
            if not (SITE / target).is_file():
                dead.append(link)
            elif fragment and target in visits:
                if unquote(fragment) not in visits[target].desktop["ids"]:
                    dead.append(link)
        assert dead == []

    def test_buttons_of_the_repository_only_where_it_is_known(self, note):
        url = repository_url()
        links = note.desktop["links"]
        launch = [link for link in links if "mybinder.org" in link]
        if not url:
            assert launch == []
            assert not [link for link in links if re.search(r"/(edit|issues/new)\b", link)]
        elif note.desktop["notebook"]:
            assert launch


def test_search_finds_the_front_page(browser, base):
    page = browser.new_page()
    page.goto(f"{base}search.html?q=fear")
    page.wait_for_selector("#search-results .search a", timeout=10_000)
    assert page.locator("#search-results .search li").count() >= 1
    page.close()


class TestSliders:
    """Sliders are driven as a reader drives them; what is on display is what is looked at."""

    def test_the_book_has_one(self):
        assert WITH_SLIDER

    @staticmethod
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

    @pytest.fixture(params=WITH_SLIDER)
    def sliders(self, request, browser, base):
        page = browser.new_page(viewport=DESKTOP)
        page.goto(base + request.param)
        found = page.locator(".fig-slider").all()
        assert found
        yield found
        page.close()

    def test_keyboard(self, sliders):
        for slider in sliders:
            control = slider.locator("input[type=range]")
            control.focus()
            control.press("Home")
            first = self.state(slider)
            control.press("ArrowRight")
            second = self.state(slider)
            control.press("End")
            last = self.state(slider)
            assert len(first["frames"]) == len(second["frames"]) == len(last["frames"]) == 1
            assert first["frames"] < second["frames"] <= last["frames"]
            assert len({first["text"], second["text"]}) == 2
            assert first["text"]
            assert first["text"] != last["text"]
            control.press("ArrowLeft")
            assert self.state(slider)["frames"][0] == last["frames"][0] - 1

    def test_mouse(self, sliders):
        for slider in sliders:
            control = slider.locator("input[type=range]")
            control.scroll_into_view_if_needed()
            box = control.bounding_box()
            seen = []
            for x in (1, box["width"] - 1):
                control.click(position={"x": x, "y": box["height"] / 2})
                seen.append(self.state(slider))
            assert seen[0]["frames"] == [0]
            assert seen[0]["frames"] < seen[1]["frames"]
            assert seen[0]["text"] != seen[1]["text"]

    def test_value_is_announced(self, sliders):
        for slider in sliders:
            control = slider.locator("input[type=range]")
            control.focus()
            control.press("Home")
            assert control.get_attribute("aria-valuetext")
            first = control.get_attribute("aria-valuetext")
            control.press("ArrowRight")
            assert control.get_attribute("aria-valuetext") != first

    @pytest.mark.parametrize("name", WITH_SLIDER)
    def test_without_javascript(self, browser, base, name):
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(base + name)
        for slider in page.locator(".fig-slider").all():
            shown = [s for s in slider.locator("svg[role=img]").all() if s.is_visible()]
            assert len(shown) == 1
            assert not slider.locator("input[type=range]").is_visible()
        context.close()

    @pytest.mark.parametrize("name", WITH_SLIDER)
    def test_in_print(self, browser, base, name):
        page = browser.new_page()
        page.goto(base + name)
        page.emulate_media(media="print")
        for slider in page.locator(".fig-slider").all():
            shown = [s for s in slider.locator("svg[role=img]").all() if s.is_visible()]
            assert len(shown) == 1
            assert not slider.locator("input[type=range]").is_visible()
        page.close()


BAD_PAGE = """<!doctype html><html lang="en" data-theme="dark"><head><title>Bad</title></head>
<body style="background:#111"><main><article><h1>Bad</h1><p>raw $x^2$ formula</p>
<p><mjx-merror>undefined control sequence</mjx-merror></p>
<img id="mute" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><img alt="gone" src="gone.png">
<img alt="foreign" src="http://foreign.invalid/x.png">
<figure id="slab" style="background:#fff"><svg width="50" height="50" viewBox="0 0 50 50"
 role="img" aria-label="dark text"><text x="5" y="20" fill="#000">ab</text></svg></figure>
<figure id="inverted" style="filter:invert(1)"><figcaption>Fig</figcaption></figure>
<input id="nameless" type="range"><div style="width:900px">wide</div>
<a href="nowhere.html">x</a></article></main>
<script>console.error("complaint"); throw new Error("thrown")</script></body></html>"""


def test_a_visit_notes_everything_that_is_wrong(browser, tmp_path):
    """The checks above can fail: a page with every fault has every fault noted."""
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    context = browser.new_context()
    with serve(tmp_path) as address:
        bad = visit(context, address, "bad.html")
        assert f"{address}nowhere.html" in bad.desktop["links"]
    context.close()
    assert bad.foreign_requests == ["http://foreign.invalid/x.png"]
    assert any("gone.png" in request for request in bad.failed_requests)
    assert any("complaint" in error for error in bad.errors)
    assert any("thrown" in error for error in bad.errors)
    assert bad.desktop["raw"] == ["raw $x^2$ formula"]
    assert bad.desktop["mathErrors"] == ["undefined control sequence"]
    assert bad.desktop["unnamed"] == ["mute"]
    assert bad.desktop["uncaptioned"] == ["slab"]
    assert bad.desktop["unlabelled"] == ["nameless"]
    assert any("gone.png" in source for source in bad.desktop["broken"])
    assert bad.phone["wide"]
    assert bad.phone["width"] > 390
    assert any(slab.startswith("slab") for slab in bad.dark["slabs"])
    assert bad.dark["filtered"] == ["inverted"]
    assert any(text.startswith("slab") for text in bad.dark["faint"])
