"""A drawing of what needs what: layers from top to bottom, as an SVG that is a set of links.

The usual method in four steps. A page stands one layer below the lowest page that it needs, or
lower where layers are full; an arrow that follows from two others is left out; an arrow over
several layers gets a place in each; and every layer is ordered by the mean position of its
neighbours, a few times down and up.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise

__all__ = ["arrange", "draw", "layers", "without_shortcuts"]

Needs = Mapping[str, Sequence[str]]

BOX, GAP, ROW, HEIGHT, LINE = 104.0, 8.0, 116.0, 78.0, 14.5
_THIN = 12.0  # the place that an arrow takes in a layer it only crosses
_LETTERS = 15
_SWEEPS = 12
_MOST = 5  # boxes of a layer: so many fit beside the contents of the book


def layers(needs: Needs, most: int | None = None) -> dict[str, int]:
    """Return the layer of every page: 0, or one below the lowest page that it needs.

    With `most`, no layer has more pages than that: the next page in order goes further down.

    Raises
    ------
    ValueError
        When pages need one another in a circle.
    """
    found: dict[str, int] = {}

    def place(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            raise ValueError(f"pages need one another in a circle: {' -> '.join([*above, name])}")
        if name not in found:
            below = [place(need, (*above, name)) for need in needs.get(name, ())]
            found[name] = 1 + max(below, default=-1)
        return found[name]

    for name in needs:
        place(name, ())
    if most is None:
        return found
    lowered: dict[str, int] = {}
    sizes: Counter[int] = Counter()
    for name in sorted(found, key=found.__getitem__):
        depth = 1 + max((lowered[need] for need in needs.get(name, ())), default=-1)
        while sizes[depth] == most:
            depth += 1
        lowered[name] = depth
        sizes[depth] += 1
    return lowered


def without_shortcuts(needs: Needs) -> dict[str, list[str]]:
    """Leave out what follows: a page that needs B, which needs A, need not point at A."""

    def behind(name: str) -> set[str]:
        return {need for n in needs.get(name, ()) for need in {n, *behind(n)}}

    return {
        name: [n for n in wanted if not any(n in behind(m) for m in wanted if m != n)]
        for name, wanted in needs.items()
    }


def arrange(needs: Needs) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], list]]:
    """Place the pages.

    Parameters
    ----------
    needs : mapping of str to sequence of str
        What every page needs; pages that only others name are placed too.

    Returns
    -------
    positions : dict of str to (float, float)
        The middle of each box.
    arrows : dict of (str, str) to list of (float, float)
        The points that the arrow from a need to a page passes, both ends included.
    """
    level = layers(needs, _MOST)
    rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name, depth in level.items():
        rows[depth].append(name)
    chains: dict[tuple[str, str], list[str]] = {}
    above: dict[str, list[str]] = {name: [] for name in level}
    for name, wanted in needs.items():
        for need in wanted:
            chain = [need]
            for depth in range(level[need] + 1, level[name]):
                crossing = f"\0{need}\0{name}\0{depth}"
                rows[depth].append(crossing)
                above[crossing] = []
                chain.append(crossing)
            chain.append(name)
            chains[need, name] = chain
            for first, second in pairwise(chain):
                above[second].append(first)
    below: dict[str, list[str]] = {name: [] for name in above}
    for name, names in above.items():
        for other in names:
            below[other].append(name)
    room = max(map(_total, rows), default=0.0)
    x = {name: place for row in rows for name, place in zip(row, _spread(row), strict=True)}
    for sweep in range(_SWEEPS):
        neighbours, order = (above, rows[1:]) if sweep % 2 == 0 else (below, rows[-2::-1])
        for row in order:
            wanted = {
                name: _mean((x[other] for other in neighbours[name]), x[name]) for name in row
            }
            row.sort(key=lambda name: (wanted[name], name))
            x.update(_within(row, _settle(row, wanted), room))
    left = min((x[name] - _width(name) / 2 for name in x), default=0.0)
    depth_of = {name: depth for depth, row in enumerate(rows) for name in row}

    def point(name: str) -> tuple[float, float]:
        return x[name] - left, depth_of[name] * ROW + HEIGHT / 2

    arrows = {ends: [point(name) for name in chain] for ends, chain in chains.items()}
    return {name: point(name) for name in level}, arrows


def _width(name: str) -> float:
    return _THIN if name.startswith("\0") else BOX


def _total(row: Sequence[str]) -> float:
    return sum(_width(name) for name in row) + GAP * (len(row) - 1)


def _mean(values: Iterable[float], default: float) -> float:
    values = list(values)
    return sum(values) / len(values) if values else default


def _spread(row: Sequence[str]) -> list[float]:
    """Return places side by side, about zero."""
    places, at = [], -_total(row) / 2
    for name in row:
        places.append(at + _width(name) / 2)
        at += _width(name) + GAP
    return places


def _settle(row: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Keep the order and the gaps, and be as near as possible to the wanted places.

    Least squares: what would overlap moves as one block to the mean of its wishes.
    """
    blocks: list[tuple[list[str], float, float]] = []  # names, place of the first, width
    for name in row:
        names, place, width = [name], wanted[name], _width(name)
        while blocks and place - _width(names[0]) / 2 < (
            blocks[-1][1] - _width(blocks[-1][0][0]) / 2 + blocks[-1][2] + GAP
        ):
            names = blocks[-1][0] + names
            blocks.pop()
            offsets, at = [], 0.0
            for member in names:
                offsets.append(at + _width(member) / 2)
                at += _width(member) + GAP
            width = at - GAP
            start = _mean((wanted[n] - o for n, o in zip(names, offsets, strict=True)), 0.0)
            place = start + offsets[0]
        blocks.append((names, place, width))
    places = {}
    for names, place, _ in blocks:
        at = place - _width(names[0]) / 2
        for member in names:
            places[member] = at + _width(member) / 2
            at += _width(member) + GAP
    return places


