"""The built site, a server for it, and the headless Chromium that the browser tests drive.

``site_visit`` and ``site_audit`` load pages and note what there is to check; ``conftest`` makes
fixtures of it all and keeps screenshots of pages whose tests fail. ``FEARLESS_SITE`` names another
folder than ``_build/html``, ``CHROMIUM`` another browser than the one on the path.
"""

from __future__ import annotations

import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from html import unescape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("FEARLESS_SITE", ROOT / "_build" / "html"))
REDIRECT = re.compile(r'<meta http-equiv="refresh" content="\d+; ?url=([^"]+)"', re.IGNORECASE)
ANCHOR = re.compile(r'<[a-zA-Z][^<>]*?\s(?:id|name)="([^"]+)"')

SCREENSHOTS = ROOT / "_build" / "screenshots"

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

# Without the last five Chromium looks up hosts of its own, whatever the page does.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def page_names() -> list[str]:
    """List every page of the site; those that only send the reader on come last."""
    pages = [p for p in SITE.glob("**/*.html") if "_static" not in p.relative_to(SITE).parts]
    return sorted(p.relative_to(SITE).as_posix() for p in pages)


def redirect(name: str) -> str | None:
    """Return where a page sends the reader on to, None for a page with content."""
    match = REDIRECT.search((SITE / name).read_text(encoding="utf8"))
    return match and match[1]


# The links of 404.html are those of the published site: test_site_findability serves it so.
PAGES = [name for name in page_names() if name != "404.html" and not redirect(name)]


@cache
def ids(name: str) -> frozenset[str]:
    """Return the anchors of a page, as they stand in its file."""
    html = (SITE / name).read_text(encoding="utf8")
    return frozenset(unescape(anchor) for anchor in ANCHOR.findall(html))


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, None when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    given = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, filter(None, (given, *names)))), None)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; yields the address, ending in a slash."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
