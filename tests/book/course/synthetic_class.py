"""A class of made-up students, each with a typical way to hand in, for the tests of grading."""

import copy
import json
import zipfile
from pathlib import Path

SQUARE = "def square(x):\n    return x * x"
NORM = "def least_norm(X, y):\n    return np.linalg.pinv(X) @ y"
FULL = {"q1": SQUARE, "q2": NORM}


def answered(blank: dict, answers: dict[str, str]) -> dict:
    """Return a notebook with code in the answer cells of questions."""
    notebook = copy.deepcopy(blank)
    for cell in notebook["cells"]:
        label = cell["metadata"].get("fearless", {}).get("question")
        if label in answers and "..." in "".join(cell["source"]):
            cell["source"] = answers[label]
    return notebook


def code_cell(source: str) -> dict:
    return {
        "cell_type": "code",
        "id": "added",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def write_class(folder: Path, blank: dict) -> dict[str, tuple[dict[str, float], str]]:
    """Hand in for all students; returns what each deserves, and words of the remark about it."""
    folder.mkdir(parents=True)
    expected = {}

    def hand_in(student, notebook, points, remark="", name=None):
        path = folder / (name or f"{student}.ipynb")
        path.parent.mkdir(exist_ok=True)
        path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))
        expected[student] = (dict(zip(("q1", "q2"), points, strict=True)), remark)

    full = answered(blank, FULL)
    hand_in("ada", full, (3, 4))
    hand_in("blank", blank, (0, 0))
    hand_in("half", answered(blank, FULL | {"q1": "def square(x):\n    return abs(x) * x"}), (1, 4))

    syntax = answered(blank, FULL | {"q2": "def least_norm(X, y:\n    return"})
    hand_in("syntax", syntax, (3, 0), "SyntaxError")

    loop = answered(blank, {"q1": f"{SQUARE}\nwhile True:\n    pass", "q2": NORM})
    hand_in("loop", loop, (3, 4), "was stopped after")

    spin = answered(blank, FULL | {"q1": "def square(x):\n    while True:\n        pass"})
    hand_in("spin", spin, (0, 4))

    gone = answered(blank, FULL)
    gone["cells"] = [c for c in gone["cells"] if "square" not in "".join(c["source"])]
    gone["cells"] = [c for c in gone["cells"] if "grader" not in "".join(c["source"])]
    hand_in("gone", gone, (0, 4), "the answer cell of q1 is gone")

    hand_in("renamed", full, (3, 4), name="renamed/homework (final) 2.ipynb")

    bare = answered(blank, FULL)
    bare["metadata"] = {"kernelspec": {"name": "my-env", "display_name": "mine"}}
    for cell in bare["cells"]:
        cell["metadata"] = {}
    hand_in("copied", bare, (3, 4))

    other = answered(blank, FULL)
    other["metadata"]["otter"]["assignment_name"] = "2-another"
    hand_in("other", other, (0, 0), "is of assignment '2-another'")

    hand_in("torn", json.dumps(full)[:200], (0, 0), "cannot be read as a notebook")
    hand_in("essay", "# My essay", (0, 0), "essay.txt is no notebook", name="essay.txt")

    leaves = answered(blank, FULL | {"q1": f"{SQUARE}\nimport os\nos._exit(0)"})
    hand_in("leaves", leaves, (0, 0), "Python ended")

    hungry = answered(blank, FULL)
    hungry["cells"].append(code_cell("much = np.ones((200, 10**7))"))
    hand_in("hungry", hungry, (3, 4), "MemoryError")

    spy = answered(blank, FULL)
    names = "'FEARLESS_SECRET', 'FEARLESS_PRIVATE', 'MY_TOKEN'"
    spy["cells"].append(code_cell(f"import os\nassert not {{{names}}} & set(os.environ)"))
    hand_in("spy", spy, (3, 4))

    with zipfile.ZipFile(folder / "zipped.zip", "w") as archive:
        archive.writestr("1-tiny.ipynb", json.dumps(full))
        archive.writestr("__MACOSX/1-tiny.ipynb", "{}")
    expected["zipped"] = ({"q1": 3, "q2": 4}, "")
    return expected
