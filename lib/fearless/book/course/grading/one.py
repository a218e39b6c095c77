"""Grade one notebook within limits: time, memory, and an environment without the secret.

The work is done by `fearless.book.course.grading.worker`, in a process of its own; whatever happens
there, a `Result` comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fearless.book.course.assignments.checking import SECONDS_VARIABLE

__all__ = ["Limits", "Result", "grade_file"]

_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT", "LD_LIBRARY_PATH")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PAUSE = 0.2
#: A notebook may wait, or be kept waiting by a busy machine, for this many times its limit.
PATIENCE = 3


@dataclass(frozen=True)
class Limits:
    """What a notebook may take.

    Attributes
    ----------
    seconds : float
        The whole notebook with all checks, in processor time; in real time `PATIENCE` times that.
    cell_seconds : float
        One cell, in processor time; it is stopped, and the next one runs.
    check_seconds : float
        One check, in processor time.
    memory : int
        Bytes, for all of its processes together.
    """

    seconds: float = 600
    cell_seconds: float = 120
    check_seconds: float = 30
    memory: int = 4 * 2**30


@dataclass
class Result:
    """What a notebook earned, and what is to be said about it.

    Attributes
    ----------
    points : dict
        For each question that checks mark, its points.
    checks : dict
        For each question, its checks in order: passed, hidden, points, hint, message.
    remarks : list of str
        In words: cells that stopped, why there are no marks.
    seconds : float
        How long it took.
    graded : bool
        Whether the checks were made at all.
    by_hand : dict
        For each question that a human marks, the cells with the answer.
    """

    points: dict[str, float]
    checks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    graded: bool = True
    by_hand: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def read_sheet(instructor: Path) -> dict[str, Any]:
    """Return what is known of an assignment from its folder for instructors."""
    return json.loads((instructor / "assignment.json").read_text(encoding="utf8"))


def grade_file(
    notebook: Path,
    instructor: Path,
    limits: Limits,
    files: Sequence[Path] = (),
    cache: Path | None = None,
) -> Result:
    """Grade one notebook.

    Parameters
    ----------
    notebook : Path
        The file.
    instructor : Path
        The instructors' folder of the assignment, as `course.assignments.build` builds it.
    limits : Limits
        What it may take.
    files : sequence of Path
        Files that were handed in with it.
    cache : Path, optional
        A folder in which matplotlib remembers the fonts of this machine from one to the next.

    Returns
    -------
    Result
        Also when the notebook cannot be read, never ends, or takes all memory.
    """
    sheet = read_sheet(instructor)
    marked = [q["label"] for q in sheet["questions"] if not q["manual"]]
    result = Result(dict.fromkeys(marked, 0))
    start = time.perf_counter()
    # Under names that are short: sockets of kernels have paths of limited length.
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        job = {
            "notebook": str(notebook.resolve()),
            "files": [str(path.resolve()) for path in files],
            "autograder": str((instructor / "autograder.zip").resolve()),
            "assignment": sheet["name"],
            "questions": [q["label"] for q in sheet["questions"]],
            "by_hand": [q["label"] for q in sheet["questions"] if q["manual"]],
            "seconds": limits.seconds,
            "cell_seconds": limits.cell_seconds,
            "memory": limits.memory,
            "result": str(folder / "result.json"),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf8")
        stopped = _watch(folder, limits, cache or folder / "matplotlib")
        found = _found(folder / "result.json")
    result.seconds = time.perf_counter() - start
    if stopped or "questions" not in found:
        result.graded = False
        problem = stopped or found.get("problem") or "grading ended without a result"
        result.remarks.append(f"not graded: {problem}")
        return result
    _fill(result, found, marked)
    return result


def _fill(result: Result, found: Mapping[str, Any], marked: Sequence[str]) -> None:
    result.by_hand = found["by_hand"]
    for label in marked:
        if label in found["questions"]:
            result.points[label] = found["questions"][label]["points"]
            result.checks[label] = found["questions"][label]["checks"]
    # A notebook without any of our marks was copied to a new one: nothing is known to be gone.
    if len(found["missing"]) < len(marked):
        result.remarks += [f"the answer cell of {label} is gone" for label in found["missing"]]
    for label, checks in result.checks.items():
        if any("CheckTookTooLong" in check["message"] for check in checks):
            result.remarks.append(f"a check of {label} was stopped: it took too long")
    result.remarks += [f"code cell {e['cell']} {e['error']}" for e in found["errors"]]


def _found(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return {}


def _watch(folder: Path, limits: Limits, cache: Path) -> str:
    """Run the job in a folder until it ends or has to be stopped; returns why it was stopped."""
    command = [sys.executable, "-m", "fearless.book.course.grading.worker", "job.json"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder, limits, cache),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            return _wait(process, limits)
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], limits: Limits) -> str:
    end = time.monotonic() + PATIENCE * limits.seconds
    while process.poll() is None:
        seconds, memory = _used(process.pid)
        if seconds > limits.seconds or time.monotonic() > end:
            return f"it was stopped after {limits.seconds:g} seconds, before it had ended"
        if memory > limits.memory:
            return f"it took more than {limits.memory / 2**30:g} GB of memory"
        time.sleep(_PAUSE)
    return ""


def _used(pid: int) -> tuple[float, int]:
    """Return processor time and memory of a process and all it has started."""
    import psutil

    seconds, memory = 0.0, 0
    for process in _family(pid):
        try:
            times = process.cpu_times()
            seconds += times.user + times.system
            memory += process.memory_info().rss
        except psutil.Error:
            continue
    return seconds, memory


def _family(pid: int) -> list[Any]:
    import psutil

    try:
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    except psutil.Error:
        return []


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it has started; the kernel is in a session of its own."""
    import psutil

    for member in _family(process.pid):
        try:
            member.kill()
        except psutil.Error:
            continue
    process.wait()


def _environment(folder: Path, limits: Limits, cache: Path) -> dict[str, str]:
    """Return the variables a student's code sees: nothing of the instructor's."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        **dict.fromkeys(_THREADS, "1"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(cache),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        SECONDS_VARIABLE: f"{limits.check_seconds:g}",
    }
