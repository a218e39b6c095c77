"""All self-tests for learning management systems: QTI 2.1 and Moodle XML, below one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fearless.book.course.questions.banks import book_macros, read_banks
from fearless.book.course.questions.moodle import write_quiz
from fearless.book.course.questions.qti import package
from fearless.book.editions.contents import book_title

__all__ = ["README", "Exported", "export"]

README = """\
The self-tests of "{book}" for your course: {questions} questions, each with a word on every choice.

qti/<part>.zip         one bank a part of the book, a section a page (IMS QTI 2.1 content packages)
qti/pages/<page>.zip   one bank a page
moodle/<part>.xml      the same questions in Moodle's own format, a category a page

Canvas: Settings > Import Course Content > QTI .zip file. Other systems that read QTI 2.1: import
the zip. Moodle reads no QTI by itself: Question bank > Import > Moodle XML format.
Formulas are TeX between \\( and \\); the system has to typeset them (Moodle: its MathJax filter).
"""


@dataclass(frozen=True)
class Exported:
    """How many banks, pages and questions were written."""

    banks: int
    pages: int
    questions: int


def export(root: Path, target: Path) -> Exported:
    """Write the banks of all parts and pages below a folder.

    Parameters
    ----------
    root : Path
        The book's root.
    target : Path
        The folder to write to.

    Returns
    -------
    Exported

    Raises
    ------
    fearless.book.course.questions.self_tests.SelfTestError
        When a question is written wrongly.
    """
    macros = book_macros(root)
    book = book_title(root)
    banks = read_banks(root)
    pages = questions = 0
    for bank in banks:
        package(target / "qti" / f"{bank.slug}.zip", bank.title, bank.pages, macros)
        questions += write_quiz(target / "moodle" / f"{bank.slug}.xml", bank, book, macros)
        for page in bank.pages:
            package(target / "qti" / "pages" / f"{page.slug}.zip", page.title, [page], macros)
            pages += 1
    text = README.format(book=book, questions=questions)
    (target / "README.txt").write_text(text, encoding="utf8")
    return Exported(len(banks), pages, questions)
