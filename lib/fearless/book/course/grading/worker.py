"""Grade one notebook, in a process of its own that gets the path of its job.

`course.grading.one` starts it, with a bare environment, in an empty folder, and stops it when it
takes too long. It must not be imported by the process that holds the other results: what
otter-grader reads back from a student's kernel is a pickle, which can run anything.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fearless.book.course.grading.by_hand import answer_cells

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from otter.test_files import GradingResults

KERNEL = "fearless-grading"
# A cell may wait, or be kept waiting by a busy machine, for this many times its limit.
PATIENCE = 3
# Files that a notebook may bring along, together, in bytes.
BAGGAGE = 50 * 2**20
_ERROR = re.compile(r"Error at line \d+ in test [^\n]*:\n(?:  [^\n]*\n)?(?P<error>.*)", re.DOTALL)


def main() -> int:
    """Grade the notebook that the job file names, and write what came of it."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf8"))
    _limit(job)
    try:
        found = grade(job)
    except Problem as problem:
        found = {"problem": str(problem)}
    except Exception as failure:  # a notebook of a form that nobody foresaw
        found = {"problem": _short(f"{type(failure).__name__}: {failure}")}
    Path(job["result"]).write_text(json.dumps(found), encoding="utf8")
    return 0


class Problem(Exception):
    """Why a notebook cannot be graded, in words for its student."""


def _limit(job: dict[str, Any]) -> None:
    """Limit memory, processor time and the size of files, for this process and its kernel."""
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 2**30, "RLIMIT_CPU": 2 * int(job["seconds"]) + 60}
    if sys.platform == "linux":  # elsewhere it does not count what NumPy takes
        limits["RLIMIT_DATA"] = int(job["memory"])
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))


def grade(job: dict[str, Any]) -> dict[str, Any]:
    """Run a notebook and its checks with otter-grader; returns what can be written as JSON."""
    notebook = _read(Path(job["notebook"]))
    _examine(notebook, job)
    numbered = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            numbered += 1
            cell.metadata.setdefault("fearless", {})["number"] = numbered
    notebook.cells.insert(0, _limit_cells(job))
    notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
    # Only a notebook without this is taken from elsewhere; otter-grader would refuse it.
    notebook.metadata.setdefault("otter", {})["assignment_name"] = job["assignment"]
    _pack(notebook, [Path(name) for name in job["files"]])
    _make_kernel()
    results = _run(job)
    present = {cell.metadata.get("fearless", {}).get("question") for cell in notebook.cells}
    return {
        "questions": _questions(results),
        "errors": _errors(results.notebook, job),
        "by_hand": {label: answer_cells(results.notebook.cells, label) for label in job["by_hand"]},
        "missing": [label for label in job["questions"] if label not in present],
    }


def _read(path: Path) -> NotebookNode:
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as failure:
        raise Problem(f"the file cannot be read as a notebook ({_short(str(failure))})") from None
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise Problem("the notebook has no code cell")
    return notebook


def _examine(notebook: NotebookNode, job: dict[str, Any]) -> None:
    name = notebook.metadata.get("otter", {}).get("assignment_name")
    if name and name != job["assignment"]:
        raise Problem(f"the notebook is of assignment {name!r}, not {job['assignment']!r}")


def _limit_cells(job: dict[str, Any]) -> NotebookNode:
    from nbformat import v4

    call = f"limit_cells({job['cell_seconds']!r})"
    return v4.new_code_cell(
        f"from fearless.book.course.assignments.checking import limit_cells\n{call}"
    )


def _pack(notebook: NotebookNode, files: list[Path]) -> None:
    import nbformat

    with zipfile.ZipFile("submission.zip", "w") as archive:
        archive.writestr("submission.ipynb", nbformat.writes(notebook))
        for path in files:
            if path.stat().st_size <= BAGGAGE:
                archive.write(path, path.name)


def _make_kernel() -> None:
    # The kernel of this very Python, whatever kernels the user has registered.
    folder = Path(os.environ["JUPYTER_PATH"]) / "kernels" / KERNEL
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    command.append("--IPKernelApp.log_level=ERROR")
    spec = {"argv": command, "display_name": KERNEL, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf8")


def _run(job: dict[str, Any]) -> GradingResults:
    import nbconvert.preprocessors
    from nbclient.exceptions import DeadKernelError
    from otter.run import main as otter_run
    from otter.run.run_autograder.utils import OtterRuntimeError

    class Execute(nbconvert.preprocessors.ExecutePreprocessor):
        """Stops a cell that takes too long, and goes on with the next one."""

        def __init__(self, **settings: Any):
            super().__init__(**settings)
            self.interrupt_on_timeout = True
            # A class is graded on all cores at once: Python may take long to start.
            self.startup_timeout = 300
            self.timeout_func = lambda cell: _seconds_for(cell, job)

    # otter-grader has no option for the time that a cell may take, so it gets this class for
    # the one it would use.
    nbconvert.preprocessors.ExecutePreprocessor = Execute
    try:
        results = otter_run(
            "submission.zip", autograder=job["autograder"], output_dir=None, no_logo=True
        )
    except DeadKernelError:
        raise Problem("Python ended while the notebook ran (exit(), or out of memory)") from None
    except OtterRuntimeError as failure:
        raise Problem(_short(str(failure))) from None
    if results.catastrophic_error:
        raise Problem("the checks could not be made; a cell may have broken Python itself")
    return results


def _seconds_for(cell: NotebookNode, job: dict[str, Any]) -> int:
    # In real time, for what sleeps; checks have a limit each, to be reached before this one.
    checks = ".check(" in cell.source or ".check_if_not_already_checked" in cell.source
    return int(PATIENCE * job["seconds" if checks else "cell_seconds"])


def _questions(results: GradingResults) -> dict[str, Any]:
    found = {}
    for label, test in results.results.items():
        found[label] = {
            "points": test.score,
            "possible": test.possible,
            "checks": [
                {
                    "passed": made.passed,
                    "hidden": bool(made.test_case.hidden),
                    "points": made.test_case.points,
                    "hint": made.test_case.failure_message or "",
                    "praise": made.test_case.success_message or "",
                    "message": "" if made.passed else _message(made.message or ""),
                }
                for made in test.test_case_results
            ],
        }
    return found


def _message(text: str) -> str:
    match = _ERROR.search(text)
    return _short(match["error"] if match else text, 500)


def _errors(notebook: NotebookNode, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of the student that did not run through."""
    found = []
    for cell in notebook.cells:
        number = cell.metadata.get("fearless", {}).get("number")
        if number is None or "grader." in cell.source:
            continue
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                error = f"stopped with {output.ename}: {_short(output.evalue)}"
                if output.ename in ("KeyboardInterrupt", "CellTookTooLong"):
                    error = f"was stopped after {job['cell_seconds']:g} s; does a loop never end?"
                found.append({"cell": number, "error": error.removesuffix(": ")})
    return found


def _short(text: str, length: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


if __name__ == "__main__":
    raise SystemExit(main())
