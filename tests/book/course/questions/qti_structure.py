"""The structure that the QTI 2.1 binding demands of the elements which the book writes.

From the published specification (IMS Question and Test Interoperability 2.1 Final: Assessment
Test, Section and Item Information Model and XML Binding; IMS Content Packaging 1.2): which
attributes an element must and may have, of which form, and which children in which order. The
schema itself is not free to copy and no package on the registries holds it; so this is a model of
the part in use, and an independent reader (pyslet) reads the rest in ``test_qti.py``.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
CP = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"  # the type identifier: an NCName
TEXT, BOOL, FLOAT, COUNT, URI = r"[^<]*", "true|false", r"-?\d+(\.\d+)?", r"\d+", r"[^\s\\]+"
CARDINALITY = "single|multiple|ordered|record"
BASE = "identifier|boolean|integer|float|string|point|pair|directedPair|duration|file|uri"

INLINE = {"em", "strong", "code", "span", "sub", "sup", "i", "b", "small"}
WORDS = {None, *INLINE}  # None: text

# element: (required attributes, further attributes, children in order as (name, least, most)),
# or for running text a set of what it may hold.
MODEL: dict[str, tuple[dict, dict, object]] = {
    "assessmentItem": (
        {"identifier": TEXT, "title": TEXT, "adaptive": BOOL, "timeDependent": BOOL},
        {"label": TEXT, LOCATION: TEXT},
        [
            ("responseDeclaration", 0, None),
            ("outcomeDeclaration", 0, None),
            ("itemBody", 0, 1),
            ("responseProcessing", 0, 1),
            ("modalFeedback", 0, None),
        ],
    ),
    "responseDeclaration": (
        {"identifier": NAME, "cardinality": CARDINALITY},
        {"baseType": BASE},
        [("defaultValue", 0, 1), ("correctResponse", 0, 1), ("mapping", 0, 1)],
    ),
    "correctResponse": ({}, {"interpretation": TEXT}, [("value", 1, None)]),
    "outcomeDeclaration": (
        {"identifier": NAME, "cardinality": CARDINALITY},
        {"baseType": BASE, "normalMaximum": FLOAT, "normalMinimum": FLOAT, "view": TEXT},
        [("defaultValue", 0, 1)],
    ),
    "defaultValue": ({}, {"interpretation": TEXT}, [("value", 1, None)]),
    "value": ({}, {"fieldIdentifier": NAME, "baseType": BASE}, {None}),
    "itemBody": ({}, {"id": NAME}, {"p", "div", "choiceInteraction"}),
    "p": ({}, {"id": NAME}, WORDS),
    **{name: ({}, {"id": NAME, "class": TEXT}, WORDS) for name in INLINE},
    "choiceInteraction": (
        {"responseIdentifier": NAME, "shuffle": BOOL, "maxChoices": COUNT},
        {"minChoices": COUNT, "orientation": "vertical|horizontal"},
        [("prompt", 0, 1), ("simpleChoice", 1, None)],
    ),
    "simpleChoice": ({"identifier": NAME}, {"fixed": BOOL}, WORDS | {"p", "div"}),
    "responseProcessing": (
        {},
        {"template": URI},
        {"responseCondition", "setOutcomeValue"},
    ),
    "responseCondition": (
        {},
        {},
        [("responseIf", 1, 1), ("responseElseIf", 0, None), ("responseElse", 0, 1)],
    ),
    "responseIf": ({}, {}, [("match", 1, 1), ("setOutcomeValue", 0, None)]),
    "responseElse": ({}, {}, [("setOutcomeValue", 0, None)]),
    "match": ({}, {}, [("variable", 1, 1), ("correct", 1, 1)]),
    "variable": ({"identifier": NAME}, {}, []),
    "correct": ({"identifier": NAME}, {}, []),
    "setOutcomeValue": ({"identifier": NAME}, {}, {"baseValue", "variable"}),
    "baseValue": ({"baseType": BASE}, {}, {None}),
    "modalFeedback": (
        {"outcomeIdentifier": NAME, "identifier": NAME, "showHide": "show|hide"},
        {"title": TEXT},
        WORDS | {"p", "div"},
    ),
    "assessmentTest": (
        {"identifier": TEXT, "title": TEXT},
        {"toolName": TEXT, LOCATION: TEXT},
        [("outcomeDeclaration", 0, None), ("testPart", 1, None)],
    ),
    "testPart": (
        {
            "identifier": NAME,
            "navigationMode": "linear|nonlinear",
            "submissionMode": "individual|simultaneous",
        },
        {},
        [("itemSessionControl", 0, 1), ("assessmentSection", 1, None)],
    ),
    "itemSessionControl": ({}, {"maxAttempts": COUNT, "showFeedback": BOOL}, []),
    "assessmentSection": (
        {"identifier": NAME, "title": TEXT, "visible": BOOL},
        {"fixed": BOOL},
        [("assessmentItemRef", 0, None)],
    ),
    "assessmentItemRef": ({"identifier": NAME, "href": URI}, {"fixed": BOOL}, []),
    "manifest": (
        {"identifier": NAME},
        {LOCATION: TEXT},
        [("metadata", 0, 1), ("organizations", 1, 1), ("resources", 1, 1)],
    ),
    "metadata": ({}, {}, [("schema", 0, 1), ("schemaversion", 0, 1)]),
    "schema": ({}, {}, {None}),
    "schemaversion": ({}, {}, {None}),
    "organizations": ({}, {"default": NAME}, []),
    "resources": ({}, {}, [("resource", 0, None)]),
    "resource": (
        {"identifier": NAME, "type": "imsqti_(item|test)_xmlv2p1"},
        {"href": URI},
        [("file", 0, None), ("dependency", 0, None)],
    ),
    "file": ({"href": URI}, {}, []),
    "dependency": ({"identifierref": NAME}, {}, []),
}


def faults(content: bytes) -> list[str]:
    """What is wrong with the structure of a file of a package; nothing when it is right."""
    root = ElementTree.fromstring(content)
    space = CP if root.tag.startswith(CP) else QTI
    found: list[str] = []
    _check(root, space, found)
    return found


def _check(node: ElementTree.Element, space: str, found: list[str]) -> None:
    name = node.tag.removeprefix(space)
    if name not in MODEL or node.tag == name:
        found.append(f"{node.tag} is no element of {space}")
        return
    required, further, content = MODEL[name]
    for key, form in {**required, **further}.items():
        if key in node.attrib and not re.fullmatch(form, node.attrib[key]):
            found.append(f"{name} has {key}={node.attrib[key]!r}")
    found += [f"{name} lacks {key}" for key in required.keys() - node.attrib.keys()]
    found += [f"{name} has {key}" for key in node.attrib.keys() - required.keys() - further.keys()]
    children = [child.tag.removeprefix(space) for child in node]
    texts = [node.text, *(child.tail for child in node)]
    if isinstance(content, set):
        found += [f"{name} holds {child}" for child in children if child not in content]
        allowed = None in content
    else:
        allowed = False
        order = [child for child, _, _ in content]
        if [c for c in children if c not in order]:
            found.append(f"{name} holds {set(children) - set(order)}")
        elif children != sorted(children, key=order.index):
            found.append(f"{name} has its children in the order {children}")
        for child, least, most in content:
            count = children.count(child)
            if count < least or (most is not None and count > most):
                found.append(f"{name} has {count} {child}")
    if not allowed and any(text and text.strip() for text in texts):
        found.append(f"{name} holds text")
    for child in node:
        _check(child, space, found)
