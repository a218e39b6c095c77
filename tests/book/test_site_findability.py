"""What the built site offers to searches, previews and those who want to run a page."""

import json
import re
from html import unescape

import nbformat
import pytest
from PIL import Image
from site_audit import violations
from site_browser import PAGES, ROOT, SITE, serve
from site_visit import turn_dark, visit

from fearless.book.sphinx.running.repository import launch_links, repository_url, site_url
from fearless.book.sphinx.web import cards, head

pytestmark = pytest.mark.site

NOTEBOOKS = sorted(p.relative_to(SITE / "notebooks") for p in SITE.glob("notebooks/**/*.ipynb"))
CHAPTERS = [name for name in PAGES if name.startswith("chapters/")]


def read(name):
    return (SITE / name).read_text(encoding="utf8")


def first(pattern, html):
    found = re.search(pattern, html)
    return unescape(found[1]) if found else ""


@pytest.fixture(scope="module")
def heads():
    return {name: read(name).partition("</head>")[0] for name in CHAPTERS}


def test_there_are_pages():
    assert len(CHAPTERS) >= 5
    assert len(NOTEBOOKS) >= 3


class TestHeads:
    def test_titles_tell_pages_apart(self, heads):
        titles = {name: first("<title>(.*?)</title>", html) for name, html in heads.items()}
        assert len(set(titles.values())) == len(titles)
        assert all("Fit without Fear" in title for title in titles.values())
        # A number would change with the order of the chapters.
        assert not [title for title in titles.values() if re.match(r"\d", title)]

    def test_descriptions_tell_pages_apart(self, heads):
        pattern = r'<meta content="([^"]*)" name="description" />'
        found = {name: first(pattern, html) for name, html in heads.items()}
        assert len(set(found.values())) == len(found)
        shortest, longest = head.DESCRIPTION_LENGTH
        assert all(shortest <= len(text) <= longest for text in found.values())

    def test_previews(self, heads):
        for name, html in heads.items():
            for key in ("title", "description", "type", "site_name"):
                assert html.count(f'<meta property="og:{key}" content="') == 1, name
            (data,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
            assert json.loads(data)["@context"] == "https://schema.org", name

    def test_absolute_addresses_only_where_the_site_is_known(self, heads):
        site = site_url()
        for name, html in heads.items():
            canonical = re.findall(r'<link rel="canonical" href="([^"]*)"', html)
            image = re.findall(r'<meta property="og:image" content="([^"]*)"', html)
            if not site:
                assert canonical == image == [], name
                continue
            assert canonical == [site + name]
            path = SITE / image[0].removeprefix(site)
            with Image.open(path) as picture:
                assert picture.size == cards.SIZE, name
            assert path.stat().st_size <= 150_000, name

    def test_the_sitemap_lists_every_page(self):
        if not site_url():
            assert not (SITE / "sitemap.xml").exists()
            return
        listed = re.findall("<loc>(.*?)</loc>", read("sitemap.xml"))
        assert sorted(listed) == sorted(site_url() + name for name in CHAPTERS)


class TestNotebooks:
    @pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
    def test_hold_the_code_of_the_page_and_plain_text(self, path):
        book = nbformat.read(SITE / "notebooks" / path, as_version=4)
        nbformat.validate(book)
        source = (ROOT / path.with_suffix(".md")).read_text(encoding="utf8")
        own = [c.source for c in book.cells if c.cell_type == "code"]
        if repository_url():
            assert "%pip install" in own.pop(0)
        # Exercises have cells too. Code begins after options, which stand in either of two forms.
        code = r"^```\{(?:code-cell|starter|check)\}[^\n]*\n(.*?)^```$"
        cells = re.findall(code, source, re.M | re.S)
        options = re.compile(r"\A(?:---\n.*?\n---\n|(?::[\w-]+:[^\n]*\n)+\n?)", re.DOTALL)
        assert own == [options.sub("", cell).strip() for cell in cells]
        text = "\n\n".join(c.source for c in book.cells if c.cell_type == "markdown")
        assert book.cells[0].source.startswith("# ")
        # A piece of the book's own markup, or a macro that no other program knows.
        left = r"\{[a-z:]+\}`|^(?:> )?(?:```\{|:::)|\\(?:norm|abs|inner|R|E|Var|argmin)\b"
        assert re.findall(left, text, re.M) == []
        assert "None" not in re.findall(r"\]\(([^)]*)\)", text)
        assert not [c for c in book.cells if c.get("outputs")]

    def test_hold_no_solution(self):
        for path in NOTEBOOKS:
            solutions = ROOT / path.parent / "solutions" / f"{path.stem}.md"
            if not solutions.is_file():
                continue
            text = (SITE / "notebooks" / path).read_text(encoding="utf8")
            lines = [
                line.strip()
                for line in solutions.read_text(encoding="utf8").splitlines()
                if len(line.strip()) > 60 and '"' not in line and "\\" not in line
            ]
            page = (ROOT / path.with_suffix(".md")).read_text(encoding="utf8")
            assert [line for line in lines if line in text and line not in page] == [], path

    def test_every_page_leads_to_its_own(self):
        linked = set()
        for name in CHAPTERS:
            notebook = name.removesuffix(".html") + ".ipynb"
            targets = re.findall(r'href="([^"]*\.ipynb)"', read(name))
            if (SITE / "notebooks" / notebook).exists():
                linked.add(notebook)
                up = "../" * name.count("/")
                assert targets.count(f"{up}notebooks/{notebook}") == 2, name
        assert linked == {path.as_posix() for path in NOTEBOOKS}

    def test_live_only_where_the_repository_is_known(self):
        for name in CHAPTERS:
            html, page = read(name), name.removesuffix(".html")
            live = {
                unescape(u) for u in re.findall(r'href="(https://(?:mybinder|colab)[^"]*)"', html)
            }
            expected = set(launch_links(page).values())
            has_notebook = (SITE / "notebooks" / f"{page}.ipynb").exists()
            assert live == (expected if has_notebook else set()), name


@pytest.fixture
def page(browser, base):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


class TestDownloads:
    PAGE = NOTEBOOKS[-1].with_suffix(".html").as_posix() if NOTEBOOKS else ""

    def downloaded(self, page, click):
        with page.expect_download() as download:
            click()
        return download.value

    def test_the_line_at_the_foot(self, page, base):
        page.goto(base + self.PAGE)
        link = page.get_by_role("link", name="download the notebook")
        done = self.downloaded(page, link.click)
        assert done.suggested_filename == NOTEBOOKS[-1].name
        nbformat.validate(nbformat.read(done.path(), as_version=4))

    def test_the_menu_by_keyboard(self, page, base):
        page.goto(base + self.PAGE)
        menu = page.get_by_role("button", name="Download this page")
        menu.focus()
        page.keyboard.press("Enter")
        entry = page.locator(".dropdown-download-buttons .btn-download-notebook-button")
        entry.wait_for(state="visible")
        page.keyboard.press("ArrowDown")
        assert entry.evaluate("e => e === document.activeElement")
        # It opens in a tab of its own, which then turns out to be a download.
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        tab = opened.value
        assert (entry.get_attribute("href") or "").endswith(NOTEBOOKS[-1].as_posix())
        tab.close()

    def test_the_source(self, base, page):
        page.goto(base + self.PAGE)
        link = page.get_by_role("complementary", name="Run this page").get_by_role(
            "link", name="source"
        )
        source = page.request.get(page.evaluate("e => e.href", link.element_handle()))
        assert source.text() == (ROOT / NOTEBOOKS[-1]).with_suffix(".md").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The address of the site served where it would be published: below its own path."""
    path = re.sub(r"^https?://[^/]+/", "", site_url())
    root = tmp_path_factory.mktemp("published")
    if path:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path.rstrip("/")).symlink_to(SITE, target_is_directory=True)
    with serve(root if path else SITE) as address:
        yield address + path


class TestNothingHere:
    def test_works_wherever_it_is_shown(self, browser, published):
        context = browser.new_context()
        note = visit(context, published, "404.html")
        context.close()
        assert note.failed_requests == note.foreign_requests == note.errors == []
        assert note.phone["width"] <= note.phone["window"]
        links = [link for link in note.desktop["links"] if "#" not in link]
        own = [link for link in links if link.startswith(published)]
        assert len([link for link in own if "/chapters/" in link]) >= 5
        gone = [
            u for u in own if u != published and not (SITE / u.removeprefix(published)).exists()
        ]
        assert gone == []

    def test_searches_the_book(self, browser, published):
        context = browser.new_context()
        page = context.new_page()
        page.goto(published + "404.html")
        page.get_by_role("main").get_by_label("Search the book").fill("threshold")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=threshold")
        page.locator("#search-results li a").first.wait_for()
        context.close()

    @pytest.mark.parametrize("dark", [False, True])
    def test_is_accessible(self, browser, published, dark):
        context = browser.new_context(color_scheme="dark" if dark else "light")
        page = context.new_page()
        page.goto(published + "404.html")
        if dark:
            turn_dark(page)
        found = violations(page)
        context.close()
        assert found == []


def test_the_status_page_lists_every_page_with_code():
    report = json.loads((SITE.parent / "pages.json").read_text())
    html = read("chapters/appendix/status.html")
    table = html[html.index('class="status-pages') :].partition("</table>")[0]
    rows = re.findall(r'<a class="reference internal" href="([^"]*)">', table)
    assert len(rows) == len(report) >= 3
    assert "not noted" not in table
