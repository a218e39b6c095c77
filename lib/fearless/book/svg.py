"""Figures as small, deterministic SVG, and that SVG made part of a page.

`render` draws a matplotlib figure; the same figure always gives the same bytes, so that a rebuilt
page changes only where its content does. `inline` and `inline_frames` turn such a text into markup
for an HTML page: colours become CSS variables and thereby follow the theme, identifiers get
a prefix so that figures on one page cannot capture each other's definitions, and the alternative
text becomes the accessible name.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fearless.book.palette import TEXT, THEME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compact", "inline", "inline_frames", "render", "size"]

_SVG = "http://www.w3.org/2000/svg"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_HEX = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_ROUNDED = frozenset({"d", "x", "y", "width", "height"})
_PAINTED = frozenset({"style", "fill", "stroke"})
# A <use> element takes about 40 characters, so sharing pays from a few times that.
_WORTH_SHARING = 120


def render(fig: Figure) -> str:
    """Draw a figure as SVG text with a transparent background.

    Coordinates are rounded to a hundredth of a point; dates, editor metadata and identifiers that
    nothing refers to are left out. Text is drawn as paths and looks the same everywhere.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure; it is not closed.

    Returns
    -------
    str
        An ``<svg>`` element with ``viewBox``; the same for the same figure, byte by byte.

    Raises
    ------
    TypeError
        When `fig` is not a figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    if not isinstance(fig, Figure):
        raise TypeError(f"fig is a {type(fig).__name__}; expected a matplotlib Figure")
    buffer = io.StringIO()
    # The salt makes the identifiers, the missing date the rest, independent of time and process.
    with mpl.rc_context({"svg.hashsalt": "fearless", "svg.fonttype": "path"}):
        fig.savefig(
            buffer,
            format="svg",
            facecolor="none",
            edgecolor="none",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return compact(buffer.getvalue())


def compact(text: str) -> str:
    """Return an SVG text without what a page does not need; cost linear in its length.

    Raises
    ------
    ValueError
        When `text` is not an SVG document.
    """
    root = _parse(text)
    defs = Element("defs")
    _collect_definitions(root, defs)
    used = set(_references(root)) | set(_references(defs))
    for child in list(defs):
        if child.get("id") not in used:
            defs.remove(child)
    if len(defs):
        root.insert(0, defs)
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for name, value in element.attrib.items():
            if name in _ROUNDED:
                element.set(name, _shorten(value))
            elif name == "style":
                element.set(name, re.sub(r"\s*([:;])\s*", r"\1", value).strip().rstrip(";"))
    _unwrap_groups(root)
    # matplotlib says this with a style sheet for "*", which on a page would hit everything else.
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    root.set("xmlns", _SVG)
    root.attrib.pop("version", None)
    return _serialize(root)


def size(text: str) -> tuple[float, float]:
    """Return the width and height, in points, of an SVG text (from its ``viewBox``)."""
    return _size(_parse(text))


def inline(text: str, *, prefix: str, alt: str) -> str:
    """Return the markup that shows an SVG in a page, following the page's colours.

    Parameters
    ----------
    text : str
        An SVG document.
    prefix : str
        What the identifiers begin with; different for every figure of a page.
    alt : str
        What the figure shows; becomes the accessible name.
    """
    definitions, (markup,) = inline_frames([text], prefix=prefix, alts=[alt], share=False)
    assert not definitions
    return markup


def inline_frames(
    texts: Sequence[str], *, prefix: str, alts: Sequence[str], share: bool = True
) -> tuple[str, list[str]]:
    """Return the markup of several SVGs of one figure, with what they have in common only once.

    Parameters
    ----------
    texts, alts : sequences of str
        The SVG documents and what each of them shows.
    prefix : str
        What the identifiers begin with; different for every figure of a page.
    share : bool
        Whether definitions, and any parts that occur in several frames (axes, labels, ...), move
        to an invisible SVG that has to stand before the frames.

    Returns
    -------
    definitions : str
        The invisible SVG; empty when nothing is shared.
    frames : list of str
    """
    roots = [_parse(text) for text in texts]
    pool: dict[str, str] = {}
    shared = Element("defs")
    for root in roots:
        for element in _words(root):
            element.set("style", _HEX.sub(_text_variable, element.get("style", "")))
        for element in root.iter():
            for name in _PAINTED & element.attrib.keys():
                element.set(name, _HEX.sub(_variable, element.attrib[name]))
        _rename(root, prefix, pool, shared if share else None)
    if share:
        _share_subtrees(roots, prefix, pool, shared)
    frames = []
    for root, alt in zip(roots, alts, strict=True):
        width, height = _size(root)
        root.attrib = {
            "class": "fig-svg",
            "viewBox": f"0 0 {_plain(width)} {_plain(height)}",
            "role": "img",
            "aria-label": alt,
            # Natural size on a wide page, the width of the column on a narrow one.
            "style": f"width:100%;max-width:{_plain(width)}pt;height:auto",
            "stroke-linejoin": "round",
            "stroke-linecap": "butt",
        }
        title = Element("title")
        title.text = alt
        root.insert(0, title)
        frames.append(_serialize(root))
    if not len(shared):
        return "", frames
    holder = Element("svg")
    # Not display:none, which in some browsers disables the clip paths defined inside.
    holder.attrib = {"class": "fig-defs", "width": "0", "height": "0", "aria-hidden": "true"}
    holder.set("style", "position:absolute")
    holder.append(shared)
    return _serialize(holder), frames


def _parse(text: str) -> Element:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"text is not well-formed SVG: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: v for name, v in element.attrib.items()}
        if element.tag not in ("text", "tspan", "title", "desc", "metadata"):
            element.text = None
        element.tail = None
    if root.tag != "svg":
        raise ValueError(f"text is a <{root.tag}> document; expected <svg>")
    return root


def _serialize(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode").replace(" />", "/>")


def _size(root: Element) -> tuple[float, float]:
    try:
        left, top, width, height = map(float, root.get("viewBox", "").split())
    except ValueError:
        raise ValueError(
            f"the SVG has viewBox {root.get('viewBox')!r}; expected '0 0 width height'"
        ) from None
    if left or top:
        raise ValueError(f"the SVG has viewBox {root.get('viewBox')!r}; expected origin 0 0")
    return width, height


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _shorten(value: str) -> str:
    def rounded(match: re.Match) -> str:
        number = _plain(float(match.group()))
        return "0" if number in ("-0", "") else number

    value = _NUMBER.sub(rounded, value.strip())
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", re.sub(r"\s+", " ", value))


def _collect_definitions(root: Element, defs: Element) -> None:
    """Move the children of every ``<defs>`` below root into one, dropping what cannot be used."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag == "defs":
                defs.extend(node for node in child if node.tag != "style")
            if child.tag in ("defs", "metadata", "style"):
                parent.remove(child)


def _unwrap_groups(parent: Element) -> None:
    children = []
    for child in parent:
        _unwrap_groups(child)
        # Larger groups stay: an axis as a whole may be what the frames of a slider share.
        if child.tag == "g" and not child.attrib and len(child) < 2:
            children.extend(child)
        else:
            children.append(child)
    parent[:] = children


def _references(root: Element) -> Iterable[str]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                yield value[1:]
            else:
                yield from _REFERENCE.findall(value)


def _words(root: Element) -> Iterable[Element]:
    """Find the groups that draw text: those with a colour around uses of glyphs."""
    # A glyph is a bare path in units of a font; a marker, also used by reference, has a style.
    glyphs = {
        f"#{child.get('id')}"
        for defs in root.findall("defs")
        for child in defs
        if child.tag == "path" and "style" not in child.attrib
    }
    for group in root.iter("g"):
        uses = [child for part in (group, *group.findall("g")) for child in part.findall("use")]
        if "style" in group.attrib and any(use.get("href") in glyphs for use in uses):
            yield group


def _variable(match: re.Match) -> str:
    color = match.group().lower()
    return f"var({THEME[color][0]},{color})" if color in THEME else match.group()


def _text_variable(match: re.Match) -> str:
    variable, color = TEXT.get(match.group().lower(), ("", ""))
    return f"var({variable},{color})" if variable else match.group()


def _rename(root: Element, prefix: str, pool: dict[str, str], shared: Element | None) -> None:
    """Give the definitions of an SVG names by content; move them to shared if there is one."""
    names: dict[str, str] = {}
    for defs in root.findall("defs"):
        for child in list(defs):
            old = child.attrib.pop("id", None)
            _apply_names(child, names)
            content = _serialize(child)
            if known := content in pool:
                names[old] = pool[content]
            elif old is not None:
                names[old] = pool[content] = f"{prefix}{len(pool)}"
            if shared is not None or known:
                defs.remove(child)
            if not known and old is not None:
                child.set("id", names[old])
                if shared is not None:
                    shared.append(child)
        if not len(defs):
            root.remove(defs)
    renamed = set(names.values())
    for element in root.iter():
        old = element.get("id")
        if old is not None and old not in renamed:
            names[old] = f"{prefix}{old}"
            element.set("id", names[old])
    _apply_names(root, names)


def _apply_names(root: Element, names: dict[str, str]) -> None:
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                element.set(name, f"#{names.get(value[1:], value[1:])}")
            elif "url(#" in value:
                element.set(name, _REFERENCE.sub(lambda m: f"url(#{names.get(m[1], m[1])})", value))


def _share_subtrees(
    roots: Sequence[Element], prefix: str, pool: dict[str, str], shared: Element
) -> None:
    counts = Counter(
        _serialize(element)
        for root in roots
        for element in root.iter()
        if element.tag in ("g", "path", "image")
    )

    def visit(parent: Element) -> None:
        for position, child in enumerate(parent):
            content = _serialize(child)
            if counts[content] < 2 or len(content) < _WORTH_SHARING:
                visit(child)
                continue
            if content not in pool:
                pool[content] = f"{prefix}{len(pool)}"
                child.set("id", pool[content])
                shared.append(child)
            parent[position] = Element("use", href=f"#{pool[content]}")

    for root in roots:
        visit(root)
