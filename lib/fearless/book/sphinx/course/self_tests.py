"""``{self-test}``: a question with a few choices, which the page itself can answer.

Each choice is a native ``<details>``: it opens by mouse, finger and keyboard without a script, and
screen readers say that it can be opened. What opens begins with the verdict, in a word and with a
mark of its own shape; the choices of one question open one at a time. On paper only the question
and its choices are left. `book.course.questions.self_tests` says how questions are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from fearless.book.course.questions.self_tests import VERDICTS, Choice, Question, parse_question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["SelfTest", "choice_text", "choice_why", "self_test", "self_test_choice"]

logger = logging.getLogger(__name__)


class self_test(nodes.General, nodes.Element):
    """A question; its children are blocks of text, then `self_test_choice`."""


class self_test_choice(nodes.Part, nodes.Element):
    """A choice: a `choice_text` and a `choice_why`; its attribute ``right`` is the verdict."""


class choice_text(nodes.Part, nodes.TextElement):
    """What can be chosen."""


class choice_why(nodes.Part, nodes.TextElement):
    """Why it is right or wrong, without the verdict."""


class SelfTest(SphinxDirective):
    """The question whose label is the argument."""

    has_content = True
    optional_arguments = 1  # required, but we say it better
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the question; what is wrong with it is a warning, which fails the build."""
        label = self.arguments[0] if self.arguments else ""
        question, faults = parse_question(label, list(self.content), self.env.docname, self.lineno)
        for line, fault in faults:
            self._warn(f"self-test {label} {fault}", line)
        known = _labels(self.env)
        if known.get(label, self.env.docname) != self.env.docname or label in self._on_page():
            self._warn(f"self-test {label} has a label that another one has, too", 0)
        self._on_page().add(label)
        known[label] = self.env.docname
        if faults:
            return []
        return [self._node(question)]

    def _on_page(self) -> set[str]:
        return self.env.temp_data.setdefault("fearless_self_tests", set())

    def _warn(self, text: str, line: int) -> None:
        _source, first = self.get_source_info()
        where = (self.env.docname, (first or 0) + line)
        logger.warning(text, location=where, type="fearless", subtype="self-tests")

    def _node(self, question: Question) -> self_test:
        number = self.env.new_serialno("fearless_self_test") + 1
        node = self_test(ids=[question.label], label=question.label, number=number)
        self.set_source_info(node)
        self.state.document.note_explicit_target(node)
        asked = nodes.container()
        self.state.nested_parse(
            StringList(question.text.split("\n"), source=self.env.docname),
            self.content_offset,
            asked,
        )
        node += asked.children
        node += [self._choice(choice) for choice in question.choices]
        return node

    def _choice(self, choice: Choice) -> self_test_choice:
        node = self_test_choice(right=choice.right)
        node += choice_text("", "", *self._inline(choice.text))
        node += choice_why("", "", *self._inline(choice.why))
        return node

    def _inline(self, text: str) -> list[nodes.Node]:
        box = nodes.container()
        self.state.nested_parse(
            StringList([text], source=self.env.docname), self.content_offset, box
        )
        return [child for block in box.children for child in block.children]


# HTML ---------------------------------------------------------------------------------------


def _visit_question(self: Any, node: self_test) -> None:
    label = node["label"]
    self.body.append(
        f'<div class="self-test" id="{label}" role="group" aria-labelledby="{label}-question">\n'
        f'<div class="self-test-question" id="{label}-question">'
        f'<span class="self-test-number">Question {node["number"]}</span>\n'
    )


def _depart_question(self: Any, node: self_test) -> None:
    self.body.append("</ol>\n</div>\n")


def _visit_choice(self: Any, node: self_test_choice) -> None:
    choices = [child for child in node.parent if isinstance(child, self_test_choice)]
    if choices[0] is node:
        self.body.append('</div>\n<ol class="self-test-choices">\n')
    kind = "right" if node["right"] else "wrong"
    letter = "abcd"[choices.index(node)]
    self.body.append(
        f'<li><details class="choice choice-{kind}" name="{node.parent["label"]}">\n'
        f'<summary><span class="choice-letter">{letter}</span><span class="choice-text">'
    )


def _depart_choice(self: Any, node: self_test_choice) -> None:
    self.body.append("</details></li>\n")


def _visit_text(self: Any, node: choice_text) -> None:
    pass


def _depart_text(self: Any, node: choice_text) -> None:
    self.body.append("</span></summary>\n")


def _visit_why(self: Any, node: choice_why) -> None:
    verdict = VERDICTS[node.parent["right"]]
    self.body.append(f'<p class="choice-why"><strong class="verdict">{verdict}</strong> ')


def _depart_why(self: Any, node: choice_why) -> None:
    self.body.append("</p>\n")


# Labels of the whole book ---------------------------------------------------------------------


def _labels(env: Any) -> dict[str, str]:
    if not hasattr(env, "fearless_self_test_labels"):
        env.fearless_self_test_labels = {}
    return env.fearless_self_test_labels


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    for label in [label for label, page in _labels(env).items() if page == docname]:
        del _labels(env)[label]


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: Any) -> None:
    for label, page in _labels(other).items():
        if page not in docnames:
            continue
        if _labels(env).get(label, page) != page:
            text = f"self-test {label} has a label that another one has, too"
            logger.warning(text, location=page, type="fearless", subtype="self-tests")
        _labels(env)[label] = page


def setup(app: Sphinx) -> None:
    """Add the directive to a Sphinx application."""
    app.add_node(self_test, html=(_visit_question, _depart_question))
    app.add_node(self_test_choice, html=(_visit_choice, _depart_choice))
    app.add_node(choice_text, html=(_visit_text, _depart_text))
    app.add_node(choice_why, html=(_visit_why, _depart_why))
    app.add_directive("self-test", SelfTest)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
