"""The instructor's edition, behind ``make instructor``.

The same site with the solutions of each chapter as a page below it, executed like any other page,
those of the teaching guide's exam among them, and beside it the questions for learning management
systems, and assignments and slides where they have been made. The book is copied to a folder of
its own, whose contents list the solutions; pages that are not changed are not executed again, for
both share one cache.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fearless.book.build import Book, Budget, BuildFailed
from fearless.book.command import run
from fearless.book.course.questions.exports import export
from fearless.book.editions.contents import book_title
from fearless.book.exercises import FOLDER, solution_files
from fearless.book.sphinx.cache import CACHE_ROOT
from fearless.book.sphinx.running.notebooks import FOLDER as NOTEBOOKS

__all__ = ["contents_with_solutions", "copy_book", "main", "solution_page"]

#: What a page of solutions may take: it runs all exercises of a chapter.
BUDGET = Budget(seconds=600, mb=2048)
ANNOUNCEMENT = "Edition for instructors, with solutions. Not for students."
DESCRIPTION = (
    "For instructors: worked solutions to the exercises of the chapter, with code that checks "
    "them and hints for grading."
)
# What is made, what tools keep, and what is copied on its own.
_LEFT_OUT = ("_build", ".git", ".venv", "__pycache__", ".*cache", "*.egg-info", "assignments")
#: Folders that become part of the edition as they are, where there are any.
_BESIDE = {"_build/assignments": "assignments", "_build/slides": "slides"}
_NOTEBOOK = ("jupytext", "kernelspec")
_HEADER = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)

README = """\
"{title}", the edition for instructors. Do not hand it on: it holds all solutions.

site/index.html   the book as a website, below each chapter its solutions with hints for grading
notebooks/        its pages as notebooks, the solutions in the folders "solutions"
quiz/             {questions} self-tests for Canvas, Moodle and others; see quiz/README.txt
assignments/      where they are built (make assignments): notebooks, autograders, solutions
slides/           where they are made (make slides): a deck for every chapter
The teaching guide is a part of the website, with the answers to the exam questions.
"""


def contents_with_solutions(toc: dict[str, Any], root: Path) -> dict[str, Any]:
    """List the solutions of every chapter as a page below it.

    Parameters
    ----------
    toc : dict
        What ``_toc.yml`` says.
    root : Path
        The book's root, where files of solutions are looked for.

    Returns
    -------
    dict
        Other contents; numbers of chapters stay what they are.
    """

    def with_solutions(entry: dict[str, Any]) -> dict[str, Any]:
        page = Path(entry["file"].removesuffix(".md"))
        below = [with_solutions(child) for child in entry.get("sections", ())]
        file = page.parent / FOLDER / page.name
        if (root / f"{file}.md").is_file():
            below.append({"file": file.as_posix()})
        return {**entry, "sections": below} if below else dict(entry)

    parts = [
        {**part, "chapters": [with_solutions(entry) for entry in part["chapters"]]}
        for part in toc["parts"]
    ]
    return {**toc, "parts": parts}


def solution_page(text: str) -> str:
    """Make a page of the site of a file of solutions: one with a description.

    Raises
    ------
    ValueError
        When the file has no header.
    """
    import yaml

    match = _HEADER.match(text)
    if match is None:
        raise ValueError("a file of solutions has no header (--- ... ---)")
    header = yaml.safe_load(match[1])
    if "{code-cell}" not in text:  # nothing to execute, so no notebook
        header = {key: value for key, value in header.items() if key not in _NOTEBOOK}
    header.setdefault("myst", {}).setdefault("html_meta", {})["description"] = DESCRIPTION
    dumped = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return f"---\n{dumped}---\n{text[match.end() :]}"


def copy_book(root: Path, target: Path) -> int:
    """Copy the sources of the book, with the solutions among its pages; returns how many files.

    Parameters
    ----------
    root : Path
        The book's root.
    target : Path
        Where the copy goes; an earlier one is replaced, the pages it executed are kept.
    """
    import yaml

    for path in target.iterdir() if target.is_dir() else ():
        if path.name == "_build":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(
        root, target, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True, symlinks=True
    )
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    toc = contents_with_solutions(toc, root)
    (target / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf8")
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    settings = config["sphinx"]["config"]
    settings.setdefault("html_theme_options", {})["announcement"] = ANNOUNCEMENT
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (target / "_config.yml").write_text(text, encoding="utf8")
    count = 0
    for path in solution_files(target / "chapters"):
        path.write_text(solution_page(path.read_text(encoding="utf8")), encoding="utf8")
        count += 1
    # One cache for both: the pages of the book are those of the public site, cell by cell.
    cache, shared = target / "_build" / CACHE_ROOT, root / "_build" / CACHE_ROOT
    shared.mkdir(parents=True, exist_ok=True)
    cache.parent.mkdir(exist_ok=True)
    if not cache.is_symlink():
        shutil.rmtree(cache, ignore_errors=True)
        cache.symlink_to(shared, target_is_directory=True)
    return count


def make_instructor(root: Path, say: Callable[[str], None], *, jobs: int | None = None) -> Path:
    """Make the edition; returns its folder.

    Parameters
    ----------
    root : Path
        The book's root.
    say : callable
        Where progress is reported.
    jobs : int, default=None
        Pages executed at a time.
    """

    build = root / "_build"
    work, target = build / "instructor-source", build / "instructor"
    count = copy_book(root, work)
    say(f"The book with {count} pages of solutions, in {work}")
    book = Book(work, say)
    book.execute(jobs=jobs, budget=BUDGET)
    book.render()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(book.html, target / "site")
    shutil.copytree(book.html / NOTEBOOKS, target / NOTEBOOKS)
    exported = export(root, target / "quiz")
    say(f"  {exported.questions} questions in {exported.banks} banks -> {target / 'quiz'}")
    for source, name in _BESIDE.items():
        if (root / source).is_dir():
            shutil.copytree(root / source, target / name)
    text = README.format(title=book_title(root), questions=exported.questions)
    (target / "README.txt").write_text(text, encoding="utf8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when there is no edition."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.course.editions.instructor",
        description="Make the edition for instructors in _build/instructor.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    parser.add_argument("--jobs", type=int, help="pages executed at a time (default: cores / 2)")
    options = parser.parse_args(arguments)
    return run(
        lambda say: f" -> {make_instructor(options.root.resolve(), say, jobs=options.jobs)}",
        (BuildFailed, FileNotFoundError, ValueError),
        "The edition was NOT made.",
    )


if __name__ == "__main__":
    raise SystemExit(main())
