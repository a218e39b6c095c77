"""Every page with code as a notebook, made by the build and never committed.

The notebook holds the page's own code cells, none left out, without outputs, and between them
its text as plain Markdown (`plain_markdown`), so that it reads well in Jupyter and in Colab. What
is a page here is a notebook there: links lead to the site where its address is known, otherwise
to the notebook beside this one. Solutions are on no page, hence in no notebook.

The notebooks lie in the folder ``notebooks/`` of the site, under the names of the pages. The
publish workflow copies them beside the sources on the branch that Binder and Colab open
(`repository.launch_links`).
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

from fearless.book.sphinx.running.plain_markdown import Block, Code, to_markdown
from fearless.book.sphinx.running.repository import (
    BRANCH_VARIABLE,
    DEFAULT_BRANCH,
    repository_url,
    site_url,
)
from fearless.book.sphinx.running.tex_macros import expand

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx

__all__ = ["FOLDER", "assemble", "is_notebook", "setup"]

FOLDER = "notebooks"
# A reader of the notebook sees the cells that the page hides, but folded.
_FOLDED = frozenset({"hide-input", "remove-input", "hide-cell", "remove-cell"})
INSTALL = """\
# Where the library is not installed yet, as in Colab: this takes a minute, once.
try:
    import fearless
except ImportError:
    %pip install --quiet "fearless[book] @ git+{url}@{branch}\""""

logger = logging.getLogger(__name__)


def is_notebook(app: Sphinx, docname: str) -> bool:
    """Tell whether a page has code cells that the book runs."""
    return "kernelspec" in app.env.metadata.get(docname, {})


def assemble(
    blocks: Iterable[Block], source: NotebookNode, *, origin: str = "", install: str = ""
) -> NotebookNode:
    """Put text and code together.

    Parameters
    ----------
    blocks : iterable of str, int or Code
        What the page shows, in order: Markdown, positions of code cells in `source`, and code
        that the page does not run itself.
    source : NotebookNode
        The page as it was executed. Code cells that the page does not show at all go where
        their order allows.
    origin : str
        A line of Markdown below the title that says where the notebook comes from.
    install : str
        The code of a first cell, before all others.

    Returns
    -------
    NotebookNode
        Without outputs; a new cell of text begins at every heading.
    """
    from nbformat import v4

    cells: list[NotebookNode] = []
    text: list[str] = []
    waiting = [k for k, cell in enumerate(source.cells) if cell.cell_type == "code"]

    def close() -> None:
        if text:
            cells.append(v4.new_markdown_cell("\n\n".join(text)))
            text.clear()

    def run_until(position: int) -> None:
        while waiting and waiting[0] <= position:
            cells.append(_code_cell(source.cells[waiting.pop(0)]))

    titled = False
    blocks = list(blocks)
    for number, block in enumerate(blocks):
        if isinstance(block, int):
            close()
            run_until(block)
            continue
        if isinstance(block, Code):
            # A reader's code may use a name of the page: what the page computed comes first.
            shown = (other for other in blocks[number:] if isinstance(other, int))
            run_until(next(shown, len(source.cells)) - 1)
            close()
            cells.append(
                v4.new_code_cell(
                    block.source, metadata={"tags": list(block.tags)} if block.tags else {}
                )
            )
            continue
        if block.startswith("#"):
            close()
        text.append(block)
        if block.startswith("# ") and not titled:
            titled = True
            text.extend([origin] if origin else [])
            close()
            if install:
                cells.append(v4.new_code_cell(install))
    # Those left only compute numbers of the text that has been written: before its last part.
    run_until(len(source.cells))
    close()
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"  # by default drawn at random: the same page, the same bytes
    metadata = {key: source.metadata[key] for key in ("kernelspec",) if key in source.metadata}
    metadata["language_info"] = {"name": "python"}
    return v4.new_notebook(cells=cells, metadata=metadata)


def _code_cell(cell: NotebookNode) -> NotebookNode:
    from nbformat import v4

    tags = list(cell.metadata.get("tags", ()))
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if _FOLDED.intersection(tags):
        metadata["jupyter"] = {"source_hidden": True}
    return v4.new_code_cell(cell.source, metadata=metadata)


def _number(app: Sphinx, docname: str) -> Callable[[nodes.Element], str]:
    """Return the function that looks up the number of a figure, theorem or exercise."""
    numbers = app.env.toc_fignumbers.get(docname, {})

    def number(node: nodes.Element) -> str:
        names = [*node.get("ids", ()), node.get("label", "")]
        for kind in numbers.values():
            for name in names:
                if name in kind:
                    return ".".join(map(str, kind[name]))
        return ""

    return number


def _link(app: Sphinx, docname: str) -> Callable[[str], str]:
    """Return the function that turns a link of the page into one that a notebook can follow."""
    site = site_url()
    here = posixpath.dirname(app.builder.get_target_uri(docname))

    def link(target: str) -> str:
        if not target or target.startswith("#"):
            return ""
        if "://" in target or target.startswith("mailto:"):
            return target
        path, _, fragment = posixpath.join(here, target).partition("#")
        path = posixpath.normpath(path)
        if site:
            return site + path + (f"#{fragment}" if fragment else "")
        other = path.removesuffix(".html")
        if not is_notebook(app, other):
            return ""
        return posixpath.relpath(f"{other}.ipynb", posixpath.dirname(docname))

    return link


def write_notebook(app: Sphinx, docname: str, doctree: nodes.document) -> Path:
    """Write the notebook of a page below ``notebooks/`` of the site; returns its path."""
    import nbformat

    # Written by myst-nb in this very build, from the page or from the cache of its outputs.
    executed = Path(app.env.mystnb_config.output_folder) / f"{docname}.ipynb"
    source = nbformat.read(executed, as_version=4)
    title, page = app.config.html_title or app.config.project, app.builder.get_target_uri(docname)
    site, repository = site_url(), repository_url()
    origin = f"*A page of [{title}]({site}{page}).*" if site else f"*A page of {title}.*"
    branch = os.environ.get(BRANCH_VARIABLE) or DEFAULT_BRANCH
    install = INSTALL.format(url=repository, branch=branch) if repository else ""
    macros = (app.config.mathjax3_config or {}).get("tex", {}).get("macros", {})
    blocks = to_markdown(
        doctree, _link(app, docname), _number(app, docname), lambda tex: expand(tex, macros)
    )
    notebook = assemble(blocks, source, origin=origin, install=install)
    target = Path(app.outdir) / FOLDER / f"{docname}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return target


def _write(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    if doctree is not None and app.builder.name == "html" and is_notebook(app, pagename):
        write_notebook(app, pagename, doctree)


def setup(app: Sphinx) -> None:
    """Write the notebooks as the pages are written."""
    app.connect("html-page-context", _write)
