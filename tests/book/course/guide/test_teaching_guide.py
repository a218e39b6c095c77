"""The teaching guide is made from the pages: objectives, prerequisites, their drawing, syllabi."""

import json
import re
from collections import Counter
from html import unescape
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_project import SmallProject

from fearless.book.course.guide.graph import (
    BOX,
    GAP,
    HEIGHT,
    LINE,
    ROW,
    arrange,
    draw,
    layers,
    without_shortcuts,
)
from fearless.book.course.guide.objectives import LEVELS, level_of, phrase, read_page, read_pages
from fearless.book.course.guide.syllabus import (
    SyllabusError,
    assignment_hours,
    assignment_needs,
    parse_syllabus,
)
from fearless.book.exercises import exercises

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def book():
    return read_pages(ROOT)


class TestObjectives:
    def test_every_chapter_has_them(self, book):
        assert len(book) >= 25
        assert all(3 <= len(page.objectives) <= 6 for page in book.values())

    def test_every_part_reaches_the_higher_levels(self, book):
        for part in {page.part for page in book.values()}:
            levels = {
                o.level for page in book.values() if page.part == part for o in page.objectives
            }
            assert {"understand", "apply", "analyse"} <= levels, part

    def test_levels_are_disjoint(self):
        verbs = [verb for verbs in LEVELS.values() for verb in verbs]
        assert len(verbs) == len(set(verbs))

    @pytest.mark.parametrize(
        ("verb", "item", "text"),
        [
            ("explain", "why it peaks", "explain why it peaks"),
            ("predict", "to predict the loss, and to see it", "predict the loss, and see it"),
            ("build", "how to build a peak", "build a peak"),
            ("show", "how to join points", "show how to join points"),
            ("compute", "to compute", "compute"),
        ],
    )
    def test_a_verb_is_said_once(self, verb, item, text):
        assert phrase(verb, item) == text

    def test_an_unknown_verb(self):
        with pytest.raises(ValueError, match=r"the verb is 'know'; expected one of state"):
            level_of("know")

    PAGE = """\
---
objectives: [explain, derive]
---

# A *title*

```{at-a-glance}
**What you will learn**

- why one thing
  goes on;
- that $a = b$.

**What you need**: {doc}`other`, {doc}`/chapters/x/far`, and {doc}`words <other>`.
```
"""

    def page(self, tmp_path, text=PAGE):
        path = tmp_path / "p.md"
        path.write_text(text)
        return read_page(path, "chapters/y/p")

    def test_what_is_read(self, tmp_path):
        page = self.page(tmp_path)
        assert page.title == "A *title*"
        assert page.part == "y"
        assert [(o.level, o.text) for o in page.objectives] == [
            ("understand", "explain why one thing goes on"),
            ("analyse", "derive that $a = b$"),
        ]
        assert page.needs == ("chapters/y/other", "chapters/x/far")

    def test_a_page_without_a_box(self, tmp_path):
        assert self.page(tmp_path, "# T\n\nText.\n") is None

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("[explain, derive]", "[explain]", r"chapters/y/p: .* has 1 objectives .* the box 2"),
            ("[explain, derive]", "[explain, know]", r"chapters/y/p: the verb is 'know'"),
            ("**What you need**:", "You need", r"chapters/y/p: the box does not say"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, old, new, message):
        with pytest.raises(ValueError, match=message):
            self.page(tmp_path, self.PAGE.replace(old, new))


class TestPrerequisites:
    def test_they_are_pages_that_come_before(self, book):
        order = list(book)
        for page in book.values():
            for need in page.needs:
                assert need not in order or order.index(need) < order.index(page.docname)

    def test_a_later_page_is_an_error(self, tmp_path):
        self.write(tmp_path, {"a": "/chapters/y/b", "b": ""})
        with pytest.raises(ValueError, match=r"chapters/y/a needs chapters/y/b, which comes after"):
            read_pages(tmp_path)

    def test_an_unknown_page_is_an_error(self, tmp_path):
        self.write(tmp_path, {"a": "", "b": "/chapters/y/c"})
        with pytest.raises(ValueError, match=r"needs chapters/y/c, which is no page"):
            read_pages(tmp_path)

    @staticmethod
    def write(root, needs):
        toc = "format: jb-book\nroot: chapters/index\nchapters:\n"
        toc += "".join(f"  - file: chapters/y/{name}\n" for name in needs)
        (root / "_toc.yml").write_text(toc)
        (root / "chapters/y").mkdir(parents=True)
        (root / "chapters/index.md").write_text("# Book\n")
        for name, need in needs.items():
            link = f"{{doc}}`{need}`" if need else "nothing"
            text = TestObjectives.PAGE.partition("**What you need**:")[0]
            (root / f"chapters/y/{name}.md").write_text(f"{text}**What you need**: {link}.\n```\n")


