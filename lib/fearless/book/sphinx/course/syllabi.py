"""Syllabi of the teaching guide: ``{syllabus} 4``, with the weeks as YAML (`course.syllabus`).

The table says what is read before a week's lecture, what the lecture and the lab do, and what is
handed in; and how long all of it takes: reading times from the pages, running times from the last
execution, minutes from the exercises, hours from the assignments. A page, or a homework, that
comes before the pages it needs is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives

from fearless.book.course.guide.syllabus import (
    SyllabusError,
    Week,
    assignment_hours,
    assignment_needs,
    parse_syllabus,
)
from fearless.book.editions.contents import part_captions
from fearless.book.exercises import Exercise, exercises
from fearless.book.sphinx.cache import REPORT_NAME
from fearless.book.sphinx.course.guide import GuideDirective
from fearless.book.sphinx.pages.page_info import minutes_of
from fearless.book.sphinx.pages.reading_paths import _paths, format_minutes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["Syllabus", "setup"]

#: Contact hours a week, in minutes: one lecture, one lab.
CONTACT = 90


class study_time(nodes.Inline, nodes.Element):
    """Where the time for some pages goes, once all have been read; `extra` minutes are added."""


class Syllabus(GuideDirective):
    """``{syllabus} weeks``: the weeks of a course as YAML."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {
        "lecture": directives.positive_int,
        "lab": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        """Return the table and a line with the sums."""
        root = Path(self.env.srcdir)
        try:
            weeks = parse_syllabus("\n".join(self.content), int(self.arguments[0]))
        except (SyllabusError, ValueError) as error:
            raise self.error(str(error)) from error
        known = {e.label: e for e in exercises(root / "chapters") if e.label}
        hours = assignment_hours(root)
        for path in (root / "assignments").glob("*/assignment.md"):
            self.env.note_dependency(str(path))
        self._check(weeks, known, hours, assignment_needs(root))
        everything = [page for week in weeks for page in week.read]
        _paths(self.env).setdefault(self.env.docname, set()).update(everything)
        captions = part_captions(root)
        rows, extra_sum = [], 0.0
        for number, week in enumerate(weeks, start=1):
            extra = 60 * hours.get(week.homework, 0.0)
            extra_sum += extra
            read = [nodes.paragraph("", "", *self._inline(f"{{doc}}`/{p}`"), nodes.Text(" "),
                                    study_time(pages=[p])) for p in week.read]  # fmt: skip
            lab = [self._exercise(known[label]) for label in week.lab]
            homework = captions.get(week.homework, week.homework)
            if homework and week.homework in hours:
                homework += f" ({hours[week.homework]:g} h)"
            rows.append(
                [
                    self.markdown(f"**{number}. {week.title}**"),
                    read,
                    self.markdown(week.lecture),
                    lab,
                    [nodes.paragraph("", homework)],
                    [nodes.paragraph("", "", study_time(pages=list(week.read), extra=extra))],
                ]
            )
        heads = ["Week", "Read before", "Lecture", "Lab", "Homework", "Own time"]
        lecture, lab_time = (self.options.get(k, CONTACT) for k in ("lecture", "lab"))
        total = nodes.paragraph(classes=["guide-sum"])
        total += [
            nodes.Text(f"{len(weeks)} weeks of a lecture ({format_minutes(lecture)}) and a lab "
                       f"({format_minutes(lab_time)}): "
                       f"{format_minutes(len(weeks) * (lecture + lab_time))} together. "
                       "Own time, for reading, running the pages and homework: "),
            nodes.strong("", "", study_time(pages=everything, extra=extra_sum)),
            nodes.Text("."),
        ]  # fmt: skip
        return [self.table_of_nodes(heads, rows, "guide-syllabus"), total]

    def _exercise(self, exercise: Exercise) -> nodes.paragraph:
        line = nodes.paragraph("", "", *self._inline(f"{{ref}}`{exercise.label}`: {exercise.name}"))
        if exercise.minutes:
            line += [nodes.Text(" "), nodes.inline("", format_minutes(exercise.minutes),
                                                   classes=["path-time"])]  # fmt: skip
        return line

    def _inline(self, text: str) -> list[nodes.Node]:
        return self.markdown(text)[0].children

    def _check(
        self,
        weeks: list[Week],
        known: Mapping[str, Exercise],
        hours: Mapping[str, float],
        needs: Mapping[str, tuple[str, ...]],
    ) -> None:
        """See that the exercises, assignments and pages exist, and prerequisites come first."""
        pages, read = self.pages(), set()
        for number, week in enumerate(weeks, start=1):
            for label in week.lab:
                if label not in known:
                    raise self.error(f"week {number}: there is no exercise {label!r}")
            if week.homework and hours and week.homework not in hours:
                raise self.error(f"week {number}: there is no assignment for {week.homework!r}")
            for page in week.read:
                read.add(page)
                for need in pages[page].needs if page in pages else ():
                    if need in pages and need not in read:
                        raise self.error(f"week {number}: {page} is read before {need}")
            for need in needs.get(week.homework, ()):
                if need not in pages:
                    raise self.error(f"the assignment {week.homework!r} needs {need}: no such page")
                if need not in read:
                    raise self.error(
                        f"week {number}: the homework {week.homework!r} needs {need}, which has "
                        "not been read"
                    )


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    path = Path(app.outdir).parent / REPORT_NAME
    places = list(doctree.findall(study_time))
    report = json.loads(path.read_text(encoding="utf8")) if places and path.is_file() else {}
    for place in places:
        total = place.get("extra", 0.0)
        for page in place["pages"]:
            total += minutes_of(app.env).get(page, 0)
            total += report.get(page, {}).get("execution_seconds", 0.0) / 60
        place.replace_self(nodes.inline("", format_minutes(round(total)), classes=["path-time"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive to a Sphinx application."""
    app.add_node(study_time)
    app.add_directive("syllabus", Syllabus)
    app.connect("doctree-resolved", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
