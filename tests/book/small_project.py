"""A small Sphinx project of MyST pages with the parts of the book's extension that a test needs.

Nothing is executed and the plain theme is used, so a build takes about two seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fearless.book.sphinx.running import repository

# How the header of a page that is a notebook begins.
KERNEL = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
"""
NOTEBOOK = f"""\
{KERNEL}myst:
  html_meta:
    description: {{description}}
---

"""
PLAIN = """\
---
myst:
  html_meta:
    description: {description}
---

"""
DESCRIPTION = "A page of the small project, whose description says enough to be found."

CONF = """\
import sys

sys.path.insert(0, ".")
project = html_title = "Small Book"
author = "Somebody"
extensions = ["myst_nb", "sphinx_external_toc", "sphinx_proof", "sphinx_exercise"]
extensions += ["sphinx_design", "small_ext"]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
numfig = True
math_numfig = True
exclude_patterns = ["_out", "**/*.ipynb"]
html_theme = "basic"
macros = {{"norm": [r"\\lVert #1 \\rVert", 1], "R": r"\\mathbb{{R}}"}}
mathjax3_config = {{"tex": {{"macros": macros}}}}
{extra}
"""
EXTENSION = """\
def setup(app):
    from importlib import import_module

    for part in {parts}:
        import_module("fearless.book.sphinx." + part).setup(app)
    return {{"parallel_read_safe": True, "parallel_write_safe": True}}
"""


class SmallProject:
    """Sources in a folder; ``build`` renders them with warnings as errors."""

    def __init__(self, root: Path, parts: Sequence[str], extra: str = ""):
        self.root = root
        self.html = root / "_out" / "html"
        self.write("conf.py", CONF.format(extra=extra))
        self.write("small_ext.py", EXTENSION.format(parts=list(parts)))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")

    def page(self, name: str, text: str, *, notebook: bool = False, description=DESCRIPTION):
        head = (NOTEBOOK if notebook else PLAIN).format(description=description)
        self.write(f"{name}.md", head + text)

    def build(self, **variables: str) -> tuple[int, str]:
        """Return the exit status and what was printed; the addresses are known only if given."""
        unset = {
            "GITHUB_REPOSITORY",
            "GITHUB_SERVER_URL",
            repository.URL_VARIABLE,
            repository.SITE_VARIABLE,
        }
        environment = {k: v for k, v in os.environ.items() if k not in unset} | variables
        environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
        strict = ["-W", "--keep-going", "-n", "-E", "-q", "-d", "_out/doctrees"]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *strict, "-b", "html", ".", "_out/html"],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def read(self, name: str) -> str:
        return (self.html / name).read_text(encoding="utf8")
