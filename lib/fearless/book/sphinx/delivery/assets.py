"""Everything a page loads is served by the site itself, and nothing it does not need.

The theme draws its icons twice, with web fonts and with a script of 1.5 MB; the fonts suffice, and
the script is left out.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

_ICON_SCRIPT = re.compile(r"<script[^>]*/fontawesome/[^>]*\.js[^>]*></script>\s*")


def without_icon_script(head: str) -> str:
    """Drop the theme's icon script from the ``<head>`` of a page; its web fonts remain."""
    return _ICON_SCRIPT.sub("", head)


def _use_templates(app: Sphinx, config: Config) -> None:
    config.templates_path.append(str(Path(__file__).parents[1] / "templates"))


def _add_filter(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    context["without_icon_script"] = without_icon_script


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for folder in static.glob("vendor/fontawesome/*/js"):
        shutil.rmtree(folder)
    for template in static.glob("*webpack-macros.html"):  # the theme's, no pages
        template.unlink()


def setup(app: Sphinx) -> None:
    """Connect the assets to a Sphinx application."""
    app.connect("config-inited", _use_templates)
    app.connect("html-page-context", _add_filter)
    app.connect("build-finished", _finish)
