"""Directives of a Markdown page, read without Sphinx: fence, name, argument, options, body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Block", "UnclosedBlock", "blocks", "code_in"]

_OPEN = re.compile(r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<argument>.*?)[ \t]*$")
_OPTION = re.compile(r"^:(?P<key>[\w-]+):[ \t]*(?P<value>.*?)[ \t]*$")


class UnclosedBlock(ValueError):
    """A directive without its closing fence; the message names its line."""


@dataclass(frozen=True)
class Block:
    """A directive: its name, its argument, its options, its body, the line of its fence."""

    name: str
    argument: str
    body: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    #: The line of the page on which the body begins.
    body_line: int = 0


def blocks(text: str, *names: str) -> Iterator[Block]:
    """Yield the directives with the given names, in order.

    Parameters
    ----------
    text : str
        A page in MyST Markdown.
    *names : str
        Names of directives. What stands in a block of code is none, what stands in another
        directive fenced by colons is one.

    Yields
    ------
    Block

    Raises
    ------
    UnclosedBlock
        When one of these directives does not end.
    """
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        match = _OPEN.match(lines[position])
        start, position = position, position + 1
        if match is None:
            continue
        wanted = match["name"] in names
        if not wanted and match["fence"].startswith(":"):
            continue
        end = next(
            (k for k in range(position, len(lines)) if lines[k].rstrip() == match["fence"]), None
        )
        if end is None:
            if not wanted:
                continue
            raise UnclosedBlock(f"line {start + 1}: {{{match['name']}}} does not end")
        position = end + 1
        if wanted:
            options, skipped = _options(lines[start + 1 : end])
            first = start + 1 + skipped
            body = "\n".join(lines[first:end])
            yield Block(match["name"], match["argument"], body, start + 1, options, first + 1)


def _options(lines: list[str]) -> tuple[dict[str, str], int]:
    """Read the options at the head of a body; returns them and how many lines they take."""
    if lines and lines[0].strip() == "---":
        ends = [k for k in range(1, len(lines)) if lines[k].strip() == "---"]
        return {}, ends[0] + 1 if ends else 0
    options: dict[str, str] = {}
    for count, line in enumerate(lines):
        match = _OPTION.match(line)
        if match is None:
            return options, count
        options[match["key"]] = match["value"]
    return options, len(lines)


def code_in(text: str) -> str:
    """Return the code cells in a piece of a page as one script, cell after cell."""
    return "\n\n".join(block.body.strip("\n") for block in blocks(text, "code-cell"))
