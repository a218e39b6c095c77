"""The volume made of the built pages, the zip, and the line that offers them: without a browser."""

import re
import zipfile

import pytest

from fearless.book.editions import archive, contents, downloads, pdf, volume
from fearless.book.editions.chapter import read_chapter, slug_of

TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: Preface
    chapters: [{file: chapters/preface/how-to-read}, {file: chapters/preface/notation}]
  - caption: Small steps
    numbered: true
    chapters:
      - file: chapters/steps/first
        sections: [{file: chapters/steps/second.md}]
  - caption: Library
    chapters: [{file: chapters/library/index}]
  - caption: Appendix
    chapters: [{file: chapters/appendix/bibliography}]
"""

PAGE = """<!doctype html><html><head>{head}
<link rel="stylesheet" href="../../_static/fearless.css?v=1">
<script>window.MathJax = {{}}</script>
<script defer src="../../_static/vendor/mathjax/tex.js"></script>
<script src="../../_static/other.js"></script></head>
<body><nav>navigation</nav><article class="bd-article"><section id="top-{name}">
<h1>{number}{title}<a class="headerlink" href="#top">#</a></h1>{body}</section></article></body>
</html>"""

FIRST = """
<p>See <a href="#fig-a">Fig. 1.1</a>, <a href="second.html#eq-b">(2.1)</a>, <a href="second.html">
<span class="doc">next</span></a>, <a href="../library/index.html#f">the library</a>,
<a href="https://x.org/a">out</a>, and
<a href="../appendix/bibliography.html#gone">what is not there</a>.</p>
<section id="one"><h2><span class="section-number">1.1. </span>One<a class="headerlink">#</a></h2>
<h3>Deeper</h3>
<div class="cell"><details class="admonition hide above-input"><summary>Show code</summary>
<pre>hidden_code()</pre></details></div>
<div class="cell"><div class="cell_input"><pre>visible_code()</pre></div></div>
<figure id="fig-a"><div class="fig-slider"><div class="fig-controls"><label for="s">size</label>
<output for="s">10</output><span class="fig-track" hidden><input id="s" type="range"></span>
<span class="fig-marks"><button>N = n</button></span></div>
<svg><defs><clipPath id="f1-0"></clipPath></defs></svg>
<div class="fig-frame" hidden><svg aria-label="other frame"></svg></div>
<div class="fig-frame"><svg viewBox="0 0 1 1" aria-label="this frame"><use href="#f1-0"/>
<g clip-path="url(#f1-0)"></g></svg></div></div><figcaption>Fig. 1.1 Words.</figcaption></figure>
<img src="../../_images/a.png" alt="A" loading="lazy">
<div class="exercise admonition" id="ex-a"><p class="admonition-title">
<span class="caption-number">Exercise 1.1 </span></p></div>
<details class="sd-dropdown"><summary><span>Hint</span></summary>
<div class="sd-summary-content"><p>Try zero.</p></div></details>
<details class="sd-dropdown"><summary>How it is trained</summary><p>Slowly.</p></details>
<button>press</button><a class="headerlink" href="#x">#</a></section>
"""

HOME = "https://site.org/book/"


def page(name, title, body="<p>Words.</p>", number="", head=""):
    number = number and f'<span class="section-number">{number}. </span>'
    return PAGE.format(name=name, title=title, body=body, number=number, head=head)


@pytest.fixture
def book(tmp_path):
    """The root of a book whose site is built."""
    site = tmp_path / "_build" / "html"
    pages = {
        "chapters/index": page("i", "Front"),
        "chapters/preface/how-to-read": page("h", "How to read", downloads.EMPTY_BOX),
        "chapters/preface/notation": page("n", "Notation"),
        "chapters/steps/first": page("f", "First &amp; last", FIRST, number="1"),
        "chapters/steps/second": page("s", "Second", '<p id="eq-b">x</p>', number="2"),
        "chapters/library/index": page("l", "The library"),
        "chapters/appendix/bibliography": page("b", "Bibliography"),
    }
    for name, html in {**pages, "index": "<p>front</p>"}.items():
        path = site / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf8")
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "_config.yml").write_text("title: Tiny\nauthor: Nobody\n")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "edition.css").write_text(".chapter { break-before: page; }")
    return tmp_path


def first(**options):
    options = {"docnames": {"chapters/steps/first", "chapters/steps/second"}, "depth": 2} | options
    head = options.pop("head", "")
    html = page("f", "First", FIRST, number="1", head=head)
    return read_chapter(html, "chapters/steps/first", site="../html/", **options)


class TestContents:
    def test_order_of_the_volume(self, book):
        parts = contents.read_contents(book)
        assert [(p.caption, p.numeral) for p in parts] == [
            ("Preface", ""),
            ("Small steps", "I"),
            ("Appendix", ""),
        ]
        assert parts[1].docnames == ("chapters/steps/first", "chapters/steps/second")
        assert parts[2].docnames == ("chapters/preface/notation", "chapters/appendix/bibliography")

    @pytest.mark.parametrize(("number", "text"), [(1, "I"), (4, "IV"), (9, "IX"), (39, "XXXIX")])
    def test_roman(self, number, text):
        assert contents.roman(number) == text

    @pytest.mark.parametrize("number", [0, 40])
    def test_roman_refuses(self, number):
        with pytest.raises(ValueError, match="from 1 to 39"):
            contents.roman(number)


class TestChapter:
    def test_number_and_title(self):
        chapter = first()
        assert (chapter.slug, chapter.number, chapter.title) == ("steps-first", "1", "First")
        assert chapter.running_head == "1  First"

    def test_what_only_a_screen_has_is_gone(self):
        body = first().body
        for word in ("hidden_code", "Show code", "other frame", "<button", "<input", "headerlink"):
            assert word not in body
        assert "visible_code" in body
        assert "this frame" in body
        assert body.count('<div class="cell">') == 1  # the one whose code was folded is gone

    def test_headings_go_below_the_chapter(self):
        body = first().body
        assert re.findall(r"<(h\d) class=\"level-(\d)\"", body) == [
            ("h3", "2"),
            ("h4", "3"),
            ("h3", "2"),  # answers and hints
        ]
        assert "<h1" not in body

    def test_ids_have_the_name_of_the_page_in_front(self):
        chapter = first()
        assert 'id="steps-first--fig-a"' in chapter.body
        assert 'href="#steps-first--f1-0"' in chapter.body
        assert 'clip-path="url(#steps-first--f1-0)"' in chapter.body
        assert "steps-first--fig-a" in chapter.anchors

    def test_links_stay_inside_or_go_to_the_site(self):
        body = first().body
        assert 'href="#steps-first--fig-a"' in body
        assert 'href="#steps-second--eq-b"' in body
        assert 'href="#steps-second"' in body
        assert body.count("data-page-of") == body.count('data-page-of="steps-second"') == 1
        assert ">the library<" not in body  # its link is gone, its words are not
        assert "the library" in body
        assert 'href="https://x.org/a"' in body
        link = f'<link rel="canonical" href="{HOME}chapters/steps/first.html">'
        body = first(head=link).body
        assert f'href="{HOME}chapters/library/index.html#f"' in body
        assert f'href="{HOME}chapters/steps/first.html#fig-a">web edition' in body

    def test_hints_are_at_the_end(self):
        body = first().body
        questions, answers = body.split("Answers and hints")
        assert 'href="#steps-first--hint-1"' in questions
        assert 'id="steps-first--hint-1"' in answers
        assert "Try zero." not in questions
        assert "Try zero." in answers
        assert "Exercise 1.1, hint" in answers
        assert "Slowly." in questions  # no hint: it is only opened

    def test_questions_keep_their_choices_and_verdicts_move_to_the_end(self):
        choice = (
            '<li><details class="choice" name="st-a"><summary>'
            '<span class="choice-letter">{0}</span><span class="choice-text">Choice {0}.</span>'
            '</summary><p class="choice-why">'
            "<strong>Wrong.</strong> Why {0}.</p></details></li>"
        )
        body = (
            '<div class="self-test" id="st-a" role="group" aria-labelledby="st-a-question">'
            '<div id="st-a-question"><span class="self-test-number">Question 1</span><p>What?</p>'
            f'</div><ol class="self-test-choices">{choice.format("a")}{choice.format("b")}</ol>'
            "</div>"
            '<details class="exercise-start"><summary>Start</summary><pre>code()</pre></details>'
        )
        page = PAGE.format(head="", name="first", number="", title="First", body=body)
        name = "chapters/steps/first"
        chapter = read_chapter(page, name, docnames={name}, depth=1, site="")
        questions, answers = chapter.body.split("Answers and hints")
        assert "What?" in questions
        assert "Choice a." in questions
        assert "Choice b." in questions
        assert 'href="#steps-first--verdict-1"' in questions
        assert "Why" not in questions
        assert "details" not in chapter.body
        assert "code()" not in chapter.body  # nothing to copy from paper
        assert re.search(r"<b>a</b> <strong>Wrong.</strong> Why a..*<b>b</b>.*Why b.", answers)
        assert 'href="#steps-first--st-a"' in answers

    @pytest.mark.parametrize("kind", ["fig-slider", "fig-drag"])
    def test_figures_that_move_say_where_they_do(self, kind):
        figure = (
            f'<figure id="fig-m"><div class="{kind}"><button>preset</button>'
            '<div class="fig-still">first</div><div class="fig-live" hidden>handles</div>'
            '<script type="application/json">{}</script></div></figure>'
        )
        html = page("f", "First", figure + "<figure>still</figure>", number="1")
        body = read_chapter(html, "chapters/a", site="", docnames=set(), depth=2).body
        assert body.count("Interactive in the web edition; here as the page opens.") == 1
        assert "first" in body
        for word in ("handles", "preset", "<script"):
            assert word not in body

    def test_pictures_are_found_and_waited_for(self):
        assert 'src="../html/_images/a.png"' in first().body
        assert 'loading="eager"' in first().body

    def test_only_scripts_that_typeset(self):
        chapter = first()
        assert chapter.stylesheets == ["../html/_static/fearless.css?v=1"]
        assert len(chapter.scripts) == 2
        assert "../html/_static/vendor/mathjax/tex.js" in chapter.scripts[1]

    def test_a_page_without_title(self):
        with pytest.raises(ValueError, match="chapters/x has no article"):
            read_chapter("<p>x</p>", "chapters/x", docnames=set(), depth=1, site="")

    def test_slug(self):
        assert slug_of("chapters/optimization/sgd") == "optimization-sgd"


IMPRINT = volume.Imprint("Tiny", "Nobody & Co", "1.0")


class TestVolume:
    @pytest.fixture
    def html(self, book):
        return volume.assemble(book, book / "_build" / "html", IMPRINT, site_url="../html/")

    def test_every_link_inside_leads_somewhere(self, html):
        ids = set(re.findall(r'\bid="([^"]+)"', html))
        inside = re.findall(r'<a\b[^>]*href="#([^"]*)"', html)
        assert len(inside) > 10
        assert set(inside) <= ids
        # The id is on screen only; its chapter is there.
        assert '<a class="reference' not in html
        assert 'href="#appendix-bibliography"' in html

    def test_contents_name_everything_once(self, html):
        names = re.findall(r'entry-page" data-page-of="([^"]+)"', html)
        assert names == [
            "preface-how-to-read",
            "part-small-steps",
            "steps-first",
            "steps-first--one",
            "steps-second",
            "part-appendix",
            "preface-notation",
            "appendix-bibliography",
        ]

    def test_headings_of_parts_and_chapters(self, html):
        found = re.findall(r"<(h[12])[^>]*>(?:<span[^>]*>\d</span> )?([^<]+)</\1>", html)
        assert found == [
            ("h1", "Contents"),
            ("h1", "How to read"),
            ("h1", "Small steps"),
            ("h2", "First &amp; last"),
            ("h2", "Second"),
            ("h1", "Appendix"),
            ("h2", "Notation"),
            ("h2", "Bibliography"),
        ]
        assert "Part I<" in html
        assert '@page sheet-steps-first { @top-left { content: "1  First & last"; } }' in html

    def test_language_title_author(self, html):
        assert '<html lang="en"' in html
        assert "<title>Tiny: the executable textbook</title>" in html
        assert 'content="Nobody &amp; Co"' in html

    def test_a_page_that_is_not_built(self, book):
        (book / "_build/html/chapters/steps/second.html").unlink()
        with pytest.raises(FileNotFoundError, match=r"lists chapters/steps/second, .*make book"):
            volume.assemble(book, book / "_build" / "html", IMPRINT, site_url="")


class TestPdfWithoutChromium:
    def test_says_what_to_install(self, book, monkeypatch, capsys):
        monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
        assert pdf.main([str(book)]) == 1
        message = capsys.readouterr().err
        assert "apt install chromium" in message
        assert "NOT made" in message
        assert not (book / "_build/pdf/fit-without-fear.pdf").exists()

    def test_says_what_else_is_missing(self, book, monkeypatch, capsys):
        monkeypatch.setattr(pdf, "find_chromium", lambda: "/somewhere/chromium")
        monkeypatch.setattr(pdf, "find_spec", lambda name: None)
        assert pdf.main([str(book)]) == 1
        assert "playwright and pypdf not installed: pip install" in capsys.readouterr().err

    def test_says_that_there_is_no_site(self, tmp_path, capsys):
        assert pdf.main([str(tmp_path)]) == 1
        assert "run 'make book' first" in capsys.readouterr().err

    def test_imprint_takes_the_address_from_the_front_page(self, book):
        site = book / "_build" / "html"
        assert pdf.read_imprint(book, site).address == ""
        head = f'<link rel="canonical" href="{HOME}chapters/index.html" />'
        (site / "chapters/index.html").write_text(page("i", "Front", head=head))
        imprint = pdf.read_imprint(book, site)
        assert (imprint.title, imprint.author, imprint.address) == ("Tiny", "Nobody", HOME)


class TestDownloads:
    def test_nothing_is_offered_where_nothing_was_made(self, book):
        site = book / "_build" / "html"
        before = (site / "chapters/preface/how-to-read.html").read_text()
        assert downloads.offer(site) == []
        assert (site / "chapters/preface/how-to-read.html").read_text() == before
        assert "hidden" in downloads.EMPTY_BOX

    def test_what_was_made_is_offered_with_its_size_and_withdrawn(self, book):
        site = book / "_build" / "html"
        path = site / "chapters/preface/how-to-read.html"
        (site / downloads.PDF_NAME).write_bytes(b"x" * 7_340_000)
        (site / downloads.ZIP_NAME).write_bytes(b"x" * 640_400)
        assert downloads.offer(site) == [downloads.PDF_NAME, downloads.ZIP_NAME]
        html = path.read_text()
        assert '<a href="../../fit-without-fear.pdf"' in html
        assert "PDF, 7.3 MB" in html
        assert "zip, 640 kB" in html
        assert "hidden" not in html
        for name in downloads.EDITIONS:
            (site / name).unlink()
        downloads.offer(site)
        assert downloads.EMPTY_BOX in path.read_text()


class TestZip:
    def test_same_site_same_bytes(self, book, tmp_path):
        site = book / "_build" / "html"
        (site / ".buildinfo").write_text("of no use")
        a, b = tmp_path / "a.zip", tmp_path / "b.zip"
        count = archive.pack(site, a)
        for path in site.rglob("*.html"):
            path.touch()
            path.chmod(0o600)
        archive.pack(site, b)
        assert a.read_bytes() == b.read_bytes()
        with zipfile.ZipFile(a) as packed:
            names = packed.namelist()
            assert packed.testzip() is None
        assert len(names) == count == 8
        assert names == sorted(names)
        assert "fit-without-fear/index.html" in names
        assert all(name.startswith("fit-without-fear/") for name in names)

    def test_loads_no_font_ahead(self, book):
        """From a disk a browser refuses to, and complains."""
        site, link = book / "_build" / "html", '<link rel="preload" as="font" href="f.woff2" />'
        (site / "index.html").write_text(f'{link}<link rel="preload" as="script" href="s.js">')
        archive.pack(site, book / "x.zip")
        with zipfile.ZipFile(book / "x.zip") as packed:
            html = packed.read("fit-without-fear/index.html").decode()
        assert html == '<link rel="preload" as="script" href="s.js">'

    def test_offers_the_pdf_but_not_itself(self, book):
        site = book / "_build" / "html"
        (site / downloads.PDF_NAME).write_bytes(b"x" * 2000)
        target, _ = archive.make_zip(book)
        once = target.read_bytes()
        assert "fit-without-fear.zip" in (site / "chapters/preface/how-to-read.html").read_text()
        assert archive.make_zip(book)[0].read_bytes() == once
        with zipfile.ZipFile(target) as packed:
            html = packed.read("fit-without-fear/chapters/preface/how-to-read.html").decode()
            assert "fit-without-fear/fit-without-fear.zip" not in packed.namelist()
        assert "fit-without-fear.pdf" in html
        assert "fit-without-fear.zip" not in html

    def test_no_site(self, tmp_path, capsys):
        assert archive.main([str(tmp_path)]) == 1
        assert "run 'make book' first" in capsys.readouterr().err
