"""Addresses that stay: pages that moved or went send their readers on.

``chapters/redirects.yml`` maps an old page to the one that took its place, with an anchor where
one is meant::

    chapters/optimization/old-name: chapters/optimization/new-name#section

The extension sphinx-reredirects writes the old pages. An entry that leads nowhere, or that would
hide a page of the book, is a warning and so fails the build. A test compares the pages and this
file with the list of all addresses ever published.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

__all__ = ["read_redirects", "setup"]

FILE = "chapters/redirects.yml"
TEMPLATE = Path(__file__).parents[1] / "templates" / "redirect.html"

logger = logging.getLogger(__name__)


def read_redirects(root: Path) -> dict[str, str]:
    """Read which page took the place of which; empty without the file.

    Raises
    ------
    ValueError
        When the file holds anything but pairs of text.
    """
    path = root / FILE
    content = yaml.safe_load(path.read_text(encoding="utf8")) if path.is_file() else {}
    content = content or {}
    if not isinstance(content, dict) or not all(
        isinstance(text, str) for pair in content.items() for text in pair
    ):
        raise ValueError(f"{FILE} must map old pages to new ones, 'chapters/old: chapters/new'")
    return content


def relative(old: str, new: str) -> str:
    """Return the address of one page from another, both given without ``.html``."""
    page, hash_, anchor = new.partition("#")
    return posixpath.relpath(f"{page}.html", posixpath.dirname(old) or ".") + hash_ + anchor


def _configure(app: Sphinx, config: Config) -> None:
    found = read_redirects(Path(app.confdir))
    config.redirects = {old: relative(old, new) for old, new in found.items()}
    config.redirect_html_template_file = str(TEMPLATE)


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    for old, new in read_redirects(Path(app.confdir)).items():
        if old in env.all_docs:
            _warn(f"{FILE} sends readers of {old} on, but there is such a page")
        if new.partition("#")[0] not in env.all_docs:
            _warn(f"{FILE} sends readers of {old} to {new}, but there is no such page")


def _warn(message: str) -> None:
    logger.warning(message, type="fearless", subtype="redirect")


def setup(app: Sphinx) -> None:
    """Connect the redirects to a Sphinx application."""
    app.setup_extension("sphinx_reredirects")
    app.connect("config-inited", _configure)
    app.connect("env-check-consistency", _check)
