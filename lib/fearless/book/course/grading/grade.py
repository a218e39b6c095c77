"""Grade a class, offline: ``make grade SUBMISSIONS=folder``.

Notebooks are graded side by side, each in a process of its own with limits of time and memory.
What is graded is kept: run it again after a break, or when more has come in, and only what is new
is graded.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from fearless.book.course.assignments.pieces import AssignmentError
from fearless.book.course.grading.by_hand import write_by_hand
from fearless.book.course.grading.feedback import feedback, write_table
from fearless.book.course.grading.one import Limits, Result, grade_file, read_sheet
from fearless.book.course.grading.submissions import Submission, assignment_of, find_submissions
from fearless.book.execute import available_cores

__all__ = ["grade_all", "main"]

TABLE = "grades.csv"


def grade_all(
    submissions: Sequence[Submission],
    instructor: Path,
    out: Path,
    limits: Limits,
    *,
    jobs: int = 1,
    again: bool = False,
    done: Callable[[str, Result], None] = lambda student, result: None,
) -> dict[str, Result]:
    """Grade all submissions; write the table, and the feedback for each student.

    Parameters
    ----------
    submissions : sequence of Submission
        What was handed in.
    instructor : Path
        The instructors' folder of the assignment.
    out : Path
        Gets ``grades.csv`` and the folders ``feedback``, ``by-hand`` (answers for a human to mark)
        and ``results`` (all that is known).
    limits : Limits
        What each notebook may take.
    jobs : int
        How many are graded side by side.
    again : bool
        Grade also what was graded before and has not changed.
    done : callable
        Called with student and result, as soon as it is there.

    Returns
    -------
    dict
        From student to result, in the order of `submissions`.
    """
    sheet = read_sheet(instructor)
    kept = out / "results"
    for folder in (kept, out / "feedback"):
        folder.mkdir(parents=True, exist_ok=True)
    version = _fingerprint(instructor / "autograder.zip", limits)
    results: dict[str, Result] = {}

    def write(student: str, result: Result) -> None:
        results[student] = result
        order = [s.student for s in submissions if s.student in results]
        write_table(out / TABLE, sheet, [(name, results[name]) for name in order])
        page = out / "feedback" / f"{student}.md"
        page.write_text(feedback(sheet, student, result), encoding="utf8")

    with (
        tempfile.TemporaryDirectory(prefix="fonts-", ignore_cleanup_errors=True) as fonts,
        ThreadPoolExecutor(jobs) as pool,
    ):
        futures = {}

        def keep(work: Future[Result]) -> str:
            submission, digest = futures[work]
            record = {"fingerprint": digest, **dataclasses.asdict(work.result())}
            path = kept / f"{submission.student}.json"
            path.write_text(json.dumps(record, indent=1), encoding="utf8")
            write(submission.student, work.result())
            return submission.student

        for submission in submissions:
            digest = f"{version} {submission.fingerprint()}"
            before = None if again else _kept(kept / f"{submission.student}.json", digest)
            if before:
                write(submission.student, before)
                done(submission.student, before)
            else:
                work = pool.submit(_grade, submission, instructor, limits, Path(fonts))
                futures[work] = (submission, digest)
        try:
            for work in as_completed(futures):
                student = keep(work)
                done(student, results[student])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Those that finished meanwhile come in any order: none is graded a second time.
            for work, (submission, _) in futures.items():
                if work.done() and not work.cancelled() and submission.student not in results:
                    keep(work)
            raise
    ordered = {s.student: results[s.student] for s in submissions}
    write_by_hand(out / "by-hand", sheet, {name: r.by_hand for name, r in ordered.items()})
    return ordered


def _grade(submission: Submission, instructor: Path, limits: Limits, fonts: Path) -> Result:
    """Grade one; what goes wrong with it must not stop the others."""
    sheet = read_sheet(instructor)
    nothing = Result({q["label"]: 0 for q in sheet["questions"] if not q["manual"]}, graded=False)
    nothing.remarks = list(submission.remarks)
    if submission.notebook is None:
        return nothing
    try:
        result = grade_file(submission.notebook, instructor, limits, submission.files, fonts)
    except Exception as failure:
        nothing.remarks.append(f"not graded: {type(failure).__name__}: {failure}")
        return nothing
    result.remarks = [*submission.remarks, *result.remarks]
    return result


def _kept(path: Path, digest: str) -> Result | None:
    try:
        record = json.loads(path.read_text(encoding="utf8"))
        return Result(**record) if record.pop("fingerprint") == digest else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _fingerprint(autograder: Path, limits: Limits) -> str:
    """Return a digest of the checks and the limits: other ones make other marks."""
    digest = hashlib.sha256(repr(limits).encode())
    with zipfile.ZipFile(autograder) as archive:
        for name in sorted(archive.namelist()):
            digest.update(name.encode() + archive.read(name))
    return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.course.grading.grade",
        description="Grade all notebooks in a folder, offline.",
    )
    limits = Limits()
    add = parser.add_argument
    add("submissions", type=Path, help="a notebook, a folder or a zip for each student")
    add("--assignment", default="", help="its name (default: what the notebooks say)")
    add("--built", type=Path, default=Path("_build/assignments"), help="from make assignments")
    add("--out", type=Path, help="default: the folder of submissions with '-graded'")
    add("--jobs", type=int, default=available_cores(), help="side by side (default: cores)")
    add("--seconds", type=float, default=limits.seconds, help="for a notebook (%(default)g)")
    add("--cell-seconds", type=float, default=limits.cell_seconds, help="a cell (%(default)g)")
    add("--check-seconds", type=float, default=limits.check_seconds, help="a check (%(default)g)")
    add("--memory", type=float, default=limits.memory / 2**30, help="GB (%(default)g)")
    add("--again", action="store_true", help="grade also what was graded before")
    options = parser.parse_args(arguments)
    limits = Limits(
        options.seconds, options.cell_seconds, options.check_seconds, int(options.memory * 2**30)
    )
    folder = options.submissions.expanduser().resolve()
    out = (options.out or folder.with_name(f"{folder.name}-graded")).expanduser()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            name = options.assignment or _most_common(folder)
            instructor = _built(options.built / "instructor" / name)
            submissions = find_submissions(folder, Path(scratch), name)
        except (AssignmentError, FileNotFoundError) as failure:
            print(failure, file=sys.stderr)
            return 1
        width = max(len(submission.student) for submission in submissions)

        def show(student: str, result: Result) -> None:
            total = sum(result.points.values())
            remarks = "; ".join(result.remarks)
            print(f"  {student:{width}} {total:5g}  {result.seconds:4.0f} s  {remarks}", flush=True)

        print(f"{name}: {len(submissions)} submissions, {options.jobs} at a time", flush=True)
        results = grade_all(
            submissions, instructor, out, limits, jobs=options.jobs, again=options.again, done=show
        )
    _summary(results, read_sheet(instructor), out)
    return 0


def _most_common(folder: Path) -> str:
    notebooks = folder.rglob("*.ipynb") if folder.is_dir() else []
    names = Counter(name for path in notebooks if (name := assignment_of(path)))
    if not names:
        raise AssignmentError(
            f"No notebook in {folder} says of which assignment it is; name it: "
            "make grade SUBMISSIONS=... ASSIGNMENT=3-double-descent"
        )
    return names.most_common(1)[0][0]


def _built(folder: Path) -> Path:
    if not (folder / "autograder.zip").is_file():
        raise AssignmentError(f"There is no autograder in {folder}: run 'make assignments' first")
    return folder


def _summary(results: dict[str, Result], sheet: dict, out: Path) -> None:
    possible = sum(q["points"] for q in sheet["questions"] if not q["manual"])
    totals = sorted(sum(result.points.values()) for result in results.values())
    failed = [name for name, result in results.items() if not result.graded]
    print(f"Median {totals[len(totals) // 2]:g} of {possible:g}; table and feedback in {out}")
    if failed:
        print(f"Look at these by hand: {', '.join(failed)}")


if __name__ == "__main__":
    raise SystemExit(main())
