"""The search of the built site, as a reader uses it."""

import pytest

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]


def test_search_finds_the_front_page(browser, base):
    page = browser.new_page()
    page.goto(f"{base}search.html?q=fear")
    page.wait_for_selector("#search-results .search a", timeout=10_000)
    assert page.locator("#search-results .search li").count() >= 1
    page.close()
