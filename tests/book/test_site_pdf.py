"""The PDF edition: a few chapters of the built site really printed, and the whole where it is.

The whole book takes minutes to print, so that the checks run on a small volume of it; where
``make pdf`` has put the whole one on the site, the quick ones run on it as well.
"""

import re

import pytest
from site_browser import ROOT, SITE, find_chromium

from fearless.book.editions import contents, pdf, volume
from fearless.book.editions.downloads import PDF_NAME

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

FEW = 1
IMPRINT = volume.Imprint("Fit without Fear", "Its authors", "9.9")


def is_there(docname):
    return (SITE / f"{docname}.html").is_file()


def html_of(docname):
    return (SITE / f"{docname}.html").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A volume of a page of the preface, a chapter with a slider, and the bibliography."""
    from pypdf import PdfReader

    def shorter(root):
        parts = []
        for part in contents.read_contents(root):
            names = [n for n in part.docnames if is_there(n)]
            room = FEW - sum(len(p.docnames) for p in parts if p.numeral)
            sliding = [n for n in names if 'class="fig-slider"' in html_of(n)]
            sliding.sort(key=lambda n: 'class="fig-drag"' not in html_of(n))
            names = sliding[:room] if part.numeral else names[-1:]
            if names:
                parts.append(contents.Part(part.caption, part.numeral, tuple(names)))
        return parts

    if find_chromium() is None:
        pytest.fail("no Chromium on the path; on Debian: apt install chromium")
    folder = tmp_path_factory.mktemp("pdf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume, "read_contents", shorter)
        html = volume.assemble(ROOT, SITE, IMPRINT, site_url=SITE.resolve().as_uri() + "/")
    (folder / "volume.html").write_text(html, encoding="utf8")
    path = folder / "volume.pdf"
    headings = pdf.print_volume(folder / "volume.html", path, print)
    assert pdf.finish(path, IMPRINT, headings) == len(PdfReader(path).pages)
    return html, path


@pytest.fixture(scope="module", params=["few", "whole"])
def reader(request):
    from pypdf import PdfReader

    if request.param == "few":
        return PdfReader(request.getfixturevalue("printed")[1])
    if not (SITE / PDF_NAME).is_file():
        pytest.skip("the whole book is not printed: make pdf")
    return PdfReader(SITE / PDF_NAME)


def outline(reader):
    """List level, title and page of all entries of the outline."""

    def walk(items, level):
        for item in items:
            if isinstance(item, list):
                yield from walk(item, level + 1)
            else:
                yield level, item.title, reader.get_destination_page_number(item) + 1

    return list(walk(reader.outline, 1))


def squeezed(text):
    return "".join(text.split())


def test_title_language_tags(reader):
    root = reader.trailer["/Root"]
    assert reader.metadata.title == "Fit without Fear: the executable textbook"
    assert reader.metadata.author
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/PageMode"] == "/UseOutlines"
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]


def test_outline_leads_to_its_headings(reader):
    entries = outline(reader)
    assert entries[0][1:] == ("Contents", 3)
    assert len(entries) > 10
    for level, title, number in entries:
        if level <= 2 and not re.search(r"[^\w\s.,:;*’'()-]", title):
            assert squeezed(title) in squeezed(reader.pages[number - 1].extract_text())
        assert "  " not in title


def test_contents_have_the_numbers_of_pages(reader):
    # The sections of a preface have no number, and are not listed.
    chapters = [
        (title, n)
        for level, title, n in outline(reader)
        if n > 3 and (level == 1 or (level == 2 and title[0].isdigit()))
    ]
    first = min(n for _, n in chapters)
    lines = squeezed("".join(reader.pages[k].extract_text() for k in range(2, first - 1)))
    for title, number in chapters:
        if re.fullmatch(r"[\w\s,-]+", title):
            assert f"{squeezed(title)}{number}" in lines


def test_pages_are_numbered(reader):
    count = len(reader.pages)
    bare = {n for level, _, n in outline(reader) if level == 1}
    for number in range(3, count + 1, max(1, count // 20)):
        text = reader.pages[number - 1].extract_text()
        assert str(number) in text.split() or number in bare, number


def test_links_stay_in_the_book_or_leave_it(reader):
    known = {name.removeprefix("/") for name in reader.named_destinations}
    inside = 0
    for page in reader.pages[: 60 + 10]:
        for annotation in page.get("/Annots") or ():
            target = annotation.get_object()
            action = target.get("/A")
            if action and "/URI" in action:
                assert re.match(r"https?://(?!127\.|localhost)|mailto:", action["/URI"]), action
            elif "/Dest" in target:
                assert str(target["/Dest"]).removeprefix("/") in known
                inside += 1
    assert inside > 20


def test_no_controls_and_no_folded_code(printed, reader):
    text = "\n".join(page.extract_text() for page in reader.pages[:80])
    for word in ("Show code", "Hide code", "Click to show", "IntSlider(", "VBox(", "\\(", "\ufffd"):
        assert word not in text
    assert "import" in text  # the code that is part of the argument is there


def test_sliders_stand_at_their_first_frame(printed):
    html, _ = printed
    assert "<input" not in html
    assert "<button" not in html
    sliders = html.count('class="fig-slider"')
    assert sliders
    assert html.count('class="fig-frame"') == sliders
    assert html.count('class="live-note"') == sliders + html.count('class="fig-drag"')


def test_numbers_are_those_of_the_site(printed):
    """Numbers of figures, theorems and equations in the PDF are those on the pages."""
    from pypdf import PdfReader

    html, path = printed
    text = squeezed("\n".join(page.extract_text() for page in PdfReader(path).pages))
    numbers = re.findall(r'class="caption-number">\s*([^<]+?)\s*<', html)
    numbers += re.findall(r'class="eqno">\s*(\([\d.]+\))', html)
    assert len(numbers) > 10
    assert [n for n in numbers if squeezed(n) not in text] == []


def test_figures_have_their_text(printed):
    """The tags of a figure hold its alternative text."""
    from pypdf import PdfReader

    html, path = printed
    raw = [o for o in _objects(PdfReader(path)) if o.get("/S") == "/Figure" and o.get("/Alt")]
    assert len(raw) >= html.count('class="fig-frame"')


def _objects(reader):
    for number in range(1, int(reader.trailer["/Size"])):
        found = reader.get_object(number)
        if isinstance(found, dict):
            yield found


def test_a_broken_picture_is_an_error(tmp_path):
    (tmp_path / "x.html").write_text('<html><img src="gone.png" alt="x"></html>')
    with pytest.raises(pdf.NotPrinted, match=r"broken parts:\n  picture file:.*gone\.png"):
        pdf.print_volume(tmp_path / "x.html", tmp_path / "x.pdf", print)
