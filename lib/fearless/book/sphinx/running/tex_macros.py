"""TeX without the book's own macros, for readers who do not know them.

``_config.yml`` defines short names such as ``\\norm`` for MathJax. A notebook is shown by programs
that never see these definitions, so in notebooks each use is replaced by what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["Macro", "expand"]

#: What a macro stands for; with arguments, also their number.
Macro = str | Sequence[str | int]

# A name, or a single other character: the end of a line, "\\", must not begin a name.
_COMMAND = re.compile(r"\\(?:([A-Za-z]+)|.)", re.DOTALL)
_DEPTH = 20


def expand(tex: str, macros: Mapping[str, Macro]) -> str:
    r"""Replace every use of a macro by what it stands for, also within replacements.

    Parameters
    ----------
    tex : str
        A formula.
    macros : mapping
        As MathJax takes them: ``{"R": r"\mathbb{R}", "norm": [r"\lVert #1 \rVert", 1]}``.

    Raises
    ------
    ValueError
        When a macro that takes arguments stands at the end, or when macros stand for each other.
    """
    for _ in range(_DEPTH):
        expanded = _once(tex, macros)
        if expanded == tex:
            return tex
        tex = expanded
    raise ValueError(f"the macros in {tex[:60]!r} stand for each other without end")


def _once(tex: str, macros: Mapping[str, Macro]) -> str:
    parts, position = [], 0
    for match in _COMMAND.finditer(tex):
        if match.start() < position or match[1] not in macros:
            continue
        macro = macros[match[1]]
        text, count = (macro, 0) if isinstance(macro, str) else (str(macro[0]), int(macro[1]))
        parts.append(tex[position : match.start()])
        position = match.end()
        for k in range(1, count + 1):
            argument, position = _argument(tex, position, match[0])
            text = text.replace(f"#{k}", argument)
        # A letter right behind must not become part of the last command of the replacement.
        joins = re.search(r"\\[A-Za-z]+$", text) and tex[position : position + 1].isalpha()
        parts.append(text + " " * bool(joins))
    return "".join([*parts, tex[position:]])


def _argument(tex: str, position: int, name: str) -> tuple[str, int]:
    """Read one argument: a group in braces, a command, or a single character."""
    while tex[position : position + 1].isspace():
        position += 1
    if position >= len(tex):
        raise ValueError(f"{name} has no argument in {tex[:60]!r}")
    if tex[position] == "\\":
        command = _COMMAND.match(tex, position)
        if command:
            return command[0], command.end()
    if tex[position] != "{":
        return tex[position], position + 1
    depth = 0
    for end_position in range(position, len(tex)):
        if tex[end_position] in "{}" and tex[end_position - 1] != "\\":
            depth += 1 if tex[end_position] == "{" else -1
            if depth == 0:
                return tex[position + 1 : end_position], end_position + 1
    raise ValueError(f"the argument of {name} does not end in {tex[:60]!r}")
