"""The book's Sphinx extension; ``_config.yml`` loads it as ``fearless.book.sphinx``.

One module each for one thing the site needs beyond Jupyter Book:

- `cache`: outputs are valid only for the library, data and requirements they were computed with;
- `assets`: everything a page loads is served by the site itself;
- `accessibility`: names, roles and landmarks that the theme leaves out;
- `light`: scripts that do not hold up a page, icons cut down to those of the site;
- `maths`: formulas typeset at build, with the modules `typeset` and `maths_css`;
- `repository`: launch and edit buttons where the address of the repository is known;
- `citations`: author and year in round brackets;
- `page_info`: the box at the head of a chapter, with measured times;
- `figures`: figures and sliders inline in the page;
- `manipulations`: the scripts of figures with handles, where there are any;
- `ledger`: the table of all claims;
- `claim_links`: links to claims;
- `reading_paths`: ways through the book, with their times;
- `notation`: the table of symbols, checked against use, with the module `symbols`;
- `hover`: definitions on the spot;
- `search`: a search that finds symbols;
- `notebooks`: every page as a notebook, with the module `plain_markdown`;
- `launch`: ways to run a page;
- `status`: what every page took, and with which versions;
- `head`: titles, descriptions and pictures for searches and previews, with `cards` and `outline`;
- `redirects`, `not_found`, `sitemap`: addresses that moved, that lead nowhere, and all others;
- `downloads`, `link_check`: where the PDF and the zip are offered; every link leads somewhere;
- `offline`: a search without excerpts where the site is opened from a disk.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config


def _enter_static_mode(app: Sphinx, config: Config) -> None:
    # Kernels that Sphinx itself may start inherit it, like those of the driver.
    os.environ["FEARLESS_STATIC"] = "1"


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up all parts of the extension."""
    from fearless.book.sphinx import (
        accessibility,
        api,
        assets,
        cache,
        citations,
        claim_links,
        code_links,
        downloads,
        experiment_index,
        figures,
        head,
        hover,
        indexes,
        launch,
        ledger,
        light,
        link_check,
        manipulations,
        maths,
        not_found,
        notation,
        notebooks,
        offline,
        page_info,
        reading_paths,
        redirects,
        repository,
        search,
        sitemap,
        status,
        used_in,
    )

    app.connect("config-inited", _enter_static_mode)
    for part in (
        cache,
        assets,
        accessibility,
        maths,
        light,
        repository,
        citations,
        page_info,
        figures,
        manipulations,
        ledger,
        claim_links,
        reading_paths,
        notation,
        hover,
        search,
        notebooks,
        launch,
        status,
        redirects,
        head,
        not_found,
        sitemap,
    ):
        part.setup(app)
    for part in (downloads, offline, link_check):
        part.setup(app)
    for part in (api, used_in, code_links, indexes, experiment_index):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
