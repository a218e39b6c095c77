"""Syllabi: which pages, exercises and assignment belong to which week, written as YAML.

::

    - week: The surprise
      read: [interpolation/what-you-see, double-descent/the-curve]
      lecture: What the textbooks feared, and what is seen.
      lab: [ex-sweet-spot]
      homework: interpolation

Pages are named below ``chapters/``, exercises by their labels, the assignment by its part. Hours
are never written: they come from the pages, the exercises and the assignments themselves. So does
what has to be read before a homework: the front matter of an assignment says it (``needs``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["SyllabusError", "Week", "assignment_hours", "assignment_needs", "parse_syllabus"]

_KEYS = ("week", "read", "lecture", "lab", "homework")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


class SyllabusError(ValueError):
    """A syllabus that cannot be read, or that names what does not exist."""


@dataclass(frozen=True)
class Week:
    """One week: its theme, pages to read before, the lecture, exercises, an assignment's part."""

    title: str
    read: tuple[str, ...]
    lecture: str
    lab: tuple[str, ...]
    homework: str


def parse_syllabus(text: str, weeks: int) -> list[Week]:
    """Read a syllabus.

    Raises
    ------
    SyllabusError
        When it is no list of `weeks` entries with the keys above, or a page is read twice.
    """
    entries = yaml.safe_load(text)
    if not isinstance(entries, list) or len(entries) != weeks:
        found = len(entries) if isinstance(entries, list) else "no list of"
        raise SyllabusError(f"the syllabus has {found} weeks; expected {weeks}")
    found_weeks = [_week(entry, number) for number, entry in enumerate(entries, start=1)]
    pages = [page for week in found_weeks for page in week.read]
    if twice := {page for page in pages if pages.count(page) > 1}:
        raise SyllabusError(f"the syllabus has {min(twice)} read twice")
    return found_weeks


def _week(entry: Any, number: int) -> Week:
    if not isinstance(entry, Mapping) or not {"week", "lecture"} <= set(entry) <= set(_KEYS):
        keys = sorted(entry) if isinstance(entry, Mapping) else entry
        raise SyllabusError(f"week {number} has {keys}; expected keys among {', '.join(_KEYS)}")
    lists = {}
    for key in ("read", "lab"):
        lists[key] = entry.get(key) or []
        if not isinstance(lists[key], list):
            raise SyllabusError(f"week {number}: {key} is {lists[key]!r}; expected a list")
    return Week(
        str(entry["week"]),
        tuple(f"chapters/{page}" for page in lists["read"]),
        str(entry["lecture"]),
        tuple(lists["lab"]),
        str(entry.get("homework") or ""),
    )


def assignment_hours(root: Path) -> dict[str, float]:
    """Return the hours of every assignment, by its part, from its own front matter."""
    return {part: float(facts.get("hours", 0)) for part, facts in _assignments(root)}


def assignment_needs(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the pages that every assignment needs, by its part, from its own front matter."""
    return {part: tuple(facts.get("needs") or ()) for part, facts in _assignments(root)}


def _assignments(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted((root / "assignments").glob("*/assignment.md")):
        front = _FRONT.match(path.read_text(encoding="utf8"))
        facts = (yaml.safe_load(front[1]) if front else {}).get("assignment") or {}
        if "part" in facts:
            yield str(facts["part"]), facts
