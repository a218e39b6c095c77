"""Every page for every reader: axe-core in both themes and on a phone, and what axe cannot see."""

import re
from difflib import SequenceMatcher
from itertools import pairwise

import pytest
from site_audit import audit, violations
from site_browser import DESKTOP, PAGES, SITE, serve

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]


@pytest.fixture(params=PAGES)
def note(request, audits):
    return audits(request.param)


class TestAxe:
    """WCAG 2.2, levels A and AA, and axe-core's best practices: no violation at all."""

    def test_light(self, note):
        assert note.light == []

    def test_dark(self, note):
        assert note.dark == []

    def test_phone(self, note):
        assert note.phone == []


class TestStructure:
    def test_headings_are_in_order(self, note):
        levels = [level for level, _ in note.structure["headings"]]
        assert levels[:1] == [1]
        assert levels.count(1) == 1
        assert [(a, b) for a, b in pairwise(levels) if b > a + 1] == []
        assert [text for _, text in note.structure["headings"] if not text] == []

    def test_landmarks_have_names(self, note):
        assert note.structure["mains"] == 1
        names = note.structure["navigations"]
        assert all(names)
        assert len(set(names)) == len(names)
        assert note.structure["skip"] == "#main-content"

    def test_the_tree_says_which_page_this_is(self, note):
        in_tree = note.name.startswith("chapters/") and note.name != "chapters/index.html"
        assert len(note.structure["current"]) == in_tree

    def test_names_are_what_is_written(self, note):
        assert note.structure["misnamed"] == []
        assert note.structure["vague"] == []

    def test_anchors_are_unique_and_the_order_of_stops_is_that_of_the_page(self, note):
        assert note.structure["repeated"] == []
        assert note.structure["ordered"] == []

    def test_formulas_are_spoken_once(self, note):
        assert note.structure["speechless"] == []
        assert note.structure["spelled"] == []

    def test_tables_have_heads(self, note):
        assert note.structure["headless"] == []


class TestDrawings:
    def test_alternative_texts_state_something(self, note):
        """At least a sentence: eight words and a full stop (an icon or a logo has none)."""
        short = [
            (drawing["where"], drawing["alt"])
            for drawing in note.structure["drawings"]
            if drawing["caption"]
            and not (len(drawing["alt"].split()) >= 8 and re.search(r"[.!?]$", drawing["alt"]))
        ]
        assert short == []

    def test_alternative_texts_do_not_repeat_the_caption(self, note):
        def alike(drawing):
            match = SequenceMatcher(None, drawing["alt"].lower(), drawing["caption"].lower())
            return match.quick_ratio() > 0.8 and match.ratio() > 0.8

        assert [d["where"] for d in note.structure["drawings"] if d["caption"] and alike(d)] == []


class TestKeyboard:
    def test_the_focus_shows_on_every_kind_of_control(self, note):
        assert note.focus == []


class TestZoom:
    @pytest.mark.parametrize("what", ["320 pixels", "doubled letters", "wider spacing"])
    def test_the_page_fits(self, note, what):
        seen = note.misfits[what]
        assert seen["wide"] == []
        assert seen["width"] <= seen["window"]


def test_what_opens_over_the_page_is_accessible_too(browser, base):
    """The drawers of a phone, the search, the menu of downloads: states that no audit sees."""
    name = next(n for n in PAGES if "dropdown-download" in (SITE / n).read_text(encoding="utf8"))
    for size, opener in (
        ({"width": 390, "height": 844}, ".primary-toggle"),
        ({"width": 390, "height": 844}, ".secondary-toggle"),
        (DESKTOP, ".search-button__button"),
        (DESKTOP, ".dropdown-download-buttons button"),
    ):
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            page.goto(base + name)
            page.locator(opener).first.click()
            page.wait_for_timeout(500)
            page.evaluate(
                "document.querySelectorAll('article > section > section').forEach(e => e.remove())"
            )
            assert violations(page) == [], (opener, scheme)
            page.close()


FAULTY = """<!doctype html><html lang="en" data-theme="light"><head><title>Faulty</title><style>
:focus-visible { outline: none } .faint { color: #bbb }
html[data-theme=dark] .night { color: #333; background: #111 }</style></head>
<body><div class="skip-link"><a href="#main-content">Skip</a></div><nav><a href="#">Home</a></nav>
<main id="main-content"><article><h1>Faulty</h1><h3>Skipped a level</h3>
<p class="faint">Too faint.</p><p class="night">Too dark at night.</p>
<button aria-label="Other">Words</button><a href="#x">here</a><i id="x"></i><i id="x"></i>
<div tabindex="3">First</div><mjx-container><mjx-math>x</mjx-math></mjx-container>
<figure id="mute"><img alt="short" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<figcaption>short</figcaption></figure><table><tr><td>1</td></tr></table>
<div style="width: 1500px">wide</div></article></main>
<script>matchMedia('(prefers-color-scheme: dark)').onchange = e => {
  document.documentElement.dataset.theme = e.matches ? 'dark' : 'light' }</script></body></html>"""


def test_an_audit_notes_everything_that_is_wrong(browser, tmp_path):
    """The checks above can fail: a page with every fault has every fault noted."""
    (tmp_path / "faulty.html").write_text(FAULTY)
    context = browser.new_context()
    with serve(tmp_path) as address:
        faulty = audit(context, address, "faulty.html")
    context.close()
    seen = faulty.structure
    assert any(fault.startswith("color-contrast: .faint") for fault in faulty.light)
    assert any(fault.startswith("color-contrast: .night") for fault in faulty.dark)
    assert not any(".night" in fault for fault in faulty.light)
    assert seen["headings"] == [[1, "Faulty"], [3, "Skipped a level"]]
    assert seen["navigations"] == [""]
    assert seen["current"] == []
    assert seen["repeated"] == ["x"]
    for kind in ("ordered", "misnamed", "vague", "speechless", "spelled", "headless"):
        assert len(seen[kind]) == 1, kind
    assert seen["drawings"] == [{"where": "mute", "alt": "short", "caption": "short"}]
    assert any("button." in fault and "no outline" in fault for fault in faulty.focus)
    assert all(faulty.misfits[what]["wide"] for what in faulty.misfits)
