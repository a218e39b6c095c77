"""Does the book run in Binder? ``make binder-test`` is ``python -m fearless.book.running.bare``.

1. Make a new environment with what ``.binder/requirements.txt`` names, Jupyter, and nothing else,
   and do in it what Binder does: run ``postBuild``, start everything through ``start``.
2. Run the import lines of every page, then whole pages: on two cores, stopped above 2 GiB, with
   the network out of reach; those that train no network with torch out of reach too.
3. Hold each to 60 s and 1 GiB, half of what Binder gives, for the server and the reader's tabs
   want some as well.
4. As Colab: without the library, the first cell of a notebook installs it from the repository;
   with it, the cell does nothing.

The whole book takes a quarter of an hour on two cores, so a change is tested with one page in
`PARTS`, which the hash of the commit chooses, and all pages once a week (``--share all``).
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
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fearless.book.build import Budget
from fearless.book.running.torch_pages import declares_torch
from fearless.book.scan import code_cells
from fearless.book.sphinx.running.notebooks import INSTALL

__all__ = ["LIMIT_MB", "PARTS", "Reader", "main", "select", "table"]

#: Resident memory at which Binder restarts a kernel.
LIMIT_MB = 2048
#: A change is tested with one page in so many.
PARTS = 5
_CORES = 2
# Tools of the site: where one of them can be imported, the environment is not bare.
_SITE_TOOLS = ("sphinx", "jupyter_book", "myst_nb", "pytest")


class NotBare(Exception):
    """The environment cannot be made, or is not what Binder would have; the message says why."""


@dataclasses.dataclass
class Reader:
    """A reader's environment, made as Binder makes it.

    Parameters
    ----------
    root : Path
        The folder of ``.binder``.
    folder : Path
        Where the environment goes; whatever is there is deleted.
    """

    root: Path
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv" / "bin" / "python"

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a process: a new home, no mode of the build."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FEARLESS_", "PYTHON"))}
        for name in ("VIRTUAL_ENV", "MPLBACKEND"):
            kept.pop(name, None)
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        return kept | {"PATH": path, "HOME": str(home), "JUPYTER_PREFER_ENV_PATH": "1"}

    def run(self, *command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in it; raise `NotBare` with all that was printed when it fails."""
        words = [str(word) for word in command]
        options = {"cwd": self.root, "env": self.environment(), "text": True} | options
        done = subprocess.run(words, capture_output=True, check=False, **options)
        if done.returncode:
            raise NotBare(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def pip(self, *arguments: Any) -> None:
        """Install; a second index that cannot be reached costs no time at the first try."""
        command = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        impatient = self.environment() | {"PIP_RETRIES": "0"}
        try:
            self.run(*command, "--no-cache-dir", *arguments, env=impatient)
        except NotBare:
            self.run(*command, "--no-cache-dir", *arguments)

    def make(self) -> dict[str, float]:
        """Make it anew; returns what it took: seconds, and sizes in MiB, torch by itself."""
        wanted = (self.root / ".binder/runtime.txt").read_text().strip().removeprefix("python-")
        if f"{sys.version_info.major}.{sys.version_info.minor}" != wanted:
            raise NotBare(f"Binder runs Python {wanted}; this is {sys.version.split()[0]}")
        start = time.perf_counter()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", self.folder / "venv"], check=True)
        # Binder's own image brings Jupyter; of it, pages need what runs a kernel.
        jupyter = [f"{name}=={version(name)}" for name in ("ipykernel", "nbclient")]
        self.pip("-r", self.root / ".binder/requirements.txt", *jupyter)
        self.run(self.root / ".binder/postBuild")
        self.run(self.python, "-m", "pip", "check")
        tools = f"import importlib.util as u; print([n for n in {_SITE_TOOLS!r} if u.find_spec(n)])"
        if (found := self.run(self.python, "-c", tools).stdout.strip()) != "[]":
            raise NotBare(f"tools of the site are in the reader's environment: {found}")
        packages = next((self.folder / "venv" / "lib").glob("python*")) / "site-packages"
        return {
            "seconds": time.perf_counter() - start,
            "mb": _size_mb(self.folder / "venv"),
            "torch_mb": _size_mb(packages / "torch"),
        }

    def start(self, *command: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as Binder starts one, through ``start``, on two cores."""
        cores = sorted(os.sched_getaffinity(0))[:_CORES]
        return self.run(
            self.root / ".binder/start",
            *command,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            **options,
        )

    def one_page(self, *arguments: Any) -> str:
        """Run ``fearless.book.running.one_page``; returns what it printed."""
        return self.start(
            self.python, "-m", "fearless.book.running.one_page", *arguments
        ).stdout  # fmt: skip

    def page(self, page: Path) -> dict[str, Any]:
        """Run one page under Binder's limits; see `fearless.book.running.one_page.run_page`."""
        without = [] if declares_torch(page) else ["--without", "torch"]
        printed = self.one_page(page, "--limit-mb", LIMIT_MB, *without)
        return json.loads(printed.splitlines()[-1])

    def colab(self) -> tuple[float, float]:
        """Run the first cell of a notebook without the library and with it; returns seconds.

        The repository is the checkout, as it was last committed.

        Raises
        ------
        NotBare
            When the library is not there afterwards, or the second run does anything.
        """
        seconds = []
        commit = self.run("git", "rev-parse", "HEAD").stdout.strip()
        # With a host, for pip takes an address without one for no address at all.
        cell = INSTALL.format(url=f"file://localhost{self.root.as_posix()}", branch=commit)
        book = self.folder / "colab.ipynb"
        code = [cell, "import fearless.data as d\nassert d.load_mnist(n_train=10).X_train.any()"]
        cells = [
            {"cell_type": "code", "source": text, "metadata": {}, "outputs": [],
             "execution_count": None, "id": f"c{k}"}
            for k, text in enumerate(code)
        ]  # fmt: skip
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {"cells": cells, "metadata": {"kernelspec": kernel}}
        book.write_text(json.dumps(content | {"nbformat": 4, "nbformat_minor": 5}))
        # Not from the checkout: it would be found there.
        alone = shutil.copy(Path(__file__).with_name("one_page.py"), self.folder)
        self.run(self.python, "-m", "pip", "--quiet", "uninstall", "--yes", "fearless")
        stamp = "import fearless, os; print(os.stat(fearless.__file__).st_mtime_ns)"
        stamps = []
        for _ in range(2):
            done = self.start(self.python, alone, book, "--online", cwd=self.folder)
            result = json.loads(done.stdout.splitlines()[-1])
            if result["error"]:
                raise NotBare(f"the first cell for Colab failed:\n{result['error']}")
            seconds.append(result["seconds"])
            stamps.append(self.run(self.python, "-c", stamp, cwd=self.folder).stdout)
        if stamps[0] != stamps[1]:
            raise NotBare("the first cell for Colab has installed the library a second time")
        return seconds[0], seconds[1]


def _size_mb(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 2**20


def select(pages: Sequence[Path], share: str, root: Path) -> list[Path]:
    """Choose the pages to run.

    Parameters
    ----------
    pages : sequence of Path
        All of them, in order.
    share : str
        ``all``; ``commit``: one in `PARTS`, by the hash of the commit; or ``k/n``.
    root : Path
        The checkout.
    """
    if share == "all":
        return list(pages)
    if share == "commit":
        command = ["git", "-C", str(root), "rev-parse", "--short=7", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        share = f"{int(done.stdout.strip() or '0', 16) % PARTS}/{PARTS}"
    part, parts = (int(number) for number in share.split("/"))
    if not 0 <= part < parts:
        raise ValueError(f"the share is {share!r}; expected k/n with 0 <= k < n")
    return list(pages[part::parts])


def table(results: Sequence[dict[str, Any]], root: Path) -> str:
    """Set results as a table of text, one page a line."""
    lines = [f"{'page':48} {'seconds':>7} {'peak MiB':>8}  torch"]
    for result in results:
        name = Path(result["page"]).relative_to(root).with_suffix("").as_posix()
        torch = "used" if result["torch"] else "no"
        verdict = f"  {result['problem'].splitlines()[0]}" if result.get("problem") else ""
        lines.append(
            f"{name:48} {result['seconds']:7.1f} {result['peak_mb']:8.0f}  {torch}{verdict}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 1 when a page fails or exceeds its budget."""
    parser = argparse.ArgumentParser(prog="python -m fearless.book.running.bare")
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of .binder")
    parser.add_argument("--share", default="all", help="all, commit, or k/n (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="use the environment that is there")
    parser.add_argument("--no-colab", action="store_true", help="leave out the cell for Colab")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    build = root / "_build"
    pages = [path for path in sorted((root / "chapters").rglob("*.md"))
             if "solutions" not in path.parts and code_cells(path)]  # fmt: skip
    reader, problems = Reader(root, build / "binder"), []
    report: dict[str, Any] = {}
    build.mkdir(exist_ok=True)
    try:
        if not (options.keep and reader.python.exists()):
            report["environment"] = made = reader.make()
            print(f"The environment: {made['seconds']:.0f} s, {made['mb']:.0f} MiB, of which "
                  f"torch {made['torch_mb']:.0f} MiB", flush=True)  # fmt: skip
        reader.one_page("--imports", *pages)
        chosen = select(pages, options.share, root)
        print(f"The imports of {len(pages)} pages work; {len(chosen)} pages to run", flush=True)
        report["pages"] = results = []
        for page in chosen:
            result = reader.page(page)
            name = page.relative_to(root).as_posix()
            over = Budget().excess(name, result["seconds"], result["peak_mb"])
            if over and not result["error"] and result["peak_mb"] <= Budget().mb:
                # A neighbour on the same machine can double the time: the better of two counts.
                result = min(result, reader.page(page), key=lambda r: r["seconds"])
                over = Budget().excess(name, result["seconds"], result["peak_mb"])
            result["problem"] = result["error"] or over
            results.append(result)
            print(table([result], root).splitlines()[1], flush=True)
            problems += [f"{name}: {result['problem']}"] if result["problem"] else []
        if not options.no_colab:
            report["colab"] = reader.colab()
            print("The first cell for Colab: {:.0f} s, then {:.0f} s".format(*report["colab"]))
            shutil.rmtree(reader.folder)  # the library is another one now
    except NotBare as failure:
        problems.append(str(failure))
    (build / "binder.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf8")
    (build / "binder.txt").write_text(table(report.get("pages", []), root) + "\n", encoding="utf8")
    print("\n\n".join(problems), file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
