"""Every slider of the book begins somewhere, marks what is worth a visit, says what it shows."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from fearless.book.scan import code_cells

CHAPTERS = Path(__file__).parents[2] / "chapters"
PARTS = (
    "double-descent",
    "interpolation",
    "kernel-regimes",
    "over-parametrization",
    "optimization",
)
INTERACTIVE = ("slider", "drag_points", "drag_momentum")


def called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def calls(names):
    for page in sorted(CHAPTERS.rglob("*.md")):
        for cell in code_cells(page):
            for node in ast.walk(cell.tree()):
                if isinstance(node, ast.Call) and called(node) in names:
                    yield page.relative_to(CHAPTERS), node


SLIDERS = [(page, node) for page, node in calls(["slider"])]


def name_of(node):
    (name,) = (k.value.value for k in node.keywords if k.arg == "name")
    return name


@pytest.mark.parametrize(("page", "node"), SLIDERS, ids=lambda v: getattr(v, "stem", ""))
def test_it_has_a_label_a_start_marks_and_a_finding(page, node):
    keywords = {k.arg: k.value for k in node.keywords}
    missing = {"label", "start", "marks", "alt"} - keywords.keys()
    assert not missing, f"{page}, slider {name_of(node)}: no {sorted(missing)}"
    marks = keywords["marks"]
    assert not isinstance(marks, ast.Dict) or marks.keys, f"{page}: no marks"


def test_a_finding_is_computed_from_the_value():
    """A text that only repeats the value says nothing of what the frame shows."""
    for page, node in SLIDERS:
        (alt,) = (k.value for k in node.keywords if k.arg == "alt")
        if isinstance(alt, ast.Lambda):
            numbers = [n for n in ast.walk(alt.body) if isinstance(n, ast.Call | ast.Subscript)]
            assert numbers, f"{page}, slider {name_of(node)}: alt computes nothing"
        else:
            assert isinstance(alt, ast.Name | ast.Attribute), f"{page}, slider {name_of(node)}"


def test_names_are_unique_on_a_page():
    names = Counter((page, name_of(node)) for page, node in calls(INTERACTIVE))
    assert max(names.values()) == 1, names.most_common(1)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_interactive_figures(part):
    count = sum(page.parts[0] == part for page, _ in calls(INTERACTIVE))
    assert count >= 2


def test_two_figures_are_taken_hold_of():
    found = {called(node) for _, node in calls(INTERACTIVE[1:])}
    assert found == {"drag_points", "drag_momentum"}
