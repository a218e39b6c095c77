"""The library is built in floors, each importing only from the floors below (see ``fearless``).

Imports are read from the source with ``ast``, those inside functions included, so that a lazy
import does not hide a cycle or a heavy dependency. A module that no floor claims fails the test.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fearless

ROOT = Path(fearless.__file__).parent

# Unit (a module, or a package with all that is in it) -> floor.
FLOORS = {
    "": 0,  # fearless/__init__.py
    "_validation": 0,
    "exceptions": 0,
    "_parallel": 0,
    "_distances": 1,
    "_rows": 1,
    "_random_features": 2,
    "linalg": 1,
    "data": 1,
    "theory": 1,
    "kernels": 2,
    "features": 3,
    "linear": 3,
    "local": 3,
    "solvers": 4,
    "optimization": 4,
    "networks": 5,
    "machines": 6,
    "experiments": 7,
    "book": 8,
}

PRESENTATION = {"matplotlib", "IPython", "ipywidgets", "sphinx", "docutils", "myst_nb", "yaml"}
TORCH = {"torch", "torchvision"}

# Floor 4 may reach a GPU through torch, in these modules only, inside functions.
TORCH_SEAMS = {"solvers._backend", "solvers.distributed"}


def module_name(path, root):
    parts = list(path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit(module):
    return module.split(".")[0]


def imports(source, module, is_package):
    """Yield (absolute dotted name, lazy) of all imports, also through importlib."""
    tree = ast.parse(source)
    lazy_nodes = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.walk(node)
    }
    package = ["fearless", *filter(None, module.split("."))]
    if not is_package:
        package = package[:-1]
    for node in ast.walk(tree):
        lazy = id(node) in lazy_nodes
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, lazy
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module or "").split(".")] if node.module else base
            for alias in node.names:  # "from fearless import data" names a module too
                yield ".".join([*base, alias.name]), lazy
        elif isinstance(node, ast.Call) and node.args:
            function = ast.unparse(node.func)
            name = node.args[0]
            if function.split(".")[-1] in ("import_module", "__import__") and isinstance(
                name, ast.Constant
            ):
                yield name.value, lazy


def violations(source, module, is_package=False, floors=FLOORS):
    """Return what a module imports although its floor forbids it."""
    own = unit(module)
    floor = floors[own]
    found = []
    for name, lazy in imports(source, module, is_package):
        top, _, rest = name.partition(".")
        if top == "fearless":
            target = unit(rest)
            if target not in floors:
                target = ""  # an attribute of the top-level package, such as __version__
            if target != own and floors[target] >= floor and target != "":
                found.append(f"{module} (floor {floor}) imports {name} (floor {floors[target]})")
            if target == "networks" and floor > floors["networks"] and not lazy:
                found.append(f"{module} imports {name}, hence torch, at its top level")
        elif top in PRESENTATION and floor < floors["book"]:
            found.append(f"{module} (floor {floor}) imports {name}: presentation")
        elif top in TORCH and own != "networks":
            if floor < floors["networks"] and not (lazy and module in TORCH_SEAMS):
                found.append(f"{module} (floor {floor}) imports {name}")
            elif not lazy:
                found.append(f"{module} imports {name} at its top level: import it lazily")
    return found


SOURCES = sorted(path for path in ROOT.rglob("*.py"))


def test_there_is_something_to_check():
    names = {module_name(path, ROOT) for path in SOURCES}
    assert {"", "_validation", "data.real", "kernels", "features", "linear"} <= names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_come_from_floors_below(path):
    module = module_name(path, ROOT)
    assert unit(module) in FLOORS, f"{module} is on no floor: add it to FLOORS and to fearless"
    found = violations(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    assert not found, "\n".join(found)


def test_the_map_in_the_docstring_names_every_public_unit():
    for name in FLOORS:
        if name and not name.startswith("_"):
            assert f"``fearless.{name}``" in fearless.__doc__


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kernels", "from fearless.features import X"),
        ("kernels", "import fearless.kernels_of_another_kind.book as b\nimport fearless.book"),
        ("kernels", "from fearless import solvers"),
        ("kernels", "from .linear import X"),
        ("data.real", "from ..kernels import GaussianKernel"),
        ("data.real", "from .. import linear"),
        ("linear", "from fearless.features import X"),  # the same floor, another unit
        ("linear", "def f():\n    import fearless.solvers.paths"),
        ("linear", "def f():\n    import torch"),
        ("solvers.paths", "def f():\n    import torch.linalg"),
        ("solvers.paths", "import importlib\nimportlib.import_module('torch')"),
        ("solvers.paths", "class A:\n    def f(self):\n        from torch import nn"),
        ("machines", "import torch"),
        ("experiments.curve", "from fearless.networks import models"),
        ("experiments.curve", "import matplotlib.pyplot as plt"),
        ("_validation", "from fearless.data import load_mnist"),
    ],
)
def test_violations_are_seen(module, source):
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kernels", "from fearless._validation import x\nimport numpy"),
        ("data.real", "from fearless.data.noise import x\nfrom . import synthetic"),
        ("solvers.paths", "from fearless.linear import X\nfrom fearless.linalg import y"),
        ("networks.models", "import torch"),
        ("machines", "def f():\n    import torch"),
        ("experiments.curve", "def f():\n    from fearless.networks import models"),
        ("book.style", "import matplotlib\nfrom fearless import __version__"),
    ],
)
def test_what_is_allowed_is_not_reported(module, source):
    assert not violations(source, module)


def test_lower_floors_load_neither_torch_nor_presentation():
    """In a fresh interpreter, importing every module of the floors 0 to 4."""
    modules = [
        "fearless" + ("." + name if name else "")
        for name in (module_name(path, ROOT) for path in SOURCES)
        if FLOORS[unit(name)] <= 4
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(sorted(set(sys.modules) & {PRESENTATION | TORCH!r}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_import_fearless_is_light():
    code = "import sys, fearless; print(sorted({m.split('.')[0] for m in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "scipy", "sklearn", "torch", "matplotlib"} & set(
        ast.literal_eval(result.stdout)
    )