CHAIN = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["b"], "e": ["a", "d"], "f": []}


class TestGraph:
    def test_layers(self):
        assert layers(CHAIN) == {"a": 0, "b": 1, "c": 2, "d": 2, "e": 3, "f": 0}

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_layers_are_never_fuller_than_allowed(self, data):
        names = [f"p{k}" for k in range(data.draw(st.integers(1, 12)))]
        needs = {
            name: data.draw(st.lists(st.sampled_from(names[:k]), unique=True) if k else st.just([]))
            for k, name in enumerate(names)
        }
        most = data.draw(st.integers(1, 4))
        depth = layers(needs, most)
        assert max(Counter(depth.values()).values()) <= most
        assert all(depth[need] < depth[name] for name in needs for need in needs[name])
        assert set(depth.values()) == set(range(max(depth.values()) + 1))  # no layer is empty

    def test_a_circle(self):
        with pytest.raises(ValueError, match=r"in a circle: a -> b -> a"):
            layers({"a": ["b"], "b": ["a"]})

    def test_shortcuts_are_left_out(self):
        assert without_shortcuts(CHAIN)["c"] == ["b"]
        assert without_shortcuts(CHAIN)["e"] == ["d"]
        assert layers(without_shortcuts(CHAIN)) == layers(CHAIN)

    @pytest.mark.parametrize("needs", [CHAIN, {"x": [], **{f"y{k}": ["x"] for k in range(9)}}])
    def test_boxes_do_not_touch_and_arrows_lead_down(self, needs):
        positions, arrows = arrange(needs)
        for (x0, y0), (x1, y1) in combinations(positions.values(), 2):
            assert abs(x0 - x1) >= BOX + GAP - 1e-6 or abs(y0 - y1) >= ROW > HEIGHT
        assert set(arrows) == {(need, name) for name, wanted in needs.items() for need in wanted}
        for points in arrows.values():
            heights = [y for _, y in points]
            assert heights == sorted(heights)

    def test_an_arrow_over_several_layers_meets_no_box(self):
        positions, arrows = arrange(CHAIN)
        for points in arrows.values():
            for x, y in points[1:-1]:
                inside = [
                    n for n, (bx, by) in positions.items() if by == y and abs(bx - x) < BOX / 2
                ]
                assert not inside

    def test_nothing_is_cut_off(self):
        svg = draw(CHAIN, str, str, str, "t")
        left, top, width, height = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())
        for x in map(float, re.findall(r'<rect[^>]* x="([-\d.]+)"', svg)):
            assert left <= x <= left + width - BOX
        for y in map(float, re.findall(r'<rect[^>]* y="([-\d.]+)"', svg)):
            assert top <= y <= top + height - HEIGHT

    def test_the_drawing_is_links_with_names(self):
        svg = draw(CHAIN, lambda n: f"Page {n} & co", lambda n: f"{n}.html", lambda n: "part", "T")
        assert svg.count("<a href=") == len(CHAIN)
        assert 'href="c.html" class="graph-part" aria-label="Page c &amp; co; needs' in svg
        assert svg.count('class="graph-arrow"') == 4
        assert not re.search(r'(?:fill|stroke)="', svg)  # colours are those of the theme

    def test_titles_fit_into_their_boxes(self, book):
        needs = {n: [x for x in p.needs if x in book] for n, p in book.items()}
        svg = draw(needs, lambda n: book[n].title.replace("\\*", "*"), str, str, "t")
        for link in re.findall(r"<a .*?</a>", svg):
            lines = [unescape(x).rstrip() for x in re.findall(r"<text[^>]*>(.*?)</text>", link)]
            assert len(lines) * LINE < HEIGHT
            assert max(map(len, lines)) * 6.8 < BOX  # of letters of 12 pixels, on average

    def test_the_book_has_no_circle(self, book):
        needs = {n: [x for x in p.needs if x in book] for n, p in book.items()}
        assert max(layers(needs).values()) >= 5


