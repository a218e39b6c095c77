"""Every page of the built site in a browser, on a desktop, on a phone, in light and in dark.

Needs the built book and an installed Chromium; ``make test-site`` runs it. Screenshots of pages
whose tests fail are in ``_build/screenshots``.
"""

import json
import re
from urllib.parse import unquote, urldefrag

import pytest
from site_browser import PAGES, SITE, ids, page_names, redirect

from fearless.book.build import Budget
from fearless.book.sphinx.cache import REPORT_NAME
from fearless.book.sphinx.running.repository import repository_url

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]


@pytest.fixture(params=PAGES)
def note(request, visits):
    return visits(request.param)


def test_there_are_pages():
    assert (SITE / "index.html").is_file(), f"there is no site in {SITE}: run 'make book' first"
    assert {"search.html", "genindex.html"} < set(PAGES)
    for name in filter(redirect, page_names()):
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

    def test_text_in_figures_stands_out(self, note):
        assert note.light["theme"] == "light"
        assert note.light["faint"] == []
        assert note.dark["faint"] == []

    def test_links_lead_somewhere(self, note):
        dead = []
        for link in note.desktop["links"]:
            if not link.startswith(note.base):
                continue
            address, fragment = urldefrag(link)
            target = unquote(address.removeprefix(note.base).split("?")[0]) or "index.html"
            target += "index.html" if target.endswith("/") else ""
            if not (SITE / target).is_file():
                dead.append(link)
            elif fragment and target.endswith(".html"):
                # What scripts add is known only of this page.
                there = ids(target) | set(note.desktop["ids"] if target == note.name else ())
                if unquote(fragment) not in there:
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
