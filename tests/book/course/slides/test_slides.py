"""Slides: what a lecture needs from a page, in one file that needs nothing else."""

import re

import pytest
from bs4 import BeautifulSoup
from site_browser import ROOT, SITE

from fearless.book.course.slides.content import MAXIMUM, MINIMUM, Slide, slides_of
from fearless.book.course.slides.deck import chapters, deck, main, make

FIGURE = """\
<figure id="fig-{k}"><div class="fig-inline"><svg class="fig-svg"><title>A</title></svg></div>
<figcaption><p><span class="caption-number">Fig. 1.{k} </span><span>What one sees.</span></p>
</figcaption></figure>"""
STATEMENT = """\
<div class="proof {kind} admonition" id="{kind}-{k}">
<p class="admonition-title"><span class="caption-number">Statement {k} </span> (A name)</p>
<section class="{kind}-content"><p>Everything is <em>so</em>; see <a href="#fig-0">Fig. 1.0</a>
and <a href="other.html">another page</a>.</p></section></div>"""
PAGE = """\
<html><body><article class="bd-article"><section>
<h1><span class="section-number">7. </span>Title &amp; co<a class="headerlink">#</a></h1>
<div class="at-a-glance admonition"><p class="admonition-title">At a glance</p>
<p><strong>What you will learn</strong></p><ul><li><p>why</p></li></ul>
<p><strong>What you need</strong>: nothing.</p><p class="page-facts">Reading 5 min</p></div>
<div class="tip admonition"><p class="admonition-title">Place your bet</p><p>Which?</p></div>
<div class="tip admonition"><p class="admonition-title">A tip</p><p>Not this.</p></div>
{body}
<div class="claim"><span class="claim-statement">It holds.</span>
<span class="claim-numbers">measured 1</span></div>
<section id="take-aways"><h2>Take-aways</h2>
<p>First one, e.g. <em>this. And</em> more. Then <b>two</b>! The end.</p></section>
<div class="exercise admonition"><p class="admonition-title">Exercise 7.1 (Do it)</p>
<section><p>Now.</p></section></div>
</section></article></body></html>
"""


def page(*parts):
    return PAGE.format(body="".join(parts))


def kinds(slides):
    return [slide.kind for slide in slides]


class TestSlides:
    def test_they_follow_the_page(self):
        slides = slides_of(
            page(FIGURE.format(k=0), STATEMENT.format(kind="theorem", k=1)), "A part"
        )
        assert kinds(slides) == [
            "title",
            "glance",
            "bet",
            "figure",
            "theorem",
            "claims",
            "take-aways",
            "exercises",
        ]
        assert slides[0].title == '<span class="section-number">7. </span>Title &amp; co'
        assert "A part" in slides[0].html
        assert "Reading 5 min" in slides[0].html
        assert "nothing" in slides[1].html
        assert "Which?" in slides[2].html
        assert slides[3].title == "Fig. 1.0"
        assert "What one sees." in slides[3].html
        assert "Statement 1" in slides[4].title
        assert "measured 1" in slides[5].html

    def test_take_aways_are_sentences(self):
        slide = next(s for s in slides_of(page()) if s.kind == "take-aways")
        items = re.findall("<li>(.*?)</li>", slide.html)
        assert items == ["First one, e.g. <em>this. And</em> more.", "Then <b>two</b>!", "The end."]

    def test_proofs_and_folded_things_stay_on_the_page(self):
        folded = f"<details>{FIGURE.format(k=3)}</details>"
        proof = STATEMENT.format(kind="proof", k=1).replace("proof proof", "proof")
        assert "figure" not in kinds(slides_of(page(folded, proof)))

    def test_too_many_lose_definitions_first(self):
        many = [FIGURE.format(k=k) for k in range(10)]
        many += [STATEMENT.format(kind=k, k=n) for k in ("definition", "theorem") for n in range(6)]
        slides = slides_of(page(*many))
        assert len(slides) == MAXIMUM
        assert kinds(slides).count("theorem") == 6
        assert "definition" not in kinds(slides)

    def test_a_page_that_is_none(self):
        with pytest.raises(ValueError, match=r"no article"):
            slides_of("<html><body></body></html>")


