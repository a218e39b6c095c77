"""The book's Sphinx extension; ``_config.yml`` loads it as ``fearless.book.sphinx``.

One module each for one thing the site needs beyond Jupyter Book:

- `cache`: outputs are valid only for the library, data and requirements they were computed with;
- `assets`: everything a page loads is served by the site itself;
- `repository`: launch and edit buttons where the address of the repository is known;
- `citations`: author and year in round brackets;
- `page_info`: the box at the head of a chapter, with measured times;
- `figures`: figures and sliders inline in the page;
- `ledger`: the table of all claims.
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
        assets,
        cache,
        citations,
        figures,
        ledger,
        page_info,
        repository,
    )

    app.connect("config-inited", _enter_static_mode)
    for part in (cache, assets, repository, citations, page_info, figures, ledger):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
