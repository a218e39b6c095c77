"""Look at a page of the built site as readers with a keyboard, a screen reader or a zoom do.

An audit loads a page once and notes what axe-core finds (https://github.com/dequelabs/axe-core,
WCAG 2.2 A and AA and its best practices) in the light theme, in the dark theme and on a phone, and
what axe-core cannot see: the order of headings, what alternative texts say, where the focus shows,
and whether the page fits 320 pixels, doubled letters and wider spacing.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from importlib.metadata import files
from typing import Any

from site_browser import DESKTOP, PHONE
from site_visit import OVERFLOW, turn_dark

NARROW = {"width": 320, "height": 640}

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a theme changes, and what a width changes; everything else is the same in the first look.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
WIDTH_RULES = ["scrollable-region-focusable", "target-size", "region", "aria-hidden-focus"]

# What WCAG 1.4.12 lets readers ask for.
SPACING = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }"""


@cache
def axe_source() -> str:
    """Return the script of axe-core, from the Python package that brings it."""
    script = next(f for f in files("axe-playwright-python") or () if f.name == "axe.min.js")
    return script.read_text(encoding="utf8")


@dataclasses.dataclass
class Audit:
    """What was found on one page; empty lists are what one wants."""

    name: str
    base: str
    light: list[str] = dataclasses.field(default_factory=list)
    dark: list[str] = dataclasses.field(default_factory=list)
    phone: list[str] = dataclasses.field(default_factory=list)
    structure: dict[str, Any] = dataclasses.field(default_factory=dict)
    focus: list[str] = dataclasses.field(default_factory=list)
    misfits: dict[str, Any] = dataclasses.field(default_factory=dict)