def _within(row: Sequence[str], places: Mapping[str, float], room: float) -> dict[str, float]:
    """Push a row back between the sides of the drawing, which the widest row sets."""
    found = dict(places)
    for names, side in ((row, 1.0), (row[::-1], -1.0)):
        edge = -room / 2
        for name in names:
            found[name] = side * max(side * found[name], edge + _width(name) / 2)
            edge = side * found[name] + _width(name) / 2 + GAP
    return found


def draw(
    needs: Needs,
    label: Callable[[str], str],
    href: Callable[[str], str],
    group: Callable[[str], str],
    title: str,
) -> str:
    """Draw pages and arrows as an SVG.

    Parameters
    ----------
    needs : mapping of str to sequence of str
    label, href, group : callable
        The title of a page, its address, and the name of its group, for the style sheet.
    title : str
        What the drawing shows, for those who do not see it.

    Returns
    -------
    str
        Colours come from the classes ``graph-box``, ``graph-arrow`` and ``graph-<group>``.
    """
    positions, arrows = arrange(without_shortcuts(needs))
    width = max((x for x, _ in positions.values()), default=0.0) + BOX / 2
    width = max([width, *(x for points in arrows.values() for x, _ in points)])
    height = max((y for _, y in positions.values()), default=0.0) + HEIGHT / 2
    parts = [
        f'<svg class="graph" xmlns="http://www.w3.org/2000/svg" role="group" '
        f'viewBox="-4 -4 {width + 8:.0f} {height + 8:.0f}" width="{width + 8:.0f}" '
        f'aria-label="{escape(title)}"><g class="graph-arrows" aria-hidden="true">'
    ]
    for points in arrows.values():
        parts.append(f'<path class="graph-arrow" d="{_curve(points)}"/>')
        x, y = points[-1][0], points[-1][1] - HEIGHT / 2
        parts.append(f'<path class="graph-head" d="M{x:.1f} {y:.1f}l-4 -7h8z"/>')
    parts.append("</g>")
    for name, (x, y) in positions.items():
        lines = textwrap.wrap(label(name), _LETTERS)
        wanted = [label(need) for need in needs.get(name, ())]
        says = label(name) + (f"; needs {', '.join(wanted)}" if wanted else "")
        parts.append(
            f'<a href="{escape(href(name))}" class="graph-{escape(group(name))}" '
            f'aria-label="{escape(says)}"><rect class="graph-box" x="{x - BOX / 2:.1f}" '
            f'y="{y - HEIGHT / 2:.1f}" width="{BOX:.0f}" height="{HEIGHT:.0f}" rx="6"/>'
        )
        top = y - LINE * (len(lines) - 1) / 2 + 4
        # A blank at the end of a line keeps words apart for those who hear them.
        parts += [
            f'<text x="{x:.1f}" y="{top + LINE * k:.1f}">'
            f"{escape(line)}{'' if line.endswith('-') else ' '}</text>"
            for k, line in enumerate(lines)
        ]
        parts.append("</a>")
    return "".join([*parts, "</svg>"])


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Go from the bottom of one box to the top of another, upright where it crosses a layer."""
    (x, y), *rest = points
    path, y = f"M{x:.1f} {y + HEIGHT / 2:.1f}", y + HEIGHT / 2
    for k, (x1, y1) in enumerate(rest):
        top = y1 - HEIGHT / 2 - (7 if k == len(rest) - 1 else 0)
        middle = (y + top) / 2
        path += f"C{x:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {top:.1f}"
        x, y = x1, top
        if k < len(rest) - 1:
            y = y1 + HEIGHT / 2
            path += f"V{y:.1f}"
    return path
