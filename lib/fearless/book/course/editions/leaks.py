"""The scan for leaks: whether anything that only instructors may see is in an edition.

It knows the text of every secret (`secrets`, next to it) in three ways: as windows of seven words
that follow each other in a paragraph or in code, wherever lines break and whatever markup is
between them; as whole lines of code or TeX; and, for the index of the search, which holds single
words, as words that no public text uses. What public texts contain as well is taken out. Marks
such as ``# BEGIN SOLUTION`` and folders of solutions are looked for by name.

The student edition is made with it and is not finished when something leaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fearless.book.course.editions.secrets import Secret
from fearless.book.course.editions.texts import is_skipped, lines, texts, words

__all__ = ["Leak", "Report", "Scanner"]

#: So many words in a row are no accident.
WINDOW = 7
#: A window says something when so many of its words are words, not numbers or names of one letter.
MEANINGFUL = 4
#: A line with fewer characters, blanks not counted, may be anybody's.
SHORTEST_LINE = 18
#: A secret of which less is left when public text has been taken out cannot be found.
LEAST_WINDOWS = 3
#: So many words of prose in a row that are public as well have been copied.
COPIED = 18

#: What stands around secrets in their sources, whatever they say.
MARKS = {
    "a block of a solution": re.compile(r"\{solution-(?:start|end)\}"),
    "a solution": re.compile(r'<div class="[^"]*\bsolution\b[^"]*\badmonition\b'),
    "hints for grading": re.compile(r"\*\*Grading\.\*\*|<strong>Grading\.</strong>"),
    "a mark of a model solution": re.compile(r"# (?:BEGIN|END) SOLUTION"),
    "a block that no student sees": re.compile(r"\{(?:hidden-check|model-answer)\}"),
    "a folder of solutions": re.compile(r"(?<![\w-])solutions/[\w-]+\.(?:html|md|ipynb|md\.txt)"),
}
# Formulas and references end a piece of prose: they look different on every edition.
_BREAK = re.compile(r"\$\$.*?\$\$|\$[^$\n]+(?:\n[^$\n]+)?\$|\{[\w:+-]+\}`[^`]*`|\n\s*\n", re.S)
_FENCE = re.compile(
    r"^(`{3,}|:{3,})[^\n]*\n(?:(?::[\w-]+:[^\n]*|---)\n)*|^(?:`{3,}|:{3,})\s*$", re.M
)
_CODE = re.compile(r"^`{3,}\{code-cell\}[^\n]*\n(.*?)^`{3,}\s*$", re.M | re.S)
_SEARCH = re.compile(r"^Search\.setIndex\((.*)\)\s*;?\s*$", re.S)
_LETTERS = re.compile(r"[a-z]{7,}")


@dataclass(frozen=True)
class Leak:
    """Something secret in an edition: the file, whose secret it is, what was seen."""

    where: str
    secret: str
    seen: str

    def __str__(self) -> str:
        return f"{self.where}: {self.secret}: {self.seen!r}"


@dataclass
class Report:
    """What a scan has read, and what it has found."""

    files: int = 0
    skipped: int = 0
    words: int = 0
    leaks: list[Leak] = field(default_factory=list)

    def __str__(self) -> str:
        found = f"{len(self.leaks)} leaks" if self.leaks else "no leak"
        return f"{self.files} files, {self.words} words read, {found}"


class Scanner:
    """A scan that knows a list of secrets.

    Parameters
    ----------
    secrets : sequence of Secret
        What must not be seen.
    public : iterable of str
        The texts that may be; what they contain is no secret.

    Raises
    ------
    ValueError
        When there is no secret, when one says nothing that is not public, so that the scan could
        not find it, or when a public source repeats a passage of one.
    """

    def __init__(self, secrets: Sequence[Secret], public: Iterable[str]):
        if not secrets:
            raise ValueError("there is nothing to look for: no solutions were found")
        known_windows: set[tuple[str, ...]] = set()
        known_lines: set[str] = set()
        known_words: set[str] = set()
        for text in public:
            found = words(text)
            known_windows.update(_windows(found))
            known_words.update(found)
            known_lines.update(lines(text))
        self.windows: dict[tuple[str, ...], str] = {}
        self.lines: dict[str, str] = {}
        self.rare: dict[str, str] = {}
        faint = []
        for secret in secrets:
            for passage in _shared(secret.text, known_windows):
                faint.append(f"{secret.name}: a public text says {' '.join(passage)!r}")
            own = [w for piece in pieces(secret.text) for w in _windows(piece) if _says(w)]
            left = [window for window in own if window not in known_windows]
            rows = [row for row in lines(secret.text) if len(row) >= SHORTEST_LINE]
            rows = [row for row in rows if row not in known_lines]
            # A set-up of a few imports may be public as a whole.
            if len(left) < LEAST_WINDOWS and not secret.name.startswith("the set-up"):
                faint.append(f"{secret.name}: {len(left)} of {len(own)} windows are not public")
            self.windows.update(dict.fromkeys(left, secret.name))
            self.lines.update(dict.fromkeys(rows, secret.name))
            single = {w for w in words(secret.text) if _LETTERS.fullmatch(w)} - known_words
            self.rare.update(dict.fromkeys(single, secret.name))
        if faint:
            raise ValueError("secrets are public in the sources:\n  " + "\n  ".join(faint))
        self._first = {window[0] for window in self.windows}
        self._stems = self._only_stems(known_words)

    def _only_stems(self, public: set[str]) -> dict[str, str]:
        """Return rare words as the index of the search would hold them."""
        from sphinx.search.en import SearchEnglish

        stem = SearchEnglish({}).stem
        usual = {stem(word) for word in public}
        stems = {stem(word): name for word, name in self.rare.items()}
        return {word: name for word, name in stems.items() if word not in usual}

    def scan(self, *places: Path) -> Report:
        """Scan files, and folders with all that is in them.

        Parameters
        ----------
        *places : Path
            What to read; archives are read file by file.

        Returns
        -------
        Report
            The first few leaks of each file, all files that leak.
        """
        report = Report()
        for place in places:
            paths = (
                sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
            )
            for path in paths:
                name = path.relative_to(place).as_posix() if place.is_dir() else path.name
                if is_skipped(name):
                    report.skipped += 1
                else:
                    report.files += 1
                    self._read(name, path.read_bytes(), report)
        return report

    def _read(self, name: str, content: bytes, report: Report) -> None:
        found: dict[str, Leak] = {}
        if mark := MARKS["a folder of solutions"].search(name):
            found[name] = Leak(name, "a folder of solutions", mark[0])
        for where, text in texts(name, content):
            for leak in self.leaks(where, text, report):
                found.setdefault(f"{where} {leak.secret}", leak)
        report.leaks += list(found.values())

    def leaks(self, where: str, text: str, report: Report | None = None) -> Iterator[Leak]:
        """Yield what leaks in one text; cost linear in its length."""
        row = words(text)
        if report is not None:
            report.words += len(row)
        for k, word in enumerate(row):
            if word in self._first:
                window = tuple(row[k : k + WINDOW])
                if window in self.windows:
                    yield Leak(where, self.windows[window], " ".join(window))
        for line in lines(text):
            if line in self.lines:
                yield Leak(where, self.lines[line], line)
        for what, pattern in MARKS.items():
            if match := pattern.search(text):
                yield Leak(where, what, match[0])
        if index := _SEARCH.match(text):
            yield from self._in_index(where, index[1])

    def _in_index(self, where: str, index: str) -> Iterator[Leak]:
        data = json.loads(index)
        for name in data.get("docnames", ()):
            if "/solutions/" in f"/{name}":
                yield Leak(where, "a page of solutions in the index", name)
        for kind in ("terms", "titleterms"):
            for word in self._stems.keys() & data.get(kind, {}).keys():
                yield Leak(where, self._stems[word], f"the word {word}, which no public text uses")


def pieces(text: str) -> Iterator[list[str]]:
    """Yield the words of a solution, in the pieces that stay together in every edition."""
    for cell in _CODE.findall(text):
        yield words(_FENCE.sub("", cell))
    prose = _CODE.sub("\n\n", text)
    for part in _BREAK.split(_FENCE.sub("\n\n", prose)):
        yield words(part)


def _shared(text: str, known: set[tuple[str, ...]]) -> Iterator[list[str]]:
    """Yield the passages of prose, long enough to be copies, that public texts contain."""
    for piece in pieces(_CODE.sub("\n\n", text)):
        begin = 0
        for k, window in enumerate([*_windows(piece), ()]):
            if window in known:
                continue
            if k > begin and k - begin + WINDOW - 1 >= COPIED:
                yield piece[begin : k + WINDOW - 1]
            begin = k + 1


def _windows(row: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(row[k : k + WINDOW]) for k in range(len(row) - WINDOW + 1))


def _says(window: Sequence[str]) -> bool:
    return sum(len(word) > 2 and not word.isdecimal() for word in window) >= MEANINGFUL
