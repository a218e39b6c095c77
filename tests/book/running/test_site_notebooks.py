"""The notebooks of the built site are in step with their pages: made from them, cell by cell."""

import nbformat
import pytest
from site_browser import ROOT, SITE

from fearless.book.running.torch_pages import CALL, torch_chain
from fearless.book.scan import code_cells

pytestmark = pytest.mark.site

NOTEBOOKS = SITE / "notebooks"


@pytest.fixture(scope="module")
def notebooks():
    found = {
        path.relative_to(NOTEBOOKS).with_suffix("").as_posix(): nbformat.read(path, 4)
        for path in NOTEBOOKS.rglob("*.ipynb")
    }
    assert found, "there is no site: run 'make book' first"
    return found


def sources(notebook):
    return [cell.source.strip() for cell in notebook.cells if cell.cell_type == "code"]


def test_every_page_with_code_has_one_and_nothing_else_has(notebooks):
    from sphinx_external_toc.parsing import parse_toc_yaml

    pages = {name.removesuffix(".md") for name in parse_toc_yaml(ROOT / "_toc.yml")}
    with_code = {name for name in pages if code_cells(ROOT / f"{name}.md")}
    assert with_code <= set(notebooks) <= pages


def test_each_has_all_cells_of_its_page_in_their_order(notebooks):
    for name, notebook in notebooks.items():
        left = iter(sources(notebook))
        for cell in code_cells(ROOT / f"{name}.md"):
            # `in` on an iterator goes on where it stopped: the order counts.
            assert cell.source.strip() in left, f"{name}, cell {cell.number}: run 'make book'"


def test_none_has_an_output(notebooks):
    for name, notebook in notebooks.items():
        outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
        assert not any(outputs), name


def test_those_that_train_networks_say_so_before_anything_else(notebooks):
    for name, notebook in notebooks.items():
        if torch_chain(ROOT / f"{name}.md"):
            first = next(s for s in sources(notebook) if "%pip" not in s)
            assert CALL in first, name
