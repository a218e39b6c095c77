"""Questions and exercises in a browser: by keyboard, without scripts, on a phone, on paper."""

import re

import pytest
from site_browser import DESKTOP, PAGES, PHONE, SITE

pytestmark = [pytest.mark.site, pytest.mark.filterwarnings("default")]

TEXT = {name: (SITE / name).read_text(encoding="utf8") for name in PAGES}
WITH_QUESTIONS = [name for name in PAGES if 'class="self-test"' in TEXT[name]]
# An A4 sheet less its margins, in CSS pixels.
SHEET = {"width": 642, "height": 970}
_SEEN = """selector => [...document.querySelectorAll(selector)].filter(
  e => e.checkVisibility({visibilityProperty: true})
    && e.getBoundingClientRect().height > 0).length"""
_MARK = "e => getComputedStyle(e, '::before').content"


@pytest.fixture(scope="module")
def name():
    """The smallest page with questions and starter code."""
    found = [n for n in WITH_QUESTIONS if 'class="exercise-start"' in TEXT[n]]
    assert found, "no page has questions and starter code"
    return min(found, key=lambda n: len(TEXT[n]))


@pytest.fixture
def open_page(browser, base):
    contexts = []

    def open_page(name, **options):
        context = browser.new_context(
            **{"viewport": DESKTOP, "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(base + name, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("page_name", WITH_QUESTIONS)
def test_every_question_has_one_right_choice_on_the_page(page_name):
    for question in re.split('<div class="self-test" ', TEXT[page_name])[1:]:
        block = question.partition("</ol>\n</div>")[0]
        assert block.count("choice choice-right") == block.count(">Right.</strong>") == 1
        assert block.count("choice choice-wrong") == block.count(">Wrong.</strong>") >= 2


def test_a_choice_opens_by_keyboard_and_closes_the_others(open_page, name):
    page = open_page(name)
    summaries = page.locator(".self-test").first.locator("summary")
    opened = page.locator(".self-test").first.locator("details[open]")
    summaries.nth(0).focus()
    page.keyboard.press("Enter")
    assert opened.count() == 1
    assert opened.locator(".verdict").inner_text() in ("Right.", "Wrong.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert opened.count() == 1
    assert summaries.nth(1).evaluate("e => e.parentElement.open && e === document.activeElement")
    outline = summaries.nth(1).evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"


def test_the_verdict_is_a_word_and_a_shape(open_page, name):
    page = open_page(name)
    marks = {}
    for kind in ("right", "wrong"):
        choice = page.locator(f".choice-{kind}").first
        assert page.evaluate(_SEEN, f".choice-{kind} .verdict") == 0
        choice.locator("summary").click()
        verdict = choice.locator(".verdict")
        marks[verdict.inner_text()] = verdict.evaluate(
            "e => getComputedStyle(e, '::before').content"
        )
    assert set(marks) == {"Right.", "Wrong."}
    assert len(set(marks.values())) == 2
    assert all(mark.endswith('/ ""') for mark in marks.values())  # not read aloud


def test_without_scripts_everything_opens(open_page, name):
    page = open_page(name, java_script_enabled=False)
    choice = page.locator(".choice-right").first
    assert not choice.locator(".choice-why").is_visible()
    choice.locator("summary").click()
    assert choice.locator(".choice-why").is_visible()
    block = page.locator("details.exercise-start").first
    block.locator("summary").click()
    assert block.locator(".exercise-starter pre").is_visible()
    assert block.locator(".exercise-check pre").is_visible()


def test_code_to_start_from_can_be_copied(open_page, name):
    page = open_page(name)
    block = page.locator("details.exercise-start").first
    block.locator("summary").click()
    assert block.locator("button.copybtn").count() == 2
    code = block.locator(".exercise-starter pre")
    assert "def " in code.inner_text()
    assert code.locator("span.k, span.kn").count() > 1  # highlighted


def test_on_a_phone_nothing_is_wider_than_the_page(open_page, name):
    page = open_page(name, viewport=PHONE)
    page.evaluate(
        "() => document.querySelectorAll('details').forEach("
        "e => { e.removeAttribute('name'); e.open = true; })"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.self-test *, .exercise-start > *')].filter("
        "e => !e.closest('mjx-container') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert wide == []
    low = page.evaluate(
        "() => [...document.querySelectorAll('.choice > summary')].filter("
        "e => e.getBoundingClientRect().height < 24).length"
    )
    assert low == 0


@pytest.mark.parametrize("page_name", WITH_QUESTIONS)
def test_on_paper_there_are_choices_but_no_verdicts(open_page, page_name):
    page = open_page(page_name, viewport=SHEET)
    page.evaluate("() => document.querySelectorAll('.choice').forEach(e => { e.open = true; })")
    page.emulate_media(media="print")
    assert page.evaluate(_SEEN, ".choice-text") == TEXT[page_name].count('class="choice-text"')
    assert page.evaluate(_SEEN, ".choice-why, .verdict") == 0
    assert page.evaluate(_SEEN, "details.exercise-start") == 0
