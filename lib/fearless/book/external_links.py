"""Links to other hosts: ``python -m fearless.book.external_links``, behind ``make links``.

Sphinx asks for every address in the text once. That needs a network and patience, and says more
about the world than about the book; so it is no part of the build, but a command of its own,
which the weekly workflow runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fearless.book.build import Book, BuildFailed
from fearless.book.execute import page_environment

OUTPUT = "linkcheck/output.json"
BROKEN = ("broken", "timeout")


def read_results(path: Path) -> list[dict[str, Any]]:
    """Read what Sphinx found: one dictionary a link, with file, line, status and reason."""
    lines = path.read_text(encoding="utf8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def broken_report(results: Sequence[dict[str, Any]]) -> str:
    """Write one line for each link that is broken; empty when none is."""
    return "\n".join(
        f"{r['filename']}:{r['lineno']}: {r['uri']}: {r['info'] or r['status']}"
        for r in sorted(results, key=lambda r: (r["filename"], r["lineno"], r["uri"]))
        if r["status"] in BROKEN
    )


def check_external_links(root: Path, say: Callable[[str], None] = print) -> int:
    """Ask for every address in the text of the book.

    Parameters
    ----------
    root : Path
        The book's root; its pages are executed first where they need it.
    say : callable, default=print
        Where progress is reported.

    Returns
    -------
    int
        The number of addresses that answered.

    Raises
    ------
    BuildFailed
        With page, line and reason of every address that did not.
    """
    book = Book(root, say)
    book.execute()
    say("Asking for every address in the text (some minutes)")
    path = book.build / OUTPUT
    path.unlink(missing_ok=True)
    command = "from jupyter_book.cli.main import main; main(prog_name='jupyter-book')"
    # Not "--builder linkcheck", which writes into the folder of the site.
    options = ["--builder", "custom", "--custom-builder", "linkcheck", "--all", "-qq"]
    done = subprocess.run(
        [sys.executable, "-c", command, "build", *options, str(book.root)],
        env=os.environ | page_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if not path.is_file():
        raise BuildFailed(f"Sphinx did not check the links:\n{done.stdout}{done.stderr}")
    results = read_results(path)
    for r in results:
        if r["status"] == "redirected":
            say(f"  moved: {r['uri']} -> {r['info']}")
    if report := broken_report(results):
        raise BuildFailed(f"These addresses do not answer:\n\n{report}")
    return sum(r["status"] in ("working", "redirected") for r in results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when an address does not answer."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.external_links",
        description="Ask for every address in the text of the book that is on another host.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    options = parser.parse_args(arguments)
    try:
        count = check_external_links(options.root, lambda line: print(line, flush=True))
    except BuildFailed as failure:
        print(f"\n{failure}", file=sys.stderr, flush=True)
        return 1
    print(f"All {count} addresses answer.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
