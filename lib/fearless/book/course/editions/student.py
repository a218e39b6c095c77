"""The student edition, behind ``make student``.

The site, its notebooks, the PDF and the zip, in one folder to hand out. The site is built without
solutions; that none has come in another way is not believed but scanned for, in every file of the
edition (`fearless.book.course.editions.leaks`). An edition in which something leaks is deleted.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from fearless.book.build import Book, BuildFailed
from fearless.book.command import run
from fearless.book.course.editions.leaks import Report, Scanner
from fearless.book.course.editions.secrets import public_texts, read_secrets
from fearless.book.editions.archive import make_zip
from fearless.book.editions.contents import book_title
from fearless.book.editions.downloads import PDF_NAME, ZIP_NAME
from fearless.book.editions.pdf import NotPrinted, make_pdf
from fearless.book.sphinx.running.notebooks import FOLDER as NOTEBOOKS

__all__ = ["Leaking", "assemble_student", "main"]

README = """\
"{title}", the edition for students.

site/index.html        the book as a website; it needs neither a server nor a network
notebooks/             its pages as notebooks
{pdf}   the book on paper
{zip}   the website as one file, to hand on
assignments/           what is to be handed in, where your instructor has put it here
"""


class Leaking(Exception):
    """An edition holds what only instructors may see; the message lists it."""


def assemble_student(root: Path, target: Path, *, extra: Sequence[Path] = ()) -> Report:
    """Put the student edition together from the built site, and scan it.

    Parameters
    ----------
    root : Path
        The book's root, with the built site and what was made of it in ``_build``.
    target : Path
        The folder of the edition; an earlier one is replaced, but only by one without a leak.
    extra : sequence of Path
        Folders of assignments for students, which become part of it.

    Returns
    -------
    Report
        What was read.

    Raises
    ------
    Leaking
        When something leaks; the edition is deleted.
    FileNotFoundError
        When the site is not built.
    """
    build = root / "_build"
    site = build / "html"
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"There is no site in {site}: run 'make book' first.")
    scanner = Scanner(read_secrets(root), public_texts(root))
    draft = target.with_name(target.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(site, draft / "site")
    if (site / NOTEBOOKS).is_dir():
        shutil.copytree(site / NOTEBOOKS, draft / NOTEBOOKS)
    for path in (site / PDF_NAME, build / ZIP_NAME):
        if path.is_file():
            shutil.copyfile(path, draft / path.name)
    for folder in extra:
        shutil.copytree(folder, draft / "assignments" / folder.name)
    text = README.format(title=book_title(root), pdf=PDF_NAME, zip=ZIP_NAME)
    (draft / "README.txt").write_text(text, encoding="utf8")
    report = scanner.scan(draft)
    if report.leaks:
        shutil.rmtree(draft)
        listed = "\n  ".join(map(str, report.leaks[:40]))
        raise Leaking(f"{len(report.leaks)} places show what only instructors may see:\n  {listed}")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return report


def make_student(root: Path, say: Callable[[str], None], *, built: bool, pdf: bool) -> Path:
    """Build site, PDF and zip, put them together, scan; returns the folder.

    Parameters
    ----------
    root : Path
        The book's root.
    say : callable
        Where progress is reported.
    built : bool
        Whether the site in ``_build/html`` is taken as it is.
    pdf : bool
        Whether the PDF is made.
    """
    if not built:
        book = Book(root, say)
        book.execute()
        book.render()
    if pdf:
        make_pdf(root, say)
    make_zip(root)
    students = root / "_build" / "assignments" / "student"
    extra = sorted(path for path in students.glob("*") if path.is_dir())
    say("Putting the student edition together, and looking for leaks in it")
    target = root / "_build" / "student"
    say(f"  {assemble_student(root, target, extra=extra)}")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when there is no edition."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.course.editions.student",
        description="Make the edition for students in _build/student: no trace of a solution.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    parser.add_argument("--built", action="store_true", help="take the site as it was built")
    parser.add_argument("--without-pdf", action="store_true", help="print no PDF")
    options = parser.parse_args(arguments)

    def make(say: Callable[[str], None]) -> str:
        root, pdf = options.root.resolve(), not options.without_pdf
        return f" -> {make_student(root, say, built=options.built, pdf=pdf)}"

    failures = (BuildFailed, NotPrinted, Leaking, FileNotFoundError, ValueError)
    return run(make, failures, "The student edition was NOT made.")


if __name__ == "__main__":
    raise SystemExit(main())
