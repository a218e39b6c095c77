"""Pages that show themselves at once: no script before the first paint, no font for twenty icons.

The theme loads eight scripts in the head of a page, each of which holds up everything below it;
none is needed before the page has been read, so all are deferred. Its icons come in fonts of half a
megabyte, of which a page shows a dozen glyphs; these are cut down to the glyphs of the site and
stand in their style sheet. What nothing refers to any more is deleted.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fearless.book.sphinx.formulas.fonts import characters, data_uri, subset

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["defer_scripts", "icon_codes", "icon_style", "inline_options", "link_icons", "setup"]

OPTIONS = "documentation_options.js"
ICONS = "vendor/fontawesome"
# Family, weight, file of the theme's icon fonts, and the classes that ask for each.
FACES = (
    ("Font Awesome 6 Free", 900, "fa-solid-900", {"fa-solid", "fas", "fa"}),
    ("Font Awesome 6 Free", 400, "fa-regular-400", {"fa-regular", "far"}),
    ("Font Awesome 6 Brands", 400, "fa-brands-400", {"fa-brands", "fab"}),
)

_HEAD = re.compile(r"<head\b.*?</head>", re.DOTALL)
_SCRIPT = re.compile(r"<script\b(?![^<>]*\b(?:defer|async|type=\"module\"))(?=[^<>]*\bsrc=)")
_OPTIONS = re.compile(rf"<script\b[^<>]*\bsrc=\"[^\"]*{re.escape(OPTIONS)}[^\"]*\"[^<>]*></script>")
_PRELOAD = re.compile(rf'<link rel="preload" as="font"[^<>]*/{ICONS}/[^<>]*>\n?')
_STYLE = re.compile(rf'(<link href="[^"]*/{ICONS}/[^"?]*\.css)(?:\?[^"]*)?"')
_NAME = re.compile(r"\bfa[srb]?\b(?:-[a-z0-9-]+)?")
_GLYPH = re.compile(r'((?:\.fa-[\w-]+::?before,?)+)\{content:"(?:\\([0-9a-f]+)|([^"\\]))(?: )?"\}')
_FACE = re.compile(r"@font-face\{[^{}]*\}")
_CODE = re.compile(r"\\(f[0-9a-f]{3})\b")


def defer_scripts(page: str) -> str:
    """Let the scripts in the head of a page wait until the page has been read.

    They still run in their order. What is written into the page itself runs at once, as before.
    """
    return _HEAD.sub(lambda head: _SCRIPT.sub('<script defer="defer"', head[0]), page, count=1)


def inline_options(page: str, options: str) -> str:
    """Write Sphinx's options into a page, where a line of its own sets one of them at once."""
    return _OPTIONS.sub(lambda _: f"<script>{options}</script>", page, count=1)


def icon_codes(style: str, names: Iterable[str]) -> set[int]:
    """Return the code points of the icons with the given class names."""
    wanted = set(names)
    found = set()
    for selectors, code, letter in _GLYPH.findall(style):
        if wanted & set(re.findall(r"fa-[\w-]+", selectors)):
            found.add(int(code, 16) if code else ord(letter))
    return found


def icon_style(style: str, names: set[str], codes: set[int], folder: Path) -> str:
    """Cut the style sheet of the icons down to those that a site shows.

    Parameters
    ----------
    style : str
        The theme's whole style sheet of icons.
    names : set of str
        All class names ``fa...`` that occur on the site.
    codes : set of int
        Code points that other style sheets draw with these fonts.
    folder : Path
        Where the font files are, as TTF.

    Returns
    -------
    str
        The rules that are needed, and the fonts as data.
    """

    def keep(match: re.Match[str]) -> str:
        return match[0] if names & set(re.findall(r"fa-[\w-]+", match[1])) else ""

    codes = codes | icon_codes(style, names)
    style = _FACE.sub("", _GLYPH.sub(keep, style))
    for family, weight, file, classes in FACES:
        path = folder / f"{file}.ttf"
        # Other style sheets name the solid font alone.
        glyphs = codes & characters(path) if classes & names or weight == 900 else set()
        if glyphs:
            source = f'url("{data_uri(subset(path, glyphs))}") format("woff")'
            style += (
                f'\n@font-face{{font-family:"{family}";font-weight:{weight};font-display:block;'
                f"src:{source}}}"
            )
    return style + "\n"


def link_icons(page: str, digest: str) -> str:
    """Drop the preloading of icon fonts; the address of their style sheet gets its digest."""
    return _STYLE.sub(rf'\1?v={digest}"', _PRELOAD.sub("", page))


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html" or app.builder.name == "epub":
        return
    site = Path(app.outdir)
    static = site / "_static"
    digest = _write_icons(site)
    file = static / OPTIONS
    options = file.read_text(encoding="utf8").strip() if file.is_file() else ""
    for path in _pages(site):
        text = path.read_text(encoding="utf8")
        page = link_icons(text, digest) if digest else text
        page = defer_scripts(inline_options(page, options) if options else page)
        if page != text:
            path.write_text(page, encoding="utf8")
    # Maps from the theme's scripts and styles to their sources, which are not served.
    for path in static.rglob("*.map"):
        path.unlink()


def _write_icons(site: Path) -> str:
    """Cut down the icons of a site; returns a digest, empty where there are none."""
    sheets = sorted((site / "_static").glob(f"{ICONS}/*/css/all.min.css"))
    if not sheets:
        return ""
    sheet = sheets[0]
    names: set[str] = set()
    for path in (*_pages(site), *(site / "_static").rglob("*.js")):
        names |= set(_NAME.findall(path.read_text(encoding="utf8", errors="replace")))
    codes: set[int] = set()
    for path in (site / "_static").rglob("*.css"):
        if path.parent != sheet.parent:
            found = _CODE.findall(path.read_text(encoding="utf8", errors="replace"))
            codes |= {int(code, 16) for code in found}
    fonts = sheet.parents[1] / "webfonts"
    if fonts.is_dir():
        whole = sheet.read_text(encoding="utf8")
        sheet.write_text(icon_style(whole, names, codes, fonts), encoding="utf8")
        shutil.rmtree(fonts)
    for other in sheet.parent.glob("*.css"):
        if other != sheet:
            other.unlink()
    return f"{zlib.crc32(sheet.read_bytes()):08x}"


def _pages(site: Path) -> list[Path]:
    pages = sorted(site.rglob("*.html"))
    return [path for path in pages if "_static" not in path.relative_to(site).parts]


def setup(app: Sphinx) -> None:
    """Lighten the pages when everything else has been written to them."""
    app.connect("build-finished", _finish, priority=950)
