"""Ways through the book: the chain of pages, the tree, the drawer of a phone, and downloads."""

import re
from urllib.parse import urljoin

import pytest
from site_browser import PAGES, PHONE, SITE, redirect

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

TEXT = {name: (SITE / name).read_text(encoding="utf8") for name in PAGES}
TREE = re.compile(r'<li class="toctree-l\d[^"]*"><a class="[^"]*internal[^"]*" href="([^"]+)"')


def resolve(name, link):
    """Return the page that a link of a page leads to."""
    return urljoin(f"http://site/{name}", link).removeprefix("http://site/").split("#")[0]


def neighbour(name, side):
    match = re.search(rf'<a class="{side}"\s+href="([^"]+)"', TEXT[name])
    return match and resolve(name, match[1])


def chain():
    """Follow the links to the next page from the front page to the end."""
    name, seen = resolve("index.html", redirect("index.html") or "index.html"), []
    while name and name not in seen:
        seen.append(name)
        name = neighbour(name, "right-next")
    return seen


def test_the_next_page_leads_through_the_whole_book():
    book = {name for name in PAGES if name.startswith("chapters/")}
    pages = chain()
    assert len(pages) == len(set(pages))
    assert set(pages) == book, "a page that the way through the book leaves out"


def test_the_previous_page_leads_back_the_same_way():
    pages = chain()
    assert [neighbour(name, "left-prev") for name in pages] == [None, *pages[:-1]]


def test_the_tree_lists_every_page_in_the_order_of_the_chain():
    pages = chain()
    for name in pages:
        listed = [resolve(name, link) for link in TREE.findall(TEXT[name])]
        top = [page for page in pages[1:] if page in listed]
        assert [page for page in dict.fromkeys(listed) if page in top] == top
    first = TREE.findall(TEXT[pages[0]])
    assert {resolve(pages[0], link) for link in first} <= set(pages)


def test_every_page_has_a_title_of_its_own():
    titles = {name: re.search(r"<title>(.*?)</title>", TEXT[name], re.DOTALL)[1] for name in PAGES}
    assert len(set(titles.values())) == len(titles)


def test_a_reader_with_a_phone_gets_from_page_to_page(browser, base):
    pages = chain()
    page = browser.new_page(viewport=PHONE, reduced_motion="reduce")
    page.goto(base + pages[0])
    page.locator(".right-next").click()
    assert page.url == base + pages[1]
    page.locator(".primary-toggle").click()
    page.locator(f".bd-docs-nav .toctree-l1 a[href$='{pages[2].split('/')[-1]}']").first.click()
    page.wait_for_url(base + pages[2])
    assert not page.locator(".bd-sidebar-primary").is_visible(), "the drawer covers the page"
    page.close()


def test_what_can_be_downloaded_is_there():
    links = [
        (name, resolve(name, link))
        for name in PAGES
        for link in re.findall(r'<a[^>]*?href="([^":]+\.(?:md|ipynb|pdf|zip))"', TEXT[name])
    ]
    assert links
    assert [(name, target) for name, target in links if not (SITE / target).is_file()] == []
