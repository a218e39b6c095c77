"""Load a page of the built site as a first visitor does, and again, and measure what it costs."""

from __future__ import annotations

import dataclasses
import gzip
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from site_browser import DESKTOP, PHONE, SITE

# What a server compresses; pictures and fonts are compressed already.
PLAIN = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}


@dataclasses.dataclass
class Cost:
    """What one page costs: bytes as transferred, requests, of these pictures, what moved, ms."""

    name: str
    kilobytes: float = 0.0
    page_kilobytes: float = 0.0
    requests: int = 0
    pictures: int = 0
    shift_first: float = 0.0
    shift_again: float = 0.0
    moved: list[str] = dataclasses.field(default_factory=list)
    first_paint_ms: float = 0.0
    structure: dict[str, Any] = dataclasses.field(default_factory=dict)


@cache
def transferred(path: Path) -> int:
    """Return the bytes that a server sends for a file, compressed where that helps."""
    content = path.read_bytes()
    return len(gzip.compress(content, 6, mtime=0)) if path.suffix in PLAIN else len(content)


def file_of(url: str, base: str) -> Path:
    """Return the file behind an address of the site."""
    place = unquote(urlsplit(url).path).lstrip("/")
    return SITE / (place + "index.html" if place.endswith("/") or not place else place)


def cost(browser: Any, base: str, name: str) -> Cost:
    """Visit a page with nothing in the cache, wide; then with everything there, on a phone."""
    note = Cost(name)
    context = browser.new_context(viewport=DESKTOP)
    context.add_init_script(_OBSERVE)
    page = context.new_page()
    urls: set[str] = set()
    page.on("request", lambda r: urls.add(r.url) if r.url.startswith(base) else None)
    try:
        page.goto(base + name, wait_until="networkidle")
        # What a search result or a link into the page shows may not move either.
        page.evaluate(_SCROLL)
        page.wait_for_load_state("networkidle")
        first = page.evaluate(_READ)
        note.structure = page.evaluate(_STRUCTURE)
        files = {file_of(url, base) for url in urls}
        note.kilobytes = round(sum(transferred(f) for f in files if f.is_file()) / 1000, 1)
        note.page_kilobytes = round(transferred(file_of(base + name, base)) / 1000, 1)
        note.requests = len(urls)
        note.pictures = sum(f.suffix == ".png" for f in files)
        note.shift_first, note.first_paint_ms = first["shift"], round(first["paint"])
        page.set_viewport_size(PHONE)
        page.goto(base + name, wait_until="networkidle")
        page.evaluate(_SCROLL)
        again = page.evaluate(_READ)
        note.shift_again = again["shift"]
        note.moved = first["moved"] + again["moved"]
    finally:
        context.close()
    return note


_OBSERVE = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const e of list.getEntries())
    window.shifts.push({value: e.value, moved: e.sources.map(s => {
      const n = s.node?.nodeType === 1 ? s.node : s.node?.parentElement;
      return n ? n.tagName.toLowerCase() + '.' + n.getAttribute('class') : '?';
    })});
}).observe({type: 'layout-shift', buffered: true});
"""

_SCROLL = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const height = document.documentElement.scrollHeight;
  for (let y = 0; y < height; y += Math.max(innerHeight, height / 12)) {
    scrollTo({top: y, behavior: 'instant'});
    await frame();
  }
  await new Promise(done => setTimeout(done, 50));
}"""

_READ = """() => ({
  shift: window.shifts.reduce((sum, s) => sum + s.value, 0),
  moved: [...new Set(window.shifts.flatMap(s => s.moved))].slice(0, 5),
  paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1,
})"""

_STRUCTURE = r"""() => {
  const article = document.querySelector('article') ?? document.querySelector('main');
  const fold = innerHeight;
  const name = e => e.currentSrc || e.src;
  const images = [...article.querySelectorAll('img')];
  const top = e => e.getBoundingClientRect().top + scrollY;
  return {
    blocking: [...document.head.querySelectorAll('script[src]')]
      .filter(s => !s.defer && !s.async && s.type !== 'module').map(s => s.src),
    mathjax: [...document.scripts].map(s => s.src + s.textContent.slice(0, 200))
      .filter(s => /mathjax/i.test(s)),
    formulas: article.querySelectorAll('.math').length,
    typeset: article.querySelectorAll('.math mjx-container').length,
    read: article.querySelectorAll('.math mjx-assistive-mml math').length,
    fonts: document.querySelectorAll('link[rel=preload][as=font]').length,
    eager: images.filter(e => e.loading !== 'lazy' && top(e) > fold).map(name),
    unsized: images.filter(e => !(e.getAttribute('width') && e.getAttribute('height'))).map(name),
    icons: [...document.querySelectorAll('i[class*=fa-]')].filter(e => {
      const content = getComputedStyle(e, '::before').content;
      return content === 'none' || content === 'normal' || content === '""';
    }).map(e => e.className),
  };
}"""
