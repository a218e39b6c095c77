"""Everything a page loads is served by the site itself, and nothing it does not need.

MathJax comes from the installed package ``sphinx-mathjax-offline`` and is copied at build time,
so that no third-party code is committed here. The theme draws its icons twice, with web fonts
and with a script of 1.5 MB; the fonts suffice, and the script is left out.
"""

from __future__ import annotations

import re
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_TARGET = "_static/vendor/mathjax"
# The combined component, the fonts it draws with, and the TeX packages it loads on demand.
MATHJAX_PARTS = (
    "tex-mml-chtml.js",
    "output/chtml/fonts/woff-v2",
    "input/tex/extensions",
)
MATHJAX_NOTE = """\
MathJax {version}
Copyright (c) the MathJax Consortium
https://www.mathjax.org

Licensed under the Apache License, Version 2.0:
https://www.apache.org/licenses/LICENSE-2.0

The files beside this note are unmodified parts of MathJax, copied when the site was built
from the Python package {package} {package_version}.
"""

_ICON_SCRIPT = re.compile(r"<script[^>]*/fontawesome/[^>]*\.js[^>]*></script>\s*")


def mathjax_source() -> Path:
    """Return the folder of MathJax inside the installed package.

    Raises
    ------
    FileNotFoundError
        When the package does not hold it; ``PackageNotFoundError`` when it is not installed.
    """
    # The package's name has hyphens, so it cannot be imported by an ordinary statement.
    files = distribution(MATHJAX_PACKAGE)
    folder = Path(str(files.locate_file(f"{MATHJAX_PACKAGE}/static/mathjax")))
    for part in MATHJAX_PARTS:
        if not (folder / part).exists():
            raise FileNotFoundError(f"{MATHJAX_PACKAGE} {files.version} does not hold {part}")
    return folder


def mathjax_version(source: Path) -> str:
    """Read MathJax's version from its script."""
    script = (source / MATHJAX_PARTS[0]).read_text(encoding="utf8")
    versions = re.findall(r'\bVERSION\s*=\s*"(\d+\.\d+\.\d+)"', script)
    if not versions:
        raise ValueError(f"{source / MATHJAX_PARTS[0]} does not state MathJax's version")
    return versions[0]


def copy_mathjax(target: Path) -> None:
    """Copy the needed parts of MathJax and a note of its licence to the folder ``target``."""
    source = mathjax_source()
    for part in MATHJAX_PARTS:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, destination)
    note = MATHJAX_NOTE.format(
        version=mathjax_version(source),
        package=MATHJAX_PACKAGE,
        package_version=distribution(MATHJAX_PACKAGE).version,
    )
    (target / "LICENSE.txt").write_text(note, encoding="utf8")


def without_icon_script(head: str) -> str:
    """Drop the theme's icon script from the ``<head>`` of a page; its web fonts remain."""
    return _ICON_SCRIPT.sub("", head)


def _use_templates(app: Sphinx, config: Config) -> None:
    config.templates_path.append(str(Path(__file__).parent / "templates"))


def _add_filter(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    context["without_icon_script"] = without_icon_script


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    copy_mathjax(Path(app.outdir) / MATHJAX_TARGET)
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
