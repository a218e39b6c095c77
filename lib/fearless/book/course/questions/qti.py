"""Questions as IMS QTI 2.1 content packages, which Canvas, Blackboard, OpenOlat and others import.

A package is a zip of a manifest, one test with a section for each page, and one item for each
question: a single choice, shuffled, worth one point, with a word of feedback on every choice. QTI
has two ways of saying what a formula is; here it is TeX between ``\\(`` and ``\\)``, without the
book's own macros, which is what these systems typeset.

The files are written in the order and with the attributes of the published binding, *IMS Question
and Test Interoperability: XML Binding, Version 2.1 Final*; the same questions give the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from fearless.book.course.questions.banks import PageQuestions
from fearless.book.course.questions.markup import inline_html, paragraphs
from fearless.book.course.questions.self_tests import VERDICTS, Question
from fearless.book.sphinx.running.tex_macros import Macro

__all__ = ["item", "manifest", "package", "test"]

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGING = "http://www.imsglobal.org/xsd/imscp_v1p1"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMAS = {
    QTI: "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd",
    PACKAGING: "http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd",
}
# The earliest date a zip can hold: a real one would make each package another file.
DATE = (1980, 1, 1, 0, 0, 0)
LETTERS = "ABCD"


def item(question: Question, macros: Mapping[str, Macro], origin: str = "") -> Element:
    """Write a question as an ``assessmentItem``.

    Parameters
    ----------
    question : Question
        The question.
    macros : mapping
        The book's macros of formulas.
    origin : str
        A line below the question that says which page it speaks of.
    """
    root = _root(
        "assessmentItem",
        identifier=question.label,
        title=question.label.removeprefix("st-").replace("-", " "),
        adaptive="false",
        timeDependent="false",
    )
    response = SubElement(
        root,
        "responseDeclaration",
        identifier="RESPONSE",
        cardinality="single",
        baseType="identifier",
    )
    correct = SubElement(response, "correctResponse")
    SubElement(correct, "value").text = LETTERS[question.answer]
    score = SubElement(
        root,
        "outcomeDeclaration",
        identifier="SCORE",
        cardinality="single",
        baseType="float",
        normalMaximum="1",
        normalMinimum="0",
    )
    SubElement(SubElement(score, "defaultValue"), "value").text = "0"
    SubElement(
        root,
        "outcomeDeclaration",
        identifier="FEEDBACK",
        cardinality="single",
        baseType="identifier",
    )
    body = SubElement(root, "itemBody")
    for paragraph in paragraphs(question.text, macros):
        body.append(_markup("p", paragraph))
    if origin:
        body.append(_markup("p", f"<em>{escape(origin)}</em>"))
    choices = SubElement(
        body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="true", maxChoices="1"
    )
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        html = inline_html(choice.text, macros)
        choices.append(_markup("simpleChoice", html, identifier=letter))
    _processing(SubElement(root, "responseProcessing"))
    for letter, choice in zip(LETTERS, question.choices, strict=False):
        feedback = SubElement(
            root,
            "modalFeedback",
            outcomeIdentifier="FEEDBACK",
            identifier=letter,
            showHide="show",
        )
        why = inline_html(choice.why, macros)
        feedback.append(_markup("p", f"<strong>{VERDICTS[choice.right]}</strong> {why}"))
    return root


def _processing(parent: Element) -> None:
    """Give a point for the right choice, and to each choice its own feedback."""
    condition = SubElement(parent, "responseCondition")
    hit = SubElement(condition, "responseIf")
    match = SubElement(hit, "match")
    SubElement(match, "variable", identifier="RESPONSE")
    SubElement(match, "correct", identifier="RESPONSE")
    for branch, points in ((hit, "1"), (SubElement(condition, "responseElse"), "0")):
        outcome = SubElement(branch, "setOutcomeValue", identifier="SCORE")
        SubElement(outcome, "baseValue", baseType="float").text = points
    feedback = SubElement(parent, "setOutcomeValue", identifier="FEEDBACK")
    SubElement(feedback, "variable", identifier="RESPONSE")


def test(identifier: str, title: str, pages: Sequence[PageQuestions]) -> Element:
    """Write an ``assessmentTest`` with a section for each page."""
    root = _root("assessmentTest", identifier=identifier, title=title)
    part = SubElement(
        root,
        "testPart",
        identifier="part",
        navigationMode="nonlinear",
        submissionMode="individual",
    )
    SubElement(part, "itemSessionControl", maxAttempts="0", showFeedback="true")
    for page in pages:
        section = SubElement(
            part,
            "assessmentSection",
            identifier=f"section-{page.slug}",
            title=page.title,
            visible="true",
        )
        for question in page.questions:
            SubElement(
                section,
                "assessmentItemRef",
                identifier=f"ref-{question.label}",
                href=_file(question),
            )
    return root


def manifest(identifier: str, pages: Sequence[PageQuestions]) -> Element:
    """Write the manifest of a package, ``imsmanifest.xml``."""
    root = _root("manifest", PACKAGING, identifier=f"manifest-{identifier}")
    metadata = SubElement(root, "metadata")
    SubElement(metadata, "schema").text = "QTIv2.1 Package"
    SubElement(metadata, "schemaversion").text = "1.0.0"
    SubElement(root, "organizations")
    resources = SubElement(root, "resources")
    questions = [question for page in pages for question in page.questions]
    whole = _resource(resources, f"resource-{identifier}", "imsqti_test_xmlv2p1", "test.xml")
    for question in questions:
        SubElement(whole, "dependency", identifierref=f"resource-{question.label}")
    for question in questions:
        _resource(resources, f"resource-{question.label}", "imsqti_item_xmlv2p1", _file(question))
    return root


def _resource(parent: Element, identifier: str, kind: str, href: str) -> Element:
    resource = SubElement(parent, "resource", identifier=identifier, type=kind, href=href)
    SubElement(resource, "file", href=href)
    return resource


def package(
    target: Path, title: str, pages: Sequence[PageQuestions], macros: Mapping[str, Macro]
) -> int:
    """Write a content package.

    Parameters
    ----------
    target : Path
        The zip to write; its name is the identifier of the test.
    title : str
        The title of the test.
    pages : sequence of PageQuestions
        What it asks.
    macros : mapping
        The book's macros of formulas.

    Returns
    -------
    int
        The number of its questions.
    """
    identifier = f"self-tests-{target.stem}"
    files = {
        "imsmanifest.xml": manifest(identifier, pages),
        "test.xml": test(identifier, title, pages),
    }
    items = {
        _file(question): item(question, macros, page.origin)
        for page in pages
        for question in page.questions
    }
    files |= items
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, serialized(root))
    return len(items)


def serialized(root: Element) -> bytes:
    """Return an element as the text of a file, as it is: blanks in running text count."""
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def _file(question: Question) -> str:
    return f"items/{question.label}.xml"


def _root(name: str, namespace: str = QTI, **attributes: str) -> Element:
    # Prefixes by hand: the importers look for a default namespace, which ElementTree avoids.
    return Element(
        name,
        {
            "xmlns": namespace,
            "xmlns:xsi": INSTANCE,
            "xsi:schemaLocation": f"{namespace} {SCHEMAS[namespace]}",
            **attributes,
        },
    )


def _markup(name: str, html: str, **attributes: str) -> Element:
    """Return an element with the given content, which is HTML and well-formed."""
    element = ElementTree.fromstring(f"<{name}>{html}</{name}>")
    element.attrib.update(attributes)
    return element
