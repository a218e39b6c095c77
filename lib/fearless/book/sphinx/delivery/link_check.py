"""Links: those inside the site are checked by every build, those to other hosts by ``make links``.

The check of the site comes last, when every other part has written its files. For other hosts
Sphinx's own ``linkcheck`` does the work; it is told here how to ask for a DOI.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

from fearless.book.site_links import broken_links

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

# After whatever else writes files when the build is finished.
LAST = 990
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\..+)")


def check_site(app: Sphinx, exception: Exception | None) -> None:
    """Warn of every link of the built site that leads nowhere."""
    if exception is not None or app.builder.name != "html":
        return
    for broken in broken_links(Path(app.outdir)):
        logger.warning("%s", broken, type="fearless", subtype="link")


def ask_the_registry(app: Sphinx, uri: str) -> str | None:
    """Ask the registry of DOIs whether one exists: publishers turn programs away."""
    match = _DOI.fullmatch(uri)
    return f"https://doi.org/api/handles/{match[1]}" if match else None


def setup(app: Sphinx) -> None:
    """Connect both checks to a Sphinx application."""
    app.setup_extension("sphinx.builders.linkcheck")
    app.connect("build-finished", check_site, priority=LAST)
    app.connect("linkcheck-process-uri", ask_the_registry)
