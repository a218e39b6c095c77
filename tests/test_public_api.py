"""Every public object is documented: numpydoc sections wherever there is something to put in.

Public is what a module lists in ``__all__``. The full sections are asked of the library proper and
of what an author of a page calls; the machinery that builds the site needs a sentence each.
"""

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import fearless

ROOT = Path(fearless.__file__).parent


def public_modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(["fearless", *parts])


MODULES = list(public_modules())

# Of ``fearless.book``, what chapters and notebooks call; the rest of it builds the site.
FOR_AUTHORS = {f"fearless.book{name}" for name in ("", ".claims", ".style", ".slider")}


def is_library(module):
    return not module.startswith("fearless.book") or module in FOR_AUTHORS


def defines(module):
    """Names of the public functions and classes written in a module, read without importing it."""
    path = ROOT.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]


OBJECTS = [(module, name) for module in MODULES for name in defines(module)]


def sections(doc):
    return re.findall(r"^ *(\w[\w ]*)\n *-{3,}$", inspect.cleandoc(doc), flags=re.MULTILINE)


def documented(doc, section):
    """The names listed in a section."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", inspect.cleandoc(doc), flags=re.MULTILINE)
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        if title == section:
            found = re.findall(r"^([*\w][\w, *]*)(?: :.*)?$", body, flags=re.MULTILINE)
            return {name.strip().lstrip("*") for line in found for name in line.split(",")}
    return set()


def function_problems(function, label, *, method=False):
    doc = inspect.getdoc(function)
    if not doc:
        return [f"{label} has no docstring"]
    problems = []
    if not doc.splitlines()[0].rstrip().endswith("."):
        problems.append(f"{label}: the first line is no sentence that ends with a full stop")
    signature = inspect.signature(function)
    names = list(signature.parameters)[1 if method else 0 :]
    missing = set(names) - documented(doc, "Parameters")
    if missing:
        problems.append(f"{label}: not under Parameters: {sorted(missing)}")
    returns = signature.return_annotation
    returns_something = returns not in (None, "None") and names
    if returns_something and not {"Returns", "Yields"} & set(sections(doc)):
        problems.append(f"{label}: no section Returns")
    return problems


def class_problems(cls, label):
    doc = cls.__dict__.get("__doc__")
    if not doc or (dataclasses.is_dataclass(cls) and doc.startswith(f"{cls.__name__}(")):
        return [f"{label} has no docstring"]
    problems = []
    if not inspect.cleandoc(doc).splitlines()[0].rstrip().endswith("."):
        problems.append(f"{label}: the first line is no sentence that ends with a full stop")
    own_init = any(
        "__init__" in base.__dict__
        for base in cls.__mro__
        if base.__module__.startswith("fearless")
    )
    if own_init and not inspect.isabstract(cls) and not issubclass(cls, Exception):
        parameters = list(inspect.signature(cls.__init__).parameters)[1:]
        names = {name for name in parameters if not name.startswith("_")}
        missing = names - documented(doc, "Parameters") - documented(doc, "Attributes")
        if missing:
            problems.append(f"{label}: not under Parameters: {sorted(missing)}")
    for name, member in cls.__dict__.items():
        if name == "__call__" or not name.startswith("_"):
            if isinstance(member, staticmethod | classmethod):
                problems += function_problems(
                    member.__func__, f"{label}.{name}", method=isinstance(member, classmethod)
                )
            elif inspect.isfunction(member):
                problems += function_problems(member, f"{label}.{name}", method=True)
            elif isinstance(member, property) and not inspect.getdoc(member):
                problems.append(f"{label}.{name} has no docstring")
    return problems


def problems_of(thing, label):
    check = class_problems if inspect.isclass(thing) else function_problems
    return check(thing, label)


def test_there_is_something_to_check():
    names = {name for _, name in OBJECTS}
    assert {"GaussianKernel", "load_mnist", "RandomFourierFeatures", "MinNormRegressor"} <= names


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are_and_what_is_public(module):
    found = importlib.import_module(module)
    assert found.__doc__, f"{module} has no docstring"
    names = getattr(found, "__all__", None)
    if names is None:
        assert not is_library(module), f"{module} has no __all__"
        return
    assert sorted(set(names)) == sorted(names)
    for name in names:
        assert hasattr(found, name), f"{module}.__all__ names {name}, which is not there"


@pytest.mark.parametrize(("module", "name"), OBJECTS)
def test_objects_are_documented(module, name):
    found = importlib.import_module(module)
    thing, label = getattr(found, name), f"{module}.{name}"
    if is_library(module) and name in found.__all__:
        problems = problems_of(thing, label)
    else:
        problems = [] if inspect.getdoc(thing) else [f"{label} has no docstring"]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.failed == 0


def test_gaps_are_seen():
    def undocumented(a):
        return a

    def partly(a, b) -> int:
        """Add.

        Parameters
        ----------
        a : int
            One of them.
        """
        return a + b

    class Bare:
        """Hold nothing."""

        def method(self, a) -> None:
            """Do it."""

    assert function_problems(undocumented, "f") == ["f has no docstring"]
    assert function_problems(partly, "f") == [
        "f: not under Parameters: ['b']",
        "f: no section Returns",
    ]
    assert class_problems(Bare, "C") == ["C.method: not under Parameters: ['a']"]
