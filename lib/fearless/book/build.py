"""Build the book: ``python -m fearless.book.build``, the driver behind ``make book``.

1. Read the pages and find those whose outputs are not in the cache for the present sources.
2. Execute these, several at a time, and hold each to its budget of time and memory.
3. Let Jupyter Book build the site from the cache, with every warning an error.
4. Make sure that step 3 executed nothing: otherwise a page went round step 2 and its budget.

A failing cell is never stored, so it fails every build, not only the first.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fearless.book.command import run
from fearless.book.environment import describe_environment
from fearless.book.execute import Run, default_jobs, execute_pages, page_environment
from fearless.book.pages import Page, read_pages
from fearless.book.sphinx.cache import REPORT_NAME, cache_folder, prune

if TYPE_CHECKING:
    from jupyter_cache.cache.main import JupyterCacheBase

BUDGET_SECONDS = 60.0
BUDGET_MB = 1024.0
CELL_TIMEOUT = 600


class BuildFailed(Exception):
    """The book cannot be built; the message is the whole explanation for the reader."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """What one page may take: wall time in seconds, peak memory of its kernel in MiB."""

    seconds: float = BUDGET_SECONDS
    mb: float = BUDGET_MB

    def excess(self, docname: str, seconds: float, peak_mb: float) -> str:
        """Say in one line how a page exceeds the budget; empty when it does not."""
        over = []
        if seconds > self.seconds:
            over.append(f"ran {seconds:.1f} s, budget {self.seconds:g} s")
        if peak_mb > self.mb:
            over.append(f"took {peak_mb:.0f} MiB at its peak, budget {self.mb:g} MiB")
        return f"{docname}: {'; '.join(over)}" if over else ""


class Book:
    """The book at a folder, and the cache of its executed pages.

    Parameters
    ----------
    root : Path
        The folder of ``_config.yml``, ``_toc.yml`` and ``lib/``.
    say : callable, default=print
        Where progress is reported.
    """

    def __init__(self, root: Path, say: Callable[[str], None] = print):
        self.root = Path(root).resolve()
        for name in ("_config.yml", "_toc.yml"):
            if not (self.root / name).is_file():
                raise BuildFailed(f"{self.root} is not the root of a book: it has no {name}")
        self.build = self.root / "_build"
        self.html = self.build / "html"
        self.say = say

    @property
    def report_path(self) -> Path:
        """The file that records what every page took when it was last executed."""
        return self.build / REPORT_NAME

    def open_cache(self) -> JupyterCacheBase:
        """Open the cache for the present sources, creating it where it does not exist."""
        from jupyter_cache import get_cache

        folder = cache_folder(self.root, self.build)
        folder.mkdir(parents=True, exist_ok=True)
        # Marks the folder as the one used last, which `prune` keeps.
        os.utime(folder)
        return get_cache(str(folder))

    def to_execute(self, pages: Sequence[Page], cache: JupyterCacheBase) -> list[Page]:
        """Select the pages whose outputs are not in the cache, one for each distinct key."""
        known = {record.hashkey for record in cache.list_cache_records()}
        return list({page.key: page for page in pages if page.key not in known}.values())

    def execute(self, *, jobs: int | None = None, budget: Budget | None = None) -> int:
        """Fill the cache and write the report.

        Parameters
        ----------
        jobs : int, default=None
            Pages executed at a time; default: half the cores.
        budget : Budget, default=None
            What each page may take; default: 60 s and 1 GiB.

        Returns
        -------
        int
            The number of pages that were executed.

        Raises
        ------
        BuildFailed
            With all tracebacks, when a cell fails; with the figures, when a page is over budget.
            Neither is stored in the cache, so that it fails again next time.
        """
        jobs = default_jobs() if jobs is None else jobs
        budget = budget or Budget()
        cache = self.open_cache()
        for folder in prune(cache.path):
            self.say(f"  deleted outputs of earlier sources ({folder.name})")
        pages = read_pages(self.root, cache)
        missing = self.to_execute(pages, cache)
        self.say(
            f"[1/2] Executing pages: {len(pages)} with code, {len(missing)} to execute"
            + (f", {min(jobs, len(missing))} at a time" if missing else " (all outputs up to date)")
        )
        problems = self._run(missing, cache, jobs, budget)
        report = self._write_report(pages, cache)
        # What an earlier build accepted under a wider budget is held to this one.
        for docname, entry in report.items():
            if excess := budget.excess(docname, entry["execution_seconds"], entry["peak_mb"]):
                problems.append(f"A page exceeds its budget: {excess}")
        if problems:
            raise BuildFailed("\n\n".join(problems))
        return len(missing)

    def _run(
        self, missing: Sequence[Page], cache: JupyterCacheBase, jobs: int, budget: Budget
    ) -> list[str]:
        problems: list[str] = []
        # A neighbour on the same machine can double the time of a page: one that was too slow
        # has a second try, alone, and that one counts.
        second_try: dict[str, Page] = {}
        finished = 0
        start = time.perf_counter()
        by_name = {page.docname: page for page in missing}

        def done(run: Run) -> None:
            nonlocal finished
            too_slow = not run.error and run.seconds > budget.seconds and run.peak_mb <= budget.mb
            if too_slow and run.docname not in second_try:
                second_try[run.docname] = by_name[run.docname]
                self.say(f"  {run.docname}  {run.seconds:.1f} s, over budget: a second try follows")
                return
            finished += 1
            excess = "" if run.error else budget.excess(run.docname, run.seconds, run.peak_mb)
            verdict = "FAILED" if run.error else "OVER BUDGET" if excess else "ok"
            left = (time.perf_counter() - start) / finished * (len(missing) - finished)
            self.say(
                f"  page {finished} of {len(missing)}  {run.docname}  {run.seconds:.1f} s, "
                f"{run.peak_mb:.0f} MiB  {verdict}"
                + (f"  (about {left:.0f} s left)" if left else "")
            )
            if run.error:
                problems.append(f"A cell of {run.docname} failed:\n\n{run.error}")
            elif excess:
                problems.append(f"A page exceeds its budget: {excess}")
            else:
                self._store(by_name[run.docname], run, cache)

        if missing:
            self.say("  " + ", ".join(by_name))
            os.environ.update(page_environment())
            execute_pages(missing, jobs=jobs, timeout=CELL_TIMEOUT, done=done)
        if second_try:
            execute_pages(list(second_try.values()), jobs=1, timeout=CELL_TIMEOUT, done=done)
        return problems

    @staticmethod
    def _store(page: Page, run: Run, cache: JupyterCacheBase) -> None:
        from jupyter_cache.base import CacheBundleIn

        record = cache.cache_notebook_bundle(
            CacheBundleIn(
                run.notebook,
                str(page.path),
                data={
                    "execution_seconds": run.seconds,
                    "cpu_seconds": run.cpu_seconds,
                    "peak_mb": run.peak_mb,
                    "environment": describe_environment(),
                },
            ),
            check_validity=False,
            overwrite=True,
        )
        if record.hashkey != page.key:
            raise BuildFailed(
                f"{page.docname} was stored under the key {record.hashkey}, but would be looked up "
                f"under {page.key}: its execution changed the code or metadata of a cell"
            )

    def _write_report(self, pages: Sequence[Page], cache: JupyterCacheBase) -> dict[str, dict]:
        records = {record.hashkey: record for record in cache.list_cache_records()}
        report = {
            page.docname: {
                **records[page.key].data,
                "executed": records[page.key].created.isoformat(timespec="seconds"),
            }
            for page in pages
            if page.key in records
        }
        self.report_path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf8")
        return report

    def render(self) -> None:
        """Build the site from the cache into ``_build/html``.

        Raises
        ------
        BuildFailed
            On any warning or error of Sphinx, and when Sphinx executed a page itself.
        """
        self.say("[2/2] Building the site (warnings are errors)")
        cache = self.open_cache()
        before = {record.pk for record in cache.list_cache_records()}
        # A page that left the book must not stay on the site.
        shutil.rmtree(self.html, ignore_errors=True)
        options = ["-W", "-n", "--keep-going", "--all", "--quiet"]
        # Run as the command does, but with this very interpreter.
        command = "from jupyter_book.cli.main import main; main(prog_name='jupyter-book')"
        result = subprocess.run(
            [sys.executable, "-c", command, "build", *options, str(self.root)],
            env=os.environ | page_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        after = cache.list_cache_records()
        executed = sorted(record.uri for record in after if record.pk not in before)
        if executed:
            raise BuildFailed(
                "Sphinx executed pages that the driver should have executed before: "
                + ", ".join(executed)
            )
        if result.returncode:
            self.say(result.stdout)
            raise BuildFailed(
                "Jupyter Book reported the warnings or errors above; each is to be mended"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when the book could not be built."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.build",
        description="Execute the pages that need it and build the site into _build/html.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    parser.add_argument("--jobs", type=int, help="pages executed at a time (default: cores / 2)")
    parser.add_argument("--execute-only", action="store_true", help="do not build the site")
    parser.add_argument(
        "--budget-seconds", type=float, default=BUDGET_SECONDS, help="per page (%(default)g)"
    )
    parser.add_argument(
        "--budget-mb", type=float, default=BUDGET_MB, help="peak memory per page (%(default)g)"
    )
    options = parser.parse_args(arguments)
    if options.jobs is not None and options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")

    def make(say: Callable[[str], None]) -> str:
        book = Book(options.root, say)
        budget = Budget(options.budget_seconds, options.budget_mb)
        executed = book.execute(jobs=options.jobs, budget=budget)
        where = "" if options.execute_only else f" -> {book.html / 'index.html'}"
        if not options.execute_only:
            book.render()
        return f", {executed} pages executed{where}"

    return run(make, (BuildFailed,), "The book was NOT built.")


if __name__ == "__main__":
    raise SystemExit(main())
