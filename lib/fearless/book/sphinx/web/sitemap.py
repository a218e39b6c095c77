"""``sitemap.xml`` and ``robots.txt``, where the address of the site is known.

The extension sphinx-sitemap writes the former; it is not loaded at all where there is no address,
since it then has nothing to write but a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fearless.book.sphinx.running.repository import site_url

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

__all__ = ["robots", "setup"]

# To be used, not to be found.
EXCLUDED = ["404.html", "search.html", "genindex.html", "*-modindex.html", "prf-prf.html"]


def robots(site: str) -> str:
    """Return the file that welcomes every robot and tells it where the list of pages is."""
    return f"User-agent: *\nAllow: /\n\nSitemap: {site}sitemap.xml\n"


def _configure(app: Sphinx, config: Config) -> None:
    config.sitemap_url_scheme = "{link}"
    config.sitemap_locales = [None]
    config.sitemap_excludes = [*EXCLUDED, *config.sitemap_excludes]
    config.sitemap_indent = 2


def _write_robots(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "robots.txt").write_text(robots(site_url()), encoding="utf8")


def setup(app: Sphinx) -> None:
    """Connect both to a Sphinx application."""
    if not site_url():
        return
    app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", _configure)
    app.connect("build-finished", _write_robots)
