"""Load a page of the built site once and note what there is to check on it.

One visit a page keeps the suite quick: the page is loaded once, then turned dark and narrowed to
a phone's width where it stands. The tests in ``test_site_pages.py`` look at the notes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from site_browser import DESKTOP, PHONE


@dataclasses.dataclass
class Visit:
    """What was seen on one page."""

    name: str
    base: str
    foreign_requests: list[str] = dataclasses.field(default_factory=list)
    failed_requests: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    desktop: dict[str, Any] = dataclasses.field(default_factory=dict)
    phone: dict[str, Any] = dataclasses.field(default_factory=dict)
    light: dict[str, Any] = dataclasses.field(default_factory=dict)
    dark: dict[str, Any] = dataclasses.field(default_factory=dict)


def turn_dark(page: Any) -> None:
    """Ask for the dark theme and wait for it; a page that never turns is left to its test."""
    from playwright.sync_api import TimeoutError as TooSlow

    page.emulate_media(color_scheme="dark")
    with contextlib.suppress(TooSlow):
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'", timeout=10_000)
    page.wait_for_timeout(50)


def visit(context: Any, base: str, name: str) -> Visit:
    """Load one page and note everything; never raises for what is wrong with the page."""
    note = Visit(name, base)
    page = context.new_page()

    def on_request(request: Any) -> None:
        if not request.url.startswith((base, "data:", "blob:")):
            note.foreign_requests.append(request.url)

    def on_response(response: Any) -> None:
        if response.status >= 400:
            note.failed_requests.append(f"{response.status} {response.url}")

    page.on("request", on_request)
    page.on("response", on_response)
    page.on("requestfailed", lambda request: note.failed_requests.append(request.url))
    page.on("pageerror", lambda error: note.errors.append(str(error)))
    page.on("console", lambda m: note.errors.append(m.text) if m.type == "error" else None)
    try:
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light")
        page.goto(base + name, wait_until="load")
        # Also what is below the fold has to load.
        page.evaluate("document.querySelectorAll('img[loading]').forEach(i => i.loading = 'eager')")
        page.wait_for_function("[...document.images].every(image => image.complete)")
        note.desktop = page.evaluate(_DESKTOP)
        note.light = page.evaluate(_FIGURES)
        turn_dark(page)
        note.dark = page.evaluate(_FIGURES)
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(50)
        note.phone = page.evaluate(OVERFLOW)
    finally:
        page.close()
    return note


def picture(browser: Any, base: str, name: str, stem: Path) -> Iterator[str]:
    """Take pictures of a whole page, in both themes and on a phone, unless they are there."""
    looks = {"light": (DESKTOP, "light"), "dark": (DESKTOP, "dark"), "phone": (PHONE, "light")}
    for look, (size, scheme) in looks.items():
        path = stem.with_name(f"{stem.name}-{look}.png")
        if not path.exists():
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(base + name, wait_until="load")
            page.screenshot(path=path, full_page=True)
            page.close()
        yield str(path)


_DESKTOP = r"""() => {
  const article = document.querySelector('article') ?? document.querySelector('main');
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const raw = [];
  const latex = /\$[^$\n]+\$|\\\(|\\\[|\\begin\{|\\(frac|mathbb|norm|label)\b/;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest('pre, code, script, style, mjx-container, svg')) continue;
    if (latex.test(node.textContent)) raw.push(node.textContent.trim().slice(0, 80));
  }
  const name = e => e.id || e.closest('[id]')?.id || e.className || e.tagName;
  const drawings = [...article.querySelectorAll('img, svg')].filter(
    e => !e.closest('[aria-hidden=true], a.headerlink, button, mjx-container')
      && !e.parentElement.closest('svg'));
  const label = e => (e.getAttribute('alt') ?? e.getAttribute('aria-label') ?? '').trim();
  return {
    lang: document.documentElement.lang,
    title: document.title,
    h1: document.querySelectorAll('main h1:not(.onlyprint *)').length,
    formulas: article.querySelectorAll('.math').length,
    typeset: article.querySelectorAll('mjx-container').length,
    mathErrors: [...article.querySelectorAll('mjx-merror')].map(e => e.textContent),
    raw,
    unnamed: drawings.filter(e => !label(e)).map(name),
    broken: [...document.querySelectorAll('img')].filter(
      e => !e.complete || !e.naturalWidth).map(e => e.currentSrc || e.src),
    figures: article.querySelectorAll('figure').length,
    uncaptioned: [...article.querySelectorAll('figure')].filter(
      e => !e.querySelector('figcaption')?.textContent.trim()).map(name),
    unlabelled: [...article.querySelectorAll('input')].filter(e => e.type !== 'hidden'
      && !e.labels?.length && !e.ariaLabel && !e.getAttribute('aria-labelledby')).map(name),
    sliders: article.querySelectorAll('.fig-slider').length,
    ids: [...document.querySelectorAll('[id]')].map(e => e.id),
    links: [...document.querySelectorAll('a[href]')].map(
      e => new URL(e.getAttribute('href'), document.baseURI).href),
    notebook: !!article.querySelector('.cell_input'),
  };
}"""

# What is wider than the window, and not in a box of its own that scrolls.
OVERFLOW = r"""() => {
  const scrolls = e => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) return true;
    return false;
  };
  const wide = [...document.querySelectorAll('article *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.right > innerWidth + 1 && !e.closest('svg svg') && !scrolls(e);
  });
  return {
    width: document.documentElement.scrollWidth,
    window: innerWidth,
    wide: wide.map(e => e.tagName.toLowerCase() + '.' + e.getAttribute('class')).slice(0, 5),
  };
}"""

# Figures in a theme: nothing light and opaque behind them, no filter over them, and their text
# must stand out from the page.
_FIGURES = r"""() => {
  // Mixed colours are given as color(srgb ...), in parts of one.
  const parse = c => (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(
    (v, k) => c.startsWith('color(srgb') && k < 3 ? 255 * v : Number(v));
  const light = c => {
    const [r, g, b, a = 1] = parse(c);
    return a > 0.5 && 0.2126 * r + 0.7152 * g + 0.0722 * b > 160;
  };
  const luminance = c => {
    const [r, g, b] = parse(c).map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = getComputedStyle(document.body).backgroundColor;
  const contrast = c => {
    const [x, y] = [luminance(c), luminance(page)].sort((a, b) => b - a);
    return (x + 0.05) / (y + 0.05);
  };
  const slabs = [], filtered = [], faint = [];
  const selector = 'article figure, article .fig-slider, article .cell_output';
  for (const figure of document.querySelectorAll(selector)) {
    const where = figure.id || figure.querySelector('[id]')?.id || figure.className;
    for (const e of [figure, ...figure.querySelectorAll('*')]) {
      if (e.closest('mjx-container, button, input')) continue;
      const style = getComputedStyle(e);
      if (style.filter !== 'none') filtered.push(where);
      const box = e.getBoundingClientRect();
      if (!e.closest('svg') && box.width * box.height > 1000 && light(style.backgroundColor))
        slabs.push(where + ' ' + e.tagName);
    }
    for (const svg of figure.querySelectorAll('svg')) {
      const box = svg.getBoundingClientRect();
      if (!box.width) continue;
      for (const e of svg.querySelectorAll('rect, path')) {
        const own = e.getBoundingClientRect(), style = getComputedStyle(e);
        if (style.fill !== 'none' && light(style.fill) && Number(style.fillOpacity) > 0.5
            && own.width * own.height > 0.5 * box.width * box.height) slabs.push(where + ' fill');
      }
      for (const e of svg.querySelectorAll('text, use')) {
        // Text is drawn with glyphs: bare paths used by reference, in the colour of the user.
        const used = document.getElementById(e.getAttribute('href')?.slice(1));
        if (e.tagName === 'use' && (used?.tagName !== 'path' || used.hasAttribute('style')))
          continue;
        const style = getComputedStyle(e);
        if (style.fill !== 'none' && Number(style.fillOpacity) > 0.5
            && e.getBoundingClientRect().height < 40 && contrast(style.fill) < 4.5)
          faint.push(`${where}: ${style.fill} on ${page}: ${contrast(style.fill).toFixed(2)}`);
      }
    }
    for (const img of figure.querySelectorAll('img')) {
      if (!img.naturalWidth) continue;
      const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
      const pen = canvas.getContext('2d');
      pen.drawImage(img, 0, 0, 32, 32);
      if (light('rgba(' + [...pen.getImageData(0, 0, 1, 1).data].map(
          (v, k) => k < 3 ? v : v / 255).join(',') + ')')) slabs.push(where + ' picture');
    }
  }
  return {theme: document.documentElement.dataset.theme, page, slabs, filtered,
          faint: [...new Set(faint)]};
}"""
