"""The colours of the figures: one light, one dark value each, and the CSS variable they become.

Figures are drawn with the light values. On the site every light value in a figure is replaced by a
CSS variable (`fearless.book.svg`), which ``assets/figures.css`` sets to the light or the dark value
according to the reader's theme; in print it is the light value. Artists must use these very
values to follow the theme: a colour mixed from them stays what it is. Colour maps are never
touched, since no colour map contains these values and images are embedded as pixels.

A line stands out with less contrast than a word needs (3 against 4.5 in WCAG 2). So a word in a
series colour takes on the site a variable of its own, the same colour nearer to the foreground.

The series colours differ in lightness as much as in hue, so that they remain apart for readers who
do not distinguish red from green and in a grey photocopy; ``tests/book/test_style.py`` measures
contrast and distances.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["BACKGROUND", "COLORS", "FOREGROUND", "GRID", "MUTED", "TEXT", "TEXT_SHARE", "THEME"]

FOREGROUND = "#1f2328"  # text, axes
MUTED = "#5b636d"  # ticks, annotations, reference lines
GRID = "#dfe2e6"
BACKGROUND = "#fefefe"  # what is behind the figure: halos round text, open markers

#: The series colours in order of use: blue, orange, green, purple, ochre, rose, navy, grey.
COLORS = (
    "#2f83d3",
    "#dc762a",
    "#024b32",
    "#792bab",
    "#7f610e",
    "#d5718e",
    "#0d4a70",
    "#686869",
)
_DARK_COLORS = (
    "#86b8fb",
    "#d06f26",
    "#a4f0d4",
    "#9470b8",
    "#e6aa29",
    "#dc7282",
    "#71a3c2",
    "#b8bbbe",
)

#: ``{light value: (CSS variable, dark value)}`` for every colour that follows the theme.
THEME = MappingProxyType(
    {
        FOREGROUND: ("--fig-fg", "#e4e7eb"),
        MUTED: ("--fig-muted", "#a0a8b3"),
        GRID: ("--fig-grid", "#2b3138"),
        BACKGROUND: ("--fig-bg", "#14181e"),
        **{
            light: (f"--fig-c{i}", dark)
            for i, (light, dark) in enumerate(zip(COLORS, _DARK_COLORS, strict=True))
        },
    }
)

#: How much of a series colour there is in the colour of its words; the rest is the foreground.
TEXT_SHARE = 0.7


def _mixed(color: str, share: float) -> str:
    pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(FOREGROUND[1:]), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


#: ``{light value: (CSS variable, light value of the words)}`` for every series colour. The style
#: sheet mixes the variable from that of the series, so that it follows the theme by itself.
TEXT = MappingProxyType(
    {light: (f"--fig-t{i}", _mixed(light, TEXT_SHARE)) for i, light in enumerate(COLORS)}
)
