"""Questions that pages answer, exercises with time and code to start from: pages and notebooks."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from small_project import SmallProject

PARTS = ["course.exercises", "course.self_tests", "running.notebooks"]
TOC = "format: jb-book\nroot: index\nchapters:\n  - file: one\n"
QUESTION = r"""```{self-test} st-one
Is $\norm{x} < 1$ *really* small?

- [ ] No, as $x > 2$
  & *more* in `a_b`.
  > It is $\R$.
  > More.
- [x] Yes.
  > Because.
- [ ] Perhaps.
  > Hm.
```
"""
EXERCISE = """```{exercise} ★★ What is $x$?
:label: ex-one
:minutes: 25

Write `f(x)`.
```

:::{dropdown} Hint
Think.
:::

```{starter} ex-one
def f(x):
    ...
```

```{check} ex-one
assert f(1) == 1, "f(1) should be 1"
```
"""
DERIVATION = """```{exercise} ★ On paper
:label: ex-two
:minutes: 5
:by-hand:

Derive. See {ref}`ex-one`.
```
"""
PAGE = f"""# One

```{{code-cell}} ipython3
a = 1
```

## Test yourself

{QUESTION}

{QUESTION.replace("st-one", "st-two")}

## Exercises

{EXERCISE}

{DERIVATION}
"""

# What is replaced by what, and what is said.
QUESTION_FAULTS = [
    ("- [x] Yes", "- [ ] Yes", "self-test {label} has no right choice"),
    ("  > Hm.\n", "", "self-test {label} does not explain the choice 'Perhaps.'"),
    ("{self-test} st-one", "{self-test}", "has the label ''"),
    ("Yes.", "{ref}`ex-one`.", "has a role or a number"),
]
EXERCISE_FAULTS = [
    (":minutes: 25\n", "", "{label} needs :minutes:, a whole number, at least 1; got nothing"),
    (":minutes: 25", ":minutes: 0", "{label} needs :minutes:"),
    (":minutes: 25", ":minutes: 25\n:by-hand:", "{label} is marked :by-hand:, but has starter"),
    ("{starter} ex-one", "{starter} ex-x", "starter ex-x belongs to no exercise on this page"),
    ("{check} ex-one", "{check} ex-x", "check ex-x has no starter code above it"),
    ("{check} ex-one", "{starter} ex-one", "{label} has two starters"),
    ("{starter} ex-one", "{check} ex-one", "check {label} has no starter code above it"),
    ("{check} ex-one", "{check}", "check needs the label of its exercise"),
    ('assert f(1) == 1, "f(1) should be 1"\n', "", "check {label} is empty"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = SmallProject(tmp_path_factory.mktemp("course"), PARTS)
    made.write("_toc.yml", TOC)
    made.page("index", "# Small\n\nFront.\n")
    made.page("one", PAGE, notebook=True)
    status, printed = made.build()
    assert status == 0, printed
    return made


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """What is said of pages that each have one fault; they are built together."""
    made = SmallProject(tmp_path_factory.mktemp("faulty"), PARTS)
    pages = {
        "twice": QUESTION.replace("st-one", "st-twice") * 2,
        "another": QUESTION.replace("st-one", "st-other"),
        "other": QUESTION.replace("st-one", "st-other"),
    }
    for k, (old, new, _) in enumerate(QUESTION_FAULTS):
        assert old in QUESTION
        pages[f"question{k}"] = QUESTION.replace(old, new).replace("st-one", f"st-q{k}")
    for k, (old, new, _) in enumerate(EXERCISE_FAULTS):
        assert old in EXERCISE
        pages[f"exercise{k}"] = EXERCISE.replace(old, new).replace("ex-one", f"ex-e{k}")
    files = "".join(f"  - file: {name}\n" for name in pages)
    made.write("_toc.yml", f"format: jb-book\nroot: index\nchapters:\n{files}")
    made.page("index", "# Small\n")
    for name, text in pages.items():
        made.page(name, f"# {name}\n\n{text}")
    status, printed = made.build()
    assert status == 1
    return re.sub(r"\x1b\[[\d;]*m", "", printed)


@pytest.fixture(scope="module")
def page(built):
    return BeautifulSoup(built.read("one.html"), "html.parser")


def text(tag):
    return " ".join(tag.get_text().split())


class TestQuestions:
    def test_choices_open_without_a_script_one_at_a_time(self, page):
        first, second = page.select(".self-test")
        assert (first["id"], second["id"]) == ("st-one", "st-two")
        choices = first.select("ol.self-test-choices > li > details")
        assert len(choices) == 3
        assert {choice["name"] for choice in choices} == {"st-one"}
        assert {choice["name"] for choice in second.select("details")} == {"st-two"}
        assert not any(choice.has_attr("open") for choice in choices)
        for choice in choices:  # what may stand in a summary runs with the text
            assert not choice.summary.find(["p", "div", "ul"])

    def test_the_question_names_the_group_of_its_choices(self, page):
        first, second = page.select(".self-test")
        assert first["role"] == "group"
        named = page.find(id=first["aria-labelledby"])
        assert text(named) == "Question 1 Is \\(\\norm{x} < 1\\) really small?"
        assert text(page.find(id=second["aria-labelledby"])).startswith("Question 2")

    def test_the_verdict_is_the_first_word_behind_a_choice(self, page):
        choices = page.select("#st-one details")
        assert [text(c.select_one(".choice-why")) for c in choices] == [
            "Wrong. It is \\(\\R\\). More.",
            "Right. Because.",
            "Wrong. Hm.",
        ]
        assert [text(c.select_one(".choice-letter")) for c in choices] == ["a", "b", "c"]
        assert text(choices[0].select_one(".choice-text")) == "No, as \\(x > 2\\) & more in a_b."

    def test_in_a_notebook_they_are_markdown_that_folds(self, built):
        book = nbformat.read(built.html / "notebooks/one.ipynb", as_version=4)
        nbformat.validate(book)
        said = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
        assert "**Question 1.** Is $\\lVert x \\rVert < 1$ *really* small?" in said
        assert (
            "<details><summary>a. No, as $x > 2$ &amp; <em>more</em> in <code>a_b</code>.</summary>"
            "\n\n**Wrong.** It is $\\mathbb{R}$. More.\n\n</details>"
        ) in said
        assert "<details><summary>b. Yes.</summary>\n\n**Right.** Because.\n\n</details>" in said

    @pytest.mark.parametrize("k", range(len(QUESTION_FAULTS)))
    def test_faults_fail_the_build(self, faulty, k):
        said = re.escape(QUESTION_FAULTS[k][2].format(label=f"st-q{k}"))
        assert re.search(rf"question{k}\.md:\d+: WARNING: .*{said}", faulty)

    def test_a_label_belongs_to_one_question_of_the_book(self, faulty):
        for page in ("twice", "other"):  # on one page, and on two
            said = rf"{page}\.md:\d+: WARNING: self-test st-{page} has a label that another one"
            assert len(re.findall(said, faulty)) == 1, page


class TestExercises:
    def test_stars_and_time_stand_beside_the_name(self, page):
        titles = page.select(".exercise > .admonition-title")
        assert [text(title) for title in titles] == [
            "Exercise 1 What is \\(x\\)? ★★ · 25 min",
            "Exercise 2 On paper ★ · 5 min · by hand",
        ]
        first = titles[0].select_one(".stars")
        assert (first["role"], first["aria-label"]) == ("img", "difficulty 2 of 3")

    def test_others_refer_to_it_by_its_number(self, page):
        assert text(page.select_one("#ex-two a.reference")) == "Exercise 1"

    def test_starter_and_check_are_one_folded_block(self, page):
        (block,) = page.select("details.exercise-start")
        assert not block.has_attr("open")
        assert text(block.summary) == "Start here, and check yourself"
        codes = block.select(".highlight pre")  # where the buttons for copying go
        assert [code.get_text().strip() for code in codes] == [
            "def f(x):\n    ...",
            'assert f(1) == 1, "f(1) should be 1"',
        ]
        assert block.find_previous_sibling("details") is not None  # the hint comes first

    def test_in_a_notebook_they_are_cells_and_the_check_stops_nothing(self, built):
        book = nbformat.read(built.html / "notebooks/one.ipynb", as_version=4)
        code = [cell for cell in book.cells if cell.cell_type == "code"]
        assert [cell.source.splitlines()[0] for cell in code] == [
            "a = 1",
            "def f(x):",
            'assert f(1) == 1, "f(1) should be 1"',
        ]
        assert [cell.metadata.get("tags", []) for cell in code] == [[], [], ["raises-exception"]]
        said = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
        assert "> **Exercise 1. What is $x$? ★★ · 25 min**\n>\n> Write `f(x)`." in said

    @pytest.mark.parametrize("k", range(len(EXERCISE_FAULTS)))
    def test_faults_fail_the_build(self, faulty, k):
        said = re.escape(EXERCISE_FAULTS[k][2].format(label=f"ex-e{k}"))
        assert re.search(rf"exercise{k}\.md\S*: WARNING: .*{said}", faulty)
