"""The book's Sphinx extension; ``_config.yml`` loads it as ``fearless.book.sphinx``.

What the site needs beyond Jupyter Book, one module each for one thing:

- `cache`: outputs are valid only for the library, data and requirements they were computed with;
- `pages`: what stands on a page: the box at its head, figures, claims, reading paths, the status;
- `course`: questions that the page answers, exercises with their time and code to start from;
- `words`: symbols and terms, defined on the spot, and a search that finds them;
- `formulas`: formulas, typeset when the book is built;
- `reference`: the library's reference, linked with the pages, and the lists of the appendix;
- `running`: every page as a notebook, and the buttons that open it;
- `web`: what others see of the site: titles, pictures, addresses;
- `delivery`: what makes the pages light, complete, and open to every reader.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

# In the order in which they listen to the same event of the build.
PARTS = (
    "cache",
    "delivery.assets",
    "delivery.accessibility",
    "formulas.maths",
    "delivery.light",
    "running.repository",
    "pages.citations",
    "pages.page_info",
    "pages.figures",
    "pages.front_figure",
    "pages.manipulations",
    "pages.ledger",
    "pages.claim_links",
    "pages.reading_paths",
    "course.exercises",
    "course.self_tests",
    "course.guide",
    "course.syllabi",
    "words.notation",
    "words.hover",
    "words.search",
    "running.notebooks",
    "running.launch",
    "pages.status",
    "web.redirects",
    "web.head",
    "web.not_found",
    "web.sitemap",
    "delivery.downloads",
    "delivery.offline",
    "delivery.link_check",
    "reference.api",
    "reference.used_in",
    "reference.code_links",
    "reference.indexes",
    "reference.experiment_index",
)


def _enter_static_mode(app: Sphinx, config: Config) -> None:
    # Kernels that Sphinx itself may start inherit it, like those of the driver.
    os.environ["FEARLESS_STATIC"] = "1"


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up all parts of the extension."""
    app.connect("config-inited", _enter_static_mode)
    for part in PARTS:
        import_module(f"{__name__}.{part}").setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
