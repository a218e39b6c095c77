"""Questions as Moodle XML: Moodle reads no QTI, but this format of its own, in every version.

One category for each page, one multiple-choice question for each self-test, with feedback on every
choice. Formulas are TeX between ``\\(`` and ``\\)``, which Moodle typesets.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from fearless.book.course.questions.banks import Bank
from fearless.book.course.questions.markup import inline_html, paragraphs
from fearless.book.course.questions.self_tests import VERDICTS, Question
from fearless.book.sphinx.running.tex_macros import Macro

__all__ = ["quiz", "write_quiz"]

# A wrong try costs a third, where the course lets students try again.
PENALTY = "0.3333333"


def quiz(bank: Bank, book: str, macros: Mapping[str, Macro]) -> Element:
    """Write a bank as a ``quiz``.

    Parameters
    ----------
    bank : Bank
        The questions of a part.
    book : str
        The name of the book, the category above all others.
    macros : mapping
        The book's macros of formulas.
    """
    root = Element("quiz")
    for page in bank.pages:
        category = SubElement(root, "question", type="category")
        # A slash begins a category below; within a name it is doubled.
        names = [name.replace("/", "//") for name in (book, bank.title, page.title)]
        _text(category, "category", "/".join(["$course$/top", *names]))
        for question in page.questions:
            _question(root, question, macros, page.origin)
    return root


def _question(root: Element, question: Question, macros: Mapping[str, Macro], origin: str) -> None:
    node = SubElement(root, "question", type="multichoice")
    _text(node, "name", question.label.removeprefix("st-").replace("-", " "))
    html = "".join(f"<p>{text}</p>" for text in paragraphs(question.text, macros))
    html += f"<p><em>{escape(origin)}</em></p>"
    _text(node, "questiontext", html, format="html")
    _text(node, "generalfeedback", "", format="html")
    for name, value in (
        ("defaultgrade", "1"),
        ("penalty", PENALTY),
        ("hidden", "0"),
        ("idnumber", question.label),
        ("single", "true"),
        ("shuffleanswers", "true"),
        ("answernumbering", "abc"),
    ):
        SubElement(node, name).text = value
    for choice in question.choices:
        fraction = "100" if choice.right else "0"
        answer = _text(
            node, "answer", inline_html(choice.text, macros), fraction=fraction, format="html"
        )
        why = f"<strong>{VERDICTS[choice.right]}</strong> {inline_html(choice.why, macros)}"
        _text(answer, "feedback", why, format="html")


def _text(parent: Element, name: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, name, attributes)
    SubElement(element, "text").text = text
    return element


def write_quiz(target: Path, bank: Bank, book: str, macros: Mapping[str, Macro]) -> int:
    """Write a bank to a file; returns the number of its questions."""
    root = quiz(bank, book, macros)
    ElementTree.indent(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The declaration has to be the very first thing in the file.
    target.write_bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))
    return len(bank.questions)
