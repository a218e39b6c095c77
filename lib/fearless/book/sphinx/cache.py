"""Where the outputs of executed pages are kept, and when they are still valid.

Jupyter Book keys its cache of executed pages by their code cells alone, so a page would keep its
old figures when the library under it changes. Here the cache lives in a folder named by a digest
of everything a page computes with: ``lib/``, the data inside it, ``pyproject.toml``,
``requirements.txt`` and the Python version. A change there leads to an empty folder, hence to
execution; a change in prose leads to the same folder and the same keys, hence to none. What only
makes the site, such as this very package, does not count: no page and no other module imports it.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

CACHE_ROOT = ".jupyter_cache"
REPORT_NAME = "pages.json"
# What makes the site and its editions out of the executed pages; no kernel ever loads it.
SITE_ONLY = tuple(
    f"lib/fearless/book/{name}"
    for name in (
        "sphinx",
        "editions",
        "course",
        "running",
        "exercises.py",
        "site_links.py",
        "external_links.py",
    )
)
# Two digests are kept, so that going back and forth between two branches does not execute anew.
KEPT_DIGESTS = 2


def source_files(root: Path) -> list[Path]:
    """List the files, in a fixed order, whose content decides what the pages compute.

    Parameters
    ----------
    root : Path
        The book's root: the folder of ``_config.yml``.

    Returns
    -------
    list of Path
        Every file below ``lib/`` (data files included; hidden files, byte code, package metadata
        and the Sphinx extension left out), then ``pyproject.toml`` and ``requirements.txt`` where
        they exist.
    """
    files = [
        path
        for path in sorted((root / "lib").rglob("*"))
        if path.is_file()
        and not any(map(_is_derived, path.relative_to(root).parts))
        and not any(path.is_relative_to(root / part) for part in SITE_ONLY)
    ]
    return files + [p for p in (root / "pyproject.toml", root / "requirements.txt") if p.exists()]


def _is_derived(part: str) -> bool:
    return part.startswith(".") or part == "__pycache__" or part.endswith((".egg-info", ".pyc"))


def source_digest(root: Path) -> str:
    """Compute the digest that names the cache folder of the book at ``root``.

    Sixteen hexadecimal digits of SHA-256 over path and content of each of `source_files` and the
    Python version; O(bytes read), some 10 ms for this book.
    """
    digest = hashlib.sha256(f"python {sys.version_info[0]}.{sys.version_info[1]}".encode())
    for path in source_files(root):
        content = path.read_bytes()
        # Length-prefixed, so that no two different trees give the same stream of bytes.
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def cache_folder(root: Path, build: Path) -> Path:
    """Return the folder of executed pages that is valid for the present sources at ``root``."""
    return build / CACHE_ROOT / source_digest(root)


def prune(folder: Path, keep: int = KEPT_DIGESTS) -> list[Path]:
    """Delete all but the ``keep`` most recently used siblings of ``folder``, never itself.

    Returns
    -------
    list of Path
        The deleted folders.
    """
    if not folder.parent.is_dir():
        return []
    others = [p for p in folder.parent.iterdir() if p.is_dir() and p != folder]
    others.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    stale = others[max(keep - 1, 0) :]
    for path in stale:
        shutil.rmtree(path)
    return stale


def use_source_cache(app: Sphinx, config: Config) -> None:
    """Point myst-nb at the cache folder of the present sources (event ``config-inited``)."""
    config.nb_execution_cache_path = str(
        cache_folder(Path(app.confdir), Path(app.outdir).parent).resolve()
    )


def setup(app: Sphinx) -> None:
    """Connect the cache to a Sphinx application."""
    app.connect("config-inited", use_source_cache)
