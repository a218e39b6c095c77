"""A site opened from a disk searches without complaint.

For the excerpts below its results Sphinx's search fetches each page found. From a disk a browser
forbids that, with an error for each; so there the search shows titles and places only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

OPTIONS = "_static/documentation_options.js"
NO_EXCERPTS = """
// Opened from a disk, pages may not be fetched.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
"""


def without_excerpts(app: Sphinx, exception: Exception | None) -> None:
    """Append the exception to the options that every page loads."""
    if exception is not None or app.builder.format != "html":
        return
    path = Path(app.outdir) / OPTIONS
    if path.is_file() and NO_EXCERPTS not in (text := path.read_text(encoding="utf8")):
        path.write_text(text + NO_EXCERPTS, encoding="utf8")


def setup(app: Sphinx) -> None:
    """Connect it to a Sphinx application."""
    # Early: `light` writes the options into the pages.
    app.connect("build-finished", without_excerpts, priority=300)
