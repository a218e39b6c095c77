"""The structure that the QTI 2.1 binding demands of the elements which the book writes.

From the published specification (IMS Question and Test Interoperability 2.1 Final: Assessment
Test, Section and Item Information Model and XML Binding; IMS Content Packaging 1.2 in its profile
for QTI 2.1): which attributes an element must and may have, of which form, and which children in
which order. The schema itself is not free to copy and no package on the registries holds it; so
this is a model of the part in use, and an independent reader (pyslet) reads the rest in
``test_qti.py``. It was compared with the schemas, definition by definition: it asks for more in
places (attributes that have a default, ASCII names), and allows nothing that they forbid.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
CP = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"  # the type identifier: an NCName
TEXT, BOOL, FLOAT, COUNT = "(?s:.*)", "true|false", r"-?[0-9]+(\.[0-9]+)?", "[0-9]{1,9}"
PATH = "[A-Za-z0-9_./-]+"
CARDINALITY = "single|multiple|ordered|record"
BASE = "identifier|boolean|integer|float|string|point|pair|directedPair|duration|file|uri"

INLINE = {"em", "strong", "code", "span", "sub", "sup", "i", "b", "small"}
WORDS = {None, *INLINE}  # None: text

# Elements whose identifier is one of its kind in the file, as is every id.
UNIQUE = {"responseDeclaration", "outcomeDeclaration"}
UNIQUE |= {"assessmentTest", "testPart", "assessmentSection", "assessmentItemRef"}
UNIQUE |= {"manifest", "resource"}

# element: (required attributes, further attributes, content), and the content is one of: children
# in order as (name, least, most); a set of what may stand in any order, as in running text, or
# with how many (set, least, most); the form of the text.
MODEL: dict[str, tuple[dict, dict, object]] = {
    "assessmentItem": (
        {"identifier": TEXT, "title": TEXT, "adaptive": BOOL, "timeDependent": BOOL},
        {LOCATION: TEXT},
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
        [("defaultValue", 0, 1), ("correctResponse", 0, 1)],
    ),
    "correctResponse": ({}, {"interpretation": TEXT}, [("value", 1, None)]),
    "outcomeDeclaration": (
        {"identifier": NAME, "cardinality": CARDINALITY},
        {"baseType": BASE, "normalMaximum": FLOAT, "normalMinimum": FLOAT},
        [("defaultValue", 0, 1)],
    ),
    "defaultValue": ({}, {"interpretation": TEXT}, [("value", 1, None)]),
    "value": ({}, {"fieldIdentifier": NAME, "baseType": BASE}, TEXT),
    "itemBody": ({}, {"id": NAME}, ({"p", "choiceInteraction"}, 1, None)),
    "p": ({}, {"id": NAME}, WORDS),
    **{name: ({}, {"id": NAME, "class": TEXT}, WORDS) for name in INLINE},
    "choiceInteraction": (
        {"responseIdentifier": NAME, "shuffle": BOOL, "maxChoices": COUNT},
        {"minChoices": COUNT, "orientation": "vertical|horizontal"},
        [("simpleChoice", 1, None)],
    ),
    "simpleChoice": ({"identifier": NAME}, {"fixed": BOOL}, WORDS | {"p"}),
    "responseProcessing": ({}, {}, {"responseCondition", "setOutcomeValue"}),
    "responseCondition": ({}, {}, [("responseIf", 1, 1), ("responseElse", 0, 1)]),
    "responseIf": ({}, {}, [("match", 1, 1), ("setOutcomeValue", 0, None)]),
    "responseElse": ({}, {}, [("setOutcomeValue", 0, None)]),
    "match": ({}, {}, [("variable", 1, 1), ("correct", 1, 1)]),
    "variable": ({"identifier": NAME}, {}, []),
    "correct": ({"identifier": NAME}, {}, []),
    "setOutcomeValue": ({"identifier": NAME}, {}, ({"baseValue", "variable"}, 1, 1)),
    "baseValue": ({"baseType": BASE}, {}, TEXT),
    "modalFeedback": (
        {"outcomeIdentifier": NAME, "identifier": NAME, "showHide": "show|hide"},
        {"title": TEXT},
        WORDS | {"p"},
    ),
    "assessmentTest": (
        {"identifier": TEXT, "title": TEXT},
        {LOCATION: TEXT},
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
    "assessmentItemRef": ({"identifier": NAME, "href": PATH}, {"fixed": BOOL}, []),
    "manifest": (
        {"identifier": NAME},
        {LOCATION: TEXT},
        [("metadata", 1, 1), ("organizations", 1, 1), ("resources", 1, 1)],
    ),
    "metadata": ({}, {}, [("schema", 1, 1), ("schemaversion", 1, 1)]),
    "schema": ({}, {}, r"QTIv2\.1 (Item Bank )?Package"),
    "schemaversion": ({}, {}, r"1\.0\.0"),
    "organizations": ({}, {}, []),
    "resources": ({}, {}, [("resource", 0, None)]),
    "resource": (
        {"identifier": NAME, "type": "imsqti_(item|test)_xmlv2p1"},
        {"href": PATH},
        [("file", 0, None), ("dependency", 0, None)],
    ),
    "file": ({"href": PATH}, {}, []),
    "dependency": ({"identifierref": NAME}, {}, []),
}


def faults(content: bytes) -> list[str]:
    """What is wrong with the structure of a file of a package; nothing when it is right."""
    root = ElementTree.fromstring(content)
    space = CP if root.tag.startswith(CP) else QTI
    found: list[str] = []
    _check(root, space, found)
    _check_names(root, space, found)
    return found


def _check_names(root: ElementTree.Element, space: str, found: list[str]) -> None:
    names = [node.get("id") for node in root.iter()]
    names += [node.get("identifier") for tag in UNIQUE for node in root.iter(space + tag)]
    counts = Counter(name for name in names if name is not None)
    found += [f"{name} names {count} elements" for name, count in counts.items() if count > 1]
    referred = (node.get("identifierref") for node in root.iter())
    found += [f"{name} names nothing" for name in referred if name and name not in counts]


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
    _check_children(name, children, content, found)
    text = "".join([node.text or "", *(child.tail or "" for child in node)])
    if isinstance(content, str):
        if not re.fullmatch(content, text):
            found.append(f"{name} holds the text {text!r}")
    elif not (isinstance(content, set) and None in content):
        # Blanks may stand between children, but an element without content is empty.
        if text.strip() or (text and content == []):
            found.append(f"{name} holds text")
    for child in node:
        _check(child, space, found)


def _check_children(name: str, children: list[str], content: object, found: list[str]) -> None:
    if isinstance(content, list):
        order = [child for child, _, _ in content]
        counts = [(child, children.count(child), *bounds) for child, *bounds in content]
    else:
        among, *bounds = content if isinstance(content, tuple) else (content, 0, None)
        order = [] if isinstance(among, str) else list(among)
        counts = [("children", len(children), *bounds)]
    if set(children) - set(order):
        found.append(f"{name} holds {', '.join(sorted(set(children) - set(order)))}")
    elif isinstance(content, list) and children != sorted(children, key=order.index):
        found.append(f"{name} has its children in the order {children}")
    for child, count, least, most in counts:
        if count < least or (most is not None and count > most):
            found.append(f"{name} has {count} {child}")
