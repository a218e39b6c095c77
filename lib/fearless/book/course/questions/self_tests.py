"""Self-tests: questions with a few choices, of which one is right, and a word on each choice.

A page writes them below "Test yourself"::

    ```{self-test} st-peak-cause
    Question, Markdown with inline math. One or two sentences.

    - [ ] A choice, one sentence.
      > Why it is wrong. 1-3 sentences.
    - [x] The right choice.
      > Why it is right.
    ```

One reader for the site (`fearless.book.sphinx.course.self_tests`), for the notebooks and for the
exports, so that all say the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fearless.book.course.blocks import UnclosedBlock, blocks

__all__ = [
    "CHOICES",
    "VERDICTS",
    "Choice",
    "Question",
    "SelfTestError",
    "parse_question",
    "self_tests",
]

#: Least and most choices of a question.
CHOICES = (3, 4)
#: What is said first of a choice, by whether it is right; authors do not write it.
VERDICTS = {True: "Right.", False: "Wrong."}
FOLDER = "solutions"

_LIST = re.compile(r"(?:\d+[.)]|[-+*])(?:\s|$)")
_LABEL = re.compile(r"st-[a-z0-9]+(-[a-z0-9]+)*")
_CHOICE = re.compile(r"- \[(?P<mark>[ xX])\] ?(?P<text>.*)")
_WHY = re.compile(r" {2,}> ?(?P<text>.*)")
#: What a question cannot take along to another system, or to a page without a kernel.
_FORBIDDEN = {
    "a role or a number that the page computes": re.compile(r"\{[\w:+-]+\}`"),
    "a link or a picture": re.compile(r"\]\(|\]\[|<https?:|https?://"),
    "a displayed formula": re.compile(r"\$\$|\\\[|\\begin\{"),
    "HTML": re.compile(r"</?[a-zA-Z][^<>]*>"),
    "a substitution": re.compile(r"\{\{"),
}
_FORMULA = re.compile(r"(?<!\\)\$[^$]*\$")


class SelfTestError(ValueError):
    """Questions are written wrongly; each line of the message names file, line and label."""


@dataclass(frozen=True)
class Choice:
    """One choice: its text, whether it is right, why (all in Markdown), and its line."""

    text: str
    right: bool
    why: str
    line: int = 0


@dataclass(frozen=True)
class Question:
    """A question: its label, its text in Markdown, its choices, the page and line it is on."""

    label: str
    text: str
    choices: tuple[Choice, ...]
    page: str = ""
    line: int = 0

    @property
    def answer(self) -> int:
        """The position of the right choice, counted from 0."""
        return next(k for k, choice in enumerate(self.choices) if choice.right)


def self_tests(chapters: Path) -> list[Question]:
    """Return the questions of all pages below a folder, page by page.

    Parameters
    ----------
    chapters : Path
        The folder of the pages; solutions are not searched.

    Returns
    -------
    list of Question

    Raises
    ------
    SelfTestError
        With a line for every fault of every question, labels that occur twice included.
    """
    found: list[Question] = []
    wrong: list[str] = []
    for path in sorted(chapters.rglob("*.md")):
        if path.parent.name == FOLDER:
            continue
        page = path.relative_to(chapters).with_suffix("").as_posix()
        try:
            for block in blocks(path.read_text(encoding="utf8"), "self-test"):
                lines = block.body.split("\n")
                question, faults = parse_question(block.argument, lines, page, block.line)
                first = block.body_line
                wrong += [f"{path}, line {first + k}: {block.argument} {w}" for k, w in faults]
                if any(question.label == other.label for other in found):
                    wrong.append(
                        f"{path}, line {block.line}: {block.argument} is the label of two questions"
                    )
                found.append(question)
        except UnclosedBlock as error:
            wrong.append(f"{path}, {error}")
    if wrong:
        raise SelfTestError("\n".join(wrong))
    return found


def parse_question(
    label: str, lines: Sequence[str], page: str = "", line: int = 0
) -> tuple[Question, list[tuple[int, str]]]:
    """Read one question.

    Parameters
    ----------
    label : str
        Its label.
    lines : sequence of str
        The body of its block.
    page : str
        The page it is on.
    line : int
        The line it begins on.

    Returns
    -------
    question : Question
        As far as it could be read.
    faults : list of (int, str)
        What is wrong with it, and at which of `lines`, counted from 0; none when it is right.
    """
    faults: list[tuple[int, str]] = []
    text: list[str] = []
    parts: list[tuple[bool, list[str], list[str], int]] = []
    for k, raw in enumerate(lines):
        entry = raw.rstrip()
        if choice := _CHOICE.fullmatch(entry):
            parts.append((choice["mark"] != " ", [choice["text"]], [], k))
        elif not parts:
            text.append(entry)
        elif why := _WHY.fullmatch(entry):
            parts[-1][2].append(why["text"])
        elif not entry:
            continue
        elif entry.startswith("  ") and not parts[-1][2]:
            parts[-1][1].append(entry)
        else:
            faults.append(
                (k, f"has {entry.strip()!r} among its choices; expected '- [ ] ...' or '  > ...'")
            )
    choices = tuple(
        Choice(_joined(words), right, _joined(why), first) for right, words, why, first in parts
    )
    question = Question(label, "\n".join(text).strip(), choices, page, line)
    return question, sorted([*faults, *_faults(question)])


def _joined(lines: Sequence[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())


def _faults(question: Question) -> list[tuple[int, str]]:
    faults: list[tuple[int, str]] = []
    if not _LABEL.fullmatch(question.label):
        faults.append((0, f"has the label {question.label!r}; expected st-..., in small letters"))
    if not question.text:
        faults.append((0, "asks nothing before its choices"))
    least, most = CHOICES
    if not least <= len(question.choices) <= most:
        faults.append((0, f"has {len(question.choices)} choices; expected {least} or {most}"))
    right = sum(choice.right for choice in question.choices)
    if right != 1:
        faults.append((0, f"has {right or 'no'} right choice{'s' * (right > 1)}; expected one [x]"))
    for choice in question.choices:
        if not choice.text:
            faults.append((choice.line, "has an empty choice"))
        if _LIST.match(choice.text):
            faults.append((choice.line, f"has the choice {choice.text[:40]!r}, which is a list"))
        if not choice.why:
            faults.append((choice.line, f"does not explain the choice {choice.text[:40]!r}"))
    for at, piece in _pieces(question):
        faults += [
            (at, f"has {what} in {piece[:50]!r}; questions also go to other systems")
            for what, pattern in _FORBIDDEN.items()
            # Within a formula a comparison is not HTML; a display in it is one all the same.
            if pattern.search(_FORMULA.sub("", piece) if what == "HTML" else piece)
        ]
        if len(re.findall(r"(?<!\\)\$", piece)) % 2:
            faults.append((at, f"has a formula without an end in {piece[:50]!r}"))
    return faults


def _pieces(question: Question) -> list[tuple[int, str]]:
    """Return all texts of a question with their lines."""
    pieces = [(0, question.text)]
    for choice in question.choices:
        pieces += [(choice.line, choice.text), (choice.line, choice.why)]
    return pieces