WEEKS = """\
- week: One
  read: [part/one]
  lecture: The *first* page.
  lab: [ex-a]
- week: Two
  read: [part/two]
  lecture: The second.
  homework: part
"""


class TestSyllabus:
    def test_what_is_read(self):
        first, second = parse_syllabus(WEEKS, 2)
        assert first.read == ("chapters/part/one",)
        assert first.lab == ("ex-a",)
        assert (first.homework, second.homework) == ("", "part")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (WEEKS.replace("- week: Two", "- weak: Two"), r"week 2 has \['homework'"),
            (WEEKS.replace("part/two", "part/one"), r"chapters/part/one read twice"),
            (WEEKS.replace("[ex-a]", "ex-a"), r"week 1: lab is 'ex-a'; expected a list"),
            ("just words", r"has no list of weeks; expected 2"),
            (WEEKS + WEEKS, r"has 4 weeks; expected 2"),
        ],
    )
    def test_what_is_wrong_is_named(self, text, message):
        with pytest.raises(SyllabusError, match=message):
            parse_syllabus(text, 2)

    def test_hours_of_assignments_are_their_own(self, tmp_path):
        folder = tmp_path / "assignments" / "1-x"
        folder.mkdir(parents=True)
        (folder / "assignment.md").write_text(
            "---\nassignment:\n  part: x\n  hours: 2.5\n  needs: [chapters/x/y]\n---\n# X\n"
        )
        assert assignment_hours(tmp_path) == {"x": 2.5}
        assert assignment_needs(tmp_path) == {"x": ("chapters/x/y",)}

    def test_an_assignment_needs_the_pages_that_its_text_names(self, book):
        for part, needs in assignment_needs(ROOT).items():
            (path,) = (ROOT / "assignments").glob(f"*-{part}/assignment.md")
            text = " ".join(path.read_text().split())
            assert needs, part
            for need in needs:
                assert re.search(rf'["*]{re.escape(book[need].title)}["*]', text), need

    @pytest.mark.parametrize("weeks", [4, 8, 14])
    def test_a_course_of_the_book_can_be_taught(self, book, weeks):
        known = {e.label: e for e in exercises(ROOT / "chapters")}
        text = (ROOT / "chapters/teaching/syllabi.md").read_text()
        content = re.search(rf"\{{syllabus\}} {weeks}\n(.*?)```", text, re.DOTALL)[1]
        read = set()
        for week in parse_syllabus(content, weeks):
            read |= set(week.read)
            assert set(assignment_needs(ROOT).get(week.homework, ())) <= read, week.title
            for label in week.lab:
                assert not known[label].by_hand, label
                assert f"chapters/{known[label].page}" in week.read, label
            assert sum(known[label].minutes for label in week.lab) <= 90, week.title

    def test_the_long_course_has_every_chapter(self, book):
        text = (ROOT / "chapters/teaching/syllabi.md").read_text()
        weeks = parse_syllabus(re.search(r"\{syllabus\} 14\n(.*?)```", text, re.DOTALL)[1], 14)
        assert sorted(page for week in weeks for page in week.read) == sorted(book)
        assert len({week.homework for week in weeks} - {""}) == 5


BOX_PAGE = """\
# {title}

```{{at-a-glance}}
**What you will learn**

- why $x$ is *so*;
- to find it.

**What you need**: {need}.
```

Words.

```{{exercise}} ★ Try {label}
:label: {label}
:minutes: 20

Do something that takes as long as this exercise says it does.
```
"""
GUIDE = (
    """\
# Guide

```{objectives} part
```

```{objective-counts}
```

```{prerequisite-graph}
```

```{syllabus} 2
"""
    + WEEKS
    + "```\n"
)
PARTS = ["pages.page_info", "pages.reading_paths", "course.exercises", "course.guide"]


ASSIGNMENT = "---\nassignment: {part: part, hours: 3, needs: [chapters/part/two]}\n---\n"


