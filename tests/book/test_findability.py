"""Titles, descriptions, pictures of links, moved and missing pages; and addresses that stay."""

import io
import json
import re
from pathlib import Path

import pytest
import yaml
from PIL import Image
from small_project import DESCRIPTION, SmallProject
from sphinx_external_toc.parsing import parse_toc_yaml

from fearless.book.sphinx.running import repository
from fearless.book.sphinx.web import cards, head, not_found, redirects, sitemap

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path(__file__).with_name("published_pages.txt")
SITE = "https://site.example/book/"
FIGURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><metadata>frames</metadata>'
    '<rect width="200" height="100" fill="#ff0000"/></svg>'
)
TOC = """\
format: jb-book
root: chapters/index
parts:
  - caption: First & best
    chapters:
      - file: chapters/part/one
        sections:
          - file: chapters/part/below
  - caption: Appendix
    chapters:
      - file: chapters/plain
"""
ONE = """\
# Page <one> & more

Words.

```{figure} picture.svg
:name: fig-first

The first.
```

```{code-cell} ipython3
1
```
"""


def project(root):
    made = SmallProject(
        root,
        ["web.head", "web.redirects", "web.not_found", "web.sitemap"],
        'fearless_tagline = "a tagline"',
    )
    made.write("_toc.yml", TOC)
    made.page("chapters/index", "# Small Book\n\nThe front.\n")
    made.page("chapters/part/one", ONE, notebook=True)
    made.page("chapters/part/below", "# Below\n\nMore.\n")
    made.page("chapters/plain", "# Plain\n\nNo figure.\n")
    made.write("chapters/part/picture.svg", FIGURE)
    made.write("chapters/redirects.yml", "chapters/old/name: chapters/part/one\n")
    return made


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Made where the address of the site is known."""
    made = project(tmp_path_factory.mktemp("known"))
    status, printed = made.build(FEARLESS_SITE_URL=SITE)
    assert status == 0, printed
    return made


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    """Made where it is not."""
    made = project(tmp_path_factory.mktemp("unknown"))
    status, printed = made.build()
    assert status == 0, printed
    return made


def meta(html):
    """Return the values of the elements for previews by their names."""
    found = re.findall(r'<meta (?:property|name)="(\w+:[\w:]+)" content="([^"]*)" />', html)
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


def data(html):
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
    return json.loads(text)


class TestHead:
    def test_titles(self):
        assert head.page_title("A page", "Book", "tag") == "A page — Book"
        assert head.page_title("Book", "Book", "tag") == "Book: tag"
        assert head.page_title("Book", "Book", "") == "Book"

    def test_preview(self, known):
        html = known.read("chapters/part/one.html")
        tags = meta(html)
        assert tags["og:title"] == "Page &lt;one&gt; &amp; more"
        assert tags["og:description"] == DESCRIPTION
        assert f'<meta content="{DESCRIPTION}" name="description" />' in html
        assert tags["og:type"] == "article"
        assert tags["og:url"] == f"{SITE}chapters/part/one.html"
        assert tags["og:site_name"] == "Small Book"
        assert tags["twitter:card"] == "summary_large_image"
        assert f'<link rel="canonical" href="{SITE}chapters/part/one.html"' in html
        assert "noindex" not in html

    def test_picture(self, known):
        url = meta(known.read("chapters/part/one.html"))["og:image"]
        assert url.startswith(f"{SITE}cards/chapters/part/one-")
        path = known.html / url.removeprefix(SITE)
        picture = Image.open(path).convert("RGB")
        assert picture.size == cards.SIZE
        assert path.stat().st_size <= 150_000
        left, top, width, height = cards._BOX
        assert picture.getpixel((left + width // 2, top + height // 2)) == (255, 0, 0)

    def test_structured_data(self, known):
        page = data(known.read("chapters/part/one.html"))
        assert page["@type"] == ["Chapter", "TechArticle"]
        assert page["name"] == "Page <one> & more"
        assert page["articleSection"] == "First & best"
        assert data(known.read("chapters/part/below.html"))["articleSection"] == "First & best"
        assert page["timeRequired"] == "PT1M"
        assert page["isPartOf"]["url"] == f"{SITE}chapters/index.html"
        assert data(known.read("chapters/plain.html"))["@type"] == "WebPage"
        assert data(known.read("chapters/index.html"))["@type"] == "Book"

    def test_without_an_address_nothing_that_has_to_be_absolute(self, unknown):
        html = unknown.read("chapters/part/one.html")
        tags = meta(html)
        assert tags["og:description"] == DESCRIPTION
        assert not {"og:url", "og:image", "og:image:alt"} & tags.keys()
        assert tags["twitter:card"] == "summary"
        assert 'rel="canonical"' not in html
        assert "url" not in data(html)
        assert not (unknown.html / "cards").exists()
        assert not (unknown.html / "sitemap.xml").exists()
        assert not (unknown.html / "robots.txt").exists()

    def test_the_root_leads_on_and_has_the_tags_of_the_front_page(self, known, unknown):
        for made in (known, unknown):
            html = made.read("index.html")
            assert '<meta http-equiv="refresh" content="0; url=chapters/index.html" />' in html
            assert "<title>Small Book: a tagline</title>" in html
            assert meta(html)["og:type"] == "book"
            assert "noindex" not in html
            assert "${" not in html
        front = known.read("chapters/index.html")
        assert meta(known.read("index.html"))["og:image"] == meta(front)["og:image"]
        assert f'<link rel="canonical" href="{SITE}chapters/index.html" />' in known.read(
            "index.html"
        )

    @pytest.mark.parametrize(
        ("description", "words"),
        [
            ("Too short.", "the description has 10 characters; expected between 50 and 200"),
            ("x" * 201, "the description has 201 characters"),
        ],
    )
    def test_a_description_of_the_wrong_length_fails_the_build(self, tmp_path, description, words):
        made = project(tmp_path)
        made.page("chapters/plain", "# Plain\n\nNo figure.\n", description=description)
        status, printed = made.build()
        assert status == 1
        assert "plain.md" in printed
        assert words in printed

    def test_a_page_without_a_description_or_its_main_figure_fails_the_build(self, tmp_path):
        made = project(tmp_path)
        made.write("chapters/plain.md", "---\nmain_figure: fig-none\n---\n\n# Plain\n\nWords.\n")
        status, printed = made.build()
        assert status == 1
        assert "no description in the front matter" in printed
        assert "the main_figure 'fig-none' is no figure of this page" in printed


class TestCards:
    def picture(self, *arguments, **options):
        png = cards.render_card(cards.card_svg(*arguments, **options))
        assert len(png) <= 150_000
        return Image.open(io.BytesIO(png)).convert("RGB")

    def test_long_titles_stay_in_their_column(self):
        title = "Supercalifragilistic under-specification and the blessing of dimensionality"
        picture = self.picture(title, "Over-parametrization", "Book", FIGURE)
        left = cards._BOX[0] - 30
        strip = picture.crop((cards._MARGIN + cards._TEXT_WIDTH + 2, 0, left, cards.SIZE[1]))
        assert strip.getcolors() == [(strip.width * strip.height, (255, 255, 255))]

    def test_without_a_figure_the_text_stands_there(self):
        left, top, width, height = cards._BOX
        box = (left, top, left + width, top + height)
        blank = self.picture("Title", "", "Book", "").crop(box)
        assert blank.getcolors() == [(width * height, (255, 255, 255))]
        text = self.picture("Title", "", "Book", "", "What it is about.").crop(box)
        assert len(text.getcolors()) > 3

    def test_the_same_page_gives_the_same_picture(self):
        svg = cards.card_svg("Title", "Part", "Book", FIGURE)
        assert cards.render_card(svg) == cards.render_card(svg)
        assert "frames" not in svg

    def test_a_figure_that_cannot_be_placed(self):
        with pytest.raises(ValueError, match=r"no SVG with a viewBox"):
            cards.card_svg("Title", "", "Book", "<svg></svg>")


class TestRedirects:
    def test_the_old_page_leads_on(self, unknown):
        html = unknown.read("chapters/old/name.html")
        assert '<meta http-equiv="refresh" content="0; url=../part/one.html" />' in html
        assert '<a href="../part/one.html">' in html
        assert "noindex" in html
        assert "${" not in html

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("chapters/a: chapters/none", "to chapters/none, but there is no such page"),
            ("chapters/plain: chapters/part/one", "plain on, but there is such a page"),
        ],
    )
    def test_to_nowhere_fails_the_build(self, tmp_path, line, words):
        made = project(tmp_path)
        made.write("chapters/redirects.yml", line + "\n")
        status, printed = made.build()
        assert status == 1
        assert words in printed

    def test_what_is_no_map(self, tmp_path):
        (tmp_path / "chapters").mkdir()
        (tmp_path / redirects.FILE).write_text("- a\n- b\n")
        with pytest.raises(ValueError, match=r"must map old pages to new ones"):
            redirects.read_redirects(tmp_path)

    def test_anchors_are_kept(self):
        assert redirects.relative("a/b/c", "a/d#e") == "../d.html#e"
        assert redirects.relative("c", "a/d") == "a/d.html"


class TestNotFound:
    def test_search_and_parts_with_absolute_links(self, known):
        html = known.read("404.html")
        assert 'action="/book/search.html"' in html
        assert '<a href="/book/chapters/part/one.html">Page &lt;one&gt; &amp; more</a>' in html
        assert "<h2>First &amp; best</h2>" in html
        assert "below.html" not in html.partition("not-found-parts")[2]
        assert f"<h1>{not_found.TITLE}</h1>" in html
        assert "noindex" in html
        assert not re.findall(r'(?:href|src)="(?!/|https?:|#)[^"]', html)

    def test_without_an_address_from_the_root(self, unknown):
        assert 'action="/search.html"' in unknown.read("404.html")


class TestSitemap:
    def test_lists_the_pages_that_are_to_be_found(self, known):
        listed = re.findall("<loc>(.*?)</loc>", known.read("sitemap.xml"))
        names = ["index", "part/below", "part/one", "plain"]
        assert sorted(listed) == [f"{SITE}chapters/{name}.html" for name in names]

    def test_robots_are_told(self, known):
        assert known.read("robots.txt") == sitemap.robots(SITE)
        assert f"Sitemap: {SITE}sitemap.xml\n" in sitemap.robots(SITE)


class TestAddressOfTheSite:
    def test_from_the_setting_or_the_forge(self):
        forge = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "Some/Name"}
        assert repository.site_url({}) == ""
        assert repository.site_url(forge) == "https://some.github.io/Name/"
        assert repository.site_url(forge | {"GITHUB_REPOSITORY": "Some/some.github.io"}) == (
            "https://some.github.io/"
        )
        # Another forge may publish anywhere.
        assert repository.site_url(forge | {"GITHUB_SERVER_URL": "https://git.example"}) == ""
        own = {repository.SITE_VARIABLE: "https://book.example/a"}
        assert repository.site_url(forge | own) == "https://book.example/a/"

    @pytest.mark.parametrize("url", ["book.example", "https://book.example/?a", "ftp://b/"])
    def test_a_malformed_address(self, url):
        with pytest.raises(ValueError, match=repository.SITE_VARIABLE):
            repository.site_url({repository.SITE_VARIABLE: url})


class TestPublishedAddresses:
    """An address that was ever published leads to a page for ever."""

    def published(self):
        lines = PUBLISHED.read_text(encoding="utf8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def pages(self):
        return {name.removesuffix(".md") for name in parse_toc_yaml(ROOT / "_toc.yml")}

    def test_each_is_a_page_or_leads_on_to_one(self):
        moved, pages = redirects.read_redirects(ROOT), self.pages()
        lost = [name for name in self.published() if name not in pages and name not in moved]
        assert lost == [], f"renamed or removed without a line in {redirects.FILE}"

    def test_each_page_is_on_the_list(self):
        missing = sorted(self.pages() - set(self.published()))
        assert missing == [], f"add to {PUBLISHED.name}"

    def test_the_list_is_in_order(self):
        published = self.published()
        assert published == sorted(set(published))


def test_every_page_of_the_book_has_a_description():
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        text = (ROOT / name).with_suffix(".md").read_text(encoding="utf8")
        front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
        description = front["myst"]["html_meta"]["description"].strip()
        shortest, longest = head.DESCRIPTION_LENGTH
        assert shortest <= len(description) <= longest, name
