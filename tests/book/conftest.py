"""The built site and a browser, for the tests marked ``site``; screenshots of what fails."""

import re
import shutil
import weakref

import pytest
from site_audit import audit
from site_browser import CHROMIUM_FLAGS, SCREENSHOTS, SITE, find_chromium, serve
from site_visit import picture, visit

_visits = {}
_audits = {}
_pictured = weakref.WeakSet()


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


@pytest.fixture(scope="module")
def context(browser):
    """A context of the browser in which the pages of a module share their scripts and fonts."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="module")
def visits(context, base):
    """A function that returns what was seen on a page, which it visits once."""

    def visited(name):
        if name not in _visits:
            _visits[name] = visit(context, base, name)
        return _visits[name]

    return visited


@pytest.fixture(scope="module")
def audits(context, base):
    """A function that returns what readers with special needs find on a page, audited once."""

    def audited(name):
        if name not in _audits:
            _audits[name] = audit(context, base, name)
        return _audits[name]

    return audited


def pytest_collection_finish(session):
    """Forget the screenshots of the last run; no test has run yet, in whichever process."""
    if any(item.get_closest_marker("site") for item in session.items):
        shutil.rmtree(SCREENSHOTS, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep screenshots of the pages that a failing browser test has open or has looked at."""
    report = yield
    browser = item.funcargs.get("browser") if hasattr(item, "funcargs") else None
    if report.failed and browser is not None and call.excinfo is not None:
        report.sections.append(("screenshots", "\n".join(_screenshots(item, browser))))
    return report


def _screenshots(item, browser):
    stem = re.sub(r"[^\w.-]+", "-", item.nodeid.split("/")[-1]).strip("-")[:150]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    note = item.funcargs.get("note")
    if note is not None:  # the page is closed: it is opened again, once for all its tests
        stem = re.sub(r"[^\w.-]+", "-", note.name.removesuffix(".html"))
        yield from picture(browser, item.funcargs["base"], note.name, SCREENSHOTS / stem)
        return
    pages = [page for context in browser.contexts for page in context.pages]
    for k, page in enumerate(page for page in pages if page not in _pictured):
        _pictured.add(page)
        path = SCREENSHOTS / f"{stem}-{k}.png"
        try:
            page.screenshot(path=path, timeout=10_000)
        except Exception as error:  # whatever it is, the report of the test matters more
            yield f"no screenshot of {page.url}: {error}"
        else:
            yield f"{path} ({page.url})"


@pytest.fixture
def open_page(browser, document):
    """A function that opens the module's `document`; no page may have reported an error."""
    contexts, errors = [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(document)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
