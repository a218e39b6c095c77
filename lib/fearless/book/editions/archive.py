"""The site as one zip: ``python -m fearless.book.editions.archive``, behind ``make zip``.

Unpack it and open ``index.html``: nothing on the site needs a server. The same site gives the
same bytes, whenever and by whomever it is packed.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fearless.book.editions.downloads import PDF_NAME, ZIP_NAME, filled, offer, pages_with_box

FOLDER = ZIP_NAME.removesuffix(".zip")
# The earliest date a zip can hold: a real one would make each zip another file.
DATE = (1980, 1, 1, 0, 0, 0)
MODE = 0o644
# From a disk a browser refuses, with an error, to load fonts ahead of their use.
_FONT_AHEAD = re.compile(r'<link\b(?=[^>]*\brel="preload")(?=[^>]*\bas="font")[^>]*>\s*')
# Of use to other sites that link to this one, not to a reader.
LEFT_OUT = {".buildinfo", ".nojekyll", ZIP_NAME}


def pack(site: Path, target: Path) -> int:
    """Write the built site into one zip, in a folder of its own.

    Parameters
    ----------
    site : Path
        The folder of the built site.
    target : Path
        The zip to write.

    Returns
    -------
    int
        The number of files in it.

    Raises
    ------
    FileNotFoundError
        When the site is not built.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"There is no site in {site}: run 'make book' first.")
    files = sorted(
        (path for path in site.rglob("*") if path.is_file() and path.name not in LEFT_OUT),
        key=lambda path: path.relative_to(site).as_posix(),
    )
    # The zip cannot offer itself: its pages offer the PDF alone, where there is one.
    pdf = site / PDF_NAME
    offered = [(PDF_NAME, pdf.stat().st_size)] if pdf.is_file() else []
    boxes = set(pages_with_box(site))
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            name = path.relative_to(site)
            content = path.read_bytes()
            if path.suffix == ".html":
                html = _FONT_AHEAD.sub("", content.decode("utf8"))
                if path in boxes:
                    html = filled(html, offered, "../" * (len(name.parts) - 1))
                content = html.encode("utf8")
            entry = zipfile.ZipInfo(f"{FOLDER}/{name.as_posix()}", DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = MODE << 16
            archive.writestr(entry, content)
    return len(files)


def make_zip(root: Path) -> tuple[Path, int]:
    """Pack the site of the book at ``root`` and offer the zip on it; returns path and files."""
    site, target = root / "_build" / "html", root / "_build" / ZIP_NAME
    count = pack(site, target)
    (site / ZIP_NAME).write_bytes(target.read_bytes())
    offer(site)
    return target, count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1 when there is no site."""
    parser = argparse.ArgumentParser(
        prog="python -m fearless.book.editions.archive",
        description="Pack the built site into one zip that opens from a disk.",
    )
    parser.add_argument("root", nargs="?", default=".", type=Path, help="folder of _config.yml")
    options = parser.parse_args(arguments)
    try:
        target, count = make_zip(options.root.resolve())
    except FileNotFoundError as failure:
        print(failure, file=sys.stderr, flush=True)
        return 1
    print(f"{count} files, {target.stat().st_size / 1e6:.1f} MB -> {target}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
