"""The reference of the library describes every public name once, under its shortest name."""

import html
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fearless.book.sphinx.reference.api import (
    is_code,
    meaning,
    named_modules,
    reference_source,
    source_address,
)
from fearless.book.sphinx.reference.docstrings import escaped
from fearless.book.sphinx.reference.library import catalog, members, public_modules
from fearless.book.sphinx.reference.used_in import is_experiment, said

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "chapters" / "library").glob("*.md"))


def described():
    """The modules that the pages of the reference describe, as often as they do."""
    found = Counter()
    for path in PAGES:
        for pattern in re.findall(r"^```\{api\} (\S+)$", path.read_text("utf8"), re.MULTILINE):
            found.update(named_modules(pattern))
    return found


def test_every_public_name_is_in_the_reference_exactly_once():
    found = described()
    wanted = {entry.module for entry in catalog().entries.values()}
    assert wanted - found.keys() == set()
    assert {module for module, count in found.items() if count > 1} == set()


def test_every_public_name_has_an_entry():
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            if type(getattr(module, name)) is not type(module):
                assert catalog().find(f"{module_name}.{name}"), f"{module_name}.{name}"


def test_entries_bear_their_shortest_name_and_belong_to_their_module():
    entry = catalog().entries["fearless.linear.MinNormRegressor"]
    assert entry.module == "fearless.linear.min_norm"
    assert entry.kind == "class"
    assert entry.summary == "Fit the least-squares solution of minimum norm"
    assert "fearless.linear.min_norm.MinNormRegressor" not in catalog().entries
    found = catalog().find("fearless.linear.min_norm.MinNormRegressor.fit")
    assert found == "fearless.linear.MinNormRegressor.fit"
    assert catalog().find("numpy.mean") is None


def test_the_extension_is_no_part_of_the_library():
    made_with = (".sphinx.", ".course.", ".running.")
    assert not [name for name in catalog().entries if any(part in name for part in made_with)]


def test_members_are_those_of_the_library_and_not_described_elsewhere():
    from fearless.kernels import GaussianKernel, Kernel
    from fearless.machines import KernelMachine

    # ``predict`` is written in a private base class, ``score`` in scikit-learn.
    assert {"fit", "predict"} <= set(members(KernelMachine))
    assert "score" not in members(KernelMachine)
    assert {"__call__", "diag"} <= set(members(Kernel))
    assert set(members(GaussianKernel)) <= set(vars(GaussianKernel))


def test_patterns_name_a_module_a_package_or_all_below():
    assert named_modules("fearless.linear") == ["fearless.linear"]
    assert "fearless.linear.min_norm" in named_modules("fearless.linear.*")
    assert "fearless.solvers.paths.ridge" not in named_modules("fearless.solvers.*")
    assert "fearless.solvers.paths.ridge" in named_modules("fearless.solvers.**")
    assert named_modules("fearless.nothing") == []


def test_a_module_is_described_by_its_first_paragraph_and_its_entries():
    lines = reference_source("fearless.linear.min_norm")
    assert lines[0] == ".. py:module:: fearless.linear.min_norm"
    assert ".. autoclass:: fearless.linear.MinNormRegressor" in lines
    assert "   :members: fit, predict" in lines
    # This module and its function have one name.
    assert not reference_source("fearless.optimization.kaczmarz")[0].startswith(".. py:module")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("of |x|", r"of \|x\|"),
        ("``a|b`` and :math:`|x|` and `coef_`", "``a|b`` and :math:`|x|` and `coef_`"),
        ("the weights coef_, no more", r"the weights coef\_, no more"),
        ("a_b stays", "a_b stays"),
        (".. math:: |x|\n    + |y|\n\nof |z|", ".. math:: |x|\n    + |y|\n\n" + r"of \|z\|"),
        (">>> a | b\n", ">>> a | b\n"),
        ("== ==\na| b_\n== ==\n\n|x|", "== ==\na| b_\n== ==\n\n" + r"\|x\|"),
    ],
)
def test_bars_and_trailing_underscores_mean_themselves(text, wanted):
    assert escaped(text) == wanted


NORM = "fearless.linear.MinNormRegressor"
DESCRIBED = (NORM, "fearless.solvers.RiskPath", "fearless.solvers.solve", "fearless.theory.solve")


@pytest.mark.parametrize(
    ("target", "here", "wanted"),
    [
        ("MinNormRegressor", "fearless.theory", NORM),
        ("fearless.linear.min_norm.MinNormRegressor", "fearless.theory", NORM),
        ("solve", "fearless.theory.risk", "fearless.theory.solve"),
        ("solve", "fearless.solvers", "fearless.solvers.solve"),
        ("RiskPath.norm", "fearless.solvers", "fearless.solvers.RiskPath"),
        ("RiskPath.nothing", "fearless.solvers", None),
        ("Solve", "fearless.solvers", None),
    ],
)
def test_names_in_docstrings_mean_what_is_nearest(target, here, wanted):
    assert meaning(target, here, DESCRIBED) == wanted


def test_arguments_and_other_libraries_are_code_and_typing_errors_are_not():
    assert is_code("rank_tol", "fearless.linear")
    assert is_code("scipy.sparse.linalg.LinearOperator", "fearless.linear")
    assert not is_code("rank_toll", "fearless.linear")


