"""The source of an assignment as pieces: directives with their options, and the text between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

__all__ = ["AssignmentError", "Piece", "SourceFile"]

_OPEN = re.compile(r"^(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*?)\s*$")
_DIRECTIVE = re.compile(r"\{(?P<name>[\w-]+)\}[ \t]*(?P<argument>.*)$")
_OPTION = re.compile(r"^:(?P<key>[\w-]+):[ \t]*(?P<value>.*?)[ \t]*$")
_ROLE = re.compile(r"\{[a-z][\w:-]*\}`")
#: The directives of an assignment, and the options of each.
OPTIONS = {
    "question": {"points", "minutes", "manual"},
    "public-check": {"points", "failure", "success"},
    "hidden-check": {"points", "failure", "success"},
    "model-answer": set(),
    "code-cell": {"tags"},
}
_CODE = {"public-check", "hidden-check", "code-cell"}


class AssignmentError(ValueError):
    """A mistake in the source of an assignment: file, line, what is wrong and what is expected."""


@dataclass(frozen=True)
class Piece:
    """A directive, or a run of Markdown (of the name ``text``), and the lines it begins on."""

    name: str
    argument: str
    options: dict[str, str]
    body: str
    line: int
    body_line: int


class SourceFile:
    """A file that is read piece by piece, and whose mistakes are reported with their line."""

    def __init__(self, path: Path):
        self.path = path
        self.lines = path.read_text(encoding="utf8").split("\n")

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise an `AssignmentError` that names the file and the line."""
        raise AssignmentError(f"{self.path.parent.name}/{self.path.name}, line {line}: {message}")

    def pieces(self, start: int = 0) -> Iterator[Piece]:
        """Yield the pieces from the line with index `start` on."""
        lines = self.lines
        prose: list[str] = []
        prose_line = start + 1
        k = start
        while k < len(lines):
            match = _OPEN.match(lines[k])
            cell_break = lines[k].startswith("+++")
            if match is None and not cell_break:
                prose.append(lines[k])
                k += 1
                continue
            directive = match and _DIRECTIVE.match(match["info"])
            if match and not directive:  # a listing in the text; it stays there
                end = self._end(k, match["fence"])
                prose += lines[k : end + 1]
                k = end + 1
                continue
            yield from self._prose(prose, prose_line)
            prose = []
            if directive and match:
                end = self._end(k, match["fence"])
                yield self._directive(directive, lines[k + 1 : end], k + 1)
                k = end + 1
            else:
                k += 1
            prose_line = k + 1
        yield from self._prose(prose, prose_line)

    def _prose(self, lines: Sequence[str], line: int) -> Iterator[Piece]:
        text = "\n".join(lines).strip()
        if text:
            self._examine_text(lines, line)
            yield Piece("text", "", {}, text, line, line)

    def _examine_text(self, lines: Sequence[str], line: int) -> None:
        for number, content in enumerate(lines, line):
            role = _ROLE.search(content)
            if role:
                self.fail(number, f"{role[0]}...` is a role, which notebooks do not know")

    def _end(self, start: int, fence: str) -> int:
        for k in range(start + 1, len(self.lines)):
            if self.lines[k].rstrip() == fence:
                return k
        self.fail(start + 1, f"the block {self.lines[start].strip()!r} does not end")

    def _directive(self, match: re.Match[str], body: list[str], line: int) -> Piece:
        name, options, k = match["name"], {}, 0
        if name not in OPTIONS:
            known = ", ".join(OPTIONS)
            self.fail(line, f"unknown block {{{name}}}; an assignment has {known}")
        while k < len(body) and (option := _OPTION.match(body[k])):
            options[option["key"]] = option["value"]
            k += 1
        unknown = sorted(options.keys() - OPTIONS[name])
        if unknown:
            self.fail(line, f"{{{name}}} has no option {unknown[0]!r}")
        if name not in _CODE:
            self._examine_text(body[k:], line + 1 + k)
        argument = match["argument"].strip()
        return Piece(name, argument, options, "\n".join(body[k:]), line, line + 1 + k)
