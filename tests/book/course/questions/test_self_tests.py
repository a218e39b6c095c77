"""Self-tests: three to five on every page, fair ones, and a reader that says what is wrong."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from fearless.book.course.questions.markup import inline_html, plain
from fearless.book.course.questions.self_tests import SelfTestError, parse_question, self_tests

ROOT = Path(__file__).resolve().parents[4]
CHAPTERS = ROOT / "chapters"
PARTS = (
    "interpolation",
    "over-parametrization",
    "double-descent",
    "kernel-regimes",
    "optimization",
)
PAGES = [f"{part}/{path.stem}" for part in PARTS for path in sorted((CHAPTERS / part).glob("*.md"))]

VERDICT = re.compile(r"(wrong|right|correct|incorrect)\b *[.,:;!–-]", re.IGNORECASE)


@pytest.fixture(scope="module")
def questions():
    return self_tests(CHAPTERS)


def test_every_page_asks_three_to_five(questions):
    asked = Counter(question.page for question in questions)
    assert len(PAGES) == 25
    assert asked.keys() == set(PAGES)
    assert {page: n for page, n in asked.items() if not 3 <= n <= 5} == {}


def test_they_stand_below_their_heading():
    for page in PAGES:
        text = (CHAPTERS / f"{page}.md").read_text(encoding="utf8")
        _, heading, rest = text.partition("\n## Test yourself\n")
        assert heading, page
        section = rest.partition("\n## ")[0]
        assert section.count("{self-test}") == text.count("{self-test}"), page
        assert "{admonition}" not in section, page


def test_labels_are_unique(questions):
    labels = [question.label for question in questions]
    assert len(labels) == len(set(labels))


def length(text):
    """Letters as read: formulas and marks count for what they show."""
    return len(plain(inline_html(text, {})))


def within_chance(hits, chances, deviations=3.0):
    """Whether a number of hits is what independent guesses of these chances would give."""
    mean, variance = sum(chances), sum(p * (1 - p) for p in chances)
    return abs(hits - mean) <= deviations * variance**0.5


def test_the_right_choice_is_not_given_away_by_its_place(questions):
    """Places are drawn: no place is favoured, and one answer says nothing about the next."""
    for count in (3, 4):
        asked = [q for q in questions if len(q.choices) == count]
        for place in range(count):
            hits = sum(q.answer == place for q in asked)
            assert within_chance(hits, [1 / count] * len(asked)), (count, place, hits)
    same, chances, apart = 0, [], 0
    for page in PAGES:
        mine = [q for q in questions if q.page == page]
        for first, second in pairwise(mine):
            same += first.answer == second.answer
            chances.append(1 / max(len(first.choices), len(second.choices)))
        apart += len({q.answer for q in mine[:4]}) == 4
    assert within_chance(same, chances), same
    assert apart <= len(PAGES) / 3, "who knows three answers of a page knows the fourth"


def test_the_right_choice_is_not_given_away_by_its_length(questions):
    for extreme in (max, min):
        hits, chances = 0, []
        for question in questions:
            lengths = [length(choice.text) for choice in question.choices]
            hits += lengths[question.answer] == extreme(lengths)
            chances.append(1 / len(lengths))
        assert within_chance(hits, chances), (extreme.__name__, hits)
    for page in PAGES:
        mine = [[length(c.text) for c in q.choices] for q in questions if q.page == page]
        answers = [q.answer for q in questions if q.page == page]
        longest = [x[k] == max(x) for x, k in zip(mine, answers, strict=True)]
        assert not all(longest), f"{page}: the right choice is always the longest"


def test_yes_is_right_as_often_as_no(questions):
    """Where both are offered."""
    words = [[c.text.split()[0].strip(",.:;") for c in q.choices] for q in questions]
    right = Counter(
        w[q.answer] for w, q in zip(words, questions, strict=True) if {"Yes", "No"} <= set(w)
    )
    yes, no = right["Yes"], right["No"]
    assert within_chance(yes, [0.5] * (yes + no), 2.0), right


def test_every_choice_is_explained_in_a_sentence_or_more(questions):
    for question in questions:
        for choice in question.choices:
            assert len(choice.why) >= 40, (question.label, choice.text)
            assert not VERDICT.match(choice.why), (question.label, choice.why)


# The reader ------------------------------------------------------------------------------------

BODY = """\
Is $x < 1$
for *every* x?

