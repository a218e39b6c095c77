"""The reference and the lists on the built site: everything is there and links both ways."""

import gzip
import html
import re
from functools import cache

import pytest
from site_browser import SITE

pytestmark = pytest.mark.site

LIBRARY = sorted(SITE.glob("chapters/library/*.html"))
PARTS = (
    "interpolation",
    "over-parametrization",
    "double-descent",
    "kernel-regimes",
    "optimization",
)
CHAPTERS = sorted(path for part in PARTS for path in SITE.glob(f"chapters/{part}/*.html"))
MAX_BYTES = 1_000_000


@cache
def text_of(path):
    return path.read_text(encoding="utf8")


@cache
def ids_of(path):
    return frozenset(map(html.unescape, re.findall(r'\bid="([^"]+)"', text_of(path))))


def target(path, address):
    """The file and the anchor that an address on a page leads to."""
    name, _, anchor = html.unescape(address).partition("#")
    return ((path.parent / name).resolve() if name else path), anchor


def dead(path, pattern):
    """The addresses of links on a page, found by a pattern, that lead to nothing."""
    links = re.findall(pattern, text_of(path))
    broken = []
    for address in links:
        file, anchor = target(path, address)
        if not file.is_file() or (anchor and anchor not in ids_of(file)):
            broken.append(address)
    return links, broken


def test_every_public_name_has_its_entry():
    from fearless.book.sphinx.reference.library import catalog

    anchors = frozenset().union(*map(ids_of, LIBRARY))
    assert set(catalog().entries) - anchors == set()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_names_in_the_code_of_a_chapter_lead_to_the_reference(path):
    links, broken = dead(path, r'<a class="api-link" href="([^"]+)"')
    assert links
    assert not broken
    assert 'class="used-in library-used"' in text_of(path)


def test_entries_lead_back_to_the_pages_that_use_them():
    back = set()
    for path in LIBRARY:
        for line in re.findall(r'<p class="used-in">.*?</p>', text_of(path), flags=re.DOTALL):
            for address in re.findall(r'href="([^"]+)"', line):
                file, anchor = target(path, address)
                assert file.is_file(), (path.name, address)
                assert not anchor or anchor in ids_of(file), (path.name, address)
                back.add(file)
    assert set(path.resolve() for path in CHAPTERS) <= back


def test_pages_of_docstrings_are_links():
    lines = [
        line for path in LIBRARY for line in re.findall(r"Used in the pages? .", text_of(path))
    ]
    assert lines
    assert {line[-1] for line in lines} == {"<"}


def test_every_figure_and_statement_is_in_its_list():
    for name, pattern in (
        ("figures", r'<figure [^>]*id="([^"]+)"'),
        ("theorems", r'<div class="proof \w+ admonition" id="([^"]+)"'),
    ):
        text = text_of(SITE / "chapters" / "appendix" / f"{name}.html")
        count = 0
        for path in CHAPTERS:
            for anchor in re.findall(pattern, text_of(path)):
                count += 1
                assert f'href="../{path.parent.name}/{path.name}#{anchor}"' in text, anchor
        assert count > 40


def test_pictures_of_figures_are_there_and_small():
    page = SITE / "chapters" / "appendix" / "figures.html"
    pictures = re.findall(r'<img src="([^"]*thumbnails[^"]*)" alt=""', text_of(page))
    assert len(pictures) > 40
    assert max(target(page, name)[0].stat().st_size for name in pictures) < 15_000


def test_every_experiment_of_a_chapter_is_in_the_list_with_a_figure_or_without():
    text = text_of(SITE / "chapters" / "appendix" / "experiments.html")
    assert text.count('class="index-shown"') > 60
    assert ">stored</span>" in text


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_pages_of_the_reference_are_light(path):
    assert len(gzip.compress(path.read_bytes())) < MAX_BYTES
