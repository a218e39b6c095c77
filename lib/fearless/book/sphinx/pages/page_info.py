"""The box at the head of a chapter: what you will learn, how long it takes to read and to run.

In a page::

    ```{at-a-glance}
    - why the test error peaks where the number of parameters equals the number of samples
    - ...
    ```

The author writes what one will learn and needs; the last line is added here from what was
measured: reading time from the words and figures on the page, running time and peak memory from
the execution whose outputs the page shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from fearless.book.sphinx.cache import REPORT_NAME
from fearless.book.sphinx.course.self_tests import choice_why

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

WORDS_PER_MINUTE = 200
# Looking at a figure, displaying a formula in one's mind, reading a cell of code.
SECONDS_PER_FIGURE = 20
SECONDS_PER_FORMULA = 8
SECONDS_PER_CODE_LINE = 3

_UNREAD = (nodes.literal_block, nodes.math, nodes.math_block, nodes.comment, nodes.raw, choice_why)


class page_facts(nodes.General, nodes.Element):
    """Where the measured facts of a page go, once the whole page has been read."""


class AtAGlance(SphinxDirective):
    """``{at-a-glance}``: the author's text in a box, closed by the measured facts.

    The optional argument replaces the title "At a glance".
    """

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"name": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the box as an admonition, which every builder knows how to draw."""
        box = nodes.admonition(classes=["at-a-glance"])
        self.set_source_info(box)
        self.add_name(box)
        box += nodes.title("", self.arguments[0] if self.arguments else "At a glance")
        self.state.nested_parse(self.content, self.content_offset, box)
        box += page_facts()
        return [box]


def reading_minutes(document: nodes.document) -> int:
    """Estimate how long a page takes to read, in whole minutes, at least 1.

    Words of text at 200 a minute (the names of hidden cells, code, formulas and the explanations
    of choices that one opens not counted as words), plus a fixed time for each figure, displayed
    formula and line of code. O(page).
    """
    words = sum(
        len(text.astext().split())
        for text in document.findall(nodes.Text)
        if not _inside(text, _UNREAD)
    )
    figures = sum(1 for _ in document.findall(nodes.figure))
    formulas = sum(1 for _ in document.findall(nodes.math_block))
    lines = sum(
        block.astext().count("\n") + 1
        for block in document.findall(nodes.literal_block)
        if _is_visible_input(block)
    )
    seconds = (
        words * 60 / WORDS_PER_MINUTE
        + figures * SECONDS_PER_FIGURE
        + formulas * SECONDS_PER_FORMULA
        + lines * SECONDS_PER_CODE_LINE
    )
    return max(1, round(seconds / 60))


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _is_visible_input(block: nodes.literal_block) -> bool:
    """Tell whether a block of code is read: outputs, hidden inputs, what is to run are not."""
    if {"exercise-starter", "exercise-check"}.intersection(block["classes"]):
        return False
    parent = block.parent
    while parent is not None:
        classes = set(parent.get("classes", ())) if isinstance(parent, nodes.Element) else set()
        if "cell_output" in classes or any(
            c.startswith(("tag_hide", "tag_remove")) for c in classes
        ):
            return False
        parent = parent.parent
    return True


def format_seconds(seconds: float) -> str:
    """Write a measured duration with two significant digits: 0.4 s, 3.2 s, 41 s, 2.5 min."""
    if seconds >= 100:
        return f"{seconds / 60:.1f} min"
    digits = max(0, 1 - math.floor(math.log10(seconds))) if seconds > 0 else 0
    return f"{seconds:.{min(digits, 1)}f} s"


def facts(minutes: int, seconds: float | None, peak_mb: float | None) -> list[tuple[str, str]]:
    """Return the measured facts as pairs of label and value; what was not measured is left out."""
    pairs = [("Reading", f"about {minutes} min")]
    if seconds is not None:
        pairs.append(("Running", format_seconds(seconds)))
    if peak_mb is not None:
        pairs.append(("Memory", f"{peak_mb:.0f} MiB"))
    return pairs


def _measured(app: Sphinx, docname: str) -> tuple[float | None, float | None]:
    """Return running time and peak memory of the execution whose outputs the page shows."""
    data: dict[str, Any] = getattr(app.env, "nb_metadata", {}).get(docname, {})
    seconds = (data.get("exec_data") or {}).get("runtime")
    if seconds is None:
        return None, None
    path = Path(app.outdir).parent / REPORT_NAME
    report = json.loads(path.read_text(encoding="utf8")) if path.is_file() else {}
    entry = report.get(docname, {})
    # A report of another execution (Sphinx was started by hand) says nothing about this one.
    same = entry.get("execution_seconds") == seconds
    return seconds, entry.get("peak_mb") if same else None


def minutes_of(env: Any) -> dict[str, int]:
    """Return the reading time, in minutes, of every page that has been read."""
    if not hasattr(env, "fearless_minutes"):
        env.fearless_minutes = {}
    return env.fearless_minutes


def _note_minutes(app: Sphinx, document: nodes.document) -> None:
    # As the author wrote it: later, formulas and figures become markup for one format.
    minutes_of(app.env)[app.env.docname] = reading_minutes(document)


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    minutes_of(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    minutes_of(env).update({name: minutes_of(other)[name] for name in docnames})


def _fill(app: Sphinx, document: nodes.document, docname: str) -> None:
    places = list(document.findall(page_facts))
    if not places:
        return
    pairs = facts(minutes_of(app.env)[docname], *_measured(app, docname))
    for place in places:
        line = nodes.paragraph(classes=["page-facts"])
        for k, (label, value) in enumerate(pairs):
            if k:
                line += nodes.Text(" · ")
            line += nodes.inline(
                "", "", nodes.Text(f"{label} "), nodes.strong("", value), classes=["fact"]
            )
        place.replace_self(line)


def setup(app: Sphinx) -> None:
    """Add the directive to a Sphinx application."""
    app.add_node(page_facts)
    app.add_directive("at-a-glance", AtAGlance)
    app.connect("doctree-read", _note_minutes)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("doctree-resolved", _fill)
