"""The pages of the book as notebooks, read exactly as the Sphinx build will read them.

The cache of executed pages is looked up by a hash of the notebook that myst-nb reads from the
page. To fill that cache beforehand we must read with the same reader and the same Markdown
settings, and hash with the same function: both are called here, none is imitated.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_cache.cache.main import JupyterCacheBase
    from nbformat import NotebookNode


@dataclasses.dataclass(frozen=True)
class Page:
    """One page with code: its name in the book, its file, its notebook and its cache key."""

    docname: str
    path: Path
    notebook: NotebookNode
    key: str


def read_pages(root: Path, cache: JupyterCacheBase) -> list[Page]:
    """Read the pages of ``_toc.yml`` that contain code, in the order of the book.

    Parameters
    ----------
    root : Path
        The folder of ``_config.yml`` and ``_toc.yml``.
    cache : JupyterCacheBase
        The cache whose keys are wanted.

    Returns
    -------
    list of Page

    Raises
    ------
    FileNotFoundError
        When ``_toc.yml`` lists a page that does not exist.
    """
    from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

    markdown = _markdown_config(root)
    pages = []
    for docname in _docnames(root):
        path = root / f"{docname}.md"
        if not path.is_file():
            raise FileNotFoundError(f"_toc.yml lists {docname!r}, but there is no file {path}")
        text = path.read_text(encoding="utf8")
        if not is_myst_markdown_notebook(text):
            continue
        notebook = read_myst_markdown_notebook(
            text, config=markdown, add_source_map=True, path=path
        )
        if _is_executed(notebook):
            _, key = cache.create_hashed_notebook(notebook)
            pages.append(Page(docname, path, notebook, key))
    return pages


def _is_executed(notebook: NotebookNode) -> bool:
    mode = notebook.metadata.get("mystnb", {}).get("execution_mode")
    return mode != "off" and any(cell.cell_type == "code" for cell in notebook.cells)


def _docnames(root: Path) -> list[str]:
    from sphinx_external_toc.parsing import parse_toc_yaml

    site_map = parse_toc_yaml(root / "_toc.yml")
    return [name.removesuffix(".md") for name in site_map]


def _markdown_config(root: Path) -> Any:
    """Return the ``MdParserConfig`` that ``_config.yml`` leads to, merged with the defaults."""
    from jupyter_book.config import get_final_config
    from myst_parser.config.main import MdParserConfig

    config, _ = get_final_config(
        user_yaml=root / "_config.yml",
        cli_config={"latex_individualpages": False},
        sourcedir=root,
    )
    names = {field.name for field in dataclasses.fields(MdParserConfig)}
    values = {
        key.removeprefix("myst_"): value
        for key, value in config.items()
        if key.startswith("myst_") and key.removeprefix("myst_") in names
    }
    return MdParserConfig(**values)