def test_first_lines_set_names_as_code():
    parts = said("Compute `f` of ``n = 1``, as :func:`g` does")
    assert [(part.tagname, part.astext()) for part in parts if part.tagname == "literal"] == [
        ("literal", "f"),
        ("literal", "n = 1"),
        ("literal", "g"),
    ]


def test_experiments_are_functions_that_run_something():
    names = [name for name in catalog().entries if is_experiment(name)]
    assert "fearless.experiments.double_descent.double_descent_curve" in names
    assert "fearless.experiments.stored.trees_mnist.run" in names
    assert "fearless.experiments.statistics.mean_and_error" not in names
    assert "fearless.experiments.double_descent.RiskCurves" not in names


CONF = """
project = "Tiny"
extensions = ["myst_nb"]
extensions += [
    "fearless.book.sphinx.reference." + part for part in ("api", "used_in", "code_links")
]
html_theme = "basic"
nb_execution_mode = "off"
exclude_patterns = ["_out"]
"""
HEAD = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
# Titles that docstrings of the two modules name.
INDEX = """# The double-descent curve

```{toctree}
page
reference
```
"""
PAGE = (
    HEAD
    + """# More data can hurt; more training can hurt

## A section

```{code-cell} ipython3
:tags: [hide-input]
from fearless.linear import MinNormRegressor

MinNormRegressor(fit_intercept=True)
```
"""
)
REFERENCE = """# Reference

```{api-contents}
```

```{api} fearless.linear.min_norm
```
"""


class TinyReference:
    """A book of a page with code and a page of the reference."""

    def __init__(self, root):
        self.root = root
        for name, text in (("index", INDEX), ("page", PAGE), ("reference", REFERENCE)):
            self.write(f"{name}.md", text)
        self.write("conf.py", CONF)

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf8")

    def build(self):
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", ".", "_out"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def page(self, name):
        return (self.root / "_out" / f"{name}.html").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    book = TinyReference(tmp_path_factory.mktemp("reference"))
    code, output = book.build()
    assert code == 0, output
    return book


def test_code_links_to_the_reference_once_a_cell(tiny):
    page = tiny.page("page")
    assert page.count('href="reference.html#fearless.linear.MinNormRegressor" title=') == 1
    assert "MinNormRegressor</a>" in page


def test_the_page_ends_with_what_it_uses(tiny):
    end = tiny.page("page").partition('class="used-in library-used"')[2]
    assert "Library used here: " in end
    assert "reference.html#fearless.linear.MinNormRegressor" in end


def test_the_entry_names_the_section_that_uses_it_and_links_its_docstrings_page(tiny):
    page = tiny.page("reference")
    used = page.partition("Used in: ")[2]
    assert used.startswith("</span>")
    assert 'href="page.html#a-section"' in used
    assert re.search(r'Used in the page <a [^>]*href="index.html"', page)


def test_a_use_in_a_solution_is_in_the_section_around_it():
    from docutils import nodes

    from fearless.book.sphinx.reference.used_in import _section_id

    block = nodes.literal_block()
    inner = nodes.section("", block, ids=["solution-content"])
    nodes.section("", inner, ids=["solutions-page"])
    assert _section_id(block) == "solutions-page"


def test_signatures_carry_types_as_they_are_written(tiny):
    text = html.unescape(re.sub(r"<[^>]*>", "", tiny.page("reference")))
    assert "rank_tol: float | None = None" in text
    assert re.search(r"predict\(X: ArrayLike\) → NDArray", text)


def test_contents_lead_to_the_entries(tiny):
    page = tiny.page("reference")
    assert 'href="#fearless.linear.MinNormRegressor"' in page
    assert 'id="fearless.linear.MinNormRegressor"' in page


def test_without_the_address_of_a_repository_there_are_no_source_links(tiny):
    assert "[source]" not in tiny.page("reference")


def test_source_links_lead_to_the_lines_of_the_repository(monkeypatch):
    info = {"module": "fearless.linear", "fullname": "MinNormRegressor.fit"}
    for name in ("FEARLESS_REPOSITORY_URL", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    assert source_address("py", info) is None
    monkeypatch.setenv("FEARLESS_REPOSITORY_URL", "https://forge.example/someone/book")
    monkeypatch.setenv("FEARLESS_REPOSITORY_BRANCH", "next")
    url, _, lines = source_address("py", info).partition("#")
    path = "lib/fearless/linear/min_norm.py"
    assert url == f"https://forge.example/someone/book/blob/next/{path}"
    first, last = map(int, re.fullmatch(r"L(\d+)-L(\d+)", lines).groups())
    source = (ROOT / path).read_text(encoding="utf8").splitlines()
    assert source[first - 1].strip().startswith("def fit(")
    assert source[last - 1].strip() == "return self"
    assert source_address("py", {"module": "numpy", "fullname": "mean"}) is None


def test_an_unknown_module_and_a_page_that_was_renamed_fail_the_build(tmp_path):
    book = TinyReference(tmp_path)
    book.write("reference.md", REFERENCE + "\n```{api} fearless.nothing\n```\n")
    book.write("index.md", INDEX.replace("The double-descent curve", "Another title"))
    code, output = book.build()
    assert code == 1
    assert "describes 'fearless.nothing', but there is no such module" in output
    assert 'names the section "The double descent curve", but no page has this title' in output
