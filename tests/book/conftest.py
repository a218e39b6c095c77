"""The built site and a browser, for the tests marked ``site``."""

import pytest
from site_browser import CHROMIUM_FLAGS, SITE, find_chromium, serve


@pytest.fixture(scope="module")
def base():
    """The address of the built site."""
    if not (SITE / "index.html").is_file():
        pytest.fail(f"there is no site in {SITE}: run 'make book' first")
    with serve(SITE) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        pytest.fail("no Chromium on the path; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()