def violations(page: Any, rules: list[str] | None = None) -> list[str]:
    """Run axe-core on a page that is open, all rules or those named; one line a fault."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {axe_source()} }} }}")
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    return page.evaluate(_AXE, only)


def audit(context: Any, base: str, name: str) -> Audit:
    """Load one page and note everything; never raises for what is wrong with the page."""
    note = Audit(name, base)
    page = context.new_page()
    try:
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(base + name, wait_until="load")
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(50)
        note.structure = page.evaluate(_STRUCTURE)
        # Only after a key does a focus that a script sets show as one that the keyboard sets.
        page.keyboard.press("Tab")
        note.focus = page.evaluate(_FOCUS)
        for what, size, css in (
            ("320 pixels", NARROW, "/* nothing else */"),
            ("doubled letters", DESKTOP, "html { font-size: 200% !important; }"),
            ("wider spacing", DESKTOP, SPACING),
        ):
            page.set_viewport_size(size)
            style = page.add_style_tag(content=css)
            note.misfits[what] = page.evaluate(OVERFLOW)
            style.evaluate("e => e.remove()")
        page.set_viewport_size(DESKTOP)
        # The last: it changes the page.
        page.evaluate(_UNFOLD)
        note.light = violations(page)
        turn_dark(page)
        note.dark = violations(page, COLOUR_RULES)
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(300)  # until boxes that scroll have been marked
        note.phone = violations(page, WIDTH_RULES)
    finally:
        page.close()
    return note


_AXE = """async only => {
  const found = await axe.run(document, {
    runOnly: only, resultTypes: ['violations'], preload: false, iframes: false});
  // For axe-core a formula is no text; screen readers speak the MathML in it.
  const formula = node => document.querySelector(node.target[0])?.querySelector('math');
  return found.violations.flatMap(rule => rule.nodes.filter(
    node => rule.id !== 'empty-table-header' || !formula(node)).slice(0, 5).map(
    node => rule.id + ': ' + node.target.join(' ') + ': '
      + [...node.any, ...node.all, ...node.none][0]?.message));
}"""

# Opens everything that folds, and leaves out what axe-core has no rule for and takes long over:
# the inside of drawings and formulas, and all but two words of code of each colour.
_UNFOLD = """() => {
  // Those of one name open one at a time.
  document.querySelectorAll('details').forEach(e => { e.removeAttribute('name'); });
  document.querySelectorAll('details').forEach(e => { e.open = true; });
  document.querySelectorAll('svg[role=img], svg.fig-defs').forEach(
    e => e.replaceChildren(...e.querySelectorAll(':scope > title')));
  document.querySelectorAll('mjx-math').forEach(e => e.replaceChildren());
  const kinds = {};
  document.querySelectorAll('article dl.py').forEach(e => {
    if ((kinds[e.className] = (kinds[e.className] ?? 0) + 1) > 4) e.remove();
  });
  const seen = {};
  document.querySelectorAll('.highlight pre span').forEach(e => {
    if ((seen[e.className] = (seen[e.className] ?? 0) + 1) > 2 && !e.querySelector('a'))
      e.replaceWith(...e.childNodes);
  });
  document.querySelectorAll('.highlight pre').forEach(e => e.normalize());
}"""

_STRUCTURE = r"""() => {
  const article = document.querySelector('article') ?? document.querySelector('main');
  const shown = e => e.getClientRects().length > 0;
  const text = e => (e?.textContent ?? '').replace(/\s+/g, ' ').trim();
  const where = e => e.closest('[id]')?.id + ': ' + e.outerHTML.slice(0, 80);
  const written = e => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll('[aria-hidden=true], svg').forEach(part => part.remove());
    return text(copy);
  };
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  const drawings = [...article.querySelectorAll('img, svg[role=img]')].filter(
    e => !e.closest('[aria-hidden=true], a.headerlink, button'));
  return {
    headings: [...document.querySelectorAll('main :is(h1, h2, h3, h4, h5, h6)')].filter(shown).map(
      e => [Number(e.tagName[1]), text(e)]),
    mains: document.querySelectorAll('main, [role=main]').length,
    navigations: [...document.querySelectorAll('nav, [role=navigation]')].filter(shown).map(
      e => e.ariaLabel ?? ''),
    skip: document.querySelector('.skip-link a')?.getAttribute('href'),
    current: [...document.querySelectorAll('.bd-docs-nav [aria-current=page]')].map(text),
    repeated: [...new Set(ids.filter((id, k) => ids.indexOf(id) !== k))],
    ordered: [...document.querySelectorAll('[tabindex]')].filter(e => e.tabIndex > 0).map(where),
    // The name must hold the words that are to be seen, or speech control finds nothing (2.5.3).
    misnamed: [...document.querySelectorAll('[aria-label]:is(a, button, summary)')].filter(
      e => shown(e) && written(e) !== '#'
        && !e.ariaLabel.toLowerCase().includes(written(e).toLowerCase())).map(where),
    vague: [...article.querySelectorAll('a[href]')].filter(e => shown(e)
      && /^(click )?here$|^(read )?more$|^link$|^this( page)?$/i.test(text(e))).map(where),
    speechless: [...article.querySelectorAll('mjx-container')].filter(
      e => !text(e.querySelector('mjx-assistive-mml math')) && !e.ariaLabel).map(where),
    spelled: [...article.querySelectorAll('mjx-math')].filter(
      e => e.getAttribute('aria-hidden') !== 'true').map(where),
    headless: [...article.querySelectorAll('table')].filter(e => !e.querySelector('th')).map(where),
    drawings: drawings.map(e => ({
      where: e.closest('figure')?.id || e.closest('[id]')?.id || e.className,
      alt: (e.getAttribute('alt') ?? e.ariaLabel ?? '').trim(),
      caption: text(e.closest('figure')?.querySelector('figcaption')),
    })),
  };
}"""

# Every kind of control gets the focus: two of the same look in the same place stand for all.
_FOCUS = r"""() => {
  const parse = c => (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(
    (v, k) => c.startsWith('color(srgb') && k < 3 ? 255 * v : Number(v));
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = e => {
    for (let p = e; p; p = p.parentElement) {
      const c = parse(getComputedStyle(p).backgroundColor);
      if ((c[3] ?? 1) > 0.5) return c;
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [x, y] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (x + 0.05) / (y + 0.05);
  };
  const places = '.bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, figure, '
    + '.cell, .admonition, article, .prev-next-area, footer, body';
  const faults = [], count = {};
  const controls = 'a[href], button, input, select, summary, [tabindex]';
  for (const e of document.querySelectorAll(controls)) {
    if (e.tabIndex < 0 || e.disabled || !e.checkVisibility({visibilityProperty: true})) continue;
    const place = e.closest(places).className || e.closest(places).tagName;
    const kind = `${e.tagName.toLowerCase()}.${e.className} in ${place}`;
    count[kind] = (count[kind] ?? 0) + 1;
    if (count[kind] > 2) continue;
    e.focus();
    if (document.activeElement !== e) { faults.push(`${kind}: takes no focus`); continue; }
    const style = getComputedStyle(e);
    const outside = parseFloat(style.outlineOffset) >= 0 ? e.parentElement : e;
    if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2)
      faults.push(`${kind}: no outline`);
    else if (contrast(parse(style.outlineColor), behind(outside)) < 3)
      faults.push(`${kind}: outline ${style.outlineColor} on ${behind(outside)}`);
    const box = [...e.getClientRects()].find(r => r.width > 0);
    const x = box.left + box.width / 2, y = box.top + Math.min(box.height / 2, 20);
    const top = document.elementFromPoint(x, y);
    if (!top) faults.push(`${kind}: out of sight at ${Math.round(x)}, ${Math.round(y)}`);
    else if (!e.contains(top) && !top.contains(e)) {
      faults.push(`${kind}: under ${top.tagName}.${top.className}`);
    }
  }
  document.activeElement.blur();
  return faults;
}"""