def project(root, guide=GUIDE, assignment=ASSIGNMENT):
    extra = "exclude_patterns.append('assignments')"
    made = SmallProject(root, [*PARTS, "course.syllabi"], extra)
    toc = "format: jb-book\nroot: chapters/index\nparts:\n  - caption: A-part\n    chapters:\n"
    for name in ("part/one", "part/two", "guide"):
        toc += "  - caption: Rest\n    chapters:\n" if name == "guide" else ""
        toc += f"      - file: chapters/{name}\n"
    made.write("_toc.yml", toc)
    made.page("chapters/index", "# Small Book\n\nA front page.\n")
    for name, title, need, label in (
        ("one", "One & only", "nothing", "ex-a"),
        ("two", "Two", "{doc}`one`", "ex-b"),
    ):
        page = BOX_PAGE.format(title=title, need=need, label=label)
        made.page(f"chapters/part/{name}", page)
        path = root / f"chapters/part/{name}.md"
        path.write_text(path.read_text().replace("---\n", "---\nobjectives: [explain, find]\n", 1))
    made.page("chapters/guide", guide)
    made.write("assignments/1-part/assignment.md", assignment)
    made.write("_out/pages.json", json.dumps({"chapters/part/one": {"execution_seconds": 600}}))
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("guide"))
    status, printed = made.build()
    assert status == 0, printed
    return made


@pytest.fixture(scope="module")
def guide(built):
    html = built.read("chapters/guide.html")
    return re.sub(r"\s+", " ", html)


class TestGuide:
    def test_objectives_are_set_with_links_and_formulas(self, guide):
        assert '<a class="reference internal" href="part/one.html">' in guide
        assert re.search(r"explain why <span class=\"math[^>]*>.*? is <em>so</em>", guide)
        assert "<em>(understand)</em>" in guide
        assert "find it <em>(apply)</em>" in guide

    def test_they_are_counted(self, guide):
        row = re.search(r"<td><p>Understand \(.*?</tr>", guide)[0]
        assert re.findall(r"<p>(\d+)</p>", row) == ["2", "2"]

    def test_the_drawing_links_to_the_pages(self, guide):
        svg = re.search(r'<svg class="graph".*?</svg>', guide)[0]
        assert (
            'href="part/two.html" class="graph-part" aria-label="Two; needs One &amp; only"' in svg
        )
        assert "needs no other page." in guide  # and the same in words

    def test_hours_are_computed(self, guide):
        text = re.sub("<[^>]+>", "", guide)
        assert "Try ex-a 20 min" in text  # of the exercise
        assert "A-part (3 h)" in text  # of the assignment: the caption of its part
        assert "2 weeks of a lecture (1 h 30 min) and a lab (1 h 30 min): 6 h together" in text
        # One minute to read each page, ten to run the first, three hours of homework.
        assert re.search(r"homework: 3 h 1\d min\.", text)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("[ex-a]", "[ex-none]", "week 1: there is no exercise 'ex-none'"),
            ("homework: part", "homework: none", "week 2: there is no assignment for 'none'"),
            ("{objectives} part", "{objectives} none", "no page of the part 'none' has objectives"),
        ],
    )
    def test_what_does_not_exist_fails_the_build(self, tmp_path, old, new, message):
        status, printed = project(tmp_path, GUIDE.replace(old, new)).build()
        assert status != 0
        assert message in printed

    def test_a_page_before_one_that_it_needs_fails_the_build(self, tmp_path):
        swapped = GUIDE.replace("part/one", "part/0").replace("part/two", "part/one")
        status, printed = project(tmp_path, swapped.replace("part/0", "part/two")).build()
        assert status != 0
        assert "week 1: chapters/part/two is read before chapters/part/one" in printed

    def test_a_homework_before_a_page_that_it_needs_fails_the_build(self, tmp_path):
        homework = "  homework: part\n"
        early = GUIDE.replace(homework, "").replace("  lab: [ex-a]\n", homework)
        status, printed = project(tmp_path, early).build()
        assert status != 0
        assert (
            "week 1: the homework 'part' needs chapters/part/two, which has not been read"
            in printed
        )

    def test_a_homework_that_needs_no_page_of_the_book_fails_the_build(self, tmp_path):
        assignment = ASSIGNMENT.replace("part/two", "part/three")
        status, printed = project(tmp_path, assignment=assignment).build()
        assert status != 0
        assert "the assignment 'part' needs chapters/part/three: no such page" in printed