class TestDeck:
    @pytest.fixture
    def html(self):
        slides = slides_of(page(FIGURE.format(k=0), STATEMENT.format(kind="theorem", k=1)))
        return deck(slides, "T & co", styles="b{color:red}", scripts="var x;")

    def test_links_stay_in_the_deck(self, html):
        soup = BeautifulSoup(html, "html.parser")
        targets = [link["href"] for link in soup.find_all("a")]
        assert targets == ["#slide-4"]
        assert soup.find(id="slide-4").select_one(".picture svg")
        assert "another page" in soup.get_text()

    def test_it_is_one_document(self, html):
        soup = BeautifulSoup(html, "html.parser")
        assert soup.title.string == "T & co"
        assert soup.html["lang"] == "en"
        assert len(soup.find_all("h1")) == 1
        ids = [element["id"] for element in soup.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert all(button.get("aria-label") for button in soup.find_all("button"))
        assert "b{color:red}" in html

    def test_without_a_script_all_slides_are_there(self, html):
        styles = (ROOT / "lib/fearless/book/course/slides/deck.css").read_text()
        hidden = re.findall(r"([^{}]*)\{[^}]*display: none", styles)
        assert all(".js" in rule or ".deck-bar" in rule for rule in hidden)


def small_site(tmp_path):
    (tmp_path / "site/_static/vendor/mathjax").mkdir(parents=True)
    for name in ("vendor/mathjax/maths.css", "vendor/mathjax/fonts.css", "figures.css"):
        (tmp_path / "site/_static" / name).write_text(
            '@import "else.css";\n@font-face {src: url("far.woff")}\n'
            '@font-face {src: url("data:font/woff;base64,x")}\n'
        )
    (tmp_path / "site/_static/slider.js").write_text("// slider\n")
    toc = "parts:\n- caption: P\n  numbered: true\n  chapters:\n  - file: chapters/p/a\n"
    (tmp_path / "_toc.yml").write_text(toc + "- caption: Q\n  chapters:\n  - file: chapters/q\n")
    return tmp_path / "site"


def test_nothing_is_fetched(tmp_path):
    site = small_site(tmp_path)
    (site / "chapters/p").mkdir(parents=True)
    (site / "chapters/p/a.html").write_text(page(FIGURE.format(k=0)))
    assert make(tmp_path, site, tmp_path / "out") == {"p-a.html": 7}
    html = (tmp_path / "out/p-a.html").read_text()
    assert "far.woff" not in html
    assert "@import" not in html
    assert "data:font/woff" in html
    assert 'href="p-a.html"' in (tmp_path / "out/index.html").read_text()


def test_a_book_that_is_not_built(tmp_path, capsys):
    site = small_site(tmp_path)
    assert main([str(tmp_path), "--site", str(site)]) == 1
    assert "run 'make book' first" in capsys.readouterr().err


def test_chapters_are_the_pages_of_numbered_parts():
    found = chapters(ROOT)
    assert len(found) >= 25
    assert {"interpolation-what-you-see", "optimization-sgd"} <= {c.slug for c in found}
    assert not [c for c in found if "library" in c.docname or "teaching" in c.docname]


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    target = tmp_path_factory.mktemp("slides")
    return make(ROOT, SITE, target), target


@pytest.mark.site
class TestBook:
    def test_every_chapter_has_a_deck_for_one_lecture(self, decks):
        counts, target = decks
        assert len(counts) == len(chapters(ROOT))
        assert all(MINIMUM <= count <= MAXIMUM for count in counts.values()), counts
        for name in counts:
            text = (target / name).read_text()
            for kind in ("title", "glance", "bet", "figure", "claims", "take-aways", "exercises"):
                assert f'class="slide {kind}"' in text, (name, kind)

    def test_decks_ask_for_nothing_and_turn_by_keys(self, decks, browser):
        counts, target = decks
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked, errors = [], []
        page.on("request", lambda r: asked.append(r.url) if "file:" not in r.url[:5] else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        for name, count in counts.items():
            page.goto((target / name).as_uri())
            for number in range(1, count + 1):
                current = page.evaluate(
                    "() => { const s = document.querySelector('.slide.current');"
                    " return [s.id, document.querySelectorAll('.slide.current').length,"
                    " s.scrollHeight - s.clientHeight, s.scrollWidth - s.clientWidth] }"
                )
                assert current[:2] == [f"slide-{number}", 1], name
                assert current[2] <= 1, f"{name}, slide {number} is cut off"
                assert current[3] <= 1, f"{name}, slide {number} is too wide"
                page.keyboard.press("ArrowRight")
            page.keyboard.press("Home")
            assert page.evaluate("document.querySelector('.slide.current').id") == "slide-1"
        assert [url for url in asked if not url.startswith("data:")] == []
        assert errors == []
        page.close()

    def test_themes_and_paper(self, decks, browser):
        from io import BytesIO

        from pypdf import PdfReader

        counts, target = decks
        name = "double-descent-the-curve.html"
        page = browser.new_page(color_scheme="dark")
        page.goto((target / name).as_uri())
        background = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(background)
        page.keyboard.press("t")
        assert page.evaluate(background) != dark
        # The sliders of figures work, and keep the arrow keys while they have the focus.
        page.evaluate("location.hash = '#slide-4'")
        slider = page.locator(".slide.current input[type=range]").first
        before = slider.input_value()
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert slider.input_value() != before
        assert page.evaluate("document.querySelector('.slide.current').id") == "slide-4"
        pdf = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
        assert len(pdf.pages) == counts[name]
        page.close()

    def test_a_deck_is_open_to_every_reader(self, decks, browser):
        from axe_playwright_python.sync_playwright import Axe

        _, target = decks
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme)
            page.goto((target / "double-descent-the-curve.html").as_uri())
            found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
            violations = [v["id"] for v in found.response["violations"]]
            assert violations == [], scheme
            page.close()


def test_slides_are_values():
    assert Slide("t", "h", "k").anchors == ()
