"""Run one page as a reader would, and say what it took: ``python -m ... one_page PAGE``.

This runs in the reader's environment, which has no tools of the site: only what
``.binder/requirements.txt`` brings, and Jupyter. The page is opened from its source, as jupytext
opens it in Jupyter, in live mode. The last line printed is the result, as JSON.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["MemoryWatch", "import_lines", "main", "run_page"]

_PROBE = "import sys; print('torch' in sys.modules)"
_CELL_TIMEOUT = 600


class MemoryWatch(threading.Thread):
    """Watches the resident memory of a process and all its children; kills it above a limit.

    As Binder does, which restarts the kernel. Polled, for Linux limits address space only, of
    which libraries reserve much that they never touch.

    Parameters
    ----------
    pid : int
        The process.
    limit_mb : float
        In MiB.
    """

    def __init__(self, pid: int, limit_mb: float):
        super().__init__(daemon=True)
        self.pid, self.limit_mb, self.peak_mb, self.killed = pid, limit_mb, 0.0, False
        self._over = threading.Event()

    def run(self) -> None:
        """Poll twenty times a second until `stop`."""
        while not self._over.wait(0.05):
            now = sum(_resident_mb(pid) for pid in _family(self.pid))
            self.peak_mb = max(self.peak_mb, now, _high_water_mb(self.pid))
            if now > self.limit_mb:
                self.killed = True
                os.kill(self.pid, 9)
                return

    def stop(self) -> None:
        """End the watch."""
        self._over.set()
        self.join()


def _family(pid: int) -> list[int]:
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [p for child in path.read_text().split() for p in _family(int(child))]
        except OSError:  # it has just ended
            continue
    return found


def _status_mb(pid: int, key: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(key)), 0.0)


def _resident_mb(pid: int) -> float:
    return _status_mb(pid, "VmRSS:")


def _high_water_mb(pid: int) -> float:
    return _status_mb(pid, "VmHWM:")


def import_lines(sources: Sequence[str]) -> str:
    """Return the import statements of code cells, magics left out."""
    found = []
    for source in sources:
        lines = ["" if x.lstrip().startswith(("%", "!")) else x for x in source.splitlines()]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(ast.unparse(node))
    return "\n".join(dict.fromkeys(found))


def run_page(
    page: Path, *, limit_mb: float, without: Sequence[str] = (), offline: bool = True
) -> dict[str, Any]:
    """Run a page and return what came of it as a dictionary.

    Parameters
    ----------
    page : Path
        A MyST page, or a notebook.
    limit_mb : float
        Resident memory in MiB at which the kernel is killed.
    without : sequence of str
        Packages that are made to look as if they were not installed.
    offline : bool
        Whether an attempt to reach another computer fails the page.

    Returns
    -------
    dict
        ``page``, ``seconds``, ``peak_mb``, ``torch`` (whether it was loaded), ``error``.
    """
    import jupytext
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbformat import v4

    notebook = jupytext.read(page)
    guards = ["from fearless.book.running import guards"]
    guards += ["guards.forbid_network()"] if offline else []
    guards += [f"guards.forbid_import({name!r})" for name in without]
    if len(guards) > 1:
        notebook.cells.insert(0, v4.new_code_cell("\n".join(guards)))
    notebook.cells.append(v4.new_code_cell(_PROBE))
    watches: list[MemoryWatch] = []

    def watch_kernel(**_: object) -> None:
        if not watches:
            watches.append(MemoryWatch(client.km.provisioner.process.pid, limit_mb))
            watches[0].start()

    client = NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT,
        resources={"metadata": {"path": str(page.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_start=watch_kernel,
    )
    error, start = "", time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
        error = str(failure) or type(failure).__name__
    seconds, watch = time.perf_counter() - start, watches[0]
    watch.stop()
    if watch.killed:
        error = f"the kernel was stopped at {watch.peak_mb:.0f} MiB, limit {limit_mb:g} MiB"
    outputs = notebook.cells[-1].get("outputs") or [{}]
    return {
        "page": str(page),
        "seconds": seconds,
        "peak_mb": watch.peak_mb,
        "torch": outputs[0].get("text", "").strip() == "True",
        "error": error,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the last line printed is the result, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m fearless.book.running.one_page")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--imports", action="store_true", help="run the import lines only")
    parser.add_argument("--limit-mb", type=float, default=2048)
    parser.add_argument("--without", action="append", default=[], metavar="PACKAGE")
    parser.add_argument("--online", action="store_true", help="let the page use the network")
    options = parser.parse_args(arguments)
    for page in options.pages:
        if options.imports:
            import jupytext

            cells = jupytext.read(page).cells
            code = import_lines([cell.source for cell in cells if cell.cell_type == "code"])
            exec(compile(code, str(page), "exec"), {})
            continue
        result = run_page(
            page.resolve(),
            limit_mb=options.limit_mb,
            without=options.without,
            offline=not options.online,
        )
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
