"""Formulas on the pages: typeset at build, drawn by one small style sheet, no script.

A page shows its formulas with its first paint; nothing moves when fonts arrive, because the style
sheet holds the size of every glyph. Screen readers get MathML. `typeset` does the work; here it is
connected to Sphinx, whose own renderer leaves the work to the reader's browser. A formula that is
not valid TeX is a warning with file and line, and so fails the build.

The macros are those of the setting ``mathjax3_config``, as for Sphinx's own renderer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from fearless.book.sphinx.formulas import maths_css
from fearless.book.sphinx.formulas.fonts import data_uri, subset
from fearless.book.sphinx.formulas.typeset import (
    CACHE_NAME,
    MATHJAX_PACKAGE,
    TexError,
    Typesetter,
    mathjax_source,
    mathjax_version,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup", "to_html"]

logger = logging.getLogger(__name__)

RENDERER = "fearless"
TARGET = "_static/vendor/mathjax"
FONT_FOLDER = "output/chtml/fonts/woff-v2"
ZERO = "MJXZERO"
NOTE = """\
MathJax {version}
Copyright (c) the MathJax Consortium
https://www.mathjax.org

Licensed under the Apache License, Version 2.0:
https://www.apache.org/licenses/LICENSE-2.0

The style sheets in this folder were made when the site was built, with MathJax as the Python
package {package} {package_version} holds it. {rules} is MathJax's own, less the
rules that no page of this site needs; {fonts} holds MathJax's fonts, less the glyphs
that no page of this site shows.
"""


def to_html(app: Sphinx, tex: str, *, display: bool = False) -> str:
    """Typeset a formula for HTML that is written outside of Sphinx's own writer.

    Parameters
    ----------
    app : Sphinx
        The application, whose macros and cache are used.
    tex : str
        The formula, without dollars.
    display : bool, default=False
        In a line of its own.

    Returns
    -------
    str
        HTML, as in the pages. Any page with such HTML gets the style sheet and the fonts.

    Raises
    ------
    TexError
        When the TeX is not valid.
    """
    return _typesetter(app).html(tex, display=display)


def _typesetter(app: Sphinx) -> Typesetter:
    typesetter = getattr(app, "fearless_typesetter", None)
    if typesetter is None:
        config = app.config.mathjax3_config or {}
        folder = Path(app.outdir).parent / CACHE_NAME
        typesetter = Typesetter(config.get("tex", {}).get("macros", {}), folder)
        app.fearless_typesetter = typesetter  # type: ignore[attr-defined]
    return typesetter


def _draw(translator: Any, node: nodes.Element, tex: str, *, display: bool) -> str:
    """Typeset the formula of a node; one that is no TeX is reported and shown as it is."""
    try:
        return to_html(translator.builder.app, tex.strip(), display=display)
    except TexError as error:
        short = " ".join(tex.split())
        short = short if len(short) <= 80 else short[:77] + "..."
        logger.warning(
            f"not valid TeX: {error}, in: {short}",
            location=_place(node),
            type="fearless",
            subtype="maths",
        )
        return f"<code>{translator.encode(tex)}</code>"


def _place(node: nodes.Node) -> nodes.Node:
    """Return the nearest node around a formula of which the line is known."""
    place = node
    while place.parent is not None and place.line is None:
        place = place.parent
    return place if place.line is not None else node


def _visit_inline(translator: Any, node: nodes.math) -> None:
    tag = translator.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    formula = _draw(translator, node, node.astext(), display=False)
    translator.body.append(f"{tag}{formula}</span>")
    raise nodes.SkipNode


def _visit_display(translator: Any, node: nodes.math_block) -> None:
    whole = node.get("nowrap") or "amsmath" in node.get("classes", ())
    classes = "math notranslate nohighlight" + (" amsmath" if whole else "")
    translator.body.append(translator.starttag(node, "div", CLASS=classes))
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    tex = node.astext() if whole else _several_lines(node.astext())
    translator.body.append(_draw(translator, node, tex, display=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def _several_lines(tex: str) -> str:
    """Align equations parted by empty lines, and lines parted by two backslashes."""
    parts = [part.strip() for part in tex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{p}\end{{split}}" if r"\\" in p else p for p in parts]
    if len(parts) <= 1:
        return "".join(parts)
    lines = r"\\".join(parts)
    return rf"\begin{{align}}\begin{{aligned}}{lines}\end{{aligned}}\end{{align}}"


def _finish(app: Sphinx, exception: Exception | None) -> None:
    typesetter = getattr(app, "fearless_typesetter", None)
    if typesetter is not None:
        if exception is None and app.builder.format == "html" and app.builder.name != "epub":
            _write_style(Path(app.outdir), typesetter)
        typesetter.close()


def _write_style(site: Path, typesetter: Typesetter) -> None:
    """Write rules and fonts for the formulas of a site, and link them from its pages."""
    pages = []
    elements = set()
    for path in _files_with_formulas(site):
        text = path.read_text(encoding="utf8")
        found = maths_css.elements(text)
        elements |= found
        if found and path.suffix == ".html":
            pages.append((path, text))
    if not elements:
        return
    whole = typesetter.stylesheet()
    # The first name in every list of fonts has no glyph, but the height of all lines. Without it
    # from the start, formulas would be of another height until their fonts arrive.
    zero = mathjax_source() / FONT_FOLDER / maths_css.faces(whole)[ZERO]
    rules = maths_css.prune(whole, elements)
    rules += maths_css.face(ZERO, data_uri(zero.read_bytes()))
    fonts = _font_faces(whole, rules)
    target = site / TARGET
    target.mkdir(parents=True, exist_ok=True)
    (target / maths_css.RULES).write_text(rules, encoding="utf8")
    (target / maths_css.FONTS).write_text(fonts, encoding="utf8")
    note = NOTE.format(
        version=mathjax_version(mathjax_source()),
        package=MATHJAX_PACKAGE,
        package_version=distribution(MATHJAX_PACKAGE).version,
        rules=maths_css.RULES,
        fonts=maths_css.FONTS,
    )
    (target / "LICENSE.txt").write_text(note, encoding="utf8")
    digest = f"{zlib.crc32((rules + fonts).encode()):08x}"
    for path, text in pages:
        up = "../" * (len(path.relative_to(site).parts) - 1)
        path.write_text(maths_css.link(text, f"{up}{TARGET}", digest), encoding="utf8")


def _font_faces(whole: str, rules: str) -> str:
    """Declare each font that the rules draw with, holding the glyphs they draw."""
    folder = mathjax_source() / FONT_FOLDER
    files = maths_css.faces(whole)
    style = ""
    for family, codes in sorted(maths_css.glyphs(rules).items()):
        style += maths_css.face(family, data_uri(subset(folder / files[family], codes)))
    return style


def _files_with_formulas(site: Path) -> Iterator[Path]:
    """Yield the pages, and the scripts that may put HTML into them."""
    for path in sorted(site.rglob("*.html")):
        if "_static" not in path.relative_to(site).parts:
            yield path
    yield from sorted((site / "_static").glob("*.js"))


def _keep_together(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    if "body" in context:
        context["body"] = maths_css.keep_together(context["body"])


def setup(app: Sphinx) -> None:
    """Register the renderer that ``_config.yml`` names, ``html_math_renderer: fearless``."""
    app.add_html_math_renderer(RENDERER, (_visit_inline, None), (_visit_display, None))
    app.connect("html-page-context", _keep_together)
    # After whatever else writes pages.
    app.connect("build-finished", _finish, priority=900)
