"""Exercises with their time, and code to start from: ``{exercise}``, ``{starter}``, ``{check}``.

The directive ``exercise`` is sphinx-exercise's, with two options more: ``:minutes:``, and
``:by-hand:`` for a derivation, with nothing to run. Its heading gives name, stars and time. Starter
code and check of an exercise stand below it and become one folded block; in notebooks they are
cells. What is missing or in the wrong place is a warning, which fails the build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.directive import ExerciseDirective
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["CHECK", "START", "TITLE", "Exercise", "exercise_start", "setup", "stars"]

#: What the folded block is called, and what stands before each of its two parts.
TITLE = "Start here, and check yourself"
START = "Starter code: it runs by itself in a fresh notebook, and “...” is your part."
CHECK = "Then run the check. It says what to look at, or nothing when your answer passes."
_MOST_STARS = 3

logger = logging.getLogger(__name__)


class stars(nodes.Inline, nodes.TextElement):
    """The stars of an exercise, read aloud as the number they are."""


class exercise_start(nodes.General, nodes.Element):
    """Starter code and, as its second block, the check of the exercise ``label``."""


class exercise_check(nodes.General, nodes.Element):
    """A check, until it has joined its starter code."""


def _warn(text: str, node: nodes.Node | tuple[str, int]) -> None:
    logger.warning(text, location=node, type="fearless", subtype="exercises")


class Exercise(ExerciseDirective):
    """An exercise that says how long it takes."""

    option_spec: ClassVar = {
        **ExerciseDirective.option_spec,
        "minutes": directives.unchanged,
        "by-hand": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return the exercise; its time is part of the heading."""
        found = super().run()
        label = self.options.get("label", "an exercise")
        minutes = self.options.get("minutes", "").strip()
        where = (self.env.docname, self.lineno)
        if not minutes.isdecimal() or int(minutes) < 1:
            given = repr(minutes) if minutes else "nothing"
            _warn(f"{label} needs :minutes:, a whole number, at least 1; got {given}", where)
        for node in found:
            node["minutes"] = int(minutes) if minutes.isdecimal() else 0
            node["by_hand"] = "by-hand" in self.options
        return found


class _Code(SphinxDirective):
    has_content = True
    optional_arguments = 1
    node_class: type[nodes.Element] = exercise_start

    def run(self) -> list[nodes.Node]:
        """Return the code, highlighted."""
        label = self.arguments[0] if self.arguments else ""
        where = (self.env.docname, self.lineno)
        if not label:
            _warn(f"{self.name} needs the label of its exercise", where)
        if not self.content:
            _warn(f"{self.name} {label} is empty", where)
        text = "\n".join(self.content).strip("\n")
        code = nodes.literal_block(text, text, language="python", classes=[f"exercise-{self.name}"])
        self.set_source_info(code)
        node = self.node_class("", code, label=label)
        self.set_source_info(node)
        return [node]


class Starter(_Code):
    """Code to start from; the argument is the label of its exercise."""


class Check(_Code):
    """Code that checks an answer; the argument is the label of its exercise."""

    node_class = exercise_check


def _join(app: Sphinx, document: nodes.document) -> None:
    """Put every check into the block of its starter code, and see that all belong together."""
    known = {
        node["label"]: node
        for kind in (exercise_node, exercise_enumerable_node)
        for node in document.findall(kind)
    }
    started: dict[str, exercise_start] = {}
    for node in document.findall(exercise_start):
        label = node["label"]
        if label not in known:
            _warn(f"starter {label} belongs to no exercise on this page", node)
        elif label in started:
            _warn(f"{label} has two starters", node)
        elif known[label].get("by_hand"):
            _warn(f"{label} is marked :by-hand:, but has starter code", node)
        started[label] = node
    for node in list(document.findall(exercise_check)):
        label = node["label"]
        start = started.get(label)
        if start is None:
            _warn(f"check {label} has no starter code above it", node)
        elif len(start) > 1:
            _warn(f"{label} has two checks", node)
        else:
            start += node.children
        node.parent.remove(node)
    for label, node in started.items():
        if len(node) < 2:
            _warn(f"starter {label} has no check", node)


class Headings(SphinxPostTransform):
    """Write name, stars and time into the heading, where sphinx-exercise has put brackets."""

    default_priority = 22  # after its own, which is 20

    def run(self, **kwargs: Any) -> None:
        """Rewrite the headings of all exercises of a page that have stars or a time."""
        for kind in (exercise_node, exercise_enumerable_node):
            for node in self.document.findall(kind):
                if isinstance(node[0], nodes.title):
                    _rewrite(node, node[0])


def _rewrite(node: nodes.Element, title: nodes.title) -> None:
    subtitle = list(title.children)
    opening = next((k for k, c in enumerate(subtitle) if c.astext() == " ("), None)
    if opening is None:
        return
    head, inner = subtitle[:opening], subtitle[opening + 1 : -1]
    first = inner[0].astext() if inner and isinstance(inner[0], nodes.Text) else ""
    count = len(first) - len(first.lstrip("★"))
    if count:
        inner[0] = nodes.Text(first.lstrip("★ "))
    facts: list[nodes.Node] = [stars("", "★" * count)] if count else []
    for fact in (f"{node['minutes']} min" if node.get("minutes") else "", "by hand"):
        if fact and (fact != "by hand" or node.get("by_hand")):
            facts += [nodes.Text(" · " if facts else ""), nodes.inline("", fact)]
    if not facts:
        return
    title.children = []
    title += [*head, nodes.Text(" "), *inner, nodes.Text(" ")]
    title += nodes.inline("", "", *facts, classes=["exercise-facts"])


# HTML ---------------------------------------------------------------------------------------


def _visit_stars(self: Any, node: stars) -> None:
    count = len(node.astext())
    self.body.append(
        f'<span class="stars" role="img" aria-label="difficulty {count} of {_MOST_STARS}">'
    )


def _depart_stars(self: Any, node: stars) -> None:
    self.body.append("</span>")


def _visit_start(self: Any, node: exercise_start) -> None:
    self.body.append(
        f'<details class="exercise-start" id="start-{node["label"]}">\n'
        f'<summary>{TITLE}</summary>\n<div class="exercise-start-body">\n'
    )


def _depart_start(self: Any, node: exercise_start) -> None:
    self.body.append("</div>\n</details>\n")


def _explain(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Say before each of the two parts what it is for."""
    for node in document.findall(exercise_start):
        parts = list(node.children)
        node.children = []
        for text, part in zip((START, CHECK), parts, strict=False):
            node += [nodes.paragraph("", text), part]


def setup(app: Sphinx) -> None:
    """Add the directives to a Sphinx application."""
    app.setup_extension("sphinx_exercise")
    app.add_node(stars, html=(_visit_stars, _depart_stars))
    app.add_node(exercise_start, html=(_visit_start, _depart_start))
    app.add_node(exercise_check)
    app.add_directive("exercise", Exercise, override=True)
    app.add_directive("starter", Starter)
    app.add_directive("check", Check)
    app.add_post_transform(Headings)
    app.connect("doctree-read", _join)
    app.connect("doctree-resolved", _explain)