- [ ] No,
  it is not.
  > Why
  > not?
- [x] Yes.
  > Because.

- [ ] Perhaps, in `a_b`.
  > Or not.
"""


def read(body, label="st-a"):
    return parse_question(label, body.split("\n"), "part/page", 7)


def test_a_question_is_read():
    question, faults = read(BODY)
    assert faults == []
    assert question.text == "Is $x < 1$\nfor *every* x?"
    assert [c.text for c in question.choices] == ["No, it is not.", "Yes.", "Perhaps, in `a_b`."]
    assert [c.why for c in question.choices] == ["Why not?", "Because.", "Or not."]
    assert [c.right for c in question.choices] == [False, True, False]
    assert question.answer == 1
    assert (question.label, question.page, question.line) == ("st-a", "part/page", 7)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("- [x] Yes", "- [ ] Yes", "has no right choice; expected one"),
        ("- [ ] No", "- [x] No", "has 2 right choices; expected one"),
        ("  > Because.\n", "", "does not explain the choice 'Yes.'"),
        ("- [ ] Perhaps, in `a_b`.\n  > Or not.\n", "", "has 2 choices; expected 3 or 4"),
        ("Is $x < 1$\nfor *every* x?", "", "asks nothing"),
        ("Perhaps, in `a_b`.", "", "has an empty choice"),
        ("Yes.", "{cite:p}`x`.", "has a role or a number that the page computes in"),
        ("Because.", "Because {glue}`n`.", "has a role or a number that the page computes"),
        ("Because.", "See [here](x.md).", "has a link or a picture in"),
        ("Because.", "$$x$$", "has a displayed formula in"),
        ("Because.", "<b>Because</b>", "has HTML in"),
        ("Because.", "$x", "has a formula without an end"),
        ("  > Because.", "> Because.", "has '> Because.' among its choices; expected"),
        ("- [x] Yes", "- [y] Yes", "has '- [y] Yes.' among its choices"),
    ],
)
def test_faults_are_said(old, new, fault):
    assert old in BODY
    _, faults = read(BODY.replace(old, new))
    assert fault in " | ".join(text for _, text in faults)


def test_a_label_has_a_form():
    for label in ("a", "st-", "st-A", "st a", ""):
        assert any("has the label" in text for _, text in read(BODY, label)[1]), label


def test_comparisons_in_formulas_are_not_html():
    assert read(BODY.replace("Yes.", "If $a <b> c$."))[1] == []


def page(*labels):
    return "# T\n\n" + "\n".join(f"```{{self-test}} {label}\n{BODY}```\n" for label in labels)


def test_all_faults_of_a_book_are_said_at_once(tmp_path):
    (tmp_path / "a.md").write_text(page("st-a", "st-b"), encoding="utf8")
    (tmp_path / "b.md").write_text(page("st-b").replace("[x]", "[ ]"), encoding="utf8")
    (tmp_path / "c.md").write_text("# T\n\n```{self-test} st-c\n", encoding="utf8")
    with pytest.raises(SelfTestError) as caught:
        self_tests(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines == [
        f"{tmp_path / 'b.md'}, line 4: st-b has no right choice; expected one [x]",
        f"{tmp_path / 'b.md'}, line 3: st-b is the label of two questions",
        f"{tmp_path / 'c.md'}, line 3: {{self-test}} does not end",
    ]


def test_questions_in_a_block_of_code_are_none(tmp_path):
    text = f"````\n{page('st-a')}````\n"
    (tmp_path / "a.md").write_text("# T\n\n```{code-cell}\n'{self-test}'\n```\n", "utf8")
    assert self_tests(tmp_path) == []
    (tmp_path / "a.md").write_text(page("st-a"), encoding="utf8")
    assert [question.line for question in self_tests(tmp_path)] == [3]
    assert text
